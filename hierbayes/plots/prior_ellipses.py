r"""G's ellipse moving with the prior.

Each ellipse {b : b'G⁻¹b = 1} is that of a posterior mean of G, whose shadows are one standard
deviation of each random effect.  How far two are apart is the largest ratio of their variances, in
whichever direction: max |log λ| over the eigenvalues λ of G₀⁻¹G, the same in any units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.fit.without_priors import maximum_of
from hierbayes.frames.arrays import Floats
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import owner_of_effects, two_effects
from hierbayes.plots.draw import heading, legend, zero_lines
from hierbayes.plots.ellipse import Ellipse, ellipse_frame
from hierbayes.plots.look import BLACK, GREY, LIKELIHOOD, SERIES, Look
from hierbayes.plots.study_choice import chosen_alternatives, refuse_other_than_study
from hierbayes.studies.sensitivity.answers import Answer
from hierbayes.studies.sensitivity.study import SensitivityStudy
from hierbayes.studies.sensitivity.usual_grid import CAUTIONARY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BASELINE = "baseline"
_NAMED = 4  # ellipses with a line of their own, where none are stated
_APART = 0.05  # distance, about 2.5% of an sd, below which two ellipses look like one


@dataclass(frozen=True, slots=True, eq=False)
class PriorEllipses:
    """What is drawn of G under every prior.

    Parameters
    ----------
    effects : (str, str)
        On the two axes.
    boundaries : DataFrame
        ``ellipse`` (an alternative, ``"baseline"``, or ``"REML"``; ``"ML"`` of a family that is not
        Gaussian), ``x``, ``y``.
    table : DataFrame
        Index ellipse: ``block``, ``sd_x``, ``sd_y``, ``corr`` of that matrix, ``distance`` from the
        baseline, and ``named``, whether it has a line of its own.
    """

    effects: tuple[str, str]
    boundaries: pd.DataFrame
    table: pd.DataFrame


def prior_ellipses_frame(
    study: SensitivityStudy,
    alternatives: str | Sequence[str] | None = None,
    *,
    effects: Sequence[str] | None = None,
    factor: str | None = None,
) -> PriorEllipses:
    """Ellipses of the mean of G under the baseline, under alternatives, and at the maximum.

    Parameters
    ----------
    study : SensitivityStudy
    alternatives : str or sequence of str, optional
        Names of those with a line of their own; by default of each block that which moves the
        ellipse most, four at most, if it moves it visibly (distance above 0.05).
    effects : two names, optional
        Random effects on the axes; by default the first two.
    factor : str, optional
        The grouping factor whose effects these are, where there are several.

    Raises
    ------
    StudyError
        When it is no study, an alternative or an effect does not exist, or the factor has one
        random effect.
    DataError
        When there is no such factor, or several and none is named.
    """
    refuse_other_than_study("plot_prior_ellipses", study)
    fit = study.baseline.fit
    k = fit.design.place_of_factor(factor)
    span = fit.design.spans[k]
    names = fit.design.effects[span]
    _refuse_one_effect(fit.design.effect_labels[span], owner_of_effects(fit.design, k))
    pair = list(two_effects(names, effects))
    maximum = maximum_of(fit.problem)
    matrices = {BASELINE: fit.theta.G.mean(axis=(0, 1)), maximum.engine: maximum.G}
    blocks = {BASELINE: "", maximum.engine: ""}
    for one in study.answers:
        if one.fit is not None:
            matrices[one.alternative.name] = _mean_of(one)
            blocks[one.alternative.name] = one.alternative.block
    kept = {name: G[span, span][np.ix_(pair, pair)] for name, G in matrices.items()}
    table = _table(kept, blocks)
    stated = [study.answers[k].alternative.name for k in chosen_alternatives(study, alternatives)]
    named = _farthest(table) if alternatives is None else stated
    table["named"] = (table["block"] == "") | table.index.isin(named)
    ellipses = {name: Ellipse(np.zeros(2), G) for name, G in kept.items()}
    first, second = (names[place] for place in pair)
    return PriorEllipses((first, second), ellipse_frame(ellipses), table)


def plot_prior_ellipses(
    study: SensitivityStudy,
    alternatives: str | Sequence[str] | None = None,
    *,
    effects: Sequence[str] | None = None,
    factor: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `prior_ellipses_frame`: ellipses without a name are thin and grey.

    Other parameters are those of `prior_ellipses_frame`.

    Parameters
    ----------
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = prior_ellipses_frame(study, alternatives, effects=effects, factor=factor)
    looks = _looks(frame.table)
    with canvas(ax, figsize, beware=study.baseline.objection, panel=(6.6, 4.4)) as drawn:
        for name, points in frame.boundaries.groupby("ellipse", sort=False):
            if name in looks:
                width = 2.2 if name == BASELINE else 1.5
                drawn.ax.plot(points["x"], points["y"], **looks[str(name)].lines(width), zorder=2.5)
            else:
                drawn.ax.plot(points["x"], points["y"], color=GREY, linewidth=0.5)
        zero_lines(drawn.ax)
        drawn.ax.set_xlabel(f"random effect of {frame.effects[0]}")
        drawn.ax.set_ylabel(f"random effect of {frame.effects[1]}")
        entries = {name: look.lines() for name, look in looks.items()}
        if not frame.table["named"].all():
            entries["other priors"] = {"color": GREY, "linewidth": 0.5}
        of = "" if factor is None else f" of {factor}"
        heading(drawn, f"G{of}, one sd, under each prior")
        legend(drawn, entries, width=1.7)
    return drawn.figure


def _refuse_one_effect(labels: Sequence[str], owner: str) -> None:
    if len(labels) < 2:
        raise StudyError(
            f"{owner} has one random effect, and G no ellipse; plot_ridge(study, "
            f"'sd({labels[0]})') shows how its sd moves with the prior"
        )


def _mean_of(answer: Answer) -> Floats:
    """Posterior mean of G (q, q) under an alternative."""
    assert answer.fit is not None
    G = answer.fit.theta.G
    q = G.shape[-1]
    mean: Floats = np.einsum("m,mkl->kl", answer.weights.values, G.reshape(-1, q, q))
    return mean


def _table(matrices: dict[str, Floats], blocks: dict[str, str]) -> pd.DataFrame:
    rows = {}
    for name, G in matrices.items():
        sd = np.sqrt(np.diag(G))
        product = float(sd.prod())
        corr = float(G[0, 1] / product) if product > 0.0 else np.nan
        rows[name] = [blocks[name], *sd, corr, distance(matrices[BASELINE], G)]
    columns = ["block", "sd_x", "sd_y", "corr", "distance"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("ellipse")


def distance(G: Floats, other: Floats) -> float:
    """Largest |log ratio| of the variances of two G (k, k) in one direction; inf of a singular one.

    Examples
    --------
    >>> distance(np.eye(2), np.diag([1.0, np.e**2]))
    2.0
    """
    root = np.linalg.cholesky(G)
    half = np.linalg.solve(root, np.linalg.solve(root, other).T)
    ratios = np.linalg.eigvalsh(half)
    if ratios[0] <= 1e-12 * ratios[-1]:
        return float("inf")
    return float(np.abs(np.log(ratios)).max())


def _farthest(table: pd.DataFrame) -> list[str]:
    """Of each block the alternative farthest from the baseline; nothing cautionary."""
    others = table[~table["block"].isin(["", CAUTIONARY]) & (table["distance"] > _APART)]
    best = others.sort_values("distance", ascending=False, kind="stable").groupby(
        "block", sort=False
    )
    return [str(name) for name in best.head(1).index[:_NAMED]]


def _looks(table: pd.DataFrame) -> dict[str, Look]:
    """A line for every ellipse with a name; they repeat after four."""
    own = [str(name) for name in table.index[table["named"] & (table["block"] != "")]]
    (maximum,) = (str(name) for name in table.index[table["block"] == ""] if name != BASELINE)
    looks = {BASELINE: Look(BLACK, "o"), maximum: LIKELIHOOD}
    lines = [*SERIES[1:2], *SERIES[3:5], SERIES[0]]  # nothing that looks like REML
    return looks | {name: lines[k % len(lines)] for k, name in enumerate(own)}
