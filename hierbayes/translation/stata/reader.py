"""Stata: ``mixed``, ``melogit`` and its sisters of other responses, ``gsem``, read.

Source: the Stata Multilevel Mixed-Effects Reference Manual, ``mixed``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierbayes.errors import FormulaError
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.dialect import StatedModel
from hierbayes.translation.programs.code_words import NAME, Cursor, Word
from hierbayes.translation.programs.effect_terms import specify, varying_over
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.stata.commands import SYSTEM, drop_prefix, read_command, split_commands
from hierbayes.translation.stata.errors import read_residuals
from hierbayes.translation.stata.families import COMMANDS, StatedResponse
from hierbayes.translation.stata.gsem_reader import read_gsem
from hierbayes.translation.stata.known_errors import MetaSet, read_known_errors
from hierbayes.translation.stata.options import Options, read_options
from hierbayes.translation.stata.terms import read_column, read_terms_of

_COMMANDS = ("mixed", "xtmixed", *COMMANDS)


@dataclass(frozen=True, slots=True)
class _Equation:
    """A random-effects equation.

    Parameters
    ----------
    level : tuple of str
        Columns of its level; none of ``_all``.
    blocks : list of list of str
    indicated : tuple of str
        Columns of the groups of ``R.``, within those of the level.
    residuals, errors : tuple of (Word, list of Word) or None
        The options of a residual structure, and of known standard deviations.
    """

    level: tuple[str, ...]
    blocks: list[list[str]]
    indicated: tuple[str, ...] = ()
    residuals: tuple[Word, list[Word]] | None = None
    errors: tuple[Word, list[Word]] | None = None


def read_stata(text: str, columns: Sequence[str]) -> StatedModel:
    """The model that Stata commands fit with ``mixed``, ``melogit`` or a sister, or ``gsem``.

    Parameters
    ----------
    text : str
        The command, and before it, if need be, those that make columns.
    columns : sequence of str
        Names of the data's columns.

    Raises
    ------
    FormulaError
        When the commands cannot be read or fit what the package does not have; the message
        points at the word.

    Notes
    -----
    ``i.`` does not make labels of numbers: a column of numbers stays a number in the formula,
    so that a coded variable must be text or a category in the data.

    Examples
    --------
    >>> code = "mixed y c.x##i.w || g: x, cov(un) reml"
    >>> print(read_stata(code, ["y", "x", "w", "g"]).specification)
    y ~ 1 + x + w + x:w + (1 + x | g)
    >>> read_stata("meprobit y x || g:", ["y", "x", "g"]).family
    Bernoulli(link='probit')
    """
    known = KnownColumns(columns, SYSTEM, ignores_case=False)
    specification, studies = None, None
    for raw in split_commands(text):
        command, prefix = drop_prefix(raw)
        first = command.peek()
        if first is None:
            continue
        meta = command.peek(1) if first.says("meta") else None
        if meta is not None and meta.says("set"):
            studies = MetaSet.read(command, known)
            continue
        if meta is not None and meta.says("meregress"):
            command.take("meta")
            first = meta
        of_studies = studies is not None and meta is not None and meta.says("regress", "summarize")
        if not first.says(*_COMMANDS, "gsem", "meregress") and not of_studies:
            read_command(command, prefix, known)
            continue
        if specification is not None:
            raise command.refuse(f"there are two commands {first.text}; read one at a time", first)
        if prefix is not None:
            raise command.refuse(f"the prefix '{prefix.text}' is not read here", prefix)
        if studies is not None and of_studies:
            stated = known.checked(studies.regress(command, known), "drop if missing({})")
            specification = StatedModel(stated)
            continue
        read = read_gsem if first.says("gsem") else _read_model
        specification = read(command, known)
    if specification is None:
        raise FormulaError("cannot read the Stata code: it has no command mixed")
    return specification


def _read_model(command: Cursor, known: KnownColumns) -> StatedModel:
    first = command.take("mixed")
    others = first.says(*COMMANDS)
    fixed_part, random_parts, bars = _parts(command)
    body = fixed_part.part(fixed_part.until(","))
    options = read_options(fixed_part, others=others)
    if options.residuals is not None:
        raise fixed_part.refuse(
            "residuals() stands behind the last random-effects equation", options.residuals[0]
        )
    response = read_column(body, known)
    terms = [] if options.noconstant else [INTERCEPT]
    terms += read_terms_of(body, known, constant=not options.noconstant)
    said = dict(options.response)
    equations = [
        _read_equation(part, known, bar, said if others else None)
        for part, bar in zip(random_parts, bars, strict=True)
    ]
    random = _random_part(equations)
    of_errors = [*(equation.errors for equation in equations[::-1]), options.errors]
    known_sd = read_known_errors(next(filter(None, of_errors), None), command, known, first)
    errors = _residuals(equations, command, known)
    if bars and not random and errors is None:
        raise command.refuse("the command has no random effect", bars[-1])
    model = specify(response, terms, random, "fixed part")
    model = replace(model, residual=errors, known_sd=known_sd)
    family = None
    if others:
        stated = StatedResponse.of(first, said)
        family = stated.made(fixed_part)
        trials = stated.response(response, known, fixed_part)
        model = replace(model, trials=trials, offsets=stated.offsets(known, fixed_part))
    return StatedModel(known.checked(model, "drop if missing({})"), family)


def _parts(command: Cursor) -> tuple[Cursor, list[Cursor], list[Word]]:
    """The fixed part, the random-effects equations, and the bars before these."""
    parts, bars = [command.part(command.until("||"))], []
    while command.sees("||"):
        bars.append(command.take("||"))
        parts.append(command.part(command.until("||")))
    return parts[0], parts[1:], bars


def _random_part(equations: list[_Equation]) -> list[RandomTerm]:
    """The random terms, each equation's groups within those of the equations before it."""
    random: list[RandomTerm] = []
    within: tuple[str, ...] = ()
    for equation in equations:
        columns = tuple(dict.fromkeys((*within, *equation.level)))
        within = columns if equation.level else within
        groups = (*(columns if equation.level else ()), *equation.indicated)
        random += varying_over(tuple(dict.fromkeys(groups)), equation.blocks)
    return random


