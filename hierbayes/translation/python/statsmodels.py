"""mixedlm of statsmodels: a formula, the groups, and a formula of their effects; its mixed GLM.

References
----------
https://www.statsmodels.org/stable/mixed_linear.html
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.priors.families import DesignNormal, Normal
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT, column_name, factors_of
from hierbayes.translation.coding import compact, is_one_column, refuse_other_coding
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.expression import called, is_truth, parse_factor
from hierbayes.translation.programs.factor_trees import tree_text
from hierbayes.translation.python.code import (
    complete_rows,
    definitions,
    numbers_of_truths,
    orders_of_levels,
    python_term,
    quoted,
    refuse_data_name,
    successes,
)
from hierbayes.translation.python.statsmodels_reader import BAYESIAN, FUNCTIONS, read


def emit(model: ModelToWrite) -> str:
    """The model as a call of mixedlm.

    A first block of effects is ``re_formula``; further ones, each one column, are variance
    components, as are the effects of groups within groups.  Of factors that cross each is a
    component of one group of all rows.

    Raises
    ------
    FormulaError
        For correlated effects but of one block of the outermost groups, and functions that are
        not known there.
    """
    refuse_data_name(model, "statsmodels")
    refuse_other_coding(model.specification, model.variables, "statsmodels")
    if model.family is not None:
        return _bayesian(model)
    spec, data = model.specification, model.data
    orders = orders_of_levels(model)
    random = _random(model)
    fixed = compact(spec.fixed, lambda term: _term(term, model))
    formula = f"{_term(spec.response, model)} ~ {fixed}"
    heads = ["import numpy as np"] if any("np." in line for line in (formula, *random)) else []
    heads += ["import pandas as pd"] if orders else []
    heads += ["import statsmodels.formula.api as smf"]
    lines = ["\n".join(heads) + definitions(model), ""]
    lines += [complete_rows(model), *numbers_of_truths(model), *orders]
    lines += [
        "fit = smf.mixedlm(",
        f"    {quoted(formula)},",
        f"    {data},",
        *random,
        f").fit(reml={not model.ml}, method={_methods(model)})",
        "",
    ]
    return "\n".join(lines)


def _bayesian(model: ModelToWrite) -> str:
    """The model as a mixed GLM, whose posterior is approximated by a normal distribution.

    Raises
    ------
    FormulaError
        For effects that are correlated, trials, and offsets.
    """
    spec, data = model.specification, model.data
    for term in spec.random:
        if not is_one_column(term.effects, model.variables):
            raise FormulaError(
                f"the mixed GLM of statsmodels has independent effects, and this model has {term}; "
                f"({term.formula} || {term.written_factor}) is independent"
            )
    for offset in spec.offsets:
        raise FormulaError(f"the mixed GLM of statsmodels has no offset({offset})")
    assert model.family is not None
    kind = BAYESIAN[model.family]
    orders = orders_of_levels(model)
    fixed = compact(spec.fixed, lambda term: _term(term, model))
    formula = quoted(f"{_term(spec.response, model)} ~ {fixed}")
    random = [f"        {_component_of(term, '', model)}," for term in spec.random]
    heads = ["import numpy as np"] if any("np." in line for line in (formula, *random)) else []
    heads += ["import pandas as pd"] if orders else []
    heads += [f"from statsmodels.genmod.bayes_mixed_glm import {kind}"]
    normal = {prior for _, prior, _ in model.priors.gamma}
    (one,) = normal if len(normal) == 1 else (None,)
    said = isinstance(one, Normal) and not isinstance(one, DesignNormal) and one.mu == 0
    lost = [f"sd({model.priors.label(name)}) ~ {prior}" for name, prior, _ in model.priors.sd]
    lost += [] if said else [f"{name} ~ {prior}" for name, prior, _ in model.priors.gamma]
    lines = ["\n".join(heads) + definitions(model), ""]
    lines += [complete_rows(model), *numbers_of_truths(model), *successes(model), *orders]
    lines += [f"# Not carried over, {kind} has priors of its own there: {text}" for text in lost]
    lines += [
        f"model = {kind}.from_formula(",
        f"    {formula},",
        "    {",
        *random,
        "    },",
        f"    {data},",
        *([f"    fe_p={one.sigma:.15g},"] if isinstance(one, Normal) and said else []),
        ")",
        "fit = model.fit_vb()  # a normal distribution with independent parts for the posterior",
        "",
    ]
    return "\n".join(lines)


def _random(model: ModelToWrite) -> list[str]:
    """The arguments that state the groups and the random part.

    Raises
    ------
    FormulaError
        For correlated effects that are not the one block of the outermost groups.
    """
    spec, data = model.specification, model.data
    outer = _outermost(model)
    blocks = [term for term in spec.random if term.factor == outer]
    wide = [term for term in spec.random if not is_one_column(term.effects, model.variables)]
    _refuse_wide(wide, outer)
    lines = [f"    groups=np.ones(len({data})),  # one group of all rows"]
    rest = list(spec.random)
    if outer:
        alone = [term for term in blocks if term.effects == (INTERCEPT,)]
        first = (wide or alone or blocks)[0]
        rest.remove(first)
        lines = [f"    groups={data}[{quoted(outer)}],"]
        lines.append(f"    re_formula={quoted(_block(first.effects, model))},")
    if rest:
        lines.append("    vc_formula={")
        lines += [f"        {_component_of(term, outer, model)}," for term in rest]
        lines.append("    },")
    return lines


def _outermost(model: ModelToWrite) -> str:
    """The grouping factor, of one column, that all others are nested in; empty where none is."""
    for name, columns in model.specification.columns_of.items():
        others = [other for other in model.specification.factors if other != name]
        nested = all((other, name) in model.variables.nested for other in others)
        if len(columns) == 1 and nested:
            return name
    return ""


def _refuse_wide(wide: Sequence[RandomTerm], outer: str) -> None:
    """Refuse correlated effects but of one block of the outermost groups."""
    for term in wide:
        if term.factor != outer:
            where = f"the groups of '{outer}'" if outer else "groups that all others lie in"
            raise FormulaError(
                f"statsmodels has correlated effects over {where} only, and this model has {term}; "
                f"({term.formula} || {term.written_factor}) is independent"
            )
    if len(wide) > 1:
        raise FormulaError(
            "statsmodels has one block of correlated effects, and this model has "
            f"{len(wide)}: {', '.join(term.formula for term in wide)}"
        )


def _component_of(term: RandomTerm, outer: str, model: ModelToWrite) -> str:
    """Name and formula of a variance component: the levels of a factor have one variance."""
    (effect,) = term.effects
    name = "Intercept" if effect == INTERCEPT else effect
    levels = [f"C({_column(column)})" for column in term.columns if column != outer]
    if not levels:
        return f"{quoted(name)}: {quoted(_block(term.effects, model))}"
    slope = [] if effect == INTERCEPT else [_term(effect, model)]
    return f"{quoted(f'{name}|{term.factor}')}: {quoted(f'0 + {":".join([*levels, *slope])}')}"


def _methods(model: ModelToWrite) -> str:
    """Optimisers, the one that gets there first: its others stop short or at a singular G."""
    alone = len(model.specification.random) == 1 and is_one_column(
        model.specification.random_effects[0], model.variables
    )
    return '["powell", "lbfgs"]' if alone else '["lbfgs", "powell"]'


def _block(block: tuple[str, ...], model: ModelToWrite) -> str:
    terms = [_term(term, model) for term in block]
    return " + ".join(terms if INTERCEPT in block else ["0", *terms])


def _term(term: str, model: ModelToWrite) -> str:
    """A term; truth values of an expression as numbers, of which patsy would make labels."""
    numbers = (_number(factor, model) for factor in factors_of(term))
    return python_term(":".join(numbers) or INTERCEPT, model, FUNCTIONS, _column, "statsmodels")


def _number(factor: str, model: ModelToWrite) -> str:
    tree = parse_factor(factor)
    if not (isinstance(tree, ast.Call) and is_truth(tree, model.variables.booleans)):
        return factor
    inner = tree.args[0] if called(tree) == "I" else tree
    return f"I(1.0 * ({tree_text(inner)}))"


def _column(name: str) -> str:
    """A name as patsy reads it, which statsmodels uses by default."""
    return name if column_name(name) == name else f"Q({name!r})"


DIALECT = Dialect(
    "statsmodels",
    "Python: statsmodels mixedlm",
    emit,
    read,
    families=frozenset({"Bernoulli logit", "Poisson log"}),
    instead="its mixed GLM is of binary responses and counts, and its GEE has no random effects",
)
