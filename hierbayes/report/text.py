"""The report on the fits of one model, as text."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.display.blocks import Table
from hierbayes.display.text_writer import block_text
from hierbayes.fit.effects import shrinkage
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
        groups where there are some, the response is Gaussian and its errors are not known, and
        the diagnosis of each.
    """
    parts = [str(fit.summary()) for fit in fits]
    if comparison is not None:
        parts.append(str(comparison))
    factors = range(len(fits[0].design.factors))
    specification = fits[0].design.specification
    shrunk = bool(specification.random) and not specification.known_sd
    if fits[0].problem.family is None and shrunk:
        parts += [_shrinkage_text(fit, k) for fit in fits for k in factors]
    parts.append("\n\n".join(f"Diagnosis of {fit.engine}: {fit.diagnose()}" for fit in fits))
    return f"\n\n{_RULE}\n\n".join(parts) + "\n"


def _shrinkage_text(fit: Fit, k: int) -> str:
    """The shrinkage of the first groups of a factor."""
    design, table = fit.design, shrinkage(fit, k)
    factor, span = design.factors[k], design.spans[k]
    shown = table.iloc[: _GROUPS * (span.stop - span.start)]
    of = "" if len(design.factors) == 1 else f" of '{factor.name}'"
    what = f"first {_GROUPS} of {factor.J} groups" if factor.J > _GROUPS else f"{factor.J} groups"
    return block_text(Table(shown, f"Shrinkage by {fit.engine}, {what}{of}"))
