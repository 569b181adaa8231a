"""Calls of mixedlm of statsmodels, and of its mixed GLM, read."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from hierbayes.errors import FormulaError
from hierbayes.families.binomial import Bernoulli
from hierbayes.families.family import ResponseFamily
from hierbayes.families.poisson import Poisson
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.terms import (
    INTERCEPT,
    factors_of,
    join_terms,
    read_terms,
)
from hierbayes.translation.columns import Columns, booleans_among, no_such_column
from hierbayes.translation.dialect import StatedModel, pointed
from hierbayes.translation.python.frames import frame_of, place_of
from hierbayes.translation.python.reading import PythonCall, find_call, plain_specification

BAYESIAN: Mapping[ResponseFamily, str] = {
    Bernoulli(): "BinomialBayesMixedGLM",
    Poisson(): "PoissonBayesMixedGLM",
}
FUNCTIONS = frozenset(("I", "C", "center", "cvar", "dvar"))
_ARGUMENTS = ("formula", "data", "re_formula", "vc_formula", "subset", "use_sparse", "missing")
_OF_DESIGN = ("groups", "eval_env", "drop_cols")
_QUOTED = re.compile(r"""Q\((['"])(.*?)\1\)""")


def read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of a call of mixedlm, or of the mixed GLM of binary responses or counts.

    Raises
    ------
    FormulaError
        When the code cannot be read, or asks for what models here do not have.
    """
    for family, name in BAYESIAN.items():
        if name in text:
            return StatedModel(_read_bayesian(text, columns), family)
    return StatedModel(_read_mixedlm(text, columns))


def _read_bayesian(text: str, columns: Sequence[str]) -> Specification:
    """The model of ``BinomialBayesMixedGLM.from_formula`` and the like; priors are not read."""
    names = ("formula", "vc_formulas", "data", "family", "vcp_p", "fe_p")
    call = find_call(text, "from_formula", names, columns)
    if call is None or not {"formula", "vc_formulas"} <= call.arguments.keys():
        raise FormulaError(
            "the mixed GLM of statsmodels is read from its call with formulas, as in "
            'BinomialBayesMixedGLM.from_formula("y ~ x", {"g": "0 + C(g)"}, data)'
        )
    components = [
        _component(one, "", columns, call, "vc_formulas")
        for one in _components(call, "vc_formulas")
    ]
    formula = _QUOTED.sub(r"`\2`", " + ".join([call.string("formula"), *components]))
    booleans = booleans_among(columns) - call.data.numbers
    plain = plain_specification(read_combined(formula), columns, FUNCTIONS, "statsmodels", booleans)
    return call.checked(plain, "statsmodels", of_all=True)


def _read_mixedlm(text: str, columns: Sequence[str]) -> Specification:
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
    for name in call.arguments.keys() - {*_ARGUMENTS, *_OF_DESIGN}:
        raise call.refuse(name, f"mixedlm of statsmodels has no argument '{name}'")
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
    plain = plain_specification(specification, columns, FUNCTIONS, "statsmodels", booleans)
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


def _components(call: PythonCall, name: str = "vc_formula") -> list[str]:
    """Formulas of the variance components."""
    given = call.arguments.get(name)
    if given is None or ast.unparse(given) == "None":
        return []
    try:
        found = ast.literal_eval(given)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise call.refuse(name, f"{name} must be a dictionary of texts to be read from code")
    return [text.strip().removeprefix("~") for text in found.values()]


def _component(
    text: str, outer: str, columns: Sequence[str], call: PythonCall, name: str = "vc_formula"
) -> str:
    """A random term: effects of one variance, those of the levels of a factor over its groups.

    ``0 + C(class)`` within schools is ``(1 | school:class)``; where all rows are one group it is
    ``(1 | class)``.
    """
    terms = read_terms(_QUOTED.sub(r"`\2`", text), "variance component")
    if len(terms) != 1:
        raise call.refuse(
            name,
            f"the component '{join_terms(terms)}' has one variance for several effects, which "
            "models here do not have",
        )
    levels = columns.levels if isinstance(columns, Columns) else {}
    factors = [] if terms == (INTERCEPT,) else factors_of(terms[0])
    coded = [f for f in factors if f.startswith("C(") or f.strip("`") in levels]
    groups = [factor.removeprefix("C(").removesuffix(")").strip("`") for factor in coded]
    for group in groups:
        if group not in columns:
            raise FormulaError(no_such_column(group, columns))
    over = ":".join(f"`{one}`" for one in dict.fromkeys(filter(None, (outer, *groups))))
    if not over:
        raise call.refuse(name, f"the component '{join_terms(terms)}' is of one group, all rows")
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
