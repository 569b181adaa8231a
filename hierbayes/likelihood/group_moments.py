r"""What the second derivatives of V need of several factors, with the chain's effects by group.

Of the chain alone V/σ² = I + Z_1ΓZ_1', and with A, B of `GroupStack` and N = I + AΓ

    D = Z_1'W_1Z_1 = N⁻¹A,       E = Z_1'W_1Y = N⁻¹B,     Y = [Z_2 X r]
    P = Z_1'W_1²Z_1 = N⁻¹D,      F = Z_1'W_1²Y = N⁻¹E
    Q_k = Y'W_1^kY:  Q_1 = Y'Y − B'ΓE,  Q_2 = Q_1 − E'ΓE,  Q_3 = Q_2 − F'ΓE

With the core, W = W_1 − W_1Z_2MZ_2'W_1, M = JΓ_2 and J = (I + Γ_2K)⁻¹, where K is Q_1 of Z_2.
Nothing is a difference that need not be one, so that no digits are lost where effects are large.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.effect_groups import EffectGroups, EffectPlaces

type Entry = tuple[int, int, int]  # factor, row and column of an entry of its G


@dataclass(frozen=True, slots=True, eq=False)
class StackMoments:
    """D, E, P and F of stacked groups, as the module says."""

    places: EffectPlaces
    D: Floats
    E: Floats
    P: Floats
    F: Floats


@dataclass(frozen=True, eq=False)
class GroupMoments:
    """The moments of all groups, Y'W_1^kY, tr W_1², and what the core makes of them.

    Parameters
    ----------
    stacks : tuple of StackMoments
    Q : tuple of (c+p+1, c+p+1) float
        Q_1, Q_2 and Q_3.
    trace : float
        tr W_1².
    core : EffectPlaces
        Of the c effects of the core.
    core_cov : (c, c) float
        Γ_2.
    """

    stacks: tuple[StackMoments, ...]
    Q: tuple[Floats, Floats, Floats]
    trace: float
    core: EffectPlaces
    core_cov: Floats

    @property
    def c(self) -> int:
        """Effects of the core."""
        return len(self.core_cov)

    @cached_property
    def J(self) -> Floats:
        """(I + Γ_2K)⁻¹ (c, c)."""
        return np.linalg.inv(np.eye(self.c) + self.core_cov @ self.Q[0][: self.c, : self.c])

    @cached_property
    def M(self) -> Floats:
        """Cov(u_2) given the rows and γ, relative to σ²."""
        return self.J @ self.core_cov

    @cached_property
    def T(self) -> Floats:
        """W[X r] = W_1YT, T (c+p+1, p+1)."""
        c = self.c
        return np.vstack([-self.M @ self.Q[0][:c, c:], np.eye(len(self.Q[0]) - c)])


def group_moments(groups: EffectGroups, G: tuple[Floats, ...], change: Floats) -> GroupMoments:
    """The moments at relative covariances of a level of each factor.

    Parameters
    ----------
    groups : EffectGroups
    G : tuple of (q_k, q_k) float
    change : (p+1, p+1) float
        [X r] = [X y] change.
    """
    c = groups.core_size
    turn = np.eye(c + len(change))
    turn[c:, c:] = change
    Q1 = turn.T @ groups.core_products() @ turn
    Q2, Q3, trace, stacks = np.zeros_like(Q1), np.zeros_like(Q1), groups.cross.n, []
    for stack in groups.stacks():
        B = stack.B.copy()
        B[:, :, c:] = stack.B[:, :, c:] @ change
        cov = stack.places.covariance(G)
        inverse = np.linalg.inv(np.eye(cov.shape[1]) + stack.A @ cov)
        D, E = inverse @ stack.A, inverse @ B
        P, F = inverse @ D, inverse @ E
        turned, shrunk = cov @ E, cov @ D
        Q1 -= _summed(B, turned)
        Q2 -= _summed(E, turned)
        Q3 -= _summed(F, turned)
        trace += -2.0 * float(np.einsum("bmm->", shrunk))
        trace += float((shrunk * np.swapaxes(shrunk, 1, 2)).sum())
        stacks.append(StackMoments(stack.places, D, E, P, F))
    Q2 += Q1
    Q3 += Q2
    core = groups.core_places()
    return GroupMoments(tuple(stacks), (Q1, Q2, Q3), trace, core, core.covariance(G))


def _summed(left: Floats, right: Floats) -> Floats:
    """Σ_b left_b' right_b, of (b, m, n) and (b, m, k)."""
    rows = left.shape[0] * left.shape[1]
    total: Floats = left.reshape(rows, left.shape[2]).T @ right.reshape(rows, right.shape[2])
    return total


