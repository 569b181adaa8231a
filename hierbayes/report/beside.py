"""A point estimate beside the posterior, parameter by parameter."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.estimation.information import natural_parameters
from hierbayes.fit.convergence import scalar_draws
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import ML, REML

_READINGS = {"REML": REML, "ML": ML}


def beside(point: Fit, posterior: Fit) -> pd.DataFrame:
    """Estimate and standard error beside posterior mean and standard deviation.

    Parameters
    ----------
    point : Fit
        From `Model.reml` or `Model.ml`.
    posterior : Fit
        From `Model.sample`, of the same model.

    Returns
    -------
    DataFrame
        One row for each of γ, sd, corr and σ. The posterior's two columns are marginal over θ;
        for `point`, see `standard_errors`.
    """
    index, values = scalar_draws(point, random_effects=False)
    draws = scalar_draws(posterior, random_effects=False)[1]
    return pd.DataFrame(
        {
            f"{point.engine} estimate": values[0, 0],
            f"{point.engine} se": standard_errors(point),
            "posterior mean": draws.mean(axis=(0, 1)),
            "posterior sd": draws.std(axis=(0, 1), ddof=1),
        },
        index=index,
    )


def standard_errors(fit: Fit) -> Floats:
    """Standard errors of γ, sd, corr and σ of a REML or ML fit, in the order of the table.

    Returns
    -------
    (k,) float
        That of γ is given θ̂. Those of variance parameters are missing where Ĝ is singular;
        elsewhere they come by the delta method from the approximate covariance of
        (log sd, η, log σ) with η = log((1 + ρ)/(1 − ρ)):
        se(sd) = sd·se(log sd), se(ρ) = se(η)·(1 − ρ²)/2, se(σ) = σ·se(log σ).
    """
    of_gamma = np.sqrt(np.diagonal(fit.vcov()))
    _, values = scalar_draws(fit, random_effects=False)
    variances = values[0, 0, len(of_gamma) :]
    evidence = fit.evidence
    if not isinstance(evidence, Maximum) or evidence.name not in _READINGS or evidence.singular:
        return np.concatenate([of_gamma, np.full(len(variances), np.nan)])
    natural = natural_parameters(
        fit.problem, fit.G_draws[0, 0], fit.sigma, _READINGS[evidence.name]
    )
    slope = variances.copy()
    corr = slice(len(fit.design.effects), -1)
    slope[corr] = (1.0 - variances[corr] ** 2) / 2.0
    return np.concatenate([of_gamma, slope * np.sqrt(np.diagonal(natural.covariance))])
