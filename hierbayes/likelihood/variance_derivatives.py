r"""What a small change of a variance parameter does to the likelihood, exactly.

V is linear in the free entries of G and in σ², so that every derivative that degrees of
freedom rest on is a sum over groups of small matrices.  With everything relative to σ̂²,
W = (V/σ̂²)⁻¹ and V_i = ∂(V/σ̂²)/∂φ_i (Z_j S_i Z_j' for an entry of G, I for σ²),

    first_i   = [X r]' W V_i W [X r]
    second_ij = [X r]' W V_i W V_j W [X r]
    trace_ij  = tr(W V_i W V_j)

r = (y − Xγ̂)/σ̂.  Per group, with Z_j = Q_jR_j, T_j = Q_j'[X_j r_j] and N_j as in `collapsed`,
W is the identity outside the span of Q_j and N_j⁻¹ within:

    Z'W[X r] = R'N⁻¹T,    Z'WZ = R'N⁻¹R,    Z'W²[X r] = R'N⁻²T,    Z'W²Z = R'N⁻²R

all in the internal basis; nothing has n rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.design.blocks import entry_directions, free_entries
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gamma_state import GammaState
from hierbayes.likelihood.state import State

_NO_INFORMATION = 1e-10  # of an eigenvalue of an information matrix of unit diagonal


@dataclass(frozen=True, slots=True, eq=False)
class VarianceDerivatives:
    """Derivatives at a maximum: k variance parameters, G's free entries then σ².

    After those stand the coordinates of a residual structure, where they are asked for.

    Parameters
    ----------
    first : (k, p+1, p+1) float
    second : (k, k, p+1, p+1) float
        ``second[i, j]`` is the transpose of ``second[j, i]``.
    traces : (k, k) float
    gamma_cov : (p, p) float
        Φ = (X'WX)⁻¹, σ̂⁻² times the covariance of γ̂ given θ̂.
    """

    first: Floats
    second: Floats
    traces: Floats
    gamma_cov: Floats

    @property
    def of_gamma(self) -> Floats:
        """X'WV_iWX (k, p, p): −∂(X'WX)/∂φ_i."""
        return self.first[:, :-1, :-1]

    @property
    def expected(self) -> Floats:
        """Tr(P V_i P V_j) (k, k), twice the expected information of REML; P = W − WXΦX'W."""
        half = self.gamma_cov @ self.of_gamma  # Φ X'WV_iWX
        crossed = np.einsum("ijab,ba->ij", self.second[:, :, :-1, :-1], self.gamma_cov)
        total: Floats = self.traces - 2.0 * crossed + np.einsum("iab,jba->ij", half, half)
        return total

    def observed(self, *, restricted: bool) -> Floats:
        """Minus the Hessian (k, k) of the (restricted) log-likelihood, γ profiled out."""
        score = self.first[:, :-1, -1]  # X'WV_iWr
        fitted = self.second[:, :, -1, -1] - score @ self.gamma_cov @ score.T
        spread = self.expected if restricted else self.traces
        total: Floats = fitted - 0.5 * spread
        return total


