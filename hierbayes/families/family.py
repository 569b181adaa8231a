"""A family of responses as a value: the table of functions that every engine reads."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hierbayes.errors import DataError, FamilyError
from hierbayes.families import rows
from hierbayes.families.response import Response
from hierbayes.families.rows import Formulas
from hierbayes.frames.arrays import Floats

TRIALS, EXPOSURE = "trials", "exposure"  # how rows of equal η add up to one


@dataclass(frozen=True, slots=True)
class ResponseFamily:
    """What the response y of a row is, given its linear predictor η and dispersion φ.

    A family is equal to another of the same name, link and constants.  Arrays are over rows:
    y (n,), m (n,), η (n,); φ (d,) is on its natural scale.  m is what a row needs besides y: the
    trials of a binomial, the degrees of freedom of Student's t, the number of ordered categories,
    otherwise 1.

    Attributes
    ----------
    name : str
        As in ``hb.families``.
    links : tuple of str
        The links it may have; the first is its own.
    link : str
        The link it has.
    """

    name: ClassVar[str]
    links: ClassVar[tuple[str, ...]]
    link: str

    def __post_init__(self) -> None:
        if self.link not in self.links:
            raise FamilyError(
                f"{self.name} has no link {self.link!r}; it has: {', '.join(self.links)}"
            )

    @property
    def title(self) -> str:
        """What it is called on a page."""
        return self.name

    @property
    def dispersion(self) -> tuple[str, ...]:
        """Names of φ."""
        return ()

    @property
    def dispersion_kinds(self) -> tuple[str, ...]:
        """Of each φ: 'positive', 'real', 'ordered' (increasing), or 'coefficient' of a column."""
        return ("positive",) * len(self.dispersion)

    @property
    def further_terms(self) -> tuple[str, ...]:
        """Terms of columns that the response depends on beside η; their values stand in m."""
        return ()

    @property
    def turned(self) -> Floats | None:
        """T (k, k): the last k of φ, coefficients of those columns, are T times numbers of size 1.

        None without such columns.
        """
        return None

    @property
    def adds_up(self) -> str:
        """How rows of equal η are one: their y and m, or their y and means, added; "" if not."""
        return ""

    @property
    def predictors(self) -> tuple[str, ...]:
        """Names of the P linear predictors of a row, where it has several; otherwise none.

        Arrays over rows are then over predictors within rows, (n P,).
        """
        return ()

    @property
    def limits(self) -> tuple[tuple[ResponseFamily, str], ...]:
        """Families that it becomes where a parameter of φ comes to an end, and what that is."""
        return ()

    @property
    def has_categories(self) -> bool:
        """Whether a response is one of some ordered or nominal categories."""
        return False

    @property
    def is_whole(self) -> bool:
        """Whether responses are whole numbers: counts, successes, or numbers of categories."""
        return False

    @property
    def dispersion_moves_mean(self) -> bool:
        """Whether the mean, or a probability, depends on φ given η."""
        return False

    @property
    def is_boundless_where_exact(self) -> bool:
        """Whether the density of a response has no bound where η is its `start` in every row."""
        return False

    @property
    def mean_range(self) -> tuple[float, float]:
        """Between which numbers the mean of a response lies; infinite ends.

        Of counts out of trials, of their share; of nominal categories, of a probability.
        """
        return -np.inf, np.inf

    @property
    def constant(self) -> float:
        """What m is of every row where it is not data."""
        return 1.0

    # ------------------------------------------------------------ compiled

    @abstractmethod
    def formulas(self) -> Formulas:
        """The compiled formulas of a row."""

    def rows_address(self) -> int:
        """Address of the C function of all rows.

        ``void(int64 n, int64 d, double *y, double *m, double *eta, double *phi, double *out)``
        fills ``out`` (1 + d + n,) with Σℓ, ∂Σℓ/∂φ and ℓ′ of each row.  Σℓ is −∞ where it
        overflows.  It is compiled once on a machine.
        """
        return rows.rows_address(self.formulas())

    def derivatives_address(self) -> int:
        """Address of the C function of the derivatives of all rows, of the same form.

        Of one linear predictor it fills ``out`` (4 + 3d, n) with `derivatives`, and then
        `dispersion_derivatives` flat.
        """
        return rows.derivatives_address(self.formulas())

    def is_compiled(self) -> bool:
        """Whether the machine code of this family and link is on disk already."""
        return rows.is_compiled(self.formulas())

    def derivatives(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """ℓ, ℓ′, ℓ″ and ℓ‴ of each row by η, (4, n); ℓ is without `log_constants`."""
        return rows.derivatives(self.formulas(), y, m, eta, phi)[:4]

    def dispersion_derivatives(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """∂ℓ/∂φ, ∂ℓ′/∂φ and ∂ℓ″/∂φ of each row, (3, d, n)."""
        if not len(phi):
            return np.empty((3, 0, len(y)))
        found = rows.derivatives(self.formulas(), y, m, eta, phi)[4:]
        return found.reshape((3, len(phi), len(y)))

    # ------------------------------------------------------------ of whole arrays

    @abstractmethod
    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """What of each row's log density depends on y and m alone, (n,)."""

    def log_constant(self, y: Floats, m: Floats) -> float:
        """Sum of `log_constants`: Σℓ and this are the log density of the response."""
        return float(self.log_constants(y, m).sum())

    def precisions(self, y: Floats, m: Floats, found: Floats) -> Floats:
        """−ℓ″ of each row (n,) from its `derivatives`; of P predictors the blocks, (n P P,)."""
        return -found[2]

    def pull_precisions(self, y: Floats, m: Floats, found: Floats, bar: Floats) -> Floats:
        """The derivative by η of Σ ``bar`` × `precisions`, ``bar`` (n,) or (n P P,) held."""
        return -found[3] * bar

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Positive weights (n,) for a step of Newton's method: −ℓ″ of a log-concave family.

        Of P predictors blocks, as `precisions`.
        """
        return np.maximum(-self.derivatives(y, m, eta, phi)[2], np.finfo(float).tiny)

    @abstractmethod
    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """Expected response (n,) given η and m; of counts out of m, the expected share."""

    def predictor_of_mean(self, mean: float) -> float | None:
        """The η of a `mean` inside `mean_range`, where it depends on η alone; otherwise none."""
        return None

    @abstractmethod
    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """Variance (n,) of the response given η; of counts out of m, that of the share."""

    def probabilities(self, eta: Floats, phi: Floats) -> Floats:
        """The probability of each category (n, K) given η (n P,).

        Raises
        ------
        DataError
            When the response is no category.
        """
        raise DataError(
            "scale='probability' is of ordered or nominal categories, and the family of this "
            f"model is {self}; leave it out"
        )

    def averaged_probabilities(self, eta: Floats, spread: Floats, nodes: int) -> Floats:
        """`probabilities` (n, K) averaged over P > 1 linear predictors of mean η and sd (n P,).

        Raises
        ------
        FamilyError
            When rows have one linear predictor, over which anything is averaged alike.
        """
        raise FamilyError(f"{self.name} has one linear predictor a row")

    @abstractmethod
    def start(self, y: Floats, m: Floats) -> Floats:
        """A sensible η (n,) for each row from its response alone."""

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """A sensible φ (d,) from the responses alone."""
        return np.empty(0)

    @property
    def latent_constant(self) -> float | None:
        """Variance of a latent response given η, where it is the same for every φ; otherwise none.

        π²/3 of the logit link, 1 of probit, π²/6 of cloglog.
        """
        return None

    def latent_variance(self, phi: Floats) -> Floats | None:
        """Variance (...) of a latent response given η and φ (..., d); none without such a scale."""
        constant = self.latent_constant
        return None if constant is None else np.full(phi.shape[:-1], constant)

    @property
    def has_latent_scale(self) -> bool:
        """Whether there is a latent response with a variance of its own."""
        return self.latent_variance(np.ones(len(self.dispersion))) is not None

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """P(Y < y) and P(Y ≤ y) (n,) given η, which are equal where Y has a density.

        Raises
        ------
        FamilyError
            When the family states no distribution function.
        """
        raise FamilyError(f"{self.name} states no distribution function, which this needs")

    @abstractmethod
    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Responses (n,) at random, given η."""

    # ------------------------------------------------------------ the response

    @abstractmethod
    def read(self, response: Response) -> tuple[Floats, Floats]:
        """The numbers y (n,) and m (n,) of a response.

        Raises
        ------
        DataError
            A value is impossible in this family; the message names the first such row.
        """

    def codes(self, y: Floats) -> Floats:
        """One number (n,) for each row of responses y (n P,): of categories theirs."""
        return y

    def indicators(self, codes: Floats) -> Floats:
        """Responses y (n P,) that have these `codes` (n,)."""
        return codes

    def of_response(self, response: Response) -> ResponseFamily:
        """The family as it is with this response: of ordered categories, with their labels."""
        return self

    def outcomes(self, response: Response) -> tuple[str, ...]:
        """The labels of what y counts as 0, 1, …; none where the response is numbers."""
        return ()
