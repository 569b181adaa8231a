"""A task of the inference benchmark, and a Python package that does it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from tests.benchmarks.timing import clock


@dataclass(frozen=True)
class Contestant:
    """A Python package doing a task, or a part of it.

    Parameters
    ----------
    name : str
        As printed, and the importable module.
    prepare : callable
        To a fit, or whatever the timed call starts from; untimed and anew for each repetition, so
        that nothing a fit remembers is found again.
    run : callable
        What `prepare` returned to the result; this is timed.
    answer : callable
        What `prepare` and `run` returned to the number everyone should agree on, in words.
    pieces : int
        How many of the pieces of the task one call does.
    remark : callable
        The same to a word on the result, empty when there is nothing to say.
    """

    name: str
    prepare: Callable[[], Any]
    run: Callable[[Any], Any]
    answer: Callable[[Any, Any], str]
    pieces: int = 1
    remark: Callable[[Any, Any], str] = field(default=lambda _, __: "")

    def installed(self) -> bool:
        """Whether the module can be found."""
        return find_spec(self.name) is not None

    def words(self) -> tuple[str, str]:
        """Answer and remark of one call."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prepared = self.prepare()
            result = self.run(prepared)
            return self.answer(prepared, result), self.remark(prepared, result)

    def seconds(self) -> float:
        """Seconds of one call."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return clock(self.run, self.prepare())[0]


@dataclass(frozen=True)
class Task:
    """One table of the benchmark.

    Parameters
    ----------
    key : str
        Its name in `inference.R`.
    title : str
        What is done.
    pieces : int
        Of which the task consists; times are multiplied up to it.
    unit : str
        What a piece is, in the plural; empty for a single call.
    asked : str
        Heading of the answers.
    contestants : sequence of Contestant
        hierbayes first.
    pieces_in_r : int
        How many pieces one call in R does.
    notes : sequence of str
        What a reader must know of this task.
    """

    key: str
    title: str
    pieces: int
    unit: str
    asked: str
    contestants: Sequence[Contestant]
    pieces_in_r: int
    notes: Sequence[str]
