r"""The likelihood of a family's responses with every random effect integrated out by Laplace.

At the mode b̂ of Σℓ(η) − ½b'b, with κ = −ℓ″ there,

    log p(y | γ, L, φ) ≈ Σℓ(η̂) − ½ b̂'b̂ − ½ log|M|,   M = I + L'Z'κZL

Its gradient is exact.  With h_i = z_i'LM⁻¹L'z_i, e = ½hℓ‴, a = M⁻¹L'Z'e and s = ZLa (the mode
moves with the parameters: the implicit function theorem),

    ∂γ = X'(ℓ′ + e − κs)
    ∂L = Z'(ℓ′ + e − κs) b̂' + Z'ℓ′ a' − ½ ∂log|M|/∂L
    ∂φ = Σ ∂ℓ/∂φ + s ∂ℓ′/∂φ + ½ h ∂ℓ″/∂φ

References
----------
Tierney & Kadane (1986), doi:10.1080/01621459.1986.10478240; Kristensen et al. (2016), TMB,
doi:10.18637/jss.v070.i05.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.curvature import (
    CompiledGroups,
    CompiledModes,
    Curvature,
    GroupCurvature,
)
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.mode_search import (
    ALONE,
    DECREMENT,
    ModeSearch,
    Slopes,
    one_point,
)
from hierbayes.likelihood.sparse_curvature import WeightedProducts

type CurvatureOf = Callable[[LatentRows, Floats, Floats], Curvature]
_STEPS = 200
_HALVINGS = 30


@dataclass(frozen=True, slots=True, eq=False)
class LatentPoint:
    """Parameters of a family's model, in the basis of a search.

    Parameters
    ----------
    gamma : (p,) float
    root : (q, q) float
        L, a root of each factor's G on the diagonal.
    phi : (d,) float
        Dispersion.
    """

    gamma: Floats
    root: Floats
    phi: Floats


class Mode(NamedTuple):
    """The mode of the random effects at one point.

    Parameters
    ----------
    rows, point
        Of what, and where.
    b : (effects,) float
        Spherical effects, u = Lb.
    eta : (n,) float
    derivatives : (4, n) float
        ℓ, ℓ′, ℓ″, ℓ‴ at the mode.
    curvature : Curvature
        M.
    slopes : Slopes, optional
        Laplace's approximation there as compiled code made it.
    """

    rows: LatentRows
    point: LatentPoint
    b: Floats
    eta: Floats
    derivatives: Floats
    curvature: Curvature
    slopes: Slopes | None = None


def find_mode(
    rows: LatentRows,
    point: LatentPoint,
    start: Floats,
    curvature_of: CurvatureOf,
    search: ModeSearch = ALONE,
) -> Mode | None:
    """The mode of the random effects by Newton's method; None where there is none.

    Parameters
    ----------
    rows, point
        Of what, and where.
    start : (effects,) float
        Where the search begins, b.
    curvature_of : callable
        Makes M from rows, weights and L.
    search : ModeSearch, optional
        Where compiled code searches.
    """
    if (compiled := compiled_modes(rows, curvature_of)) is not None:
        one = one_point(point.gamma, point.root, point.phi, start)
        at = compiled.mode(rows, point.root, one, search)
        if at is not None:
            return Mode(rows, point, *at)
    fixed = rows.offset + rows.X @ point.gamma
    b, (eta, found, value) = start, _at(rows, point, fixed, start)
    if not np.isfinite(value) and start.any():
        b = np.zeros_like(start)
        eta, found, value = _at(rows, point, fixed, b)
    if not np.isfinite(value):
        return None
    for _ in range(_STEPS):
        gradient = rows.spherical(point.root, found[1]) - b
        exact = _exact(rows, point, found, curvature_of)
        curvature = exact or _expected(rows, point, eta, curvature_of)
        if curvature is None:
            return None
        step = curvature.solve(gradient)
        decrement = 0.5 * float(gradient @ step)
        size = abs(value + rows.log_constant)
        if decrement <= DECREMENT * (1.0 + size) + 1e-29 * abs(value) + 1e-24:
            return None if exact is None else Mode(rows, point, b, eta, found, exact)
        moved = _line_search(rows, point, fixed, (b, step), value, decrement)
        if moved is None:
            break
        b, eta, found, value = moved
    exact = _exact(rows, point, found, curvature_of)
    return None if exact is None else Mode(rows, point, b, eta, found, exact)


def compiled_modes(rows: LatentRows, curvature_of: CurvatureOf) -> CompiledModes | None:
    """Compiled code that finds modes, if there is such."""
    if rows.family.predictors:
        return None
    if curvature_of is GroupCurvature:
        return CompiledGroups()
    return curvature_of if isinstance(curvature_of, WeightedProducts) else None


def _at(
    rows: LatentRows, point: LatentPoint, fixed: Floats, b: Floats
) -> tuple[Floats, Floats, float]:
    """η, derivatives and Σℓ − ½b'b at spherical effects b."""
    eta = fixed + rows.random_part(rows.effects_of(point.root, b))
    found = rows.family.derivatives(rows.y, rows.m, eta, point.phi)
    value = float(found[0].sum() - 0.5 * (b @ b))
    finite = bool(np.isfinite(found).all())
    return eta, found, value if finite else -np.inf


