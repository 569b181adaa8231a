"""MLwiN: the commands of a macro, and those that make columns, read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hierbayes.specification.terms import column_name
from hierbayes.translation.columns import Columns
from hierbayes.translation.programs.code_words import (
    NAME,
    NUMBER,
    STRING,
    Cursor,
    Word,
    split_words,
)
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.programs.stated_columns import Variable

SYSTEM = "MLwiN"

_FUNCTIONS = {"loge": "log", "logt": "log10", "expo": "exp", "sqrt": "sqrt", "abso": "abs"}
_CONSTANTS = ("cons", "const", "constant", "intercept", "_cons")
_HARMLESS = (
    "batc", "echo", "init", "opts", "moni", "mark", "rsta", "retr", "load", "fdin", "dinp", "coln",
    "link", "paus", "maxi", "tole", "line", "meth", "sort", "sett", "indx", "inde", "fill", "estm",
    "logo", "wset", "erase", "mcrs", "expa", "prec",
)  # fmt: skip
_COMPLETE = "has complete rows only"


def split_commands(source: str) -> list[Cursor]:
    r"""Commands of a macro, one a line.

    Examples
    --------
    >>> [c.words[0].text for c in split_commands("RESP 'y'\n\nADDT 'cons'")]
    ['RESP', 'ADDT']
    """
    commands, start = [], 0
    for line in source.replace("\t", " ").split("\n"):
        words = split_words(source, start, start + len(line))
        start += len(line) + 1
        if words:
            commands.append(Cursor(words, source, SYSTEM))
    return commands


@dataclass(slots=True)
class MadeColumns:
    """The columns of the data and those that a macro has made.

    Parameters
    ----------
    given : sequence of str
        Columns of the data; with levels of factors, see `Columns`.

    Attributes
    ----------
    known : KnownColumns
    constants : set of str
        Names of columns of ones.
    indicators : dict of str to Variable
        By name the factor and the level that a column is 1 at.
    complete : bool
        Whether a note says that the data have no missing values.
    """

    given: Sequence[str]
    known: KnownColumns = field(init=False)
    constants: set[str] = field(default_factory=set)
    indicators: dict[str, Variable] = field(default_factory=dict)
    complete: bool = False

    def __post_init__(self) -> None:
        self.known = KnownColumns(self.given, SYSTEM, ignores_case=True)

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Levels of each factor of the data, where they are known."""
        return dict(self.given.levels) if isinstance(self.given, Columns) else {}

    def is_constant(self, word: Word) -> bool:
        """Whether a name is that of a column of ones."""
        name = word.text.lower()
        data = self.given.data if isinstance(self.given, Columns) else None
        if name in self.constants or data is None:
            return name in self.constants or name in _CONSTANTS
        if self.known.made(name) or name not in _CONSTANTS:
            return False
        found = [one for one in data.columns if str(one).lower() == name]
        return not found or bool((data[found[0]] == 1).all())

    def variable(self, word: Word, command: Cursor) -> Variable:
        """What a column is in a formula."""
        found = self.indicators.get(word.text.lower())
        return found or Variable(self.known.factor(word, command))

    def read(self, command: Cursor, first: Word) -> None:
        """A command that states nothing of the model.

        Raises
        ------
        FormulaError
            When it is not read, as it may choose rows or change the model.
        """
        said = first.text.lower()
        if said == "note":
            self._read_note(command)
        elif said == "calc":
            self._read_calc(command)
        elif said == "mlav":
            group, of, new = (command.take("a column") for _ in range(3))
            factor = self._inner(of, command)
            column = column_name(self.known.column(group, command))
            self.known.define(new.text, f"cvar({factor}, {column})")
        elif said in ("name", "desc"):
            self._read_label(command, said)
        elif said not in _HARMLESS:
            raise command.refuse(
                f"the command {first.text.upper()} is not read; make its columns and choose its "
                "rows in the data",
                first,
            )

    def _inner(self, word: Word, command: Cursor) -> str:
        made = self.known.made(word.text)
        return made.factor if made is not None else self.known.factor(word, command)

    def _read_note(self, command: Cursor) -> None:
        """Notes of this package on rows and codes are heeded; others say nothing."""
        line = command.source[command.words[0].start :].partition("\n")[0]
        self.complete |= _COMPLETE in line
        found = re.fullmatch(r"\S+\s+'([^']+)' is coded (.*)", line.strip())
        levels = self.levels.get(found[1]) if found else None
        if found and levels:
            coded = ", ".join(f"{number} {level}" for number, level in enumerate(levels, 1))
            if found[2] != coded:
                raise command.refuse(
                    f"'{found[1]}' has other codes than its levels in the data, {coded}; order "
                    "the levels in the data",
                    command.words[1],
                )

    def _read_label(self, command: Cursor, said: str) -> None:
        """``NAME c5 'x'`` names a free column; ``DESC 'x' 'text'`` may say what it stands for."""
        words = command.until()
        if said == "desc" and [word.kind for word in words] == [STRING, STRING]:
            self.known.label(words[0].text, words[1].text)

    def _read_calc(self, command: Cursor) -> None:
        """``CALC 'x' = expression``, or ``= 'factor' == number`` for an indicator."""
        name = command.take("the name of the new column")
        command.expect("=")
        words = command.until()
        texts = [word.text for word in words]
        if texts[:2] == ["0", "*"] and texts[3:] == ["+", "1"]:
            self.constants.add(name.text.lower())
        elif texts[1:2] == ["=="] and [words[0].kind, words[-1].kind] == [STRING, NUMBER]:
            self._define_indicator(name, words, command)
        else:
            as_names = [_as_python(word, command) for word in words]
            self.known.define_arithmetic(name, as_names, _FUNCTIONS, command)

    def _define_indicator(self, name: Word, words: Sequence[Word], command: Cursor) -> None:
        factor = self.known.factor(words[0], command)
        levels, number = self.levels.get(factor.strip("`"), ()), int(float(words[-1].text))
        if levels and not 1 <= number <= len(levels):
            raise command.refuse(
                f"'{words[0].text}' has {len(levels)} levels, and none has the number {number}",
                words[-1],
            )
        level = levels[number - 1] if levels else str(number)
        self.known.define_indicator(name.text, factor)
        self.indicators[name.text.lower()] = Variable(factor, level)


def _as_python(word: Word, command: Cursor) -> Word:
    """A word of an expression: names without quotes, ``**`` for powers."""
    if word.text == "^":
        return Word("**", word.kind, word.start, word.end)
    if word.kind != STRING:
        return word
    if not word.text.isidentifier():
        raise command.refuse(f"'{word.text}' is no name in an expression; rename the column", word)
    return Word(word.text, NAME, word.start, word.end)
