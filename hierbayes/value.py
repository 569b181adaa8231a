"""Frozen values that are made with every fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import dataclass_transform


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def value[T](*, slots: bool = True) -> Callable[[type[T]], type[T]]:
    """A frozen dataclass, compared by identity, that type checkers keep from change, not Python.

    Python's own guard is paid for with every field of every value that is made, and takes longer
    than all else that making one takes: of a fit on few rows a good part.

    Parameters
    ----------
    slots : bool
        False where the value keeps results that it computes once.

    Examples
    --------
    >>> @value()
    ... class Interval:
    ...     low: float
    ...     high: float
    >>> Interval(0.0, 2.5)
    Interval(low=0.0, high=2.5)
    """
    return dataclass(slots=slots, eq=False)
