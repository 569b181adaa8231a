"""Default priors: weak, and scaled by the data.

γ ~ Normal with 2.5 times the change of y that one unit of x could bring, half-t(3) on
each sd and on σ with scale sd(y) in the units of the effect, LKJ(2) on correlations.
An intercept is where the other columns are 0; when that is far from the data its scale
grows accordingly.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.frames.arrays import Floats
from hierbayes.priors.families import LKJ, HalfT, Normal, Prior
from hierbayes.specification.effect_name import EffectName


def default_gamma(design: Design, basis: Basis) -> dict[str, Prior]:
    """A normal prior for each fixed term."""
    center, scale = basis.center, basis.scale
    far = _distance_of_origin(basis.x.shift, basis.x.spread)
    priors: dict[str, Prior] = {}
    for name, e, spread in zip(design.terms, basis.constant, basis.x.spread, strict=True):
        if e != 0.0:
            priors[name] = Normal(rounded(center), rounded(2.5 * scale * far))
        else:
            priors[name] = Normal(0, rounded(2.5 * scale / spread))
    return priors


def default_sd(design: Design, basis: Basis) -> dict[EffectName, Prior]:
    """A half-t prior for each random effect."""
    priors: dict[EffectName, Prior] = {}
    for block in block_slices(design.blocks):
        shift, spread = basis.z.shift[block], basis.z.spread[block]
        far = _distance_of_origin(shift, spread)
        for k, name in enumerate(design.effect_names[block]):
            constant = spread[k] == 1.0 and shift[k] == 0.0 and bool(shift.any())
            priors[name] = HalfT(3, 0, rounded(basis.scale * (far if constant else 1 / spread[k])))
    return priors


def default_sigma(basis: Basis) -> dict[str, Prior]:
    """A half-t prior for σ."""
    return {"sigma": HalfT(3, 0, rounded(basis.scale))}


def _distance_of_origin(shift: Floats, spread: Floats) -> float:
    """How far, in sds, the point where all columns are 0 lies from the middle of the data."""
    return float(np.sqrt(1.0 + np.sum((shift / spread) ** 2)))


def default_corr(design: Design) -> dict[str, Prior]:
    """An LKJ prior for each block of G with more than one effect."""
    blocks = [design.effects[at] for at in block_slices(design.blocks)]
    return {", ".join(effects): LKJ(2) for effects in blocks if len(effects) > 1}


def rounded(value: float) -> float:
    """Three significant digits, so that what is printed is what is used."""
    return float(f"{value:.3g}")
