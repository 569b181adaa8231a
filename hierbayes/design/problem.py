"""A design with its cross-products, checked: what every estimator starts from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices, count_free_entries
from hierbayes.design.constant_factors import factor_values
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design, build_design
from hierbayes.design.family_rows import FamilyRows, gaussian_only, has_thresholds
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.identification import BlindDirections, blind_directions
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.nesting import Nesting, nesting_of
from hierbayes.design.products import Products
from hierbayes.design.ranks import estimable_somewhere
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.design.sums import left_by_fixed, left_within, sum_up, sum_up_factors
from hierbayes.errors import DataError, FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.constancy import columns_vary_within
from hierbayes.specification.equation_coding import refuse_uneven_equations
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification, one_factor_only
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import factors_of, is_number

_RANK_TOLERANCE = 1e-12  # of what is a column's own, against its size
_ABSORBED_TOLERANCE = 1e-9  # of the variation of a random column beside the fixed ones
_GROUP_MEAN = re.compile(r"([cl]var\(.+, )(\w+)\)")
_SQUARED = (1e-140, 1e152)  # spreads of a response whose variances and their parts are numbers
_EXACT = 16.0 * np.finfo(np.float64).eps  # of y and its parts: a residual that is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A design and its cross-products.

    Parameters
    ----------
    design : Design
    working : CrossProducts or SparseProducts
        Cross-products of one grouping factor, or of several; of a family that is not Gaussian
        with what stands for its responses.
    """

    design: Design
    working: Products

    @property
    def family(self) -> ResponseFamily | None:
        """The family of the response; None for a Gaussian one."""
        rows = self.design.rows.family
        return None if rows is None else rows.family

    @property
    def family_rows(self) -> FamilyRows:
        """The responses of a family that is not Gaussian.

        Raises
        ------
        FormulaError
            When it is.
        """
        rows = self.design.rows.family
        if rows is None:
            raise FormulaError("this is made for families of responses, and this one is Gaussian")
        return rows

    def refuse_other_families(self) -> None:
        """Refuse a response that is not Gaussian.

        Raises
        ------
        FormulaError
            Naming its family.
        """
        if self.family is not None:
            raise FormulaError(gaussian_only(self.family))

    @property
    def dispersion(self) -> tuple[str, ...]:
        """Names of the dispersion: σ, or those of the family."""
        return ("sigma",) if self.family is None else self.family.dispersion

    @property
    def products(self) -> Products:
        """The cross-products of a Gaussian model.

        Raises
        ------
        FormulaError
            When the response has another family.
        """
        self.refuse_other_families()
        return self.working

    @property
    def cross(self) -> CrossProducts:
        """The cross-products of the only grouping factor.

        Raises
        ------
        FormulaError
            When the model has several.
        """
        if isinstance(self.products, SparseProducts):
            raise FormulaError(one_factor_only(self.design.specification.factors))
        return self.products

    @property
    def nesting(self) -> Nesting:
        """Which grouping factors are nested in which, and which cross."""
        return nesting_of(self.design.specification, self.working)


def pose_problem(
    specification: Specification,
    data: pd.DataFrame,
    equations: Multilevel | None = None,
    family: ResponseFamily | None = None,
) -> Problem:
    """Make and check the design of a specification on data, and sum it up.

    Parameters
    ----------
    specification : Specification
    data : DataFrame
    equations : Multilevel, optional
        Those that state it, of which more is asked.
    family : ResponseFamily, optional
        Of the response, where it is not Gaussian.

    Raises
    ------
    DataError, FormulaError
        When the data cannot carry the model, before anything is fitted.
    """
    design = build_design(specification, data, family)
    if equations is not None:
        refuse_varying_between(
            equations, data, specification.functions, _constant_of(design, equations)
        )
    _refuse_constant_response(design)
    _refuse_no_variance(design)
    for factor in design.factors:
        _refuse_one_group(factor)
        if family is None or family.name in ("Bernoulli", "Categorical"):
            _refuse_groups_of_one(factor, design.n, family)
    _refuse_thresholds_without_intercept(design)
    products = summed_up(design)
    _refuse_too_many_columns(design)
    _refuse_dependent_columns(design, products.basis)
    for factor, span, level in zip(design.factors, design.spans, products.levels, strict=True):
        blocks = [at for at in block_slices(design.blocks) if span.start <= at.start < span.stop]
        _refuse_inestimable_effects(design, factor.name, span.start, blocks, level, products)
        _refuse_absorbed_effects(design, factor.name, span, blocks, level, products)
    if family is None:
        _refuse_blind_directions(design, products)
        _refuse_exact_fit(design, products)
    if equations is not None:
        refuse_uneven_equations(equations, design.columns.coded_factors.__contains__)
    return Problem(design, products)


