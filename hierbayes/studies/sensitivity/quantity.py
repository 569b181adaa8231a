"""What a quantity is: one number for each draw of any fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from hierbayes.design.design import Design
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True)
class Quantity(ABC):
    """Something to ask of a fit; subclasses say what.

    Every subclass has a ``name``, a ``reference`` (None where no decision turns on the
    quantity) and `draws`.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """How tables call it."""

    @property
    def reference(self) -> float | None:
        """The value a decision turns on."""
        return None

    @property
    def block(self) -> str | None:
        """The block of priors that it is a parameter of, where it is one."""
        return None

    @property
    def unit(self) -> float | None:
        """What its movements are measured in; None for its posterior sd."""
        return None

    def estimable(self) -> bool:
        """Whether one θ, as REML has, is an estimate of it."""
        return True

    @abstractmethod
    def draws(self, fit: Fitted) -> Floats:
        """Its value at each draw (chains, draws)."""


def position_of(name: str, known: tuple[str, ...], kind: str) -> int:
    """Position of a name among the known ones.

    Raises
    ------
    StudyError
        When it is not among them; they are listed.
    """
    if name not in known:
        listed = in_quotes(known)
        raise StudyError(f"there is no {kind} '{name}'; they are: {listed}")
    return known.index(name)


def effect_of(name: str, design: Design) -> int:
    """Position of a random effect, by its label or, where one factor has it, its column.

    Raises
    ------
    StudyError
        When there is none, or several factors have it; they are listed.
    """
    labels = design.effect_labels
    if name not in labels and design.effects.count(name) == 1:
        return design.effects.index(name)
    return position_of(name, labels, "random effect")


def group_of(label: Any, fit: Fitted, k: int) -> int:
    """Position of a group of factor k, by its label.

    Raises
    ------
    StudyError
        When there is no such group; the first ones are listed.
    """
    factor = fit.design.factors[k]
    place = int(factor.find([label])[0])
    if place < 0:
        raise StudyError(factor.no_group(label))
    return place
