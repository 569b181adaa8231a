"""Random terms: which effects vary over which grouping factor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hierbayes.specification.terms import join_terms


@dataclass(frozen=True, slots=True, order=True)
class RandomTerm:
    """Effects that vary together over one grouping factor: one block of its G.

    Parameters
    ----------
    factor : str
        Name of the grouping factor: its column, or its columns with a colon between.
    effects : tuple of str
        Terms; they are correlated with each other, and independent of those of any
        other random term.
    columns : tuple of str, optional
        Columns that hold the groups; several where each combination of their values is a
        group. By default one, called as the factor.

    Examples
    --------
    >>> print(RandomTerm("school:class", ("1",), ("school", "class")))
    (1 | school:class)
    """

    factor: str
    effects: tuple[str, ...]
    columns: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.columns:
            object.__setattr__(self, "columns", (self.factor,))

    @property
    def formula(self) -> str:
        """The effects as a one-sided formula."""
        return join_terms(self.effects)

    @property
    def written_factor(self) -> str:
        """The factor as formulas write it, unusual names in backticks."""
        return ":".join(name if name.isidentifier() else f"`{name}`" for name in self.columns)

    def __str__(self) -> str:
        return f"({self.formula} | {self.written_factor})"


def random_terms(
    factor: str, blocks: Iterable[Iterable[str]], columns: Sequence[str] = ()
) -> tuple[RandomTerm, ...]:
    """The random terms of one factor, one for each block of correlated effects.

    Examples
    --------
    >>> print(*random_terms("school", [["1", "ses"], ["age"]]), sep=" + ")
    (1 + ses | school) + (0 + age | school)
    """
    return tuple(RandomTerm(factor, tuple(effects), tuple(columns)) for effects in blocks)
