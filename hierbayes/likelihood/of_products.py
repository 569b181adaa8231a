"""The likelihood of cross-products, be they of one grouping factor or of several."""

from __future__ import annotations

from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.profiled import Curvature, Profile, profile_at
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.sparse import SparseLikelihood, SparseState
from hierbayes.likelihood.sparse_profile import SparseCurvature, SparseProfile, sparse_profile
from hierbayes.likelihood.state import State

type AnyProfile = Profile | SparseProfile
type AnyCurvature = Curvature | SparseCurvature
type AnyState = State | SparseState


def likelihood_of(
    cross: Products,
    reading: Reading = REML,
    prior: NormalPrior | None = None,
) -> Likelihood | SparseLikelihood:
    """The likelihood of cross-products in one reading."""
    if isinstance(cross, SparseProducts):
        return SparseLikelihood(cross, reading, prior)
    return Likelihood(cross, reading, prior)


def profile_of(root: Floats, cross: Products, reading: int) -> AnyProfile:
    """The profiled likelihood at a relative root λ (q, q), block-diagonal by factor."""
    if isinstance(cross, SparseProducts):
        return sparse_profile(root, cross, reading)
    return profile_at(root, cross, reading)
