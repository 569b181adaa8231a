"""A posterior that was sampled, beside the same by integration and importance sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError
from hierbayes.estimation.family_importance import WeightedPoints, weighted_points
from hierbayes.estimation.importance import K_HAT_LIMIT
from hierbayes.fit.convergence import scalar_draws
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.evidence import how_integrated
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.fit.of_family.summary import about_family
from hierbayes.inference.accepted_fits import refuse_other_than_fit

_NODES = {1: 15, 2: 9, 3: 5}  # by random effects of the only factor
_ERRORS, _SMALL = 4.0, 0.1  # how far means may part: Monte Carlo errors, and posterior sds


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recheck(Printed):
    """Means and sds by two ways that share no sampler.

    Parameters
    ----------
    frame : DataFrame
        A row per parameter but u: ``mean`` and ``sd`` of the draws, ``check_mean`` and
        ``check_sd`` of the weighted points, ``apart`` their means' difference and ``error`` its
        Monte Carlo error, both in posterior sds, and ``agrees``.
    k_hat : float
        Pareto k̂ of the weights; above 0.7 they can check nothing.
    how : str
        How random effects were integrated out.
    about, findings : tuple of str
    """

    frame: pd.DataFrame
    k_hat: float
    how: str
    about: tuple[str, ...]
    findings: tuple[str, ...]

    def page(self) -> Page:
        """The table and what it says."""
        shown = self.frame.drop(columns="agrees")
        title = f"Posterior draws beside importance sampling ({self.how})"
        return Page(title, self.about, (Table(shown), Items(self.findings)))


def recheck(
    fit: Fit, n: int = 400, *, seed: int = 0, nodes: int | None = None, progress: bool = True
) -> Recheck:
    """The posterior of a model with a family, found again without a Markov chain.

    Points about the posterior mode are weighted by the posterior density of (γ, G, φ) with every
    random effect integrated out: by adaptive quadrature with one grouping factor and up to three
    effects, which is exact but for rounding, otherwise by Laplace's approximation, whose own error
    is then part of what parts the two.

    Parameters
    ----------
    fit : PosteriorFit
        Of a response that is not Gaussian, under built-in priors.
    n : int
        Points; each costs an integration over all groups.
    seed : int
    nodes : int, optional
        Of quadrature for each effect; 1 is Laplace's approximation.
    progress : bool

    Raises
    ------
    InferenceError
        When the fit is no posterior of such a model, or ``n`` is below 50.
    PriorError
        When a prior is made by PyMC.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.load_model("illness_in_herds")
    >>> fit = model.sample(draws=100, tune=100, chains=2, seed=1, progress=False)
    >>> hb.recheck(fit, 50, progress=False).frame.columns.to_list()[:4]
    ['mean', 'sd', 'check_mean', 'check_sd']
    """
    refuse_other_than_fit(fit, "recheck")
    if fit.problem.family is None:
        raise InferenceError(
            "recheck() takes the posterior of a response that is not Gaussian; of a Gaussian one "
            "γ and u are integrated out exactly, and model.sample(sampler='importance') needs no "
            "chain"
        )
    if not isinstance(fit, FamilyPosteriorFit) or fit.priors is None:
        raise InferenceError(
            f"recheck() finds a posterior again, and this is {fit.engine}, a maximum; give it "
            "model.sample()"
        )
    if isinstance(n, bool) or not isinstance(n, int) or n < 50:
        raise InferenceError(f"n must be a whole number from 50, not {n!r}")
    used = _nodes(fit) if nodes is None else nodes
    points = weighted_points(fit.problem, fit.priors, used, n, seed, progress=progress)
    frame = _table(fit, points)
    said = used if fit.design.effects else 0
    about = about_family(fit, ("Points", f"{n}, Pareto k̂ of their weights {points.k_hat:.2f}"))
    findings = findings_of(frame, points.k_hat, said)
    return Recheck(frame, points.k_hat, how_integrated(said), about, tuple(findings))


def _nodes(fit: FamilyPosteriorFit) -> int:
    """Of quadrature where there is one factor of few effects; 1 otherwise."""
    return 1 if len(fit.design.factors) > 1 else _NODES.get(len(fit.design.effects), 1)


def _table(fit: FamilyPosteriorFit, points: WeightedPoints) -> pd.DataFrame:
    """Means and sds of every parameter but u by both ways."""
    index, draws = scalar_draws(fit, random_effects=False)
    same = replace(fit, theta=points.theta, gamma_draws=points.gamma, phi=points.phi)
    values, w = scalar_draws(same, random_effects=False)[1][0], points.weights
    mean = w @ values
    sd = np.sqrt(w @ (values - mean) ** 2)
    own_error = np.sqrt(w**2 @ (values - mean) ** 2)
    spread = draws.std(axis=(0, 1), ddof=1)
    error = np.hypot(own_error, fit.summary().parameters["mcse_mean"].to_numpy()) / spread
    apart = (draws.mean(axis=(0, 1)) - mean) / spread
    return pd.DataFrame(
        {
            "mean": draws.mean(axis=(0, 1)), "sd": spread, "check_mean": mean, "check_sd": sd,
            "apart": apart, "error": error,
            "agrees": np.abs(apart) <= _SMALL + _ERRORS * error,
        },
        index=index,
    )  # fmt: skip


def findings_of(frame: pd.DataFrame, k_hat: float, nodes: int) -> list[str]:
    """What the two ways say of each other."""
    if not k_hat <= K_HAT_LIMIT:
        return [
            f"The weights cannot stand for the posterior (Pareto k̂ {k_hat:.2f}, limit "
            f"{K_HAT_LIMIT}): nothing is checked; more points may help."
        ]
    approximate = " Laplace's approximation has an error of its own." if nodes == 1 else ""
    other = [f"{block} {name}" for block, name in frame.index[~frame["agrees"]]]
    if other:
        return [
            f"The two ways part in {', '.join(other)}: do not use these draws before it is known "
            f"why.{approximate}"
        ]
    largest = float(frame["apart"].abs().max())
    return [
        f"Both ways agree: means part by {largest:.2f} posterior sds at most, nowhere by more than "
        f"a tenth and {_ERRORS:g} Monte Carlo errors.{approximate}"
    ]
