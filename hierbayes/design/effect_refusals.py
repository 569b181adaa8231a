"""Random effects and variances that the data cannot tell apart, refused before a fit."""

from __future__ import annotations

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices, count_free_entries
from hierbayes.design.design import Design
from hierbayes.design.identification import (
    BlindDirections,
    are_told_from_fixed,
    blind_directions,
)
from hierbayes.design.left_out import DEPENDENT
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.products import Products
from hierbayes.design.ranks import estimable_somewhere
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.arrays import Floats

_UNEQUAL = 1e5  # of standard deviations of errors: squares that leave some digits to others
_ABSORBED_TOLERANCE = 1e-9  # of the variation of a random column beside the fixed ones


def refuse_untold_effects(design: Design, products: Products) -> None:
    """Refuse effects of a factor that are told neither from each other nor from the fixed part.

    Raises
    ------
    DataError
    """
    for k, (factor, span) in enumerate(zip(design.factors, design.spans, strict=True)):
        if span.start == span.stop or are_told_from_fixed(products, k):
            continue
        level = products.levels[k]
        blocks = [at for at in block_slices(design.blocks) if span.start <= at.start < span.stop]
        _refuse_inestimable_effects(design, factor.name, span.start, blocks, level, products)
        _refuse_absorbed_effects(design, factor.name, span, blocks, level, products)


def refuse_dependent_effects(design: Design, basis: Basis) -> None:
    """Name the first random column that is a combination of others of its block of G.

    Raises
    ------
    DataError
    """
    if basis.z.least_own >= DEPENDENT:
        return
    for at in block_slices(design.blocks):
        for k in (basis.z.own[at] < DEPENDENT).nonzero()[0].tolist():
            weights = _combination(design.rows.second_moment[at, at], k)
            listed = ", ".join(f"'{design.effects[at][i]}'" for i in np.flatnonzero(weights))
            if not listed:  # a cell without rows, which a fit's diagnosis has, or a first batch
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
    if unit[k, k] - unit[k, :k] @ weights > DEPENDENT:
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
            f"varies{_where_few_rows_count(design)}; remove it from one of the two parts"
        )


def _where_few_rows_count(design: Design) -> str:
    """What else it may be: rows that weigh so much more than others that these do not count."""
    sd = np.asarray(design.rows.head.row_sd)
    if sd.max() <= _UNEQUAL * sd.min():
        return ""
    ratio = sd.max() / sd.min()
    return (
        f", as far as rows count: standard deviations of errors are up to {ratio:.0e} "
        "times as large as the least; check the unit of the least, or leave those rows out"
    )


def refuse_blind_directions(design: Design, products: Products) -> None:
    """Refuse variance parameters that no data of this design can tell apart.

    Parts of one block of G that no group has rows of are left to the diagnosis of a fit.

    Raises
    ------
    DataError
    """
    blind = blind_directions(products, design.blocks)
    free = count_free_entries(design.blocks) + 1
    involved = np.flatnonzero(np.diag(blind.entries))
    blocks = np.repeat(np.arange(len(design.blocks)), design.blocks)
    if not blind.residual and len(set(blocks[involved])) < 2:
        return
    names = variances_in_words(design, blind)
    factors = {design.effect_names[k].factor for k in involved}
    advice = _of_the_same_groups(design, products, factors) or _of_all_levels(design, blind)
    raise DataError(
        f"the data cannot tell apart {', '.join(names[:-1])} and {names[-1]}: the model has {free} "
        f"variance parameters, and rows at these values of the random columns determine "
        f"{free - len(blind)}; {advice or 'use fewer random effects'}"
    )


def _of_all_levels(design: Design, blind: BlindDirections) -> str:
    """Which effects are the sums of those of all levels of a factor, as ``(f || g)`` has them.

    Empty where the errors are not told apart either, or there are none.
    """
    places = list(block_slices(design.blocks))
    involved = [k for k, at in enumerate(places) if np.diag(blind.entries)[at].any()]
    terms, Z = design.random_terms, design.rows.head.Z
    found = [
        (terms[whole], terms[one], design.effects[places[one]][0])
        for whole in involved
        for one in involved
        if design.blocks[whole] > 1 == design.blocks[one]
        and terms[whole].factor == terms[one].factor
        and np.allclose(Z[:, places[whole]].sum(axis=1), Z[:, places[one]][:, 0])
    ]
    if blind.residual or not found:
        return ""
    kept, left_out, names = (list(dict.fromkeys(part)) for part in zip(*found, strict=True))
    return (
        f"effects of all levels add up to that of {in_quotes(names)}: write "
        f"{' + '.join(map(str, kept))}, without {' + '.join(map(str, left_out))}"
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
