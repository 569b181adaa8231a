"""The rank of the truth among independent draws of its posterior, quantity by quantity.

Quantities are the parameters, some random effects, and the log likelihood, which sees what none
of the others does: a posterior that does not read all of the data (Modrák et al. 2023).
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.predictions.law_of_rows import law_of, observed_responses
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.frames.arrays import Floats, Integers, stacked
from hierbayes.inference.profiles.parameter import Estimates, parameter_values, parameters_of
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import GIVEN
from hierbayes.studies.calibration.error_truths import errors_of_fit
from hierbayes.studies.calibration.estimates import truth_as_said
from hierbayes.studies.calibration.new_data import Replication
from hierbayes.studies.calibration.truths import Truth

DRAWS = 99  # that a truth is ranked among: 100 ranks, which many numbers divide
LOG_LIKELIHOOD = ("log-likelihood", "log-likelihood")
_EFFECTS = 5  # stream of random numbers


def chosen_groups(problem: Problem, count: int) -> tuple[Integers, ...]:
    """Positions of groups of each factor, spread from the smallest to the largest."""
    found = []
    for factor, codes in zip(problem.design.factors, problem.design.rows.codes_of, strict=True):
        order = np.argsort(np.bincount(codes, minlength=factor.J), kind="stable")
        at = np.round(np.linspace(0, factor.J - 1, min(count, factor.J))).astype(np.intp)
        found.append(order[at])
    return tuple(found)


def quantity_names(problem: Problem, groups: tuple[Integers, ...]) -> list[tuple[str, str]]:
    """Block and name of every quantity, in the order of `ranks_of`."""
    names = [(one.block, one.name) for one in parameters_of(problem)]
    design = problem.design
    for factor, span, at in zip(design.factors, design.spans, groups, strict=True):
        names += [
            ("u", f"{effect} | {factor.name} {factor.labels[j]}")
            for j in at
            for effect in design.effects[span]
        ]
    return [*names, LOG_LIKELIHOOD]


def ranks_of(
    fit: PosteriorFit,
    truth: Truth,
    data: Replication,
    groups: tuple[Integers, ...],
    rng: np.random.Generator,
) -> list[int]:
    """How many of `DRAWS` draws are below the truth, of each quantity.

    Parameters
    ----------
    fit : PosteriorFit
        Of the data.
    truth : Truth
    data : Replication
    groups : tuple of (m,) int
        Whose random effects are looked at, by factor.
    rng : Generator
    """
    draws = drawn_quantities(fit, data.problem, groups, rng)
    true = true_quantities(truth, data, groups)
    return ranks_among(draws, true, rng)


def ranks_among(draws: Floats, true: Floats, rng: np.random.Generator) -> list[int]:
    """Ranks of true values (Q,) among draws (L, Q); equal ones are ordered at random."""
    below, equal = (draws < true).sum(axis=0), (draws == true).sum(axis=0)
    return [int(b) + int(rng.integers(e + 1)) for b, e in zip(below, equal, strict=True)]


def drawn_quantities(
    fit: PosteriorFit, problem: Problem, groups: tuple[Integers, ...], rng: np.random.Generator
) -> Floats:
    """Thinned draws (L, Q) of every quantity."""
    total = fit.theta.sigma.size
    at = ((np.arange(DRAWS) + 0.5) * total / DRAWS).astype(np.intp)
    theta = fit.theta.flat[at]
    gamma = stacked(fit.gamma_draws)[at]
    said = fit.phi_draws.reshape(total, -1)[at]
    if problem.family is None and problem.moments is None:
        us = likelihood_of(problem.products).draw_us(theta, gamma, rng)
    else:
        us = tuple(u.reshape(total, *u.shape[2:])[at] for u in fit.us)
    phi = fit.response_phi.reshape(total, -1)[at]
    if problem.moments is not None:
        values, z = errors_of_fit(fit)
        said, phi = np.concatenate([said, values[at]], 1), np.concatenate([phi, z[at]], 1)
    names, rows = parameters_of(problem), []
    for k in range(len(at)):
        values = parameter_values(names, Estimates(gamma[k], theta[k], said[k]))
        one = Truth(gamma[k], theta[k], phi[k])
        rows.append(_joined(values, one, problem, tuple(u[k] for u in us), groups))
    return np.array(rows)


def true_quantities(truth: Truth, data: Replication, groups: tuple[Integers, ...]) -> Floats:
    """The truth (Q,) of every quantity."""
    values = parameter_values(parameters_of(data.problem), truth_as_said(data.problem, truth))
    return _joined(values, truth, data.problem, data.us, groups)


def _joined(
    values: Floats,
    one: Truth,
    problem: Problem,
    us: tuple[Floats, ...],
    groups: tuple[Integers, ...],
) -> Floats:
    parts = [u[at].ravel() for u, at in zip(us, groups, strict=True)]
    return np.concatenate([values, *parts, [_log_likelihood(one, problem, us)]])


def _log_likelihood(one: Truth, problem: Problem, us: tuple[Floats, ...]) -> float:
    """log p(y | γ, θ) of Gaussian responses, log p(y | γ, u, φ) of families."""
    if problem.moments is not None:
        weighted = problem.moments.at(one.phi[1:])
        state = likelihood_of(weighted.products, GIVEN).at(one.theta, one.gamma)
        return float(state.value) - weighted.half_log_det
    if problem.family is None:
        return likelihood_of(problem.products, GIVEN).at(one.theta, one.gamma).value
    design = problem.design
    eta = design.rows.X @ one.gamma + design.rows.offset
    for u, codes, span in zip(us, design.rows.codes_of, design.spans, strict=True):
        eta = eta + (design.rows.Z[:, span] * u[codes]).sum(axis=1)
    law = law_of(problem, rows_to_predict(design, None))
    density = law.log_density(observed_responses(problem), eta, one.phi)
    return float(density.sum())
