"""mixedlm of statsmodels: a formula, the groups, and a formula of their effects.

References
----------
https://www.statsmodels.org/stable/mixed_linear.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.terms import INTERCEPT, column_name, factors_of, join_terms
from hierbayes.translation.coding import compact, is_one_column, refuse_other_coding
from hierbayes.translation.columns import booleans_among
from hierbayes.translation.dialect import Dialect, ModelToWrite, pointed
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
)
from hierbayes.translation.python.frames import frame_of, place_of
from hierbayes.translation.python.reading import PythonCall, find_call, plain_specification
from hierbayes.translation.r.reading import refuse_split_factors

_FUNCTIONS = frozenset(("I", "C", "center", "cvar", "dvar"))
_ARGUMENTS = ("formula", "data", "re_formula", "vc_formula", "subset", "use_sparse", "missing")
_QUOTED = re.compile(r"""Q\((['"])(.*?)\1\)""")


def emit(model: ModelToWrite) -> str:
    """The model as a call of mixedlm.

    A first block of effects is ``re_formula``; further ones, each one column, are variance
    components.

    Raises
    ------
    FormulaError
        For a second block of correlated effects, and functions that are not known there.
    """
    refuse_data_name(model, "statsmodels")
    refuse_other_coding(model.specification, model.variables, "statsmodels")
    spec, data = model.specification, model.data
    orders = orders_of_levels(model)
    heads = ["import numpy as np"] if "np." in str(spec) else []
    heads += ["import pandas as pd"] if orders else []
    heads += ["import statsmodels.formula.api as smf"]
    fixed = compact(spec.fixed, lambda term: _term(term, model))
    formula = f"{_term(spec.response, model)} ~ {fixed}"
    lines = ["\n".join(heads) + definitions(model), ""]
    lines += [complete_rows(model), *numbers_of_truths(model), *orders]
    lines += [
        "fit = smf.mixedlm(",
        f"    {quoted(formula)},",
        f"    {data},",
        f"    groups={data}[{quoted(spec.group)}],",
        *_random(model),
        f").fit(reml={not model.ml}, method={_methods(model)})",
        "",
    ]
    return "\n".join(lines)


def read(text: str, columns: Sequence[str]) -> Specification:
    """The model of a call of mixedlm.

    Raises
    ------
    FormulaError
        When the code cannot be read, or asks for what models here do not have.
    """
    call = find_call(text, "mixedlm", _ARGUMENTS, columns)
    if call is None or "formula" not in call.arguments or "groups" not in call.arguments:
        raise FormulaError(
            "a formula of statsmodels names no groups; give the call, as in "
            'smf.mixedlm("y ~ x", data, groups="g", re_formula="~ x")'
        )
    if "subset" in call.arguments:
        raise call.refuse("subset", "the argument 'subset' chooses rows; choose them in the data")
    _refuse_other_fit(call)
    components = _components(call)
    if "re_formula" in call.arguments:
        blocks = [call.string("re_formula").strip().removeprefix("~")]
    else:
        blocks = [] if components else [INTERCEPT]  # variance components come without it
    bars = [f"({block} | `{_group(call)}`)" for block in (*blocks, *components)]
    formula = _QUOTED.sub(r"`\2`", " + ".join([call.string("formula"), *bars]))
    specification = read_combined(formula)
    for block in specification.random_effects[len(blocks) :]:
        refuse_split_factors(block, columns, join_terms(block), "statsmodels")
        if len(block) > 1:
            raise call.refuse(
                "vc_formula",
                f"the component '{join_terms(block)}' has one variance for several effects, which "
                "models here do not have",
            )
    booleans = booleans_among(columns) - call.data.numbers
    plain = plain_specification(specification, columns, _FUNCTIONS, "statsmodels", booleans)
    return call.checked(plain, "statsmodels", of_all=True)


def _refuse_other_fit(call: PythonCall) -> None:
    """Refuse parameters that are penalised or held."""
    for made in call.after:
        method = made.func.attr if isinstance(made.func, ast.Attribute) else ""
        held = [k.arg for k in made.keywords if k.arg in ("free", "fe_pen", "cov_pen")]
        if method == "fit_regularized" or held:
            what = f".fit({held[0]}=...)" if held else ".fit_regularized(...)"
            raise pointed(
                call.text,
                place_of(made),
                f"{what} penalises parameters or holds some fixed, which models here do not",
            )


def _components(call: PythonCall) -> list[str]:
    """Formulas of the variance components."""
    given = call.arguments.get("vc_formula")
    if given is None or ast.unparse(given) == "None":
        return []
    try:
        found = ast.literal_eval(given)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise call.refuse(
            "vc_formula", "vc_formula must be a dictionary of texts to be read from code"
        )
    return [text.strip().removeprefix("~") for text in found.values()]


def _group(call: PythonCall) -> str:
    """The column of the groups: its name, ``data["name"]`` or ``data.name``."""
    match call.arguments["groups"]:
        case ast.Constant(value=str(name)):
            return name
        case (
            ast.Subscript(value=owner, slice=ast.Constant(value=str(name)))
            | ast.Attribute(value=owner, attr=name)
        ):
            frame = frame_of(owner, call.program.frames, call.program.columns)
            if (frame.trouble, frame.dropped) != ("", call.data.dropped):
                raise call.refuse("groups", "the groups are of other rows than the data")
            return name
    raise call.refuse("groups", "groups must be a column, as in groups=data['school']")


def _random(model: ModelToWrite) -> list[str]:
    """The arguments that state the random part."""
    blocks = list(model.specification.random_effects)
    wide = [block for block in blocks if not is_one_column(block, model.variables)]
    if len(wide) > 1:
        raise FormulaError(
            "statsmodels has one block of correlated effects, and this model has "
            f"{len(wide)}: {', '.join(map(join_terms, wide))}"
        )
    first = wide[0] if wide else (INTERCEPT,) if (INTERCEPT,) in blocks else blocks[0]
    blocks.remove(first)
    lines = [f"    re_formula={quoted(_block(first, model))},"]
    if blocks:
        lines.append("    vc_formula={")
        lines += [f"        {quoted(_label(b))}: {quoted(_block(b, model))}," for b in blocks]
        lines.append("    },")
    return lines


def _methods(model: ModelToWrite) -> str:
    """Optimisers, the one that gets there first: its others stop short or at a singular G."""
    alone = len(model.specification.random_effects) == 1 and is_one_column(
        model.specification.random_effects[0], model.variables
    )
    return '["powell", "lbfgs"]' if alone else '["lbfgs", "powell"]'


def _label(block: tuple[str, ...]) -> str:
    return "Intercept" if block == (INTERCEPT,) else block[0]


def _block(block: tuple[str, ...], model: ModelToWrite) -> str:
    terms = [_term(term, model) for term in block]
    return " + ".join(terms if INTERCEPT in block else ["0", *terms])


def _term(term: str, model: ModelToWrite) -> str:
    """A term; truth values of an expression as numbers, of which patsy would make labels."""
    numbers = (_number(factor, model) for factor in factors_of(term))
    return python_term(":".join(numbers) or INTERCEPT, model, _FUNCTIONS, _column, "statsmodels")


def _number(factor: str, model: ModelToWrite) -> str:
    tree = parse_factor(factor)
    if not (isinstance(tree, ast.Call) and is_truth(tree, model.variables.booleans)):
        return factor
    inner = tree.args[0] if called(tree) == "I" else tree
    return f"I(1.0 * ({tree_text(inner)}))"


def _column(name: str) -> str:
    """A name as patsy reads it, which statsmodels uses by default."""
    return name if column_name(name) == name else f"Q({name!r})"


DIALECT = Dialect("statsmodels", "Python: statsmodels mixedlm", emit, read)
