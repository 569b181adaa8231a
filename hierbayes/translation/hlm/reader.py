"""HLM: equations at two levels, read.

A coefficient without an equation of its own has one mean for all groups, as a
coefficient has in HLM until a variable or a random effect is added to its equation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hierbayes.design.between_equations import refuse_varying_between
from hierbayes.errors import FormulaError
from hierbayes.specification.equation_coding import refuse_uneven_equations
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT, factors_of, join_terms, product
from hierbayes.translation.columns import Columns
from hierbayes.translation.hlm.addends import addends, term_of, variables_behind
from hierbayes.translation.hlm.crossed_reader import read_crossed
from hierbayes.translation.hlm.independence import independent_blocks
from hierbayes.translation.hlm.names import HlmNames
from hierbayes.translation.hlm.nested_reader import read_nested
from hierbayes.translation.hlm.text import Equation, HlmText, Stretch, take_apart
from hierbayes.translation.programs.effect_terms import specify, varying_over
from hierbayes.translation.programs.stated_columns import StatedColumns, Variable

_BETA = re.compile(r"(?:β|[Bb]eta|[Bb])_?(\d+)_?j?")
_GAMMA = re.compile(r"(?:γ|[Gg]amma|[Gg])_?(\d+(?:[,_]\d+)?)(?!\w*\[)")
_RANDOM = re.compile(r"(?:u|U|υ)_?(\d+)_?j?")
_RESIDUAL = re.compile(r"(?:r|R|e|ε)_?(?:ij)?")


@dataclass(slots=True)
class _Within:
    """A coefficient of the within equation, and what its own equation says."""

    variables: tuple[Variable, ...]
    place: Stretch
    between: list[str] | None = None
    varies: bool = False

    @property
    def term(self) -> str:
        """The term of the within equation."""
        return term_of(self.variables)


@dataclass(slots=True)
class _Model:
    """The equations as far as they are read."""

    text: HlmText
    names: HlmNames
    response: str = ""
    coefficients: dict[int, _Within] = field(default_factory=dict)
    gammas: set[str] = field(default_factory=set)
    columns: StatedColumns = field(default_factory=StatedColumns)


def read_hlm(text: str, columns: Sequence[str]) -> Specification:
    """The model that equations state.

    Parameters
    ----------
    text : str
        A within equation, equations of its coefficients at each level, and the groups in
        headings; if the mixed model is there too, it must agree and gives the order of the terms.
    columns : sequence of str
        Names of the data's columns, found in any case.

    Raises
    ------
    FormulaError
        When the equations cannot be read or do not make a model; the message points at
        the place.

    Examples
    --------
    >>> print(read_hlm('''Level 1: Yij = B0j + B1j*(Xij) + rij
    ... Level 2 (g): B0j = G00 + u0j; B1j = G10 + G11*Wj + u1j''', ["y", "x", "w", "g"]))
    y ~ 1 + x + x:w + (1 + x | g)
    """
    parts = take_apart(text)
    if not parts.equations:
        raise FormulaError("cannot read the HLM equations: there is no equation in the text")
    if parts.sides:
        return read_crossed(parts, columns)
    if parts.levels > 2:
        return read_nested(parts, columns)
    model = _Model(parts, HlmNames(parts, columns))
    levels = [e for e in parts.equations if not _is_mixed(e)]
    for equation in levels:
        if not _BETA.fullmatch(equation.left.text):
            _read_within(equation, model)
    if not model.coefficients:
        raise FormulaError(
            "cannot read the HLM equations: there is no within equation, such as Yij = β0j + rij"
        )
    for equation in levels:
        if _BETA.fullmatch(equation.left.text):
            _read_between(equation, model)
    terms, order = _fixed_terms(model), list(model.coefficients)
    for equation in filter(_is_mixed, parts.equations):
        terms, order = _read_mixed(equation, model, terms)
    blocks = _blocks(model, order)
    _refuse_other_model(model, blocks, Columns(columns))
    return specify(model.response, terms, varying_over([model.names.group], blocks), "equations")


def _refuse_other_model(model: _Model, blocks: list[list[str]], columns: Columns) -> None:
    """Refuse equations that the terms of a formula would not give back."""
    equations = {
        one.term: join_terms(tuple(one.between or ())) for one in model.coefficients.values()
    }
    within = f"{model.response} ~ {join_terms(tuple(equations))}"
    stated = Multilevel(within, equations, model.names.group, blocks)
    if columns.data is not None:
        refuse_varying_between(stated, columns.data)
    model.columns.refuse_others(stated.specification().fixed, columns.levels)
    refuse_uneven_equations(stated, lambda factor: factor.strip("`") in columns.levels)


def _is_mixed(equation: Equation) -> bool:
    """Whether it stands under its heading, or has γ without a coefficient β on either side."""
    if _BETA.fullmatch(equation.left.text):
        return False
    parts = [part.text for part in addends(equation)]
    return equation.mixed or (any(map(_GAMMA.match, parts)) and not any(map(_BETA.match, parts)))


def _read_within(equation: Equation, model: _Model) -> None:
    text = model.text
    if model.coefficients:
        raise text.refuse("there are two within equations", equation.left)
    model.response = model.names.variable(equation.left).factor
    for part in addends(equation):
        if _RESIDUAL.fullmatch(part.text):
            continue
        found = _BETA.match(part.text)
        if not found:
            raise text.refuse(
                f"'{part.text}' has no coefficient; write β1j*({part.text}), or rij for the "
                "residual",
                part,
            )
        number = int(found[1])
        if number in model.coefficients:
            raise text.refuse(f"β{number} stands twice in the within equation", part)
        variables = variables_behind(part, found.end(), model.names)
        model.coefficients[number] = _Within(variables, part)


def _read_between(equation: Equation, model: _Model) -> None:
    text = model.text
    found = _BETA.fullmatch(equation.left.text)
    number = int(found[1]) if found else -1
    coefficient = model.coefficients.get(number)
    if coefficient is None:
        known = ", ".join(f"β{k}" for k in model.coefficients)
        raise text.refuse(
            f"there is an equation for β{number}, which the within equation does not have; it "
            f"has {known}",
            equation.left,
        )
    if coefficient.between is not None:
        raise text.refuse(f"there are two equations for β{number}", equation.left)
    coefficient.between = []
    for part in addends(equation):
        effect, gamma = _RANDOM.fullmatch(part.text), _GAMMA.match(part.text)
        if effect:
            _set_random(int(effect[1]), number, coefficient, part, text)
        elif gamma:
            _refuse_twice(gamma[1], part, model)
            variables = variables_behind(part, gamma.end(), model.names)
            model.columns.add((*coefficient.variables, *variables))
            if term_of(variables) not in coefficient.between:
                coefficient.between.append(term_of(variables))
        elif part.text != "0":
            raise text.refuse(
                f"'{part.text}' has no coefficient; write γ{number}1*({part.text}), or "
                f"u{number}j for the random effect",
                part,
            )


def _set_random(
    effect: int, number: int, coefficient: _Within, part: Stretch, text: HlmText
) -> None:
    if effect != number:
        raise text.refuse(
            f"the random effect u{effect} stands in the equation of β{number}; the one that "
            f"belongs there is u{number}",
            part,
        )
    if coefficient.varies:
        raise text.refuse(f"u{number} stands twice", part)
    coefficient.varies = True


def _refuse_twice(gamma: str, part: Stretch, model: _Model) -> None:
    if gamma in model.gammas:
        raise model.text.refuse(
            f"γ{gamma} stands twice; each term has a coefficient of its own", part
        )
    model.gammas.add(gamma)


def _fixed_terms(model: _Model) -> list[str]:
    """Terms of the combined form; the indicators of one factor have equations alike."""
    of_term: dict[str, tuple[int, _Within]] = {}
    for number, coefficient in model.coefficients.items():
        if coefficient.between is None:
            coefficient.between = [INTERCEPT]
            model.columns.add(coefficient.variables)
        first, other = of_term.setdefault(coefficient.term, (number, coefficient))
        if (other.between, other.varies) != (coefficient.between, coefficient.varies):
            raise model.text.refuse(
                f"β{first} and β{number} belong to the same term '{coefficient.term}', and their "
                "equations differ",
                coefficient.place,
            )
    return [
        product(coefficient.term, term)
        for coefficient in model.coefficients.values()
        for term in coefficient.between or ()
    ]


def _read_mixed(equation: Equation, model: _Model, terms: list[str]) -> tuple[list[str], list[int]]:
    """The terms of the mixed model in its order, and its random effects by number."""
    text = model.text
    found: dict[str, None] = {}
    order: list[int] = []
    for part in addends(equation):
        gamma, effect = _GAMMA.match(part.text), _RANDOM.match(part.text)
        if gamma:
            found[term_of(variables_behind(part, gamma.end(), model.names))] = None
        elif effect and int(effect[1]) in model.coefficients:
            order.append(int(effect[1]))
        elif not _RESIDUAL.fullmatch(part.text):
            raise text.refuse(f"'{part.text}' is no part of the mixed model", part)
    stated = {frozenset(factors_of(term)) for term in terms}
    mixed = {frozenset(factors_of(term)) for term in found}
    varying = {k for k, coefficient in model.coefficients.items() if coefficient.varies}
    if stated != mixed or set(order) != varying:
        raise text.refuse("the mixed model and the equations above it differ", equation.left)
    return list(found), order


def _blocks(model: _Model, order: list[int]) -> list[list[str]]:
    """Terms that vary, in blocks between which every covariance is 0."""
    varying = [k for k in order if model.coefficients[k].varies]
    if not varying:
        raise FormulaError(
            "cannot read the HLM equations: none has a random effect, such as u0j in "
            "β0j = γ00 + u0j"
        )

    def found(name: str) -> int | None:
        effect = _RANDOM.fullmatch(name)
        return int(effect[1]) if effect and int(effect[1]) in varying else None

    blocks = independent_blocks(varying, model.text.uncorrelated, found, lambda k: f"u{k}")
    terms = [[model.coefficients[k].term for k in block] for block in blocks]
    return [list(dict.fromkeys(block)) for block in terms]
