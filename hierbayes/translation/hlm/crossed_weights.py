"""What the equations of two crossed factors weigh by: fixed coefficients and random effects."""

from __future__ import annotations

import re

from hierbayes.translation.hlm.addends import variables_behind
from hierbayes.translation.hlm.level_symbols import NUMBERS
from hierbayes.translation.hlm.names import HlmNames
from hierbayes.translation.hlm.text import Stretch
from hierbayes.translation.programs.stated_columns import Variable

WEIGHT = re.compile(
    rf"(?P<symbol>[θβγδ]|[Tt]heta|THETA|[Bb]eta|BETA|[Gg]amma|GAMMA|[Dd]elta|DELTA|[TBGD])"
    rf"(?!\w*\[){NUMBERS}"
)
EFFECT = re.compile(rf"(?P<symbol>[bc])(?!\w*\[){NUMBERS}")


def weighed(part: Stretch, names: HlmNames) -> tuple[list[Stretch], tuple[Variable, ...]]:
    """What an addend weighs by, ``(β01 + b01j)``, and what it weighs."""
    weights, end = _weights(part)
    for weight in weights:
        if not WEIGHT.fullmatch(weight.text) and not EFFECT.fullmatch(weight.text):
            raise names.text.refuse(
                f"'{weight.text}' has no coefficient; write γ01*({weight.text}), or b00j and c00k "
                "for random effects of rows and columns",
                weight,
            )
    return weights, variables_behind(part, end, names)


def _weights(part: Stretch) -> tuple[list[Stretch], int]:
    """Coefficients and random effects at the head of an addend, and where they end."""
    if part.text.startswith("("):
        depth = 0
        for end, character in enumerate(part.text, 1):
            depth += (character == "(") - (character == ")")
            if depth == 0:
                inside = Stretch(part.text[1 : end - 1], part.start + 1)
                return [one.stripped() for one in inside.split("+")], end
    found = WEIGHT.match(part.text) or EFFECT.match(part.text)
    end = found.end() if found else len(part.text)
    return [Stretch(part.text[:end], part.start)], end
