"""The intraclass correlation: its prior, which is seldom stated, and its posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.fit.fit import Fit
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.variance import icc_draws, share_between
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import second_moment
from hierbayes.likelihood.reading import REML
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_point
from hierbayes.plots.density import POINTS, SHARE, sample_of
from hierbayes.plots.draw import Entries, heading, legend
from hierbayes.plots.look import LIKELIHOOD, PALE, POSTERIOR, PRIOR
from hierbayes.plots.prior_curve import draws_of_priors, exact_density
from hierbayes.priors.joint_families import Beta

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
    reml : float
        REML's estimate.
    prob : float
        Between ``lower`` and ``upper``.
    """

    curves: pd.DataFrame
    mean: float
    lower: float
    upper: float
    reml: float
    prob: float


def icc_frame(fit: Fit, *, prob: float = DEFAULT_PROB, seed: int = 1) -> ICCDensity:
    """Prior and posterior density of the intraclass correlation, averaged over the rows.

    Parameters
    ----------
    fit : Fit
        A posterior.
    prob : float
        Of its equal-tailed interval.
    seed : int
        Of the draws from the priors; a prior that is stated for the ICC itself is exact.

    Raises
    ------
    StudyError
        When the fit is no posterior.
    """
    refuse_point("plot_icc", fit)
    draws = icc_draws(fit, None)
    lower, upper = Interval(prob).of_draws(draws)
    x = np.linspace(0.0, 1.0, 2 * POINTS - 1)
    curves = {"prior": _prior(fit, x, seed), "posterior": sample_of("icc", draws, SHARE).density(x)}
    parts = [
        pd.DataFrame({"kind": kind, "x": x, "density": density})
        for kind, density in curves.items()
        if density is not None
    ]
    reml = float(icc_draws(maximum_likelihood(fit.problem, REML), None).mean())
    frame = pd.concat(parts, ignore_index=True)
    return ICCDensity(frame, float(draws.mean()), float(lower), float(upper), reml, prob)


def plot_icc(
    fit: Fit,
    *,
    prob: float = DEFAULT_PROB,
    seed: int = 1,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `icc_frame`.

    Parameters
    ----------
    fit : Fit
        A posterior.
    prob : float
    seed : int
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = icc_frame(fit, prob=prob, seed=seed)
    of = dict(iter(frame.curves.groupby("kind")))
    posterior = of["posterior"]
    with canvas(ax, figsize, beware=fit.objection, panel=(5.4, 3.4)) as drawn:
        panel = drawn.ax
        inside = posterior["x"].between(frame.lower, frame.upper)
        panel.fill_between(posterior["x"], posterior["density"], where=inside, color=PALE,
                           alpha=0.7, linewidth=0.0)  # fmt: skip
        if "prior" in of:
            panel.plot(of["prior"]["x"], of["prior"]["density"], **PRIOR.lines(1.6))
        panel.plot(posterior["x"], posterior["density"], **POSTERIOR.lines(1.6))
        panel.plot(frame.reml, 0.0, **LIKELIHOOD.points(6.5), clip_on=False, zorder=4.0)
        panel.set_ylim(0.0, 1.08 * posterior["density"].max())
        panel.set_xlim(0.0, _right(frame))
        panel.set_xlabel("intraclass correlation")
        panel.set_ylabel("density")
        prior = "prior and " if "prior" in of else ""
        heading(drawn, f"Intraclass correlation: {prior}posterior")
        entries: Entries = {"prior": PRIOR.lines()} if "prior" in of else {}
        entries |= {
            "posterior": POSTERIOR.lines(),
            f"its {100 * frame.prob:g}% interval": {"color": PALE, "linewidth": 7.0},
            "REML": LIKELIHOOD.points(6.5),
        }
        legend(drawn, entries, width=1.35)
    return drawn.figure


def _prior(fit: Fit, x: Floats, seed: int) -> Floats | None:
    """Density of what the priors say of the ICC; None where they are improper."""
    if fit.priors is None:
        return None
    stated = [prior for _, prior, _ in fit.priors.joint if isinstance(prior, Beta)]
    if stated:
        return exact_density(stated[0], x)
    drawn = draws_of_priors(fit, seed)
    if drawn is None:
        return None
    theta = drawn.theta
    shares = share_between(theta.G, theta.sigma, second_moment(fit.design.rows.Z))
    return sample_of("icc", shares, SHARE).density(x)


def _right(frame: ICCDensity) -> float:
    """The end of the picture: 1, or less where both the prior's bulk and the posterior are left."""
    posterior = frame.curves[frame.curves["kind"] == "posterior"]
    seen = posterior.loc[posterior["density"] > 0.005 * posterior["density"].max(), "x"]
    return float(min(1.0, max(2.0 * seen.max(), 0.2)))
