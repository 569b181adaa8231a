"""Results as text and as a page: a title, lines about it, tables, and lists of sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from textwrap import fill

import pandas as pd

from hierbayes.display.table_text import items_text, table_cells, table_text


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What is shown of a result.

    Parameters
    ----------
    title : str
    about : tuple of str
        Lines on the model, the data and what is conditional.
    tables : tuple of (str, DataFrame)
        With their titles, in the form they are shown in.
    lists : tuple of (str, tuple of str)
        Sentences with their titles; empty lists are left out.
    """

    title: str
    about: tuple[str, ...]
    tables: tuple[tuple[str, pd.DataFrame], ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]

    def text(self) -> str:
        """The page as text."""
        about = (
            fill(line, 100, initial_indent="  ", subsequent_indent=" " * 10) for line in self.about
        )
        parts = ["\n".join([self.title, *about])]
        parts += [f"{title}:\n\n{table_text(table, width=100)}" for title, table in self.tables]
        parts += [f"{title}:\n{items_text(items)}" for title, items in self.lists if items]
        return "\n\n".join(parts)

    def html(self) -> str:
        """The page as HTML."""
        body = f"<p>{'<br>'.join(escape(line) for line in self.about)}</p>"
        for title, table in self.tables:
            body += f"<h4>{escape(title)}</h4>{table_cells(table).to_html()}"
        for title, items in self.lists:
            if items:
                lines = "".join(f"<li>{escape(item)}</li>" for item in items)
                body += f"<h4>{escape(title)}</h4><ul>{lines}</ul>"
        return f"<h3>{escape(self.title)}</h3>{body}"


class Printed(ABC):
    """A result that prints as its page."""

    __slots__ = ()

    @abstractmethod
    def page(self) -> Page:
        """What is shown of it."""

    def __str__(self) -> str:
        return self.page().text()

    def __repr__(self) -> str:
        return f"<{self.page().title}>"

    def _repr_html_(self) -> str:
        return self.page().html()
