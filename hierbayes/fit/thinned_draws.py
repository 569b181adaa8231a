"""Fewer draws of a posterior, where those of all effects are too many to be kept."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.fit import effect_blocks
from hierbayes.fit.posterior import PosteriorFit


def thinned[P: PosteriorFit](fit: P) -> tuple[P, str]:
    """A posterior with so few of its draws that those of all effects can be kept, and words for it.

    Itself, and no words, where they can.
    """
    blocks = fit.effect_blocks
    if blocks is None:
        return fit, ""
    J, _, q = blocks.products.R.shape
    M = fit.gamma_draws[..., 0].size
    step = -(-8 * M * J * q // effect_blocks.KEPT_BYTES)
    if step == 1:
        return fit, ""
    some = replace(fit, theta=fit.theta[:, ::step], gamma_draws=fit.gamma_draws[:, ::step])
    return some, (
        f"Draws of the effects of {J:,} groups take {8e-9 * M * J * q:.1f} GB: one of {step} was "
        f"used, {some.gamma_draws[..., 0].size:,} in all."
    )
