"""The posterior: NUTS over θ on the collapsed likelihood.

Under built-in priors everything is compiled already, or once on a machine (`density`); a
prior made by PyMC takes its graph, and a compiler.
"""

from __future__ import annotations

import time

from hierbayes.design.blas_threads import with_few_blas_threads
from hierbayes.design.design import Design
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.display.steps import announce
from hierbayes.errors import EstimationError
from hierbayes.estimation.coordinates import variables_of
from hierbayes.estimation.density import callbacks, compiled_beside
from hierbayes.estimation.density_data import density_data
from hierbayes.estimation.importance import (
    K_HAT_LIMIT,
    announce_importance,
    sample_importance,
)
from hierbayes.estimation.inputs import GraphInputs, graph_inputs
from hierbayes.estimation.nuts_cost import LONG, nuts_seconds
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.start import start_point
from hierbayes.estimation.target import Target
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import is_compiled, module_of
from hierbayes.likelihood.reading import GIVEN
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet


@with_few_blas_threads(lambda _, cross, *__, **___: cross)
def sample_theta(
    design: Design, cross: Products, priors: PriorSet, settings: SamplerSettings
) -> ThetaDraws:
    """Draws of θ: NUTS on the collapsed graph, or importance sampling.

    Raises
    ------
    EstimationError
        When no start with a finite density is found, or importance sampling that was asked for
        cannot stand for the posterior.
    """
    inputs = _inputs(design, cross, priors, progress=settings.progress)
    if drawn := _by_importance(design, cross, inputs, priors, settings):
        return drawn
    if settings.sampler == "pymc":
        from hierbayes.estimation.graph import build_graph
        from hierbayes.estimation.pymc_nuts import sample_pymc

        return sample_pymc(build_graph(design, inputs, priors), settings)
    before = time.perf_counter()
    target = target_of(design, inputs, priors, progress=settings.progress)
    start = start_point(target.variables, cross, inputs)
    return sample_target(target, start, settings, time.perf_counter() - before)


def sample_target(
    target: Target, start: tuple[Floats, Floats], settings: SamplerSettings, compile_seconds: float
) -> ThetaDraws:
    """Draws of θ, γ and latent coordinates by nutpie.

    Parameters
    ----------
    target : Target
    start : (centre, width)
        Chains start at random between centre ± width, both (n_dim,), of the target's coordinates.
    settings : SamplerSettings
    compile_seconds : float
        How long it took to make the target.

    Raises
    ------
    EstimationError
        When no start with a finite density is found.
    """
    from hierbayes.estimation.nutpie_chains import nutpie_model, sample_chains

    before = time.perf_counter()
    model = nutpie_model(target, start)
    compile_seconds += time.perf_counter() - before
    posterior, stats, seconds = sample_chains(model, settings, is_nearly_normal=target.latent > 0)
    expanded = posterior["theta"].to_numpy()
    root, sigma, gamma = target.parameters(expanded)
    latent = target.latent_coordinates(expanded) if target.latent else None
    theta = Theta.of(root, sigma)
    return ThetaDraws(theta, gamma, stats, seconds, compile_seconds, latent=latent)


def _inputs(design: Design, cross: Products, priors: PriorSet, *, progress: bool) -> GraphInputs:
    """What the density is of; what is not on disk is compiled by two processes meanwhile."""
    if not priors.are_built_in:
        return graph_inputs(design, cross, priors)
    several = isinstance(cross, SparseProducts)
    with compiled_beside(module_of(several), is_compiled(several), progress=progress):
        return graph_inputs(design, cross, priors)


def _by_importance(
    design: Design,
    cross: Products,
    inputs: GraphInputs,
    priors: PriorSet,
    settings: SamplerSettings,
) -> ThetaDraws | None:
    """Importance sampling where it is asked for, or NUTS would take long; None otherwise."""
    asked = settings.sampler == "importance"
    seconds = nuts_seconds(cross, settings)
    if not asked and (settings.sampler != "auto" or seconds < LONG or not priors.are_built_in):
        return None
    if not priors.are_built_in:
        raise EstimationError(
            "importance sampling takes built-in priors, and one of these is made by PyMC; use "
            "sampler='nutpie'"
        )
    if settings.progress and not asked:
        announce_importance(seconds)
    target = target_of(design, inputs, priors, progress=settings.progress)
    found = sample_importance(target, start_point(target.variables, cross, inputs)[0], settings)
    if found.k_hat <= K_HAT_LIMIT:
        return found.draws
    if asked:
        raise EstimationError(
            f"importance sampling cannot stand for this posterior (Pareto k̂ {found.k_hat:.2f}, "
            f"limit {K_HAT_LIMIT}): a variance near zero, as a rule; use sampler='nutpie'"
        )
    if settings.progress:
        announce(f"the weights cannot be relied on (Pareto k̂ {found.k_hat:.2f}): NUTS")
    return None


def target_of(design: Design, inputs: GraphInputs, priors: PriorSet, *, progress: bool) -> Target:
    """The compiled density with the data of a model, or its graph compiled.

    Parameters
    ----------
    design, inputs, priors
        Of the model.
    progress : bool
        Whether to say so when something is compiled.
    """
    if not priors.are_built_in:
        from hierbayes.estimation.compiled import graph_target

        return graph_target(design, inputs, priors, progress=progress)
    with compiled_beside(inputs.likelihood, inputs.is_compiled, progress=progress):
        compiled = callbacks()
    given = inputs.structure[0] == GIVEN
    return Target(
        compiled.log_density,
        compiled.expand,
        density_data(design, inputs, priors),
        variables_of(design, priors, gamma=given),
        len(design.effects),
        len(design.terms) + len(priors.extra) if given else 0,
        inputs.data["columns"],
        inputs.latent,
    )
