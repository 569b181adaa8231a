"""The rows that a model uses, as matrices in the user's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from hierbayes.design.family_rows import FamilyRows, gaussian_only
from hierbayes.errors import FormulaError
from hierbayes.frames.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Everything of a design that grows with the number of rows n.

    Parameters
    ----------
    response, X, Z : (n,), (n, p), (n, q) float
        Response, fixed columns, random columns.
    codes_of : tuple of (n,) int
        For each grouping factor the position of each row's group among its labels.
    index : pandas.Index
        Labels of the rows: n, where those of P linear predictors are n P, row by row.
    kept : (rows of the data,) bool
        Which rows of the data these are.
    family : FamilyRows, optional
        The responses of a family that is not Gaussian; then ``response`` is what stands for them
        on the scale of the linear predictor.
    frames : tuple of DataFrame
        The columns of the data that all this is made of: complete rows, and those that were given
        later, which share their values with the data; none where it is not made of data.
    """

    response: Floats
    X: Floats
    Z: Floats
    codes_of: tuple[Integers, ...]
    index: pd.Index
    kept: Booleans
    family: FamilyRows | None = None
    frames: tuple[pd.DataFrame, ...] = ()

    @property
    def y(self) -> Floats:
        """The response of a Gaussian model.

        Raises
        ------
        FormulaError
            When the response has another family.
        """
        if self.family is not None:
            raise FormulaError(gaussian_only(self.family.family))
        return self.response

    @property
    def offset(self) -> Floats | float:
        """What is added to the linear predictor of each row."""
        return 0.0 if self.family is None else self.family.offset

    @property
    def predictors(self) -> int:
        """P, how many linear predictors a row has."""
        return len(self.response) // max(len(self.index), 1)

    @property
    def codes(self) -> Integers:
        """Those of the only grouping factor."""
        (codes,) = self.codes_of
        return codes

    @property
    def n(self) -> int:
        """Number of rows of the data."""
        return len(self.index)


def shared_columns(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Some columns of a frame, whose values are not copied, and do not change with it."""
    return pd.DataFrame({name: frame[name] for name in names}, index=frame.index, copy=False)
