"""A family's model as a search for its maximum sees it: rows and M in the internal basis."""

from __future__ import annotations

import numpy as np

from hierbayes.design.blocks import free_entries
from hierbayes.design.elimination_order import elimination_of_effects
from hierbayes.design.merged_rows import MergedRows, as_they_are, merged_rows
from hierbayes.design.problem import Problem
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.likelihood.curvature import GroupCurvature
from hierbayes.likelihood.laplace import CurvatureOf
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.sparse_curvature import WeightedProducts


def latent_rows(problem: Problem) -> LatentRows:
    """The rows that a search sees: those that are alike as one."""
    return _of_rows(problem, merged_rows(problem.design, problem.family_rows))


def every_row(problem: Problem) -> LatentRows:
    """All rows of the data."""
    return _of_rows(problem, as_they_are(problem.family_rows))


def _of_rows(problem: Problem, rows: MergedRows) -> LatentRows:
    """Rows with X° and Z° in units of η, so that η = offset + c + s(X°(γ° + b) + Z°u°)."""
    design, basis = problem.design, problem.working.basis
    kinds = design.rows.kinds
    X, Z, codes_of = kinds.X, kinds.Z, kinds.codes_of
    if len(rows.at) < len(X):  # otherwise they are all, in their order
        X, Z, codes_of = X[rows.at], Z[rows.at], tuple([codes[rows.at] for codes in codes_of])
    X = basis.x.apply(X)
    return LatentRows(
        family=problem.family_rows.family,
        y=rows.y,
        m=rows.m,
        offset=rows.offset + basis.where_internal_is_zero(X),
        X=np.ascontiguousarray(basis.scale * X),
        Z=np.ascontiguousarray(basis.scale * basis.z.apply(Z)),
        codes_of=codes_of,
        levels=tuple([factor.J for factor in design.factors]),
        spans=design.spans,
        at=rows.at,
        log_constant=rows.log_constant,
    )


def curvature_of(problem: Problem, rows: LatentRows) -> CurvatureOf:
    """How M of these rows is factored."""
    if not isinstance(problem.working, SparseProducts):
        return GroupCurvature
    return WeightedProducts(rows, elimination_of_effects(problem.working))


def likelihood_criterion(problem: Problem, nodes: int) -> LatentCriterion:
    """The approximate likelihood of a model as a search maximises it.

    Parameters
    ----------
    problem : Problem
    nodes : int
        Of the quadrature, for each effect; 1 for Laplace's approximation.
    """
    rows = latent_rows(problem)
    lower = free_entries(problem.design.blocks)
    return LatentCriterion(rows, lower, curvature_of(problem, rows), nodes)
