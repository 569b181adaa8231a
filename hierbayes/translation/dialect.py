"""A dialect: how one system spells a model, what it is given to write, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hierbayes.design.variables import Variables
from hierbayes.errors import FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.formula import Specification


@dataclass(frozen=True, slots=True)
class ModelToWrite:
    """A model as the writer of another system's code sees it.

    Parameters
    ----------
    specification : Specification
    variables : Variables
        Kinds, levels of factors, and which columns live at level 2.
    priors : PriorSet
        Priors in force; systems that maximise a likelihood say nothing of them.
    data : str
        What the code calls the data.
    ml : bool
        Whether maximum likelihood is asked for instead of REML.
    family : ResponseFamily or None
        Of a response that is not Gaussian.
    outcomes : tuple of str
        Labels of failure and success, where the response is no number.
    left_out : tuple of str
        Fixed columns that the formula makes and the model has not, as combinations of others.
    """

    specification: Specification
    variables: Variables
    priors: PriorSet
    data: str = "data"
    ml: bool = False
    family: ResponseFamily | None = None
    outcomes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatedModel:
    """A model as another system's code states it.

    Parameters
    ----------
    specification : Specification
    family : ResponseFamily or None
        Of a response that is not Gaussian.
    """

    specification: Specification
    family: ResponseFamily | None = None


type Emitter = Callable[[ModelToWrite], str]
type Reader = Callable[[str, Sequence[str]], StatedModel | Specification]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One system's spelling.

    Parameters
    ----------
    name : str
        Short name, ``"lme4"``.
    title : str
        The system in words, ``"R: lme4::lmer"``.
    emit : callable
        Code of a model; refuses with a FormulaError that names what the system cannot say.
    read : callable or None
        From code and the names of the data's columns to a model, of a Gaussian response to
        its specification; None where the code is only written.
    families : frozenset of str
        Families with their links, ``"Poisson log"``, that it says beside Gaussian responses.
    structures : frozenset of str
        Residual structures that it says, by name of the class: ``"AR1"``.
    without_random : bool
        Whether it says models that have no random part.
    drops_aliased : bool
        Whether fixed columns that are combinations of others are left out, by it or by the code.
    instead : str
        What the system has for other responses that is not written here.
    """

    name: str
    title: str
    emit: Emitter
    read: Reader | None = None
    families: frozenset[str] = frozenset()
    structures: frozenset[str] = frozenset()
    without_random: bool = False
    drops_aliased: bool = False
    instead: str = ""


def pointed(text: str, place: int, message: str) -> FormulaError:
    r"""An error that shows the line of a text and a caret under the place.

    Examples
    --------
    >>> print(pointed("a\nb + )", 6, "cannot read the code: ')' closes nothing"))
    cannot read the code: ')' closes nothing
        b + )
            ^
    """
    place = min(place, len(text))
    start = text.rfind("\n", 0, place) + 1
    line = text[start:].split("\n", 1)[0]
    return FormulaError(f"{message}\n    {line}\n    {' ' * (place - start)}^")
