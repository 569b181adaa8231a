"""The density of responses and coordinates where errors have a structure; γ, u integrated out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.coordinates import transform_of
from hierbayes.estimation.normal_at_mode import normal_at_mode
from hierbayes.estimation.residual_posterior import refuse_other_priors, structured_target
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.integral import Integrand, Points
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet


def structured_integrand(
    problem: Problem,
    priors: PriorSet,
    factor: Callable[[Theta, Floats], Floats] | None = None,
) -> Integrand:
    """The integrand of a model with a residual structure: θ, and the coordinates of its errors.

    Parameters
    ----------
    problem : Problem
    priors : PriorSet
    factor : callable, optional
        Log of a further factor (1,) of the density, at one θ and coordinates z (k,).

    Raises
    ------
    ResidualError
        When a prior is made by PyMC, or γ is not integrated out.
    """
    refuse_other_priors(priors)
    made, centre, _ = structured_target(problem, priors, progress=False)
    target, rest = made.target, len(centre) - made.of_theta
    mode, root = normal_at_mode(made.with_gradient, centre)
    # as for errors that are alike: the density of a signed sd is that of the sd, per unit
    of_sd = [transform_of(prior, "sd") == "asinh" for _, prior, _ in priors.sd]
    log_units = float(np.log(made.sd_unit[of_sd]).sum()) if any(of_sd) else 0.0

    def log_density(w: Floats) -> Floats:
        found = [made.value(one) for one in w]
        values = np.array([value for value, _ in found])
        if factor is not None:
            for i in np.flatnonzero(np.isfinite(values)):
                at, sigma, _ = target.parameters(found[i][1][None])
                values[i] += factor(Theta.of(at, sigma), made.coordinates(w[i]))[0]
        return values + log_units

    def points(w: Floats) -> Points:
        expanded = np.array([made.value(one)[1] for one in w])
        root, sigma, gamma = target.parameters(expanded)
        scales = expanded[:, : target.q**2].reshape(len(expanded), target.q, target.q)
        return Points(Theta.of(root, sigma), scales, gamma, sigma[:, None])

    signed = [np.full(one.size, one.transform == "asinh") for one in target.variables]
    return Integrand(
        log_density, points, mode, root, np.concatenate([*signed, np.zeros(rest, dtype=bool)])
    )
