"""The parametric bootstrap: a model refitted to responses simulated from its estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.display.about import about_line
from hierbayes.display.blocks import Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page, Printed
from hierbayes.display.steps import steps
from hierbayes.errors import InferenceError
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.inference.accepted_fits import (
    criterion_of,
    refuse_other_than_maxima,
)
from hierbayes.inference.bootstraps.refit import (
    without_rows,
)
from hierbayes.inference.bootstraps.refit_task import RefitTask, Statistic, labelled
from hierbayes.inference.profiles.parameter import (
    estimates_of,
    parameter_values,
    parameters_of,
)
from hierbayes.sources.cluster import done_by_workers
from hierbayes.specification.counts import refuse_bad_count, refuse_bad_seed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bootstrap(Printed):
    """Refits to simulated responses.

    Parameters
    ----------
    title : str
    model : str
        As one formula.
    draws : DataFrame
        A row per refit; columns (block, parameter) for γ, sd, corr, σ and the statistic.  A
        correlation with an effect whose sd is zero does not exist and is missing.
    estimate : Series
        The same of the fit itself.
    singular : Series
        Whether G is singular, by refit.
    seed : int
    unbounded : Series
        Whether a coefficient has no finite maximum, by refit: of families that are not Gaussian.
    """

    title: str
    model: str
    draws: pd.DataFrame
    estimate: pd.Series
    singular: pd.Series
    seed: int
    unbounded: pd.Series

    @property
    def table(self) -> pd.DataFrame:
        """Estimate, bias and standard error by block and parameter.

        ``bias`` is the mean of the draws less the estimate, ``mcse`` its Monte Carlo error,
        ``se`` the sd of the draws, and ``draws`` the number of those in which it exists.
        """
        count = self.draws.count()
        se = self.draws.std()
        return pd.DataFrame(
            {
                "estimate": self.estimate,
                "bias": self.draws.mean() - self.estimate,
                "mcse": se / np.sqrt(count),
                "se": se,
                "draws": count,
            }
        )

    def intervals(self, prob: float = DEFAULT_PROB, kind: str = "percentile") -> pd.DataFrame:
        """Lower limit, estimate and upper limit by block and parameter.

        Parameters
        ----------
        prob : float
        kind : {"percentile", "basic"}
            Quantiles of the draws, or those reflected about the estimate.

        Raises
        ------
        IntervalError, InferenceError
            When `prob` does not lie between 0 and 1, or there is no such kind.
        """
        low, high = Interval(prob).tails
        if kind not in ("percentile", "basic"):
            raise InferenceError(f"kind must be 'percentile' or 'basic', not {kind!r}")
        lower, upper = self.draws.quantile(low), self.draws.quantile(high)
        if kind == "basic":
            lower, upper = 2.0 * self.estimate - upper, 2.0 * self.estimate - lower
        frame = pd.DataFrame({"lower": lower, "estimate": self.estimate, "upper": upper})
        frame.attrs["method"] = f"{100 * prob:g}% {kind} intervals of {len(self.draws)} refits"
        return frame

    def page(self) -> Page:
        """Estimates, bias, standard errors and limits."""
        n, singular = len(self.draws), int(self.singular.sum())
        about: tuple[str, ...] = (
            about_line("Model", self.model),
            about_line(
                "Refits",
                f"{n}, seed {self.seed}; G singular in {singular} of them "
                f"({100 * singular / n:.1f}%)",
            ),
            about_line(
                "Limits",
                "basic ones reflect the percentiles about the estimate; near a boundary they may "
                "leave the range",
            ),
        )
        if self.unbounded.any():
            about += (
                about_line(
                    "Note",
                    f"in {int(self.unbounded.sum())} of them the likelihood has no finite maximum: "
                    "those draws are far out, and bias and se with them; percentiles are not moved",
                ),
            )
        return Page(self.title, about, (Table(self._shown()),))

    def _shown(self) -> pd.DataFrame:
        table = self.table.drop(columns="mcse")
        for kind in ("percentile", "basic"):
            limits = self.intervals(kind=kind)
            table[f"{kind} 2.5%"], table[f"{kind} 97.5%"] = limits["lower"], limits["upper"]
        if (table["draws"] == len(self.draws)).all():
            table = table.drop(columns="draws")
        return table


def bootstrap(
    fit: PointFit,
    statistic: Statistic | None = None,
    *,
    n: int = 1000,
    seed: int | None = None,
    client: Any = None,
    progress: bool = True,
) -> Bootstrap:
    """Parametric bootstrap of a REML or ML fit.

    Responses are simulated from γ̂, Ĝ and σ̂ as cross-products, by their exact distribution
    (see `hierbayes.fit.resampling.simulation`), and the model is fitted anew to each: a refit
    costs nothing in the number of rows.  With several grouping factors they are simulated row by
    row and summed up.  Of families that are not Gaussian rows are simulated, in new groups, and the
    same approximation of the likelihood is maximised; with a residual structure rows are simulated
    with its errors.

    Parameters
    ----------
    fit : PointFit
    statistic : callable, optional
        From a fit to a number, or to a mapping or Series of numbers by name.  The fits it is
        given have γ, u, G, σ and their likelihood; of a Gaussian response rows are not
        simulated, and a statistic that needs them (residuals, influence) is refused.
    n : int
        Refits, at least 2.
    seed : int, optional
        Equal seeds give equal draws on one machine; other processors round otherwise, and the
        draws part.  By default one is drawn and recorded.
    client : distributed.Client, optional
        Of a Dask cluster, whose workers do the refits: the same, for each has random numbers of
        its own.
    progress : bool
        Whether to show progress.

    Returns
    -------
    Bootstrap

    Raises
    ------
    InferenceError
        When the fit maximises no likelihood, n is 1, or the statistic is no function, returns
        something else, or needs the rows of the data.
    EstimationError
        When n or seed are no whole numbers in their range, or the cluster is lost.
    UsageError
        When the client is none.

    References
    ----------
    Davison & Hinkley (1997), *Bootstrap Methods and their Application*, chapters 2 and 5.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    >>> drawn = hb.bootstrap(fit, n=200, seed=1, progress=False)
    >>> bool(0.15 < drawn.table.loc[("gamma", "ses"), "se"] < 0.3)
    True
    """
    refuse_other_than_maxima("bootstrap", fit, families=True, structured=True)
    refuse_bad_count("n", n)
    if n < 2:
        raise InferenceError("n must be at least 2: a single refit has no spread and no limits")
    if statistic is not None and not callable(statistic):
        raise InferenceError(
            f"statistic must be a function of a fit, not of type {type(statistic).__name__}"
        )
    seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
    refuse_bad_seed(seed)
    parameters = parameters_of(fit.problem)
    values = parameter_values(parameters, estimates_of(fit))
    estimate = labelled(parameters, values, statistic, fit)
    if statistic is not None and not isinstance(fit, FamilyPointFit | StructuredPointFit):
        _refuse_rows(statistic, fit, estimate)
    task = RefitTask(fit, parameters, statistic, seed)
    with steps(n, "refits", progress=progress) as shown:
        done = task.done(range(n))
        if client is not None:
            done = done_by_workers(client, task, range(n), "models were refitted")
        found = [one for _, one in zip(shown, done, strict=True)]
    rows, singular, unbounded = zip(*found, strict=True)
    draws = pd.DataFrame(rows).set_axis(pd.RangeIndex(n, name="refit"))
    draws.columns = pd.MultiIndex.from_tuples(draws.columns, names=["block", "parameter"])
    return Bootstrap(
        f"Parametric bootstrap of the {criterion_of(fit)} fit",
        str(fit.design.specification),
        draws,
        pd.Series(estimate).reindex(draws.columns).rename("estimate"),
        pd.Series(singular, index=draws.index, name="singular"),
        seed,
        pd.Series(unbounded, index=draws.index, name="unbounded"),
    )


def _refuse_rows(
    statistic: Statistic, fit: PointFit, estimate: Mapping[tuple[str, str], float]
) -> None:
    """Refuse a statistic that cannot be had from the same fit without its rows."""
    error: Exception | None = None
    try:
        found = labelled((), (), statistic, without_rows(fit))
    except Exception as caught:  # whatever it is, the fit with its rows has none
        found, error = {}, caught
    lost = [
        key for key, value in estimate.items()
        if key[0] == "statistic" and np.isfinite(value) and not np.isfinite(found.get(key, np.nan))
    ]  # fmt: skip
    if lost:
        raise InferenceError(
            f"the statistic '{lost[0][1]}' needs the rows of the data, and only cross-products are "
            "simulated; take one of γ, G, σ and the likelihood"
        ) from error
