"""Log densities of priors at many draws, as PyMC defines them.

The graph of a model states its priors as PyMC distributions; here PyMC's log density of
the very same distributions is evaluated at draws.  A function is compiled once per family,
its parameters being inputs.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.graph.replace import vectorize_graph
from scipy.special import xlogy

from hierbayes.design.design import Design
from hierbayes.errors import PriorError
from hierbayes.frames.arrays import Floats
from hierbayes.priors.correlation_families import LKJ, UniformCorrelation
from hierbayes.priors.families import Flat, Prior
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.priors.joint_density import joint_density_at
from hierbayes.priors.prior_set import Entry
from hierbayes.pymc_import import pm

_MODE = Mode("py", "fast_compile")  # some vector operations: interpreting beats compiling


def log_density(prior: Prior, values: Floats) -> Floats:
    """Log density of a prior of one scalar parameter at values (M,); 0 for a flat one.

    Raises
    ------
    PriorError
        When PyMC has no density of a distribution.
    """
    if isinstance(prior, Flat):
        return np.zeros(len(values))
    if isinstance(prior, ForeignPrior):
        return _foreign(prior)(values)
    if isinstance(prior, UniformCorrelation):
        return _of_correlation(prior, values)
    parameters = prior.parameters
    function = _scalar(prior.distribution, tuple(parameters))
    result: Floats = function(values, *_copies(prior, values))
    return result


def refuse_negative(prior: ForeignPrior, block: str) -> None:
    """Refuse a distribution of a standard deviation that reaches below 0.

    Raises
    ------
    PriorError
        Naming the block and the prior.
    """
    if np.isfinite(log_density(prior, -np.logspace(-3.0, 3.0, 25))).any():
        raise PriorError(
            f"a standard deviation is not negative: {prior} for '{block}' reaches below 0"
        )


def log_density_corr(prior: LKJ, chol: Floats) -> Floats:
    """Log density of a correlation matrix at Cholesky factors (M, n, n).

    Relative to a measure on correlation matrices that is the same for every prior.
    """
    result: Floats = _lkj(chol.shape[-1])(chol, prior.eta)
    return result


def log_density_joint(entry: Entry, design: Design, roots: Floats, sigmas: Floats) -> Floats:
    """Log density of a joint prior at roots of G (M, q, q) and σ (M,); see `joint_prior`.

    Raises
    ------
    PriorError
        When the prior has no density without its latent parameters.
    """
    if not entry[1].has_density:
        raise PriorError(
            f"the prior {entry[1]} has no density of G, σ and γ alone, only with latent shares"
        )
    return joint_density_at(entry, design, roots, sigmas)


def derivatives_of(prior: Prior, values: Floats) -> dict[str, Floats]:
    """∂ log density/∂(parameter of the prior) at values (M,), by name of the parameter."""
    parameters = prior.parameters
    if isinstance(prior, Flat | ForeignPrior | UniformCorrelation) or not parameters:
        return {}
    function = _scalar_gradient(prior.distribution, tuple(parameters))
    return dict(zip(parameters, function(values, *_copies(prior, values)), strict=True))


def _of_correlation(prior: UniformCorrelation, phi: Floats) -> Floats:
    """Log density of φ whose power sign(φ)|φ|^gap is uniform; PyMC has none."""
    with np.errstate(divide="ignore"):  # φ = 0
        inside = np.log(prior.gap / (1.0 - prior.low)) + xlogy(prior.gap - 1.0, np.abs(phi))
    return np.where((phi >= prior.low) & (phi <= 1.0), inside, -np.inf)


@cache
def _scalar(distribution: str, names: tuple[str, ...]) -> Any:
    x, parameters, density = _expression(distribution, names)
    return _compile([x, *parameters], density)


@cache
def _scalar_gradient(distribution: str, names: tuple[str, ...]) -> Any:
    x, parameters, density = _expression(distribution, names)
    return _compile([x, *parameters], pt.grad(density.sum(), parameters))


def _expression(distribution: str, names: tuple[str, ...]) -> tuple[Any, list[Any], Any]:
    """The density at x (M,); every draw has a copy of the parameters, and so its own gradient."""
    x = pt.dvector("x")
    parameters = [pt.dvector(name) for name in names]
    stated = getattr(pm, distribution).dist(**dict(zip(names, parameters, strict=True)))
    return x, parameters, pm.logp(stated, x)


def _copies(prior: Prior, values: Floats) -> list[Floats]:
    return [np.full(len(values), number) for number in prior.parameters.values()]


@lru_cache(maxsize=64)
def _foreign(prior: ForeignPrior) -> Any:
    x = pt.dvector("x")
    try:
        return _compile([x], pm.logp(prior.variable, x) + pt.zeros_like(x))
    except NotImplementedError as error:  # PyMC's word for a distribution without a density
        raise PriorError(f"PyMC has no log density of the prior {prior}") from error


@cache
def _lkj(n: int) -> Any:
    chol, one, eta = pt.dtensor3("chol"), pt.dmatrix("one"), pt.dscalar("eta")
    density = pm.logp(pm.LKJCorr.dist(n=n, eta=eta), one)
    return _compile([chol, eta], vectorize_graph(density, {one: chol}))


def _compile(inputs: list[Any], outputs: Any) -> Any:
    return pytensor.function(inputs, outputs, mode=_MODE)
