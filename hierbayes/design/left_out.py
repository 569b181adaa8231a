"""Fixed columns that are combinations of others: which are left out, and what they equal.

Columns are gone through in their order, and one that is a combination of those kept before it is
left out, as lme4 does: the fixed part spans the same space, and only the names of γ are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.standardisation import SMALLEST, standardised
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats, Integers

REFUSE, DROP = "refuse", "drop"  # what is done with columns that are combinations of others
DEPENDENT = 1e-12  # of what is a column's own, against its size
_WHOLE = 1e-9  # of weights: nearer to a whole number they are one
_HOLDS = 1e-8  # of a combination in new rows, against the size of the columns
_LISTED = 6  # columns that are named on a page


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Columns that are left out, and those that stay.

    Parameters
    ----------
    kept, dropped : (p,), (d,) int
        Places among all columns of the formula.
    names : tuple of str
        Of all columns.
    weights : (p, d) float
        The dropped columns are the kept ones times these.
    sizes : (d,) float
        Largest values that a combination adds up, in the rows of the fit.
    """

    kept: Integers
    dropped: Integers
    names: tuple[str, ...]
    weights: Floats
    sizes: Floats

    @property
    def left(self) -> tuple[str, ...]:
        """Names of the columns that are left out."""
        return tuple(self.names[k] for k in self.dropped)

    def equation(self, k: int) -> str:
        """What the k-th of them equals, as in ``'x2' = 2·'x'``."""
        terms = []
        for at in np.flatnonzero(self.weights[:, k]).tolist():
            weight, name = float(self.weights[at, k]), self.names[self.kept[at]]
            sign = "−" if weight < 0.0 else "+"
            size = "" if abs(weight) == 1.0 else f"{abs(weight):.6g}·"
            terms.append(f"{sign} {size}'{name}'")
        text = " ".join(terms) or "0"
        text = text.removeprefix("+ ").replace("− ", "−", 1) if text[0] == "−" else text
        return f"'{self.names[self.dropped[k]]}' = {text.removeprefix('+ ')}"

    @property
    def text(self) -> str:
        """Which columns are left out, and what they equal."""
        d = len(self.dropped)
        shown = "; ".join(self.equation(k) for k in range(min(d, _LISTED)))
        more = f"; and {d - _LISTED} more, see model.aliased" if d > _LISTED else ""
        what = f"left out {d} of {len(self.names)} fixed columns, combinations of others"
        return f"{what}: {shown}{more}"

    def of(self, X: Floats, index: pd.Index) -> Floats:
        """The columns (n, p) that are kept of all (n, p + d) of new rows.

        Raises
        ------
        DataError
            When a combination does not hold in a row, whose mean these data cannot tell.
        """
        stay = X[:, self.kept]
        away = np.abs(X[:, self.dropped] - stay @ self.weights)
        size = np.maximum(np.abs(stay) @ np.abs(self.weights), np.abs(X[:, self.dropped]))
        wrong = away > _HOLDS * np.maximum(size, self.sizes)
        if wrong.any():
            row, k = (int(at[0]) for at in np.nonzero(wrong))
            raise DataError(
                f"the mean of row {index[row]!r} cannot be estimated: in the data of the fit "
                f"{self.equation(k)}, which left that column out, and in this row it is not so; "
                "predict rows in which it is"
            )
        return stay


def left_out_frame(left_out: LeftOut | None, terms: Sequence[str]) -> pd.DataFrame:
    """What the columns that are left out equal, a row each; no row where all are there."""
    names, weights = ((), np.empty((0, len(terms)))) if left_out is None else (
        left_out.left, left_out.weights.T
    )  # fmt: skip
    return pd.DataFrame(weights, index=pd.Index(names, name="left out"), columns=pd.Index(terms))


def combinations_left_out(X: Floats, names: Sequence[str]) -> LeftOut | None:
    """Which columns of X (n, P) are combinations of those before them; None where none is.

    What is a number too small to be told from 0 is left for refusals.
    """
    kept = np.arange(X.shape[1])
    tiny = (np.abs(X).max(axis=0, initial=0.0) < SMALLEST) & X.any(axis=0)
    while len(kept):
        own = standardised(X[:, kept]).own
        dependent = np.flatnonzero((own < DEPENDENT) & ~tiny[kept])
        if not len(dependent):
            break
        kept = np.delete(kept, dependent)
    dropped = np.setdiff1d(np.arange(X.shape[1]), kept)
    if not len(dropped):
        return None
    weights = _weights(X, kept, dropped)
    sizes = np.abs(X[:, dropped]).max(axis=0)
    return LeftOut(kept, dropped, tuple(names), weights, sizes)


def _weights(X: Floats, kept: Integers, dropped: Integers) -> Floats:
    """Weights (p, d) of the kept columns before each dropped one."""
    size = np.abs(X).max(axis=0)
    weights = np.zeros((len(kept), len(dropped)))
    for k, place in enumerate(dropped.tolist()):
        before = np.flatnonzero(kept < place)
        if not size[place] or not len(before):
            continue
        unit = X[:, kept[before]] / size[kept[before]]
        found = np.linalg.lstsq(unit, X[:, place] / size[place], rcond=None)[0]
        found = np.where(np.abs(found) > _WHOLE, found, 0.0) * size[place] / size[kept[before]]
        whole = np.round(found)
        weights[before, k] = np.where(np.abs(found - whole) < _WHOLE, whole, found)
    return weights
