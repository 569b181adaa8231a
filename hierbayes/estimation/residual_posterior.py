r"""The posterior of θ and of the parameters of a residual structure.

Their density (`residual_target`) is evaluated from Python, a millisecond each, so that importance
sampling about its mode goes first; NUTS takes over where the weights say that it cannot stand for
the posterior, or where it is asked for.
"""

from __future__ import annotations

import time

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.display.steps import announce
from hierbayes.errors import EstimationError, ResidualError
from hierbayes.estimation.importance import (
    FREEDOM,
    K_HAT_LIMIT,
    log_t,
    mirrored,
    repeated,
    smoothed_weights,
    statistics,
)
from hierbayes.estimation.inputs import graph_inputs, reading_of
from hierbayes.estimation.normal_at_mode import normal_at_mode
from hierbayes.estimation.posterior import target_of
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.estimation.residual_target import StructuredDraws, StructuredTarget
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.start import start_point
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.reading import GIVEN, NORMAL, REML
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.error_density import error_density
from hierbayes.priors.prior_set import PriorSet

PROPOSALS = 2048  # in all


def sample_structured(
    problem: Problem, priors: PriorSet, settings: SamplerSettings
) -> StructuredDraws:
    """Draws of θ and of the parameters of the errors.

    The prior of γ is of the columns as they are, not as any errors weigh them.

    Raises
    ------
    ResidualError
        When a prior is made by PyMC, or γ is not integrated out.
    EstimationError
        When no start with a finite density is found, or importance sampling that was asked for
        cannot stand for the posterior.
    """
    refuse_other_priors(priors)
    before = time.perf_counter()
    made, centre, width = _target(problem, priors, progress=settings.progress)
    compile_seconds = time.perf_counter() - before
    if settings.sampler in ("auto", "importance"):
        drawn, k_hat = _by_importance(made, centre, settings, compile_seconds)
        if k_hat <= K_HAT_LIMIT:
            return drawn
        if settings.sampler == "importance":
            raise EstimationError(
                f"importance sampling cannot stand for this posterior (Pareto k̂ {k_hat:.2f}, "
                f"limit {K_HAT_LIMIT}); use sampler='nutpie'"
            )
        if settings.progress:
            announce(f"the weights cannot be relied on (Pareto k̂ {k_hat:.2f}): NUTS")
    if settings.sampler == "pymc":
        raise EstimationError(
            "a residual structure is sampled by importance sampling or by nutpie's NUTS; use "
            "sampler='nutpie'"
        )
    from hierbayes.estimation.residual_nuts import sample_by_nuts

    return sample_by_nuts(made, (centre, width), settings, compile_seconds)


def refuse_other_priors(priors: PriorSet) -> None:
    """Refuse priors under which γ stays in the density.

    Raises
    ------
    ResidualError
    """
    if not priors.are_built_in or not priors.collapses_gamma or priors.explains_gamma:
        raise ResidualError(
            "with a residual structure γ is integrated out, and priors are built in: give gamma "
            "normal or flat priors, and none of r2"
        )


def _target(
    problem: Problem, priors: PriorSet, *, progress: bool
) -> tuple[StructuredTarget, Floats, Floats]:
    """The density, and the centre and width of where chains start."""
    design, moments = problem.design, problem.moments
    assert moments is not None
    z = maximise_residual(moments, design.blocks, REML).best.z
    products = moments.at(z).products
    reading = reading_of(priors)
    assert reading != GIVEN
    normal = flat_prior(len(design.terms))
    if reading == NORMAL:
        normal = priors.normal_gamma(problem.products)
    inputs = graph_inputs(design, products, priors).with_gamma_prior(normal)
    target = target_of(design, inputs, priors, progress=progress)
    centre, width = start_point(target.variables, products, inputs)
    made = StructuredTarget(target, moments, reading, normal, error_density(moments.rows, priors))
    return made, np.concatenate([centre, z]), np.concatenate([width, np.full(len(z), 0.3)])


def _by_importance(
    made: StructuredTarget, centre: Floats, settings: SamplerSettings, compile_seconds: float
) -> tuple[StructuredDraws, float]:
    """Draws by importance sampling about the mode, and k̂ of their weights."""
    before = time.perf_counter()
    mode, root = normal_at_mode(made.with_gradient, centre)
    n = PROPOSALS // settings.chains
    generator = np.random.default_rng(settings.seed)
    normals = generator.standard_normal((settings.chains, n, len(mode)))
    scale = np.sqrt(FREEDOM / generator.chisquare(FREEDOM, (settings.chains, n)))[..., None]
    w = mode + (scale * normals) @ root.T
    found = [[made.value(point) for point in part] for part in w]
    log_p = np.array([[value for value, _ in part] for part in found])
    expanded = np.array([[every for _, every in part] for part in found])
    log_p[mirrored(made.target, w[..., : made.of_theta])] = -np.inf
    weights, k_hat = smoothed_weights(log_p - log_t((scale * normals) ** 2, root))
    kept = np.array([repeated(one, settings.draws, generator) for one in weights])
    at = kept[..., None]
    root_, sigma, gamma = made.target.parameters(np.take_along_axis(expanded, at, axis=1))
    stats = statistics(np.take_along_axis(log_p, kept, axis=1))
    seconds = time.perf_counter() - before
    drawn = ThetaDraws(Theta.of(root_, sigma), gamma, stats, seconds, compile_seconds, k_hat)
    z = np.take_along_axis(w[..., made.of_theta :], at, axis=1)
    return StructuredDraws(drawn, z), k_hat
