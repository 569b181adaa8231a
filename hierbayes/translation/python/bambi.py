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
from hierbayes.priors.families import DesignNormal, Prior
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.terms import INTERCEPT, column_name, factors_of
from hierbayes.translation.coding import (
    compact,
    is_one_column,
    refuse_other_coding,
    term_of_column,
)
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.expression import (
    called,
    parse_factor,
    spelled_factor,
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
from hierbayes.translation.python.priors import distribution_of, parameters_of
from hierbayes.translation.python.reading import find_call, plain_specification
from hierbayes.translation.r.reading import refuse_split_factors
from hierbayes.translation.r.stan_priors import refuse_joint_priors, shared_priors
from hierbayes.translation.responses import linked, trials_of

_FUNCTIONS = frozenset(("I", "C", "center", "cvar", "dvar"))
_ARGUMENTS = (
    "formula", "data", "family", "priors", "link", "categorical", "potentials", "dropna",
    "auto_scale", "noncentered", "center_predictors", "extra_namespace",
)  # fmt: skip
_COUNTED = "trials_"  # the column of trials that the code makes
# What bambi calls a family, and its dispersion.
_FAMILIES = {
    "Bernoulli": ("bernoulli", ""), "Binomial": ("binomial", ""), "Poisson": ("poisson", ""),
    "NegativeBinomial": ("negativebinomial", "alpha"),
}  # fmt: skip
_MARKS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.Eq: "==",
    ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip  # the operators that formulae knows
_REFUSED = {
    "family": "responses that are not normal",
    "link": "another link than the identity",
    "potentials": "further terms in the density",
    "categorical": "numbers taken as factors (make texts of that column)",
}


def read(text: str, columns: Sequence[str]) -> Specification:
    """The model of bambi code, or of a formula: each effect of a group is a block of its own.

    Raises
    ------
    FormulaError
        When the code cannot be read, or asks for what models here do not have.
    """
    call = find_call(text, "Model", _ARGUMENTS, columns)
    formula = text
    if call is not None:
        if "formula" not in call.arguments:
            raise FormulaError("Model is called without a formula")
        for name in [name for name in _REFUSED if name in call.arguments]:
            value = call.arguments[name]
            if ast.unparse(value) not in ("None", "'gaussian'", "'identity'"):
                raise call.refuse(
                    name,
                    f"the argument '{name}' of bambi's Model asks for {_REFUSED[name]}, which "
                    "models here do not have",
                )
        formula = call.string("formula")
    specification = read_combined(formula)
    specification = plain_specification(specification, columns, _FUNCTIONS, "bambi")
    for term in specification.random:
        written = f"({term.formula} | {term.factor})"
        refuse_split_factors(term.effects, columns, written, "bambi")
    if call is not None:  # bambi leaves out rows before it computes anything
        call.checked(specification, "bambi", of_all=False)
    alone = (replace(term, effects=(effect,)) for term in specification.random
             for effect in term.effects)  # fmt: skip
    return replace(specification, random=tuple(alone))


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
    heads += ["import numpy as np"] if "np." in str(model.specification) else []
    heads += ["import pandas as pd"] if orders else []
    used = contextual_in(model)
    extra = f",\n    extra_namespace={{{', '.join(f'"{n}": {n}' for n in used)}}}" if used else ""
    lines = ["\n".join(heads) + definitions(model), ""]
    lines += [f"{complete_rows(model)}", *successes(model), *_trials(model), *orders]
    lines += [
        *(
            f"# Not carried over, bambi has priors of its own there: {text}"
            for text in shared_priors(model)
        ),
        "model = bmb.Model(",
        f"    {quoted(_formula(model))},",
        f"    {model.data},",
        "    priors={",
        *(f"        {quoted(name)}: {prior}," for name, prior in _priors(model)),
        "    },",
        "    center_predictors=False,",
        f"    noncentered=True{extra},",
        *_family(model),
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
    fixed = compact(spec.fixed, lambda term: _term(term, model))
    offsets = [f"offset({_term(one, model)})" for one in spec.offsets]
    left = _term(spec.response, model)
    if spec.trials is not None:
        left = f"p({left}, {_COUNTED})"
    return f"{left} ~ {' + '.join([fixed, *offsets, *parts])}"


def _trials(model: ModelToWrite) -> list[str]:
    """The statement that makes a column of trials, which bambi takes no expression for."""
    other, failures = trials_of(model)
    if not other:
        return []
    data, counted = model.data, model.specification.response
    whole = f"{counted} + ({other})" if failures else other
    return [f"{data} = {data}.assign({_COUNTED}={data}.eval({quoted(whole)}))"]


def _family(model: ModelToWrite) -> list[str]:
    if model.family is None:
        return []
    return [
        f"    family={quoted(_FAMILIES[model.family.name][0])},",
        f"    link={quoted(model.family.link)},",
    ]


def _term(term: str, model: ModelToWrite) -> str:
    return python_term(term, model, _FUNCTIONS, column_name, "bambi")


def _priors(model: ModelToWrite) -> list[tuple[str, str]]:
    """Name of each term in bambi, and the code of its prior."""
    priors = model.priors
    by_term: dict[str, list[Prior]] = {}
    shared, called = len(priors.gamma) > 1, {}
    for name, prior, _ in priors.gamma:
        term = term_of_column(name, model.specification, model.variables)
        called[term] = _named(term, model)
        if shared and isinstance(prior, DesignNormal):
            continue  # said in a comment
        by_term.setdefault(term, []).append(prior)
    lines = [
        (called[term], _call(families, "gamma", f"of '{term}'"))
        for term, families in by_term.items()
    ]
    for random, (_, prior, _) in zip(model.specification.random, priors.sd, strict=True):
        (written,) = random.effects
        effect = INTERCEPT if written == INTERCEPT else _named(written, model)
        sd = _call([prior], "sd", f"of the sd of '{effect}'")
        lines.append((f"{effect}|{random.factor}", f'bmb.Prior("Normal", mu=0, sigma={sd})'))
    name = "sigma" if model.family is None else _FAMILIES[model.family.name][1]
    own = [(name, _call([priors.sigma[1]], "sigma", f"of {name}"))] if name else []
    return [*lines, *own]


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


def _call(families: Sequence[Prior], block: str, place: str) -> str:
    names = {distribution_of(prior, block, "bambi") for prior in families}
    if len(names) > 1:
        raise FormulaError(
            f"bambi has one family of priors for a term, and those {place} are of several: "
            f"{', '.join(map(str, families))}"
        )
    parts = [f'"{names.pop()}"']
    parts += [f"{name}={value}" for name, value in parameters_of(families).items()]
    return f"bmb.Prior({', '.join(parts)})"


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


DIALECT = Dialect("bambi", "Python: bambi.Model", emit, read, linked(_FAMILIES))
