"""Statistics of responses that a fit would make itself, one replication after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.display.steps import steps
from hierbayes.errors import HierbayesError, InferenceError
from hierbayes.fit.fit import Fit
from hierbayes.fit.predictions.simulation import (
    drawn_effects,
    effects_at,
    predictor_at,
    spread_draws,
)
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.checks.statistics import ROWS, Groups, Statistic

GROUPS = ("by level", "kept", "new")
_EFFECTS, _NEW, _KEPT = 21, 22, 23  # streams of random numbers


def own_statistics(
    statistics: Mapping[str, Callable[[Floats], Any]] | None,
) -> tuple[Statistic, ...]:
    """Those that a caller hands over."""
    if statistics is None:
        return ()
    if not isinstance(statistics, Mapping) or not all(map(callable, statistics.values())):
        raise InferenceError(
            "statistics must map names to functions of a response, as in {'median': np.median}"
        )
    return tuple(Statistic(ROWS, str(name), of) for name, of in statistics.items())


def comparable(fit: Fit, y: Floats) -> Floats:
    """Responses (n,), of counts out of trials their shares."""
    rows = fit.design.rows.family
    if rows is None or not rows.of_trials:
        return y
    return np.asarray(y / np.maximum(rows.sizes, 1.0))


def labels_of(asked: tuple[Statistic, ...]) -> pd.MultiIndex:
    """What each is of, and what it is called."""
    return pd.MultiIndex.from_tuples(
        [(one.level, one.name) for one in asked], names=["level", "statistic"]
    )


def numbers(asked: tuple[Statistic, ...], y: Floats) -> list[float]:
    """The statistics of a response (n,).

    Raises
    ------
    InferenceError
        Naming a function of the caller's that fails, or returns no number.
    """
    found: list[float] = []
    for one in asked:
        try:
            value = one.of(y)
        except HierbayesError:
            raise
        except Exception as error:  # whatever a caller's function raises
            raise InferenceError(
                f"the statistic '{one.name}' raises {type(error).__name__}: {error}"
            ) from error
        if not isinstance(value, Real):
            raise InferenceError(
                f"the statistic '{one.name}' returns {type(value).__name__}; a statistic returns a "
                "number"
            )
        found.append(float(value))
    return found


def replicated(
    fit: Fit, asked: tuple[Statistic, ...], groups: str, n: int, seed: int, *, progress: bool
) -> tuple[Floats, tuple[Floats, ...]]:
    """Statistics (n, k) of replications, and by factor group means (n, J) with effects kept."""
    new = np.array(
        [groups == "new" or (groups == GROUPS[0] and one.level != ROWS) for one in asked]
    )
    effects, of_new, of_kept = (
        np.random.default_rng([seed, stream]) for stream in (_EFFECTS, _NEW, _KEPT)
    )
    places = spread_draws(fit, n, np.random.default_rng(seed))
    values, by_group = np.full((n, len(asked)), np.nan), _groups(fit)
    means = tuple(np.empty((n, one.J)) for one in by_group)
    with steps(n, "replications", progress=progress) as shown:
        for m, at in zip(shown, places, strict=False):
            for is_new, rng in ((False, of_kept), (True, of_new)):
                u = drawn_effects(fit, at, effects) if is_new else effects_at(fit, at)
                y = comparable(fit, fit.draw_response(rng, predictor_at(fit, at, u), at))
                mine = tuple(one for one, which in zip(asked, new, strict=True) if which == is_new)
                values[m, new == is_new] = numbers(mine, y)
                if not is_new:
                    for of_factor, one in zip(means, by_group, strict=True):
                        of_factor[m] = one.means(y)
    return values, means


def _groups(fit: Fit) -> tuple[Groups, ...]:
    """Of each factor; none where a response is categories, which have no mean."""
    rows, P = fit.design.rows, fit.design.columns.n_predictors
    if rows.family is not None and len(rows.family.outcomes) > 2:
        return ()
    return tuple(
        Groups(codes[::P], factor.J)
        for codes, factor in zip(rows.codes_of, fit.design.named_factors, strict=False)
    )


def group_means(
    fit: Fit, y: Floats, means: tuple[Floats, ...], interval: Interval
) -> dict[str, pd.DataFrame]:
    """The mean of each group beside its replications."""
    found: dict[str, pd.DataFrame] = {}
    for of_factor, one, factor in zip(means, _groups(fit), fit.design.factors, strict=False):
        found[factor.name] = means_by_group(
            factor.labels, one.sizes.astype(int), one.means(y), of_factor, interval
        )
    return found


def means_by_group(
    labels: pd.Index, sizes: Integers, seen: Floats, replicated: Floats, interval: Interval
) -> pd.DataFrame:
    """The means (J,) of groups beside those (n, J) of replications."""
    low, high = np.quantile(replicated, interval.tails, axis=0)
    columns = {
        "rows": sizes, "mean": seen, "replicated": replicated.mean(axis=0),
        "lower": low, "upper": high, "p": share_above(replicated, seen),
    }  # fmt: skip
    return pd.DataFrame(columns, index=labels)


def share_above(draws: Floats, seen: Floats) -> Floats:
    """Share of draws (n, k) above what was seen (k,), equal ones by half; NaN counts for none.

    Equal are those that rounding alone tells apart, as standard deviations of as many ones in
    another order.
    """
    equal = np.isclose(draws, seen, rtol=1e-9, atol=0.0)
    above = np.where(np.isnan(draws), np.nan, np.where(equal, 0.5, draws > seen))
    known = ~np.isnan(above)
    share = np.where(known, above, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0) & np.isfinite(seen), share, np.nan)
