"""lme of R's nlme: the fixed and the random part apart.

References
----------
Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, sections 4.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.terms import INTERCEPT, column_name, read_terms
from hierbayes.translation.coding import is_one_column
from hierbayes.translation.dialect import Dialect, ModelToWrite, pointed
from hierbayes.translation.nested_levels import nested_levels
from hierbayes.translation.r.code import program, r_block, r_formula
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.reading import (
    factors_among,
    formula_text,
    group_text,
    refuse_split_factors,
)
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.words import r_name

_LME = Signature(
    "lme",
    ("fixed", "data", "random", "correlation", "weights", "subset", "method", "na.action",
     "control", "contrasts", "keep.data"),
    {
        "correlation": "residuals that are correlated within groups",
        "weights": "residual variances that differ between rows",
        "subset": "a choice of rows (choose them in the data)",
        "contrasts": "another coding of factors (order their levels in the data)",
    },
    {
        "lm": "lm has no random part; with random = ... it is lme that is meant",
        "gls": "gls has no random part; lme is read",
        "nlme": "nlme fits curves that are not linear in their parameters, which models here do "
        "not have; lme is read",
        "lmer": "this is a call of lme4's lmer; read it as 'lme4'",
    },
)  # fmt: skip
_GENERAL = ("pdSymm", "pdLogChol", "pdNatural")
_RESTRICTED = {
    "pdIdent": "effects with one common variance",
    "pdCompSymm": "effects with one common variance and one common covariance",
}


def emit(model: ModelToWrite) -> str:
    """The model as a call of lme; independent blocks as pdDiag or pdBlocked.

    Raises
    ------
    FormulaError
        For a column whose name R needs backticks for: lme loses them; and for grouping factors
        that cross.
    """
    for name in model.variables.needed:
        if r_name(name) != name:
            raise FormulaError(
                f"lme does not take a column called '{name}', not even in backticks; rename it "
                "(letters, digits, dots, underscores)"
            )
    call = (
        "fit <- lme(\n"
        f"  {r_formula(model)},\n"
        f"  random = {_random(model)},\n"
        f"  data = {model.data},\n"
        f"{_weights(model)}"
        f'  method = "{"ML" if model.ml else "REML"}",\n'
        "  na.action = na.omit\n"
        ")"
    )
    return program(model, "nlme", call, "lme")


def _weights(model: ModelToWrite) -> str:
    weights = model.specification.weights
    return f"  weights = varFixed(~ I(1/{weights})),\n" if weights else ""


def _random(model: ModelToWrite) -> str:
    """The random part; of several grouping factors a list, the outermost first."""
    levels = nested_levels(model, "lme")
    if len(levels) == 1 and len(levels[0].blocks) == 1:
        return f"{_structure(levels[0].blocks, model)} | {levels[0].columns[0]}"
    parts = [f"{level.columns[0]} = {_structure(level.blocks, model)}" for level in levels]
    return f"list({', '.join(parts)})"


def _structure(blocks: tuple[tuple[str, ...], ...], model: ModelToWrite) -> str:
    """What nlme calls a structure: the effects of one level, and which are independent."""
    if len(blocks) == 1:
        return f"~ {r_block(blocks[0], model)}"
    if all(is_one_column(block, model.variables) for block in blocks):
        effects = tuple(term for block in blocks for term in block)
        return f"pdDiag(~ {r_block(effects, model)})"
    parts = ", ".join(f"pdLogChol(~ {r_block(block, model)})" for block in blocks)
    return f"pdBlocked(list({parts}))"


def read(text: str, columns: Sequence[str]) -> Specification:
    """The model of a call of lme; of a formula alone where it holds the random part too."""
    call = find_model(text, columns, _LME)
    given, columns = call.arguments, call.columns
    if "control" in given:
        _refuse_held_sigma(given["control"], text)
    fixed = formula_text(given["fixed"], columns, text)
    if "random" not in given:
        return call.checked(read_combined(fixed))
    if any(node.text in ("|", "||") for node in given["fixed"].walk()):
        raise pointed(
            text,
            given["fixed"].place,
            "the random part is stated twice: in the formula, and in random = ...; keep one",
        )
    pieces = _pieces(given["random"], "", columns, text)
    groups = list(dict.fromkeys(group for group, _ in pieces))
    within = {
        group: ":".join(groups[: k + 1]) for k, group in enumerate(groups)
    }  # each in the last
    bars = [
        f"({block} | {within[group]})"
        for group, node in pieces
        for block in _blocks(node, columns, text)
    ]
    return call.checked(read_combined(" + ".join([fixed, *bars])))


def _refuse_held_sigma(control: Node, text: str) -> None:
    for name, value in control.arguments if control.kind == "call" else ():
        if name == "sigma" and value.text not in ("NULL", "0"):
            raise pointed(
                text, value.place, "sigma = ... holds σ fixed, which models here do not; leave it "
                "out to read the rest"
            )  # fmt: skip


def _pieces(node: Node, group: str, columns: Sequence[str], text: str) -> list[tuple[str, Node]]:
    """Group and structure of each piece of the random part; several groups are nested."""
    if node.function in ("list", "reStruct") and not group:
        return [
            piece
            for name, value in node.arguments
            for piece in _pieces(value, column_name(name) if name else "", columns, text)
        ]
    bar = node.parts[0] if node.kind == "prefix" and node.text == "~" else node
    if bar.kind == "infix" and bar.text == "|":
        effects = Node("prefix", "~", (bar.parts[0],), place=node.place)
        return [(group_text(bar.parts[1], columns, text), effects)]
    if not group:
        raise pointed(
            text,
            node.place,
            "the random part names no group; write random = ~ effects | group, or "
            "random = list(group = ...)",
        )
    return [(group, node)]


def _blocks(node: Node, columns: Sequence[str], text: str) -> list[str]:
    """Effects of each block of G that a structure of nlme has, as one-sided formulas."""
    if node.kind == "prefix" and node.text == "~":
        return [formula_text(node.parts[0], columns, text)]
    given = [value for _, value in node.arguments]
    if node.function == "pdBlocked" and given and given[0].function == "list":
        return [block for _, value in given[0].arguments for block in _blocks(value, columns, text)]
    forms = [value for value in given if value.kind == "prefix" and value.text == "~"]
    if not forms or node.function not in (*_GENERAL, *_RESTRICTED, "pdDiag"):
        raise pointed(
            text,
            node.place,
            "cannot read this structure of the random effects; those read are a formula, "
            f"pdDiag, pdBlocked, {', '.join(_GENERAL)}, each with its formula",
        )
    written = formula_text(forms[0].parts[0], columns, text)
    terms = read_terms(written, "random part")
    if node.function in _GENERAL:
        return [written]
    several = len(terms) > 1 or bool(factors_among(terms, columns))
    if node.function in _RESTRICTED and several:
        raise pointed(
            text,
            node.place,
            f"{node.function} asks for {_RESTRICTED[node.function]}, which models here do not have",
        )
    refuse_split_factors(terms, columns, f"{node.function}(~ {written})", "lme")
    return [term if term == INTERCEPT else f"0 + {term}" for term in terms]


DIALECT = Dialect("nlme", "R: nlme::lme", emit, read)
