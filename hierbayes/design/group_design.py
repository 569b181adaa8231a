r"""The between-group design: how γ makes each group's population coefficients.

Within group j a fixed column may be a combination of the random columns,
X_jc = Z_j w_jc; then γ_c adds w_jc γ_c to the population value of β_j.  For
``ses:Sector`` beside a random slope of ses, w_jc is the group's sector indicator.
Columns that no group makes that way (covariates without random effect) stay out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.group_design_of_roots import weights_of_roots
from hierbayes.frames.arrays import Booleans, Floats

_SAME = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class GroupDesign:
    """Population coefficients as linear functions of γ.

    Parameters
    ----------
    W : (J, q, p) float
        Population value of β_j is W_j γ.
    spanned : (p,) bool
        Which fixed columns are combinations of random ones in every group.
    """

    W: Floats
    spanned: Booleans

    def population(self, gamma: Floats) -> Floats:
        """W_j γ for γ (..., p): (..., J, q)."""
        values: Floats = np.einsum("jkp,...p->...jk", self.W, gamma, optimize=True)
        return values


def group_design(design: Design) -> GroupDesign:
    """Find W_j for every fixed column of a design.

    A column that is one random column times a constant in each group is matched
    exactly, however few rows a group has.  Any other is solved for by least
    squares; groups too small for it get the weights that all other groups share.
    """
    roots = design.rows.column_roots
    if roots is not None:
        return GroupDesign(*weights_of_roots(roots))
    J, q, p = design.J, len(design.effects), len(design.terms)
    W = np.zeros((J, q, p))
    spanned = np.zeros(p, dtype=np.bool_)
    for c in range(p):
        weights = _single_match(design, design.rows.X[:, c])
        if weights is None:
            weights = _solve(design, design.rows.X[:, c])
        if weights is not None:
            W[:, :, c] = weights
            spanned[c] = True
    return GroupDesign(W, spanned)


def _single_match(design: Design, x: Floats) -> Floats | None:
    """Weights (J, q) when x = w_j z_k in every group for one k."""
    J, q = design.J, len(design.effects)
    for k in range(q):
        z = design.rows.Z[:, k]
        zz = np.bincount(design.rows.codes, z * z, minlength=J)
        zx = np.bincount(design.rows.codes, z * x, minlength=J)
        w = np.divide(zx, zz, out=np.zeros(J), where=zz > 0.0)
        seen = w[zz > 0.0]  # a group in which z is 0 gets the weight that all others share
        if 0 < len(seen) < J and np.ptp(seen) <= _SAME * np.abs(seen).max():
            w[zz == 0.0] = seen[0]
        if np.abs(x - w[design.rows.codes] * z).max() <= _SAME * max(np.abs(x).max(), 1e-300):
            weights = np.zeros((J, q))
            weights[:, k] = w
            return weights
    return None


def _solve(design: Design, x: Floats) -> Floats | None:
    """Weights (J, q) with x = Z_j w_j in every group, or None."""
    J, q = design.J, len(design.effects)
    weights = np.zeros((J, q))
    determined = np.zeros(J, dtype=np.bool_)
    order = np.argsort(design.rows.codes, kind="stable")
    bounds = np.searchsorted(design.rows.codes[order], np.arange(J + 1))
    scale = max(np.abs(x).max(), 1e-300)
    for j in range(J):
        rows = order[bounds[j] : bounds[j + 1]]
        Z = design.rows.Z[rows]
        w, _, rank, _ = np.linalg.lstsq(Z, x[rows], rcond=1e-10)
        if np.abs(x[rows] - Z @ w).max() > _SAME * scale:
            return None
        weights[j], determined[j] = w, rank == q
    if determined.any() and not determined.all():
        common = weights[determined]
        shared = np.ptp(common, axis=0) <= _SAME * max(np.abs(common).max(), 1e-300)
        weights[np.ix_(~determined, shared)] = common[0, shared]
    return weights
