"""The likelihood of cross-products, be they of one grouping factor or of several."""

from __future__ import annotations

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.profiled import Curvature, Profile, profile_at
from hierbayes.likelihood.sparse_profile import SparseCurvature, SparseProfile, sparse_profile


type AnyProfile = Profile | SparseProfile
type AnyCurvature = Curvature | SparseCurvature


def profile_of(root: Floats, cross: CrossProducts | SparseProducts, reading: int) -> AnyProfile:
    """The profiled likelihood at a relative root λ (q, q), block-diagonal by factor."""
    if isinstance(cross, SparseProducts):
        return sparse_profile(root, cross, reading)
    return profile_at(root, cross, reading)
