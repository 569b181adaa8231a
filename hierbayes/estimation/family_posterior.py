"""The posterior of a family's model: NUTS on θ, γ, φ and latent coordinates of every u.

The map that makes u of its latent coordinates (`panel_map`) is exact for any pseudo-data; those of
the joint mode make the posterior of the coordinates nearly normal.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from hierbayes.design.blas_threads import with_few_blas_threads
from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.display.steps import announce
from hierbayes.estimation.family_draws import FamilyDraws
from hierbayes.estimation.family_inputs import inputs_at_mode
from hierbayes.estimation.latent_effects import effects_of
from hierbayes.estimation.posterior import sample_target, target_of
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.start import start_at
from hierbayes.estimation.target import Target
from hierbayes.estimation.whitening import whitened
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.laplace import Mode
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet


@with_few_blas_threads(lambda problem, *_: problem.working)
def sample_family(
    problem: Problem, priors: PriorSet, settings: SamplerSettings, mode: Mode
) -> FamilyDraws:
    """The posterior of a family's model.

    Parameters
    ----------
    problem : Problem
    priors : PriorSet
        Built-in ones.
    settings : SamplerSettings
    mode : Mode
        Of the random effects at an approximate maximum, in the internal basis.

    Raises
    ------
    EstimationError
        When no start with a finite density is found.
    """
    before = time.perf_counter()
    inputs = inputs_at_mode(problem, priors, mode)
    if settings.progress and not problem.family_rows.family.is_compiled():
        announce(f"compiling {problem.family_rows.family}, once on this machine: some seconds")
    target = target_of(problem.design, inputs, inputs.priors, progress=settings.progress)
    start = start_at(target.variables, inputs, inputs.start.gamma, inputs.start.gamma_error)
    ready = whitened(target, start)
    drawn = sample_target(ready, _at_mode(ready), settings, time.perf_counter() - before)
    gamma = np.empty((*drawn.theta.shape, 0)) if drawn.gamma is None else drawn.gamma
    latent = np.empty((*drawn.theta.shape, 0)) if drawn.latent is None else drawn.latent
    p = len(problem.design.terms)
    whole = (gamma - inputs.data["gamma_center"]) @ inputs.data["gamma_to_internal"].T
    internal = whole[..., :p]
    roots = [drawn.theta.root[..., span, span] for span in problem.design.spans]
    us = effects_of(roots, internal, latent, inputs.pseudo)
    phi = np.concatenate([drawn.theta.sigma[..., None], gamma[..., p:]], axis=-1)
    if has_thresholds(problem.family_rows.family):
        phi = np.concatenate([np.zeros((*phi.shape[:-1], 1)), phi.cumsum(axis=-1)], axis=-1)
    phi = phi[..., : len(problem.dispersion)]  # without any, σ is 1
    if inputs.of_columns is not None:
        phi = inputs.of_columns.coefficients(phi)
    theta = Theta.of(drawn.theta.root, np.ones(drawn.theta.shape))
    return FamilyDraws(replace(drawn, theta=theta, gamma=gamma[..., :p]), phi, us)


def _at_mode(target: Target) -> tuple[Floats, Floats]:
    """Where chains start in whitened coordinates: one standard deviation about the mode."""
    return np.zeros(target.n_dim), np.ones(target.n_dim)
