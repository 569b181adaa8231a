"""NUTS on the PyMC graph of a family's model: the way of priors that PyMC makes.

Everything is sampled in units of G, without the map of `panel_map`, so that draws are dearer and
the graph is compiled for each structure.
"""

from __future__ import annotations

import time

import numpy as np

from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.display.steps import announce
from hierbayes.estimation.family_draws import FamilyDraws
from hierbayes.estimation.nutpie_chains import sample_chains
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta
from hierbayes.nutpie_import import nutpie
from hierbayes.pymc_import import pm


def sample_family_graph(
    problem: Problem, model: pm.Model, settings: SamplerSettings
) -> FamilyDraws:
    """The posterior of a family's model, from its graph.

    Raises
    ------
    EstimationError
        When no start with a finite density is found.
    """
    before = time.perf_counter()
    if settings.progress:
        announce("compiling the PyMC graph of this model, once on a machine: minutes")
    compiled = nutpie.compile_pymc_model(model)
    compile_seconds = time.perf_counter() - before
    found, stats, seconds = sample_chains(compiled, settings, is_nearly_normal=True)
    posterior = {str(name): one.to_numpy() for name, one in found.items()}
    theta, phi, us = parameters_of(problem, posterior)
    return FamilyDraws(
        ThetaDraws(theta, posterior["gamma"], stats, seconds, compile_seconds), phi, us
    )


def parameters_of(
    problem: Problem, posterior: dict[str, Floats]
) -> tuple[Theta, Floats, tuple[Floats, ...]]:
    """θ, φ and u of draws of the variables of the graph, (chains, draws, ...) by name."""
    root = np.linalg.cholesky(posterior["G"])
    theta = Theta.of(root, np.ones(root.shape[:2]))
    names = [factor.name for factor in problem.design.factors]
    us = ["u"] if len(names) == 1 else [f"u_{name}" for name in names]
    return theta, dispersion_of(problem, posterior), tuple(posterior[u] for u in us)


def dispersion_of(problem: Problem, posterior: dict[str, Floats]) -> Floats:
    """φ (chains, draws, d) as η is computed: the first threshold is 0."""
    d, anchored = len(problem.dispersion), has_thresholds(problem.family_rows.family)
    names = ["sigma", *(f"dispersion_{k}" for k in range(d - 1 - anchored))][: d - anchored]
    shape = posterior["gamma"].shape[:2]
    parts = [posterior[name].reshape(*shape, -1) for name in names]
    phi = np.concatenate(parts, axis=-1) if parts else np.empty((*shape, 0))
    if "zeros" in posterior:  # coefficients, in the place of their coordinates
        phi[..., -posterior["zeros"].shape[-1] :] = posterior["zeros"]
    if anchored:
        phi = np.concatenate([np.zeros((*shape, 1)), phi.cumsum(axis=-1)], axis=-1)
    return phi
