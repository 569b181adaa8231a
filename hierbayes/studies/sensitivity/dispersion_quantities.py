"""Quantities of the response given all effects: σ, parameters of its errors, dispersion."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.errors import StudyError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.priors.prior_set import THRESHOLDS
from hierbayes.studies.sensitivity.quantity import Quantity, position_of


@dataclass(frozen=True)
class Sigma(Quantity):
    """The residual standard deviation."""

    @property
    def block(self) -> str:
        """Its own."""
        return "sigma"

    @property
    def name(self) -> str:
        """As summaries have it."""
        return "sigma"

    def draws(self, fit: Fitted) -> Floats:
        """σ."""
        fit.problem.refuse_other_families("sigma")
        return fit.theta.sigma


@dataclass(frozen=True)
class Residual(Quantity):
    """A parameter of the residual structure by its name, as in ``"phi"`` or ``"ratio[M]"``."""

    parameter: str

    @property
    def block(self) -> str:
        """Its own."""
        return "residual"

    @property
    def name(self) -> str:
        """As summaries have it."""
        return self.parameter

    def draws(self, fit: Fitted) -> Floats:
        """Its value.

        Raises
        ------
        StudyError
            When the errors have no such parameter; those they have are listed.
        """
        names, draws = fit.error_draws
        if not names:
            raise StudyError(
                f"there is no parameter '{self.parameter}' of the errors, which are independent "
                "with one variance; state residual= in the model to give them a structure"
            )
        values: Floats = draws[..., position_of(self.parameter, names, "parameter of the errors")]
        return values


@dataclass(frozen=True)
class Dispersion(Quantity):
    """A dispersion parameter of a family by its name.

    Parameters
    ----------
    parameter : str
    threshold : bool
        Whether it is a threshold of ordered categories, whose distances have the priors.
    """

    parameter: str
    threshold: bool = False

    @property
    def block(self) -> str:
        """Its own."""
        return THRESHOLDS if self.threshold else self.parameter

    @property
    def name(self) -> str:
        """As summaries have it."""
        return self.parameter

    def draws(self, fit: Fitted) -> Floats:
        """Its value.

        Raises
        ------
        StudyError
            When the family has no such parameter; those it has are listed.
        """
        k = position_of(self.parameter, fit.problem.dispersion, "dispersion")
        values: Floats = fit.phi_draws[..., k]
        return values
