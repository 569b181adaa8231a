"""Columns and effects that the data cannot tell apart, refused before anything is fitted."""

from __future__ import annotations

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.between_equations import GROUP_MEAN
from hierbayes.design.blocks import block_slices, count_free_entries
from hierbayes.design.design import Design
from hierbayes.design.identification import (
    BlindDirections,
    are_told_by_numbers,
    are_told_from_fixed,
    blind_directions,
)
from hierbayes.design.left_out import DEPENDENT
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.products import Products
from hierbayes.design.ranks import estimable_somewhere
from hierbayes.design.row_refusals import unit_in_words
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.design.standardisation import SMALLEST
from hierbayes.design.sums import left_by_fixed, left_within, surely_left
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.specification.expression import columns_in
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.terms import factors_of

_RANK_TOLERANCE = DEPENDENT
_REMEDY = ", or leave out what is a combination of others: hb.Model(..., aliased='drop')"
_ABSORBED_TOLERANCE = 1e-9  # of the variation of a random column beside the fixed ones
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
        _refuse_untold_effects(design, products)
    _refuse_dependent_effects(design, products.basis)
    if design.rows.family is None:
        blind = blind_directions(products, design.blocks)
        known = design.specification.known_sd
        if len(blind) and not (known and len(blind) == 1 and blind.residual):
            _refuse_blind_directions(design, products)
        _refuse_exact_fit(design, products, _EXACT)
    elif design.rows.family.family.is_boundless_where_exact:
        _refuse_exact_fit(design, products, _EXACT_OF_LINK)


def _refuse_untold_effects(design: Design, products: Products) -> None:
    """Refuse effects of a factor that are told neither from each other nor from the fixed part."""
    for k, (factor, span) in enumerate(zip(design.factors, design.spans, strict=True)):
        if span.start == span.stop or are_told_from_fixed(products, k):
            continue
        level = products.levels[k]
        blocks = [at for at in block_slices(design.blocks) if span.start <= at.start < span.stop]
        _refuse_inestimable_effects(design, factor.name, span.start, blocks, level, products)
        _refuse_absorbed_effects(design, factor.name, span, blocks, level, products)


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


def _refuse_dependent_effects(design: Design, basis: Basis) -> None:
    """Name the first random column that is a combination of others of its block of G."""
    if basis.z.least_own >= _RANK_TOLERANCE:
        return
    for at in block_slices(design.blocks):
        for k in (basis.z.own[at] < _RANK_TOLERANCE).nonzero()[0].tolist():
            weights = _combination(design.rows.second_moment[at, at], k)
            listed = ", ".join(f"'{design.effects[at][i]}'" for i in np.flatnonzero(weights))
            if (
                not listed
            ):  # a cell without rows, which the diagnosis of a fit has, or a first batch
                continue
            raise DataError(
                f"the random column '{design.effects[at][k]}' is a combination of {listed}, whose "
                "random effects stand in the same term; remove it, or one of those, from the "
                "formula"
            )


def _combination(moments: Floats, k: int) -> Floats:
    """Weights (k,) of the columns before column k that make it up, 0 where they do not.

    From the mean products ``moments`` of all rows, which stand for rows that are not in memory.
    """
    size = np.sqrt(np.maximum(np.diag(moments), 1e-300))
    unit = moments / np.outer(size, size)
    weights = np.linalg.lstsq(unit[:k, :k], unit[:k, k], rcond=1e-12)[0]
    if unit[k, k] - unit[k, :k] @ weights > _RANK_TOLERANCE:
        return np.zeros(k)
    return np.where(np.abs(weights) > 1e-6, weights, 0.0)


def _refuse_inestimable_effects(
    design: Design,
    factor: str,
    start: int,
    blocks: list[slice],
    level: LevelProducts,
    products: Products,
) -> None:
    """Name an effect that no group's rows could estimate beside those of its block of G.

    Effects of different blocks may overlap: their variances can still be told apart.  A factor
    that is constant within groups gives each of its levels a G of its own, which is a model; so
    does a number that is, where it takes enough values for V to tell its variance.
    """
    for at in blocks:
        size, largest = at.stop - at.start, int(level.rows.max())
        if largest < size:
            raise DataError(
                f"the random part has {size} effects and no group has more than {largest} "
                "rows: use fewer random effects"
            )
        plain = [k for k in range(at.start, at.stop) if "[" not in design.effects[k]]
        own = [k - start for k in plain]
        absent = ~estimable_somewhere(level.A[:, own][:, :, own], level.rows)
        if absent.any() and _are_blind(design, products, at):
            last = plain[int(np.flatnonzero(absent)[-1])]
            raise DataError(
                f"the random effect '{design.effects[last]}' cannot be estimated in any "
                "group: within groups its column is zero or a combination of the other random "
                "columns; a variable that is constant within "
                f"'{factor}' belongs in the fixed part"
            )


