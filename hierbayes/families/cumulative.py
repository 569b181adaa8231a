"""Ordered categories: thresholds on a latent response."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from hierbayes.compilation import inner
from hierbayes.errors import DataError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.links import LATENT_VARIANCE, SIDED, predictor, probability
from hierbayes.families.response import (
    Response,
    categories_present,
    category_codes,
    category_labels,
)
from hierbayes.families.rows import Formulas
from hierbayes.frames.arrays import Floats

_FEWEST = 3


def _between_of(link: str) -> Any:
    """log(F(a) − F(b)), a > b, and what its derivatives by a and b are made of.

    In the tail where both lie it is log F(a) + log(1 − r) with r = F(b)/F(a), or log(1 − F(b)) +
    log(1 − r) with r = (1 − F(a))/(1 − F(b)): nothing is subtracted that is nearly equal.
    """
    sided = SIDED[link]

    def between(a, b):
        above = b > 0.0  # take 1 − F
        if above:
            large, small = sided(0.0, 1.0, b), sided(0.0, 1.0, a)
        else:
            large, small = sided(1.0, 0.0, a), sided(1.0, 0.0, b)
        rho = small[0] - large[0]  # log r
        w = 1.0 / math.expm1(-rho)  # r/(1 − r)
        return above, large, small, large[0] + math.log(-math.expm1(rho)), w

    return inner(between, f"cumulative_between_{link}")


def _row_of(link: str, between: Any) -> Any:
    """ℓ = log(F(τ_y − η) − F(τ_{y−1} − η)), whose derivatives by η are those by both τ, turned."""
    sided = SIDED[link]

    def row(y, m, eta, phi):
        k, last = int(y), phi.shape[0]
        if k == 0:
            value, first, second, third = sided(1.0, 0.0, phi[0] - eta)
            return value, -first, second, -third
        if k == last:
            value, first, second, third = sided(0.0, 1.0, phi[last - 1] - eta)
            return value, -first, second, -third
        _, large, small, value, w = between(phi[k] - eta, phi[k - 1] - eta)
        v = w * (1.0 + w)
        r1, r2, r3 = small[1] - large[1], small[2] - large[2], small[3] - large[3]
        first = large[1] - w * r1
        second = large[2] - v * r1 * r1 - w * r2
        third = large[3] - v * (1.0 + 2.0 * w) * r1 * r1 * r1 - 3.0 * v * r1 * r2 - w * r3
        return value, -first, second, -third

    return inner(row, f"cumulative_row_{link}")


def _row_phi_of(link: str, row: Any, between: Any) -> Any:
    """By one of two thresholds directly; by the other as what is left of the derivative by both."""

    def row_phi(y, m, eta, phi, out):
        k, last = int(y), phi.shape[0]
        for c in range(last):
            out[0, c], out[1, c], out[2, c] = 0.0, 0.0, 0.0
        _, first, second, third = row(y, m, eta, phi)
        if k == 0 or k == last:
            c = min(k, last - 1)
            out[0, c], out[1, c], out[2, c] = -first, -second, -third
            return
        above, large, small, _, w = between(phi[k] - eta, phi[k - 1] - eta)
        v = w * (1.0 + w)
        r1, r2 = small[1] - large[1], small[2] - large[2]
        one = -w * small[1]
        two = -v * small[1] * r1 - w * small[2]
        three = -v * ((1.0 + 2.0 * w) * small[1] * r1 * r1 + 2.0 * r1 * small[2] + small[1] * r2)
        three -= w * small[3]
        at, other = (k, k - 1) if above else (k - 1, k)
        out[0, at], out[1, at], out[2, at] = one, -two, three
        out[0, other], out[1, other], out[2, other] = -first - one, two - second, -third - three

    return inner(row_phi, f"cumulative_row_phi_{link}")


def _formulas_of(link: str) -> Formulas:
    between = _between_of(link)
    row = _row_of(link, between)
    return Formulas(f"cumulative_{link}", row, _row_phi_of(link, row, between))


_FORMULAS = {link: _formulas_of(link) for link in SIDED}


@dataclass(frozen=True, slots=True)
class Cumulative(ResponseFamily):
    """Ordered categories 0, …, K − 1 with P(y ≤ k) = F(τ_k − η) and K − 1 increasing thresholds.

    F is the inverse of the link.  φ are the thresholds τ, which stand for an intercept.

    Attributes
    ----------
    categories : tuple of str
        Labels of the categories, once the data are known (`of_response`).
    """

    name: ClassVar[str] = "Cumulative"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    link: str = "logit"
    categories: tuple[str, ...] = field(default=(), repr=False)

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _FORMULAS[self.link]

    @property
    def dispersion(self) -> tuple[str, ...]:
        """The thresholds, as "low|high" with the labels on both sides; none before data."""
        return tuple(f"{a}|{b}" for a, b in zip(self.categories, self.categories[1:], strict=False))

    @property
    def dispersion_kinds(self) -> tuple[str, ...]:
        """All of them 'ordered'."""
        return ("ordered",) * len(self.dispersion)

    @property
    def has_categories(self) -> bool:
        """True."""
        return True

    @property
    def is_whole(self) -> bool:
        """True."""
        return True

    @property
    def dispersion_moves_mean(self) -> bool:
        """True."""
        return True

    @property
    def mean_range(self) -> tuple[float, float]:
        """That of the numbers of categories."""
        return 0.0, float(len(self.dispersion))

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """None: zeros."""
        return np.zeros(len(y))

    def probabilities(self, eta: Floats, phi: Floats) -> Floats:
        """The probability of each category, (n, K)."""
        above = self._above(eta, phi)
        ends = np.ones((len(eta), 1)), np.zeros((len(eta), 1))
        return -np.diff(np.hstack([ends[0], above, ends[1]]), axis=1)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """The expected category, counted from 0."""
        return self._above(eta, phi).sum(axis=1)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """The variance of the category's number."""
        above = self._above(eta, phi)
        return above @ (2.0 * np.arange(len(phi)) + 1.0) - above.sum(axis=1) ** 2

    def _above(self, eta: Floats, phi: Floats) -> Floats:
        """P(y > k) of all thresholds, (n, K − 1)."""
        x = phi - eta[:, None]
        if self.link == "cloglog":
            with np.errstate(over="ignore"):
                return np.exp(-np.exp(x))
        return probability(self.link, -x)

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """The probability of lower categories, and with that of the row's own."""
        total = np.cumsum(self.probabilities(eta, phi), axis=1)
        total = np.minimum(np.hstack([np.zeros((len(eta), 1)), total]), 1.0)
        at, rows = y.astype(int), np.arange(len(eta))
        return total[rows, at], total[rows, at + 1]

    def start(self, y: Floats, m: Floats) -> Floats:
        """The link of the share of rows below, half of a row's own category included."""
        shares = np.bincount(y.astype(int), minlength=int(m[0])) + 0.5
        middles = (np.cumsum(shares) - 0.5 * shares) / shares.sum()
        return predictor(self.link, middles)[y.astype(int)]

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """The link of the shares of rows up to each category."""
        shares = np.bincount(y.astype(int), minlength=int(m[0])) + 0.5
        return predictor(self.link, np.cumsum(shares)[:-1] / shares.sum())

    @property
    def latent_constant(self) -> float | None:
        """π²/3 (logit), 1 (probit) or π²/6 (cloglog)."""
        return float(LATENT_VARIANCE[self.link])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Numbers of categories."""
        return (rng.random((len(eta), 1)) < self._above(eta, phi)).sum(axis=1).astype(float)

    def of_response(self, response: Response) -> Cumulative:
        """The family with the categories that occur."""
        return replace(self, categories=self._found(response))

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Categories as 0, …, K − 1, and K; ones without order, or fewer than three, are refused.

        Of a family that knows its categories, others are refused.
        """
        labels = self.outcomes(response)
        codes = category_codes(response, self.name, labels)
        return codes.astype(float), np.full(len(codes), float(len(labels)))

    def outcomes(self, response: Response) -> tuple[str, ...]:
        """Labels of the categories: those that are known, or those that occur, in their order."""
        return self.categories or self._found(response)

    def _found(self, response: Response) -> tuple[str, ...]:
        response.one_column(self.name)
        column = response.first
        if isinstance(column.dtype, pd.CategoricalDtype):
            if not column.dtype.ordered:
                raise DataError(_NO_ORDER.format(response.name, "its categories have no order"))
            values = categories_present(column)
        else:
            if not pd.api.types.is_numeric_dtype(column):
                raise DataError(_NO_ORDER.format(response.name, "it is text, which has no order"))
            y = response.numbers()
            wanted = "ordered categories are whole numbers or an ordered categorical"
            response.refuse(~(y == np.floor(y)), self.name, wanted, y)
            values = sorted(column.unique())
        if len(values) < _FEWEST:
            raise DataError(
                f"the response '{response.name}' does not fit the family Cumulative: "
                f"{len(values)} ordered categories occur, and it takes three or more; two have "
                "the family Bernoulli"
            )
        return category_labels(response, self.name, values)


_NO_ORDER = (
    "the response '{}' does not fit the family Cumulative: {}; make it an ordered categorical, "
    "pd.Categorical(…, categories=[…], ordered=True)"
)
