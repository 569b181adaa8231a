"""Pictures of what a fit leaves: residuals, means by visit, replications of the response."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from hierbayes.design.error_columns import time_of_errors
from hierbayes.fit.fit import Fit
from hierbayes.inference.checks.predictive_check import PredictiveCheck, predictive_check
from hierbayes.inference.residuals.autocorrelation import ResidualAcf, residual_acf
from hierbayes.inference.residuals.level1 import FAR
from hierbayes.inference.residuals.variogram import ResidualVariogram, residual_variogram
from hierbayes.plots.level1_residuals import level1_residuals_frame, plot_level1_residuals
from hierbayes.plots.predictive_check import plot_predictive_check
from hierbayes.plots.residual_acf import plot_residual_acf
from hierbayes.plots.residual_variogram import plot_residual_variogram
from hierbayes.plots.visit_means import plot_visit_means, visit_means_frame
from hierbayes.report.picture import Picture

_SEED = 1  # of quantile residuals and replications; it is said
_REPLICATIONS, _NUMBERS = 200, 20_000_000  # of the response; numbers drawn at most


def residual_pictures(fit: Fit) -> Iterator[Picture]:
    """Those that this model has: by its family and by the structure of its errors."""
    if time_of_errors(fit.problem) is not None:
        yield Picture(
            "visit_means",
            f"means by visit, observed and of the fixed part on the same rows; {fit.engine}",
            partial(plot_visit_means, fit),
            partial(_of_visits, fit),
        )
    yield from _of_rows(fit)
    structure = fit.problem.moments
    if structure is not None and structure.rows.correlation is not None:
        yield from _in_sequence(fit)
    yield _replications(fit)


def _of_rows(fit: Fit) -> Iterator[Picture]:
    kind = "studentized" if fit.problem.family is None else "quantile"
    seed = None if fit.problem.family is None else _SEED
    drawn = "" if seed is None else f", drawn in part (seed {seed})"
    factors = fit.design.specification.factors
    for k, factor in enumerate(factors or ("",), 1):
        several = len(factors) > 1
        one = factor if several else None
        of = f", by '{factor}'" if several else ""
        yield Picture(
            f"level1_residuals_{k}" if several else "level1_residuals",
            f"{kind} residuals of rows{drawn}{of}; {fit.engine}",
            partial(plot_level1_residuals, fit, kind=kind, factor=one, seed=seed),
            partial(_of_level1, fit, kind, one, seed),
        )


def _of_level1(fit: Fit, kind: str, factor: str | None, seed: int | None) -> str:
    found = level1_residuals_frame(fit, kind=kind, factor=factor, seed=seed)
    size = found.rows["residual"].abs()
    said = (
        f"{(size > FAR).sum()} of {len(size)} residuals are beyond ±{FAR:g}; the largest is of row "
        f"{size.idxmax()}."
    )
    if len(found.groups) < 2:
        return said
    ends = found.groups["median"].iloc[[0, -1]]
    (low, high), (a, b) = ends, ends.index
    return f"{said} Medians of groups lie between {low:.2f} ({a}) and {high:.2f} ({b})."


def _of_visits(fit: Fit) -> str:
    found = visit_means_frame(fit)
    frame = found.frame
    away = (frame["observed"] - frame["fitted"]).abs()
    row = frame.loc[away.idxmax()]
    of = f", {found.by} {row['by']}" if found.by else ""
    outside = ((frame["observed"] < frame["lower"]) | (frame["observed"] > frame["upper"])).sum()
    return (
        f"Furthest apart at {found.time} {row['visit']}{of}: {row['observed']:.3g} observed, "
        f"{row['fitted']:.3g} fitted; {outside} of {len(frame)} observed means lie outside the "
        "limits of the fitted ones."
    )


def _in_sequence(fit: Fit) -> Iterator[Picture]:
    """Autocorrelations and semivariogram of what should be white noise."""
    acf: Callable[[], ResidualAcf] = cache(partial(residual_acf, fit))
    variogram: Callable[[], ResidualVariogram] = cache(
        partial(residual_variogram, fit, time_of_errors(fit.problem))
    )
    what = "of normalized residuals within groups, in the band of white noise"
    yield Picture(
        "residual_acf",
        f"autocorrelations {what}; {fit.engine}",
        lambda: plot_residual_acf(acf()),
        lambda: _sentences(acf().findings),
    )
    yield Picture(
        "residual_variogram",
        f"semivariogram {what}; {fit.engine}",
        lambda: plot_residual_variogram(variogram()),
        lambda: _sentences(variogram().findings),
    )


def _replications(fit: Fit) -> Picture:
    n = int(np.clip(_NUMBERS // fit.design.n, 20, _REPLICATIONS))
    check: Callable[[], PredictiveCheck] = cache(
        partial(predictive_check, fit, n=n, seed=_SEED, progress=False)
    )
    return Picture(
        "predictive_check",
        f"statistics of {n} replications of the response (seed {_SEED}) beside the observed ones; "
        f"{fit.engine}",
        lambda: plot_predictive_check(check()),
        lambda: _sentences(check().findings),
    )


def _sentences(findings: tuple[str, ...]) -> str:
    return " ".join(f"{one[:1].upper()}{one[1:]}." for one in findings)
