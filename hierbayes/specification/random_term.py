"""Random terms: which effects vary over which grouping factor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hierbayes.specification.terms import join_terms


@dataclass(frozen=True, slots=True, order=True)
class RandomTerm:
    """Effects that vary together over one grouping factor: one block of its G.

    Parameters
    ----------
    factor : str
        Column that holds the groups.
    effects : tuple of str
        Terms; they are correlated with each other, and independent of those of any
        other random term.
    """

    factor: str
    effects: tuple[str, ...]

    @property
    def formula(self) -> str:
        """The effects as a one-sided formula."""
        return join_terms(self.effects)

    def __str__(self) -> str:
        factor = self.factor if self.factor.isidentifier() else f"`{self.factor}`"
        return f"({self.formula} | {factor})"


def random_terms(factor: str, blocks: Iterable[Iterable[str]]) -> tuple[RandomTerm, ...]:
    """The random terms of one factor, one for each block of correlated effects.

    Examples
    --------
    >>> print(*random_terms("school", [["1", "ses"], ["age"]]), sep=" + ")
    (1 + ses | school) + (0 + age | school)
    """
    return tuple(RandomTerm(factor, tuple(effects)) for effects in blocks)
