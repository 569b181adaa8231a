"""Bambi: a formula and priors by term, on PyMC.

Bambi's effects of groups are independent: its ``(1 + x | g)`` is what lme4 writes
``(1 + x || g)``, and no option makes them correlated.

References
----------
Capretto, Piho, Kumar, Westfall, Yarkoni & Martin (2022), *Bambi: A Simple Interface for
Fitting Bayesian Linear Models in Python*, doi:10.18637/jss.v103.i15.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from hierbayes.errors import FormulaError
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.priors.families import DesignNormal, Prior
from hierbayes.specification.formula import read_combined
from hierbayes.specification.terms import INTERCEPT, column_name, factors_of
from hierbayes.translation.coding import (
    compact,
    is_one_column,
    refuse_other_coding,
    term_of_column,
)
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel
from hierbayes.translation.expression import (
    called,
    parse_factor,
    spelled_factor,
)
from hierbayes.translation.python.bambi_errors import (
    STRUCTURES,
    formula_argument,
    formulas_of,
    read_sigma,
    sigma_formula,
)
from hierbayes.translation.python.bambi_families import (
    FAMILIES,
    dispersions,
    effects_of,
    family_arguments,
    of_any_category,
    plain_response,
    prior_call,
    read_family,
    refuse_unequal,
    statements,
    trials_column,
)
from hierbayes.translation.python.code import (
    complete_rows,
    contextual_in,
    definitions,
    orders_of_levels,
    python_term,
    quoted,
    refuse_data_name,
    successes,
)
from hierbayes.translation.python.reading import find_call, plain_specification
from hierbayes.translation.r.reading import refuse_split_factors
from hierbayes.translation.r.stan_priors import (
    coefficient_priors,
    refuse_joint_priors,
    shared_priors,
)
from hierbayes.translation.responses import threshold_priors

_FUNCTIONS = frozenset(("I", "C", "center", "cvar", "dvar"))
_ARGUMENTS = (
    "formula", "data", "family", "priors", "link", "categorical", "potentials", "dropna",
    "auto_scale", "noncentered", "center_predictors", "extra_namespace",
)  # fmt: skip
_MARKS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.Eq: "==",
    ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip  # the operators that formulae knows
_REFUSED = {
    "potentials": "further terms in the density",
    "categorical": "numbers taken as factors (make texts of that column)",
}


def read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of bambi code, or of a formula: each effect of a group is a block of its own.

    Raises
    ------
    FormulaError
        When the code cannot be read, or asks for what models here do not have.
    """
    call = find_call(text, "Model", _ARGUMENTS, columns)
    formula, sigma, family = text, "", None
    if call is not None:
        if "formula" not in call.arguments:
            raise FormulaError("Model is called without a formula")
        for name in [name for name in _REFUSED if name in call.arguments]:
            if ast.unparse(call.arguments[name]) != "None":
                raise call.refuse(
                    name,
                    f"the argument '{name}' of bambi's Model asks for {_REFUSED[name]}, which "
                    "models here do not have",
                )
        formula, sigma = formulas_of(call)
        family = read_family(call)
    specification = read_combined(plain_response(formula, columns))
    specification = plain_specification(specification, columns, _FUNCTIONS, "bambi")
    for term in specification.random:
        written = f"({term.formula} | {term.factor})"
        refuse_split_factors(term.effects, columns, written, "bambi")
    alone = (replace(term, effects=(effect,)) for term in specification.random
             for effect in term.effects)  # fmt: skip
    errors = read_sigma(sigma, columns)
    fixed = specification.fixed
    if isinstance(family, Cumulative) and INTERCEPT not in fixed:  # bambi has none with thresholds
        fixed = (INTERCEPT, *fixed)
    stated = replace(
        specification, fixed=fixed, random=tuple(alone), residual=errors.residual,
        weights=errors.weights, known_sd=errors.known_sd,
    )  # fmt: skip
    if call is not None:  # bambi leaves out rows before it computes anything
        call.checked(stated, "bambi", of_all=False)
    return StatedModel(stated, family)


def emit(model: ModelToWrite) -> str:
    """The model as a call of bambi's Model with the priors in force.

    Predictors are not centred, so that the prior of the intercept is where they are 0.

    Raises
    ------
    FormulaError
        For effects of groups that are correlated, and what else bambi cannot say.
    """
    refuse_data_name(model, "bambi")
    refuse_joint_priors(model, "bambi")
    _refuse_correlated(model)
    refuse_other_coding(model.specification, model.variables, "bambi")
    orders = orders_of_levels(model)
    heads = ["import bambi as bmb"]
    sigma, formula = sigma_formula(model), _formula(model)
    heads += ["import numpy as np"] if "np." in f"{formula}{sigma}" else []
    heads += (
        ["import pandas as pd"]
        if orders or isinstance(model.family, Cumulative | Categorical)
        else []
    )
    used = contextual_in(model)
    extra = f",\n    extra_namespace={{{', '.join(f'"{n}": {n}' for n in used)}}}" if used else ""
    lines = ["\n".join(heads) + definitions(model), ""]
    lines += [complete_rows(model), *successes(model), *statements(model), *orders]
    lines += [
        *(
            f"# Not carried over, bambi has priors of its own there: {text}"
            for text in [*threshold_priors(model), *shared_priors(model), *_lost(model, sigma)]
        ),
        "model = bmb.Model(",
        f"    {formula_argument(formula, sigma)},",
        f"    {model.data},",
        "    priors={",
        *(f"        {quoted(name)}: {prior}," for name, prior in _priors(model)),
        "    },",
        "    center_predictors=False,",
        f"    noncentered=True{extra},",
        *family_arguments(model),
        ")",
        "results = model.fit()",
        "",
    ]
    return "\n".join(lines)


