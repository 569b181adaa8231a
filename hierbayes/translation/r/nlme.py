"""lme of R's nlme: the fixed and the random part apart; gls where there is no random part.

References
----------
Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, sections 4.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hierbayes.errors import FormulaError
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.terms import INTERCEPT, column_name, read_terms
from hierbayes.translation.coding import is_one_column
from hierbayes.translation.dialect import Dialect, ModelToWrite, pointed
from hierbayes.translation.nested_levels import Level, nested_levels
from hierbayes.translation.r.arguments import CHOICES
from hierbayes.translation.r.code import program, r_block, r_formula
from hierbayes.translation.r.model_call import ModelCall, Signature, find_model
from hierbayes.translation.r.nlme_errors import STRUCTURES, arguments_of_errors
from hierbayes.translation.r.nlme_errors_reader import read_errors
from hierbayes.translation.r.nlme_rows import held_sigma, take_rows
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
        **CHOICES,
    },
    {
        "lm": "lm has no random part; with random = ... it is lme that is meant",
        "nlme": "nlme fits curves that are not linear in their parameters, which models here do "
        "not have; lme is read",
        "lmer": "this is a call of lme4's lmer; read it as 'lme4'",
    },
)  # fmt: skip
_GLS = Signature(
    "gls",
    ("model", "data", "correlation", "weights", "subset", "method", "na.action", "control",
     "verbose"),
    CHOICES,
    {},
)  # fmt: skip
_GENERAL = ("pdSymm", "pdLogChol", "pdNatural")
_RESTRICTED = {
    "pdIdent": "effects with one common variance",
    "pdCompSymm": "effects with one common variance and one common covariance",
}


def emit(model: ModelToWrite) -> str:
    """The model as a call of lme, or of gls; independent blocks as pdDiag or pdBlocked.

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
    levels = nested_levels(model, "lme") if model.specification.random else ()
    function = "lme" if levels else "gls"
    arguments = [
        r_formula(model),
        *([f"random = {_random(levels, model)}"] if levels else []),
        *arguments_of_errors(model, levels),
        f"data = {model.data}",
        f'method = "{"ML" if model.ml else "REML"}"',
        "na.action = na.omit",
        *held_sigma(model, function),
    ]
    call = f"fit <- {function}(\n  " + ",\n  ".join(arguments) + "\n)"
    return program(model, "nlme", call, function)


def _random(levels: tuple[Level, ...], model: ModelToWrite) -> str:
    """The random part; of several grouping factors a list, the outermost first."""
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
    call = find_model(text, columns, _LME, _GLS)
    given, weights, known = take_rows(call.arguments, text)
    found = _read(replace(call, arguments=given))
    return replace(found, weights=weights, known_sd=known)


def _read(call: ModelCall) -> Specification:
    """The model without weights of rows."""
    given, columns, text = call.arguments, call.columns, call.text
    if call.system == "gls":
        return _read_gls(call)
    fixed = formula_text(given["fixed"], columns, text)
    if "random" not in given:
        found = read_combined(fixed)
        return call.checked(replace(found, residual=_innermost_errors(found, call)))
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
    found = read_combined(" + ".join([fixed, *bars]))
    errors = read_errors(given, tuple(groups), columns, text)
    return call.checked(replace(found, residual=errors))


def _innermost_errors(found: Specification, call: ModelCall) -> ResidualStructure | None:
    """The residual structure beside random terms that stand in the formula, of one factor."""
    groups = found.factors[:1] if len(found.factors) == 1 else ()
    return read_errors(call.arguments, groups, call.columns, call.text)


def _read_gls(call: ModelCall) -> Specification:
    """The model of a call of gls."""
    given, text = call.arguments, call.text
    for node in given["model"].walk():
        if node.text in ("|", "||"):
            raise pointed(text, node.place, "gls has no random part; it is lme that is meant")
    errors = read_errors(given, (), call.columns, text)
    fixed = formula_text(given["model"], call.columns, text)
    return call.checked(read_combined(fixed, residual=errors, may_be_fixed=True))


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


DIALECT = Dialect("nlme", "R: nlme::lme", emit, read, structures=STRUCTURES, without_random=True)
