"""What HLM equations add up: coefficients and random effects with what they multiply."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.hlm.names import HlmNames
from hierbayes.translation.hlm.text import Equation, Stretch
from hierbayes.translation.programs.stated_columns import Variable


def addends(equation: Equation) -> list[Stretch]:
    """What is added up on the right side."""
    return [part.stripped() for part in equation.right.split("+")]


def variables_behind(part: Stretch, end: int, names: HlmNames) -> tuple[Variable, ...]:
    """The variables of the product that a coefficient multiplies; none of a constant."""
    rest = Stretch(part.text[end:], part.start + end).stripped()
    if rest.text.startswith("*"):
        rest = Stretch(rest.text[1:], rest.start + 1).stripped()
    return tuple(names.product(rest)) if rest.text else ()


def term_of(variables: Sequence[Variable]) -> str:
    """The term of a product; an indicator of a level stands for its factor."""
    return ":".join(dict.fromkeys(variable.factor for variable in variables)) or INTERCEPT
