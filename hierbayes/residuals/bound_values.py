"""What a residual structure is made of once it is on rows: parameters, links, kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierbayes.residuals.decay import Decay
from hierbayes.value import value

type Floats = NDArray[np.float64]
type Integers = NDArray[np.intp]
type Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a residual structure.

    Parameters
    ----------
    name : str
        As in ``"phi"``.
    scale : str
        On which its limits are symmetric: ``"bounded"``, log((v − low)/(high − v)), which is
        Fisher's of a correlation between −1 and 1; ``"log"``; or ``"identity"``.
    support : (low, high)
        Between which numbers it lies.
    usual : (name, numbers)
        The family and the parameters of its usual prior.
    together : str
        What it is called together with others, of which a prior is one; empty where its
        coordinate tells it alone.
    power : float
        Of such parameters, whose coordinate z is that of a partial correlation tanh z: that of
        (1 − tanh²z) in the density of tanh z where matrices of correlations are uniform.
    volume : float
        Of such parameters the power of (1 − tanh²z) in their Jacobian by tanh z.
    decay : Decay or None
        Of one whose powers are correlations over gaps in time, how these depend on its coordinate.
    """

    name: str
    scale: str
    support: tuple[float, float] = (-np.inf, np.inf)
    usual: tuple[str, tuple[float, ...]] = ("Normal", (0.0, 1.0))
    together: str = ""
    power: float = 0.0
    volume: float = 0.0
    decay: Decay | None = None


@value()
class Links:
    """Which rows stand beside which, by the coefficient that they share.

    Parameters
    ----------
    left, right : (m,) int
        Nodes: the n rows, and after them sums of rows.  A link of two nodes counts both ways.
    kind : (m,) int
        The coefficient of each.
    sums : (n,) int, optional
        To which sum each row belongs, counted from 0.
    """

    left: Integers
    right: Integers
    kind: Integers
    sums: Integers | None = None


@dataclass(frozen=True, slots=True, eq=False)
class KeptPart:
    """What is known of a part of a structure without its rows, for a file.

    Parameters
    ----------
    arrays : dict of str to ndarray
    frame : DataFrame
        Values of columns of the data: levels, occasions.
    """

    arrays: dict[str, Any]
    frame: pd.DataFrame


# Kinds of correlations, as compiled code tells them: chains over whole times, and over any.
GIVEN, INDEPENDENT, WHOLE, CONTINUOUS, EXCHANGEABLE = range(5)


class CorrelationKernel(NamedTuple):
    """What compiled code makes the coefficients of C⁻¹ of, at any coordinate.

    Parameters
    ----------
    kind : int
        One of those above; `GIVEN` where only Python makes them.
    sizes, counts : (S,) float
        Gaps of a chain, or sizes of groups, and how many there are of each.
    number : float
        The unit of a chain, or the lower limit of equal correlations.
    """

    kind: int
    sizes: Floats
    counts: Floats
    number: float


def no_edges(k: int) -> Floats:
    """`BoundCorrelation.edges` (2, k) of parameters whose limits are no correlations."""
    return np.full((2, k), -np.inf)


NO_ROWS: Integers = np.zeros(0, dtype=np.intp)
NO_NUMBERS: Floats = np.zeros(0)
NO_LINKS = Links(NO_ROWS, NO_ROWS, NO_ROWS)  # of what is known of rows that are gone


def in_parts(places: Integers, sizes: Sequence[int]) -> tuple[Integers, ...]:
    """Places of several parts, one after the other, by part."""
    return tuple(np.split(places, np.cumsum(sizes)[:-1]))
