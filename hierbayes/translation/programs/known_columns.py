"""The columns that a program may name: those of the data, and those it has made itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import column_name, factors_of
from hierbayes.translation.columns import Columns
from hierbayes.translation.expression import CONTEXTUAL, called, factor_tree
from hierbayes.translation.prepared_data import Dropped, arguments_of, refuse_other_rows
from hierbayes.translation.programs.arithmetic import read_arithmetic
from hierbayes.translation.programs.code_words import NAME, STRING, Cursor, Word
from hierbayes.translation.programs.factor_trees import factor_text, same_factor

# The level in a name such as Sex[T.Male].
_LEVEL = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Made:
    """What a column made by the program stands for.

    Parameters
    ----------
    factor : str
        A factor of a formula.
    indicates : bool
        Whether it is an indicator of one level of that factor, a column of labels.
    confirmed : bool
        For an indicator: whether a label says that it belongs to the factor's coding.
    """

    factor: str
    indicates: bool = False
    confirmed: bool = True


class KnownColumns:
    """Names and what they stand for, found in the way of one system.

    Parameters
    ----------
    columns : sequence of str
        Columns of the data.
    system : str
        Its name, for refusals.
    ignores_case : bool
        Whether the system ignores case.  An exact match counts before others.
    """

    def __init__(self, columns: Sequence[str], system: str, *, ignores_case: bool) -> None:
        self.columns = tuple(columns)
        self._given = columns
        self._levels = columns.levels if isinstance(columns, Columns) else None
        self.system = system
        self.ignores_case = ignores_case
        self._made: dict[str, Made] = {}
        self._combined: dict[str, tuple[str, ...]] = {}
        self.dropped: Dropped = ()
        self._before: dict[str, Dropped] = {}

    @property
    def given(self) -> Sequence[str]:
        """The columns as they were given, with data where these are known."""
        return self._given

    def copy(self) -> KnownColumns:
        """The same columns, for another data set."""
        other = KnownColumns(self._given, self.system, ignores_case=self.ignores_case)
        other._made, other.dropped = dict(self._made), self.dropped
        other._before, other._combined = dict(self._before), dict(self._combined)
        return other

    def without_missing(self, names: Sequence[str]) -> None:
        """Rows where one of these columns is missing are left out from here on."""
        self.dropped = (*self.dropped, tuple(names))

    def checked(self, specification: Specification, remedy: str) -> Specification:
        """The model, refused where the program has means of other rows, or other rows.

        Parameters
        ----------
        specification : Specification
        remedy : str
            How the program would drop rows; ``{}`` stands for the columns.
        """
        refuse_other_rows(
            specification, self._given, self.dropped, self.system, remedy=remedy,
            before=self._before,
        )  # fmt: skip
        return specification

    def levels(self, factor: str) -> tuple[str, ...]:
        """Levels of a factor of the data, or values of numbers, in order; empty if not known."""
        name = factor.removeprefix("C(").removesuffix(")").strip("`")
        if self._levels and name in self._levels:
            return self._levels[name]
        data = self._given.data if isinstance(self._given, Columns) else None
        if data is None or name not in data.columns:
            return ()
        return tuple(f"{value:g}" for value in sorted(data[name].dropna().unique()))

    def holds_labels(self, word: Word) -> bool:
        """Whether a word names a column that holds labels in the data."""
        made = self.made(word.text)
        factor = word.text if made is None else made.factor
        indicates = made is not None and made.indicates
        return not indicates and factor.strip("`") in (self._levels or {})

    def column(self, word: Word, cursor: Cursor) -> str:
        """The column of the data that a word names, perhaps after it was renamed."""
        made = self.made(word.text)
        if made is not None and made.factor.strip("`") in self.columns and not made.indicates:
            return made.factor.strip("`")
        if word.text in self.columns:
            return word.text
        alike = [name for name in self.columns if name.lower() == word.text.lower()]
        if self.ignores_case and len(alike) == 1:
            return alike[0]
        if self.ignores_case and alike:
            raise cursor.refuse(
                f"'{word.text}' may be any of the columns {in_quotes(alike)}; write one of them",
                word,
            )
        hint = f"{self.system} heeds case, did you mean '{alike[0]}'? " if alike else ""
        raise cursor.refuse(
            f"'{word.text}' is no column of the data; {hint}the columns are: "
            f"{in_quotes(self.columns)}",
            word,
        )

    def define_groups(self, name: str, columns: Sequence[str]) -> None:
        """A new column that numbers the groups which columns of the data make together."""
        self._combined[self._key(name)] = tuple(columns)

    def groups(self, word: Word, cursor: Cursor) -> tuple[str, ...]:
        """The columns of the data that make the groups which a word names."""
        return self._combined.get(self._key(word.text)) or (self.column(word, cursor),)

    def made(self, name: str) -> Made | None:
        """What a name of the program's own stands for."""
        return self._made.get(self._key(name))

    def factor(self, word: Word, cursor: Cursor) -> str:
        """The factor of a formula that a word stands for; an indicator stands for its factor."""
        made = self.made(word.text)
        if made is None:
            return column_name(self.column(word, cursor))
        if made.indicates and not made.confirmed:
            raise cursor.refuse(
                f"'{word.text}' is an indicator of one level of '{made.factor}'; use the factor "
                f"'{made.factor}' itself, or label the indicator '{made.factor}[T.level]' if all "
                "levels but the first have one",
                word,
            )
        return made.factor

    def as_labels(self, factor: str) -> str:
        """A factor whose values the program takes for labels: numbers, if known as such, in C()."""
        known = self._levels is None or factor.strip("`") in self._levels
        return factor if known else f"C({factor})"

    def _inner(self, word: Word, cursor: Cursor) -> str:
        """What a word stands for inside an expression, which a label may still confirm."""
        made = self.made(word.text)
        return made.factor if made is not None else self.factor(word, cursor)

    def indicates(self, word: Word) -> bool:
        """Whether a word names an indicator."""
        made = self.made(word.text)
        return made is not None and made.indicates

    def define(self, name: str, factor: str) -> None:
        """A new column that stands for a factor."""
        self._made[self._key(name)] = Made(factor)
        for node in ast.walk(factor_tree(factor)):
            if isinstance(node, ast.Call) and called(node) in CONTEXTUAL:
                self._before.setdefault(arguments_of(node), self.dropped)

    def define_indicator(self, name: str, factor: str) -> None:
        """A new column that is 1 at one level of a factor."""
        self._made[self._key(name)] = Made(factor, indicates=True, confirmed=False)

    def rename(self, old: Word, new: str, cursor: Cursor) -> None:
        """A column under another name."""
        made = self.made(old.text) or Made(column_name(self.column(old, cursor)))
        self._made[self._key(new)] = made

    def label(self, name: str, text: str) -> None:
        """Take a label that repeats what a column of the program stands for as its spelling.

        A label such as ``Sex[T.Male]`` or ``x:Sex[T.Male]`` says that an indicator is one of
        all those of its factor.
        """
        made = self.made(name)
        if made is None:
            return
        said = _LEVEL.sub("", text)
        if (made.indicates and said == text) or set(said) & set("[]{}"):
            return
        try:
            expression = " * ".join(factors_of(said))
            same = same_factor(made.factor, expression)
        except FormulaError:
            return
        if same:
            self._made[self._key(name)] = Made(said, made.indicates)

    def define_arithmetic(
        self, name: Word, words: Sequence[Word], functions: Mapping[str, str], cursor: Cursor
    ) -> None:
        """A new column from an expression with ``**`` for powers.

        Parameters
        ----------
        name : Word
            The new column.
        words : sequence of Word
            The expression.
        functions : mapping of str to str
            The system's functions, in lower case, as log, log10, exp, sqrt and abs.
        """
        if not words:
            raise cursor.refuse(f"the expression for '{name.text}' is missing")
        called = {
            word.start
            for word, after in zip(words, [*words[1:], None], strict=True)
            if after is not None and after.text == "(" and word.text.lower() in functions
        }
        named = {w.text: w for w in words if w.kind == NAME and w.start not in called}
        text = " ".join(repr(w.text) if w.kind == STRING else w.text for w in words)
        tree = read_arithmetic(text, functions, lambda column: self._inner(named[column], cursor))
        if tree is None:
            raise cursor.refuse(
                f"the expression for '{name.text}' is no plain arithmetic of columns; make the "
                "column in the data instead",
                name,
            )
        factor = factor_text(tree)
        indicates = any(map(self.indicates, named.values())) and not factor.startswith("dvar(")
        made = Made(factor, indicates, confirmed=not indicates)
        self._made[self._key(name.text)] = made

    def _key(self, name: str) -> str:
        return name.lower() if self.ignores_case else name
