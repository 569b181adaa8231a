"""The rows that a model uses, as matrices in the user's units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.family_rows import FamilyRows, gaussian_only
from hierbayes.design.group_design_of_roots import ColumnRoots
from hierbayes.design.response_facts import extent, size_about
from hierbayes.errors import DataError, FormulaError
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.value import value

_NOT_YET = "is not made for a model"


@value()
class Rows:
    """Everything of a design that grows with the number of rows n.

    Parameters
    ----------
    response, X, Z : (n,), (n, p), (n, q) float
        Response less its offset, fixed columns, random columns.
    codes_of : tuple of (n,) int
        For each grouping factor the position of each row's group among its labels.
    index : pandas.Index
        Labels of the rows: n, where those of P linear predictors are n P, row by row.
    kept : (rows of the data,) bool
        Which rows of the data these are.
    family : FamilyRows, optional
        The responses of a family that is not Gaussian; then ``response`` is what stands for them
        on the scale of the linear predictor.
    frames : sequence of DataFrame
        The columns of the data that all this is made of: complete rows, and those that were given
        later, which share their values with the data; none where it is not made of data.
    added : (n,) float, optional
        The offset of a Gaussian response, which stands beside Xγ.
    root_weights : (n,) float, optional
        √w of rows whose errors have the variance σ²/w.
    """

    response: Floats
    X: Floats
    Z: Floats
    codes_of: tuple[Integers, ...]
    index: pd.Index
    kept: Booleans
    family: FamilyRows | None = None
    frames: Sequence[pd.DataFrame] = ()
    added: Floats | None = None
    root_weights: Floats | None = None

    @property
    def y(self) -> Floats:
        """The response of a Gaussian model whose rows are alike.

        Raises
        ------
        FormulaError
            When the response has another family or an offset, or rows have weights.
        """
        if self.family is not None:
            raise FormulaError(gaussian_only(self.family.family))
        return self.plain_response("this")

    def plain_response(self, what: str) -> Floats:
        """The response (n,) of a Gaussian model without offset, whose rows are alike.

        Parameters
        ----------
        what : str
            What was asked for, as messages name it: ``"hausman()"``.

        Raises
        ------
        FormulaError
        """
        self.refuse_offset(what)
        self.refuse_weights(what)
        return self.response

    def refuse_offset(self, what: str) -> None:
        """Refuse an offset of a Gaussian response.

        Raises
        ------
        FormulaError
        """
        if self.added is not None:
            raise FormulaError(f"{what} {_NOT_YET} with an offset; subtract it from the response")

    def refuse_weights(self, what: str) -> None:
        """Refuse rows with weights.

        Raises
        ------
        FormulaError
        """
        if self.root_weights is not None:
            raise FormulaError(f"{what} {_NOT_YET} whose rows have weights")

    @property
    def observed(self) -> Floats:
        """The response (n,) as it was observed; of a family as `FamilyRows.observed` has it."""
        if self.family is not None:
            return self.family.observed
        return self.response if self.added is None else self.response + self.added

    @property
    def offset(self) -> Floats | float:
        """What is added to the linear predictor of each row."""
        if self.family is not None:
            return self.family.offset
        return 0.0 if self.added is None else self.added

    @property
    def response_range(self) -> tuple[float, float]:
        """Least and largest response."""
        return extent(self.response)

    @property
    def response_size(self) -> float:
        """Root mean square of the response."""
        return size_about(self.response, 0.0)

    @property
    def zero_columns(self) -> Booleans:
        """Which fixed columns (p,) are zero in every row."""
        zero: Booleans = ~self.X.any(axis=0)
        return zero

    @property
    def constant_columns(self) -> Booleans:
        """Which fixed columns (p,) have one value in all rows."""
        constant: Booleans = (self.X[0] == self.X).all(axis=0)
        return constant

    @property
    def spread(self) -> Floats:
        """Standard deviations (p,) of the fixed columns."""
        spread: Floats = self.X.std(axis=0)
        return spread

    @property
    def covariance(self) -> Floats:
        """Mean products (p, p) of the fixed columns about their means."""
        centred = self.X - self.X.mean(axis=0)
        covariance: Floats = centred.T @ centred / len(centred)
        return covariance

    @property
    def column_sizes(self) -> Floats:
        """Root mean squares (p,) of the fixed columns."""
        sizes: Floats = np.sqrt((self.X**2).mean(axis=0))
        return sizes

    @property
    def second_moment(self) -> Floats:
        """Mean of zz' (q, q): z'Gz is tr(GM) on average over the rows."""
        moment: Floats = self.Z.T @ self.Z / len(self.Z)
        return moment

    @property
    def two_valued(self) -> bool:
        """Whether each response is 0 or 1."""
        return bool(((self.observed == 0.0) | (self.observed == 1.0)).all())

    @property
    def column_roots(self) -> ColumnRoots | None:
        """What stands for the columns of rows that are not in memory; none here."""
        return None

    @property
    def source_at_hand(self) -> Any:
        """Refused: these are in memory."""
        raise DataError(
            "the rows of this fit are in memory: fit.predict() and fit.residuals() have all of them"
        )

    @property
    def streams(self) -> bool:
        """Whether the rows are not in memory."""
        return False

    @property
    def merged(self) -> Any:
        """Rows of a likelihood that are merged already: none here."""
        return None

    @property
    def kinds(self) -> Rows:
        """The rows that those of a likelihood are places among: here all."""
        return self

    @property
    def head(self) -> Rows:
        """Rows that stand for all: here all of them."""
        return self

    @property
    def are_alike(self) -> bool:
        """Whether all errors of a Gaussian response have one variance, as far as weights go."""
        return self.root_weights is None

    @property
    def row_sd(self) -> Floats | float:
        """Standard deviation (n,) of the error of each row, relative to σ."""
        return 1.0 if self.root_weights is None else 1.0 / self.root_weights

    @property
    def log_root_weights(self) -> float:
        """Sum of log √w over all rows."""
        return 0.0 if self.root_weights is None else float(np.log(self.root_weights).sum())

    def of_factor(self, k: int, span: slice) -> Rows:
        """The rows as if only factor k had random effects, those of ``span``."""
        return replace(self, Z=self.Z[:, span], codes_of=(self.codes_of[k],))

    def internal(self, basis: Basis) -> tuple[Floats, Floats]:
        """[X° y°] (n, p+1) and Z° (n, q), each row times √w: so that all errors are alike."""
        columns, Z = basis.internal_rows(self.X, self.Z, self.response)
        if self.root_weights is None:
            return columns, Z
        root = self.root_weights[:, None]
        return root * columns, root * Z

    @property
    def sample(self) -> Rows:
        """Rows that stand for all where many would do: here all."""
        return self

    def sizes(self, k: int, J: int) -> Integers:
        """How many rows each of the J groups of factor k has."""
        return np.bincount(self.codes_of[k], minlength=J)

    def parts(self) -> Iterator[Rows]:
        """The rows, a part of them at a time: here all at once."""
        yield self

    def chosen(self, at: Booleans | Integers | slice, codes_of: tuple[Integers, ...]) -> Rows:
        """Some of the rows, with numbers of groups among those that are left."""
        return replace(
            self,
            response=self.response[at],
            X=self.X[at],
            Z=self.Z[at],
            codes_of=codes_of,
            index=self.index[at],
            added=None if self.added is None else self.added[at],
            root_weights=None if self.root_weights is None else self.root_weights[at],
        )

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
