"""The report on the fits of one model, as text."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import pandas as pd

from hierbayes.fit.fit import Fit
from hierbayes.report.beside import beside

_GROUPS = 5  # of the shrinkage table, in print
_RULE = "=" * 78


def report(fits: Sequence[Fit]) -> str:
    """Everything there is to read about the fits of one model.

    Parameters
    ----------
    fits : sequence of Fit
        Fits of one model by different engines.

    Returns
    -------
    str
        The summary of each, a point estimate beside the posterior where both are there,
        the shrinkage of the first groups, and the diagnosis of each.
    """
    parts = [str(fit.summary()) for fit in fits]
    pair = point_and_posterior(fits)
    if pair is not None:
        parts.append(_beside_text(*pair))
    parts += [_shrinkage_text(fit) for fit in fits]
    parts.append("\n\n".join(f"Diagnosis of {fit.engine}: {fit.diagnose()}" for fit in fits))
    return f"\n\n{_RULE}\n\n".join(parts) + "\n"


def point_and_posterior(fits: Sequence[Fit]) -> tuple[Fit, Fit] | None:
    """The first point estimate and the first posterior, if there are both."""
    points = [fit for fit in fits if fit.is_point]
    posteriors = [fit for fit in fits if not fit.is_point]
    return (points[0], posteriors[0]) if points and posteriors else None


def table_text(table: pd.DataFrame) -> str:
    """A table in fixed columns: counts whole, the rest to 4 decimals."""
    shown = table.map(_cell)
    shown.index.names = [None] * shown.index.nlevels
    text: str = shown.to_string()
    return text


def _cell(value: float) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, Integral):
        return str(value)
    return f"{value:.4e}" if 0.0 < abs(value) < 1e-3 or abs(value) >= 1e7 else f"{value:.4f}"


def _beside_text(point: Fit, posterior: Fit) -> str:
    table = beside(point, posterior)
    lines = [f"{point.engine} beside posterior:", "", table_text(table)]
    if table.iloc[:, 1].isna().any():
        lines += [
            "",
            f"No standard errors where {point.engine} has no quadratic approximation: "
            "G is singular at the maximum, or nearly so.",
        ]
    return "\n".join(lines)


def _shrinkage_text(fit: Fit) -> str:
    table, J = fit.shrinkage(), fit.design.J
    shown = table.iloc[: _GROUPS * len(fit.design.effects)]
    what = f"first {_GROUPS} of {J} groups" if J > _GROUPS else f"{J} groups"
    return f"Shrinkage by {fit.engine}, {what}:\n\n{table_text(shown)}"
