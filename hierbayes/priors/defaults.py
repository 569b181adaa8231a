"""Default priors: weak, and scaled by the data.

Xγ has the mean of y, and sd 2.5 sd(y) along every column of unit spread that can be made
of those of X (`design_normal`); half-t(3) on σ with scale sd(y), on each sd with the scale
that moves y by one sd(y) as its column, centred, moves by its spread; LKJ(2) on the
correlations of the centred columns (`centred_effects`).  Where rows have weights, w counts as
w/w̄ (`mean_weight`), and σ, which is that of a row of w = 1, has the scale √w̄ sd(y): another
unit of the weights changes nothing.  One over the variances that known_sd= states are such weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats
from hierbayes.priors.centred_effects import column_sizes, internal_moments
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.design_normal import coefficient_scales
from hierbayes.priors.families import DesignNormal, Gamma, HalfT, InverseGamma, Normal, Prior

WIDTH = 2.5  # prior sds of Xγ, in sds of y


def mean_weight(problem: Problem) -> float:
    """w̄ of the precision weights of rows, or of one over their known variances; 1 of none.

    Without a constant among the fixed columns it is that by which mean squares of columns are
    larger.
    """
    spec = problem.design.specification
    if not (spec.weights or spec.known_sd):
        return 1.0
    cross = problem.working
    basis, gram = cross.basis, cross.C[:-1, :-1] / cross.n
    if basis.constant.any():
        one = np.linalg.solve(basis.x.matrix, basis.constant)  # X° one = 1
        return float(one @ gram @ one)
    columns = gram if len(gram) else internal_moments(cross)
    return float(np.diagonal(columns).mean())


def default_gamma(cross: Products, at: Sequence[int], weight: float) -> list[DesignNormal]:
    """The normal prior of the terms at these places (d,), one for all of them together."""
    tau = WIDTH * cross.basis.scale * math.sqrt(weight)
    constant, scale = coefficient_scales(cross, at)
    return [
        DesignNormal(cross.basis.center * e + 0.0, tau * size)  # of -0.0 makes 0.0
        for e, size in zip(constant.tolist(), scale.tolist(), strict=True)
    ]


def default_constant(basis: Basis) -> Normal:
    """A normal prior of the intercept alone, wide enough for where the columns are 0."""
    far = _distance_of_origin(basis.x.shift, basis.x.spread)
    return Normal(basis.center, WIDTH * basis.scale * far)


def default_sd(cross: Products, M: Floats, weight: float) -> tuple[list[HalfT], list[HalfT]]:
    """A half-t prior for each random effect: of its centred column, and of the column as it is.

    The second has the scale at which sd² has the same mean as under the first.
    """
    scales = cross.basis.scale * math.sqrt(weight) / column_sizes(cross, M)
    as_written = np.sqrt(M**2 @ scales**2)
    centred, plain = ([HalfT(3, 0, s) for s in of.tolist()] for of in (scales, as_written))
    return centred, plain


def default_sigma(basis: Basis, weight: float) -> HalfT:
    """A half-t prior of σ, the standard deviation of the error of a row of w = 1."""
    return HalfT(3, 0, basis.scale * math.sqrt(weight))


def default_dispersion(name: str, basis: Basis) -> Prior:
    """A half-t prior of σ and of distances of thresholds; a long tail for a concentration.

    Of degrees of freedom a gamma prior, as in brms: it has little of tails like Cauchy's, and of
    tails that no data could tell from Gaussian ones.
    A concentration has no unit, and a large one says only that there is no more variance than
    the family has without it: its reciprocal is bounded away from nothing.  A number of any sign,
    which has no name here, is a logit.
    """
    if name == "sigma":
        return default_sigma(basis, 1.0)
    if name == "thresholds":
        return HalfT(3, 0, WIDTH)
    if name == "df":
        return Gamma(2, 0.1)
    return InverseGamma(0.4, 0.3) if name else Normal(0.0, 1.5)


def _distance_of_origin(shift: Floats, spread: Floats) -> float:
    """How far, in sds, the point where all columns are 0 lies from the middle of the data."""
    return float(np.sqrt(1.0 + np.sum((shift / spread) ** 2)))


def default_corr(design: Design) -> dict[str, Prior]:
    """An LKJ prior for each block of G with more than one effect."""
    blocks = [design.effect_labels[at] for at in block_slices(design.blocks)]
    return {", ".join(effects): LKJ(2) for effects in blocks if len(effects) > 1}
