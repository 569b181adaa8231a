"""Nominal categories: log odds of each against the first, by linear predictors of their own.

Arrays are over rows and, within a row, over its P = K − 1 linear predictors: (n P,).  y is 1 at the
category that a row has, and m is P.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from hierbayes.compilation import inner
from hierbayes.errors import DataError, FamilyError
from hierbayes.families import rows
from hierbayes.families.family import ResponseFamily
from hierbayes.families.random_utility import averaged_shares
from hierbayes.families.response import (
    Response,
    categories_present,
    category_codes,
    category_labels,
)
from hierbayes.families.row_sums import categorical_sums
from hierbayes.families.rows import Formulas, no_dispersion
from hierbayes.frames.arrays import Floats

_FEWEST = 3


@inner
def no_row(y, m, eta, phi):
    """``row`` of a family whose rows have several linear predictors."""
    return 0.0, 0.0, 0.0, 0.0


_FORMULAS = Formulas("categorical_logit", no_row, no_dispersion, sums=categorical_sums)


@dataclass(frozen=True, slots=True)
class Categorical(ResponseFamily):
    """One of K categories without order: log P(y = c)/P(y = first) = η_c.

    Each category but the first has fixed and random effects of its own, and a G of its own.

    Attributes
    ----------
    categories : tuple of str
        Labels of the categories, the one the others are compared with first, once the data are
        known (`of_response`).
    """

    name: ClassVar[str] = "Categorical"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    link: str = "logit"
    categories: tuple[str, ...] = field(default=(), repr=False)

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`; of sums alone."""
        return _FORMULAS

    @property
    def predictors(self) -> tuple[str, ...]:
        """The categories but the first."""
        return self.categories[1:]

    @property
    def has_categories(self) -> bool:
        """True."""
        return True

    @property
    def is_whole(self) -> bool:
        """True."""
        return True

    @property
    def mean_range(self) -> tuple[float, float]:
        """That of a probability."""
        return 0.0, 1.0

    def is_compiled(self) -> bool:
        """As in `ResponseFamily`."""
        return rows.sums_are_compiled(_FORMULAS)

    def derivatives(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """ℓ, at the first predictor of a row, and ℓ′, ℓ″, ℓ‴ by each of its own (4, n P)."""
        size = int(m[0])
        of_rows = eta.reshape(-1, size)
        found = np.zeros((4, *of_rows.shape))
        with np.errstate(over="ignore", invalid="ignore"):
            top = np.maximum(of_rows.max(axis=1), 0.0)
            shares = np.exp(of_rows - top[:, None])
            whole = np.exp(-top) + shares.sum(axis=1)
            p = shares / whole[:, None]
            found[0, :, 0] = (y * eta).reshape(-1, size).sum(axis=1) - top - np.log(whole)
            found[1] = y.reshape(-1, size) - p
            found[2] = -p * (1.0 - p)
            found[3] = found[2] * (1.0 - 2.0 * p)
        return found.reshape(4, -1)

    def dispersion_derivatives(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """None: (3, 0, n P)."""
        return np.empty((3, 0, len(y)))

    def precisions(self, y: Floats, m: Floats, found: Floats) -> Floats:
        """The block diag(p) − pp' of each row, flat (n P P,)."""
        p = (y - found[1]).reshape(-1, int(m[0]))
        blocks = -p[:, :, None] * p[:, None, :]
        at = np.arange(p.shape[1])
        blocks[:, at, at] = p - p * p
        return blocks.ravel()

    def pull_precisions(self, y: Floats, m: Floats, found: Floats, bar: Floats) -> Floats:
        """By η, Σ H(diag(p) − pp') has p ∘ (g − p'g) with g = diag(H) − 2Hp."""
        size = int(m[0])
        p, H = (y - found[1]).reshape(-1, size), bar.reshape(-1, size, size)
        H = 0.5 * (H + np.swapaxes(H, 1, 2))
        g = np.einsum("ncc->nc", H) - 2.0 * np.einsum("ncd,nd->nc", H, p)
        return np.asarray(p * (g - (p * g).sum(axis=1, keepdims=True))).ravel()

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """As `precisions`: ℓ is concave."""
        return self.precisions(y, m, self.derivatives(y, m, eta, phi))

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """None: zeros."""
        return np.zeros(len(y))

    def probabilities(self, eta: Floats, phi: Floats) -> Floats:
        """The probability of each category, the first included (n, K)."""
        of_rows = eta.reshape(-1, len(self.categories) - 1)
        whole = np.column_stack([np.zeros(len(of_rows)), of_rows])
        shares = np.exp(whole - whole.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def averaged_probabilities(self, eta: Floats, spread: Floats, nodes: int) -> Floats:
        """By `averaged_shares`: random effects of different categories are independent."""
        size = len(self.categories) - 1
        return averaged_shares(eta.reshape(-1, size), spread.reshape(-1, size), nodes)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """The probabilities of the categories but the first (n P,)."""
        return self.probabilities(eta, phi)[:, 1:].ravel()

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """p(1 − p) of each (n P,)."""
        p = self.mean(eta, m, phi)
        return p * (1.0 - p)

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """None.

        Raises
        ------
        FamilyError
            Always.
        """
        raise FamilyError(
            "categories without an order have no distribution function, and so no quantiles; "
            "residuals(kind='response') and kind='pearson' are of each category"
        )

    def start(self, y: Floats, m: Floats) -> Floats:
        """log (y_c + ½)/(y_0 + ½)."""
        of_rows = y.reshape(-1, int(m[0]))
        first = 1.0 - of_rows.sum(axis=1, keepdims=True)
        return np.log((of_rows + 0.5) / (first + 0.5)).ravel()

    def common_predictor(self, y: Floats, m: Floats) -> float:
        """The log odds of the categories against the first in all rows together, their mean."""
        counts = y.reshape(-1, int(m[0])).sum(axis=0)
        return float(np.log(counts / (len(y) / int(m[0]) - counts.sum())).mean())

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """1 at the category that a row gets, as y has it (n P,)."""
        below = np.cumsum(self.probabilities(eta, phi), axis=1)[:, :-1]
        found = (rng.random((len(below), 1)) > below).sum(axis=1)
        return self.indicators(found.astype(float))

    def indicators(self, codes: Floats) -> Floats:
        """1 at the category of each row, of those but the first (n P,), from codes (n,)."""
        at = np.arange(1, len(self.categories))
        return (codes[:, None] == at).astype(float).ravel()

    def codes(self, y: Floats) -> Floats:
        """The number of each row's category (n,), the first 0, from y (n P,)."""
        return y.reshape(-1, len(self.predictors)) @ np.arange(1.0, len(self.categories))

    # ------------------------------------------------------------ the response

    def of_response(self, response: Response) -> Categorical:
        """The family with the categories that occur."""
        return replace(self, categories=self._found(response))

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """1 at the category that a row has (n P,), and P."""
        labels = self.outcomes(response)
        codes = category_codes(response, self.name, labels)
        known = replace(self, categories=labels)
        y = known.indicators(codes.astype(float))
        return y, np.full(len(y), len(labels) - 1.0)

    def outcomes(self, response: Response) -> tuple[str, ...]:
        """Labels of the categories: those that are known, or those that occur.

        They are as a categorical has them, of others in order.
        """
        return self.categories or self._found(response)

    def _found(self, response: Response) -> tuple[str, ...]:
        response.one_column(self.name)
        column = response.first
        kind = column.dtype
        if isinstance(kind, pd.CategoricalDtype):
            if kind.ordered:
                raise DataError(
                    f"the response '{response.name}' does not fit the family Categorical: its "
                    "categories are ordered, which the family Cumulative takes; "
                    f"'{response.name}'.cat.as_unordered() says that they have no order"
                )
            values = categories_present(column)
        else:
            numbers = pd.api.types.is_numeric_dtype(column)
            if numbers:
                y = response.numbers()
                wanted = "categories are whole numbers, texts or a categorical"
                response.refuse(~(y == np.floor(y)), self.name, wanted, y)
            values = sorted(column.unique()) if numbers else sorted(column.unique(), key=str)
        if len(values) < _FEWEST:
            raise DataError(
                f"the response '{response.name}' does not fit the family Categorical: "
                f"{len(values)} categories occur, and it takes three or more; two have the family "
                "Bernoulli"
            )
        return category_labels(response, self.name, values)
