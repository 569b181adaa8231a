"""Columns that the data cannot tell apart, refused before anything is fitted."""

from __future__ import annotations

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.between_equations import GROUP_MEAN
from hierbayes.design.design import Design
from hierbayes.design.effect_refusals import (
    refuse_blind_directions,
    refuse_dependent_effects,
    refuse_untold_effects,
)
from hierbayes.design.identification import (
    are_told_by_numbers,
    blind_directions,
)
from hierbayes.design.left_out import DEPENDENT
from hierbayes.design.products import Products
from hierbayes.design.row_refusals import unit_in_words
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.design.standardisation import SMALLEST
from hierbayes.design.sums import left_by_fixed, left_within, surely_left
from hierbayes.errors import DataError
from hierbayes.specification.expression import columns_in
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.terms import factors_of

_RANK_TOLERANCE = DEPENDENT
_REMEDY = ", or leave out what is a combination of others: hb.Model(..., aliased='drop')"
_EXACT = 16.0 * np.finfo(np.float64).eps  # of y and its parts: a residual that is rounding
_EXACT_OF_LINK = 1e-12  # the same of responses on the scale of η


def refuse_columns(design: Design, products: Products) -> None:
    """Refuse columns, effects and variances that these data cannot tell from others.

    Raises
    ------
    DataError
        Naming the column or the effect.
    """
    _refuse_tiny_columns(design, products.basis)
    _refuse_dependent_columns(design, products.basis)
    if not are_told_by_numbers(products):  # of each other, and so of the fixed part
        refuse_untold_effects(design, products)
    refuse_dependent_effects(design, products.basis)
    if design.rows.family is None:
        blind = blind_directions(products, design.blocks)
        known = design.specification.known_sd
        if len(blind) and not (known and len(blind) == 1 and blind.residual):
            refuse_blind_directions(design, products)
        if not known:  # whose residual variance is none that could vanish
            _refuse_exact_fit(design, products, _EXACT)
    elif design.rows.family.family.is_boundless_where_exact:
        _refuse_exact_fit(design, products, _EXACT_OF_LINK)


def _refuse_tiny_columns(design: Design, basis: Basis) -> None:
    """Name a column whose squares are too small to tell it from one that is 0."""
    if min(basis.x.least_own, basis.z.least_own) >= _RANK_TOLERANCE and (
        min(basis.x.least_spread, basis.z.least_spread) >= SMALLEST
    ):
        return
    rows = design.rows.head
    for names, columns, found in (
        (design.terms, rows.X, basis.x), (design.effects, rows.Z, basis.z),
    ):  # fmt: skip
        small = (found.own < _RANK_TOLERANCE) | (found.spread < SMALLEST)
        for k in small.nonzero()[0].tolist():
            size = float(np.abs(columns[:, k]).max())
            if 0.0 < size < SMALLEST:
                raise DataError(unit_in_words(names[k], size))


def _refuse_dependent_columns(design: Design, basis: Basis) -> None:
    """Name the first fixed column that is a combination of those before it."""
    if basis.x.least_own >= _RANK_TOLERANCE:  # a column that is zero has nothing of its own
        return
    remedy = "" if design.rows.streams else _REMEDY
    for k in design.rows.zero_columns.nonzero()[0].tolist():
        column, term = design.terms[k], design.columns.term_of[k]
        instead = _remedy_of_empty(column, term) + remedy
        raise DataError(f"the fixed column '{column}' is zero in every row{instead}")
    for k in (basis.x.own < _RANK_TOLERANCE).nonzero()[0].tolist():
        X = design.rows.head.X
        weights = np.linalg.lstsq(X[:, :k], X[:, k], rcond=None)[0]
        used = np.abs(weights) > 1e-8 * max(np.abs(weights).max(initial=0.0), 1e-300)
        mean = GROUP_MEAN.fullmatch(design.terms[k])
        if mean and np.ptp(X[:, k]) <= 1e-12 * np.abs(X[:, k]).max():
            raise DataError(
                f"'{design.terms[k]}' is the same in every '{mean[2]}': the data are balanced in "
                f"'{mean[1][5:-2]}', all of whose variation is within groups; a group mean of it "
                "explains nothing, remove it from the formula"
            )
        listed = ", ".join(f"'{design.terms[i]}'" for i in np.flatnonzero(used))
        raise DataError(
            f"the fixed column '{design.terms[k]}' is a combination of {listed}; "
            f"remove it, or one of those, from the formula{remedy}"
        )


def _remedy_of_empty(column: str, term: str) -> str:
    """What to write in place of a column of zeros, which may be one of several of a term."""
    factors = factors_of(term)
    if len(factors) < 2 or column.count("[") < len(factors):
        return "; remove it from the formula"
    columns = [name for factor in factors for name in columns_in(read_expression(factor))]
    return (
        ": these levels do not occur together; make one factor of those that do, as in "
        f"data['cell'] = data[{columns}].astype(str).agg(':'.join, axis=1), and write it in place "
        f"of {' * '.join(factors)}"
    )


def _refuse_exact_fit(design: Design, cross: Products, tolerance: float) -> None:
    """Refuse data whose rows the groups' own regressions reproduce without residual.

    Groups that have as many rows as random effects always do; they are no reason to
    refuse, for then G and σ are told apart by how the columns differ between groups.
    Of several grouping factors what the fixed part alone reproduces is refused here, and what
    the groups' own effects reproduce once the likelihood is maximised.
    """
    basis = cross.basis
    size = design.rows.response_size + basis.scale * sum(map(abs, basis.taken.tolist()))
    rounding, unit = cross.n * (tolerance * size) ** 2, basis.scale**2
    if isinstance(cross, SparseProducts):
        if surely_left(cross) * unit > rounding:
            return
        left, freedom = left_by_fixed(cross)[0], cross.n - cross.p
    else:
        left, freedom = left_within(cross)
    what = "the residual variance is zero"
    if design.rows.family is not None:
        what = "the likelihood has no bound where the dispersion vanishes"
    if freedom > 0.0 and left * unit < rounding:
        raise DataError(
            f"{what}: the fixed part and the groups' own coefficients "
            "reproduce every row exactly; use fewer random effects, or look for a copy of the "
            "response among the predictors"
        )
