"""MLwiN: macros, read.

Commands up to STAR state the model: IDEN the levels, ADDT what has coefficients, FPAR 0 what has
none in the fixed part, SETV what varies over a level, with covariances between all of it, CLRE
those that are taken out, SETE single ones.  A group is one within its group of the level above.
Source: the MLwiN Command Manual, and the macros that R2MLwiN and runmlwin write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hierbayes.errors import FormulaError
from hierbayes.translation.dialect import StatedModel
from hierbayes.translation.mlwin.commands import MadeColumns, split_commands
from hierbayes.translation.mlwin.random_part import Macro, random_terms
from hierbayes.translation.mlwin.response_reader import stated_response
from hierbayes.translation.programs.code_words import STRING, Cursor, Word
from hierbayes.translation.programs.effect_terms import specify
from hierbayes.translation.programs.stated_columns import StatedColumns, Variable


def read_mlwin(text: str, columns: Sequence[str]) -> StatedModel:
    """The model that a macro states.

    Parameters
    ----------
    text : str
        Commands, one a line; what follows the first STAR is not read.
    columns : sequence of str
        Names of the data's columns, found in any case.

    Raises
    ------
    FormulaError
        When the macro cannot be read or fits what the package does not have; the message points
        at the word.

    Examples
    --------
    >>> code = '''RESP 'y'
    ... IDEN 2 'g'
    ... ADDT 'cons'
    ... ADDT 'x'
    ... SETV 2 'cons'
    ... SETV 1 'cons' '''
    >>> print(read_mlwin(code, ["y", "x", "g"]).specification)
    y ~ 1 + x + (1 | g)
    """
    macro = Macro(MadeColumns(columns))
    end = None
    for command in split_commands(text):
        first, end = command.take("a command"), command
        if first.says("star", "start"):
            break
        _read_command(command, first, macro)
    if end is None:
        raise FormulaError("cannot read the MLwiN code: there is no command in the text")
    response = stated_response(macro.response, macro.columns, end)
    random = random_terms(macro, end)
    terms = [macro.term(name) for name in macro.fixed]
    _refuse_other_columns(macro, end)
    spec = specify(response.factor, terms, random, "fixed part")
    spec = replace(spec, trials=response.trials, offsets=response.offsets)
    if not macro.columns.complete:
        macro.columns.known.checked(spec, "data without the rows where {} is missing")
    return StatedModel(spec, response.family)


def _read_command(command: Cursor, first: Word, macro: Macro) -> None:
    if macro.response.read(command, first):
        return
    read = _OF_MODEL.get(first.text.lower())
    if read is None:
        macro.columns.read(command, first)
    else:
        read(command, macro)


def _read_identifier(command: Cursor, macro: Macro) -> None:
    """``IDEN 2 'school'``; the lowest levels, of rows, may be no column of the data."""
    (number, level), word = macro.level(command), command.take("a column")
    if number > macro.lowest:
        level.group = macro.columns.known.column(word, command)


def _read_pattern(command: Cursor, macro: Macro) -> None:
    """``RPAT 1 1 1``: which of the stacked responses have one coefficient; each its own without."""
    macro.pattern = tuple(word.text for word in command.until())
    if "0" in macro.pattern:
        raise command.refuse("models here have the same columns for all categories")


def _read_term(command: Cursor, macro: Macro) -> None:
    """``ADDT 'a' 'b'``: the product; ``ADDT 'factor' 1``: its levels but the first."""
    words = command.until()
    factors: list[list[tuple[str, Variable | None]]] = []
    for word in words:
        if word.kind == STRING:
            factors.append(_named(word, command, macro))
        elif factors and word.text not in ("1", "1.0"):
            raise command.refuse("the reference category must be the first; order the levels", word)
        elif factors:
            factors[-1] = _categories(factors[-1][0], macro, word, command)
    choices: list[list[tuple[str, Variable | None]]] = [[]]
    for one in factors:
        choices = [[*head, last] for head in choices for last in one]
    if not factors:
        raise command.refuse("a column is missing behind ADDT")
    for chosen in choices:
        name = ".".join(part for part, _ in chosen)
        product = tuple(variable for _, variable in chosen if variable is not None)
        if macro.response.kind == "5" and product and not macro.pattern:
            raise command.refuse(
                "thresholds share all coefficients but their intercepts here; put RPAT 1 1 ... "
                "before other columns and RPAT behind them",
                words[0],
            )
        macro.products[name.lower()] = product
        macro.fixed[name.lower()] = None
        macro.shared_intercept |= bool(macro.pattern) and not product


def _named(word: Word, command: Cursor, macro: Macro) -> list[tuple[str, Variable | None]]:
    constant = macro.columns.is_constant(word)
    return [(word.text, None if constant else macro.columns.variable(word, command))]


def _categories(
    one: tuple[str, Variable | None], macro: Macro, word: Word, command: Cursor
) -> list[tuple[str, Variable | None]]:
    name, variable = one
    levels = macro.columns.levels.get(variable.factor.strip("`"), ()) if variable else ()
    if variable is None or not levels:
        raise command.refuse(f"'{name}' is no column of labels in the data", word)
    return [(level, Variable(variable.factor, level)) for level in levels[1:]]


def _read_left_out(command: Cursor, macro: Macro) -> None:
    """``FPAR 0 'x'``: without a coefficient in the fixed part; ``FPAR 1`` with one."""
    keeps = command.take("0 or 1").text != "0"
    for word in command.until():
        name, _ = macro.named(word, command)
        if macro.response.kind == "5" and not macro.products[name]:
            macro.shared_intercept = keeps
        elif keeps:
            macro.fixed[name] = None
        else:
            macro.fixed.pop(name, None)


def _read_varying(command: Cursor, macro: Macro) -> None:
    """``SETV 2 'x'``: it varies over level 2, correlated with what does already."""
    level = macro.level(command)[1]
    for word in command.until():
        level.varying[word.text.lower()] = word


def _read_taken_out(command: Cursor, macro: Macro) -> None:
    """``CLRE 2 'x' 'z'``: no covariance of the two."""
    level = macro.level(command)[1]
    first, second = command.take("a column"), command.take("a column")
    level.apart.add(frozenset((first.text.lower(), second.text.lower())))


def _read_element(command: Cursor, macro: Macro) -> None:
    """``SETE 2 'x' 'x'``: a variance, and ``SETE 2 'x' 'z'`` a covariance, one at a time."""
    level = macro.level(command)[1]
    first, second = command.take("a column"), command.take("a column")
    names = [first.text.lower(), second.text.lower()]
    if names[0] == names[1]:
        level.apart |= {frozenset((names[0], other)) for other in level.varying}
        level.varying[names[0]] = first
    else:
        level.apart.discard(frozenset(names))


_OF_MODEL = {
    "iden": _read_identifier,
    "rpat": _read_pattern,
    "addt": _read_term,
    "fpar": _read_left_out,
    "setv": _read_varying,
    "clre": _read_taken_out,
    "sete": _read_element,
}


def _refuse_other_columns(macro: Macro, command: Cursor) -> None:
    """Refuse terms that the columns one by one do not make."""
    text, levels = "columns of the MLwiN macro", macro.columns.levels
    fixed = [macro.products[name] for name in macro.fixed]
    terms = list(dict.fromkeys(map(macro.term, macro.fixed)))
    StatedColumns(fixed, text).refuse_others(terms, levels)
    for level in macro.levels.values():
        names = [macro.named(word, command)[0] for word in level.varying.values() if level.group]
        varying = [macro.products[name] for name in names]
        StatedColumns(varying, text).refuse_others(
            list(dict.fromkeys(map(macro.term, names))), levels
        )
    if macro.shared_intercept:
        raise command.refuse(
            "ordered categories have an intercept beside their thresholds; FPAR 0",
            command.words[0],
        )
