r"""The posterior of θ and of the parameters of a residual structure.

Their density (`residual_target`) is called from Python, so that importance sampling goes first,
with proposals about its mode that learn; NUTS takes over where the weights say that it cannot stand
for the posterior, or where it is asked for, in coordinates that are independent and standard at the
mode.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.display.steps import announce
from hierbayes.errors import EstimationError, ResidualError
from hierbayes.estimation.coordinates import variables_of
from hierbayes.estimation.density_data import density_data
from hierbayes.estimation.error_axes import ErrorAxes, axes_of
from hierbayes.estimation.importance import (
    K_HAT_LIMIT,
    mirrored,
    repeated,
    smoothed_weights,
    statistics,
)
from hierbayes.estimation.inputs import graph_inputs, reading_of
from hierbayes.estimation.normal_at_mode import normal_at_mode
from hierbayes.estimation.posterior import target_of
from hierbayes.estimation.proposals import Proposals
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.estimation.residual_target import StructuredDraws, StructuredTarget
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.start import start_point
from hierbayes.estimation.target import Target
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.reading import GIVEN, NORMAL, REML
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.error_density import error_density
from hierbayes.priors.prior_set import PriorSet

PROPOSALS = 8192  # in all
_FOR_A_DRAW = 2  # proposals, at most
_LEARNING = (512, 1024)  # proposals, from which better ones are learnt
_ROUNDS = 3  # at most, of all proposals, until they serve
_ENOUGH = 1000.0  # draws that weights are worth, or NUTS takes over
_WORTH = 0.25  # of the proposals: what their weights are to be worth


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
    made, centre, _ = structured_target(problem, priors, progress=settings.progress)
    compile_seconds = time.perf_counter() - before
    normal = normal_at_mode(made.with_gradient, centre)
    if settings.sampler in ("auto", "importance"):
        drawn, k_hat, worth = _by_importance(made, normal, settings, compile_seconds)
        if k_hat <= K_HAT_LIMIT and (worth >= _ENOUGH or settings.sampler == "importance"):
            return drawn
        if settings.sampler == "importance":
            raise EstimationError(
                f"importance sampling cannot stand for this posterior (Pareto k̂ {k_hat:.2f}, "
                f"limit {K_HAT_LIMIT}); use sampler='nutpie'"
            )
        if settings.progress:
            announce(
                f"the weights cannot be relied on (Pareto k̂ {k_hat:.2f}, worth {worth:.0f} draws): "
                "NUTS"
            )
    if settings.sampler == "pymc":
        raise EstimationError(
            "a residual structure is sampled by importance sampling or by nutpie's NUTS; use "
            "sampler='nutpie'"
        )
    from hierbayes.estimation.residual_nuts import sample_by_nuts

    return sample_by_nuts(made, normal, settings, compile_seconds)


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


def structured_target(
    problem: Problem, priors: PriorSet, *, progress: bool, volumes: bool = True
) -> tuple[StructuredTarget, Floats, Floats]:
    """The density, and the centre and width of where chains and searches start.

    It is that of coordinates; without ``volumes`` that of the parameters themselves, or of what
    their priors are of, for a mode, and nothing is compiled for it.
    """
    design, moments = problem.design, problem.moments
    assert moments is not None
    z = moments.rows.inside(maximise_residual(moments, design.blocks, REML).best.z)
    products = moments.at(z).products
    reading = reading_of(priors)
    assert reading != GIVEN
    normal = flat_prior(len(design.terms))
    if reading == NORMAL:
        normal = priors.normal_gamma(problem.products)
    inputs = graph_inputs(design, products, priors).with_gamma_prior(normal)
    target = (
        target_of(design, inputs, priors, progress=progress)
        if volumes
        else Target(
            None, None, density_data(design, inputs, priors, volumes=False),
            variables_of(design, priors), len(design.effects), 0, inputs.data["columns"],
        )
    )  # fmt: skip
    centre, width = start_point(target.variables, products, inputs)
    errors = replace(error_density(moments.rows, priors), volumes=volumes)
    axes = axes_of(errors) if volumes else ErrorAxes()
    made = StructuredTarget(
        target,
        moments,
        reading,
        normal,
        errors,
        inputs.data["sd_unit"],
        axes,
    )
    return (
        made,
        np.concatenate([centre, axes.of_sampler(z)]),
        np.concatenate([width, np.full(len(z), 0.3)]),
    )


def _by_importance(
    made: StructuredTarget,
    normal: tuple[Floats, Floats],
    settings: SamplerSettings,
    compile_seconds: float,
) -> tuple[StructuredDraws, float, float]:
    """Draws by importance sampling, k̂ of their weights, and how many draws these are worth.

    Proposals begin about the mode.  Each chain has its own; what they are drawn from is learnt
    before.
    """
    before = time.perf_counter()
    generator = np.random.default_rng(settings.seed)
    proposals = Proposals.at_mode(*normal)
    for n in _LEARNING:
        found = _proposed(made, proposals, (1, n), generator)
        proposals = proposals.learnt(found.w[0], found.log_p[0], generator)
    shape = (
        settings.chains,
        min(_FOR_A_DRAW * settings.draws, PROPOSALS // settings.chains),
    )
    for _ in range(_ROUNDS):
        found = _proposed(made, proposals, shape, generator)
        weights, k_hat = smoothed_weights(found.log_weights)
        worth = weights.sum() ** 2 / (weights**2).sum()
        if k_hat <= K_HAT_LIMIT and worth >= _WORTH * weights.size:
            break
        every = found.w.reshape(-1, found.w.shape[-1])
        proposals = proposals.learnt(every, found.log_p.ravel(), generator)
    kept = np.array([repeated(one, settings.draws, generator) for one in weights])
    at = kept[..., None]
    root, sigma, gamma = made.target.parameters(np.take_along_axis(found.expanded, at, axis=1))
    stats = statistics(np.take_along_axis(found.log_p, kept, axis=1))
    seconds = time.perf_counter() - before
    drawn = ThetaDraws(Theta.of(root, sigma), gamma, stats, seconds, compile_seconds, k_hat)
    z = made.coordinates(np.take_along_axis(found.w, at, axis=1))
    return StructuredDraws(drawn, z), k_hat, float(worth)


@dataclass(frozen=True, slots=True, eq=False)
class _Proposed:
    """Proposals by chain.

    Parameters
    ----------
    w : (chains, n, ·) float
    log_p, log_weights : (chains, n) float
        Log density, −∞ where it is that of a mirror, and less that of the proposals.
    expanded : (chains, n, ·) float
        What `expand` writes.
    """

    w: Floats
    log_p: Floats
    log_weights: Floats
    expanded: Floats


def _proposed(
    made: StructuredTarget,
    proposals: Proposals,
    shape: tuple[int, int],
    generator: np.random.Generator,
) -> _Proposed:
    w = proposals.draw(generator, shape[0] * shape[1])
    found = [made.value(point) for point in w]
    log_p = np.array([value for value, _ in found])
    log_p[mirrored(made.target, w[:, : made.of_theta])] = -np.inf
    expanded = np.array([every for _, every in found])
    arrays = (w, log_p, log_p - proposals.log_density(w), expanded)
    return _Proposed(*(one.reshape(*shape, *one.shape[1:]) for one in arrays))