def _formula(model: ModelToWrite) -> str:
    spec = model.specification
    parts = []
    for term in spec.random:
        effect = "1" if term.effects == (INTERCEPT,) else f"0 + {_term(term.effects[0], model)}"
        parts.append(f"({effect}|{':'.join(map(column_name, term.columns))})")
    kept = spec.fixed
    if isinstance(model.family, Cumulative):  # thresholds stand for the intercept
        kept = tuple(term for term in spec.fixed if term != INTERCEPT) or (INTERCEPT,)
    fixed = compact(kept, lambda term: _term(term, model))
    offsets = [f"offset({_term(one, model)})" for one in spec.offsets]
    left = _term(spec.response, model)
    if spec.trials is not None:
        left = f"p({left}, {trials_column(model)})"
    return f"{left} ~ {' + '.join([fixed, *offsets, *parts])}"


def _term(term: str, model: ModelToWrite) -> str:
    return python_term(term, model, _FUNCTIONS, column_name, "bambi")


def _priors(model: ModelToWrite) -> list[tuple[str, str]]:
    """Name of each term in bambi, and the code of its prior."""
    priors = model.priors
    by_term: dict[str, list[Prior]] = {}
    shared, called = len(priors.gamma) > 1, {}
    for whole, prior, _ in coefficient_priors(model):
        name = of_any_category(whole, model)
        term = term_of_column(name, model.specification, model.variables)
        called[term] = _named(term, model)
        if shared and isinstance(prior, DesignNormal):
            continue  # said in a comment
        by_term.setdefault(term, []).append(prior)
    for term, families in by_term.items():
        refuse_unequal(term, families, model)
    lines = [
        (called[term], prior_call(families, "gamma", f"of '{term}'"))
        for term, families in by_term.items()
    ]
    for k, random in enumerate(model.specification.random):
        (written,) = random.effects
        effect = INTERCEPT if written == INTERCEPT else _named(written, model)
        of_effect = effects_of(k, model)
        refuse_unequal(f"sd of {effect}", of_effect, model)
        sd = prior_call(of_effect, "sd", f"of the sd of '{effect}'")
        lines.append((f"{effect}|{random.factor}", f'bmb.Prior("Normal", mu=0, sigma={sd})'))
    if sigma_formula(model):  # log sigma has coefficients of its own
        return lines
    if model.family is None:
        return [*lines, ("sigma", prior_call([priors.sigma[1]], "sigma", "of sigma"))]
    return [*lines, *dispersions(model)]


def _lost(model: ModelToWrite, sigma: str) -> list[str]:
    """Priors of σ and of the parameters of the errors, where log sigma has a formula."""
    if not sigma or model.specification.known_sd:
        return []
    entries = [model.priors.sigma, *model.priors.residual]
    return [f"{name} ~ {prior}" for name, prior, _ in entries]


def _named(term: str, model: ModelToWrite) -> str:
    """A term as bambi calls it: expressions without their parentheses."""
    if term == INTERCEPT:
        return "Intercept"
    spelled = [
        spelled_factor(factor, model.variables, _FUNCTIONS, column_name, "bambi")
        for factor in factors_of(term)
    ]
    return ":".join(_flat(parse_factor(factor)) for factor in spelled)


def _flat(tree: ast.AST) -> str:
    match tree:
        case ast.Name():
            return tree.id
        case ast.BinOp():
            return f"{_flat(tree.left)} {_mark(tree.op, tree)} {_flat(tree.right)}"
        case ast.Compare(ops=[op]):
            return f"{_flat(tree.left)} {_mark(op, tree)} {_flat(tree.comparators[0])}"
        case ast.UnaryOp(op=ast.USub()):
            return f"-{_flat(tree.operand)}"
        case ast.Call():
            return f"{called(tree)}({', '.join(map(_flat, tree.args))})"
    return ast.unparse(tree)


def _mark(op: ast.AST, tree: ast.AST) -> str:
    if type(op) not in _MARKS:
        raise FormulaError(
            f"bambi cannot say '{ast.unparse(tree)}': its formulas have no such operator; make a "
            "column of it"
        )
    return _MARKS[type(op)]


def _refuse_correlated(model: ModelToWrite) -> None:
    for term in model.specification.random:
        if not is_one_column(term.effects, model.variables):
            if len(term.effects) > 1:
                written = f"({term.formula} || {term.written_factor})"
                remedy = f"write {written} if independence is meant"
            else:
                remedy = "make columns of numbers of its levels"
            raise FormulaError(
                f"bambi's group effects are independent; this model has the correlated block "
                f"{term}; {remedy}"
            )


DIALECT = Dialect("bambi", "Python: bambi.Model", emit, read, FAMILIES, STRUCTURES)
