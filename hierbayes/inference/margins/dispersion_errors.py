"""Margins whose mean depends on the dispersion φ: what is not known of φ, in their variance."""

from __future__ import annotations

from hierbayes.fit.of_family.dispersion_variance import dispersion_variance
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.margins.quantity import Quantity


def counts_dispersion(quantity: Quantity) -> bool:
    """Whether a margin depends on the dispersion given η."""
    return any(side.law.dispersion_moves_mean and not side.is_linear for side in quantity.sides)


def variance_of_dispersion(
    fit: FamilyPointFit, quantity: Quantity, gradient: Floats, nodes: int
) -> Floats:
    """What is to be added to the variances (K, C) of margins given the dispersion.

    Parameters
    ----------
    fit : FamilyPointFit
    quantity : Quantity
    gradient : (K, C, p) float
        By γ, û moving with it.
    nodes : int
        Of averages over new groups.
    """
    root = fit.theta.root[0, 0]

    def value(phi: Floats, us: tuple[Floats, ...]) -> Floats:
        means = []
        for side in quantity.sides:
            eta = side.rows.linear(fit.gamma, us)
            spread = side.spread(root, slice(0, len(side.rows.index)))
            means.append(quantity.averages.of(side.values(side.law, eta, phi, spread, nodes)))
        return quantity.combination.value(*means)

    counted = any(side.rows.counted for side in quantity.sides)
    return dispersion_variance(fit, value, gradient, counted=counted)
