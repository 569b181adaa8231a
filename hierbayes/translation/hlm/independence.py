"""Random effects in blocks that are independent of each other, from covariances that are 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hierbayes.errors import FormulaError


def independent_blocks[Key](
    effects: Sequence[Key],
    pairs: Sequence[tuple[str, str]],
    found: Callable[[str], Key | None],
    called: Callable[[Key], str],
) -> list[list[Key]]:
    """The effects over one grouping factor in blocks, in the order of their first effects.

    Parameters
    ----------
    effects : sequence
    pairs : sequence of (str, str)
        Names of effects whose covariance is 0.
    found : callable
        From a name to its effect; None where there is none.
    called : callable
        From an effect to its name in messages.

    Raises
    ------
    FormulaError
        When a pair names no two effects, or both are correlated with a third.
    """
    zero: set[frozenset[Key]] = set()
    for first, second in pairs:
        two = [one for one in map(found, (first, second)) if one is not None]
        if len(two) != 2:
            raise FormulaError(
                f"cannot read the HLM equations: Cov({first}, {second}) names no two random effects"
            )
        zero.add(frozenset(two))
    blocks: list[list[Key]] = []
    for one in effects:
        joined = [b for b in blocks if any(frozenset((one, other)) not in zero for other in b)]
        merged = [other for block in joined for other in block]
        blocks = [block for block in blocks if block not in joined] + [[*merged, one]]
    place: Callable[[Any], int] = list(effects).index
    for two in sorted((sorted(pair, key=place) for pair in zero), key=lambda p: [*map(place, p)]):
        if any(set(two) <= set(block) for block in blocks):
            names = f"{called(two[0])}, {called(two[-1])}"
            raise FormulaError(
                f"cannot read the HLM equations: Cov({names}) = 0 while both are correlated with a "
                "third; effects make blocks that are independent of each other"
            )
    return sorted(blocks, key=lambda block: place(block[0]))
