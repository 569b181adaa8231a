"""Draws from the priors of a model, made by PyMC's own random variables.

The distributions are those the graph states (see `graph`), so that each prior has one
definition.  Every parameter has a stream of random numbers of its own, derived from
the seed, its block and its name: stating one prior differently leaves the draws of
all others as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import pytensor
from pytensor.tensor.variable import TensorVariable

from hierbayes.design.blocks import block_slices
from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import lower_root
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.column_priors import column_priors
from hierbayes.priors.error_density import error_density
from hierbayes.priors.error_draws import draw_coordinates
from hierbayes.priors.families import Flat, Prior
from hierbayes.priors.foreign_prior import ForeignPrior, refuse_shaped
from hierbayes.priors.joint_draws import draw_explained, draw_icc_sd, draw_matrix_root
from hierbayes.priors.joint_families import R2D2M2, Beta, MatrixPrior
from hierbayes.priors.prior_set import Entry, PriorSet
from hierbayes.pymc_import import pm
from hierbayes.specification.counts import refuse_bad_count, refuse_bad_seed

_LARGEST = 1e100  # of a draw: its square, and what is summed of it, still are numbers
_PROPER = {
    "gamma": "Normal(0, 10)",
    "sd": "HalfNormal(5)",
    "sigma": "HalfNormal(5)",
    "residual": "Normal(0, 1)",
}


@dataclass(frozen=True, slots=True, eq=False)
class PriorDraws:
    """Independent draws of θ and γ from their priors, in the user's units.

    Parameters
    ----------
    theta : Theta
        With one leading axis, and lower-triangular roots of G.
    gamma : (draws, p) float
        Fixed effects.
    phi : (draws, d) float
        Dispersion of a family that is not Gaussian, as η is computed: thresholds begin at 0.
        Without a family, σ, and after it the coordinates of a residual structure.
    """

    theta: Theta
    gamma: Floats
    phi: Floats


@dataclass(frozen=True, slots=True)
class Streams:
    """How many draws of each parameter, and where its random numbers come from.

    Parameters
    ----------
    draws : int
    seed : int
    """

    draws: int
    seed: int

    def seed_of(self, block: str, name: str) -> int:
        """The seed of one parameter's own stream."""
        key = crc32(f"{block}/{name}".encode())
        return int(np.random.SeedSequence([self.seed, key]).generate_state(1)[0])


def draw_priors(priors: PriorSet, problem: Problem, draws: int, seed: int) -> PriorDraws:
    """Draw from every prior of a model.

    Parameters
    ----------
    priors : PriorSet
        Priors in force.
    problem : Problem
        Of the model; its blocks of G are read, not its data.
    draws : int
        At least 1.
    seed : int
        From 0 to 2³² − 1; equal seeds give equal draws.

    Raises
    ------
    PriorError
        When a prior is flat, so that there is nothing to draw from, or cannot be a
        prior of its parameter; block and parameter are named.
    EstimationError
        When draws or seed are not whole numbers in their range.
    """
    refuse_bad_count("draws", draws)
    refuse_bad_seed(seed)
    streams = Streams(int(draws), int(seed))
    phi = _draw_dispersion(priors, problem, streams)
    known = problem.family is not None
    sigma = np.ones(streams.draws) if known else phi[:, 0]
    if (sigma < 0.0).any():
        raise PriorError(
            f"the prior of 'sigma' ({priors.sigma[1]}) reaches below 0, where σ cannot be; "
            "state a distribution of positive numbers, such as HalfNormal(5)"
        )
    design = problem.design
    gamma = _draw_gamma(priors, problem, streams)
    if not priors.joint:
        return PriorDraws(Theta.of(_draw_root(priors, problem, streams), sigma), gamma, phi)
    block, prior, _ = priors.joint[0]  # a second one would cover the sds again
    generator = np.random.default_rng(streams.seed_of(block, block))
    if isinstance(prior, MatrixPrior):
        root = draw_matrix_root(prior, design.effects, generator, streams.draws)
        return PriorDraws(Theta.of(root, sigma), gamma, phi)
    if isinstance(prior, BlockMatrices):
        q = len(design.effects)
        root = _draw_root(priors, problem, streams) if priors.sd else np.zeros((len(sigma), q, q))
        for k, one in prior.stated.items():
            at, own = prior.places[k], streams.seed_of(block, prior.names[k])
            generator = np.random.default_rng(own)
            root[:, at, at] = draw_matrix_root(one, design.effects[at], generator, streams.draws)
        return PriorDraws(Theta.of(root, sigma), gamma, phi)
    corr_root = _draw_correlation_root(priors, design.blocks, streams)
    if isinstance(prior, Beta):
        sd = draw_icc_sd(prior, design, corr_root, sigma, generator)
    elif isinstance(prior, R2D2M2):
        varying, sd = draw_explained(prior, design, sigma, generator)
        gamma = np.insert(varying, design.terms.index(priors.gamma[0][0]), gamma[:, 0], axis=1)
    return PriorDraws(Theta.of(sd[:, :, None] * corr_root, sigma), gamma, phi)


def _draw_root(priors: PriorSet, problem: Problem, streams: Streams) -> Floats:
    """Lower roots (draws, q, q) of G under priors of sd and corr; what G covers is not drawn."""
    named = tuple((priors.label(name), prior, source) for name, prior, source in priors.sd)
    sd = _draw_each("sd", named, streams)
    root: Floats = sd[:, :, None] * _draw_correlation_root(priors, problem.design.blocks, streams)
    return lower_root(priors.columns(sd.shape[1]) @ root) if priors.centring else root


