"""What a response is given its linear predictor and dispersion: its mean, and new ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import ndtr

from hierbayes.errors import DataError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats


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
    def dispersion_moves_mean(self) -> bool:
        """Whether its mean, or a probability, depends on φ given η."""
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

    def averaged(self, kind: str, eta: Floats, spread: Floats, phi: Floats, nodes: int) -> Floats:
        """The ``"mean"`` or the ``"probability"`` of each category, averaged over normal η.

        Parameters
        ----------
        kind : str
        eta, spread : (n P,) float
            Mean and standard deviation; those of a row's several predictors are independent.
        phi : (d,) float
        nodes : int
            Of Gauss and Hermite's rule.
        """
        z, weights = np.polynomial.hermite_e.hermegauss(nodes)
        law = self.repeated(nodes)
        made = law.probabilities if kind == "probability" else law.mean
        found = made((eta + z[:, None] * spread).ravel(), phi)
        found = found.reshape(nodes, len(eta), *found.shape[1:])
        return np.asarray(np.tensordot(weights / weights.sum(), found, axes=1))

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
    lacking : str
        The column that would say it, in words.
    """

    row_sd: Floats | float | None
    lacking: str = field(default="", kw_only=True)

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
                f"are: give them {self.lacking}"
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
        return self.labels if self.family.has_categories else ()

    @property
    def dispersion_moves_mean(self) -> bool:
        """As of the family."""
        return self.family.dispersion_moves_mean

    @property
    def range(self) -> tuple[float, float]:
        """The family's."""
        return self.family.mean_range

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
        return self.family.probabilities(eta, phi)

    def averaged(self, kind: str, eta: Floats, spread: Floats, phi: Floats, nodes: int) -> Floats:
        """As of any response; the family has a rule for several linear predictors."""
        if self.predictors == 1:
            return ResponseLaw.averaged(self, kind, eta, spread, phi, nodes)
        found = self.family.averaged_probabilities(eta, spread, nodes)
        return found if kind == "probability" else found[:, 1:].ravel()

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
        return self.family.codes(self.family.draw(rng, self.m, eta, phi))
