"""The density of responses and coordinates where errors have a structure; γ, u integrated out."""

from __future__ import annotations

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.coordinates import transform_of
from hierbayes.estimation.normal_at_mode import normal_at_mode
from hierbayes.estimation.residual_posterior import refuse_other_priors, structured_target
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.integral import Integrand, Points
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet


def structured_integrand(problem: Problem, priors: PriorSet) -> Integrand:
    """The integrand of a model with a residual structure: θ, and the coordinates of its errors.

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
        return np.array([made.value(one)[0] for one in w]) + log_units

    def points(w: Floats) -> Points:
        expanded = np.array([made.value(one)[1] for one in w])
        root, sigma, gamma = target.parameters(expanded)
        scales = expanded[:, : target.q**2].reshape(len(expanded), target.q, target.q)
        return Points(Theta.of(root, sigma), scales, gamma, sigma[:, None])

    signed = [np.full(one.size, one.transform == "asinh") for one in target.variables]
    return Integrand(
        log_density, points, mode, root, np.concatenate([*signed, np.zeros(rest, dtype=bool)])
    )
