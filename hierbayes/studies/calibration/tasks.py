"""What is done with each simulated data set of a calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from hierbayes.frames.arrays import Integers
from hierbayes.studies.calibration.estimates import Fitting, limits_of, true_values
from hierbayes.studies.calibration.new_data import DataSource
from hierbayes.studies.calibration.ranks import ranks_of
from hierbayes.studies.calibration.truths import Truths


class Task(Protocol):
    """A study of independent replications, by design and number."""

    def run(self, cell: int, i: int) -> dict[str, Any]:
        """Replication i of a design, as JSON has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A design whose data sets are simulated.

    Parameters
    ----------
    name : str
    source : DataSource
    truths : Truths
    groups : tuple of (m,) int
        Whose random effects are ranked, by factor.
    """

    name: str
    source: DataSource
    truths: Truths
    groups: tuple[Integers, ...] = ()

    def generator(self, seed: int, i: int) -> np.random.Generator:
        """The random numbers of replication i, whatever else is done."""
        return np.random.default_rng([seed, crc32(self.name.encode()), i])


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationTask:
    """Limits by every method beside the truth, and its ranks where they are uniform."""

    cells: tuple[Cell, ...]
    methods: tuple[str, ...]
    fitting: Fitting
    seed: int
    ranked: bool

    def run(self, cell: int, i: int) -> dict[str, Any]:
        """As in `Task`."""
        one = self.cells[cell]
        rng, truth = one.generator(self.seed, i), one.truths.at(i)
        data = one.source.draw(truth, rng)
        own = int(rng.integers(2**31))
        found, posterior = limits_of(self.fitting, data.problem, self.methods, own)
        record: dict[str, Any] = {"truth": true_values(data.problem, truth).tolist()} | found
        if self.ranked and posterior is not None:
            record["ranks"] = ranks_of(posterior, truth, data, one.groups, rng)
        return record
