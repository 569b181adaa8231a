"""New responses for the rows of a fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import has_thresholds
from hierbayes.errors import DataError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.specification.counts import refuse_bad_count, refuse_bad_seed

GROUPS = ("new", "kept")
_EFFECTS, _ROWS = 3, 4  # streams of random numbers


def simulate_responses(
    fit: Fitted, n: int, groups: str | Mapping[str, str], seed: int | None
) -> pd.DataFrame:
    """New responses (n columns) for the rows of a fit, see `Fit.simulate`.

    Raises
    ------
    DataError
        When groups are neither new nor kept, or there is no such factor.
    EstimationError
        When n or seed are no whole numbers in their range.
    """
    refuse_bad_count("n", n)
    are_kept = kept_factors(fit, groups)
    seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
    refuse_bad_seed(seed)
    effects, rows = (np.random.default_rng([seed, stream]) for stream in (_EFFECTS, _ROWS))
    columns = []
    for at in spread_draws(fit, n, np.random.default_rng(seed)):
        new = effects_at(fit, at) if all(are_kept) else drawn_effects(fit, at, effects)
        pairs = zip(are_kept, effects_at(fit, at), new, strict=True)
        u = tuple(own if kept else drawn for kept, own, drawn in pairs)
        columns.append(fit.draw_response(rows, predictor_at(fit, at, u), at))
    frame = pd.DataFrame(np.column_stack(columns), index=fit.design.rows.index)
    family_rows = fit.design.rows.family
    labels = family_rows.outcomes if family_rows is not None else ()
    if family_rows is not None and labels:
        ordered = has_thresholds(family_rows.family)
        codes = {name: frame[name].astype(int) for name in frame}
        frame = pd.DataFrame(
            {name: pd.Categorical.from_codes(of, list(labels), ordered=ordered)
             for name, of in codes.items()}, index=frame.index,
        )  # fmt: skip
    frame.columns = pd.RangeIndex(n, name="simulation")
    frame.attrs["seed"] = seed
    return frame


def kept_factors(fit: Fitted, groups: str | Mapping[str, str]) -> tuple[bool, ...]:
    """Of each grouping factor whether its groups are those of the fit."""
    design = fit.design
    stated = {} if isinstance(groups, str) else groups
    words = [groups] if isinstance(groups, str) else list(groups.values())
    for word in words:
        if word not in GROUPS:
            raise DataError(f"groups must be 'new' or 'kept', not {word!r}")
    by_place = {design.place_of_factor(str(name)): word for name, word in stated.items()}
    usual = groups if isinstance(groups, str) else "new"
    return tuple(by_place.get(k, usual) == "kept" for k in range(len(design.factors)))


def spread_draws(fit: Fitted, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Which draw of a fit (chain, draw) each of n simulations takes; none twice if it can be."""
    shape = fit.theta.shape
    total = int(np.prod(shape))
    if total == 1:
        return [(0, 0)] * n
    places: Integers = rng.choice(total, size=n, replace=n > total)
    return [(int(chain), int(draw)) for chain, draw in zip(*np.unravel_index(places, shape),
                                                             strict=True)]  # fmt: skip


def effects_at(fit: Fitted, at: tuple[int, int]) -> tuple[Floats, ...]:
    """Random effects (J_k, q_k) of each factor in one draw."""
    return tuple(u[at] for u in fit.us)


def drawn_effects(fit: Fitted, at: tuple[int, int], rng: np.random.Generator) -> tuple[Floats, ...]:
    """Random effects of new groups, as many as the fit has, from the G of one draw."""
    design, root = fit.design, fit.theta[at].root
    return tuple(
        rng.standard_normal((factor.J, root.shape[1])) @ root[span].T
        for factor, span in zip(design.factors, design.spans, strict=True)
    )


def predictor_at(fit: Fitted, at: tuple[int, int], u: tuple[Floats, ...]) -> Floats:
    """The linear predictor (n,) of one draw of γ with random effects, offset included."""
    design, rows = fit.design, fit.design.rows
    eta = rows.X @ fit.gamma_draws[at] + rows.offset
    for part, codes, span in zip(u, rows.codes_of, design.spans, strict=True):
        eta = eta + (rows.Z[:, span] * part[codes]).sum(axis=1)
    return np.asarray(eta)