def variance_derivatives(state: State, blocks: tuple[int, ...]) -> VarianceDerivatives:
    """The derivatives at a maximum of the likelihood, G of ``blocks``."""
    cross = _with_residual(state)
    lam = state.relative_root
    P = cross.R @ lam
    inverse = np.linalg.inv(np.linalg.cholesky(np.eye(P.shape[1]) + P @ np.swapaxes(P, 1, 2)))
    N_inverse = np.swapaxes(inverse, 1, 2) @ inverse
    half, turned = inverse @ cross.R, inverse @ cross.T
    across, whole = N_inverse @ cross.R, N_inverse @ cross.T  # N⁻¹R, N⁻¹T
    D, E = np.swapaxes(half, 1, 2) @ half, np.swapaxes(half, 1, 2) @ turned
    directions = entry_directions(blocks)
    k, m = len(directions) + 1, len(cross.W)
    first, second = np.empty((k, m, m)), np.empty((k, k, m, m))
    moved = np.einsum("iab,gbc->igac", directions, E)  # S_iE_g
    first[:-1] = np.einsum("gac,igad->icd", E, moved)
    first[-1] = cross.W + np.einsum("gac,gad->cd", whole, whole)  # [X r]'W²[X r]
    second[:-1, :-1] = np.einsum("igac,gab,jgbd->ijcd", moved, D, moved, optimize=True)
    second[:-1, -1] = np.einsum("igac,gka,gkd->icd", moved, across, whole, optimize=True)
    second[-1, :-1] = np.swapaxes(second[:-1, -1], 1, 2)
    cube = inverse @ whole
    second[-1, -1] = cross.W + np.einsum("gac,gad->cd", cube, cube)
    gamma_cov = np.linalg.inv((cross.W + np.einsum("gac,gad->cd", turned, turned))[:-1, :-1])
    outside = float((cross.rows - P.shape[1]).sum())
    traces = _traces(directions, D, across, outside + float((N_inverse**2).sum()))
    return VarianceDerivatives(first, second, traces, gamma_cov)


def _with_residual(state: State) -> CrossProducts:
    """The cross-products with the residual r = (y − Xγ̂)/σ̂ in the place of y."""
    cross, gamma, sigma = state.cross, state.moments.gamma, state.internal_sigma
    change = np.eye(len(gamma) + 1)
    change[:-1, -1] = -gamma
    change[:, -1] /= sigma
    return cross.turned(change)


def _traces(directions: Floats, D: Floats, across: Floats, square: float) -> Floats:
    """Tr(W V_i W V_j) (k, k), from Z'WZ, N⁻¹R and tr W²."""
    k = len(directions) + 1
    traces = np.empty((k, k))
    turned = np.einsum("iab,gbc->igac", directions, D)  # S_iD_g
    traces[:-1, :-1] = np.einsum("igab,jgba->ij", turned, turned)
    both = np.einsum("gka,gkb->ab", across, across)  # Z'W²Z
    traces[:-1, -1] = traces[-1, :-1] = np.einsum("iab,ba->i", directions, both)
    traces[-1, -1] = square
    return traces


def effect_sizes(state: GammaState[Any, Any]) -> Floats:
    """Size (q,) of the root of each effect's relative variance, or its noise where it has none."""
    sizes: Floats = np.sqrt((state.relative_root**2).sum(axis=1)) + state.cross.noise
    return sizes


def entry_units(state: GammaState[Any, Any], blocks: tuple[int, ...]) -> Floats:
    """The unit (k,) of each variance parameter, σ² last."""
    (rows, columns), size = free_entries(blocks), effect_sizes(state)
    return np.append(size[rows] * size[columns], 1.0)


def generalised_inverse(information: Floats, units: Floats) -> Floats | None:
    """Inverse of an information matrix (k, k); None where it has a negative eigenvalue.

    Parameters that the data say nothing about (a correlation of effects that no group has
    rows of both of) have no information and no effect on γ: they are left out.  What is nothing
    is seen in the unit (k,) of each parameter.
    """
    inverse = _inverse_in_units(information * np.outer(units, units))
    return None if inverse is None else inverse * np.outer(units, units)


def _inverse_in_units(information: Floats) -> Floats | None:
    size = np.diag(information)
    told = size > _NO_INFORMATION**2 * max(float(size.max(initial=0.0)), 1e-300)
    scale = np.where(told, 1.0 / np.sqrt(np.where(told, size, 1.0)), 0.0)
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    if values[0] < -(_NO_INFORMATION**0.5) or (size < -1e-8 * np.abs(size).max()).any():
        return None
    kept = values > _NO_INFORMATION
    basis = scale[:, None] * vectors[:, kept]
    inverse: Floats = (basis / values[kept]) @ basis.T
    return inverse
