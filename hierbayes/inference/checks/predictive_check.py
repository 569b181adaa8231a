"""A fit against responses that it would make itself, looked at in statistics of both levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError
from hierbayes.fit.about import about_fit
from hierbayes.fit.fit import Fit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.storage import observed
from hierbayes.fit.thinned_draws import thinned
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.checks.replications import (
    GROUPS,
    comparable,
    group_means,
    labels_of,
    means_by_group,
    numbers,
    own_statistics,
    replicated,
    share_above,
)
from hierbayes.inference.checks.statistics import ROWS, usual_statistics
from hierbayes.inference.checks.streamed_replications import streamed_replications
from hierbayes.specification.counts import refuse_bad_count, refuse_bad_seed


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
                "p": share_above(draws.to_numpy(), self.observed.to_numpy()),
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
    Replications are made one after the other and only their statistics are kept.  Rows that stream
    are read once more for all of them; of a family the distinct rows that were kept are enough.

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
    if fit.design.rows.streams:
        return _of_stream(fit, statistics, groups, n, prob, seed)
    asked = usual_statistics(fit.problem, own_statistics(statistics))
    y = comparable(fit, observed(fit))
    seen = pd.Series(numbers(asked, y), index=labels_of(asked), name="observed")
    values, means = replicated(fit, asked, groups, n, seed, progress=progress)
    by_group = group_means(fit, y, means, Interval(prob))
    return _check(fit, seen, values, by_group, groups, n, prob, seed)


def _of_stream(
    fit: Fit, statistics: object, groups: str, n: int, prob: float, seed: int
) -> PredictiveCheck:
    """The same of rows that are read once more, whose statistics are added up."""
    if statistics is not None:
        raise InferenceError(
            "statistics= are functions of the responses of all rows, and these stream: leave them "
            "out, or fit a frame"
        )
    some = thinned(fit)[0] if isinstance(fit, PosteriorFit) else fit
    found = streamed_replications(some, n, seed)
    index = pd.MultiIndex.from_tuples(found.labels, names=["level", "statistic"])
    of_rows = np.array([level == ROWS for level, _ in found.labels])
    is_kept = of_rows if groups == GROUPS[0] else np.full(len(index), groups == "kept")
    by_group = {
        factor.name: means_by_group(factor.labels, sizes.astype(int), seen, kept, Interval(prob))
        for factor, sizes, seen, kept in zip(
            found.factors, found.sizes, found.seen_means, found.kept_means, strict=True
        )
    }
    seen = pd.Series(found.seen, index=index, name="observed")
    values = np.where(is_kept, found.kept, found.new)
    return _check(fit, seen, values, by_group, groups, n, prob, seed)


def _check(
    fit: Fit, seen: pd.Series, values: Floats, by_group: dict[str, pd.DataFrame],
    groups: str, n: int, prob: float, seed: int,
) -> PredictiveCheck:  # fmt: skip
    kind = "Posterior predictive check" if fit.theta.shape != (1, 1) else "Plug-in predictive check"
    which = (
        "kept for statistics of rows, new for those of groups" if groups == GROUPS[0] else groups
    )
    about = about_fit(fit, ("Made", f"{n} replications, seed {seed}; groups {which}"))
    draws = pd.DataFrame(values, columns=seen.index).rename_axis("replication")
    return PredictiveCheck(kind, about, draws, seen, by_group, prob, seed)


def p_text(p: float, n: int) -> str:
    """A share of n replications, as far as so many tell it."""
    if np.isnan(p):
        return ""
    if 1.0 / n <= p <= 1.0 - 1.0 / n:
        return f"{p:.3f}"
    return f"< {1.0 / n:.2g}" if p < 0.5 else f"> {1.0 - 1.0 / n:.4g}"
