"""HLM: equations at three and more levels, read.

A coefficient without an equation of its own has one mean for all groups.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.translation.columns import Columns
from hierbayes.translation.hlm.addends import addends, term_of, variables_behind
from hierbayes.translation.hlm.column_names import numbered
from hierbayes.translation.hlm.combined_form import ReadEffect
from hierbayes.translation.hlm.level_symbols import (
    COEFFICIENT,
    EFFECT,
    RESIDUAL,
    SYMBOLS,
    digits,
    has_index,
    letter,
)
from hierbayes.translation.hlm.names import HlmNames
from hierbayes.translation.hlm.nested_model import NestedModel, ReadCoefficient
from hierbayes.translation.hlm.text import Equation, HlmText, Stretch
from hierbayes.translation.programs.stated_columns import Variable


def read_nested(text: HlmText, columns: Sequence[str]) -> Specification:
    """The model that equations of nested groups state.

    Parameters
    ----------
    text : HlmText
    columns : sequence of str
        Where the data are known too, groups of a column that lie in one group of the level above
        are those of that column; else they are the combinations with those above.

    Raises
    ------
    FormulaError
        When the equations cannot be read or do not make a model.
    """
    known = Columns(columns)
    model = NestedModel(text, HlmNames(text, columns))
    model.names.factors = _nested_columns(model.names.factors, known.data)
    single = [e for e in text.equations if not _is_mixed(e, text.levels)]
    within = [e for e in single if not COEFFICIENT.fullmatch(e.left.text)]
    if len(within) != 1:
        raise _no_within(within, text)
    model.response = model.names.variable(within[0].left).factor
    model.levels.append([model.root])
    _read_equation(within[0], model.root, model)
    waiting = [e for e in single if e is not within[0]]
    for _ in range(1, text.levels):
        waiting = _read_level(waiting, model)
    if waiting:
        left = waiting[0].left
        raise text.refuse(f"there is an equation for {left.text}, which no other has", left)
    terms = [end.term for end in model.root.ends()]
    effects = [model.effect_of(one, one.variables) for one in model.varying]
    for equation in text.equations:
        if equation not in single:
            terms, effects = _read_mixed(equation, model)
    return model.specification(terms, effects, known)


def _no_within(within: Sequence[Equation], text: HlmText) -> FormulaError:
    if within:
        return text.refuse("there are two within equations", within[1].left)
    return FormulaError(
        "cannot read the HLM equations: there is no within equation, such as Yijk = π0jk + eijk"
    )


def _nested_columns(
    named: tuple[tuple[str, ...], ...], data: pd.DataFrame | None
) -> tuple[tuple[str, ...], ...]:
    """The columns that make the groups of each level, the lowest first."""
    above: tuple[str, ...] = ()
    found = []
    for columns in reversed(named):
        both = [*above, *columns]
        lie_within = data is not None and (
            len(data[both].drop_duplicates()) == len(data[[*columns]].drop_duplicates())
        )
        above = columns if len(columns) > 1 or lie_within else (*above, *columns)
        found.append(above)
    return tuple(reversed(found))


def _is_mixed(equation: Equation, levels: int) -> bool:
    """Whether it stands under its heading, or goes from a column to coefficients of the top."""
    if COEFFICIENT.fullmatch(equation.left.text):
        return False
    found = [m for part in addends(equation) if (m := COEFFICIENT.match(part.text))]
    return equation.mixed or any(len(digits(m["index"])) >= levels for m in found)


def _read_level(waiting: list[Equation], model: NestedModel) -> list[Equation]:
    """Read the equations of the coefficients that the last ones led to; gives the others back."""
    level = [one for parent in model.levels[-1] for one in parent.below or ()]
    model.levels.append(level)
    others = []
    for equation in waiting:
        found = COEFFICIENT.fullmatch(equation.left.text)
        for one in level:
            if found and one.symbol == letter(found) and has_index(one.index, found):
                _read_equation(equation, one, model)
                break
        else:
            others.append(equation)
    return others


def _read_equation(equation: Equation, one: ReadCoefficient, model: NestedModel) -> None:
    """What the equation of a coefficient, or of a row, adds up."""
    text, names, depth = model.text, model.names, len(one.index)
    if one.below is not None:
        raise text.refuse(f"there are two equations for {one.called}", equation.left)
    names.means_over = max(depth - 1, 0)
    names.centred_over = depth if depth + 1 < text.levels else None
    one.below = []
    for part in addends(equation):
        effect, found = EFFECT.fullmatch(part.text), COEFFICIENT.match(part.text)
        if depth == 0 and RESIDUAL.fullmatch(part.text):
            continue
        if effect and depth:
            _set_effect(effect, one, part, text)
        elif found:
            _add_coefficient(found, one, part, model)
        elif part.text != "0":
            raise text.refuse(_without_coefficient(part.text, depth, text.levels), part)


def _without_coefficient(name: str, depth: int, levels: int) -> str:
    coefficients, effects, residual = SYMBOLS[levels - 1]
    numbers = "0" * depth + "1"
    other = (
        f"{effects[depth - 1]}{'0' * depth} for the random effect"
        if depth
        else (f"{residual} for the residual")
    )
    return f"'{name}' has no coefficient; write {coefficients[depth]}{numbers}*({name}), or {other}"


def _set_effect(effect: re.Match[str], one: ReadCoefficient, part: Stretch, text: HlmText) -> None:
    if not has_index(one.index, effect):
        right = numbered(letter(effect), one.index)
        raise text.refuse(
            f"the random effect {part.text} stands in the equation of {one.called}; the one that "
            f"belongs there is {right}",
            part,
        )
    if one.effect:
        raise text.refuse(f"{part.text} stands twice", part)
    one.effect = letter(effect)


def _add_coefficient(
    found: re.Match[str], one: ReadCoefficient, part: Stretch, model: NestedModel
) -> None:
    depth = len(one.index) + 1
    index = (
        (int(found["index"]),)
        if depth == 1 and found["index"].isdigit()
        else (digits(found["index"]))
    )
    if len(index) != depth or index[:-1] != one.index:
        where = f"the equation of {one.called}" if one.index else "the equation of a row"
        right = numbered(letter(found), (*one.index, index[-1]))
        raise model.text.refuse(
            f"{found[0]} stands in {where}, whose coefficients are such as {right}", part
        )
    new = ReadCoefficient(
        letter(found), index, (*one.path, variables_behind(part, found.end(), model.names))
    )
    standing = one.below or []
    if any(other.index == index for other in standing):
        raise model.text.refuse(f"{new.called} stands twice", part)
    one.below = [*standing, new]


def _read_mixed(equation: Equation, model: NestedModel) -> tuple[list[str], list[ReadEffect]]:
    """The terms of the mixed model and its random effects, in its order."""
    fixed: dict[frozenset[Variable], str] = {}
    effects: list[ReadEffect] = []
    varying = []
    for part in addends(equation):
        coefficient, effect = COEFFICIENT.match(part.text), EFFECT.match(part.text)
        one = model.named(part.text)
        if coefficient:
            variables = variables_behind(part, coefficient.end(), model.names)
            fixed[frozenset(variables)] = term_of(variables)
        elif effect and one:
            variables = variables_behind(part, effect.end(), model.names)
            effects.append(model.effect_of(one, variables))
            varying.append((one, frozenset(variables)))
        elif not RESIDUAL.fullmatch(part.text):
            raise model.text.refuse(f"'{part.text}' is no part of the mixed model", part)
    stated = {frozenset(end.variables) for end in model.root.ends()}
    vary = {(one, frozenset(one.variables)) for one in model.varying}
    if stated != set(fixed) or vary != set(varying):
        raise model.text.refuse("the mixed model and the equations above it differ", equation.left)
    return list(fixed.values()), effects
