"""The lines at the head of a page: what model, what data, and what is given."""

from __future__ import annotations

from dataclasses import dataclass

_LABEL = 7  # characters, so that what is said stands below each other


@dataclass(frozen=True, slots=True)
class Subject:
    """What a result is about, in names and counts.

    Parameters
    ----------
    model : str
        As one formula.
    rows : int
    groups : tuple of (int, str)
        For each factor that groups the rows how many groups it has, and what it is called.
    left_out : str
        Which fixed columns are left out, and what they equal; empty where all are there.
    """

    model: str
    rows: int
    groups: tuple[tuple[int, str], ...]
    left_out: str = ""

    @property
    def data(self) -> str:
        """Rows and groups in a few words."""
        counts = (f"{count} groups ({name})" for count, name in self.groups)
        return ", ".join([f"{self.rows} rows", *counts])

    def lines(self, *further: tuple[str, str], dropped: object = "") -> tuple[str, ...]:
        """The model and the data in a line each, then others, given by label and text.

        Examples
        --------
        >>> Subject("y ~ 1 + (1 | g)", 20, ((4, "g"),)).lines(("Given", "θ̂ by ML"))
        ('Model:  y ~ 1 + (1 | g)', 'Data:   20 rows, 4 groups (g)', 'Given:  θ̂ by ML')
        """
        data = f"{self.data}; {dropped}" if dropped else self.data
        columns = [("Note", self.left_out)] if self.left_out else []
        pairs = (("Model", self.model), ("Data", data), *columns, *further)
        return tuple(about_line(label, text) for label, text in pairs)


def about_line(label: str, text: str) -> str:
    """A line with its label."""
    return f"{label + ':':<{_LABEL}} {text}"
