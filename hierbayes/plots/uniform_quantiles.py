"""Uniform quantile plots: every variable lined up from its smallest to its largest value.

The i-th smallest of n values stands at (i − 1/2)/n.  A factor is a bar for each level, as tall as
its share of the rows.

Source: the lecture slides *Mixed Models with R*, Figure 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

from hierbayes.design.complete import require_column
from hierbayes.errors import DataError, StudyError
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.draw import heading
from hierbayes.plots.look import BLACK, BLUE_INK, GREY, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 8  # levels whose names are written


@dataclass(frozen=True, slots=True, eq=False)
class UniformQuantiles:
    """What is drawn of each variable.

    Parameters
    ----------
    variables : DataFrame
        Index variable: ``kind`` (``"number"`` or ``"factor"``), ``n`` values and how many are
        ``missing``.
    numbers : DataFrame
        ``variable``, ``fraction`` ((i − 1/2)/n), ``value``: a row per value, in order.
    factors : DataFrame
        ``variable``, ``level``, ``count``, ``share`` of the values that are not missing.
    """

    variables: pd.DataFrame
    numbers: pd.DataFrame
    factors: pd.DataFrame


def uniform_quantiles_frame(
    data: pd.DataFrame, variables: Sequence[str] | None = None
) -> UniformQuantiles:
    """Quantiles of numbers and shares of levels, variable by variable.

    Parameters
    ----------
    data : DataFrame
    variables : sequence of str, optional
        Columns; by default every one.

    Raises
    ------
    DataError
        When a column does not exist, or nothing in it is a value.
    StudyError
        When no column is named.
    """
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}")
    names = [str(name) for name in (data.columns if variables is None else variables)]
    if isinstance(variables, str) or not names:
        raise StudyError(f"variables must be a list of columns, not {variables!r}")
    about, numbers, factors = {}, [], []
    for name in names:
        require_column(name, data)
        values = data[name].dropna()
        if values.empty:
            raise DataError(f"'{name}' is missing in every row; leave it out")
        number = _is_number(values)
        about[name] = ["number" if number else "factor", len(values), len(data) - len(values)]
        if number:
            numbers.append(_quantiles(name, values))
        else:
            factors.append(_shares(name, values))
    return UniformQuantiles(
        pd.DataFrame.from_dict(about, orient="index", columns=["kind", "n", "missing"]).rename_axis(
            "variable"
        ),
        _joined(numbers, ["variable", "fraction", "value"]),
        _joined(factors, ["variable", "level", "count", "share"]),
    )


def plot_uniform_quantiles(
    data: pd.DataFrame,
    variables: Sequence[str] | None = None,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `uniform_quantiles_frame`, a panel per variable.

    Numbers have a line at their mean, factors with many levels no names.  Other parameters are
    those of `uniform_quantiles_frame`.

    Parameters
    ----------
    ax : Axes, optional
        As many as there are variables.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> figure = hb.plots.plot_uniform_quantiles(hb.load_dataset("hs"), ["mathach", "Sector"])
    >>> [panel.get_title("left") for panel in figure.axes]
    ['mathach', 'Sector']
    """
    frame = uniform_quantiles_frame(data, variables)
    count = len(frame.variables)
    shape = panel_grid(count, 4)
    with canvas(ax, figsize, shape=shape, panel=(2.6, 2.3), count=count) as drawn:
        for panel, (name, row) in zip(drawn.panels, frame.variables.iterrows(), strict=True):
            if row["kind"] == "number":
                _draw_number(panel, frame.numbers[frame.numbers["variable"] == name])
            else:
                _draw_factor(panel, frame.factors[frame.factors["variable"] == name])
            panel.set_title(str(name))
            if row["missing"]:
                panel.set_title(f"{row['missing']} missing", loc="right", fontsize=8, color=GREY)
        heading(drawn, "Uniform quantile plots")
        if drawn.is_new:
            drawn.figure.supxlabel("fraction of the rows (numbers); levels (factors)", fontsize=9)
    return drawn.figure


def _is_number(values: pd.Series) -> bool:
    dtype = values.dtype
    return is_numeric_dtype(dtype) and not (is_bool_dtype(dtype) or is_complex_dtype(dtype))


def _quantiles(name: str, values: pd.Series) -> pd.DataFrame:
    ordered = np.sort(values.to_numpy(dtype=np.float64))
    fraction = (np.arange(len(ordered)) + 0.5) / len(ordered)
    return pd.DataFrame({"variable": name, "fraction": fraction, "value": ordered})


def _shares(name: str, values: pd.Series) -> pd.DataFrame:
    """Levels in use, in their order."""
    levels = values.astype("category").cat.remove_unused_categories()
    counts = levels.value_counts(sort=False)
    return pd.DataFrame(
        {
            "variable": name,
            "level": counts.index.map(str).to_numpy(),
            "count": counts.to_numpy(),
            "share": counts.to_numpy() / len(values),
        }
    )


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _draw_number(ax: Axes, rows: pd.DataFrame) -> None:
    few = len(rows) <= 300
    ax.plot(
        rows["fraction"], rows["value"], linestyle="none", marker="o" if few else ".",
        markersize=2.6 if few else 2.0, color=BLUE_INK, markeredgewidth=0.0, rasterized=True,
    )  # fmt: skip
    ax.axhline(rows["value"].mean(), color=BLACK, linewidth=0.8, linestyle="--", zorder=0.5)
    ax.set_xlim(-0.03, 1.03)
    ax.set_xticks([0.0, 0.5, 1.0], ["0", "½", "1"])
    ax.locator_params(axis="y", nbins=5)


def _draw_factor(ax: Axes, rows: pd.DataFrame) -> None:
    named = len(rows) <= _NAMED
    ax.bar(
        np.arange(len(rows)), rows["share"], width=0.7 if named else 0.9, color=PALE,
        edgecolor=BLACK, linewidth=0.8 if named else 0.2,
    )  # fmt: skip
    ax.set_ylim(bottom=0.0)
    ax.locator_params(axis="y", nbins=5)
    if named:
        small = sum(map(len, rows["level"])) > 24
        ax.set_xticks(
            np.arange(len(rows)), rows["level"], fontsize=7.5 if small else 9.0,
            rotation=30 if small else 0,
        )  # fmt: skip
    else:
        ax.set_xticks([])
        ax.set_xlabel(f"{len(rows)} levels", fontsize=9)
    ax.set_ylabel("share", fontsize=9)
