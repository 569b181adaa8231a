"""A maximum of an approximate likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.laplace_search import LatentOptimum
from hierbayes.fit.evidence import Maximum
from hierbayes.frames.arrays import Floats
from hierbayes.specification.notation import current_notation

MOST_EFFECTS = 3  # of the one factor that quadrature integrates over


@dataclass(frozen=True, slots=True, eq=False)
class LatentMaximum(Maximum):
    """A maximum of a family's likelihood or posterior density, u integrated out approximately.

    Parameters
    ----------
    nodes : int
        Of adaptive quadrature for each effect; 1 for Laplace's approximation.
    exact : bool
        Whether there is nothing to integrate out: a generalised linear model.
    curvature : float
        Smallest eigenvalue of minus the Hessian, each coordinate in its own scale; missing as long
        as nothing has looked at it.
    """

    nodes: int
    exact: bool
    curvature: float

    @property
    def reading(self) -> None:
        """None: it is not the likelihood of a Gaussian response."""
        return

    @property
    def how(self) -> str:
        """What the approximation is."""
        return how_integrated(0 if self.exact else self.nodes)

    @property
    def how_of_effects(self) -> str:
        """What is done about the random effects, in words."""
        said = current_notation()
        if self.exact:
            return f"there is no {said.random}, and the likelihood is exact"
        return f"{said.random} is integrated out by {self.how}: approximate"


def how_integrated(nodes: int) -> str:
    """What an approximation with so many nodes is called; 0 where there are no effects."""
    if nodes == 0:
        return "exact: no random effects"
    if nodes == 1:
        return "Laplace's approximation"
    return f"adaptive Gauss–Hermite quadrature with {nodes} nodes"


def latent_maximum(
    problem: Problem, optimum: LatentOptimum, nodes: int, name: str
) -> LatentMaximum:
    """The evidence of a maximum."""
    design = problem.design
    return LatentMaximum(
        name=name,
        value=optimum.value,
        n_parameters=optimum.size,
        n_penalty=design.n,
        gradient=optimum.gradient,
        ascent=0.0,
        singular=is_singular(optimum.mode.point.root),
        evaluations=optimum.evaluations,
        nodes=nodes,
        exact=not design.specification.random,
        curvature=np.nan,
    )


def certified(evidence: LatentMaximum, optimum: LatentOptimum) -> LatentMaximum:
    """The evidence with what the curvature at the maximum says."""
    found = optimum.certificate
    return replace(evidence, gradient=found.gradient, curvature=found.curvature)


def is_singular(root: Floats) -> bool:
    """Whether a column of a root (q, q) of G° is 0."""
    squares = (root * root).tolist()
    size = max([1e-300, *map(sum, squares)])
    least = min([1.0, *map(sum, zip(*squares, strict=True))])
    return bool(least <= 1e-10 * size)
