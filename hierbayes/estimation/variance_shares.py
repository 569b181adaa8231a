"""The R2D2M2 prior in a graph: R², shares of the explained variance, and what follows.

    R² ~ Beta,  τ² = R²/(1 − R²),  φ ~ Dirichlet
    sd_k² = σ² τ² φ_k / mean(z_k²),  γ_k ~ N(0, σ² τ² φ_k / var(x_k))

over the varying fixed columns and all random effects.

With s the standard deviation of γ_k under its prior, and γ_k = g ± e what the data
alone say, γ_k given s has nearly the mean b g and the variance b e², b = s²/(s² + e²).
So γ_k = b g + √b e ξ, and ξ hardly depends on s, be the data strong (where γ_k itself
would do as well) or weak (where γ_k/s would).  REML's g and e need not be exact: they
choose the coordinates, and do not touch the density.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from hierbayes.pymc_import import pm


def explained_scales(
    data: Mapping[str, TensorVariable], sigma: TensorVariable, n_fixed: int, n_random: int
) -> TensorVariable:
    """Standard deviations (n_random,) of the random effects.

    Registers ``r2``, ``r2_share`` (where there is more than one share), ``sd``, and
    ``gamma_sd`` (n_fixed,), the standard deviations of γ under its prior.
    """
    r2 = pm.Beta("r2", alpha=data["r2_alpha"], beta=data["r2_beta"])
    size = n_fixed + n_random
    share = pt.ones(1)
    if size > 1:
        share = pm.Dirichlet("r2_share", a=data["r2_concentration"] * pt.ones(size))
    scales = sigma * pt.sqrt(share * r2 / (1.0 - r2)) / data["r2_spread"]
    pm.Deterministic("gamma_sd", scales[:n_fixed])
    return pm.Deterministic("sd", scales[n_fixed:], dims="effect")


def explained_gamma(
    data: Mapping[str, TensorVariable], constant: TensorVariable, at: int, n_fixed: int
) -> TensorVariable:
    """γ (n_fixed + 1,) with the coefficient of the constant column in place ``at``.

    Registers ``gamma`` and, where a column varies, ξ as ``gamma_z`` with the prior of γ
    as the potential ``prior_gamma``.
    """
    parts = [constant[None]]
    if n_fixed:
        varying = _varying(data, n_fixed)
        parts = [varying[:at], constant[None], varying[at:]]
    return pm.Deterministic("gamma", pt.concatenate(parts), dims="term")


def _varying(data: Mapping[str, TensorVariable], n_fixed: int) -> TensorVariable:
    """γ (n_fixed,) of the varying columns."""
    s, error = pm.modelcontext(None)["gamma_sd"], data["gamma_error"]
    z = pm.Flat("gamma_z", shape=n_fixed)
    kept = s**2 / (s**2 + error**2)
    gamma = kept * data["gamma_estimate"] + pt.sqrt(kept) * error * z
    log_volume = 0.5 * pt.log(kept) + pt.log(error)
    pm.Potential("prior_gamma", (pm.logp(pm.Normal.dist(0.0, s), gamma) + log_volume).sum())
    return gamma
