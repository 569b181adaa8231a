"""The likelihood of cross-products, be they of one grouping factor or of several."""

from __future__ import annotations

from typing import TypeGuard

from hierbayes.design.blas_threads import with_few_blas_threads
from hierbayes.design.products import Products
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood import native, sparse_native
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.profiled import Profile, profile_at
from hierbayes.likelihood.profiled_curvature import Curvature
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.sparse import SparseLikelihood
from hierbayes.likelihood.sparse_derivatives import sparse_variance_derivatives
from hierbayes.likelihood.sparse_profile import (
    AtPoint,
    SparseCurvature,
    SparseProfile,
    sparse_profile,
)
from hierbayes.likelihood.sparse_state import SparseState
from hierbayes.likelihood.sparse_total_variance import Split, split_variances
from hierbayes.likelihood.state import State
from hierbayes.likelihood.theta import Theta
from hierbayes.likelihood.variance_derivatives import VarianceDerivatives, variance_derivatives

type AnyProfile = Profile | SparseProfile
type AnyCurvature = Curvature | SparseCurvature
type AnyState = State | SparseState[SparseLikelihood]
type AnyLikelihood = Likelihood | SparseLikelihood


def likelihood_of(
    cross: Products,
    reading: Reading = REML,
    prior: NormalPrior | None = None,
) -> AnyLikelihood:
    """The likelihood of cross-products in one reading."""
    if isinstance(cross, SparseProducts):
        return SparseLikelihood(cross, reading, prior)
    return Likelihood(cross, reading, prior)


def split_variances_of(
    likelihood: AnyLikelihood, theta: Theta, Ws: tuple[Floats, ...]
) -> tuple[Split, tuple[Split, ...]]:
    """Variances of γ, and by factor of β_j = W_jγ + u_j, split over M θ.

    Parameters and what is returned are those of `sparse_total_variance.split_variances`.
    """
    if isinstance(likelihood, SparseLikelihood):
        return split_variances(likelihood, theta, Ws)
    gamma_given, gamma_theta, *beta = likelihood.split_variances(theta, *Ws)
    return (gamma_given, gamma_theta), ((beta[0], beta[1]),)


@remembered
@with_few_blas_threads(lambda state, _: state.likelihood.cross)
def derivatives_of(state: AnyState, blocks: tuple[int, ...]) -> VarianceDerivatives:
    """The derivatives by variance parameters at a maximum of the likelihood, G of ``blocks``."""
    if isinstance(state, SparseState):
        return sparse_variance_derivatives(state, blocks)
    return variance_derivatives(state, blocks)


def address_of(several: bool) -> float:
    """Address of the likelihood's C function, as the float of the same bits."""
    return native.bits_of((sparse_native if several else native).provide().address)


def module_of(several: bool) -> str:
    """Name of the module that provides the likelihood's C function."""
    return (sparse_native if several else native).__name__


def is_compiled(several: bool) -> bool:
    """Whether the machine code of the likelihood's C function is on disk already."""
    return (sparse_native if several else native).is_compiled()


def profile_of(
    root: Floats, cross: Products, reading: Reading, point: AtPoint | None = None
) -> AnyProfile:
    """The profiled likelihood at a relative root λ (q, q), block-diagonal by factor.

    Of several factors ``point`` makes all at once where it can.
    """
    if isinstance(cross, SparseProducts):
        return sparse_profile(root, cross, reading, point)
    return profile_at(root, cross, reading)


def is_of_one_factor(profile: AnyProfile) -> TypeGuard[Profile]:
    """Whether it keeps what is made of the groups of the only factor."""
    return isinstance(profile, Profile)


def is_average(curvature: AnyCurvature) -> TypeGuard[SparseCurvature]:
    """Whether its information is the average one, which is not all of −∂²ℓ."""
    return isinstance(curvature, SparseCurvature)
