"""Variance parameters of an approximate maximum on the scales of their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import free_entries
from hierbayes.estimation.laplace_search import LatentOptimum
from hierbayes.estimation.latent_axes import axes_of, inverse_of
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.covariance import correlated_pairs, sd_corr
from hierbayes.likelihood.dispersion import dispersion_at, dispersion_coordinates, natural_of

FLAT = 1e-6  # smallest curvature of ℓ, coordinates in their own scales, that ends a direction
_STEP = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """How the likelihood bends at its maximum.

    Parameters
    ----------
    covariance : (k, k) float
        Of the coordinates of the search, from the Hessian.  On the boundary, a column of the root
        that is 0 is held there; its rows are missing.
    flat : (k, m) float
        Directions in which the likelihood does not bend, and which the covariance leaves out.
    """

    covariance: Floats
    flat: Floats


def bend_of(optimum: LatentOptimum, p: int, blocks: tuple[int, ...]) -> Bend:
    """How the likelihood bends at a maximum."""
    empty = _empty_columns(optimum.mode.point.root)
    if not any(empty):
        return _bend(optimum.hessian)
    k = optimum.size
    free = np.flatnonzero(~_held_coordinates(empty, k, p, blocks))
    inside = _bend(optimum.hessian[np.ix_(free, free)])
    cov = np.full((k, k), np.nan)
    cov[np.ix_(free, free)] = inside.covariance
    directions = np.zeros((k, inside.flat.shape[1]))
    directions[free] = inside.flat
    return Bend(cov, directions)


def _bend(hessian: Floats) -> Bend:
    covariance, least = inverse_of(hessian)
    if least >= FLAT:
        return Bend(covariance, np.empty((len(hessian), 0)))
    size, values, vectors = axes_of(hessian)
    turned, flat = vectors / size[:, None], int(np.count_nonzero(values < FLAT))  # the first
    of_bent = turned[:, flat:]
    return Bend((of_bent / values[flat:]) @ of_bent.T, turned[:, :flat])


def unbounded(bend: Bend, scale: Floats, units: Floats) -> Booleans:
    """Fixed effects (p,) that go to infinity along the directions without an end.

    Parameters
    ----------
    bend : Bend
    scale : (p, p) float
        What turns the coordinates of γ into γ.
    units : (p,) float
        How much of each fixed effect moves η by one: 1 over the size of its column.
    """
    p = len(scale)
    moves = np.abs(scale @ bend.flat[:p]) / units[:, None]
    largest = np.maximum(np.abs(bend.flat).max(axis=0, initial=0.0), 1e-300)
    found: Booleans = (
        moves > 0.05 * np.maximum(moves.max(axis=0, initial=0.0), 1e-3 * largest)
    ).any(axis=1)
    return found


def _empty_columns(root: Floats) -> list[bool]:
    """Which columns of a root (q, q) are 0 beside the others."""
    squares = (root * root).sum(axis=0).tolist()
    least = 1e-10 * max(sum(squares), 1e-300)
    return [square <= least for square in squares]


def _held_coordinates(empty: list[bool], k: int, p: int, blocks: tuple[int, ...]) -> Booleans:
    """Coordinates (k,) that stand on the boundary: entries of a column of the root that is 0."""
    columns = free_entries(blocks)[1]
    held = np.zeros(k, dtype=bool)
    held[p : p + len(columns)] = np.array(empty)[columns]
    return held


def natural_variances(
    optimum: LatentOptimum, bend: Bend, turn: Floats, blocks: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """log sd, atanh corr and the free dispersion, and their standard errors by the delta method.

    Parameters
    ----------
    optimum : LatentOptimum
    bend : Bend
        Of the likelihood there.
    turn : (q, q) float
        What turns u° into u.
    blocks : tuple of int
    """
    point, lower = optimum.mode.point, free_entries(blocks)
    rows, columns = correlated_pairs(blocks)
    family = optimum.mode.rows.family
    start = np.concatenate([point.root[lower], dispersion_coordinates(family, point.phi)])

    def natural(x: Floats) -> Floats:
        root = np.zeros_like(point.root)
        root[lower] = x[: len(lower[0])]
        sd, corr = sd_corr(turn @ root @ root.T @ turn.T)
        with np.errstate(divide="ignore"):
            parts = [
                np.log(sd),
                np.arctanh(corr[rows, columns]),
                natural_of(family, x[len(lower[0]) :]),
            ]
        return np.concatenate(parts)

    values = natural(start)
    size = _STEP * np.maximum(np.abs(start), 1e-2)
    with np.errstate(invalid="ignore"):
        slopes = [
            (natural(start + step) - natural(start - step)) / (2.0 * width)
            for step, width in zip(np.diag(size), size, strict=True)
        ]
    J = np.column_stack(slopes) if slopes else np.empty((len(values), 0))
    at = slice(len(bend.covariance) - len(start), None)
    covariance = bend.covariance[at, at]
    steep = (np.abs(bend.flat[at]) > 1e-3 * np.abs(bend.flat).max(axis=0)).any(axis=1)
    known = np.isfinite(np.diag(covariance)) & ~steep
    J = np.where(np.isfinite(J), J, 0.0)
    inner = np.where(np.outer(known, known), covariance, 0.0)
    errors = np.sqrt(np.maximum(np.einsum("ia,ab,ib->i", J, inner, J), 0.0))
    undone = (np.abs(J[:, ~known]) > 0.0).any(axis=1) | ~np.isfinite(values)
    errors[undone | ~np.isfinite(optimum.value)] = np.nan
    return values, errors


def errors_of_variances(
    natural: tuple[Floats, Floats],
    blocks: tuple[int, ...],
    family: ResponseFamily,
    phi: Floats,
    thresholds: Floats,
) -> Floats:
    """Standard errors of sd, corr and φ (q + pairs + d,), by the delta method.

    Parameters
    ----------
    natural : (values, errors)
        As `natural_variances` has them.
    blocks : tuple of int
    family : ResponseFamily
    phi : (d,) float
    thresholds : (d,) float
        Standard errors of thresholds; empty where the family has none.
    """
    values, errors = natural
    q, pairs = sum(blocks), len(correlated_pairs(blocks)[0])
    sd, corr, of_phi = np.split(errors, [q, q + pairs])
    positive = np.array([kind == "positive" for kind in family.dispersion_kinds], dtype=bool)
    of_phi = thresholds if len(thresholds) else np.where(positive, phi, 1.0) * of_phi
    slopes = np.exp(values[:q]), 1.0 - np.tanh(values[q : q + pairs]) ** 2
    return np.concatenate([slopes[0] * sd, slopes[1] * corr, of_phi])


def errors_of_thresholds(bend: Bend, intercept: Floats, phi: Floats) -> Floats:
    """Standard errors of thresholds φ_k less the intercept (d,).

    Parameters
    ----------
    bend : Bend
    intercept : (p,) float
        What turns the coordinates of γ into the intercept.
    phi : (d,) float
        As η is computed, the first 0.
    """
    d = len(phi)
    slopes = np.zeros((d, len(bend.covariance)))
    slopes[:, : len(intercept)] = -intercept
    steps = np.diff(phi)
    for k in range(1, d):
        slopes[k, len(slopes[0]) - d + 1 :][:k] = steps[:k]
    used = (slopes != 0.0).any(axis=0)
    inner = bend.covariance[np.ix_(used, used)]
    return np.sqrt(np.einsum("ka,ab,kb->k", slopes[:, used], inner, slopes[:, used]))


def covariance_with_dispersion(
    optimum: LatentOptimum, bend: Bend, scale: Floats, missing: Booleans
) -> Floats:
    """Covariance (p + d, p + d) of γ̂ and φ̂, φ as η is computed, by the delta method.

    Parameters
    ----------
    optimum : LatentOptimum
    bend : Bend
        Of the likelihood there.
    scale : (p, p) float
        What turns the coordinates of γ into γ.
    missing : (p,) bool
        Fixed effects without a finite maximum, whose covariances are missing.
    """
    family, phi, p = optimum.mode.rows.family, optimum.mode.point.phi, len(scale)
    free = dispersion_coordinates(family, phi)
    size = _STEP * np.maximum(np.abs(free), 1e-2)
    slopes = [
        (dispersion_at(family, free + step) - dispersion_at(family, free - step)) / (2.0 * width)
        for step, width in zip(np.diag(size), size, strict=True)
    ]
    J = np.zeros((p + len(phi), p + len(free)))
    J[:p, :p] = scale
    if slopes:
        J[p:, p:] = np.column_stack(slopes)
    at = np.r_[0:p, len(bend.covariance) - len(free) : len(bend.covariance)]
    found: Floats = J @ bend.covariance[np.ix_(at, at)] @ J.T
    steep = np.abs(bend.flat[at[p:]]) > 1e-3 * np.abs(bend.flat).max(axis=0)
    lost = np.append(missing, (np.abs(J[p:, p:]) > 0.0) @ steep.any(axis=1))
    found[lost] = np.nan
    found[:, lost] = np.nan
    return found
