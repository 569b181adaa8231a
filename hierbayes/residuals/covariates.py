"""Standard deviations of errors as a function of a covariate, or of the fitted mean.

Of the fitted mean they follow the fitted values of the fit before, until these settle: with fitted
values held, a structure like any other (`hierbayes.fit.structured.fitted_variances`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from hierbayes.errors import DataError, ResidualError
from hierbayes.residuals.bound import Columns
from hierbayes.residuals.bound_values import (
    NO_ROWS,
    Floats,
    Integers,
    KeptPart,
    Parameter,
    in_parts,
)
from hierbayes.residuals.number_columns import distinct_numbers, numbers_of
from hierbayes.residuals.structure import Variance, refuse_no_column

_FARTHEST = 1000.0  # v beside its spread: beyond, weights of rows are no numbers near any δ
FITTED = "fitted(.)"  # the column of fitted values, in rows that have them


@dataclass(frozen=True, repr=False)
class CovariateVariance(Variance):
    """Log standard deviation δv, v a function of one column, or of the fitted mean."""

    x: str | None = None
    parameter: ClassVar[str]

    def __post_init__(self) -> None:
        if self.x is not None:
            refuse_no_column(self.x, "x")

    @property
    def follows_fitted(self) -> bool:
        """As in `ResidualStructure`."""
        return self.x is None

    @property
    def said(self) -> str:
        """What v is a function of, in words."""
        return "the fitted mean" if self.x is None else self.x

    @property
    def own_columns(self) -> tuple[str, ...]:
        """As in `Part`."""
        return () if self.x is None else (self.x,)

    def numbers(self, frame: Columns) -> Floats:
        """What v is a function of (m,).

        Raises
        ------
        DataError
            When it is no number.
        ResidualError
            When it is the fitted mean, of rows that have none.
        """
        if self.x is not None:
            return numbers_of(frame, self.x, "the covariate of a variance")
        if not isinstance(frame, pd.DataFrame) or FITTED not in frame.columns:
            raise ResidualError(
                f"the variances of errors, {self!r}, follow the fitted values of the rows of the "
                "fit, and other rows have none"
            )
        return frame[FITTED].to_numpy(dtype=np.float64)

    def bind(self, frame: Columns) -> OfCovariate:
        """As in `Variance`."""
        return _of_covariate(self, frame)

    def again(self, kept: KeptPart) -> OfCovariate:
        """As in `Variance`."""
        values, spread = kept.arrays["values"], float(kept.arrays["spread"][0])
        return OfCovariate(self.parameter, values, spread, NO_ROWS, self)

    @abstractmethod
    def far_origin(self, far: float) -> str:
        """That v is so many times its spread from zero, where σ is meant, and what to do."""

    @abstractmethod
    def covariate(self, frame: Columns) -> Floats:
        """v of rows (m,).

        Raises
        ------
        DataError
            When x is no number, or v does not exist.
        """


@dataclass(frozen=True, repr=False)
class Power(CovariateVariance):
    """Standard deviation σ|x|^δ; without x of the fitted mean μ, σ|μ|^δ.

    Of the fitted mean, μ with the random effects as nlme has it, estimates are those of nlme: REML
    or ML with the fitted values held, which are then computed anew, until they settle.  That is
    pseudo-likelihood and not the maximum of a likelihood of all parameters, as pages say.

    Parameters
    ----------
    x : str, optional
        A column of numbers other than 0; the fitted mean where there is none.

    Raises
    ------
    ResidualError
        When x is not the name of a column.

    References
    ----------
    nlme's ``varPower``: Pinheiro & Bates (2000), section 5.2; Carroll & Ruppert (1988),
    *Transformation and Weighting in Regression*, chapter 3.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hb.residuals.Power("dose"), hb.residuals.Power()
    (Power('dose'), Power())
    """

    parameter = "power"

    def far_origin(self, far: float) -> str:
        """As in `CovariateVariance`."""
        return (
            f"σ|x|^δ means by σ the errors where '{self.x}' is 1, and its logarithm is {far:.2g} "
            "times its own spread away from there, too far to compute with; divide it by a number "
            "of its size"
        )

    def covariate(self, frame: Columns) -> Floats:
        """log|x| of rows (m,).

        Raises
        ------
        DataError
            When x is no number, or 0.
        """
        x = self.numbers(frame)
        if (x == 0.0).any():
            at = frame.index[int(np.flatnonzero(x == 0.0)[0])]
            raise DataError(
                f"|{self.said}|^δ has no size where {self.said} is 0, as in row {at}; move the "
                "origin, or use hb.residuals.Exponential"
            )
        return np.asarray(np.log(np.abs(x)))


@dataclass(frozen=True, repr=False)
class Exponential(CovariateVariance):
    """Standard deviation σ exp(δx); without x of the fitted mean μ, σ exp(δμ), as `Power` has it.

    Parameters
    ----------
    x : str, optional
        A column of numbers; the fitted mean where there is none.

    Raises
    ------
    ResidualError
        When x is not the name of a column.

    References
    ----------
    nlme's ``varExp``: Pinheiro & Bates (2000), section 5.2.
    """

    parameter = "rate"

    def far_origin(self, far: float) -> str:
        """As in `CovariateVariance`."""
        return (
            f"σ exp(δx) means by σ the errors where '{self.x}' is 0, and it is {far:.2g} times its "
            "own spread away from there, too far to compute with; move its origin, as in x - 2000"
        )

    def covariate(self, frame: Columns) -> Floats:
        """x of rows (m,).

        Raises
        ------
        DataError
            When x is no number.
        """
        return self.numbers(frame)


@dataclass(frozen=True, slots=True, eq=False)
class OfCovariate:
    """Log standard deviation δv; the coordinate is δ in units of the spread of v.

    Parameters
    ----------
    name : str
        Of δ.
    values : (L,) float
        Distinct v.
    spread : float
        Their standard deviation over the rows.
    levels : (n,) int
        Which v each row has.
    of : CovariateVariance
        Which makes v of other rows.
    """

    name: str
    values: Floats
    spread: float
    levels: Integers
    of: CovariateVariance

    def refuse_untold(self, counts: Floats) -> None:
        """As in `BoundVariance`."""
        largest = max(-self.values[0], self.values[-1], 1e-300)  # of numbers in their order
        if not self.spread > 1e-12 * largest:
            name = self.of.said if self.of.x is None else f"'{self.of.x}'"
            raise DataError(
                f"{name} is the same in every row, so that the data tell nothing of how the "
                "variance changes with it; leave it out"
            )
        if self.of.x is not None and largest > _FARTHEST * self.spread:
            raise DataError(self.of.far_origin(largest / self.spread))

    def joined(
        self, others: Sequence[OfCovariate], counts: Sequence[Floats]
    ) -> tuple[OfCovariate, tuple[Integers, ...]]:
        """As in `BoundVariance`."""
        parts = (self, *others)
        values, place = np.unique(np.concatenate([p.values for p in parts]), return_inverse=True)
        rows = np.bincount(place, np.concatenate(counts), len(values))
        about = values - rows @ values / rows.sum()
        spread = float(np.sqrt(rows @ about**2 / rows.sum()))
        levels = in_parts(place, [len(part.values) for part in parts])
        return OfCovariate(self.name, values, spread, NO_ROWS, self.of), levels

    @property
    def kept(self) -> KeptPart:
        """As in `BoundVariance`."""
        return KeptPart({"values": self.values, "spread": np.array([self.spread])}, pd.DataFrame())

    @property
    def has_own_names(self) -> bool:
        """As in `BoundVariance`: there is one."""
        return True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """δ."""
        return (Parameter(self.name, "identity", usual=("Normal", (0.0, 1.0 / self.spread))),)

    @property
    def start(self) -> Floats:
        """As in `BoundVariance`."""
        return np.zeros(1)

    def natural(self, z: Any) -> Any:
        """δ (1,)."""
        return z / self.spread

    @property
    def sd_slopes(self) -> Floats:
        """As in `BoundVariance`."""
        return self.values[:, None] / self.spread

    def log_slopes(self, z: Any) -> Any:
        """As in `BoundVariance`."""
        return np.full_like(z, -np.log(self.spread))

    def log_sd_of(self, frame: pd.DataFrame, z: Floats) -> Floats:
        """As in `BoundVariance`."""
        return self.of.covariate(frame) * (z[0] / self.spread)


def _of_covariate(of: CovariateVariance, frame: Columns) -> OfCovariate:
    v = of.covariate(frame)
    about = v - v.sum() / len(v)
    values, levels = distinct_numbers(v)
    return OfCovariate(of.parameter, values, math.sqrt(about @ about / len(v)), levels, of)
