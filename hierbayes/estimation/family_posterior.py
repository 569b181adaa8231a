"""The posterior of a family's model: NUTS on θ, γ, φ and latent coordinates of every u.

The map that makes u of its latent coordinates (`panel_map`) is exact for any pseudo-data; those of
the joint mode make the posterior of the coordinates nearly normal.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.display.steps import announce
from hierbayes.errors import EstimationError, PriorError
from hierbayes.estimation.family_inputs import (
    FamilyInputs,
    FamilyRows,
    family_inputs,
    normal_rows,
)
from hierbayes.estimation.inputs import shared_prior
from hierbayes.estimation.latent_effects import effects_of
from hierbayes.estimation.posterior import sample_target, target_of
from hierbayes.estimation.pseudo_data import PseudoData, pseudo_data
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.start import start_at
from hierbayes.estimation.target import Target
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.estimation.whitening import whitened
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.laplace import Mode
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet

_LEAST_SD = 0.1  # of effects on the scale of η: where the mode has them at 0
_FURTHEST = 8.0  # of a coefficient in the internal basis, where chains start under separation


@dataclass(frozen=True, slots=True, eq=False)
class FamilyDraws:
    """Draws of everything in a family's model.

    Parameters
    ----------
    drawn : ThetaDraws
        θ, with 1 for σ, γ and the record of the sampler.
    phi : (chains, draws, d) float
    us : tuple of (chains, draws, J_k, q_k) float
    """

    drawn: ThetaDraws
    phi: Floats
    us: tuple[Floats, ...]


def sample_family(
    problem: Problem, priors: PriorSet, settings: SamplerSettings, mode: Mode
) -> FamilyDraws:
    """The posterior of a family's model.

    Parameters
    ----------
    problem : Problem
    priors : PriorSet
    settings : SamplerSettings
    mode : Mode
        Of the random effects at an approximate maximum, in the internal basis.

    Raises
    ------
    PriorError
        When a prior is made by PyMC.
    EstimationError
        When another sampler is asked for, or no start with a finite density is found.
    """
    _refuse(problem, priors, settings)
    before = time.perf_counter()
    inputs, pseudo = posed_inputs(problem, priors, mode)
    if settings.progress and not problem.family_rows.family.is_compiled():
        announce(f"compiling {problem.family_rows.family}, once on this machine: some seconds")
    target = target_of(problem.design, inputs, priors, progress=settings.progress)
    gamma = inputs.data["gamma_start"]
    start = start_at(target.variables, inputs, gamma, inputs.data["gamma_error"])
    ready = whitened(target, start)
    drawn = sample_target(ready, _at_mode(ready), settings, time.perf_counter() - before)
    assert drawn.gamma is not None and drawn.latent is not None
    p = len(problem.design.terms)
    whole = (drawn.gamma - inputs.data["gamma_center"]) @ inputs.data["gamma_to_internal"].T
    internal = whole[..., :p]
    roots = [drawn.theta.root[..., span, span] for span in problem.design.spans]
    us = effects_of(roots, internal, drawn.latent, pseudo)
    phi = np.concatenate([drawn.theta.sigma[..., None], drawn.gamma[..., p:]], axis=-1)
    if has_thresholds(problem.family_rows.family):
        phi = np.concatenate([np.zeros((*phi.shape[:-1], 1)), phi.cumsum(axis=-1)], axis=-1)
    phi = phi[..., : len(problem.dispersion)]  # without any, σ is 1
    theta = Theta.of(drawn.theta.root, np.ones(drawn.theta.shape))
    return FamilyDraws(replace(drawn, theta=theta, gamma=drawn.gamma[..., :p]), phi, us)


def _refuse(problem: Problem, priors: PriorSet, settings: SamplerSettings) -> None:
    family = problem.family_rows.family
    if not priors.are_built_in:
        raise PriorError(
            "a distribution made by PyMC has no place yet in a model whose response is not "
            "Gaussian; state built-in priors"
        )
    if settings.sampler not in ("auto", "nutpie"):
        raise EstimationError(
            f"the sampler '{settings.sampler}' is of Gaussian responses, and the family of this "
            f"model is {family}; leave sampler out"
        )


def posed_inputs(problem: Problem, priors: PriorSet, mode: Mode) -> tuple[FamilyInputs, PseudoData]:
    """The numbers of the log density, with the pseudo-data of the mode."""
    design, basis, rows = problem.design, problem.working.basis, mode.rows
    point = mode.point
    root = basis.root(_inside(point.root))
    family_rows = FamilyRows(
        rows.family, rows.y, rows.m, rows.offset, rows.X,
        np.linalg.inv(basis.x.matrix) / basis.scale,
    )  # fmt: skip
    normal = normal_rows(design, family_rows, mode.eta, point.phi)
    pseudo = pseudo_data(normal, [root[span, span] for span in design.spans])
    values = np.diff(point.phi) if has_thresholds(rows.family) else point.phi
    phi = values[0] if len(values) else np.ones(())
    prior, constant = shared_prior(priors, problem.working)
    inputs = family_inputs(
        design, priors, family_rows, pseudo, Theta.of(root, phi),
        (prior, constant),
    )  # fmt: skip
    information = rows.X.T @ (normal.kappa[:, None] * rows.X)
    to_user = basis.scale * basis.x.matrix
    cov = to_user @ np.linalg.inv(information + 1e-3 * np.eye(len(information))) @ to_user.T
    e = len(priors.extra)
    inputs.data["gamma_center"] = np.concatenate([basis.origin, np.zeros(e)])
    inputs.data["dispersion_start"] = values[1:]
    inputs.data["gamma_start"] = basis.gamma(np.clip(point.gamma, -_FURTHEST, _FURTHEST))
    inputs.data["gamma_error"] = np.sqrt(np.diagonal(cov))
    return inputs, pseudo


def _inside(root: Floats) -> Floats:
    """A root of G whose effects all have some variance."""
    G = root @ root.T + _LEAST_SD**2 * np.eye(len(root)) * (np.diagonal(root) < _LEAST_SD)
    return np.asarray(np.linalg.cholesky(G + 1e-12 * np.eye(len(root))))


def _at_mode(target: Target) -> tuple[Floats, Floats]:
    """Where chains start in whitened coordinates: one standard deviation about the mode."""
    return np.zeros(target.n_dim), np.ones(target.n_dim)
