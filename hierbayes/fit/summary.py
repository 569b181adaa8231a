"""The summary of a fit: tables first, then the text and the page made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtr

from hierbayes.display.interval import Interval
from hierbayes.fit.convergence import R_HAT_LIMIT, convergence_table, scalar_draws
from hierbayes.fit.effects import fixef, vcov
from hierbayes.fit.evidence import Maximum, Sampling
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.intervals import denominator_df
from hierbayes.fit.prediction import residuals
from hierbayes.fit.variance import var_corr
from hierbayes.specification.notation import current_notation

_QUANTILES = {"Min": 0.0, "Q1": 0.25, "Med": 0.5, "Q3": 0.75, "Max": 1.0}


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
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
        Quantiles of the standardized within-group residuals.
    """

    title: str
    about: tuple[str, ...]
    criteria: pd.DataFrame | None
    random: pd.DataFrame
    fixed: pd.DataFrame
    correlation: pd.DataFrame | None
    parameters: pd.DataFrame
    residuals: pd.Series

    def __str__(self) -> str:
        parts = [self.title, *(f"  {line}" for line in self.about)]
        if self.criteria is not None:
            parts += ["", _text(self.criteria, index=False, decimals=3)]
        parts += ["", "Random effects:", _text(self.random)]
        parts += ["", "Fixed effects:", _text(self.fixed)]
        if self.correlation is not None and len(self.correlation) > 1:
            parts += ["", "Correlation of the fixed effects:", _lower(self.correlation)]
        parts += ["", "Standardized within-group residuals:"]
        parts += [_text(self.residuals.to_frame().T, index=False)]
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = "<br>".join(self.about)
        tables = [("Random effects", self.random), ("Fixed effects", self.fixed)]
        if self.criteria is not None:
            tables.insert(0, ("Criteria", self.criteria))
        tables.append(("Standardized within-group residuals", self.residuals.to_frame().T))
        body = "".join(f"<h4>{name}</h4>{_cells(table).to_html()}" for name, table in tables)
        return f"<h3>{self.title}</h3><p>{lines}</p>{body}"


def summarise_maximum(fit: Fitted, evidence: Maximum, intervals: pd.DataFrame) -> Summary:
    """The summary of a REML, ML or MAP fit, whose parameters have these intervals."""
    return Summary(
        title=_title(fit),
        about=_about(fit),
        criteria=_criteria(evidence),
        random=var_corr(fit).drop(columns="variance"),
        fixed=_fixed_point(fit),
        correlation=_correlation(fit),
        parameters=intervals,
        residuals=_residual_quantiles(fit),
    )


def summarise_draws(fit: Fitted, evidence: Sampling, interval: Interval) -> Summary:
    """The summary of a posterior: every parameter with its limits and diagnostics."""
    parameters = _parameter_table(fit, interval)
    chains, draws = fit.theta.sigma.shape
    about = [
        *_about(fit),
        f"Draws:  {chains} chains × {draws} after {evidence.tune} of tuning, "
        f"{evidence.sampler}, seed {evidence.seed}",
    ]
    if parameters["r_hat"].max() > R_HAT_LIMIT or evidence.stats["diverging"].any():
        about.append("Beware: these draws did not converge; see diagnose()")
    return Summary(
        title=_title(fit),
        about=tuple(about),
        criteria=None,
        random=_random_rows(parameters),
        fixed=parameters.loc["gamma"],
        correlation=None,
        parameters=parameters,
        residuals=_residual_quantiles(fit),
    )


def _parameter_table(fit: Fitted, interval: Interval) -> pd.DataFrame:
    """Every parameter but u: mean, sd, limits and diagnostics."""
    index, draws = scalar_draws(fit, random_effects=False)
    lower, upper = interval.of_draws(draws)
    low, high = (f"eti_{100 * tail:g}%" for tail in interval.tails)
    table = pd.DataFrame(
        {"mean": draws.mean(axis=(0, 1)), "sd": draws.std(axis=(0, 1), ddof=1)}, index=index
    )
    table[low], table[high] = lower, upper
    return table.join(convergence_table(fit, random_effects=False))


