"""Expected responses of a family's model, and residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import has_thresholds
from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.drawn import Drawn
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.expected import ByPredictor, linear_predictor
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.frames.arrays import Floats

RESIDUALS = ("response", "pearson", "deviance")


def dispersion_draws(fit: Drawn, phi: Floats) -> Floats:
    """What is said of the dispersion (chains, draws, d): thresholds of η without intercept.

    Parameters
    ----------
    fit : Drawn
    phi : (chains, draws, d) float
        As η is computed.
    """
    if not has_thresholds(fit.problem.family_rows.family):
        return phi
    return phi - fit.gamma_draws[..., place_of_intercept(fit)][..., None]


def dispersion_at_point(fit: Fitted, gamma: Floats, phi: Floats) -> Floats:
    """What is said of the dispersion φ (d,) as η is computed, beside γ (p,)."""
    if not has_thresholds(fit.problem.family_rows.family):
        return phi
    return np.asarray(phi - gamma[place_of_intercept(fit)])


def place_of_intercept(fit: Drawn) -> int:
    """The fixed term that stands for the first threshold, with its sign turned."""
    return fit.design.terms.index("Intercept")


def draw_family(fit: Fitted, rng: np.random.Generator, eta: Floats, phi: Floats) -> Floats:
    """A response (n,) at random, given η and φ as η is computed; categories by their number."""
    rows = fit.problem.family_rows
    return rows.as_observed(rows.family.draw(rng, rows.m, eta, phi))


def probabilities(fit: Fitted, eta: ByPredictor) -> pd.DataFrame:
    """The probability of each category (n, K) given the linear predictors.

    Raises
    ------
    DataError
        When the response is no categories.
    """
    rows = fit.problem.family_rows
    found = rows.family.probabilities(eta.to_numpy().ravel(), fit.mean_phi)
    return pd.DataFrame(found, index=eta.index, columns=pd.Index(rows.outcomes, name="category"))


def family_residuals(fit: Fitted, eta: ByPredictor, kind: str) -> ByPredictor:
    """Residuals given a linear predictor.

    Parameters
    ----------
    fit : Fitted
    eta : Series
    kind : str
        ``"response"``, y − μ (of counts out of trials, of shares); ``"pearson"``, divided by the
        standard deviation of the response; ``"deviance"``, signed roots of what each row is
        short of its own best η.

    Raises
    ------
    DataError
        When there is no such kind.
    """
    if kind not in RESIDUALS:
        raise DataError(
            f"there are no residuals {kind!r}; kind is one of: "
            + in_quotes((*RESIDUALS, "quantile"))
        )
    rows, phi = fit.problem.family_rows, fit.mean_phi
    if rows.family.predictors:
        return _of_categories(fit, eta, kind)
    family, at = rows.family, eta.to_numpy()
    mean = family.mean(at, rows.m, phi)
    y = rows.y / np.maximum(rows.sizes, 1.0) if rows.of_trials else rows.y
    rest = np.where(rows.sizes > 0.0, y - mean, 0.0)  # no trials say nothing
    if kind == "pearson":
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = np.sqrt(family.variance(at, rows.m, phi))
        rest = np.divide(rest, sd, out=np.zeros_like(rest), where=(rest != 0.0) & ~(sd <= 0.0))
    if kind == "deviance":
        reached = family.derivatives(rows.y, rows.m, at, phi)[0]
        short = 2.0 * (saturated(fit, phi) - reached)
        rest = np.sign(rest) * np.sqrt(np.maximum(short, 0.0))
    return pd.Series(rest, index=eta.index, name="residual")


def _of_categories(fit: Fitted, eta: ByPredictor, kind: str) -> ByPredictor:
    """Residuals of nominal categories, a column for each; deviances are a number a row."""
    p, codes = probabilities(fit, eta), fit.problem.family_rows.observed.astype(int)
    if kind == "deviance":
        own = np.take_along_axis(p.to_numpy(), codes[:, None], axis=1)[:, 0]
        with np.errstate(divide="ignore"):
            return pd.Series(np.sqrt(-2.0 * np.log(own)), index=p.index, name="residual")
    rest = (codes[:, None] == np.arange(p.shape[1])) - p
    if kind == "pearson":
        sd = np.sqrt(p * (1.0 - p)).to_numpy()
        rest = rest * np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0.0)
    return rest


def latent_variance(fit: Fitted) -> Floats:
    """The variance of a latent response given η, for each draw (chains, draws).

    Raises
    ------
    DataError
        When the link has no latent scale.
    """
    family = fit.problem.family_rows.family
    variance = family.latent_variance(fit.response_phi)
    if family.predictors:
        raise DataError(
            "nominal categories have a linear predictor each, and no one response behind them "
            "whose variance could be shared out; var_corr() has those of the linear predictors"
        )
    if variance is None:
        raise DataError(
            f"{family.name} with the {family.link} link has no latent response whose variance "
            "could be shared out; icc(scale='response') shares out that of the response itself"
        )
    return variance


def saturated(fit: Fitted, phi: Floats) -> Floats:
    """The largest ℓ of each row (n,) over all η, by Newton steps from the row's own start."""
    rows = fit.problem.family_rows
    eta = rows.family.start(rows.y, rows.m)
    best = rows.family.derivatives(rows.y, rows.m, eta, phi)
    for _ in range(60):
        step = best[1] / rows.family.weights(rows.y, rows.m, eta, phi)
        trial = eta + np.clip(step, -2.0, 2.0)
        found = rows.family.derivatives(rows.y, rows.m, trial, phi)
        better = found[0] > best[0]
        if not better.any():
            break
        eta, best = np.where(better, trial, eta), np.where(better, found, best)
    return np.asarray(best[0])


def pearson_residuals(fit: Fitted) -> ByPredictor:
    """Pearson residuals given all random effects."""
    eta = linear_predictor(fit, rows_to_predict(fit.design, None))
    return family_residuals(fit, eta, "pearson")
