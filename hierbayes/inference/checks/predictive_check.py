"""A fit against responses that it would make itself, looked at in statistics of both levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page, Printed
from hierbayes.display.steps import steps
from hierbayes.errors import HierbayesError, InferenceError
from hierbayes.fit.about import about_fit
from hierbayes.fit.fit import Fit
from hierbayes.fit.predictions.simulation import (
    drawn_effects,
    effects_at,
    predictor_at,
    spread_draws,
)
from hierbayes.fit.storage import observed
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.checks.statistics import ROWS, Groups, Statistic, usual_statistics
from hierbayes.specification.counts import refuse_bad_count, refuse_bad_seed

GROUPS = ("by level", "kept", "new")
_EFFECTS, _NEW, _KEPT = 21, 22, 23  # streams of random numbers


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictiveCheck(Printed):
    """Statistics of a response beside those of replications of it.

    Parameters
    ----------
    title : str
    about : tuple of str
    draws : DataFrame
        A row per replication, a column for each (level, statistic).
    observed : Series
        The same of the data.
    groups : dict of DataFrame
        By factor, for each group its observed ``mean`` and that of replications with its own
        effects kept: ``replicated``, ``lower``, ``upper`` and ``p``.
    prob : float
        Of the limits.
    seed : int
    """

    title: str
    about: tuple[str, ...]
    draws: pd.DataFrame
    observed: pd.Series
    groups: dict[str, pd.DataFrame]
    prob: float
    seed: int

    @property
    def frame(self) -> pd.DataFrame:
        """A row per level and statistic.

        ``observed``; ``mean`` and ``sd`` of the replications; their ``lower`` and ``upper``
        limits; and ``p``, the share of replications above what was observed (half of those that
        are equal to it): a Bayesian p value of a posterior.
        """
        low, high = Interval(self.prob).tails
        draws = self.draws
        return pd.DataFrame(
            {
                "observed": self.observed, "mean": draws.mean(), "sd": draws.std(),
                "lower": draws.quantile(low), "upper": draws.quantile(high),
                "p": _p_value(draws.to_numpy(), self.observed.to_numpy()),
            }
        )  # fmt: skip

    @property
    def findings(self) -> tuple[str, ...]:
        """What the replications do not show."""
        low, high = Interval(self.prob).tails
        frame = self.frame
        out = frame[(frame["p"] < low) | (frame["p"] > high)]
        found = [
            f"{name} ({level}): observed {row['observed']:.4g}, and "
            f"{100 * self.prob:g}% of the replications lie from {row['lower']:.4g} to "
            f"{row['upper']:.4g}"
            for (level, name), row in out.iterrows()
        ]
        if not found:
            found = ["every statistic lies where the replications do"]
        for name, one in self.groups.items():
            far, expected = int(((one["p"] < low) | (one["p"] > high)).sum()), 1 - self.prob
            found.append(
                f"{far} of {len(one)} means of '{name}' lie outside the limits of their own "
                f"replications; {100 * expected:g}% would be {len(one) * expected:.3g}, and fewer "
                "are usual, for a group's effects have seen its mean"
            )
        return tuple(found)

    def page(self) -> Page:
        """The table and what it says."""
        p = [p_text(value, len(self.draws)) for value in self.frame["p"]]
        shown = self.frame.drop(columns="p").assign(**{"share above": p})
        return Page(self.title, self.about, (Table(shown), Items(self.findings)))


def predictive_check(
    fit: Fit,
    statistics: Mapping[str, Callable[[Floats], Any]] | None = None,
    *,
    groups: str = "by level",
    n: int = 400,
    prob: float = DEFAULT_PROB,
    seed: int | None = None,
    progress: bool = True,
) -> PredictiveCheck:
    """Replicate the responses of a fit, and compare statistics of rows and of groups.

    A posterior takes one draw of its parameters for each replication (a posterior predictive
    check); a maximum its estimates (a plug-in check: what is not known of them is left out).
    Replications are made one after the other and only their statistics are kept.

    Parameters
    ----------
    fit : Fit
    statistics : mapping, optional
        Further ones of the rows: by name a function of the response (n,) that returns a number; of
        counts out of trials it is given their shares, of categories their numbers from 0.
    groups : str
        ``"by level"``: statistics of rows from replications in which the groups keep their effects,
        and those of groups from replications with new groups, whose effects are drawn from G, which
        their distribution is asked of; or ``"kept"`` or ``"new"`` for all of them.
    n : int
        Replications.
    prob : float
        Of the limits.
    seed : int, optional
        Equal seeds give equal replications; by default one is drawn and kept.
    progress : bool

    Raises
    ------
    InferenceError
        When a statistic returns no number, or ``groups`` has no meaning.
    EstimationError
        When n or seed are no whole numbers in their range.

    References
    ----------
    Gelman, Meng & Stern (1996), *Statistica Sinica* 6, 733; Marshall & Spiegelhalter (2003),
    doi:10.1002/sim.1403, of replications with new groups.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 + ses | school)", data=hs).reml()
    >>> check = hb.predictive_check(fit, n=50, seed=1, progress=False)
    >>> check.frame.loc["school"].index.tolist()[:2]
    ['sd of means', 'smallest mean']
    """
    refuse_other_than_fit(fit, "predictive_check", structured=True)
    refuse_bad_count("n", n)
    if n < 2:
        raise InferenceError("n must be at least 2: one replication has no spread")
    if groups not in GROUPS:
        raise InferenceError(f"groups must be 'by level', 'kept' or 'new', not {groups!r}")
    _ = Interval(prob)
    seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
    refuse_bad_seed(seed)
    asked = usual_statistics(fit.problem, _own(statistics))
    y = _comparable(fit, observed(fit))
    seen = pd.Series(_numbers(asked, y), index=_labels(asked), name="observed")
    values, means = _replicated(fit, asked, groups, n, seed, progress=progress)
    kind = "Posterior predictive check" if fit.theta.shape != (1, 1) else "Plug-in predictive check"
    which = (
        "kept for statistics of rows, new for those of groups" if groups == GROUPS[0] else groups
    )
    about = about_fit(fit, ("Made", f"{n} replications, seed {seed}; groups {which}"))
    draws = pd.DataFrame(values, columns=_labels(asked)).rename_axis("replication")
    return PredictiveCheck(
        kind, about, draws, seen, _by_group(fit, y, means, Interval(prob)), prob, seed
    )


def p_text(p: float, n: int) -> str:
    """A share of n replications, as far as so many tell it."""
    if np.isnan(p):
        return ""
    if 1.0 / n <= p <= 1.0 - 1.0 / n:
        return f"{p:.3f}"
    return f"< {1.0 / n:.2g}" if p < 0.5 else f"> {1.0 - 1.0 / n:.4g}"


def _own(statistics: Mapping[str, Callable[[Floats], Any]] | None) -> tuple[Statistic, ...]:
    """Those that a caller hands over."""
    if statistics is None:
        return ()
    if not isinstance(statistics, Mapping) or not all(map(callable, statistics.values())):
        raise InferenceError(
            "statistics must map names to functions of a response, as in {'median': np.median}"
        )
    return tuple(Statistic(ROWS, str(name), of) for name, of in statistics.items())


def _comparable(fit: Fit, y: Floats) -> Floats:
    """Responses (n,), of counts out of trials their shares."""
    rows = fit.design.rows.family
    if rows is None or not rows.of_trials:
        return y
    return np.asarray(y / np.maximum(rows.sizes, 1.0))


def _labels(asked: tuple[Statistic, ...]) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples(
        [(one.level, one.name) for one in asked], names=["level", "statistic"]
    )


def _numbers(asked: tuple[Statistic, ...], y: Floats) -> list[float]:
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


def _replicated(
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
                y = _comparable(fit, fit.draw_response(rng, predictor_at(fit, at, u), at))
                mine = tuple(one for one, which in zip(asked, new, strict=True) if which == is_new)
                values[m, new == is_new] = _numbers(mine, y)
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


def _by_group(
    fit: Fit, y: Floats, means: tuple[Floats, ...], interval: Interval
) -> dict[str, pd.DataFrame]:
    """The mean of each group beside its replications."""
    found: dict[str, pd.DataFrame] = {}
    for of_factor, one, factor in zip(means, _groups(fit), fit.design.factors, strict=False):
        seen = one.means(y)
        low, high = np.quantile(of_factor, interval.tails, axis=0)
        columns = {
            "rows": one.sizes.astype(int), "mean": seen, "replicated": of_factor.mean(axis=0),
            "lower": low, "upper": high, "p": _p_value(of_factor, seen),
        }  # fmt: skip
        found[factor.name] = pd.DataFrame(columns, index=factor.labels)
    return found


def _p_value(draws: Floats, seen: Floats) -> Floats:
    """Share of draws (n, k) above what was seen (k,), equal ones by half; NaN counts for none.

    Equal are those that rounding alone tells apart, as standard deviations of as many ones in
    another order.
    """
    equal = np.isclose(draws, seen, rtol=1e-9, atol=0.0)
    above = np.where(np.isnan(draws), np.nan, np.where(equal, 0.5, draws > seen))
    known = ~np.isnan(above)
    share = np.where(known, above, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0) & np.isfinite(seen), share, np.nan)
