r"""The mixture of χ² for variances that are zero under the smaller model.

The smaller model's G, written in the larger one's effects, has a null space N in each block; what
the larger model allows near it are changes D with N'DN positive semidefinite, whatever else D is.
With 𝓘 the expected information on the entries of G and σ² at the smaller model, N'DN is estimated
with the covariance A 𝓘⁻¹ A', A the rows that pick it from D, and that covariance gives the weights.
What the larger model has more and may have either sign adds its number to all degrees of freedom.

References
----------
Self & Liang (1987), *Asymptotic Properties of Maximum Likelihood Estimators and Likelihood
Ratio Tests Under Nonstandard Conditions*; Silvapulle & Sen (2005), *Constrained Statistical
Inference*, chapters 3 and 4.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.blocks import block_slices, entry_directions
from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import reading_of
from hierbayes.inference.model_choice.chi_bar import (
    covariance_weights,
    half_and_half,
    orthant_weights,
)
from hierbayes.inference.model_choice.nested_families import has_known_law
from hierbayes.inference.model_choice.nesting import Nesting
from hierbayes.likelihood.covariance import cholesky_psd
from hierbayes.likelihood.of_products import derivatives_of, likelihood_of
from hierbayes.likelihood.reading import REML
from hierbayes.likelihood.theta import Theta
from hierbayes.likelihood.variance_derivatives import generalised_inverse

_NULL = 1e-9  # of a singular value of the smaller model's effects, against the largest
_DEGENERATE = 1e-9  # of an eigenvalue of a correlation matrix


def boundary_mixture(nesting: Nesting) -> dict[int, float] | None:
    """Weights by degrees of freedom; None without a zero variance, or where they are not known.

    They are known for one variance, for two or three in blocks of their own each, and for one
    block that has two effects more.  Of responses that are not Gaussian, for one.  They hold for
    many groups: with 60 groups of 8 rows, tests of two variances at 5% rejected 3.7% of 1500
    responses without them, where χ² rejected 1%.
    """
    if nesting.family.ends or nesting.family.lost:
        known = has_known_law(nesting.family, nesting.effects_gained)
        return half_and_half(nesting.df) if known else None
    if nesting.big.problem.moments is not None:
        return half_and_half(nesting.df) if nesting.effects_gained == 1 else None
    if nesting.effects_gained == 1:
        return half_and_half(nesting.df)
    spaces = null_spaces(nesting)
    sizes = sorted(space.shape[1] for space in spaces.values())
    known = sizes == [2] or (2 <= len(sizes) <= 3 and set(sizes) == {1})
    if not known or nesting.big.problem.family is not None or nesting.small.maximum.singular:
        return None
    V = _covariance(nesting, spaces)
    if V is None:
        return None
    weights = covariance_weights(V) if sizes == [2] else orthant_weights(V)
    free = nesting.df - len(V)
    return {free + k: weight for k, weight in enumerate(weights or ())}


def null_spaces(nesting: Nesting) -> dict[int, Floats]:
    """By block of the larger model's G an orthonormal basis (size, d) of what is zero before."""
    found = {}
    for block, place in enumerate(block_slices(nesting.big.design.blocks)):
        left, sizes, _ = np.linalg.svd(nesting.Z[place])
        rank = int((sizes > _NULL * max(1.0, float(sizes.max(initial=0.0)))).sum())
        if rank < len(left):
            found[block] = left[:, rank:]
    return found


def null_information(nesting: Nesting) -> Floats:
    """Expected information (k, k) on the larger model's G and σ², relative, at the smaller one."""
    big, small = nesting.big, nesting.small
    products = big.problem.holding_sigma.products
    sigma = small.sigma / products.basis.scale
    root = nesting.Z @ small.any_state.relative_root * sigma
    theta = Theta.from_internal(cholesky_psd(root @ root.T), sigma, products.basis)
    reading = reading_of(big)
    state = likelihood_of(products, reading).at(theta)
    derivatives = derivatives_of(state, big.design.blocks)
    information: Floats = 0.5 * (derivatives.expected if reading == REML else derivatives.traces)
    return information


def _covariance(nesting: Nesting, spaces: dict[int, Floats]) -> Floats | None:
    """Covariance of the estimates of N'DN; None where the data do not tell them apart."""
    try:
        information = null_information(nesting)
        inverse = generalised_inverse(information, np.ones(len(information)))
    except EstimationError:  # too many random effects for matrices of all of them
        return None
    if inverse is None:
        return None
    blocks = nesting.big.design.blocks
    directions, places = entry_directions(blocks), list(block_slices(blocks))
    picks = []
    for block, N in spaces.items():
        place = places[block]
        for row, column in zip(*np.tril_indices(N.shape[1]), strict=True):
            own = directions[:, place, place]
            picks.append(np.einsum("a,iab,b->i", N[:, row], own, N[:, column]))
    A = np.column_stack([picks, np.zeros(len(picks))])
    V: Floats = A @ inverse @ A.T
    size = np.sqrt(np.maximum(np.diag(V), 0.0))
    if not size.all() or np.linalg.eigvalsh(V / np.outer(size, size))[0] < _DEGENERATE:
        return None
    return V
