"""The density of a Gaussian model's responses and coordinates, γ and u integrated out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.coordinates import transform_of
from hierbayes.estimation.density import density_at
from hierbayes.estimation.importance import values_at
from hierbayes.estimation.inputs import GraphInputs, graph_inputs
from hierbayes.estimation.normal_at_mode import normal_at_mode
from hierbayes.estimation.posterior import target_of
from hierbayes.estimation.reml import maximise
from hierbayes.estimation.start import start_point
from hierbayes.estimation.target import Target
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.integral import Integrand, Points
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.defaults import default_sd, default_sigma, mean_weight
from hierbayes.priors.families import Prior, StudentT
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.priors.prior_set import PriorSet

type LogFactor = Callable[[Points], Floats]

_AT_ONCE = 256  # points in one thread
_WIDE, _TAILS = 10.0, 5.0  # of what stands in for a prior made by PyMC: spreads, and freedom


def gaussian_integrand(
    problem: Problem, priors: PriorSet, factor: LogFactor | None = None
) -> Integrand:
    """The integrand of a Gaussian model: θ, and γ where its prior is neither normal nor flat.

    Where PyMC made a prior, another stands in for it in the compiled density, and the ratio of the
    two is a factor.

    Parameters
    ----------
    problem : Problem
    priors : PriorSet
    factor : callable, optional
        Log of a further factor (N,) of the density, at points.
    """
    design, cross = problem.design, problem.products
    stand_ins = priors if priors.are_built_in else _stand_ins(problem, priors)
    inputs = graph_inputs(design, cross, stand_ins)
    target = target_of(design, inputs, stand_ins, progress=False)
    mode, root = _mode(target, inputs, problem)
    # the coordinate of a signed sd is asinh(sd/unit), its density that of the sd, per unit
    signed = [transform_of(prior, "sd") == "asinh" for _, prior, _ in stand_ins.sd]
    log_units = float(np.log(inputs.data["sd_unit"][signed]).sum()) if any(signed) else 0.0
    factors = [one for one in (_change(priors, stand_ins), factor) if one is not None]

    def log_density(x: Floats) -> Floats:
        values, expanded = _values(target, x)
        possible = np.isfinite(values)
        if factors and possible.any():
            points = _points(target, expanded[possible])
            values[possible] += sum(one(points) for one in factors)
        return values + log_units

    return Integrand(
        log_density,
        lambda x: _points(target, _values(target, x)[1]),
        mode,
        root,
        np.concatenate([np.full(one.size, one.transform == "asinh") for one in target.variables]),
    )


def _mode(target: Target, inputs: GraphInputs, problem: Problem) -> tuple[Floats, Floats]:
    """The mode (d,) and a root of the inverse curvature (d, d), each coordinate in its own unit."""
    centre, width = start_point(target.variables, problem.products, inputs)

    def scaled(t: Floats) -> tuple[float, Floats]:
        value, gradient, _ = density_at(centre + width * t, target.data)
        return value, width * gradient

    mode, root = normal_at_mode(scaled, np.zeros(len(centre)))
    return centre + width * mode, width[:, None] * root


def _values(target: Target, x: Floats) -> tuple[Floats, Floats]:
    """Log density (N,) and what the target writes (N, ·), on all processors."""
    if len(x) <= _AT_ONCE:
        return values_at(target, x)
    parts = np.array_split(x, -(-len(x) // _AT_ONCE))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda part: values_at(target, part), parts))
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])


def _points(target: Target, expanded: Floats) -> Points:
    root, sigma, gamma = target.parameters(expanded)
    scales = expanded[:, : target.q**2].reshape(len(expanded), target.q, target.q)
    return Points(Theta.of(root, sigma), scales, gamma, sigma[:, None])


def _stand_ins(problem: Problem, priors: PriorSet) -> PriorSet:
    """The priors with wide ones in place of those made by PyMC."""
    design, cross = problem.design, problem.products
    state = likelihood_of(cross).at(maximise(cross, design.blocks).theta)
    errors = np.sqrt(np.diagonal(state.gamma_cov))
    gammas = [StudentT(_TAILS, mean, _WIDE * se)
              for mean, se in zip(state.gamma.tolist(), errors.tolist(), strict=True)]  # fmt: skip
    weight = mean_weight(problem)
    sds = default_sd(cross, priors.columns(len(design.effects)), weight)[0]
    sigma = [default_sigma(cross.basis, weight)]
    return replace(
        priors,
        gamma=_replaced(priors.gamma, gammas),
        sd=_replaced(priors.sd, sds),
        sigma=_replaced((priors.sigma,), sigma)[0],
    )


def _replaced(entries: Sequence[Any], others: Sequence[Prior]) -> Any:
    """Entries whose prior PyMC made with another prior, the rest as they are."""
    return tuple(
        (entry[0], other, entry[2]) if isinstance(entry[1], ForeignPrior) else entry
        for entry, other in zip(entries, others, strict=False)
    )


def _change(priors: PriorSet, stand_ins: PriorSet) -> LogFactor | None:
    """Log ratio (N,) of the priors made by PyMC to what stands in for them; None without any."""
    if priors.are_built_in:
        return None
    from hierbayes.priors.density import log_density

    pairs = [
        (kind, k, ours[1], other[1])
        for kind in ("gamma", "sd", "sigma")
        for k, (ours, other) in enumerate(
            zip(_entries(priors, kind), _entries(stand_ins, kind), strict=True)
        )
        if isinstance(ours[1], ForeignPrior)
    ]

    def change(points: Points) -> Floats:
        total = np.zeros(len(points.phi))
        for kind, k, ours, other in pairs:
            values = _of(points, kind)[:, k]
            total += log_density(ours, values) - log_density(other, values)
        return total

    return change


def _entries(priors: PriorSet, kind: str) -> tuple[Any, ...]:
    return (priors.sigma,) if kind == "sigma" else getattr(priors, kind)


def _of(points: Points, kind: str) -> Floats:
    """Parameters (N, ·) of one block of priors."""
    if kind == "gamma":
        assert points.gamma is not None
        return points.gamma
    return points.sd if kind == "sd" else points.phi
