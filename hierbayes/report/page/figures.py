"""Pictures in a page, with captions and alternative texts computed from what they draw."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from hierbayes.errors import HierbayesError
from hierbayes.fit.fit import Fit
from hierbayes.plots.beta_space import beta_space_frame
from hierbayes.plots.caterpillar import caterpillar_frame
from hierbayes.plots.shrinkage import shrinkage_frame
from hierbayes.report.page.document import paragraph
from hierbayes.report.pictures import GROUPS, pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 100


def figures_html(fit: Fit) -> str:
    """The pictures of a fit; what cannot be drawn of it is said."""
    return "".join(
        figure_html(caption, draw, partial(description, fit, name))
        for name, caption, draw in pictures([fit])
    )


def figure_html(caption: str, draw: Callable[[], Figure], describe: Callable[[], str]) -> str:
    """A picture with its caption, or the sentence why there is none."""
    try:
        figure = draw()
        said = describe()
    except HierbayesError as error:
        return paragraph(f"Not drawn, {caption}: {error}.")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", dpi=_DPI)
    stored = b64encode(buffer.getvalue()).decode("ascii")
    words = f"{caption[:1].upper()}{caption[1:]}. {said}".strip()
    return (
        f'<figure><img alt="{escape(words)}" src="data:image/png;base64,{stored}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def description(fit: Fit, name: str) -> str:
    """What a picture of a fit shows, in numbers of its frame; its caption has the rest.

    Parameters
    ----------
    fit : Fit
    name : str
        Of the picture, as `pictures` calls it, numbered by factor where there are several.
    """
    kind, _, place = name.rpartition("_")
    several = place.isdigit()
    factor = fit.design.specification.factors[int(place) - 1] if several else None
    found = _DESCRIPTIONS.get(kind if several else name)
    return found(fit, factor) if found else ""


def _of_beta_space(fit: Fit, factor: str | None) -> str:
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


def _of_shrinkage(fit: Fit, factor: str | None) -> str:
    frame = shrinkage_frame(fit, max_groups=GROUPS, factor=factor)
    if frame["moved"].isna().all():
        return ""
    furthest = frame["moved"].abs().idxmax()
    row = frame.loc[furthest]
    return (
        f"Group {furthest} ({row['n']:.0f} rows) moves furthest, from {row['blue']:.3g} to "
        f"{row['blup']:.3g}."
    )


def _of_caterpillar(fit: Fit, factor: str | None) -> str:
    frame = caterpillar_frame(fit, max_groups=GROUPS, factor=factor).frame
    said = [
        f"{effect}: group {own.loc[own['estimate'].idxmin(), 'group']} is lowest, "
        f"{own.loc[own['estimate'].idxmax(), 'group']} highest, and "
        f"{((own['lower'] > 0.0) | (own['upper'] < 0.0)).sum()} of {len(own)} intervals "
        "leave out 0."
        for effect, own in frame.groupby("effect", sort=False)
    ]
    return " ".join(said)


_DESCRIPTIONS: dict[str, Callable[[Fit, str | None], str]] = {
    "beta_space": _of_beta_space,
    "shrinkage": _of_shrinkage,
    "caterpillar": _of_caterpillar,
}