def _expected(
    rows: LatentRows, point: LatentPoint, eta: Floats, curvature_of: CurvatureOf
) -> Curvature | None:
    """M with expected weights, for steps where observed ones are not positive definite."""
    weights = rows.family.weights(rows.y, rows.m, eta, point.phi)
    try:
        return curvature_of(rows, weights, point.root)
    except np.linalg.LinAlgError:
        return None


def _exact(
    rows: LatentRows, point: LatentPoint, found: Floats, curvature_of: CurvatureOf
) -> Curvature | None:
    try:
        return curvature_of(rows, rows.precisions(found), point.root)
    except np.linalg.LinAlgError:
        return None


def _line_search(
    rows: LatentRows,
    point: LatentPoint,
    fixed: Floats,
    move: tuple[Floats, Floats],
    value: float,
    decrement: float,
) -> tuple[Floats, Floats, Floats, float] | None:
    """The first of halved steps that climbs; None where rounding hides any climb."""
    b, step = move
    for halving in range(_HALVINGS):
        trial = b + 0.5**halving * step
        eta, found, reached = _at(rows, point, fixed, trial)
        if reached >= value + 1e-4 * 0.5**halving * decrement:
            return trial, eta, found, reached
        if decrement < 1e-12 * (1.0 + abs(value)):
            # too near for the value to show it; the step itself is good
            return (trial, eta, found, reached) if np.isfinite(reached) and halving == 0 else None
    return None


def laplace_value(mode: Mode) -> float:
    """The Laplace approximation at a mode, but for what the responses alone add."""
    return float(mode.derivatives[0].sum() - 0.5 * (mode.b @ mode.b) - 0.5 * mode.curvature.log_det)


def laplace(mode: Mode) -> tuple[float, Floats]:
    """The Laplace approximation at a mode, and its slope by γ, L and φ (p + q² + d,)."""
    rows, curvature = mode.rows, mode.curvature
    if mode.slopes is not None:
        found = mode.slopes.at
        return found.value.item() + rows.log_constant, found.slope[0]
    value = laplace_value(mode)
    by_row = 0.5 * curvature.leverage
    first = mode.derivatives[1]
    phi = rows.family.dispersion_derivatives(rows.y, rows.m, mode.eta, mode.point.phi)[0]
    d_gamma, d_root, d_phi = pull_back(
        mode, first, mode.b, -by_row, np.zeros(rows.effects), phi.sum(axis=1)
    )
    d_root = d_root - 0.5 * curvature.root_gradient
    return value + rows.log_constant, np.concatenate((d_gamma, d_root.ravel(), d_phi))


def pull_back(
    mode: Mode,
    first: Floats,
    b: Floats,
    by_row: Floats,
    b_bar: Floats,
    d_phi: Floats,
    moved: Floats | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Gradient of a function of the mode and of what follows from it.

    Parameters
    ----------
    mode : Mode
    first : (n,) float
        Derivative of the function in η through the rows at its nodes, Σ_k π_k ℓ′_k.
    b : (effects,) float
        Effects with which that derivative multiplies L; see ``moved``.
    by_row : (n,) float
        Derivative of the function in each κ_i, as the mode's M has it: z_i'L M̄ L'z_i; of blocks
        of weights in each of their entries.
    b_bar : (effects,) float
        Its derivative in the mode b̂, with η held where M is concerned.
    d_phi : (d,) float
        Its derivative in φ through the rows at its nodes.
    moved : (q, q) float, optional
        Σ_k π_k Z'ℓ′_k b_k', where nodes differ; by default Z'``first`` ``b``'.
    """
    rows, point = mode.rows, mode.point
    slope, kappa = mode.derivatives[1], rows.precisions(mode.derivatives)
    through = rows.family.pull_precisions(rows.y, rows.m, mode.derivatives, by_row)
    a = mode.curvature.solve(b_bar + rows.spherical(point.root, through))
    s = rows.random_part(rows.effects_of(point.root, a))
    implicit = through - rows.blocks.weighted(kappa, s)
    d_root = rows.root_products(rows.gathered(first), b) if moved is None else moved
    d_root = d_root + rows.root_products(rows.gathered(implicit), mode.b)
    d_root += rows.root_products(rows.gathered(slope), a)
    if len(d_phi):
        phi = rows.family.dispersion_derivatives(rows.y, rows.m, mode.eta, point.phi)
        d_phi = d_phi + phi[1] @ s - phi[2] @ by_row
    return rows.X.T @ (first + implicit), d_root, d_phi
