"""Pictures of the groups of a fit: beta space, shrinkage, random effects in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hierbayes.fit.fit import Fit
from hierbayes.plots.beta_space import beta_space_frame, plot_beta_space
from hierbayes.plots.caterpillar import caterpillar_frame, plot_caterpillar
from hierbayes.plots.response_scale import link_label
from hierbayes.plots.shrinkage import plot_shrinkage, shrinkage_frame
from hierbayes.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS = 160  # shown at most, spread over their numbers of rows


class _Kind(NamedTuple):
    """A picture of the groups of each grouping factor."""

    name: str
    suits: Callable[[Fit, int], bool]
    caption: Callable[[Fit], str]
    draw: Callable[[Fit, str | None], Figure]
    describe: Callable[[Fit, str | None], str]


def group_pictures(fit: Fit) -> Iterator[Picture]:
    """Those that the groups of every grouping factor have; none of a model without a random part.

    Of several factors they are numbered, for the name of a factor may be none of a file.
    """
    if not fit.design.specification.random:
        return
    factors = fit.design.specification.factors
    for kind in _KINDS:
        for k, factor in enumerate(factors, 1):
            if not kind.suits(fit, k - 1):
                continue
            several = len(factors) > 1
            of = f", by '{factor}'" if several else ""
            one = factor if several else None
            yield Picture(
                f"{kind.name}_{k}" if several else kind.name,
                f"{kind.caption(fit)}{of}; {fit.engine}",
                partial(kind.draw, fit, one),
                partial(kind.describe, fit, one),
            )


def _spans_a_plane(fit: Fit, k: int) -> bool:
    span = fit.design.spans[k]
    return span.stop - span.start > 1


def _own(fit: Fit) -> str:
    """What stands beside predictions: least squares, of a Gaussian response."""
    return "BLUE, " if fit.problem.family is None else ""


def _beta_space(fit: Fit, factor: str | None) -> str:
    frame = beta_space_frame(fit, max_groups=GROUPS, factor=factor)
    of = [
        f"{effect} from {frame.groups[f'blup_{axis}'].min():.3g} to "
        f"{frame.groups[f'blup_{axis}'].max():.3g}"
        for effect, axis in zip(frame.effects, "xy", strict=True)
    ]
    where = "; ".join(
        f"{level} at {row['x']:.3g}, {row['y']:.3g}" for level, row in frame.populations.iterrows()
    )
    return f"{len(frame.groups)} groups: {' and '.join(of)}. Population: {where}."


def _draw_shrinkage(fit: Fit, factor: str | None) -> Figure:
    """By number of rows; groups of one size stand beside each other."""
    sizes = fit.problem.working.levels[fit.design.place_of_factor(factor)].rows
    against = "group" if len(set(sizes.tolist())) == 1 else "n"
    return plot_shrinkage(fit, against=against, max_groups=GROUPS, factor=factor)


def _shrinkage(fit: Fit, factor: str | None) -> str:
    frame = shrinkage_frame(fit, max_groups=GROUPS, factor=factor)
    if frame["moved"].isna().all():
        return ""
    furthest = frame["moved"].abs().idxmax()
    row = frame.loc[furthest]
    return (
        f"Group {furthest} ({row['n']:.0f} rows) moves furthest, from {row['blue']:.3g} to "
        f"{row['blup']:.3g}."
    )


def _caterpillar(fit: Fit, factor: str | None) -> str:
    frame = caterpillar_frame(fit, max_groups=GROUPS, factor=factor).frame
    said = [
        f"{effect}: group {own.loc[own['estimate'].idxmin(), 'group']} is lowest, "
        f"{own.loc[own['estimate'].idxmax(), 'group']} highest, and "
        f"{((own['lower'] > 0.0) | (own['upper'] < 0.0)).sum()} of {len(own)} intervals "
        "leave out 0."
        for effect, own in frame.groupby("effect", sort=False)
    ]
    return " ".join(said)


_KINDS = (
    _Kind(
        "beta_space",
        _spans_a_plane,
        lambda fit: (
            f"groups in beta space{link_label(fit)}: {_own(fit)}{fit.prediction}, population and G"
        ),
        lambda fit, factor: plot_beta_space(fit, max_groups=GROUPS, factor=factor),
        _beta_space,
    ),
    _Kind(
        "shrinkage",
        lambda fit, k: fit.problem.family is None,
        lambda fit: f"shrinking from the BLUE to the {fit.prediction}",
        _draw_shrinkage,
        _shrinkage,
    ),
    _Kind(
        "caterpillar",
        lambda fit, k: True,
        lambda fit: f"random effects in order{link_label(fit)}, with intervals",
        lambda fit, factor: plot_caterpillar(fit, max_groups=GROUPS, factor=factor),
        _caterpillar,
    ),
)
