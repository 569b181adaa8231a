"""Prior against posterior, parameter by parameter, and the profile likelihood beside them.

The prior is its exact density wherever it is stated for the parameter itself.  The profile
likelihood exp(−ζ²/2) is scaled to the same area, which makes it comparable in place and width; it
is no density.  Under REML γ is integrated out, so that its profile is that of the ML deviance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.fit.convergence import scalar_draws
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.fit.without_priors import maximum_of
from hierbayes.frames.arrays import Floats
from hierbayes.inference.profiles.parameter import Parameter, choose_parameters, parameters_of
from hierbayes.inference.profiles.profile import Profile, profile
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.choice import refuse_point
from hierbayes.plots.density import POINTS, Sample, sample_of
from hierbayes.plots.draw import Entries, heading, legend
from hierbayes.plots.look import LIKELIHOOD, PALE, POSTERIOR, PRIOR
from hierbayes.plots.prior_curve import draws_of_joint, prior_density_at, range_of_block
from hierbayes.plots.profile_curve import relative_density, whole_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PROFILED = 0.999  # far enough for a likelihood to fall to nothing
_MARGIN = 0.25  # of the span of the posterior, shown on either side


@dataclass(frozen=True, slots=True, eq=False)
class PriorPosterior:
    """What is drawn of priors and posteriors.

    Parameters
    ----------
    curves : DataFrame
        ``block``, ``parameter``, ``kind`` (``"prior"``, ``"posterior"`` or ``"profile"``), ``x``
        and ``density``; flat priors have no curve, nor have profiles without both bounds.
    summary : DataFrame
        Index (block, parameter): ``mean``, ``lower`` and ``upper`` of the posterior, ``REML``, its
        estimate (``ML`` of a family that is not Gaussian), and ``label``.
    prob : float
        Between ``lower`` and ``upper``, equal tails.
    engine : str
        ``"REML"``, or ``"ML"`` of a family that is not Gaussian.
    """

    curves: pd.DataFrame
    summary: pd.DataFrame
    prob: float
    engine: str


def prior_posterior_frame(
    fit: Fit,
    parameters: Any = None,
    *,
    likelihood: bool = True,
    prob: float = DEFAULT_PROB,
    seed: int = 1,
) -> PriorPosterior:
    """Densities of prior and posterior, and the profile likelihood scaled to the same area.

    Parameters
    ----------
    fit : Fit
        A posterior.
    parameters : str or sequence of str, optional
        Labels such as ``"ses"``, ``"sd(ses)"``, ``"corr(Intercept, ses)"``, ``"sigma"``, or
        blocks (``"gamma"``, ``"sd"``, ``"corr"``, ``"sigma"``); by default all.
    likelihood : bool
        Whether to add the REML estimate and the profile of its likelihood; of a family that is not
        Gaussian those of ML by Laplace's approximation.
    prob : float
        Of the posterior's equal-tailed interval.
    seed : int
        Of the draws from a joint prior, the one kind whose density is estimated.

    Raises
    ------
    StudyError
        When the fit is no posterior.
    InferenceError
        When there is no such parameter.
    """
    refuse_point("plot_prior_posterior", fit)
    chosen = choose_parameters(parameters, parameters_of(fit.problem))
    interval = Interval(prob)
    index, draws = scalar_draws(fit, random_effects=False)
    drawn = draws_of_joint(fit, seed)
    maximum = maximum_of(fit.problem) if likelihood else None
    likely = None if maximum is None else _profile(maximum, chosen)
    estimates = {} if maximum is None else _estimates(maximum)
    parts, rows = [], []
    for one in chosen:
        key = (one.block, one.name)
        values = draws[..., index.get_loc(key)]
        posterior = sample_of(one.label, values, range_of_block(fit.problem, one.block))
        points = None if likely is None else whole_points(likely, key)
        x = _grid(posterior, points)
        curves = {"prior": prior_density_at(fit, one, x, drawn), "posterior": posterior.density(x)}
        if points is not None:
            curves["profile"] = relative_density(points, x)
        parts += [
            pd.DataFrame({"block": one.block, "parameter": one.name, "kind": kind, "x": x,
                          "density": density})
            for kind, density in curves.items() if density is not None
        ]  # fmt: skip
        lower, upper = interval.of_draws(values)
        rows.append(
            [values.mean(), float(lower), float(upper), estimates.get(key, np.nan), one.label]
        )
    keys = pd.MultiIndex.from_tuples(
        [(one.block, one.name) for one in chosen], names=["block", "parameter"]
    )
    engine = "REML" if fit.problem.family is None else "ML"
    columns = ["mean", "lower", "upper", engine, "label"]
    summary = pd.DataFrame(rows, index=keys, columns=columns)
    return PriorPosterior(pd.concat(parts, ignore_index=True), summary, prob, engine)


def plot_prior_posterior(
    fit: Fit,
    parameters: Any = None,
    *,
    likelihood: bool = True,
    prob: float = DEFAULT_PROB,
    seed: int = 1,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `prior_posterior_frame`: a panel for each parameter.

    Other parameters are those of `prior_posterior_frame`.

    Parameters
    ----------
    ax : Axes, or as many as there are parameters, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = prior_posterior_frame(fit, parameters, likelihood=likelihood, prob=prob, seed=seed)
    count = len(frame.summary)
    shape = panel_grid(count)
    panel_size = (3.3, 2.5) if count > 1 else (5.4, 3.8)
    with canvas(
        ax, figsize, beware=fit.objection, shape=shape, panel=panel_size, count=count
    ) as drawn:
        for place, (panel, key) in enumerate(zip(drawn.panels, frame.summary.index, strict=True)):
            _draw(panel, frame, key)
            if not drawn.is_new or place % drawn.columns == 0:
                panel.set_ylabel("density")
        heading(drawn, "Prior and posterior")
        legend(drawn, _entries(frame), width=1.7)
    return drawn.figure


def _profile(maximum: PointFit, chosen: tuple[Parameter, ...]) -> Profile:
    return profile(maximum, [one.label for one in chosen], prob=_PROFILED)


def _estimates(maximum: PointFit) -> dict[tuple[str, str], float]:
    """Estimates of a maximum by block and parameter."""
    index, values = scalar_draws(maximum, random_effects=False)
    return dict(zip(index, values.ravel().tolist(), strict=True))


def _grid(posterior: Sample, points: pd.DataFrame | None) -> Floats:
    """Points from where either curve rises to where both have fallen, and something beyond."""
    low, high = posterior.span()
    if points is not None:
        seen = points[points["zeta"].abs() <= 2.5]["value"]
        low, high = min(low, seen.min()), max(high, seen.max())
    margin = _MARGIN * (high - low)
    lower, upper = posterior.bounds
    return np.linspace(max(low - margin, lower), min(high + margin, upper), POINTS)


def _draw(ax: Axes, frame: PriorPosterior, key: tuple[str, str]) -> None:
    at = (frame.curves["block"] == key[0]) & (frame.curves["parameter"] == key[1])
    of = dict(iter(frame.curves[at].groupby("kind")))
    row = frame.summary.loc[key]
    posterior = of["posterior"]
    inside = posterior["x"].between(row["lower"], row["upper"])
    ax.fill_between(posterior["x"], posterior["density"], where=inside, color=PALE, alpha=0.7,
                    linewidth=0.0)  # fmt: skip
    for kind, look in (("prior", PRIOR), ("profile", LIKELIHOOD), ("posterior", POSTERIOR)):
        if kind in of:
            ax.plot(of[kind]["x"], of[kind]["density"], **look.lines(1.6))
    top = _top(of)
    ax.set_ylim(0.0, 1.08 * top)
    estimate, ends = row[frame.engine], posterior["x"].iloc[[0, -1]].to_numpy()
    room = 2.0 * np.ptp(ends)
    is_far = np.isfinite(estimate) and not ends[0] - room <= estimate <= ends[1] + room
    if np.isfinite(estimate) and not is_far:
        ax.plot(estimate, 0.0, **LIKELIHOOD.points(6.5), clip_on=False, zorder=4.0)
    where = f" ({frame.engine} at {estimate:.3g})" if is_far else ""
    ax.set_xlabel(f"{row['label']}{where}")
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=4)


def _top(of: dict[str, pd.DataFrame]) -> float:
    """Height of the panel: a prior or likelihood with a pole does not press the rest down."""
    posterior = float(of["posterior"]["density"].max())
    others = [float(of[kind]["density"].max()) for kind in ("prior", "profile") if kind in of]
    return max([posterior, *(min(other, 2.0 * posterior) for other in others)])


def _entries(frame: PriorPosterior) -> Entries:
    kinds = set(frame.curves["kind"])
    entries: Entries = {}
    if "prior" in kinds:
        entries["prior"] = PRIOR.lines()
    entries["posterior"] = POSTERIOR.lines()
    entries[f"its {100 * frame.prob:g}% interval"] = {"color": PALE, "linewidth": 7.0}
    if "profile" in kinds:
        entries["profile likelihood"] = LIKELIHOOD.lines()
        entries[frame.engine] = LIKELIHOOD.points(6.5)
    return entries
