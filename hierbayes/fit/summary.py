"""The summary of a fit: tables first, then the text and the page made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.design.near_collinear import near_combinations
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page, Printed
from hierbayes.fit.about import note_on_response
from hierbayes.fit.convergence import convergence_table, objection, scalar_draws
from hierbayes.fit.degrees_of_freedom.source import METHODS, DfSource
from hierbayes.fit.degrees_of_freedom.tails import two_sided
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.effects import fixef
from hierbayes.fit.evidence import Maximum, Sampling
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.expected import linear_predictor, residuals
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.fit.summary_title import title_of
from hierbayes.fit.variance import undetermined, var_corr
from hierbayes.frames.arrays import Floats

QUANTILES = {"Min": 0.0, "Q1": 0.25, "Med": 0.5, "Q3": 0.75, "Max": 1.0}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Summary(Printed):
    """Everything a summary prints, as tables.

    Parameters
    ----------
    title : str
        Engine, and what is integrated or conditional.
    about : tuple of str
        Lines on the model and the data.
    criteria : DataFrame or None
        AIC, BIC and log-likelihood of REML and ML.
    random : DataFrame
        Standard deviations and correlations of the random effects, and σ.
    fixed : DataFrame
        Fixed effects with their uncertainty.
    correlation : DataFrame or None
        Of the estimates of γ (point fits).
    parameters : DataFrame
        Every parameter but u in one table; for a posterior with its diagnostics.
    residuals : Series
        Quantiles of the residuals.
    residual_kind : str
        Which residuals these are.
    beside : tuple of (str, DataFrame)
        What a family has beside its linear predictor, by title: thresholds, coefficients of zeros,
        dispersion.
    errors : DataFrame, optional
        The parameters of a residual structure, with limits.
    """

    title: str
    about: tuple[str, ...]
    criteria: pd.DataFrame | None
    random: pd.DataFrame
    fixed: pd.DataFrame
    correlation: pd.DataFrame | None
    parameters: pd.DataFrame
    residuals: pd.Series
    residual_kind: str = "Standardized within-group residuals"
    beside: tuple[tuple[str, pd.DataFrame], ...] = ()
    errors: pd.DataFrame | None = None

    def page(self) -> Page:
        """Criteria, random and fixed effects, and residuals."""
        blocks = [Table(self.fixed, "Fixed effects")] if len(self.fixed) else []
        if self.errors is not None:
            blocks.insert(0, Table(self.errors, "Errors"))
        if len(self.random):
            blocks.insert(0, Table(self.random, "Random effects"))
        if self.criteria is not None:
            blocks.insert(0, Table(self.criteria, index=False, decimals=3))
        if self.correlation is not None and len(self.correlation) > 1:
            blocks.append(Table(_lower(self.correlation), "Correlation of the fixed effects"))
        blocks += [Table(table, title) for title, table in self.beside]
        if len(self.residuals):
            quantiles = self.residuals.to_frame().T
            blocks.append(Table(quantiles, self.residual_kind, index=False))
        return Page(self.title, self.about, tuple(blocks))

    def warned(self, found: Diagnosis) -> Summary:
        """The same, which says so where the fit should not be used."""
        if found.ok:
            return self
        line = f"Beware: {found.verdict.rstrip(':.')}; see diagnose()"
        return replace(self, about=(*self.about, line))


def summarise_maximum(
    fit: Fitted, evidence: Maximum, source: DfSource, intervals: pd.DataFrame
) -> Summary:
    """The summary of a REML, ML or MAP fit, whose parameters have these intervals."""
    notes = [("Note", note) for note in source.notes]
    of_t = (
        []
        if fit.reading is None or not fit.design.terms
        else [("df", METHODS[source.method]), *notes]
    )
    return Summary(
        title=title_of(fit),
        about=_about(fit, *of_t),
        criteria=_criteria(evidence),
        random=var_corr(fit).drop(columns="variance"),
        fixed=_fixed_point(fit, source),
        correlation=correlation_table(source.gamma_cov, fit.design.terms),
        parameters=intervals,
        residuals=_residual_quantiles(fit),
        errors=intervals.loc["residual"] if "residual" in intervals.index.levels[0] else None,
    )


def summarise_draws(fit: Fitted, evidence: Sampling, interval: Interval) -> Summary:
    """The summary of a posterior: every parameter with its limits and diagnostics."""
    parameters = parameter_table(fit, interval)
    if fit.design.specification.known_sd:
        parameters = parameters.drop(index="sigma", level="block")
    of_errors = [] if fit.problem.moments is None else [("Errors", _error_priors(fit))]
    return Summary(
        title=title_of(fit, "NUTS" if evidence.k_hat is None else "importance sampling"),
        about=_about(fit, *lines_of_draws(fit, evidence, parameters), *of_errors),
        criteria=None,
        random=random_rows(parameters),
        fixed=fixed_rows(parameters),
        correlation=None,
        parameters=parameters,
        residuals=_residual_quantiles(fit),
    )


def _error_priors(fit: Fitted) -> str:
    """The priors of the parameters of the errors; alike ones, of ratios, together."""
    assert fit.priors is not None
    names: dict[str, list[str]] = {}
    for name, prior, _ in fit.priors.residual:
        said = f"{prior}, {prior.words}" if prior.words else str(prior)
        names.setdefault(said, []).append(name)
    return "priors: " + "; ".join(f"{', '.join(of)} ~ {prior}" for prior, of in names.items())


def lines_of_draws(
    fit: Fitted, evidence: Sampling, parameters: pd.DataFrame
) -> list[tuple[str, str]]:
    """How draws were made, and what is to be known of them."""
    chains, draws = fit.theta.sigma.shape
    how = f"{chains} chains × {draws} {_how(evidence)}, seed {evidence.seed}"
    further = [("Draws", how)]
    diverging = int(evidence.stats["diverging"].sum())
    r_hat = float(parameters["r_hat"].max())
    why = objection(r_hat, diverging, chains * draws, evidence.k_hat)
    if why:
        further.append(("Beware", f"do not use these draws, {why}; see diagnose()"))
    elif diverging:
        counted = "1 divergence" if diverging == 1 else f"{diverging} divergences"
        further.append(("Note", f"{counted} in {chains * draws} draws; see diagnose()"))
    return further


def _how(evidence: Sampling) -> str:
    if evidence.k_hat is None:
        return f"after {evidence.tune} of tuning, {evidence.sampler}"
    return f"by importance sampling of θ (Pareto k̂ {evidence.k_hat:.2f})"


def parameter_table(fit: Fitted, interval: Interval) -> pd.DataFrame:
    """Every parameter but u: mean, sd, limits and diagnostics."""
    index, draws = scalar_draws(fit, random_effects=False)
    lower, upper = interval.of_draws(draws)
    low, high = (f"eti_{100 * tail:g}%" for tail in interval.tails)
    table = pd.DataFrame(
        {"mean": draws.mean(axis=(0, 1)), "sd": draws.std(axis=(0, 1), ddof=1)}, index=index
    )
    table[low], table[high] = lower, upper
    return table.join(convergence_table(fit, random_effects=False))


def _about(fit: Fitted, *further: tuple[str, str]) -> tuple[str, ...]:
    near = [("Beware", one.text) for one in near_combinations(fit.problem)]
    blind = [
        ("Note", f"the variance of '{effect}' is not in the likelihood by itself; see diagnose()")
        for effect, alone in zip(
            fit.design.effects, undetermined(fit.problem).diagonal(), strict=True
        )
        if alone
    ]
    nesting = fit.problem.nesting
    factors = [("Factors", nesting.text)] if nesting.text else []
    anew = [("Note", note) for note in nesting.notes]
    moments = fit.problem.moments
    said = [note_on_response(fit.problem), *(() if moments is None else moments.rows.notes)]
    response = [("Note", note) for note in said if note]
    lines = subject_of(fit.design).lines
    none = [] if fit.design.terms else [("Note", no_fixed_part(fit))]
    notes = (*near, *blind, *anew, *response, *none)
    return lines(*factors, *further, *notes, dropped=fit.design.dropped)


def no_fixed_part(fit: Fitted) -> str:
    """What to know of a model whose fixed part is 0."""
    same = ", so that REML and ML are the same" if fit.problem.family is None else ""
    return f"the fixed part is 0: there are no fixed effects{same}"


def _criteria(evidence: Maximum) -> pd.DataFrame:
    if evidence.reading is None:
        return pd.DataFrame({"log posterior": [evidence.value]})
    return pd.DataFrame({"AIC": [evidence.aic], "BIC": [evidence.bic], "logLik": [evidence.value]})


def random_rows(parameters: pd.DataFrame) -> pd.DataFrame:
    """Standard deviations and correlations of a posterior, a row for each with its limits."""
    table = parameters[parameters.index.get_level_values("block") != "gamma"]
    names = [
        block if block == parameter else f"{block}({parameter})" for block, parameter in table.index
    ]
    return table.set_axis(pd.Index(names, name="parameter"))


def fixed_rows(parameters: pd.DataFrame) -> pd.DataFrame:
    """Fixed effects of a posterior by name, a row for each with its limits; there may be none."""
    own = parameters[parameters.index.get_level_values("block") == "gamma"]
    return own.droplevel("block")


def _fixed_point(fit: Fitted, source: DfSource) -> pd.DataFrame:
    value, se = fixef(fit), np.sqrt(np.diag(source.gamma_cov))
    if fit.reading is None:
        return pd.DataFrame({"Value": value, "Std.Error": se})
    df = source.of_each()
    t_value = value / se
    return pd.DataFrame(
        {
            "Value": value,
            "Std.Error": se,
            "DF": df.astype(int) if source.method == "inner-outer" and all(df > 0.0) else df,
            "t-value": t_value,
            "p-value": two_sided(t_value.to_numpy(), df),
        }
    )


def correlation_table(cov: Floats, terms: tuple[str, ...]) -> pd.DataFrame:
    """Correlations of estimates by term, from their covariance."""
    sd = np.sqrt(np.diag(cov))
    names = pd.Index(terms, name="term")
    return pd.DataFrame(cov / np.outer(sd, sd), index=names, columns=names)


def _residual_quantiles(fit: Fitted) -> pd.Series:
    """Quantiles of the residuals; none of rows that stream."""
    if fit.design.rows.streams:
        return pd.Series(dtype=np.float64, name="residuals")
    rest = residuals(fit, linear_predictor(fit, rows_to_predict(fit.design, None)), "pearson")
    return pd.Series(
        np.quantile(rest, list(QUANTILES.values())), index=list(QUANTILES), name="residuals"
    )


def _short_names(names: list[str]) -> list[str]:
    """The first nine characters of each name, or whole names where these would not differ."""
    short = [name[:9] for name in names]
    return short if len(set(short)) == len(short) else names


def _decimals(value: float) -> str:
    """Three decimals; nothing of what is missing."""
    return f"{value:z.3f}" if np.isfinite(value) else ""


def _lower(correlation: pd.DataFrame) -> pd.DataFrame:
    """The lower triangle of a correlation matrix, three decimals."""
    k = len(correlation)
    shown = pd.DataFrame(
        [[_decimals(correlation.iat[i, j]) if j < i else "" for j in range(k)] for i in range(k)],
        index=correlation.index,
        columns=_short_names([str(name) for name in correlation.columns]),
    )
    return shown.iloc[1:, :-1]