def summed_up(design: Design) -> Products:
    """The cross-products of a design, of one grouping factor or of several."""
    if len(design.factors) == 1:
        return sum_up(design.rows, design.factor.labels, design.blocks)
    return sum_up_factors(design.rows, design.factors, design.spans, design.blocks)


def refuse_varying_between(
    equations: Multilevel,
    data: pd.DataFrame,
    functions: Functions = (),
    constant: Sequence[frozenset[str]] = (),
) -> None:
    """Refuse a between equation with a factor that varies within a group.

    Parameters
    ----------
    equations : Multilevel
    data : DataFrame
    functions : tuple of (str, callable)
        Functions that the caller hands over.
    constant : sequence of frozenset of str
        By level, the lowest first, factors known to be constant within groups; may be empty.

    Raises
    ------
    DataError
        Naming the factor, the equation and one group in which it varies.
    """
    for place, level in enumerate(equations.levels):
        known = constant[place] if constant else frozenset()
        for coefficient in level.equations:
            for term in level.terms(coefficient):
                factors = {f for f in factors_of(term) if not is_number(f)}
                for factor in sorted(factors - known):
                    below = "within equation" if place == 0 else "equation of a lower level"
                    _refuse_varying(factor, coefficient, level.columns, below, data, functions)


def _constant_of(design: Design, equations: Multilevel) -> list[frozenset[str]]:
    """By level what is constant within its groups; nothing known where it has no random effects."""
    by_factor = dict(zip(design.specification.factors, design.columns.between_of, strict=True))
    names = (":".join(level.columns) for level in equations.levels)
    return [by_factor.get(name, frozenset()) for name in names]


def _refuse_varying(
    factor: str,
    coefficient: str,
    columns: tuple[str, ...],
    below: str,
    data: pd.DataFrame,
    functions: Functions,
) -> None:
    values, codes, groups = factor_values(factor, columns, data, functions)
    varies = columns_vary_within(values, codes, len(groups)).any(axis=1)
    if varies.any():
        j, group = int(varies.argmax()), ":".join(columns)
        remedy = _remedy(factor, columns[-1], below)
        raise DataError(
            f"'{factor}' stands in the between equation of '{coefficient}' but varies within "
            f"groups: {group} {groups[j]} has more than one value "
            f"({int(varies.sum())} of {len(groups)} groups do); {remedy}"
        )


def _remedy(factor: str, group: str, below: str) -> str:
    """What to do with a factor that varies within groups and should not."""
    mean = _GROUP_MEAN.fullmatch(factor)
    if mean and mean[2] != group:
        return (
            f"it is a mean over '{mean[2]}', and the groups of this model are '{group}': write "
            f"{mean[1]}{group})"
        )
    if factor.startswith("dvar("):
        return f"a deviation from a group mean belongs to the {below}"
    return f"move it to the {below}, or use its group mean cvar({factor}, {group})"


def _refuse_constant_response(design: Design) -> None:
    rows = design.rows
    if np.ptp(rows.response) == 0.0:
        constant = rows.response[0] if rows.family is None else rows.family.y[0]
        raise DataError(
            f"the response '{design.specification.left}' is constant ({constant:g}): "
            "there is nothing to explain; check how the column was made, and which rows were chosen"
        )


def _refuse_no_variance(design: Design) -> None:
    """Refuse a response in a unit in which its variance is no floating-point number."""
    smallest, largest = _SQUARED
    spread = float(design.rows.response.max()) - float(design.rows.response.min())
    if not smallest <= spread <= largest:
        raise DataError(
            f"the response '{design.specification.response}' has a spread of {spread:.1g}, whose "
            "square cannot be computed with: take another unit"
        )


def _refuse_thresholds_without_intercept(design: Design) -> None:
    rows = design.rows.family
    if rows is not None and has_thresholds(rows.family) and "Intercept" not in design.terms:
        raise FormulaError(
            f"the thresholds of {rows.family} need the place of the intercept, and the fixed part "
            "leaves it out; write 1 for 0"
        )


