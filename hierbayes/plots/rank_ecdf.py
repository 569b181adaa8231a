"""The ECDF of ranks less that of uniform ones, within its envelope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError, in_quotes
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import BLACK, PALE, SERIES
from hierbayes.studies.calibration.calibration import Calibration
from hierbayes.studies.calibration.rank_tests import counts_below, envelope, points_of
from hierbayes.studies.calibration.ranks import DRAWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PER_ROW = 4


@dataclass(frozen=True, slots=True, eq=False)
class RankEcdf:
    """What is drawn of ranks.

    Parameters
    ----------
    ecdf : DataFrame
        ``quantity``, ``groups``, ``at``, ``difference``: the share of ranks below a point of
        (0, 1), less the point.
    envelope : DataFrame
        ``groups``, ``at``, ``lower``, ``upper``: where all points of uniform ranks lie together
        with the probability.
    prob : float
    """

    ecdf: pd.DataFrame
    envelope: pd.DataFrame
    prob: float


def rank_ecdf_frame(
    calibration: Calibration, quantities: Sequence[str] | None = None, *, prob: float = 0.95
) -> RankEcdf:
    """ECDF differences and their envelope.

    Parameters
    ----------
    calibration : Calibration
        With ranks, as `hierbayes.calibrate` makes it.
    quantities : sequence of str, optional
        Those to draw, such as ``"ses"``, ``"sd(ses)"`` or ``"log-likelihood"``; all by default.
    prob : float
        Of the envelope, for the ECDF of one quantity.

    Raises
    ------
    StudyError
        When it is no calibration, has no ranks, or no such quantity.
    """
    refuse_other_than("plot_rank_ecdf", calibration, Calibration, "hb.calibrate()")
    ranks = calibration.ranks
    if not len(ranks):
        raise StudyError(
            "this calibration has no ranks: they are of truths drawn from priors and of "
            "posteriors, hb.calibrate(model, methods='posterior')"
        )
    names = {_label(*key): key for key in ranks.columns}
    asked = _chosen(quantities, names)
    points = points_of(DRAWS)
    at, parts, bands = points / (DRAWS + 1.0), [], []
    for groups, these in ranks.groupby(level="groups", sort=False):
        for label in asked:
            found = these[names[label]].dropna().to_numpy().astype(np.intp)
            share = counts_below(found, points) / len(found)
            parts.append(pd.DataFrame({"quantity": label, "groups": groups, "at": at,
                                       "difference": share - at}))  # fmt: skip
        low, high = (one / len(these) - at for one in envelope(len(these), DRAWS, prob))
        bands.append(pd.DataFrame({"groups": groups, "at": at, "lower": low, "upper": high}))
    return RankEcdf(
        pd.concat(parts, ignore_index=True), pd.concat(bands, ignore_index=True), float(prob)
    )


def plot_rank_ecdf(
    calibration: Calibration,
    quantities: Sequence[str] | None = None,
    *,
    prob: float = 0.95,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `rank_ecdf_frame`: a panel for each quantity.

    Other parameters are those of `rank_ecdf_frame`.

    Parameters
    ----------
    ax : Axes, or as many as there are quantities, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + (1 | school)", data=hs)
    >>> found = hb.calibrate(model, replications=4, seed=1, progress=False)
    >>> figure = hb.plots.plot_rank_ecdf(found, ["ses", "sd(Intercept)"])
    >>> [panel.get_title("left") for panel in figure.axes]
    ['ses', 'sd(Intercept)']
    """
    frame = rank_ecdf_frame(calibration, quantities, prob=prob)
    names = list(dict.fromkeys(frame.ecdf["quantity"]))
    designs = list(dict.fromkeys(frame.ecdf["groups"]))
    columns = min(len(names), _PER_ROW)
    shape = (-(-len(names) // columns), columns)
    with canvas(ax, figsize, shape=shape, panel=(2.5, 1.9), count=len(names)) as drawn:
        band = frame.envelope[frame.envelope["groups"] == designs[0]]
        for panel, name in zip(drawn.panels, names, strict=False):
            panel.fill_between(band["at"], band["lower"], band["upper"], step="mid", color=PALE,
                               linewidth=0.0)  # fmt: skip
            panel.axhline(0.0, color=BLACK, linewidth=0.6)
            for look, groups in zip(SERIES, designs, strict=False):
                mine = (frame.ecdf["quantity"] == name) & (frame.ecdf["groups"] == groups)
                line = frame.ecdf[mine]
                panel.plot(line["at"], line["difference"], **look.lines(1.2))
            panel.set_title(name, fontsize=8.5)
            panel.set_xlim(0.0, 1.0)
            panel.tick_params(labelsize=7.5)
        for panel in drawn.panels[-columns:]:
            panel.set_xlabel("rank, relative", fontsize=8.0)
        heading(drawn, f"ECDF of ranks less uniform, {100 * prob:g}% envelope")
        entries = {"uniform ranks": {"color": PALE, "linewidth": 7.0}}
        entries |= {
            ("ranks" if len(designs) == 1 else str(groups)): look.lines(1.2)
            for look, groups in zip(SERIES, designs, strict=False)
        }
        legend(drawn, entries)
    return drawn.figure


def _label(block: str, name: str) -> str:
    return f"{block}({name})" if block in ("sd", "corr", "u") else name


def _chosen(asked: Sequence[str] | None, names: dict[str, tuple[str, str]]) -> list[str]:
    if asked is None:
        return list(names)
    chosen = [asked] if isinstance(asked, str) else list(asked)
    unknown = [name for name in chosen if name not in names]
    if unknown or not chosen:
        raise StudyError(
            f"there are no ranks of {(unknown or [''])[0]!r}; they are of: {in_quotes(names)}"
        )
    return chosen
