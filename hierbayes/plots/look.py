"""How things look: one colour, marker and line for each meaning, told apart in grey as well.

The colours are those of Okabe and Ito, which colour-blind readers can tell apart; every meaning
that can stand beside another has a marker and a line of its own.

References
----------
Okabe & Ito (2008), *Color Universal Design*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BLACK, GREY, PALE = "#000000", "#7F7F7F", "#D0D0D0"
BLUE_INK, RED_INK, GREEN_INK, ORANGE_INK = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY_INK, PURPLE_INK = "#56B4E9", "#CC79A7"

SOLID, DASHED, DOTTED, DASH_DOT = "-", (0, (6, 2.5)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2))
LONG_DASHED, DASH_DOT_DOT = (0, (11, 3)), (0, (6, 2, 1.2, 2, 1.2, 2))

LABEL_SIZE = 10.0
SETTINGS: dict[str, Any] = {
    "axes.edgecolor": "#333333", "axes.grid": False, "axes.labelsize": LABEL_SIZE,
    "axes.linewidth": 0.8, "axes.spines.right": False, "axes.spines.top": False,
    "axes.titlelocation": "left", "axes.titlesize": 11.0, "axes.titleweight": "bold",
    "figure.constrained_layout.use": True, "figure.dpi": 150.0, "figure.facecolor": "white",
    "figure.titlesize": 12.0, "figure.titleweight": "bold", "font.size": LABEL_SIZE,
    "legend.fontsize": 9.0, "legend.frameon": False, "legend.handlelength": 2.6,
    "lines.solid_capstyle": "butt", "text.usetex": False, "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How one meaning is drawn.

    Parameters
    ----------
    color, marker : str
    line : str or tuple
        Matplotlib's line style.
    filled : bool
        Whether the marker is.
    """

    color: str
    marker: str
    line: Any = SOLID
    filled: bool = True

    def points(self, size: float = 5.0, **more: Any) -> dict[str, Any]:
        """Arguments of ``ax.plot`` for points."""
        face = self.color if self.filled else "white"
        base = {
            "linestyle": "none",
            "marker": self.marker,
            "markersize": size,
            "color": self.color,
            "markerfacecolor": face,
            "markeredgecolor": self.color,
        }
        return base | more  # fmt: skip

    def lines(self, width: float = 1.5, **more: Any) -> dict[str, Any]:
        """Arguments of ``ax.plot`` for a line."""
        base: dict[str, Any] = {"color": self.color, "linestyle": self.line, "linewidth": width}
        return base | more

    def both(self, size: float = 6.0, width: float = 1.5) -> dict[str, Any]:
        """Arguments of ``ax.plot`` for a line with its marker, as in a legend."""
        return self.points(size) | self.lines(width)


# The slides' colours, by meaning: within-group estimates, predictions, populations.
BLUE = Look(BLUE_INK, "o", DASHED, filled=False)
BLUP = Look(RED_INK, "o", SOLID)
POPULATION = Look(GREEN_INK, "D", DASH_DOT)
DISPERSION = Look(BLACK, "none", DOTTED)
DATA = Look("#4D4D4D", ".", SOLID)
OWN = Look("#9A9A9A", ".", SOLID)
TRUTH = Look(BLACK, "*", SOLID)

# What is known before the data, what they say, and what is known after them.
PRIOR = Look(ORANGE_INK, "s", DASHED, filled=False)
LIKELIHOOD = Look(GREEN_INK, "D", DASH_DOT)
POSTERIOR = Look(BLUE_INK, "o", SOLID)

# The six estimators by key.
METHODS: dict[str, Look] = {
    "1": Look(BLACK, "s", SOLID),
    "2a": Look(GREEN_INK, "D", DASHED),
    "2b": Look(SKY_INK, "d", DASH_DOT_DOT),
    "3": Look(PURPLE_INK, "^", DASH_DOT),
    "4": Look(ORANGE_INK, "v", DOTTED),
    "5": Look(BLUE_INK, "P", LONG_DASHED),
    "6": Look(RED_INK, "X", DASH_DOT_DOT),
}

# Any series of things that have no meaning of their own, such as levels or fits.
SERIES: tuple[Look, ...] = (
    Look(BLUE_INK, "o", SOLID),
    Look(RED_INK, "s", DASHED, filled=False),
    Look(GREEN_INK, "^", DASH_DOT),
    Look(PURPLE_INK, "D", DOTTED, filled=False),
    Look(ORANGE_INK, "v", LONG_DASHED),
    Look(BLACK, "X", DASH_DOT_DOT),
)
