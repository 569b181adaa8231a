"""One number for each parameter of a fit, as its equations show them."""

from __future__ import annotations

from hierbayes.fit.fitted import Fitted
from hierbayes.language.script import Estimates


def point_estimates(fit: Fitted) -> Estimates:
    """γ, G and σ: the estimates of a point fit, the means of a posterior."""
    return Estimates(
        gamma=fit.gamma_draws.mean(axis=(0, 1)),
        G=fit.G_draws.mean(axis=(0, 1)),
        sigma=fit.sigma,
        what=f"{fit.engine} estimates" if fit.is_point else "posterior means",
        least_squares=fit.engine in ("REML", "ML"),
    )
