"""The likelihood at draws of a residual structure: one for each R."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.of_products import AnyLikelihood, likelihood_of
from hierbayes.likelihood.reading import NORMAL


def draws_by_errors(z: Floats) -> Iterator[tuple[Floats, Integers]]:
    """Each distinct z (k,) of draws (..., k), and which draws, counted in order, have it."""
    flat = z.reshape(-1, z.shape[-1])
    distinct, place = np.unique(flat, axis=0, return_inverse=True)
    order = np.argsort(place.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(place.ravel()))
    yield from zip(distinct, np.split(order, ends[:-1]), strict=True)


def likelihoods_of(
    problem: Problem, z: Floats, prior: NormalPrior | None = None
) -> Iterator[tuple[Integers, AnyLikelihood]]:
    """The likelihood of each distinct z of draws (..., k), and which draws have it."""
    assert problem.moments is not None
    for one, at in draws_by_errors(z):
        products = problem.moments.at(one).products
        yield at, likelihood_of(products, NORMAL, prior) if prior else likelihood_of(products)
