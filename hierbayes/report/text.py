"""The report on the fits of one model, as text."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.display.blocks import Table
from hierbayes.display.text_writer import block_text
from hierbayes.fit.fit import Fit
from hierbayes.studies.comparison.comparison import Comparison

_GROUPS = 5  # of the shrinkage table, in print
_RULE = "=" * 78


def report(fits: Sequence[Fit], comparison: Comparison | None = None) -> str:
    """Everything there is to read about the fits of one model.

    Parameters
    ----------
    fits : sequence of Fit
        Fits of one model by different engines.
    comparison : Comparison, optional
        Of these fits.

    Returns
    -------
    str
        The summary of each, their comparison where there is one, the shrinkage of the first
        groups, and the diagnosis of each.
    """
    parts = [str(fit.summary()) for fit in fits]
    if comparison is not None:
        parts.append(str(comparison))
    parts += [_shrinkage_text(fit) for fit in fits]
    parts.append("\n\n".join(f"Diagnosis of {fit.engine}: {fit.diagnose()}" for fit in fits))
    return f"\n\n{_RULE}\n\n".join(parts) + "\n"


def _shrinkage_text(fit: Fit) -> str:
    table, J = fit.shrinkage(), fit.design.J
    shown = table.iloc[: _GROUPS * len(fit.design.effects)]
    what = f"first {_GROUPS} of {J} groups" if J > _GROUPS else f"{J} groups"
    return block_text(Table(shown, f"Shrinkage by {fit.engine}, {what}"))
