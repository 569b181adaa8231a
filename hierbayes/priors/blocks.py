"""Blocks of parameters that take a prior, and which family suits which.

============ ==================================================================
``gamma``    fixed effects γ, one per term
``sd``       standard deviations of the random effects, one per effect
``corr``     correlations of the random effects, one per block of G
``sigma``    residual standard deviation σ
``G``        covariance matrix of the random effects: sd and corr in one
``icc``      intraclass correlation; with it the sds, given corr and σ
``r2``       share of variance explained; with it γ and the sds, given σ
``residual`` parameters of a residual structure, by name
============ ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hierbayes.errors import PriorError
from hierbayes.priors.correlation_families import (
    LKJ,
    UniformCorrelation,
    UniformPartials,
    UniformPositiveCorrelation,
)
from hierbayes.priors.families import (
    PC,
    Centred,
    DesignNormal,
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    Normal,
    Prior,
    StudentT,
    Uniform,
)
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.priors.joint_families import R2D2M2, Beta, InverseWishart, LatentBeta, Wishart

FAMILIES = (
    Normal, DesignNormal, StudentT, Flat, HalfNormal, HalfT, HalfCauchy, Exponential, PC, Uniform,
    Gamma, InverseGamma, LogNormal, LKJ, InverseWishart, Wishart, Beta, LatentBeta,
    R2D2M2, UniformCorrelation, UniformPositiveCorrelation,
)  # fmt: skip
BLOCKS = ("gamma", "sd", "corr", "sigma", "G", "icc", "r2")

# Blocks that say what σ is, which is known where the variances of all errors are.
OF_SIGMA = ("sigma", "icc", "r2")

# What a prior on a joint block says something about, so that nothing else may.
COVERED = {"G": ("sd", "corr"), "icc": ("sd",), "r2": ("sd", "gamma")}

_SCALES: tuple[type[Prior], ...] = (
    HalfNormal, HalfT, HalfCauchy, Exponential, PC, Uniform, Gamma, InverseGamma, Flat,
    ForeignPrior,
)  # fmt: skip
_SUITABLE: dict[str, tuple[type[Prior], ...]] = {
    "gamma": (Normal, StudentT, Flat, Uniform, ForeignPrior),
    "sd": _SCALES,
    "corr": (LKJ,),
    "sigma": _SCALES,
    "G": (InverseWishart, Wishart),
    "icc": (Beta,),
    "r2": (R2D2M2,),
    "residual": (
        Normal,
        StudentT,
        Uniform,
        UniformCorrelation,
        Beta,
        LogNormal,
        HalfNormal,
        HalfT,
        HalfCauchy,
        Exponential,
        PC,
        Gamma,
        InverseGamma,
        LKJ,
        Flat,
        UniformPartials,
    ),
}


def as_prior(value: Any, block: str) -> Prior:
    """A prior for a block from what a user gives: a family, a PyMC or a PreliZ distribution.

    Raises
    ------
    PriorError
        When it is none of them, or has no place in that block.
    """
    if hasattr(value, "to_pymc"):  # PreliZ
        value = value.to_pymc()
    prior = ForeignPrior(value) if hasattr(value, "owner") and value.owner is not None else value
    if isinstance(prior, Centred) and block == "sd":
        return Centred(as_prior(prior.prior, block))
    suitable = _SUITABLE[block]
    if not isinstance(prior, Prior):
        foreign = " or a PyMC distribution" if ForeignPrior in suitable else ""
        raise PriorError(
            f"the prior of '{block}' must be one of {_names(suitable)}{foreign}, "
            f"not {type(value).__name__}"
        )
    if not isinstance(prior, suitable):
        name = str(prior) if isinstance(prior, ForeignPrior) else type(prior).__name__
        raise PriorError(
            f"{name} has no place as a prior of '{block}'; use one of {_names(suitable)}"
        )
    if block in ("sd", "sigma") and isinstance(prior, Uniform) and prior.lower < 0:
        raise PriorError(
            f"a standard deviation is not negative: {prior} for '{block}' reaches below 0"
        )
    return prior


def _names(families: Iterable[type[Prior]]) -> str:
    return ", ".join(f.__name__ for f in families if f not in (ForeignPrior, UniformPartials))
