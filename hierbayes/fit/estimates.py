"""One number for each parameter of a fit, as its equations show them."""

from __future__ import annotations

from hierbayes.fit.fitted import Fitted
from hierbayes.language.script import Estimates


def point_estimates(fit: Fitted) -> Estimates:
    """γ, G and σ: the estimates of a point fit, the means of a posterior."""
    return Estimates(
        gamma=fit.gamma,
        G=fit.G,
        sigma=fit.sigma,
        what=fit.what,
        least_squares=fit.reading is not None,
    )
