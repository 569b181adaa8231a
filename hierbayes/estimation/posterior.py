"""The posterior: NUTS over θ on the collapsed graph."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np
import nutpie
import pymc as pm
import pytensor
import xarray as xr
from nutpie.compile_pymc import CompiledPyMCModel

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.errors import EstimationError
from hierbayes.estimation.compiled import Compiled, Variable, compile_graph
from hierbayes.estimation.graph import build_graph, graph_inputs
from hierbayes.estimation.reml import maximise
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import conditional_moments, flat_prior
from hierbayes.priors.prior_set import PriorSet

_STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "logp": "lp",
    "depth": "tree_depth",
    "n_steps": "n_steps",
    "step_size_bar": "step_size",
    "mean_tree_accept": "acceptance_rate",
    "maxdepth_reached": "reached_max_treedepth",
}
_SMALLEST_START = 0.05  # of the scale of an effect: where a chain starts when REML says 0


@dataclass(frozen=True, slots=True, eq=False)
class ThetaDraws:
    """Draws of θ (and of γ when it is not collapsed), in the user's units.

    Parameters
    ----------
    root : (chains, draws, q, q) float
        A root of G.
    sigma : (chains, draws) float
    gamma : (chains, draws, p) float or None
    stats : Dataset
        Sampler statistics by chain and draw.
    seconds : float
        Wall time of sampling, compilation excluded.
    compile_seconds : float
    """

    root: Floats
    sigma: Floats
    gamma: Floats | None
    stats: xr.Dataset
    seconds: float
    compile_seconds: float


def graph_of(design: Design, cross: CrossProducts, priors: PriorSet) -> pm.Model:
    """The marginal model as a PyMC model."""
    return build_graph(design, graph_inputs(design, cross, priors), priors)


def sample_theta(
    design: Design, cross: CrossProducts, priors: PriorSet, settings: SamplerSettings
) -> ThetaDraws:
    """NUTS over θ on the collapsed graph.

    Raises
    ------
    EstimationError
        When no start with a finite density is found.
    """
    inputs = graph_inputs(design, cross, priors)
    if settings.sampler == "pymc":
        return _sample_pymc(build_graph(design, inputs, priors), settings)
    before = time.perf_counter()
    compiled = compile_graph(inputs, lambda: build_graph(design, inputs, priors))
    start = start_point(compiled.variables, design, cross)
    model = _nutpie_model(compiled, compiled.buffer(inputs.data), start)
    compile_seconds = time.perf_counter() - before
    before = time.perf_counter()
    try:
        trace = nutpie.sample(
            model,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores or min(settings.chains, os.cpu_count() or 1),
            seed=settings.seed,
            target_accept=settings.target_accept,
            progress_bar=settings.progress,
            save_warmup=False,
        )
    except RuntimeError as error:
        raise EstimationError(
            f"the sampler could not start ({_first_line(error)}); look at model.priors: a prior "
            "may exclude what the data show"
        ) from error
    seconds = time.perf_counter() - before
    parts = compiled.parameters(trace.posterior["theta"].to_numpy())
    stats = trace.sample_stats.to_dataset()
    kept = stats[list(_STATS)].rename(_STATS)
    return ThetaDraws(
        parts["root"], parts["sigma"], parts.get("gamma"), kept, seconds, compile_seconds
    )


def _first_line(error: Exception) -> str:
    """What an error says, without the trace that may follow."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _nutpie_model(
    compiled: Compiled, buffer: Floats, start: tuple[Floats, Floats]
) -> CompiledPyMCModel:
    """The callbacks and their data as nutpie takes a compiled PyMC model."""
    centre, width = start

    def initial_point(seed: int) -> Floats:
        return centre + width * np.random.default_rng(seed).uniform(-1.0, 1.0, len(centre))

    return CompiledPyMCModel(
        compiled_logp_func=compiled.log_density,
        compiled_expand_func=compiled.expand,
        initial_point_func=initial_point,
        shared_data={},
        shared_var_keys={},
        user_data=buffer,
        n_expanded=compiled.n_out,
        shape_info=(["theta"], [slice(0, compiled.n_out)], [(compiled.n_out,)]),
        logp_func=None,
        expand_func=None,
        _n_dim=compiled.n_dim,
        _shapes={},
        _coords={},
        dims={},
        reparameterized_names=[],
    )


def start_point(
    variables: tuple[Variable, ...], design: Design, cross: CrossProducts
) -> tuple[Floats, Floats]:
    """Centre and half-width, on the unconstrained scale, of where chains start.

    The centre is the REML estimate, with an sd that REML puts at zero moved off it.
    """
    basis = cross.basis
    optimum = maximise(cross, design.blocks)
    moments = conditional_moments(optimum.root, optimum.sigma, cross, flat_prior(len(design.terms)))
    root = basis.root(optimum.root * optimum.sigma)
    smallest = _SMALLEST_START * basis.scale / basis.z.spread
    sd = np.maximum(np.sqrt((root**2).sum(axis=1)), smallest)
    se = np.sqrt(np.diagonal(basis.gamma_covariance(moments.gamma_cov)))
    known = {
        "signed_sd": (sd, 0.5 * sd),
        "sd": (sd, 0.5 * sd),
        "sigma": (np.array([optimum.sigma * basis.scale]), np.array([0.0])),
        "gamma": (basis.gamma(moments.gamma), 2.0 * se),
    }
    parts = [_start_of(variable, known) for variable in variables]
    return np.concatenate([c for c, _ in parts]), np.concatenate([w for _, w in parts])


def _start_of(variable: Variable, known: dict[str, tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Centre and half-width of one variable; 0 ± 1 where nothing is known of its scale."""
    block, _, number = variable.name.rpartition("_")
    one_of_many = number.isdigit() and block in known
    name = block if one_of_many else variable.name
    if name not in known or variable.transform not in (None, "log"):
        return np.zeros(variable.size), np.ones(variable.size)
    centre, width = known[name]
    if one_of_many:
        centre, width = centre[[int(number)]], width[[int(number)]]
    if variable.transform == "log":
        return np.log(centre), np.full(len(centre), 0.5)
    return centre, width


def _sample_pymc(model: pm.Model, settings: SamplerSettings) -> ThetaDraws:
    """The same graph by PyMC's own NUTS."""
    before = time.perf_counter()
    # the whole graph by numba, as for nutpie: PyTensor's C backend may lack a BLAS
    with model, pytensor.config.change_flags(mode="NUMBA"):
        trace = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores or min(settings.chains, os.cpu_count() or 1),
            random_seed=settings.seed,
            target_accept=settings.target_accept,
            progressbar=settings.progress,
            nuts_sampler="pymc",
            compute_convergence_checks=False,
        )
    seconds = time.perf_counter() - before
    posterior = trace["posterior"]
    stats = trace["sample_stats"].to_dataset()
    kept = stats[[name for name in _STATS.values() if name in stats]]
    gamma = posterior["gamma"].to_numpy() if "gamma" in posterior else None
    return ThetaDraws(
        posterior["root"].to_numpy(), posterior["sigma"].to_numpy(), gamma, kept, seconds, 0.0
    )
