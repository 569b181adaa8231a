"""What equations of several grouping factors say, put together as one specification."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm
from hierbayes.translation.hlm.independence import independent_blocks
from hierbayes.translation.programs.effect_terms import specify
from hierbayes.translation.programs.stated_columns import StatedColumns, Variable


@dataclass(frozen=True, slots=True)
class ReadEffect:
    """A random effect of the combined model.

    Parameters
    ----------
    name : str
        As messages call it, ``"u00"``.
    columns : tuple of str
        Those that hold the groups it varies over.
    variables : tuple of Variable
        Whose product it multiplies, in the order in which the combined model has them.
    term : str
    """

    name: str
    columns: tuple[str, ...]
    variables: tuple[Variable, ...]
    term: str


def combined_form(
    response: str,
    terms: Iterable[str],
    stated: Sequence[tuple[Variable, ...]],
    effects: Sequence[ReadEffect],
    blocks: Sequence[Sequence[ReadEffect]],
    levels: Mapping[str, tuple[str, ...]],
) -> Specification:
    """The specification of terms and random effects that equations state.

    Parameters
    ----------
    response : str
    terms : iterable of str
        The fixed terms in order.
    stated : sequence of tuple of Variable
        The fixed columns.
    effects : sequence of ReadEffect
        In order.
    blocks : sequence of sequence of ReadEffect
        Those that are correlated.
    levels : mapping of str to tuple of str
        Levels of each factor of the data.

    Raises
    ------
    FormulaError
        When the terms of a formula would have other columns than the equations.
    """
    order = list(effects)
    random = [
        RandomTerm(":".join(block[0].columns), _terms(block), block[0].columns)
        for block in sorted(blocks, key=lambda block: order.index(block[0]))
    ]
    spec = specify(response, list(terms), random, "equations")
    StatedColumns(list(stated)).refuse_others(spec.fixed, levels)
    for block in blocks:
        StatedColumns([one.variables for one in block]).refuse_others(_terms(block), levels)
    return spec


def blocks_by_factor(
    effects: Sequence[ReadEffect],
    pairs: Sequence[tuple[str, str]],
    found: Callable[[str], ReadEffect | None],
) -> list[list[ReadEffect]]:
    """The effects in blocks; those over two factors are independent of each other.

    Raises
    ------
    FormulaError
        When there are no random effects, or a pair names no two.
    """
    if not effects:
        raise FormulaError(
            "cannot read the HLM equations: none has a random effect, such as u00k in "
            "β00k = γ000 + u00k"
        )
    blocks = []
    for columns in dict.fromkeys(one.columns for one in effects):
        own = [one for one in effects if one.columns == columns]
        here = [pair for pair in pairs if _within(own, [found(name) for name in pair])]
        blocks += independent_blocks(own, here, found, lambda one: one.name)
    return blocks


def _within(own: Sequence[ReadEffect], pair: Sequence[ReadEffect | None]) -> bool:
    """Whether a pair is of these effects, or names one that is not there."""
    return None in pair or all(one in own for one in pair)


def _terms(block: Sequence[ReadEffect]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.term for one in block))
