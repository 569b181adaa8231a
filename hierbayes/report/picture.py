"""A picture of a result: what it is called, how it is drawn, and what it shows in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Picture(NamedTuple):
    """A picture that is not drawn yet.

    Parameters
    ----------
    name : str
        Of its file.
    caption : str
        What it is of.
    draw : callable
        Raises a `HierbayesError` where the result has no such picture.
    describe : callable
        What it shows, in numbers of its frame; empty where there is nothing to say.
    """

    name: str
    caption: str
    draw: Callable[[], Figure]
    describe: Callable[[], str]
