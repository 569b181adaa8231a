"""What a response is given its linear predictor and dispersion: its mean, and new ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr

from hierbayes.design.family_rows import FamilyRows
from hierbayes.design.matrices import columns_needed, one_column
from hierbayes.design.problem import Problem
from hierbayes.design.row_weights import refuse_bad_weights, root_weights_of
from hierbayes.errors import DataError
from hierbayes.families.beta import Beta
from hierbayes.families.binomial import Binomial
from hierbayes.families.categorical import Categorical
from hierbayes.families.counts import Counts
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.positive import Positive
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.frames.arrays import Floats
from hierbayes.specification.formula import Specification


class ResponseLaw(ABC):
    """The distribution of the responses of some rows, given η and the dispersion φ.

    η (n P,) is of all predictors of each row in turn, φ (d,) as η is computed.
    """

    @property
    def categories(self) -> tuple[str, ...]:
        """Labels of what a response may be, where it is categories; otherwise none."""
        return ()

    @property
    def is_linear(self) -> bool:
        """Whether the mean of the response is η."""
        return False

    @property
    def range(self) -> tuple[float, float]:
        """Between which numbers its mean lies, or a probability of categories; infinite ends."""
        return -np.inf, np.inf

    @property
    def predictors(self) -> int:
        """P, how many linear predictors a row has."""
        return 1

    @abstractmethod
    def mean(self, eta: Floats, phi: Floats) -> Floats:
        """Expected responses (n,): of counts out of trials their share."""

    @abstractmethod
    def probabilities(self, eta: Floats, phi: Floats) -> Floats:
        """The probability of each category (n, K)."""

    @abstractmethod
    def below(self, y: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """P(Y < y) and P(Y ≤ y) (n,), which are equal where Y has a density."""

    @abstractmethod
    def log_density(self, y: Floats, eta: Floats, phi: Floats) -> Floats:
        """Log density, or probability, (n,) of responses y (n P,)."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, eta: Floats, phi: Floats) -> Floats:
        """New responses (n,): of trials the successes, categories by their number."""

    def of_kind(self, kind: str, eta: Floats, phi: Floats, rng: np.random.Generator) -> Floats:
        """What is asked of the rows: linear predictors, their mean, probabilities, or new ones."""
        if kind == "linear":
            return eta
        if kind == "response":
            return self.draw(rng, eta, phi)
        return self.probabilities(eta, phi) if kind == "probability" else self.mean(eta, phi)

    @property
    def sizes(self) -> Floats | float:
        """What turns an expected response into an expected new one: the trials."""
        return 1.0

    def part(self, at: slice) -> ResponseLaw:
        """That of some of the rows."""
        return self

    def repeated(self, times: int) -> ResponseLaw:
        """That of the rows so many times, all of them after each other."""
        return self


