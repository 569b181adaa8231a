"""Where the values of a variable come from: stated, drawn from a distribution, or computed.

A *source* is a list, array or Series of values; a tuple of the name and the parameters of a
distribution as `numpy.random.Generator` knows it, ``("normal", 0, 1)`` or
``("choice", ["Catholic", "Public"])``; or a function of a generator and of the rows made so far,
``lambda rng, rows: rows["m"] + rng.normal(size=len(rows))``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError

DISTRIBUTIONS = (
    "beta", "binomial", "chisquare", "choice", "exponential", "gamma", "geometric", "integers",
    "laplace", "logistic", "lognormal", "negative_binomial", "normal", "poisson", "standard_t",
    "uniform", "weibull",
)  # fmt: skip


def make_values(
    name: str, source: Any, rng: np.random.Generator, rows: pd.DataFrame
) -> pd.api.extensions.ExtensionArray:
    """One value for each of the rows.

    Parameters
    ----------
    name : str
        What is made, for messages.
    source : sequence, tuple or callable
    rng : Generator
    rows : DataFrame
        What has been made so far; its length is the number of values.

    Raises
    ------
    StudyError
        When the source is none, or makes another number of values.
    """
    if isinstance(source, tuple):
        made = _drawn(name, source, rng, len(rows))
    elif callable(source):
        made = source(rng, rows)
    elif isinstance(source, str) or not hasattr(source, "__len__"):
        raise StudyError(
            f"{name}: {source!r} is no source of values; give a list, a distribution such as "
            "('normal', 0, 1), or a function of a generator and the rows"
        )
    else:
        made = source
    shape = np.shape(made)
    if shape != (len(rows),):
        raise StudyError(f"{name}: {len(rows)} values are needed, and there are {_count(shape)}")
    return pd.Series(made).array


def _drawn(name: str, source: tuple[Any, ...], rng: np.random.Generator, n: int) -> Any:
    if not source or source[0] not in DISTRIBUTIONS:
        first = repr(source[0]) if source else "nothing"
        raise StudyError(
            f"{name}: a tuple is a distribution of numpy with its parameters, as in "
            f"('normal', 0, 1), and {first} is none of: {', '.join(DISTRIBUTIONS)}; "
            "stated values stand in a list"
        )
    try:
        return getattr(rng, source[0])(*source[1:], size=n)
    except (TypeError, ValueError) as error:
        raise StudyError(f"{name}: {source!r} cannot be drawn from: {error}") from error


def _count(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one"
