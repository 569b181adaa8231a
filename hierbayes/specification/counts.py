"""Counts and seeds that a user states, checked."""

from __future__ import annotations

import numpy as np

from hierbayes.errors import EstimationError


def is_whole(value: object) -> bool:
    """Whether this is a whole number (True and False are none)."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def refuse_bad_count(name: str, value: int, least: int = 1) -> None:
    """Refuse a count that is no whole number of at least 1, or 0.

    Raises
    ------
    EstimationError
        Naming the count.
    """
    if not is_whole(value) or value < least:
        raise EstimationError(f"{name} must be a whole number of at least {least}, not {value!r}")


def refuse_bad_seed(seed: int) -> None:
    """Refuse a seed that generators of random numbers do not take.

    Raises
    ------
    EstimationError
        Stating the range of seeds.
    """
    if not is_whole(seed) or not 0 <= seed < 2**32:
        raise EstimationError(f"seed must be a whole number from 0 to 2³² − 1, not {seed!r}")