def _refuse_one_group(factor: GroupingFactor) -> None:
    if factor.J == 1:
        raise DataError(
            f"the group column '{factor.name}' has one group ({factor.labels[0]}); a hierarchical "
            "model needs at least two"
        )


def _refuse_groups_of_one(factor: GroupingFactor, n: int, family: ResponseFamily | None) -> None:
    if n != factor.J:
        return
    why = "group and residual variance cannot be told apart"
    if family is not None:
        why = (
            f"one response of {family.name} says nothing of a variance between such groups; leave "
            f"(1 | {factor.name}) out"
        )
    raise DataError(
        f"the group column '{factor.name}' has as many groups as there are rows ({n}); {why}"
    )


def _refuse_too_many_columns(design: Design) -> None:
    n, p = design.rows.X.shape
    if p >= n:
        raise DataError(
            f"the fixed part has {p} columns and there are {n} rows; use fewer terms, or look for "
            "a number that is stored as text"
        )


def _refuse_dependent_columns(design: Design, basis: Basis) -> None:
    """Name the first fixed column that is a combination of those before it."""
    for k in np.flatnonzero(~design.rows.X.any(axis=0)).tolist():
        raise DataError(
            f"the fixed column '{design.terms[k]}' is zero in every row; remove it from the formula"
        )
    for k in np.flatnonzero(basis.x.own < _RANK_TOLERANCE).tolist():
        weights = np.linalg.lstsq(design.rows.X[:, :k], design.rows.X[:, k], rcond=None)[0]
        used = np.abs(weights) > 1e-8 * max(np.abs(weights).max(initial=0.0), 1e-300)
        mean = _GROUP_MEAN.fullmatch(design.terms[k])
        if mean and np.ptp(design.rows.X[:, k]) <= 1e-12 * np.abs(design.rows.X[:, k]).max():
            raise DataError(
                f"'{design.terms[k]}' is the same in every '{mean[2]}': the data are balanced in "
                f"'{mean[1][5:-2]}', all of whose variation is within groups; a group mean of it "
                "explains nothing, remove it from the formula"
            )
        listed = ", ".join(f"'{design.terms[i]}'" for i in np.flatnonzero(used))
        raise DataError(
            f"the fixed column '{design.terms[k]}' is a combination of {listed}; "
            "remove it, or one of those, from the formula"
        )


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
    left = A.sum(axis=0) - np.einsum("jkc,jhc->kh", B, weights, optimize=True)
    total = np.sqrt(np.diag(A.sum(axis=0)))
    unit = np.sqrt((design.rows.Z**2).mean(axis=0))
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
    raise DataError(
        f"the data cannot tell apart {', '.join(names[:-1])} and {names[-1]}: the model has {free} "
        f"variance parameters, and rows at these values of the random columns determine "
        f"{free - len(blind)}; use fewer random effects"
    )


def variances_in_words(design: Design, blind: BlindDirections) -> list[str]:
    """The variances among what cannot be told apart, the residual one first."""
    several = len(design.factors) > 1
    names = [
        f"the variance of '{name}'" + (f" ({name.factor})" if several else "")
        for name in (design.effect_names[k] for k in np.flatnonzero(np.diag(blind.entries)))
    ]
    return ["the residual variance"] * blind.residual + names


def _refuse_exact_fit(design: Design, cross: Products) -> None:
    """Refuse data whose rows the groups' own regressions reproduce without residual.

    Groups that have as many rows as random effects always do; they are no reason to
    refuse, for then G and σ are told apart by how the columns differ between groups.
    Of several grouping factors what the fixed part alone reproduces is refused here, and what
    the groups' own effects reproduce once the likelihood is maximised.
    """
    if isinstance(cross, SparseProducts):
        left, freedom = left_by_fixed(cross)[0], cross.n - cross.p
    else:
        left, freedom = left_within(cross)
    basis = cross.basis
    size = float(np.sqrt(np.mean(design.rows.response**2))) + basis.scale * float(
        np.abs(basis.taken).sum()
    )
    if freedom > 0.0 and left * basis.scale**2 < cross.n * (_EXACT * size) ** 2:
        raise DataError(
            "the residual variance is zero: the fixed part and the groups' own coefficients "
            "reproduce every row exactly; use fewer random effects, or look for a copy of the "
            "response among the predictors"
        )
