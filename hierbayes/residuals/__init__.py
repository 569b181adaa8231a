"""Structures of the residuals: how errors of one group are correlated, and how large they are.

A structure is a light value, ``hb.residuals.AR1("week")``; one correlation and any number of
variances are multiplied, ``hb.residuals.AR1("week") * hb.residuals.Strata("sex")``.
"""

from typing import TYPE_CHECKING

from hierbayes.public_names import public_names

if TYPE_CHECKING:
    from hierbayes.residuals.autoregression import AR1, CAR1
    from hierbayes.residuals.covariates import Exponential, Power
    from hierbayes.residuals.exchangeable import CompoundSymmetry
    from hierbayes.residuals.heavy_tails import StudentT
    from hierbayes.residuals.stationary import ARMA, Toeplitz
    from hierbayes.residuals.structure import ResidualStructure
    from hierbayes.residuals.unstructured import Unstructured
    from hierbayes.residuals.variances import Strata

__all__ = [
    "AR1", "ARMA", "CAR1", "CompoundSymmetry", "Exponential", "Power", "ResidualStructure",
    "Strata", "StudentT", "Toeplitz", "Unstructured",
]  # fmt: skip

_HOMES = {
    "hierbayes.residuals.autoregression": ("AR1", "CAR1"),
    "hierbayes.residuals.covariates": ("Exponential", "Power"),
    "hierbayes.residuals.exchangeable": ("CompoundSymmetry",),
    "hierbayes.residuals.heavy_tails": ("StudentT",),
    "hierbayes.residuals.stationary": ("ARMA", "Toeplitz"),
    "hierbayes.residuals.structure": ("ResidualStructure",),
    "hierbayes.residuals.unstructured": ("Unstructured",),
    "hierbayes.residuals.variances": ("Strata",),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, _HOMES)
