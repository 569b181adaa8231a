"""Draws from the joint priors: of G, of the intraclass correlation, and of R²."""

from __future__ import annotations

import numpy as np

from hierbayes.design.design import Design
from hierbayes.frames.arrays import Floats
from hierbayes.priors.joint_families import (
    R2D2M2,
    Beta,
    InverseWishart,
    LatentBeta,
    MatrixPrior,
)


def draw_matrix_root(
    prior: MatrixPrior, effects: tuple[str, ...], generator: np.random.Generator, draws: int
) -> Floats:
    """Lower roots (draws, q, q) of G under a Wishart or an inverse-Wishart prior.

    By Bartlett's decomposition: a Wishart matrix is L T T'L', with T lower triangular, χ on
    its diagonal and normal below, LL' the scale.
    """
    scale = prior.scale_matrix(effects)
    inverse = isinstance(prior, InverseWishart)
    root = np.linalg.cholesky(np.linalg.inv(scale) if inverse else scale)
    q = len(scale)
    T = np.zeros((draws, q, q))
    for i in range(q):
        T[:, i, i] = np.sqrt(generator.chisquare(prior.nu - i, size=draws))
        T[:, i, :i] = generator.standard_normal((draws, i))
    factor = root @ T
    if inverse:  # G = (FF')⁻¹ = F'⁻¹F⁻¹
        upper = np.linalg.inv(np.swapaxes(factor, 1, 2))
        return np.linalg.cholesky(upper @ np.swapaxes(upper, 1, 2))
    return factor


def draw_icc_sd(
    prior: Beta,
    design: Design,
    corr_root: Floats,
    sigma: Floats,
    generator: np.random.Generator,
) -> Floats:
    """Standard deviations (draws, q) under a prior of the intraclass correlation.

    icc = T/(T + σ²) with T = tr(GM), M = Z'Z/n, σ² that of a latent scale where the prior is of
    one; given the correlation matrix R the shares
    of Σ_k sd_k² M_kk are uniform on the simplex.
    """
    draws, q = corr_root.shape[:2]
    M = design.rows.second_moment
    icc = generator.beta(prior.alpha, prior.beta, size=draws)
    shares = generator.dirichlet(np.ones(q), size=draws)
    direction = np.sqrt(shares / np.diag(M))
    half = direction[:, :, None] * corr_root
    size = np.einsum("dki,kl,dli->d", half, M, half, optimize=True)
    residual = prior.residual if isinstance(prior, LatentBeta) else sigma**2
    total = residual * icc / (1.0 - icc)
    sd: Floats = direction * np.sqrt(total / size)[:, None]
    return sd


def draw_explained(
    prior: R2D2M2, design: Design, sigma: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """γ (draws, p − 1) of the varying fixed columns, and sds (draws, q), under R2D2M2."""
    draws = len(sigma)
    spread = explained_spread(design)
    r2 = generator.beta(
        prior.mean * prior.precision, (1.0 - prior.mean) * prior.precision, size=draws
    )
    shares = generator.dirichlet(np.full(len(spread), prior.concentration), size=draws)
    sds = (sigma * np.sqrt(r2 / (1.0 - r2)))[:, None] * np.sqrt(shares) / spread
    fixed = len(spread) - len(design.effects)
    gamma: Floats = sds[:, :fixed] * generator.standard_normal((draws, fixed))
    return gamma, sds[:, fixed:]


def explained_spread(design: Design) -> Floats:
    """Sd of each varying fixed column, root mean square of each random one: R2D2M2's units."""
    size: Floats = np.sqrt(np.diag(design.rows.second_moment))
    return np.concatenate([design.rows.spread[~design.rows.constant_columns], size])
