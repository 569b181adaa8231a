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
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import (
    INTERCEPT,
    column_name,
    factors_of,
    join_terms,
    read_terms,
)
from hierbayes.translation.coding import compact, is_one_column, refuse_other_coding
from hierbayes.translation.columns import Columns, booleans_among, no_such_column
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

_FUNCTIONS = frozenset(("I", "C", "center", "cvar", "dvar"))
_ARGUMENTS = ("formula", "data", "re_formula", "vc_formula", "subset", "use_sparse", "missing")
_QUOTED = re.compile(r"""Q\((['"])(.*?)\1\)""")


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
    spec, data = model.specification, model.data
    orders = orders_of_levels(model)
    random = _random(model)
    needs_numpy = "np." in str(spec) or any("np." in line for line in random)
    heads = ["import numpy as np"] if needs_numpy else []
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
        *random,
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
    outer = _group(call)
    components = [_component(text, outer, columns, call) for text in _components(call)]
    if "re_formula" in call.arguments:
        effects = call.string("re_formula").strip().removeprefix("~").strip()
    else:
        effects = "" if components else INTERCEPT  # variance components come without it
    blocks = [] if effects in ("", "0") else [f"({effects} | `{outer}`)"]
    if blocks and not outer:
        raise call.refuse("groups", "one group of all rows has effects that cannot be estimated")
    formula = _QUOTED.sub(r"`\2`", " + ".join([call.string("formula"), *blocks, *components]))
    specification = read_combined(formula)
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


def _component(text: str, outer: str, columns: Sequence[str], call: PythonCall) -> str:
    """A random term: effects of one variance, those of the levels of a factor over its groups.

    ``0 + C(class)`` within schools is ``(1 | school:class)``; where all rows are one group it is
    ``(1 | class)``.
    """
    terms = read_terms(_QUOTED.sub(r"`\2`", text), "variance component")
    if len(terms) != 1:
        raise call.refuse(
            "vc_formula",
            f"the component '{join_terms(terms)}' has one variance for several effects, which "
            "models here do not have",
        )
    levels = columns.levels if isinstance(columns, Columns) else {}
    factors = [] if terms == (INTERCEPT,) else factors_of(terms[0])
    coded = [f for f in factors if f.startswith("C(") or f.strip("`") in levels]
    groups = [factor.removeprefix("C(").removesuffix(")").strip("`") for factor in coded]
    for name in groups:
        if name not in columns:
            raise FormulaError(no_such_column(name, columns))
    over = ":".join(f"`{name}`" for name in dict.fromkeys(filter(None, (outer, *groups))))
    if not over:
        raise call.refuse(
            "vc_formula", f"the component '{join_terms(terms)}' is of one group, all rows"
        )
    effect = ":".join(factor for factor in factors if factor not in coded)
    return f"({f'0 + {effect}' if effect else INTERCEPT} | {over})"


def _group(call: PythonCall) -> str:
    """The column of the groups: its name, ``data["name"]`` or ``data.name``.

    Empty where all rows are one group, as crossed factors are written.
    """
    match call.arguments["groups"]:
        case ast.Constant(value=str(name)):
            return "" if _is_made_constant(name, call) else name
        case ast.Call(func=ast.Attribute(attr="ones" | "zeros")):
            return ""
        case (
            ast.Subscript(value=owner, slice=ast.Constant(value=str(name)))
            | ast.Attribute(value=owner, attr=name)
        ):
            frame = frame_of(owner, call.program.frames, call.program.columns)
            if (frame.trouble, frame.dropped) != ("", call.data.dropped):
                raise call.refuse("groups", "the groups are of other rows than the data")
            return "" if _is_made_constant(name, call) else name
    raise call.refuse("groups", "groups must be a column, as in groups=data['school']")


def _is_made_constant(name: str, call: PythonCall) -> bool:
    """Whether a column that the data do not have is given one value by the program."""
    made = [node for node in ast.walk(ast.parse(call.text)) if isinstance(node, ast.Assign)]
    for statement in made if name not in call.program.columns else ():
        match statement.targets:
            case [ast.Subscript(slice=ast.Constant(value=str(column)))] if column == name:
                return isinstance(statement.value, ast.Constant)
    return False


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


DIALECT = Dialect(
    "statsmodels",
    "Python: statsmodels mixedlm",
    emit,
    read,
    instead="its BinomialBayesMixedGLM and PoissonBayesMixedGLM are variational approximations "
    "under priors of their own",
)
