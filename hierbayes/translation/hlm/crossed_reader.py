"""HLM: the equations of two crossed grouping factors (HCM2), read.

A coefficient of the equation of a row has an equation of its own,

    π_0jk = θ_0 + b_00j + c_00k + γ_01 w_j + (β_01 + b_01j) z_k,

in which b varies over the first factor, called the row, and c over the second, the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from hierbayes.design.between_equations import refuse_varying_between
from hierbayes.errors import DataError, FormulaError
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification
from hierbayes.translation.columns import Columns
from hierbayes.translation.hlm.addends import addends, term_of, variables_behind
from hierbayes.translation.hlm.combined_form import ReadEffect, blocks_by_factor, combined_form
from hierbayes.translation.hlm.crossed_weights import EFFECT, WEIGHT, weighed
from hierbayes.translation.hlm.level_symbols import NUMBERS, digits, letter
from hierbayes.translation.hlm.names import HlmNames
from hierbayes.translation.hlm.text import Equation, HlmText, Stretch
from hierbayes.translation.programs.stated_columns import Variable

_PI = re.compile(rf"(?P<symbol>π|[Pp]i|P)(?!\w*\[){NUMBERS}")
_RESIDUAL = re.compile(r"(?:[eεE]|epsilon)_?[ijk]*")


@dataclass(slots=True)
class _Pi:
    """A coefficient of the equation of a row."""

    variables: tuple[Variable, ...]
    read: bool = False


@dataclass(slots=True)
class _Model:
    """The equations as far as they are read.

    Parameters
    ----------
    coefficients : dict
        By number those of the equation of a row.
    fixed : dict
        By name the columns of fixed coefficients.
    effects : dict
        By letter and numbers the random effects.
    """

    text: HlmText
    names: HlmNames
    data: pd.DataFrame | None
    response: str = ""
    coefficients: dict[int, _Pi] = field(default_factory=dict)
    fixed: dict[str, tuple[Variable, ...]] = field(default_factory=dict)
    effects: dict[tuple[str, tuple[int, ...]], ReadEffect] = field(default_factory=dict)

    def named(self, name: str) -> ReadEffect | None:
        """A random effect by the name it begins with."""
        found = EFFECT.match(name)
        return self.effects.get((found["symbol"], digits(found["index"]))) if found else None


def read_crossed(text: HlmText, columns: Sequence[str]) -> Specification:
    """The model that equations of two crossed factors state.

    Parameters
    ----------
    text : HlmText
    columns : sequence of str

    Raises
    ------
    FormulaError
        When the equations cannot be read or do not make a model.
    """
    known = Columns(columns)
    model = _Model(text, HlmNames(text, columns), known.data)
    own = [e for e in text.equations if _PI.fullmatch(e.left.text)]
    others = [e for e in text.equations if e not in own]
    within = [e for e in others if not _is_mixed(e)]
    if len(within) > 1:
        raise text.refuse("there are two within equations", within[1].left)
    if not within:
        raise FormulaError(
            "cannot read the HLM equations: there is no within equation, such as Yijk = π0jk + eijk"
        )
    _read_within(within[0], model)
    for equation in own:
        _read_own(equation, model)
    for k, one in model.coefficients.items():
        if not one.read:  # one mean for all
            model.fixed[f"θ{k}"] = one.variables
    terms = [term_of(variables) for variables in model.fixed.values()]
    effects = sorted(model.effects.values(), key=lambda one: model.names.factors.index(one.columns))
    for equation in others:
        if equation is not within[0]:
            terms, effects = _read_mixed(equation, model)
    blocks = blocks_by_factor(effects, text.uncorrelated, model.named)
    stated = list(model.fixed.values())
    return combined_form(model.response, terms, stated, effects, blocks, known.levels)


def _is_mixed(equation: Equation) -> bool:
    """Whether it stands under its heading, or has a weight and no coefficient π."""
    parts = [part.text for part in addends(equation)]
    return equation.mixed or (any(map(WEIGHT.match, parts)) and not any(map(_PI.match, parts)))


def _read_within(equation: Equation, model: _Model) -> None:
    model.response = model.names.variable(equation.left).factor
    for part in addends(equation):
        found = _PI.match(part.text)
        if found:
            number = int(found["index"]) if found["index"].isdigit() else -1
            if number in model.coefficients:
                raise model.text.refuse(f"π{number} stands twice in the within equation", part)
            model.coefficients[number] = _Pi(variables_behind(part, found.end(), model.names))
        elif not _RESIDUAL.fullmatch(part.text):
            raise model.text.refuse(
                f"'{part.text}' has no coefficient; write π1*({part.text}), or e for the residual",
                part,
            )


def _read_own(equation: Equation, model: _Model) -> None:
    """The equation of a coefficient."""
    text, found = model.text, _PI.fullmatch(equation.left.text)
    number = int(found["index"]) if found and found["index"].isdigit() else -1
    one = model.coefficients.get(number)
    if one is None:
        known = ", ".join(f"π{k}" for k in model.coefficients)
        raise text.refuse(
            f"there is an equation for {equation.left.text}, which the within equation does not "
            f"have; it has {known}",
            equation.left,
        )
    if one.read:
        raise text.refuse(f"there are two equations for π{number}", equation.left)
    one.read = True
    for part in addends(equation):
        weights, variables = weighed(part, model.names)
        _refuse_varying(part, variables, model)
        for weight in weights:
            _add(weight, number, (*one.variables, *variables), model)


def _refuse_varying(part: Stretch, variables: tuple[Variable, ...], model: _Model) -> None:
    """Refuse a variable that is constant neither within the rows nor within the columns."""
    if model.data is None:
        return
    for variable in variables:
        refusals = []
        for columns in model.names.factors:
            try:
                one = Multilevel("y ~ 1", {"1": variable.factor}, columns[-1])
                refuse_varying_between(one, model.data)
            except DataError as varies:
                refusals.append(varies)
        if len(refusals) == len(model.names.factors):
            row, column = (columns[-1] for columns in model.names.factors)
            raise model.text.refuse(
                f"'{variable.factor}' varies within '{row}' and within '{column}'; move it to the "
                "within equation",
                part,
            )


def _add(weight: Stretch, number: int, variables: tuple[Variable, ...], model: _Model) -> None:
    """One more fixed coefficient or random effect."""
    effect, fixed = EFFECT.fullmatch(weight.text), WEIGHT.fullmatch(weight.text)
    found = effect or fixed
    assert found is not None
    index = digits(found["index"])
    if index[0] != number and found["index"] != str(number):
        raise model.text.refuse(
            f"{weight.text} stands in the equation of π{number}; its first number is that of "
            "another",
            weight,
        )
    name = letter(found) if fixed else found["symbol"]
    name += ",".join(map(str, index)) if max(index) > 9 else found["index"]
    if name in model.fixed or model.named(weight.text):
        raise model.text.refuse(f"{name} stands twice", weight)
    if fixed:
        model.fixed[name] = variables
    else:
        columns = model.names.factors[found["symbol"] == "c"]
        read = ReadEffect(name, columns, variables, term_of(variables))
        model.effects[found["symbol"], index] = read


def _read_mixed(equation: Equation, model: _Model) -> tuple[list[str], list[ReadEffect]]:
    """The terms of the mixed model and its random effects, in its order."""
    fixed: dict[frozenset[Variable], str] = {}
    effects: list[ReadEffect] = []
    for weight, variables in _mixed_parts(equation, model):
        one = model.named(weight)
        if one and EFFECT.fullmatch(weight):
            effects.append(ReadEffect(one.name, one.columns, variables, term_of(variables)))
        else:
            fixed[frozenset(variables)] = term_of(variables)
    stated = {frozenset(variables) for variables in model.fixed.values()}
    varying = {(one.name, frozenset(one.variables)) for one in model.effects.values()}
    if stated != set(fixed) or varying != {(e.name, frozenset(e.variables)) for e in effects}:
        raise model.text.refuse("the mixed model and the equations above it differ", equation.left)
    model.effects = {key: next(e for e in effects if e.name == one.name)
                     for key, one in model.effects.items()}  # fmt: skip
    return list(fixed.values()), effects


def _mixed_parts(equation: Equation, model: _Model) -> Iterator[tuple[str, tuple[Variable, ...]]]:
    for part in addends(equation):
        if not _RESIDUAL.fullmatch(part.text):
            weights, variables = weighed(part, model.names)
            yield from ((weight.text, variables) for weight in weights)
