"""What stands beside a posterior: the maximum of the likelihood, without priors."""

from __future__ import annotations

from hierbayes.design.problem import Problem
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.fit.point import PointFit
from hierbayes.likelihood.reading import REML


def maximum_of(problem: Problem) -> PointFit:
    """REML; of a family that is not Gaussian ML by Laplace's approximation."""
    if problem.family is None:
        return maximum_likelihood(problem, REML)
    return maximise_family(problem, 1)