def _title(fit: Fitted) -> str:
    said = current_notation()
    both = f"{said.fixed} and {said.random} integrated out"
    only = f"{said.random} integrated out"
    match fit.engine:
        case "REML":
            return f"Hierarchical model fit by REML ({both}; given θ̂ below)"
        case "ML":
            return f"Hierarchical model fit by maximum likelihood ({only}; given θ̂ below)"
        case "MAP":
            return "Hierarchical model, mode of the marginal posterior of (sd, corr, σ)"
    collapsed = fit.priors is not None and fit.priors.collapses_gamma
    what = f"{both}, then drawn exactly" if collapsed else only
    return f"Hierarchical model, posterior by NUTS ({what}; marginal over θ)"


def _about(fit: Fitted) -> tuple[str, ...]:
    design = fit.design
    return (
        f"Model:  {design.specification}",
        f"Data:   {design.n} rows, {design.J} groups ({design.specification.group}); "
        f"{design.dropped}",
    )


def _criteria(evidence: Maximum) -> pd.DataFrame:
    if evidence.reading is None:
        return pd.DataFrame({"log posterior": [evidence.value]})
    return pd.DataFrame({"AIC": [evidence.aic], "BIC": [evidence.bic], "logLik": [evidence.value]})


def _random_rows(parameters: pd.DataFrame) -> pd.DataFrame:
    """Standard deviations and correlations of a posterior, a row for each with its limits."""
    table = parameters.drop(index="gamma", level="block")
    names = [
        block if block == parameter else f"{block}({parameter})" for block, parameter in table.index
    ]
    return table.set_axis(pd.Index(names, name="parameter"))


def _fixed_point(fit: Fitted) -> pd.DataFrame:
    value, se = fixef(fit), np.sqrt(np.diag(fit.gamma_cov))
    if fit.reading is None:
        return pd.DataFrame({"Value": value, "Std.Error": se})
    df = denominator_df(fit)
    t_value = value / se
    return pd.DataFrame(
        {
            "Value": value,
            "Std.Error": se,
            "DF": df.astype(int),
            "t-value": t_value,
            "p-value": 2.0 * stdtr(df, -np.abs(t_value)),
        }
    )


def _correlation(fit: Fitted) -> pd.DataFrame:
    cov = vcov(fit)
    sd = np.sqrt(np.diag(cov))
    return cov / np.outer(sd, sd)


def _residual_quantiles(fit: Fitted) -> pd.Series:
    rest = residuals(fit, level=1, standardized=True)
    return pd.Series(
        np.quantile(rest, list(_QUANTILES.values())), index=list(_QUANTILES), name="residuals"
    )


def _text(table: pd.DataFrame, *, index: bool = True, decimals: int | None = None) -> str:
    """A table in fixed columns: counts whole, p-values short, the rest to 4 decimals."""
    text: str = _cells(table, decimals).to_string(index=index)
    return text


def _cells(table: pd.DataFrame, decimals: int | None = None) -> pd.DataFrame:
    """The same table with every number as the text that is shown for it."""
    shown = table.copy()
    shown.index.name = None
    shown.columns.name = None
    for column in shown:
        shown[column] = [_cell(str(column), value, decimals) for value in shown[column]]
    return shown


def _cell(column: str, value: float, decimals: int | None) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if column in ("DF", "ess_bulk", "ess_tail"):
        return f"{value:.0f}"
    if column == "p-value":
        return f"{value:.4f}" if value >= 1e-4 else "<.0001"
    if column == "r_hat":
        return f"{value:.3f}"
    if column == "mcse_mean":
        return f"{value:.2g}"
    places = 4 if decimals is None else decimals
    small = value != 0 and (abs(value) < 10.0 ** (1 - places) or abs(value) >= 1e7)
    return f"{value:.{places}e}" if small else f"{value:.{places}f}"


def _short_names(names: list[str]) -> list[str]:
    """The first nine characters of each name, or whole names where these would not differ."""
    short = [name[:9] for name in names]
    return short if len(set(short)) == len(short) else names


def _lower(correlation: pd.DataFrame) -> str:
    """The lower triangle of a correlation matrix, two decimals."""
    k = len(correlation)
    shown = pd.DataFrame(
        [[f"{correlation.iat[i, j]:.3f}" if j < i else "" for j in range(k)] for i in range(k)],
        index=correlation.index,
        columns=_short_names([str(name) for name in correlation.columns]),
    )
    shown.index.name = None
    text: str = shown.iloc[1:, :-1].to_string()
    return text
