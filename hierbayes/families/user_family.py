"""Families that a user adds: a log density, or the formulas of a row by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any, ClassVar
from zlib import crc32

import numpy as np

from hierbayes.code_version import version_of
from hierbayes.compilation import inner
from hierbayes.errors import FamilyError
from hierbayes.families.density_code import formulas_of_density
from hierbayes.families.family import ResponseFamily
from hierbayes.families.links import predictor
from hierbayes.families.response import Response
from hierbayes.families.rows import Formulas, no_dispersion
from hierbayes.frames.arrays import Floats

TAKES = ("numbers", "positive", "counts", "shares")
_STEP, _CLOSE = 1e-5, 1e-5
_WANTED = {
    "positive": "it takes numbers above 0",
    "shares": "it takes numbers above 0 and below 1",
    "numbers": "it takes finite numbers",
}


@dataclass(frozen=True, slots=True, init=False)
class Family(ResponseFamily):
    """A family of responses of one's own.

    Parameters
    ----------
    log_density : callable, optional
        ``log_density(y, eta, phi)``, the log density or probability of one response given its
        linear predictor and dispersion, ``phi`` a list of numbers: arithmetic, comparisons and
        functions of ``pytensor.tensor`` (exp, log, log1p, expm1, sqrt, gammaln, erf, sigmoid,
        switch and so on).  Its derivatives are made by PyTensor.
    row, row_phi : callables, optional
        By hand in its place, for numba: ``row(y, m, eta, phi)`` returns ℓ, ℓ′, ℓ″ and ℓ‴ by η (m
        is 1), and ``row_phi(y, m, eta, phi, out)`` fills ``out`` (3, d) with ∂/∂φ of the first
        three.
    name : str
        What it is called; it has to be given, and so has ``mean``.
    mean : callable
        ``mean(eta, phi)`` of arrays (n,) and (d,): the expected response.
    link : str
        The scale of η, for starts: "identity", "log" or "logit".
    takes : str
        Which responses there are: "numbers", "positive", "counts" or "shares".
    dispersion : tuple of str
        Names of φ.
    kinds : tuple of str, optional
        Of each φ "positive" or "real"; by default all are positive.
    variance, draw : callables, optional
        ``variance(eta, phi)`` and ``draw(rng, eta, phi)``, for Pearson residuals and simulation.
    dispersion_start : tuple of float, optional
        Where searches for φ begin: by default 1 or 0.

    Raises
    ------
    FamilyError
        When something is missing.  A derivative that does not agree with differences of the
        formulas is refused when the family meets responses.

    Examples
    --------
    >>> import hierbayes as hb
    >>> import numpy as np, pytensor.tensor as pt
    >>> from scipy.special import gamma
    >>> weibull = hb.families.Family(
    ...     lambda y, eta, phi: pt.log(phi[0] / y) + phi[0] * (pt.log(y) - eta)
    ...     - pt.exp(phi[0] * (pt.log(y) - eta)),
    ...     name="Weibull", link="log", takes="positive", dispersion=("shape",),
    ...     mean=lambda eta, phi: np.exp(eta) * gamma(1 + 1 / phi[0]))
    >>> weibull
    Family(name='Weibull', link='log', dispersion=('shape',))
    """

    links: ClassVar[tuple[str, ...]] = ("identity", "log", "logit")
    name: str  # type: ignore[misc]  # of each value here; the base has one for each class
    link: str
    log_density: Callable[..., Any] | None = field(repr=False)
    made: Formulas = field(repr=False)
    takes: str = field(repr=False)
    named: tuple[str, ...] = field(repr=False)
    kinds: tuple[str, ...] = field(repr=False)
    first: tuple[float, ...] = field(repr=False)
    moments: tuple[Callable[..., Any] | None, ...] = field(repr=False)

    def __init__(
        self,
        log_density: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        mean: Callable[..., Any] | None = None,
        link: str = "identity",
        takes: str = "numbers",
        dispersion: tuple[str, ...] = (),
        kinds: tuple[str, ...] | None = None,
        row: Callable[..., Any] | None = None,
        row_phi: Callable[..., Any] | None = None,
        variance: Callable[..., Any] | None = None,
        draw: Callable[..., Any] | None = None,
        dispersion_start: tuple[float, ...] | None = None,
    ) -> None:
        if not isinstance(name, str) or not name or not callable(mean):
            what = "name= and mean=" if not (name or mean) else "mean=" if name else "name="
            raise FamilyError(
                f"a family of one's own needs {what}, as in hb.families.Family(log_density, "
                "name='Weibull', mean=lambda eta, phi: np.exp(eta)): what it is called, and the "
                "expected response given η and φ"
            )
        dispersion = tuple(dispersion)
        kinds = ("positive",) * len(dispersion) if kinds is None else tuple(kinds)
        if takes not in TAKES:
            raise FamilyError(f"{name}: takes must be one of {', '.join(TAKES)}, not {takes!r}")
        if len(kinds) != len(dispersion) or not set(kinds) <= {"positive", "real"}:
            raise FamilyError(f"{name}: kinds has 'positive' or 'real' for each of {dispersion}")
        if (log_density is None) == (row is None) or not callable(log_density or row):
            raise FamilyError(
                f"{name}: give the function log_density, or row (and row_phi) by hand"
            )
        if row is not None and dispersion and row_phi is None:
            raise FamilyError(f"{name}: row by hand needs row_phi for its dispersion")
        if log_density is not None:
            made = formulas_of_density(name, log_density, len(dispersion))
        else:
            made = _by_hand(name, row, row_phi if dispersion else None)
        start = tuple(float(kind == "positive") for kind in kinds)
        values = {
            "name": name, "link": link, "log_density": log_density, "made": made, "takes": takes,
            "named": dispersion, "kinds": kinds, "moments": (mean, variance, draw),
            "first": start if dispersion_start is None else tuple(dispersion_start),
        }  # fmt: skip
        for key, value in values.items():
            object.__setattr__(self, key, value)
        ResponseFamily.__post_init__(self)

    def __repr__(self) -> str:
        dispersion = f", dispersion={self.named}" if self.named else ""
        return f"Family(name={self.name!r}, link={self.link!r}{dispersion})"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return self.made

    @property
    def dispersion(self) -> tuple[str, ...]:
        """As stated."""
        return self.named

    @property
    def dispersion_kinds(self) -> tuple[str, ...]:
        """As stated."""
        return self.kinds

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """None: zeros; ℓ is the whole log density."""
        return np.zeros(len(y))

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """The size of ℓ″, whatever its sign."""
        return np.maximum(np.abs(self.derivatives(y, m, eta, phi)[2]), np.finfo(float).tiny)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """As stated."""
        return self._stated(0, "mean")(eta, phi)

    @property
    def dispersion_moves_mean(self) -> bool:
        """Whether there is any: what the stated mean makes of it is not known."""
        return bool(self.dispersion)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """As stated; missing, as Pearson residuals are then, where it is not."""
        if self.moments[1] is None:
            return np.full(len(eta), np.nan)
        return self._stated(1, "variance")(eta, phi)

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """As stated."""
        return np.asarray(self._stated(2, "draw")(rng, eta, phi), dtype=float)

    def _stated(self, place: int, what: str) -> Callable[..., Any]:
        found = self.moments[place]
        if found is None:
            raise FamilyError(f"{self.name} states no {what}, which this needs: give {what}=")
        return lambda *arguments: np.asarray(found(*arguments), dtype=float)

    def start(self, y: Floats, m: Floats) -> Floats:
        """The link of y, kept inside."""
        if self.link == "log":
            return np.log(np.maximum(y, 0.0) + 0.5 * (self.takes == "counts") + 1e-12)
        if self.link == "logit":
            return predictor("logit", np.clip(y, 0.02, 0.98))
        return y

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """As stated."""
        return np.array(self.first)

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Responses as ``takes`` says; derivatives that are wrong at them are refused."""
        response.one_column(self.name)
        if self.takes == "counts":
            y = response.counts(self.name)
        else:
            y = response.numbers()
            good = np.isfinite(y) & ((y > 0.0) | (self.takes == "numbers"))
            good &= (y < 1.0) | (self.takes != "shares")
            response.refuse(~good, self.name, _WANTED[self.takes], y)
        values = np.unique(y)
        self._refuse_wrong(values[np.linspace(0, len(values) - 1, 9).astype(int)])
        return y, np.ones(len(y))

    def _refuse_wrong(self, y: Floats) -> None:
        """Refuse derivatives that differ from central differences of what they are of."""
        m, eta, phi = np.ones(len(y)), self.start(y, np.ones(len(y))) + 0.1, np.array(self.first)
        found = self.derivatives(y, m, eta, phi)
        up, down = (self.derivatives(y, m, eta + h, phi) for h in (_STEP, -_STEP))
        for k in range(3):
            self._refuse_far(f"ℓ{'′' * (k + 1)}", found[k + 1], up[k] - down[k], y)
        by_phi = self.dispersion_derivatives(y, m, eta, phi)
        for c, k in product(range(len(phi)), range(3)):
            h = _STEP * (np.arange(len(phi)) == c)
            up, down = (self.derivatives(y, m, eta, phi + step) for step in (h, -h))
            said = f"∂ℓ{'′' * k}/∂{self.named[c]}"
            self._refuse_far(said, by_phi[k, c], up[k] - down[k], y)

    def _refuse_far(self, what: str, stated: Floats, difference: Floats, y: Floats) -> None:
        numeric = difference / (2.0 * _STEP)
        size = 1.0 + np.abs(numeric)
        with np.errstate(invalid="ignore"):
            bad = ~(np.abs(stated - numeric) <= _CLOSE * size)
        if bad.any():
            k = int(bad.argmax())
            raise FamilyError(
                f"{self.name}: {what} is {stated[k]:.6g} at the response {y[k]:.6g}, and "
                f"differences of what it is the derivative of give {numeric[k]:.6g}: mend the "
                "formula"
            )


def _by_hand(name: str, row: Any, row_phi: Any) -> Formulas:
    """Formulas of functions for numba, under a name that changes with their code."""
    plain = [getattr(one, "py_func", one) for one in (row, row_phi) if one is not None]
    said = " ".join(f"{version_of(one):08x}" for one in plain)
    word = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    full = f"{word}_{crc32(said.encode()):08x}"
    made = [
        one if hasattr(one, "py_func") else inner(one, f"{called}_{full}")
        for one, called in ((row, "row"), (row_phi, "row_phi"))
        if one is not None
    ]
    return Formulas(full, made[0], made[1] if len(made) > 1 else no_dispersion)
