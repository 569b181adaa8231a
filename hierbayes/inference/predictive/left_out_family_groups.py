r"""A group left out of a family's model: log p(y_j | γ, G, φ), u_j integrated out.

By adaptive quadrature about the mode of u_j, or by Laplace's approximation; of several grouping
factors given the effects of the others.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.some_rows import with_rows
from hierbayes.display.steps import steps
from hierbayes.errors import InferenceError
from hierbayes.estimation.family_marginals import FamilyPoints
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.influence.family_cases import group_cases
from hierbayes.inference.influence.family_deletion import Deletion
from hierbayes.inference.predictive.left_out_groups import MANY_REFITS, RefittedGroups
from hierbayes.likelihood.theta import Theta


def family_densities(fit: FamilyPosteriorFit, k: int) -> Floats:
    """Log p(y_j | γ, G, φ) (J, M) of each group of factor k at each draw of a posterior."""
    return _densities(fit.densities.points, k)


def family_density(problem: Problem, k: int, j: int, points: FamilyPoints) -> Floats:
    """The same (M,) of group j alone, at other draws."""
    own = with_rows(problem, group_rows(problem, k, j))
    alone = FamilyPoints(own, points.theta, points.gamma, points.phi, points.us)
    return np.asarray(_densities(alone, k)[j])


def group_rows(problem: Problem, k: int, j: int) -> np.ndarray:
    """Which rows of the data (n,) are in group j of factor k."""
    P = problem.design.columns.n_predictors
    return np.asarray(problem.design.rows.codes_of[k][::P] == j)


def refitted_family_groups(fit: FamilyPointFit, k: int, *, progress: bool) -> RefittedGroups:
    """Each group of factor k left out, everything estimated anew from the others.

    Raises
    ------
    InferenceError
        When there are several grouping factors.
    """
    if len(fit.design.factors) > 1:
        raise InferenceError(
            "logo() integrates u of the group that is left out, and of a maximum the effects of "
            "other grouping factors are not known with it; use model.sample()"
        )
    deletion = Deletion(fit, group_cases(fit, k))
    J = fit.design.factors[k].J
    left_out, whole, reasons = np.full(J, np.nan), np.full(J, np.nan), []
    with steps(J, "groups", progress=progress and J >= MANY_REFITS) as counted:
        for j in counted:
            left = deletion.without(j, anew=True)
            reasons.append(left.reason)
            if left.reason:
                continue
            left_out[j], whole[j] = (
                family_density(fit.problem, k, j, _point(deletion, x))[0]
                for x in (left.x, deletion.x)
            )
    return RefittedGroups(left_out, whole, tuple(reasons))


def _densities(points: FamilyPoints, k: int) -> Floats:
    return points.by_level(k).T + points.constants_by_level(k)[:, None]


def _point(deletion: Deletion, x: Floats) -> FamilyPoints:
    """Coordinates of a search as one draw."""
    found, phi = deletion.estimates(x), deletion.whole.point(x).phi
    theta = Theta.of(found.theta.root[None], np.ones(1))
    return FamilyPoints(deletion.fit.problem, theta, found.gamma[None], phi[None], ())
