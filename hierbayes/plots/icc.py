"""The intraclass correlation: its prior, which is seldom stated, and its posterior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.fit.fit import Fit
from hierbayes.fit.variance import shares_by_factor, shares_of
from hierbayes.fit.without_priors import maximum_of
from hierbayes.frames.arrays import Floats
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_point
from hierbayes.plots.density import POINTS, SHARE, sample_of
from hierbayes.plots.draw import Entries, heading, legend
from hierbayes.plots.look import LIKELIHOOD, PALE, POSTERIOR, PRIOR
from hierbayes.plots.prior_curve import DRAWS, exact_density
from hierbayes.priors.joint_families import Beta
from hierbayes.studies.comparison.implied_prior import draws_of_priors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, eq=False)
class ICCDensity:
    """What is drawn of an intraclass correlation.

    Parameters
    ----------
    curves : DataFrame
        ``kind`` (``"prior"``, ``"posterior"``), ``x`` from 0 to 1, ``density``.
    mean, lower, upper : float
        Of the posterior, equal tails.
    maximum : float
        The estimate without priors.
    engine : str
        ``"REML"``, or ``"ML"`` of a family that is not Gaussian.
    prob : float
        Between ``lower`` and ``upper``.
    """

    curves: pd.DataFrame
    mean: float
    lower: float
    upper: float
    maximum: float
    engine: str
    prob: float


def icc_frame(
    fit: Fit, *, factor: str | None = None, prob: float = DEFAULT_PROB, seed: int = 1
) -> ICCDensity:
    """Prior and posterior density of the intraclass correlation, averaged over the rows.

    Of a family that is not Gaussian it is that of the latent response of its link.

    Parameters
    ----------
    fit : Fit
        A posterior.
    factor : str, optional
        The grouping factor whose share of the variance it is, where there are several.
    prob : float
        Of its equal-tailed interval.
    seed : int
        Of the draws from the priors; a prior that is stated for the ICC itself is exact.

    Raises
    ------
    StudyError
        When the fit is no posterior.
    DataError
        When there is no such factor, or several and none is named, or the link has no latent
        response.
    """
    refuse_point("plot_icc", fit)
    fit.design.specification.refuse_no_random_part("plot_icc()")
    (found,) = _densities(fit, [fit.design.place_of_factor(factor)], prob, seed)
    return found


def _densities(fit: Fit, places: Sequence[int], prob: float, seed: int) -> list[ICCDensity]:
    """Of the shares of some factors."""
    x = np.linspace(0.0, 1.0, 2 * POINTS - 1)
    prior, shares = _prior_shares(fit, seed), shares_by_factor(fit, None)
    likely = maximum_of(fit.problem)
    estimates = shares_by_factor(likely, None)
    found = []
    for k in places:
        draws = shares[k]
        lower, upper = Interval(prob).of_draws(draws)
        posterior = sample_of("icc", draws, SHARE).density(x)
        curves = {"prior": _prior(fit, k, prior, x), "posterior": posterior}
        parts = [
            pd.DataFrame({"kind": kind, "x": x, "density": density})
            for kind, density in curves.items()
            if density is not None
        ]
        frame, mean = pd.concat(parts, ignore_index=True), float(draws.mean())
        estimate = float(estimates[k].mean())
        limits = float(lower), float(upper)
        found.append(ICCDensity(frame, mean, *limits, estimate, likely.engine, prob))
    return found


def plot_icc(
    fit: Fit,
    *,
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
    seed: int = 1,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `icc_frame`: of several grouping factors each in a panel, unless one is named.

    Parameters
    ----------
    fit : Fit
        A posterior.
    factor : str, optional
    prob : float
    seed : int
    ax : Axes, optional
        As many as there are panels.
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    refuse_point("plot_icc", fit)
    fit.design.specification.refuse_no_random_part("plot_icc()")
    all_factors = [one.name for one in fit.design.factors]
    names = all_factors if factor is None else [factor]
    frames = _densities(fit, [fit.design.place_of_factor(name) for name in names], prob, seed)
    count, right = len(names), max(map(_right, frames))
    size = (5.4, 3.4 if count == 1 else 2.2)
    with canvas(ax, figsize, beware=fit.objection, shape=(count, 1), panel=size) as drawn:
        for panel, name, frame in zip(drawn.panels, names, frames, strict=True):
            _draw(panel, frame, right)
            if count > 1:
                panel.set_title(name)
        shared = count == 1 or not drawn.is_new
        for panel in drawn.panels if shared else drawn.panels[-1:]:
            share = "intraclass correlation" if count == 1 else "share of the variance"
            panel.set_xlabel(share if fit.problem.family is None else f"{share} (latent scale)")
        has_prior = any((frame.curves["kind"] == "prior").any() for frame in frames)
        what = "Intraclass correlation" if count == 1 else "Shares of the variance"
        of = "" if factor is None else f" of {factor}"
        heading(drawn, f"{what}{of}: {'prior and ' if has_prior else ''}posterior")
        entries: Entries = {"prior": PRIOR.lines()} if has_prior else {}
        entries |= {
            "posterior": POSTERIOR.lines(),
            f"its {100 * prob:g}% interval": {"color": PALE, "linewidth": 7.0},
            frames[0].engine: LIKELIHOOD.points(6.5),
        }
        legend(drawn, entries, width=1.35)
    return drawn.figure


def _draw(panel: Axes, frame: ICCDensity, right: float) -> None:
    of = dict(iter(frame.curves.groupby("kind")))
    posterior = of["posterior"]
    inside = posterior["x"].between(frame.lower, frame.upper)
    panel.fill_between(posterior["x"], posterior["density"], where=inside, color=PALE,
                       alpha=0.7, linewidth=0.0)  # fmt: skip
    if "prior" in of:
        panel.plot(of["prior"]["x"], of["prior"]["density"], **PRIOR.lines(1.6))
    panel.plot(posterior["x"], posterior["density"], **POSTERIOR.lines(1.6))
    panel.plot(frame.maximum, 0.0, **LIKELIHOOD.points(6.5), clip_on=False, zorder=4.0)
    panel.set_ylim(0.0, 1.08 * posterior["density"].max())
    panel.set_xlim(0.0, right)
    panel.set_ylabel("density")


def _prior(fit: Fit, k: int, shares: tuple[Floats, ...], x: Floats) -> Floats | None:
    """Density of what the priors say of a factor's share; None where they are improper."""
    stated = [] if fit.priors is None else [prior for _, prior, _ in fit.priors.joint]
    exact = [prior for prior in stated if isinstance(prior, Beta)]
    moments = fit.problem.moments
    alike = moments is None or not moments.rows.structure.has_unequal_variances
    if exact and alike:  # else it is of an error of variance σ², and not of their mean
        return exact_density(exact[0], x)
    return sample_of("icc", shares[k], SHARE).density(x) if shares else None


def _prior_shares(fit: Fit, seed: int) -> tuple[Floats, ...]:
    """Each factor's share at draws from the priors; none of improper ones."""
    drawn = draws_of_priors(fit, seed, DRAWS)
    if drawn is None:
        return ()
    family = fit.problem.family
    latent = None if family is None else family.latent_variance(drawn.phi)
    residual = drawn.theta.sigma**2 if latent is None else latent
    if (moments := fit.problem.moments) is not None:
        residual = residual * moments.rows.mean_variance(drawn.phi[:, 1:])
    return shares_of(drawn.theta.G, residual, fit.design.rows.second_moment, fit.design.spans)


def _right(frame: ICCDensity) -> float:
    """The end of the picture: 1, or less where both the prior's bulk and the posterior are left."""
    posterior = frame.curves[frame.curves["kind"] == "posterior"]
    seen = posterior.loc[posterior["density"] > 0.005 * posterior["density"].max(), "x"]
    return float(min(1.0, max(2.0 * seen.max(), 0.2)))
