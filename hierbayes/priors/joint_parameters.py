"""Parameters of the joint priors as numbers of a model, normalising constants included."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaln, gammaln, multigammaln

from hierbayes.design.design import Design
from hierbayes.frames.arrays import Floats
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.joint_draws import explained_spread
from hierbayes.priors.joint_families import (
    R2D2M2,
    Beta,
    InverseWishart,
    LatentBeta,
    MatrixPrior,
)
from hierbayes.priors.prior_set import Entry


def joint_parameters(entry: Entry, design: Design) -> dict[str, Floats]:
    """Parameters of a joint prior for a model, as arrays by name.

    Parameters
    ----------
    entry : (block, prior, source)
        One of `PriorSet.joint`.
    design : Design
        In the user's units.
    """
    block, prior, _ = entry
    second = design.rows.second_moment
    known = isinstance(prior, LatentBeta)
    if isinstance(prior, LatentBeta):  # T/(T + v) is that of the columns over √v, and of σ = 1
        second = second / prior.residual
    match prior:
        case MatrixPrior():
            parameters = matrix_parameters(prior, prior.scale_matrix(design.effects))
        case BlockMatrices():
            parameters = {
                f"{k}_{name}": value
                for k, one in prior.stated.items()
                for name, value in matrix_parameters(
                    one, one.scale_matrix(prior.effects[k])
                ).items()
            }
        case Beta():
            q = len(second)
            volume = q * np.log(2.0) + np.log(np.diagonal(second)).sum()
            parameters = {
                "alpha": prior.alpha,
                "beta": prior.beta,
                "known": float(known),
                "second_moments": second,
                "log_constant": volume + gammaln(q) - betaln(prior.alpha, prior.beta),
            }
        case R2D2M2():
            parameters = {
                "alpha": prior.mean * prior.precision,
                "beta": (1.0 - prior.mean) * prior.precision,
                "concentration": prior.concentration,
                "spread": explained_spread(design),
            }
    return {f"{block}_{name}": np.asarray(value, float) for name, value in parameters.items()}


def log_lkj_constant(eta: float, n: int) -> float:
    """Log of what normalises |R|^(eta − 1) over correlation matrices (n, n)."""
    k = np.arange(1, n)
    terms = 0.5 * k * np.log(np.pi) + gammaln(eta + 0.5 * (n - 1 - k))
    return float((n - 1) * gammaln(eta + 0.5 * (n - 1)) - terms.sum())


def matrix_parameters(prior: MatrixPrior, scale: Floats) -> dict[str, Any]:
    """Those of a prior of G, or of a block of it, with this scale (q, q)."""
    q, half = len(scale), 0.5 * prior.nu
    root = np.linalg.cholesky(scale)
    log_det = 2.0 * np.log(np.diagonal(root)).sum()
    along = half if isinstance(prior, InverseWishart) else -half
    normal = along * log_det - half * q * np.log(2.0) - multigammaln(half, q)
    return {"nu": prior.nu, "scale_root": root, "log_constant": normal + q * np.log(2.0)}
