"""Methods 5 and 6: hierarchical models by REML, without and with the group mean of x.

5: ``x * w`` with random intercepts and slopes of x.
6: ``x * w + cvar(x, g) * w`` with random intercepts and slopes of dvar(x, g) = x − cvar(x, g).

In 6 the coefficient of x is the slope within groups, and that of cvar how much more the means
differ; their sum is the slope between groups.  Random slopes of the raw x would let between-group
variation back into the slope within.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.problem import pose_problem
from hierbayes.fit.contextual.slopes import contextual_slopes
from hierbayes.fit.degrees_of_freedom.source import METHODS
from hierbayes.fit.fit import Fit
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.likelihood.reading import REML
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import random_terms
from hierbayes.specification.terms import INTERCEPT, product
from hierbayes.studies.estimators.gamma_estimate import gamma_estimate
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.method import Method, tests_table
from hierbayes.studies.estimators.targets import (
    line_names,
    quantity_names,
    slopes_to_quantities,
    to_differences,
    to_lines,
    to_quantities,
)


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchical:
    """The two hierarchical fits.

    Parameters
    ----------
    plain, contextual : Fit
        Of methods 5 and 6.
    """

    plain: Fit
    contextual: Fit


def fit_both(specification: Specification, rows: GroupedRows, data: pd.DataFrame) -> Hierarchical:
    """Fit both models by REML.

    Raises
    ------
    DataError
        When the data cannot carry them.
    """
    x = specification.random_effects[0][1]
    factors = [term for term in specification.fixed if term not in (INTERCEPT, x)][:1]
    group = rows.group if rows.group.isidentifier() else f"`{rows.group}`"
    mean, deviation = f"cvar({x}, {group})", f"dvar({x}, {group})"
    fixed = (*specification.fixed, mean, *(product(mean, factor) for factor in factors))
    random = random_terms(rows.group, [(INTERCEPT, deviation)])
    contextual = Specification(specification.response, fixed, random)
    return Hierarchical(*(_reml(model, data) for model in (specification, contextual)))


def hierarchical(fit: Fit, rows: GroupedRows) -> Method:
    """Method 5: the model without the group mean of x."""
    L = rows.L
    estimate = gamma_estimate(fit, rows.terms).combined(to_lines(L))
    tests = {}
    if L > 1:
        tests["no difference between levels"] = estimate.joint(to_differences(L))
    return Method(
        key="5",
        name="hierarchical",
        about=_about(fit),
        coefficients=_coefficients(fit),
        lines=estimate.table(line_names(rows)),
        lines_cov=estimate.covariance(line_names(rows)),
        quantities=estimate.combined(to_quantities(L)).table(quantity_names(rows)),
        tests=tests_table(tests),
        sigma=fit.sigma,
        further={},
    )


def contextual(fit: Fit, rows: GroupedRows) -> Method:
    """Method 6: the model with the group mean of x.

    ``further`` has the slopes between groups, and by how much they exceed those within.
    """
    L, names, weights = rows.L, quantity_names(rows), slopes_to_quantities(rows.L)
    gamma = gamma_estimate(fit, fit.design.terms)
    truth = rows.factor in fit.design.terms  # a column of true and false stands in as 0 and 1
    slopes = contextual_slopes(
        fit.design, rows.predictor, {str(rows.factor): [0.0, 1.0]} if truth else None
    )
    within, excess = gamma.combined(slopes.within), gamma.combined(slopes.contextual)
    between = gamma.combined(slopes.between).combined(weights).table(names)
    tests = {"slopes within and between equal": excess.joint(np.eye(L))}
    if L > 1:
        tests["slopes within equal in all levels"] = within.joint(weights[L:])
    return Method(
        key="6",
        name="hierarchical + cvar",
        about=_about(fit),
        coefficients=_coefficients(fit),
        lines=within.table(line_names(rows)[L:]),
        lines_cov=within.covariance(line_names(rows)[L:]),
        quantities=within.combined(weights).table(names),
        tests=tests_table(tests),
        sigma=fit.sigma,
        further={
            "Slopes between groups": between,
            "Between less within": excess.combined(weights).table(names),
        },
    )


def _reml(specification: Specification, data: pd.DataFrame) -> Fit:
    return maximum_likelihood(pose_problem(specification, data), REML)


def _coefficients(fit: Fit) -> pd.DataFrame:
    terms = fit.design.terms
    return gamma_estimate(fit, terms).table(pd.Index(terms, name="term"))


def _about(fit: Fit) -> tuple[str, ...]:
    used = gamma_estimate(fit, fit.design.terms).source.method
    design, edge = fit.design, "; G is singular" if fit.maximum.singular else ""
    return (
        f"{design.specification} by REML on {design.n} rows, {design.J} groups; "
        f"σ {fit.sigma:.4f}{edge}; standard errors given θ̂, degrees of freedom {METHODS[used]}",
    )