def _are_blind(design: Design, products: Products, at: slice) -> bool:
    """Whether no data of this design tell all variance parameters of a block of G apart."""
    return bool(blind_directions(products, design.blocks).entries[at, at].any())


def _refuse_absorbed_effects(
    design: Design,
    factor: str,
    span: slice,
    blocks: list[slice],
    level: LevelProducts,
    products: Products,
) -> None:
    """Refuse random effects that the fixed part already has, one coefficient for each group."""
    A, B, XtX = level.A, level.B[:, :, :-1], products.C[:-1, :-1]
    J, q, p = B.shape
    weights = np.linalg.solve(XtX, B.reshape(J * q, p).T).T.reshape(J, q, p)
    left = A.sum(axis=0) - np.tensordot(B, weights, ((0, 2), (0, 2)))
    total = np.sqrt(np.diag(A.sum(axis=0)))
    unit = np.sqrt(np.diag(design.rows.second_moment))
    for at in blocks:
        own = slice(at.start - span.start, at.stop - span.start)
        size, vectors = np.linalg.eigh(left[own, own] / np.outer(total[own], total[own]))
        if size[0] > _ABSORBED_TOLERANCE:
            continue
        weights = products.basis.z.matrix[at, at] @ (vectors[:, 0] / total[own]) * unit[at]
        used = np.abs(weights) > 1e-6 * np.abs(weights).max()
        names = [f"'{design.effects[at][k]}'" for k in np.flatnonzero(used)]
        what = "the random effect" if len(names) == 1 else "a combination of the random effects"
        raise DataError(
            f"the variance of {what} {', '.join(names)} cannot be estimated: the fixed part "
            f"already has a coefficient of it for each '{factor}' in which it "
            "varies; remove it from one of the two parts"
        )


def _refuse_blind_directions(design: Design, products: Products) -> None:
    """Refuse variance parameters that no data of this design can tell apart.

    Parts of one block of G that no group has rows of are left to the diagnosis of a fit.
    """
    blind = blind_directions(products, design.blocks)
    free = count_free_entries(design.blocks) + 1
    involved = np.flatnonzero(np.diag(blind.entries))
    blocks = np.repeat(np.arange(len(design.blocks)), design.blocks)
    if not blind.residual and len(set(blocks[involved])) < 2:
        return
    names = variances_in_words(design, blind)
    factors = {design.effect_names[k].factor for k in involved}
    advice = _of_the_same_groups(design, products, factors) or "use fewer random effects"
    raise DataError(
        f"the data cannot tell apart {', '.join(names[:-1])} and {names[-1]}: the model has {free} "
        f"variance parameters, and rows at these values of the random columns determine "
        f"{free - len(blind)}; {advice}"
    )


def _of_the_same_groups(design: Design, products: Products, factors: set[str]) -> str:
    """Which two of these factors put the same rows together, and what to do; empty for none."""
    if not isinstance(products, SparseProducts):
        return ""
    names = [factor.name for factor in design.factors]
    for pair in products.pairs:
        J = [products.levels[k].J for k in (pair.first, pair.second)]
        a, b = names[pair.first], names[pair.second]
        if {a, b} <= factors and set(J) == {len(pair.i)}:
            return (
                f"'{a}' and '{b}' put the same rows together: keep one of them (of nested factors "
                "the outer one stands first, (1 | outer/inner))"
            )
    return ""


def variances_in_words(design: Design, blind: BlindDirections) -> list[str]:
    """The variances among what cannot be told apart, the residual one first."""
    several = len(design.factors) > 1
    names = [
        f"the variance of '{name}'" + (f" ({name.factor})" if several else "")
        for name in (design.effect_names[k] for k in np.flatnonzero(np.diag(blind.entries)))
    ]
    return ["the residual variance"] * blind.residual + names


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
