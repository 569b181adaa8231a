"""SAS: data sets of a program, and what each has made of the data's columns."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.known_columns import KnownColumns

_KEPT_ROWS = ("keep", "drop", "label")


class Tables:
    """The data sets that a program has made; any other name is that of the data.

    Parameters
    ----------
    data : KnownColumns
        The columns of the data.
    """

    def __init__(self, data: KnownColumns) -> None:
        self._data = data
        self._made: dict[str, KnownColumns] = {}
        self._last = ""

    def columns(self, name: str = "") -> KnownColumns:
        """The columns of a data set, by default of the one made last."""
        return self._made.get(name or self._last, self._data)

    def put(self, name: str, columns: KnownColumns) -> None:
        """A data set is made."""
        self._made[name] = columns
        self._last = name


def read_data_set(statement: Cursor) -> str:
    """Name of a data set without its library, in lower case; its options must keep all rows."""
    name = statement.take_name("the name of a data set")
    if statement.take_if("."):
        name = statement.take_name("the name of a data set")
    if statement.take_if("("):
        inside = statement.part(statement.until(")"))
        statement.expect(")")
        refuse_options(inside)
    return name.text.lower()


def data_set_of(words: Sequence[Word], statement: Cursor) -> str:
    """The same of the value of an option ``DATA=``."""
    return read_data_set(statement.part(words))


def refuse_options(inside: Cursor) -> None:
    """Refuse options of a data set other than KEEP=, DROP= and LABEL=.

    Raises
    ------
    FormulaError
        Naming the option, such as WHERE= or OBS=.
    """
    while not inside.done:
        word = inside.take("an option")
        after = inside.peek()
        if after is None or after.text != "=":
            continue
        if not word.says(*_KEPT_ROWS):
            raise inside.refuse(
                f"{word.text.upper()}= of a data set chooses rows or changes columns, which is not "
                "read; do it in the data, and leave it out",
                word,
            )