def _draw_dispersion(priors: PriorSet, problem: Problem, streams: Streams) -> Floats:
    """Draws (draws, d) of σ, or of the dispersion of a family."""
    if not priors.has_dispersion:
        return np.zeros((streams.draws, 0))
    of_columns = column_priors(priors, problem)
    if of_columns is not None:
        coordinates = _draw_each("sigma", of_columns.priors.dispersion, streams)
        return of_columns.coefficients(coordinates)
    drawn = _draw_each("sigma", priors.dispersion, streams)
    family = problem.family
    if family is None:
        return np.hstack([drawn, draw_errors(priors, problem, streams)])
    if priors.distances:
        _refuse_negative(drawn, priors.dispersion)
        return np.hstack([np.zeros((streams.draws, 1)), drawn.cumsum(axis=1)])
    positive = [kind == "positive" for kind in family.dispersion_kinds]
    at = [entry for entry, is_positive in zip(priors.dispersion, positive, strict=True)
          if is_positive]  # fmt: skip
    _refuse_negative(drawn[:, positive], tuple(at))
    return drawn


def draw_errors(priors: PriorSet, problem: Problem, streams: Streams) -> Floats:
    """Coordinates (draws, k) of the residual structure; none without one."""
    if problem.moments is None:
        return np.empty((streams.draws, 0))
    rows = problem.moments.rows

    def draw(name: str, prior: Prior, k: int) -> Floats:
        return _draw_scalar("residual", name, prior, replace(streams, seed=streams.seed + k))

    together = np.random.default_rng(streams.seed_of("residual", "together"))
    of_each = error_density(rows, priors).priors
    return draw_coordinates(rows, of_each, draw, together, streams.draws)


def _refuse_negative(drawn: Floats, entries: tuple[Entry, ...]) -> None:
    for column, (name, prior, _) in zip(drawn.T, entries, strict=True):
        if (column < 0.0).any():
            raise PriorError(
                f"'{name}' is not negative: its prior {prior} reaches below 0; state a "
                "distribution of positive numbers, such as HalfNormal(5)"
            )


def _draw_gamma(priors: PriorSet, problem: Problem, streams: Streams) -> Floats:
    """Draws (draws, p) of γ; terms with one prior together given the others."""
    gamma = _draw_each("gamma", priors.gamma, streams)
    joint = priors.joint_gamma(problem.unweighted.working)
    if joint is None:
        return gamma
    normals = (gamma[:, joint.at] - joint.mean) / joint.sd
    return joint.draw(gamma, normals)


def _draw_each(block: str, entries: tuple[Entry, ...], streams: Streams) -> Floats:
    """Draws (draws, k) of the k parameters of a block."""
    columns = []
    for name, prior, _ in entries:
        column = _draw_scalar(block, name, prior, streams)
        lost = float(np.mean(~(np.abs(column) < _LARGEST)))
        if lost > 0.0:
            raise PriorError(
                f"the prior of '{block}' for '{name}' ({prior}) is so wide that {lost:.1%} of its "
                "draws are too large to compute with; nothing that it implies makes sense"
            )
        if block == "sd" and (column < 0.0).any():
            raise PriorError(
                f"a standard deviation is not negative: {prior} for '{block}' reaches below 0"
            )
        columns.append(column)
    return np.stack(columns, axis=-1) if columns else np.empty((streams.draws, 0))


def _draw_scalar(block: str, name: str, prior: Prior, streams: Streams) -> Floats:
    """Draws (draws,) of one parameter.

    A distribution made by PyMC is evaluated once per draw: it may depend on others,
    which must be drawn anew each time.
    """
    if prior.is_elsewhere:
        return np.ones(streams.draws)
    if isinstance(prior, Flat):
        raise _not_drawable(block, name, prior)
    seed = streams.seed_of(block, name)
    if not isinstance(prior, ForeignPrior):
        family = getattr(pm, prior.distribution)
        return _evaluate(family.dist(**prior.parameters, size=streams.draws), 1, seed)
    refuse_shaped(prior, block)
    try:
        return _evaluate(prior.variable, streams.draws, seed).reshape(streams.draws)
    except NotImplementedError as error:  # PyMC's word for a flat one, which has no draws
        raise _not_drawable(block, name, prior) from error


def _draw_correlation_root(priors: PriorSet, blocks: tuple[int, ...], streams: Streams) -> Floats:
    """Lower roots (draws, q, q) of the correlation matrix, block by block."""
    q = sum(blocks)
    roots = np.zeros((streams.draws, q, q))
    entries = iter(priors.corr)
    for size, at in zip(blocks, block_slices(blocks), strict=True):
        if size == 1:
            roots[:, at, at] = 1.0
        else:
            name, prior, _ = next(entries)
            variable = pm.LKJCorr.dist(n=size, **prior.parameters, size=streams.draws)
            roots[:, at, at] = _evaluate(variable, 1, streams.seed_of("corr", name))
    return roots


def _evaluate(variable: TensorVariable, times: int, seed: int) -> Floats:
    """Values of a random variable; nothing is compiled, which would take longer than drawing."""
    quiet = np.errstate(divide="ignore", over="ignore")  # what is too large is refused by name
    with quiet, pytensor.config.change_flags(cxx=""):
        values = pm.draw(variable, draws=times, random_seed=seed, mode="FAST_COMPILE")
    return np.asarray(values, dtype=np.float64)


def _not_drawable(block: str, name: str, prior: Prior) -> PriorError:
    proper = _PROPER[block]
    remedy = f"{block}={proper}" if block == name else f"{block}={{'{name}': {proper}}}"
    return PriorError(
        f"the prior of '{block}' for '{name}' ({prior}) is improper, and nothing can be drawn "
        f"from it; state a proper one, such as priors=dict({remedy})"
    )
