"""Each case left out: why it cannot be, and what changes, θ held or estimated anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.ranks import estimable_effects
from hierbayes.display.steps import steps
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.inference.influence.case import (
    Refit,
    refit,
    why_not,
    without_groups,
    without_rows,
)
from hierbayes.inference.influence.case_table import (
    Changes,
    displacements,
    groups_given_theta,
    levels_given_theta,
    refitted,
    rows_given_theta,
)
from hierbayes.inference.residuals.anchor import Anchor
from hierbayes.inference.residuals.row_variances import row_variances, weighed_residuals
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.state import State

_MANY = 200  # refits, from where on they show a bar


@dataclass(frozen=True, slots=True, eq=False)
class CaseResults:
    """Estimates without each of m cases; missing where there are none.

    Parameters
    ----------
    changes : Changes
        θ estimated anew where it was, held elsewhere.
    cook_given_theta : (m,) float
    G, sigma : (m, q, q), (m,) float
        Missing where θ was held.
    singular : (m,) bool
        Whether that G is singular.
    displacement : (m,) float
    method : tuple of str
        ``"refit"``, ``"given θ̂"`` or ``"none"``.
    reasons : tuple of str
        Why a case cannot be left out; empty where it can.
    refits : int
    """

    changes: Changes
    cook_given_theta: Floats
    G: Floats
    sigma: Floats
    singular: Booleans
    displacement: Floats
    method: tuple[str, ...]
    reasons: tuple[str, ...]
    refits: int


def leave_out(
    at: Anchor, k: int | None, wanted: int | None, reading: Reading, *, progress: bool
) -> CaseResults:
    """Leave out each group of factor k, or each row (None), the worst ``wanted`` with θ anew."""
    reasons, given = _held(at, k)
    m, q = len(reasons), len(at.problem.design.effects)
    possible = np.flatnonzero([not reason for reason in reasons])
    by_cook = possible[np.argsort(-given.cook[possible], kind="stable")]
    if wanted is None:
        wanted = 0 if k is None else m
    chosen = np.sort(by_cook[:wanted])
    if k is None:
        chosen = _fittable(at, chosen)
    fits = _refits(at, k, chosen, reading, progress=progress)
    G, sigma, drop = np.full((m, q, q), np.nan), np.full(m, np.nan), np.full(m, np.nan)
    singular = np.zeros(m, dtype=np.bool_)
    changes = given
    if fits:
        changes = _with_refits(given, chosen, refitted(at, fits))
        G[chosen] = [one.state.theta.G for one in fits]
        sigma[chosen] = [one.state.theta.sigma for one in fits]
        singular[chosen] = [one.singular for one in fits]
        drop[chosen] = displacements(at, fits, reading)
    method = np.full(m, "given θ̂", dtype=object)
    method[chosen] = "refit"
    method[[bool(reason) for reason in reasons]] = "none"
    return CaseResults(
        changes, given.cook, G, sigma, singular, drop, tuple(method), tuple(reasons), len(fits)
    )


def _with_refits(given: Changes, chosen: Integers, anew: Changes) -> Changes:
    """Changes given θ̂, those of the chosen cases replaced."""
    parts = []
    for name in ("gamma", "se", "cook", "covratio"):
        values = getattr(given, name).copy()
        values[chosen] = getattr(anew, name)
        parts.append(values)
    return Changes(*parts)


def _held(at: Anchor, k: int | None) -> tuple[list[str], Changes]:
    """Why each case cannot be left out (empty where it can), and its changes given θ̂."""
    problem = at.problem
    if k is not None and isinstance(at.any_state, State):
        effects = estimable_effects(problem.cross.A)
        reasons = [
            why_not(left, problem, np.delete(effects, j, axis=0))
            for j, left in enumerate(without_groups(problem, k, np.arange(len(effects))))
        ]
        possible = np.flatnonzero([not reason for reason in reasons])
        return reasons, groups_given_theta(at, possible)
    if k is not None:
        return levels_given_theta(at, k)
    rows = row_variances(at)
    given = rows_given_theta(at, rows, weighed_residuals(at, _conditional(at)))
    itself = "it alone carries a coefficient, which fits it exactly"
    return ["" if known else itself for known in np.isfinite(given.cook)], given


def _fittable(at: Anchor, rows: Integers) -> Integers:
    """The rows without which the whole model can still be estimated."""
    problem = at.problem
    able = [not why_not(left, problem) for left in without_rows(problem, rows)]
    return rows[np.array(able, dtype=np.bool_)]


def _conditional(at: Anchor) -> Floats:
    """y − Xγ̂ − Zû (n,) in the internal basis, u those of all factors."""
    state, rows = at.any_state, at.problem.design.rows
    W, Z = rows.internal(at.problem.products.basis)
    moments_of = (state.moments,) if isinstance(state, State) else state.moments_of
    rest: Floats = W[:, -1] - W[:, :-1] @ state.internal_gamma
    for moments, span, codes in zip(moments_of, state.cross.spans, rows.codes_of, strict=True):
        rest = rest - (Z[:, span] * moments.u[codes]).sum(axis=1)
    return rest


def _refits(
    at: Anchor, k: int | None, chosen: Integers, reading: Reading, *, progress: bool
) -> list[Refit]:
    problem = at.problem
    left = without_rows(problem, chosen) if k is None else without_groups(problem, k, chosen)
    shown = progress and len(chosen) >= _MANY
    with steps(len(chosen), "refits", progress=shown) as counted:
        return [
            refit(one, problem, reading, at.any_state.relative_root)
            for one, _ in zip(left, counted, strict=True)
        ]