def _residuals(
    equations: list[_Equation], command: Cursor, known: KnownColumns
) -> ResidualStructure | None:
    """The residual structure that the last equation to state one states."""
    errors = None
    for equation in equations:
        if equation.residuals is not None:
            named, value = equation.residuals
            innermost = bool(equations[-1].blocks)
            level = equations[-1].level
            errors = read_residuals(value, named, command, known, level, innermost=innermost)
    return errors


def _read_equation(
    part: Cursor, known: KnownColumns, bar: Word, said: dict[str, list[Word]] | None
) -> _Equation:
    """``group: columns, covariance(...)``; without it the effects are independent, as in Stata.

    What its options say of a response that is not Gaussian is put with the rest.
    """
    word = part.take("the level variable") if not part.done else None
    if word is None:
        raise part.refuse("the level variable is missing after ||", bar)
    if word.kind != NAME:
        raise part.refuse(f"a level variable is expected here, not '{word.text}'", word)
    level = () if word.text == "_all" else known.groups(word, part)
    part.expect(":")
    body = part.part(part.until(","))
    options = read_options(part, others=said is not None)
    if said is not None:
        said |= options.response
    if indicated := _indicated(body, known):
        return _Equation(level, [[INTERCEPT]], indicated, options.residuals, options.errors)
    last, errors = options.residuals, options.errors
    if not level:
        raise part.refuse(
            "_all: is one group of all rows; R. makes groups of the levels of a column, as in "
            "|| _all: R.group",
            word,
        )
    named = {term: None for term in read_terms_of(body, known, plain=True)}
    terms = [*named] if options.noconstant else [INTERCEPT, *named]
    if not terms and last is None:
        raise part.refuse("the equation has no random effect", word)
    if options.covariance == "unstructured" or not terms:
        return _Equation(level, [terms] if terms else [], residuals=last, errors=errors)
    _refuse_several_columns(body, known)
    _refuse_other_structure(options, len(terms), part)
    return _Equation(level, [[term] for term in terms], residuals=last, errors=errors)


def _indicated(body: Cursor, known: KnownColumns) -> tuple[str, ...]:
    """Columns of the groups of ``R.group``, an effect with one variance for every level."""
    texts = [word.text for word in body.words]
    if len(texts) != 3 or texts[:2] != ["R", "."]:
        return ()
    return known.groups(body.words[2], body)


def _refuse_several_columns(body: Cursor, known: KnownColumns) -> None:
    for word in body.words:
        if known.indicates(word):
            raise body.refuse(
                f"the indicators of one factor are independent without covariance(unstructured), "
                f"which has no counterpart for '{word.text}'; add it",
                word,
            )


def _refuse_other_structure(options: Options, effects: int, part: Cursor) -> None:
    """Refuse equal variances or covariances, unless there is nothing to be equal."""
    if options.covariance in ("exchangeable", "identity") and effects > 1:
        raise part.refuse(
            f"covariance({options.covariance}) is not supported: effects are correlated "
            "(unstructured) or independent, each with its own variance",
            options.covariance_word,
        )
