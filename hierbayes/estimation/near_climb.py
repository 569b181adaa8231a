r"""The maximum over λ and z of very many groups, from that of a share of them.

Steps are those of the entries of Γ = λλ' and of z: ℓ is nearly a quadratic of them also where an
effect hardly varies, as it is not of λ.  With A_ef = ∂Γ_f/∂λ_e and M = ∂ℓ/∂Γ,

    ∂ℓ/∂λ = A ∂ℓ/∂Γ,      −∂²ℓ/∂λ² = A (−∂²ℓ/∂Γ²) A' − 2M_rr'

where r and r' are the rows of two entries in one column of λ.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.joint_climb import Climb, JointMaximum, Point, Step
from hierbayes.estimation.trust_region import newton_step
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading

_RADIUS = 1.0  # of a step, in units of effects and coordinates: what is farther is not near
_FEW_STEPS = 8
_ALMOST = 1e-5  # gain by the last step: what is left, the search over z alone sees as cheaply
_SLOW = 0.1  # of the gain before: secants lead too slowly
_SMALL = 0.02  # of e'd beside e and d, each in units of the curvature: nothing is learnt


def climb_near(
    moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading, near: JointMaximum
) -> tuple[Climb, JointMaximum] | None:
    """The maximum near that of a share of the groups; None where steps from there end at none.

    Curvature is that of the share, multiplied, and what steps add to it: a pass over all groups
    without takes half of the time, and one with is made where steps lead too slowly.  The last
    step is not looked behind.

    Parameters
    ----------
    moments : ResidualMoments
    blocks : tuple of int
    reading : Reading
    near : JointMaximum
        With curvature of all groups.
    """
    search = _NearClimb(moments, blocks, reading, near)
    try:
        found = _steps(search, near)
    except np.linalg.LinAlgError:  # Γ of all groups has a variance of zero
        return None
    return None if found is None else (search, found)


def _steps(search: _NearClimb, near: JointMaximum) -> JointMaximum | None:
    here, last = search.at(near.root, near.z, curved=False), np.inf
    B = search.information(near.root, near.whole, 0.0 * near.unit)
    for _ in range(_FEW_STEPS):
        if here is None:
            return None
        slope = search.slope(here)
        step, length, gain = newton_step(slope, B)
        if not length < _RADIUS:
            return None
        if gain < _ALMOST:
            return search.ended(here, B, Step(step, gain, True), converged=True)
        slow = gain > _SLOW * last
        there = search.at(*search.moved(here, step), curved=slow)
        if there is None or there.value < here.value:
            return None
        after = search.slope(there)
        if slow:
            B = search.information(there.root, there.information, after)
        else:
            B = _learnt(B, step, slope - after)
        here, last = there, gain
    return None


class _NearClimb(Climb):
    """The likelihood of (Γ, z), in units that a maximum of a share of the groups has.

    Where Γ lacks a direction there it is that of (λ, z), of which it lacks it as well.
    """

    def __init__(
        self,
        moments: ResidualMoments,
        blocks: tuple[int, ...],
        reading: Reading,
        near: JointMaximum,
    ) -> None:
        super().__init__(moments, blocks, reading)
        self.unit, self.of_roots = near.unit, near.on_face
        m, sd = len(self.rows), np.zeros(len(near.root))
        sd[self.rows] = near.unit[:m]
        self.size = sd[self.rows] * sd[self.columns]  # of the entries of Γ

    def _change(self, root: Floats) -> Floats:
        """A (n, n), z left as it is, in units."""
        rows, columns, m = self.rows, self.columns, len(self.rows)
        change = np.eye(len(self.unit))
        if m and not self.of_roots:
            A = (rows[:, None] == rows) * root[np.ix_(columns, columns)].T
            A += (rows[:, None] == columns) * root[np.ix_(rows, columns)].T
            change[:m, :m] = A * self.unit[:m, None] / self.size
        return change

    def slope(self, here: Point) -> Floats:
        """∂ℓ (n,) by entries of Γ and z."""
        return np.linalg.solve(self._change(here.root), here.slope)

    def information(self, root: Floats, of_root: Floats, slope: Floats) -> Floats:
        """−∂²ℓ (n, n) of them, from that of entries of λ and from their slope (n,)."""
        rows, columns, m = self.rows, self.columns, len(self.rows)
        B = of_root.copy()
        if not self.of_roots:
            M = np.zeros_like(root)
            M[rows, columns] = M[columns, rows] = slope[:m] * np.where(rows == columns, 1.0, 0.5)
            B[:m, :m] += 2.0 * (columns[:, None] == columns) * M[np.ix_(rows, rows)]
        change = self._change(root)
        found: Floats = np.linalg.solve(change, np.linalg.solve(change, B).T)
        return found

    def moved(self, here: Point, step: Floats) -> tuple[Floats, Floats]:
        """λ and z where a step leads."""
        if self.of_roots:
            return super().moved(here, step)
        rows, columns, m = self.rows, self.columns, len(self.rows)
        Gamma = here.root @ here.root.T
        Gamma[rows, columns] += step[:m] * self.size
        Gamma[columns, rows] = Gamma[rows, columns]
        return np.linalg.cholesky(Gamma), here.z + step[m:]


def _learnt(B: Floats, step: Floats, lost: Floats) -> Floats:
    """−∂²ℓ with what a step (n,) over which the slope lost so much says of it."""
    e = lost - B @ step
    along, size = float(e @ step), np.abs(np.diag(B))
    weight = float((e * e / size).sum() * (step * step * size).sum())
    return B + np.outer(e, e) / along if abs(along) > _SMALL * math.sqrt(weight) else B
