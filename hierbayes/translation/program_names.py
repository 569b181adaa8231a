"""What the names of a program hold, statement by statement, in any language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hierbayes.translation.prepared_data import PreparedData


@dataclass(slots=True)
class ProgramNames[Expression, Function]:
    """The names of a program.

    Parameters
    ----------
    text : str
    columns : sequence of str
        Of the data.
    values, frames, functions : dict
        What each name holds: an expression, a data frame, a function.
    """

    text: str
    columns: Sequence[str]
    values: dict[str, Expression] = field(default_factory=dict)
    frames: dict[str, PreparedData] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    def frame(self, name: str) -> PreparedData:
        """What the program has done to a data frame so far."""
        return self.frames.get(name, PreparedData())

    def trouble(self, frame: str, why: str, place: int) -> None:
        """From here on the rows or columns of a data frame may be others."""
        self.frames[frame] = self.frame(frame).troubled(why, place)

    def change(self, frame: str, column: str, place: int) -> None:
        """From here on a column of a data frame holds something else."""
        self.frames[frame] = self.frame(frame).with_changed(column, place)
