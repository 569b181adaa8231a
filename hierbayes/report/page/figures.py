"""Pictures in a page, with captions and alternative texts computed from what they draw."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from hierbayes.display.blocks import Items
from hierbayes.errors import HierbayesError
from hierbayes.fit.fit import Fit
from hierbayes.plots.canvas import no_wider_than
from hierbayes.report.page.document import blocks_html
from hierbayes.report.picture import Picture
from hierbayes.report.pictures import pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 150
_WIDTH = 5.6  # inches: what stands in it can be read on a phone


def figures_html(fit: Fit) -> str:
    """The pictures of a fit; what cannot be drawn of it is said."""
    return pictures_html(pictures([fit]))


def pictures_html(asked: Iterable[Picture]) -> str:
    """Pictures with their captions, and below them the sentences why others are not drawn."""
    drawn, refused = [], []
    for picture in asked:
        try:
            drawn.append(_figure(picture))
        except HierbayesError as error:
            refused.append(f"{picture.caption}: {error}")
    said = blocks_html([Items(tuple(refused))])
    return "".join(drawn) + (f"<h3>Not drawn</h3>{said}" if refused else "")


def _figure(picture: Picture) -> str:
    with no_wider_than(_WIDTH):
        figure = picture.draw()
    said = f"{picture.caption[:1].upper()}{picture.caption[1:]}. {picture.describe()}".strip()
    words = escape(said)
    return (
        f'<figure><img alt="{words}" src="data:image/png;base64,{_png(figure)}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _png(figure: Figure) -> str:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return b64encode(buffer.getvalue()).decode("ascii")
