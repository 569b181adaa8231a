"""The title of a summary: the engine, and what is integrated out or given."""

from __future__ import annotations

from hierbayes.fit.fitted import Fitted
from hierbayes.specification.notation import current_notation


def title_of(fit: Fitted, how: str = "") -> str:
    """The title of a summary; of a posterior with how it was sampled."""
    said = current_notation()
    only = f"{said.random} integrated out"
    both = f"{said.fixed} and {only}" if fit.design.terms else only
    if not fit.design.effects:
        return _title_of_regression(fit, how)
    match fit.engine:
        case "REML":
            return f"Hierarchical model fit by REML ({both}; given θ̂ below)"
        case "ML":
            return f"Hierarchical model fit by maximum likelihood ({only}; given θ̂ below)"
        case "MAP":
            free = "sd, corr" if fit.design.specification.known_sd else "sd, corr, σ"
            return f"Hierarchical model, mode of the marginal posterior of ({free})"
    collapsed = fit.priors is not None and fit.priors.collapses_gamma
    what = f"{both}, then drawn exactly" if collapsed else only
    return f"Hierarchical model, posterior by {how} ({what}; marginal over θ)"


def _title_of_regression(fit: Fitted, how: str) -> str:
    """The same without random effects: nothing but γ is integrated out."""
    what = "Regression" if fit.problem.moments is None else "Regression with correlated errors"
    said = current_notation().fixed
    match fit.engine:
        case "REML":
            return f"{what} fit by REML ({said} integrated out; given θ̂ below)"
        case "ML":
            return f"{what} fit by maximum likelihood (given θ̂ below)"
        case "MAP":
            return f"{what}, mode of the marginal posterior of the variances"
    return f"{what}, posterior by {how} (marginal over θ)"
