"""The name of a random effect: its grouping factor and its column."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class EffectName:
    """Which random effect is meant: that of a column over a grouping factor.

    As text it is the column alone, which is enough in a model of one factor; two factors
    with an intercept each have two names.

    Parameters
    ----------
    factor : str
        Column that holds the groups.
    effect : str
        Random column, as ``Design.effects`` has it.

    Examples
    --------
    >>> name = EffectName("school", "ses")
    >>> print(name)
    ses
    >>> name == EffectName("class", "ses")
    False
    """

    factor: str
    effect: str

    def __str__(self) -> str:
        return self.effect
