"""The summary of a maximum of a family's likelihood."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.merged_rows import merged_rows
from hierbayes.design.near_collinear import near_combinations
from hierbayes.design.subject import subject_of
from hierbayes.display.interval import Interval
from hierbayes.families.binomial import Bernoulli
from hierbayes.fit.degrees_of_freedom.source import DfSource
from hierbayes.fit.degrees_of_freedom.tails import two_sided
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.effects import fixef
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.of_family.dispersion_tables import tables_of_draws, tables_of_point
from hierbayes.fit.of_family.evidence import LatentMaximum
from hierbayes.fit.of_family.response import pearson_residuals
from hierbayes.fit.summary import (
    QUANTILES,
    Summary,
    correlation_table,
    fixed_rows,
    lines_of_draws,
    no_fixed_part,
    parameter_table,
    random_rows,
)
from hierbayes.fit.variance import var_corr
from hierbayes.frames.arrays import Floats


def summarise_latent(
    fit: Fitted,
    evidence: LatentMaximum,
    source: DfSource,
    intervals: pd.DataFrame,
    errors: Floats,
    found: Diagnosis,
) -> Summary:
    """The summary of a maximum, whose parameters have these intervals.

    ``errors`` are the standard errors of variances and, last, of the dispersion.
    """
    notes = [("Given", evidence.how_of_effects)]
    if found.ok and "boundary" in found.verdict:
        notes.append(("Note", f"{found.verdict.rstrip('.')}; see diagnose()"))
    is_mode = evidence.name == "MAP"
    what = "Generalised linear model" if evidence.exact else "Hierarchical model"
    title = f"{what} fit by maximum likelihood"
    if is_mode:
        marginal = "posterior of γ" if evidence.exact else "marginal posterior of γ, sd, corr"
        title = f"{what}, mode of the {marginal} and dispersion"
    return Summary(
        title=f"{title} ({evidence.how})",
        about=about_family(fit, *notes),
        criteria=None
        if is_mode
        else pd.DataFrame(
            {"AIC": [evidence.aic], "BIC": [evidence.bic], "logLik": [evidence.value]}
        ),
        random=var_corr(fit).drop(columns="variance"),
        fixed=_fixed(fit, source),
        correlation=correlation_table(source.gamma_cov, fit.design.terms),
        parameters=intervals,
        residuals=residual_quantiles(fit),
        residual_kind="Pearson residuals",
        beside=tables_of_point(fit, errors),
    )


def summarise_family_draws(fit: Fitted, evidence: Sampling, interval: Interval) -> Summary:
    """The summary of a posterior: every parameter with its limits and diagnostics."""
    parameters = parameter_table(fit, interval)
    return Summary(
        title=_title_of_draws(fit),
        about=about_family(fit, *lines_of_draws(fit, evidence, parameters)),
        criteria=None,
        random=random_rows(parameters.drop(list(fit.problem.dispersion), level="block")),
        fixed=fixed_rows(parameters),
        correlation=None,
        parameters=parameters,
        residuals=residual_quantiles(fit),
        residual_kind="Pearson residuals",
        beside=tables_of_draws(fit, parameters),
    )


def _title_of_draws(fit: Fitted) -> str:
    if not fit.design.specification.random:
        return "Generalised linear model, posterior by NUTS (everything sampled)"
    mapped = fit.priors is None or fit.priors.are_built_in
    how = "u through an exact map" if mapped else "u in units of G, a prior made by PyMC"
    return f"Hierarchical model, posterior by NUTS (everything sampled; {how})"


def about_family(fit: Fitted, *further: tuple[str, str]) -> tuple[str, ...]:
    """Model, data, family and what else is to be known."""
    rows = fit.problem.family_rows
    family = [("Family", family_text(fit))]
    if rows.family.predictors:
        family.append(("Note", f"log odds of each category against '{rows.outcomes[0]}'"))
    elif rows.outcomes and not has_thresholds(rows.family):
        family.append(("Note", f"success is '{rows.outcomes[1]}'"))
    merged = len(merged_rows(fit.design, rows).at)
    if merged < fit.design.n:
        family.append(("Note", f"rows that are alike are counted: {merged} kinds of rows"))
    nesting = fit.problem.nesting
    factors = [("Factors", nesting.text)] if nesting.text else []
    near = [("Beware", one.text) for one in near_combinations(fit.problem)]
    anew = [("Note", note) for note in nesting.notes]
    lines = subject_of(fit.design).lines
    if has_thresholds(rows.family):
        family.append(("Note", "the intercept is minus the first threshold: P(y ≤ k) = F(τ_k − η)"))
    none = [] if fit.design.terms else [("Note", no_fixed_part(fit))]
    return lines(*family, *factors, *further, *near, *anew, *none, dropped=fit.design.dropped)


def family_text(fit: Fitted) -> str:
    """The family and its link in words."""
    family = fit.problem.family_rows.family
    also = " (binomial, one trial a row)" if isinstance(family, Bernoulli) else ""
    return f"{family.title}{also}, {family.link} link"


def residual_quantiles(fit: Fitted) -> pd.Series:
    """Quantiles of the Pearson residuals; none of rows that stream, nor without a variance."""
    if fit.design.rows.streams:
        return pd.Series(dtype=np.float64, name="residuals")
    rest = pearson_residuals(fit)
    if not np.isfinite(rest).any(axis=None):  # a family of one's own that states no variance
        return pd.Series(dtype=np.float64, name="residuals")
    return pd.Series(
        np.quantile(rest, list(QUANTILES.values())), index=list(QUANTILES), name="residuals"
    )


def _fixed(fit: Fitted, source: DfSource) -> pd.DataFrame:
    value, se = fixef(fit), np.sqrt(np.diag(source.gamma_cov))
    z = value / se
    p = two_sided(z.to_numpy(), np.full(len(z), np.inf))
    return pd.DataFrame({"Value": value, "Std.Error": se, "z-value": z, "p-value": p})
