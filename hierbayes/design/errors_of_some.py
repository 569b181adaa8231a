"""The errors of some rows, under a law that was made of all."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.design.bound_residual import group_of_errors
from hierbayes.design.design import Design
from hierbayes.design.error_law import ErrorLaw
from hierbayes.design.factor_coder import FactorCoder
from hierbayes.design.rows import Rows
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.value import value


@value(slots=False)
class ErrorsOfSome(ErrorLaw):
    """A residual structure on some rows, whole groups where errors are correlated.

    What is asked of single rows is answered as by `ResidualRows`; sums are those of all rows.

    Parameters
    ----------
    frame : DataFrame
        Columns of the rows (m,).
    codes : (m,) int
        The group of each, in which errors are correlated.
    """

    frame: pd.DataFrame
    codes: Integers

    @cached_property
    def times(self) -> Floats:
        """Where each row stands in its group (m,): a column, or its place among those there."""
        assert self.correlation is not None
        if getattr(self.structure.correlation, "time", "") is None:
            places: Floats = pd.Series(self.codes).groupby(self.codes).cumcount().to_numpy(float)
            return places
        return self.correlation.times_of(self.frame)

    @cached_property
    def _log_slopes(self) -> Floats:
        """∂ log sd/∂z (m, k) of the rows: what variances say is linear in z."""
        units = np.eye(len(self.start))
        found = [np.log(self.level_sd_of(self.frame, unit)) for unit in units]
        return np.stack([np.zeros(len(self.frame)), *found], axis=1)[:, 1:]

    def level_sd(self, z: Floats) -> Floats:
        """Standard deviation (m,) that the variances give each row, relative to σ."""
        sd: Floats = np.exp(self._log_slopes @ z)
        return sd

    def row_sd(self, z: Floats) -> Floats:
        """Standard deviation (m,) of the error of each row, relative to σ."""
        sd = self.level_sd(z)
        return sd if self.correlation is None else sd * self._own_sd(self.times, z)


def errors_of_some(law: ErrorLaw, rows: Rows, design: Design) -> ErrorsOfSome:
    """The errors of some rows of a design that knows all of them."""
    frame = rows.frames[0] if len(rows.frames) == 1 else pd.concat(list(rows.frames))
    parts = {one.name: getattr(law, one.name) for one in fields(ErrorLaw)}
    return ErrorsOfSome(**parts, frame=frame, codes=error_groups(design, rows, frame))


def error_groups(design: Design, rows: Rows, frame: pd.DataFrame) -> Integers:
    """The group (m,) in which the error of each row is correlated with others; 0 where in none."""
    name = group_of_errors(design)
    if not name:
        return np.zeros(len(frame), dtype=np.intp)
    for factor, codes in zip(design.factors, rows.codes_of, strict=True):
        if factor.name == name:
            return codes
    return FactorCoder(name, (name,)).codes(frame, "these rows")
