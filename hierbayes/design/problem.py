"""A design with its cross-products, checked: what every estimator starts from."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pandas as pd

from hierbayes.design.between_equations import constant_of, refuse_varying_between
from hierbayes.design.bound_residual import bind_residual
from hierbayes.design.built_design import build_design
from hierbayes.design.column_refusals import refuse_columns
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.design.errors_of_some import errors_of_some
from hierbayes.design.family_rows import FamilyRows, gaussian_only
from hierbayes.design.nesting import Nesting, nesting_of
from hierbayes.design.products import Products
from hierbayes.design.residual_moments import ResidualMoments, residual_moments
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.design.row_refusals import refuse_rows
from hierbayes.design.rows import Rows
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.design.sums import sum_up, sum_up_factors, sum_up_with_rows
from hierbayes.errors import FormulaError, ResidualError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats
from hierbayes.specification.equation_coding import refuse_uneven_equations
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification, one_factor_only
from hierbayes.value import value


@value()
class Problem:
    """A design and its cross-products.

    Parameters
    ----------
    design : Design
    working : CrossProducts or SparseProducts
        Cross-products of one grouping factor, or of several; of a family that is not Gaussian
        with what stands for its responses.  With a residual structure, once it is fitted, those
        of rows weighted by R⁻¹.
    moments : ResidualMoments, optional
        Those of a residual structure.
    z : (k,) float, optional
        Coordinates of its parameters at which ``working`` is weighted; none before a fit.
    holds_sigma : bool
        Whether what asks holds σ at 1, as it is where the variances of errors are known.
    plain : CrossProducts or SparseProducts, optional
        Those of the rows as they are, where ``working`` is weighted.
    """

    design: Design
    working: Products
    moments: ResidualMoments | None = None
    z: Floats | None = None
    holds_sigma: bool = False
    plain: Products | None = None

    @property
    def holding_sigma(self) -> Problem:
        """The same for estimators that hold σ at 1 where the variances of errors are known."""
        known = bool(self.design.specification.known_sd)
        return replace(self, holds_sigma=True) if known else self

    def weighted(self, z: Floats, products: Products | None = None) -> Problem:
        """The same with cross-products weighted by the R⁻¹ of coordinates z (k,).

        ``products`` are these, where they have been made.
        """
        assert self.moments is not None
        made = self.moments.at(z).products if products is None else products
        plain = self.working if self.plain is None else self.plain
        return Problem(self.design, made, self.moments, z, self.holds_sigma, plain)

    def of_rows(self, rows: Rows) -> Problem:
        """The same of some of the rows, the cross-products those of all."""
        design, moments = replace(self.design, rows=rows), self.moments
        if moments is not None and self.design.rows.streams:
            errors = cast(ResidualRows, errors_of_some(moments.rows, rows, design))
            moments = replace(moments, rows=errors)
        return replace(self, design=design, moments=moments)

    @property
    def unweighted(self) -> Problem:
        """The same with the cross-products of the rows as they are, of which priors are."""
        return self if self.plain is None else replace(self, working=self.plain, z=None, plain=None)

    def following(self, fitted: Floats) -> Problem:
        """The same where the variances of errors follow these fitted values (n,)."""
        assert self.moments is not None
        design, structure = self.design, self.moments.rows.structure
        rows = bind_residual(structure, design.rows, design.factors, fitted)
        moments = residual_moments(rows, design, self.moments.basis)
        return replace(self.unweighted, moments=moments)

    def refuse_fitted_variances(self, what: str) -> None:
        """Refuse variances of errors that follow the fitted values.

        Raises
        ------
        ResidualError
            Naming what is not made for them.
        """
        if self.moments is not None and self.moments.rows.structure.follows_fitted:
            raise ResidualError(
                f"{what} is not made for variances that follow the fitted values, and the errors "
                f"of this model are {self.moments.rows.structure.text}: reml() and ml() hold the "
                "fitted values and compute them anew until they settle, which is the maximum of "
                "no likelihood of all parameters; use them, or a column for the fitted values"
            )

    def error_scale(self, data: pd.DataFrame | None = None) -> Floats | float:
        """Standard deviation of the error of each row beside σ, of the fit's rows or of others.

        Raises
        ------
        DataError
            When other rows do not say what it depends on.
        """
        if self.moments is None:
            return 1.0
        rows = self.moments.rows
        z = rows.start if self.z is None else self.z
        return rows.row_sd(z) if data is None else rows.row_sd_of(data, z)

    def refuse_residual_structure(self, what: str) -> None:
        """Refuse errors that are correlated, or of unequal variance.

        Raises
        ------
        ResidualError
            Naming what is not made for them, and their structure.
        """
        if self.moments is not None:
            raise ResidualError(
                f"{what} is not made for a residual structure, and the errors of this model are "
                f"{self.moments.rows.structure.text}"
            )

    @property
    def has_correlated_errors(self) -> bool:
        """Whether errors are correlated within groups."""
        return self.moments is not None and self.moments.rows.correlation is not None

    @property
    def has_like_rows(self) -> bool:
        """Whether errors are independent and of one variance."""
        return self.moments is None and self.design.rows.root_weights is None

    @property
    def half_log_det(self) -> float:
        """½ log|R| of the errors, which the log-likelihood is less by."""
        of_weights = -self.design.rows.log_root_weights
        if self.moments is None or self.z is None:
            return of_weights
        return self.moments.half_log_det(self.z) + of_weights

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

    def refuse_other_families(self, what: str = "this") -> None:
        """Refuse a response that is not Gaussian.

        Parameters
        ----------
        what : str
            What was asked for, as messages name it.

        Raises
        ------
        FormulaError
            Naming its family.
        """
        if self.family is not None:
            raise FormulaError(gaussian_only(self.family, what))

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
            When the response has another family, or the variances of all rows are known.
        """
        self.refuse_other_families()
        if self.design.specification.known_sd and not self.holds_sigma:
            raise FormulaError(
                "this is made for a residual variance that is estimated, and known_sd= states "
                "those of all rows"
            )
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
            equations, data, specification.functions, constant_of(design, equations)
        )
    refuse_rows(design)
    products, F = _summed_up_with_rows(design)
    refuse_columns(design, products)
    if equations is not None:
        refuse_uneven_equations(equations, design.columns.coded_factors.__contains__)
    if specification.residual is None:
        return Problem(design, products)
    rows = bind_residual(specification.residual, design.rows, design.factors)
    return Problem(design, products, residual_moments(rows, design, products.basis, F))


def _summed_up_with_rows(design: Design) -> tuple[Products, Floats | None]:
    """The cross-products, and the rows in their basis where a residual structure asks for them.

    Of several grouping factors the latter are made anew.
    """
    if design.specification.residual is None or len(design.factors) > 1:
        return summed_up(design), None
    return sum_up_with_rows(design.rows, design.factor.held, design.blocks)


def summed_up(design: Design) -> Products:
    """The cross-products of a design, of one grouping factor or of several."""
    if len(design.factors) == 1:
        return sum_up(design.rows, design.factor.held, design.blocks)
    return sum_up_factors(design.rows, design.factors, design.spans, design.blocks)
