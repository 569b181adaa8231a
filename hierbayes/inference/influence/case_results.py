"""Each case left out: why it cannot be, and what changes, θ held or estimated anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
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
    refitted,
    rows_given_theta,
)
from hierbayes.inference.residuals.anchor import Anchor
from hierbayes.inference.residuals.row_variances import row_variances
from hierbayes.likelihood.reading import Reading

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
    at: Anchor, level: int, wanted: int | None, reading: Reading, *, progress: bool
) -> CaseResults:
    """Leave out each group (level 2) or row (level 1), the worst ``wanted`` with θ anew."""
    reasons, given = _held(at, level)
    m, q = len(reasons), at.problem.cross.A.shape[1]
    possible = np.flatnonzero([not reason for reason in reasons])
    by_cook = possible[np.argsort(-given.cook[possible], kind="stable")]
    if wanted is None:
        wanted = m if level == 2 else 0
    chosen = np.sort(by_cook[:wanted])
    if level == 1:
        chosen = _fittable(at, chosen)
    fits = _refits(at, level, chosen, reading, progress=progress)
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


def _held(at: Anchor, level: int) -> tuple[list[str], Changes]:
    """Why each case cannot be left out (empty where it can), and its changes given θ̂."""
    problem = at.problem
    if level == 2:
        effects = estimable_effects(problem.cross.A)
        reasons = [
            why_not(cross, problem, np.delete(effects, j, axis=0))
            for j, cross in enumerate(without_groups(problem))
        ]
        possible = np.flatnonzero([not reason for reason in reasons])
        return reasons, groups_given_theta(at, possible)
    rows = row_variances(at)
    given = rows_given_theta(at, rows, _conditional(at))
    itself = "it alone carries a coefficient, which fits it exactly"
    return ["" if known else itself for known in np.isfinite(given.cook)], given


def _fittable(at: Anchor, rows: Integers) -> Integers:
    """The rows without which the whole model can still be estimated."""
    problem = at.problem
    able = [
        not why_not(cross, problem, estimable_effects(cross.A))
        for cross in without_rows(problem, rows)
    ]
    return rows[np.array(able, dtype=np.bool_)]


def _conditional(at: Anchor) -> Floats:
    """y − Xγ̂ − Zû (n,) in the internal basis."""
    design = at.problem.design
    W, Z = at.problem.cross.basis.internal_rows(design.rows.X, design.rows.Z, design.rows.y)
    u = at.state.moments.u[design.rows.codes]
    rest: Floats = W[:, -1] - W[:, :-1] @ at.state.moments.gamma - (Z * u).sum(axis=1)
    return rest


def _refits(
    at: Anchor, level: int, chosen: Integers, reading: Reading, *, progress: bool
) -> list[Refit]:
    problem = at.problem
    left: Iterable[CrossProducts]
    if level == 2:
        wanted = set(chosen.tolist())
        left = (one for j, one in enumerate(without_groups(problem)) if j in wanted)
    else:
        left = without_rows(problem, chosen)
    shown = progress and len(chosen) >= _MANY
    with steps(len(chosen), "refits", progress=shown) as counted:
        return [
            refit(one, problem, reading, at.state.relative_root)
            for one, _ in zip(left, counted, strict=True)
        ]