@dataclass(frozen=True, slots=True, eq=False)
class GaussianLaw(ResponseLaw):
    """y = η + ε, φ = (σ,).

    Parameters
    ----------
    row_sd : (n,) float, float or None
        Standard deviations of ε beside σ; None where new rows do not say what they weigh.
    """

    row_sd: Floats | float | None = 1.0

    def sd(self, phi: Floats) -> Floats | float:
        """Standard deviation of ε (n,).

        Raises
        ------
        DataError
            When new rows do not say what they weigh.
        """
        if self.row_sd is None:
            raise DataError(
                "errors have standard deviations by row, and the new rows do not say what theirs "
                "are: give them the column of the weights, or of known standard deviations"
            )
        return phi[0] * self.row_sd

    def part(self, at: slice) -> GaussianLaw:
        """That of some of the rows."""
        return GaussianLaw(self.row_sd[at]) if isinstance(self.row_sd, np.ndarray) else self

    def repeated(self, times: int) -> GaussianLaw:
        """That of the rows so many times."""
        if isinstance(self.row_sd, np.ndarray):
            return GaussianLaw(np.tile(self.row_sd, times))
        return self

    @property
    def is_linear(self) -> bool:
        """True."""
        return True

    def mean(self, eta: Floats, phi: Floats) -> Floats:
        """η."""
        return eta

    def probabilities(self, eta: Floats, phi: Floats) -> Floats:
        """None: it is no category.

        Raises
        ------
        DataError
        """
        raise DataError(
            "scale='probability' is of ordered or nominal categories, and this response is "
            "Gaussian; leave it out"
        )

    def below(self, y: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Those of N(η, σ²)."""
        found = np.asarray(ndtr((y - eta) / self.sd(phi)))
        return found, found

    def log_density(self, y: Floats, eta: Floats, phi: Floats) -> Floats:
        """That of N(η, σ²)."""
        sd = self.sd(phi)
        z = (y - eta) / sd
        return np.asarray(-0.5 * (z * z + np.log(2.0 * np.pi)) - np.log(sd))

    def draw(self, rng: np.random.Generator, eta: Floats, phi: Floats) -> Floats:
        """η and an error."""
        return eta + self.sd(phi) * rng.standard_normal(len(eta))


@dataclass(frozen=True, slots=True, eq=False)
class FamilyLaw(ResponseLaw):
    """Responses of a family.

    Parameters
    ----------
    family : ResponseFamily
    m : (n P,) or (n P, 1 + k) float
        Sizes, and columns that the response depends on beside η.
    labels : tuple of str
        Of categories.
    of_trials : bool
        Whether m counts trials.
    counted : bool
        Whether the trials of these rows are known.
    """

    family: ResponseFamily
    m: Floats
    labels: tuple[str, ...]
    of_trials: bool
    counted: bool

    @property
    def categories(self) -> tuple[str, ...]:
        """Labels of ordered or nominal categories."""
        return self.labels if isinstance(self.family, Categorical | Cumulative) else ()

    @property
    def range(self) -> tuple[float, float]:
        """That of shares, of positive numbers, or of the numbers of categories."""
        inside = getattr(self.family, "inside", self.family)
        if isinstance(inside, Binomial | Beta | Categorical):
            return 0.0, 1.0
        if isinstance(inside, Cumulative):
            return 0.0, len(self.labels) - 1.0
        return (0.0 if isinstance(inside, Counts | Positive) else -np.inf), np.inf

    @property
    def predictors(self) -> int:
        """Those of nominal categories."""
        return max(len(self.family.predictors), 1)

    @property
    def sizes(self) -> Floats | float:
        """Trials (n,).

        Raises
        ------
        DataError
            When new rows do not say how many.
        """
        if not self.of_trials:
            return 1.0
        if not self.counted:
            raise DataError(
                "new responses are counts out of trials, and the new rows do not say of how many: "
                "give them the columns that the left side of the formula counts trials by"
            )
        return self.m if self.m.ndim == 1 else self.m[:, 0]

    def part(self, at: slice) -> FamilyLaw:
        """That of some of the rows."""
        P = self.predictors
        return replace(self, m=self.m[at.start * P : at.stop * P])

    def repeated(self, times: int) -> FamilyLaw:
        """That of the rows so many times."""
        return replace(self, m=np.concatenate([self.m] * times))

    def mean(self, eta: Floats, phi: Floats) -> Floats:
        """The family's."""
        return self.family.mean(eta, self.m, phi)

    def probabilities(self, eta: Floats, phi: Floats) -> Floats:
        """Those of categories.

        Raises
        ------
        DataError
            When the response is no category.
        """
        if not isinstance(self.family, Categorical | Cumulative):
            raise DataError(
                "scale='probability' is of ordered or nominal categories, and the family of this "
                f"model is {self.family}; leave it out"
            )
        return self.family.probabilities(eta, phi)

    def below(self, y: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """The family's.

        Raises
        ------
        FamilyError
            When it states no distribution function.
        """
        return self.family.below(y, self.m, eta, phi)

    def log_density(self, y: Floats, eta: Floats, phi: Floats) -> Floats:
        """The family's, constants included."""
        found = self.family.derivatives(y, self.m, eta, phi)[0]
        found = found + self.family.log_constants(y, self.m)
        return np.asarray(found[:: self.predictors])  # the first predictor has that of its row

    def draw(self, rng: np.random.Generator, eta: Floats, phi: Floats) -> Floats:
        """The family's; successes of trials, categories by number."""
        _ = self.sizes  # refuses unknown trials
        drawn = self.family.draw(rng, self.m, eta, phi)
        return self.family.codes(drawn) if isinstance(self.family, Categorical) else drawn


def observed_responses(problem: Problem) -> Floats:
    """The responses (n P,) of the rows of a problem, as their law has them."""
    rows = problem.design.rows
    return rows.observed if rows.family is None else rows.family.y


def law_of(problem: Problem, rows: PredictionRows) -> ResponseLaw:
    """The law of the responses of rows."""
    if problem.family is None:
        return GaussianLaw(_row_sd(problem, rows))
    seen = problem.family_rows
    if rows.data is None:
        m, counted = seen.m, True
    else:
        m, counted = _sizes_of_new(problem.design.specification, seen, rows)
    return FamilyLaw(seen.family, m, seen.outcomes, seen.of_trials, counted)


def _row_sd(problem: Problem, rows: PredictionRows) -> Floats | float | None:
    """Standard deviations of errors beside σ; None of rows that do not say what they weigh."""
    weighed = _weighed_sd(problem, rows)
    return None if weighed is None else weighed * problem.error_scale(rows.data)


def _weighed_sd(problem: Problem, rows: PredictionRows) -> Floats | float | None:
    """That of precision weights."""
    spec = problem.design.specification
    name = spec.weights or spec.known_sd
    if rows.data is None or not name:
        return problem.design.rows.row_sd
    if name not in rows.data:
        return None
    refuse_bad_weights(spec, rows.data)
    root = root_weights_of(spec, rows.data)
    return None if root is None else 1.0 / root


def _sizes_of_new(
    spec: Specification, seen: FamilyRows, rows: PredictionRows
) -> tuple[Floats, bool]:
    """What m is of new rows, and whether their trials are known."""
    data = rows.data
    assert data is not None
    m, trials = np.full(len(rows.X), seen.family.constant), _trials(spec, data)
    if seen.of_trials and trials is not None:
        m = trials
    m = m if seen.further is None else seen.further.of_new_rows(m, data)
    return m, trials is not None


def _trials(spec: Specification, data: pd.DataFrame) -> Floats | None:
    """The trials of new rows; None where they do not say."""
    if spec.trials is None:
        return None
    other = spec.trials.other
    wanted = (other,) if spec.trials.kind == "trials" else (other, spec.response)
    if not set(columns_needed(wanted)) <= set(data.columns):
        return None
    parts = [one_column(text, data, spec.functions, "trials") for text in wanted]
    return np.asarray(sum(parts), dtype=np.float64)
