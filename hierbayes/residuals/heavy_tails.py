"""Errors with heavy tails: Student's t, a mixture of normal errors of different scales.

An error with ν degrees of freedom is N(0, σ²/w) with w ~ Gamma(ν/2, ν/2), so that far rows count
less.  The marginal of w is the density of `hierbayes.families.StudentT`, and a model with these
errors is the model of that family: there is no second definition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from hierbayes.errors import ResidualError
from hierbayes.residuals.structure import Part


@dataclass(frozen=True, repr=False)
class StudentT(Part):
    """Independent errors σ t_ν of every row; σ is their scale, not their standard deviation.

    The same model as ``family=hb.families.StudentT(df)``: ``sample()`` is exact, ``ml()`` is by
    Laplace's approximation, and there is no REML.

    Parameters
    ----------
    df : float or None
        ν; None where they are estimated.

    Raises
    ------
    ResidualError
        When they are not positive.

    References
    ----------
    Lange, Little & Taylor (1989), *JASA* 84, 881, doi:10.2307/2290063.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + (1 | school)", hs, residual=hb.residuals.StudentT(5))
    >>> model.problem.family
    StudentT(link='identity', df=5.0)
    """

    df: float | None = 4.0

    def __post_init__(self) -> None:
        is_number = isinstance(self.df, Real) and not isinstance(self.df, bool)
        if self.df is not None and not (is_number and 0 < self.df < math.inf):
            raise ResidualError(
                f"StudentT: df must be a positive number, or None to estimate it, not {self.df!r}"
            )

    @property
    def own_columns(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def stands_alone(self) -> bool:
        """True: rows are independent and alike."""
        return True

    def __repr__(self) -> str:
        return f"StudentT({self.df!r})"
