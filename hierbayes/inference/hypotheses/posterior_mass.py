r"""The joint posterior counterpart of a test: how much of a posterior lies beyond the null.

Of draws δ = Lγ with mean m and covariance C, the null δ = 0 is d₀² = m'C⁻¹m from the centre.
The share of draws with (δ − m)'C⁻¹(δ − m) > d₀² is the posterior probability outside the
ellipsoid of highest density (of the normal with these moments) that just touches the null.
For a Gaussian posterior it is P(χ²_m > d₀²), the p-value of a Wald test.

References
----------
Box & Tiao (1973), *Bayesian Inference in Statistical Analysis*, section 2.8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.fit.convergence import mcse_of_means
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorMass:
    """Where the null lies in a posterior.

    Parameters
    ----------
    distance : float
        d₀²/m, what F estimates.
    beyond : float
        Share of draws that are farther from the centre than the null.
    mcse : float
        Its Monte Carlo error; missing where no draw, or every draw, is beyond.
    """

    distance: float
    beyond: float
    mcse: float


def posterior_mass(fit: Fit, L: Floats) -> PosteriorMass:
    """Where the null Lγ = 0 of m independent rows L (m, p) lies in a posterior."""
    draws = fit.gamma_draws @ L.T
    m = draws.shape[-1]
    centre = draws.mean(axis=(0, 1))
    root = np.linalg.cholesky(np.atleast_2d(np.cov(draws.reshape(-1, m), rowvar=False)))
    null = float((np.linalg.solve(root, centre) ** 2).sum())
    apart = np.linalg.solve(root, (draws - centre).reshape(-1, m).T) ** 2
    farther = (apart.sum(axis=0) > null).reshape(draws.shape[:-1]).astype(np.float64)
    return PosteriorMass(null / m, float(farther.mean()), _error(farther))


def mass_note(mass: PosteriorMass, draws: int) -> tuple[str, ...]:
    """What to say where no draw lies beyond the null."""
    if mass.beyond > 0.0:
        return ()
    return (
        f"none of the {draws} draws lies beyond the null: that mass is below what so many draws "
        f"can tell, about {3.0 / draws:.1g} were they independent",
    )


def probability_above(draws: Floats) -> tuple[Floats, Floats]:
    """P(δ > 0) of each of m quantities (chains, draws, m), and its Monte Carlo error."""
    above = (draws > 0.0).astype(np.float64)
    errors = [_error(above[..., k]) for k in range(above.shape[-1])]
    return above.mean(axis=(0, 1)), np.array(errors)


def _error(indicator: Floats) -> float:
    """Monte Carlo error of the mean of 0s and 1s (chains, draws); missing where all agree."""
    if indicator.min() == indicator.max():
        return float("nan")
    return float(mcse_of_means(indicator[..., None])[0])
