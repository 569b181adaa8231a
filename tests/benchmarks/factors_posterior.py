"""Posteriors of several grouping factors beside bambi, and of very many groups."""

from __future__ import annotations

from typing import Any

from tests.benchmarks import factors_posterior_worker
from tests.benchmarks.factor_data import LARGE_POSTERIORS, POSTERIORS
from tests.benchmarks.families import POSTERIOR_COLUMNS, POSTERIOR_NOTES, compared
from tests.benchmarks.processes import FailedProcessError, work
from tests.benchmarks.report import Column, Table, decimals, number, seconds

LARGE_COLUMNS = (
    Column("data", "data"),
    Column("model", "model"),
    Column("first", "first in a process", seconds),
    Column("again", "again", seconds),
    Column("bulk", "worst bulk ESS", number),
    Column("tail", "worst tail ESS", number),
    Column("rhat", "worst R-hat", decimals(3)),
    Column("remark", "remark"),
)
LARGE_NOTES = (
    "Seconds from data frame to the draws of the variance parameters and coefficients; compiled "
    "code is found on disk. ESS is of these, not of every group's effects.",
)


def run(quick: bool) -> list[Table]:
    """A table beside bambi, and one of large data that bambi is not asked for.

    Parameters
    ----------
    quick : bool
        Few draws, and one data set of each kind.
    """
    draws = 200 if quick else 1000
    small = dict(list(POSTERIORS.items())[: 1 if quick else None])
    beside = Table(
        f"Posterior of several factors, 4 × {draws} draws, beside bambi with nutpie",
        POSTERIOR_COLUMNS,
        compared(small, draws),
        POSTERIOR_NOTES,
    )
    names = list(LARGE_POSTERIORS)[: 1 if quick else None]
    large = Table(
        f"Posterior of large data, 4 × {draws} draws",
        LARGE_COLUMNS,
        [_large(name, draws) for name in names],
        LARGE_NOTES,
    )
    return [beside, large]


def _large(name: str, draws: int) -> dict[str, Any]:
    """A large data set in a process of its own, sampled twice."""
    data = LARGE_POSTERIORS[name]
    row = {"data": data.title, "model": f"`{data.formula}`"}
    try:
        found = work(factors_posterior_worker.__name__, {"data": name, "draws": draws})
    except FailedProcessError as failure:
        return row | {"remark": f"failed: {failure}"}
    return row | found