def traces(moments: GroupMoments, of_chain: list[Entry], of_core: list[Entry]) -> Floats:
    """Tr(W V_i W V_j) of the entries of the chain, then those of the core, then σ²."""
    a, b, c = len(of_chain), len(of_core), moments.c
    total = np.zeros((a + b + 1,) * 2)
    crossing, M, J = np.zeros((a, c, c)), moments.M, moments.J
    Q2, Q3 = (Q[:c, :c] for Q in moments.Q[1:])
    for one in moments.stacks:
        E, F = one.E[:, :, :c], one.F[:, :, :c]
        EM = E @ M
        D_moved = [one.places.moved(entry, one.D) for entry in of_chain]
        E_moved = [one.places.moved(entry, E) for entry in of_chain]
        against = [one.D @ one.places.moved(entry, EM) for entry in of_chain]
        for i, entry in enumerate(of_chain):
            crossing[i] += _summed(E, E_moved[i])
            total[i, -1] += np.einsum("bmm->", one.places.moved(entry, one.P))
            total[i, -1] -= 2.0 * (one.places.moved(entry, EM) * F).sum()
            for j in range(i + 1):
                total[i, j] += (D_moved[i] * np.swapaxes(D_moved[j], 1, 2)).sum()
                total[i, j] -= (E_moved[i] * against[j]).sum() + (E_moved[j] * against[i]).sum()
    spread = crossing @ M
    K = moments.Q[0][:c, :c] @ J  # Z_2'WZ_2
    K_moved = [moments.core.moved(entry, K) for entry in of_core]
    for i in range(a):
        total[i, -1] += (spread[i] * (Q2 @ M).T).sum()
        total[i, : i + 1] += np.einsum("ab,jba->j", spread[i], spread[: i + 1])
        for j, entry in enumerate(of_core):
            total[a + j, i] = np.trace(moments.core.moved(entry, J.T @ crossing[i] @ J))
    square = J.T @ Q2 @ J  # Z_2'W²Z_2
    for i, entry in enumerate(of_core):
        total[a + i, -1] = np.trace(moments.core.moved(entry, square))
        for j in range(i + 1):
            total[a + i, a + j] = (K_moved[i] * K_moved[j].T).sum()
    MQ = M @ Q2
    total[-1, -1] = moments.trace - 2.0 * (M * Q3).sum() + (MQ * MQ.T).sum()
    total[-1, :-1] = total[:-1, -1]
    lower = np.tril(total)
    return lower + np.tril(lower, -1).T


def forms(
    moments: GroupMoments, of_chain: list[Entry], of_core: list[Entry]
) -> tuple[Floats, Floats, Floats]:
    """[X r]'WV_iW[X r] (k, p+1, p+1), …WV_iWV_jW… (k, k, p+1, p+1) and X'WX, σ² last."""
    c, T, M, J = moments.c, moments.T, moments.M, moments.J
    Q1, Q2, Q3 = moments.Q
    a, k, p1 = len(of_chain), len(of_chain) + len(of_core) + 1, T.shape[1]
    first, second = np.zeros((k, p1, p1)), np.zeros((k, k, p1, p1))
    across, after = np.zeros((a, c, p1)), Q2[:c] @ T
    for one in moments.stacks:
        E = one.E @ T
        square = one.F @ T - one.E[:, :, :c] @ (M @ after)
        moved = [one.places.moved(entry, E) for entry in of_chain]
        for i, mine in enumerate(moved):
            first[i] += _summed(E, mine)
            second[i, -1] += _summed(mine, square)
            across[i] += _summed(one.E[:, :, :c], mine)
        beside = [one.D @ mine for mine in moved]
        for i, j in np.ndindex(a, a):
            second[i, j] += _summed(moved[i], beside[j])
    E, square, K = Q1[:c] @ T, J.T @ after, Q1[:c, :c] @ J
    moved = [moments.core.moved(entry, E) for entry in of_core]
    for i, mine in enumerate(moved):
        first[a + i] = E.T @ mine
        second[a + i, -1] = mine.T @ square
        for j, other in enumerate(moved):
            second[a + i, a + j] = mine.T @ K @ other
        for j in range(a):
            second[j, a + i] = across[j].T @ J @ mine
            second[a + i, j] = second[j, a + i].T
    second[:a, :a] -= np.einsum("icx,cd,jdy->ijxy", across, M, across)
    second[-1, :-1] = np.swapaxes(second[:-1, -1], 1, 2)
    first[-1] = T.T @ Q2 @ T
    second[-1, -1] = T.T @ Q3 @ T - after.T @ M @ after
    return first, second, Q1[c:] @ T
