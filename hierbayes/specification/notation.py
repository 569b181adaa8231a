"""The Notational Babel: who writes which symbol, and the notation in use.

Mixed models grew up in several disciplines at once, and each named the same five
things in its own way.  **Y**, **X** and **Z** mean the same to all of them.

Source: the lecture slides *Mixed Models with R*, "Notational Babel".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

import pandas as pd

from hierbayes.display.blocks import Definition, Definitions
from hierbayes.display.page import Page, Printed
from hierbayes.errors import FormulaError, in_quotes

_ROWS = (
    ("Fixed effects parameters", "fixed"),
    ("Cluster random effect", "coefficient"),
    ("Cluster random effect (centered)", "random"),
    ("Variance of random effects", "variance"),
    ("Within cluster error variance", "error_variance"),
)
_BORROWED = "φ"  # the coefficients of Pinheiro and Bates's nonlinear models


@dataclass(frozen=True, slots=True, repr=False)
class Notation(Printed):
    """The symbols of one school of writers.

    Parameters
    ----------
    name : str
        What `notation` calls it.
    title : str
        Heading of its column in the dictionary.
    fixed, coefficient, random : str
        Fixed effects; a group's own coefficients; their deviations from the mean.
        ``coefficient`` may be blank: see `own`.
    variance, element : str
        The variance matrix of the random effects, and its entries.
    error_variance : str
        The variance matrix of the errors in a group, as the dictionary has it.
    error, response : str
        The error, and the vector of responses.
    row, group : str
        Indices of a row and of its group.

    Examples
    --------
    >>> import hierbayes as hb
    >>> with hb.notation("sas") as sas:
    ...     print(sas.fixed, sas.random, sas.variance)
    β γ G
    >>> hb.notation().name
    'monette'
    """

    name: str
    title: str
    fixed: str
    coefficient: str
    random: str
    variance: str
    element: str
    error_variance: str
    error: str
    response: str
    row: str
    group: str
    _former: Notation | None = field(default=None, repr=False, compare=False)

    @property
    def own(self) -> str:
        """A group's own coefficients in equations.

        Pinheiro and Bates have no symbol for them in linear models; theirs of the
        nonlinear ones, φ_i = A_i β + B_i b_i, is borrowed.
        """
        return self.coefficient or _BORROWED

    @staticmethod
    def dictionary() -> pd.DataFrame:
        """Every notation beside the others, a row per meaning: the slides' dictionary."""
        columns = {
            known.title: [getattr(known, key) for _, key in _ROWS] for known in NOTATIONS.values()
        }
        return pd.DataFrame(columns, index=[meaning for meaning, _ in _ROWS])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._former is not None:
            _IN_USE[0] = self._former

    def page(self) -> Page:
        """Every meaning and its symbol."""
        entries = tuple(Definition(meaning, getattr(self, key)) for meaning, key in _ROWS)
        return Page(f"Notation '{self.name}': {self.title}", blocks=(Definitions(entries),))


_KNOWN = (
    Notation(
        "bryk-raudenbush", "Bryk and Raudenbush", fixed="γ", coefficient="β", random="u",
        variance="T", element="τ", error_variance="Σ", error="r", response="Y",
        row="i", group="j",
    ),
    Notation(
        "sas", "SAS help files", fixed="β", coefficient="b", random="γ",
        variance="G", element="g", error_variance="R", error="ε", response="Y",
        row="i", group="j",
    ),
    Notation(
        "pinheiro-bates", "Pinheiro and Bates", fixed="β", coefficient="", random="b",
        variance="Ψ", element="ψ", error_variance="σ²Λ", error="ε", response="y",
        row="j", group="i",
    ),
    Notation(
        "monette", "Monette", fixed="γ", coefficient="β", random="u",
        variance="G", element="g", error_variance="R", error="r", response="Y",
        row="i", group="j",
    ),
)  # fmt: skip
NOTATIONS = MappingProxyType({known.name: known for known in _KNOWN})
# One value for the process.  A context variable would be forgotten between the cells of a
# notebook, which run in contexts of their own.
_IN_USE = [NOTATIONS["monette"]]


def current_notation() -> Notation:
    """The notation in use."""
    return _IN_USE[0]


def notation(name: str | None = None) -> Notation:
    """Switch the symbols of everything rendered from now on, or ask which are in use.

    Parameters
    ----------
    name : str, optional
        ``"bryk-raudenbush"``, ``"sas"``, ``"pinheiro-bates"`` or ``"monette"``, the
        slides' own and the one in use at first; without it nothing changes.

    Returns
    -------
    Notation
        The one in use now.  In a ``with`` statement it holds until the block ends.
        The switch is the whole process's, threads included.  Equations that were
        made before keep their symbols.

    Raises
    ------
    FormulaError
        When no notation has that name.

    Examples
    --------
    >>> import hierbayes as hb
    >>> print(hb.notation())
    Notation 'monette': Monette
      Fixed effects parameters          γ
      Cluster random effect             β
      Cluster random effect (centered)  u
      Variance of random effects        G
      Within cluster error variance     R
    """
    former = _IN_USE[0]
    if name is None:
        return former
    if name not in NOTATIONS:
        listed = in_quotes(NOTATIONS)
        raise FormulaError(f"there is no notation {name!r}; the notations are: {listed}")
    _IN_USE[0] = NOTATIONS[name]
    return replace(NOTATIONS[name], _former=former)
