"""Errors whose correlation depends on the lag alone: Toeplitz and ARMA(1, 1)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from hierbayes.errors import DataError, ResidualError
from hierbayes.residuals.bound_values import Booleans, Integers, Parameter
from hierbayes.residuals.coordinates import log_one_less_square
from hierbayes.residuals.occasion_matrices import Matrices
from hierbayes.residuals.occasions import OfOccasions


@dataclass(frozen=True, repr=False)
class Toeplitz(OfOccasions):
    """A correlation for each lag between whole times, banded or not.

    Parameters
    ----------
    time : str, optional
        A column of whole numbers; by default the order of the rows within their group.
    group : str, optional
        As in `AR1`.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.
    """

    has_linear_form = True

    def _refuse(self, labels: tuple[str, ...], seen: Booleans) -> None:
        T = len(labels)
        for lag in range(1, T):
            if not np.diagonal(seen, lag).any():
                raise DataError(
                    f"no group has rows that are {lag} apart, so that nothing tells their "
                    "correlation; use hb.residuals.AR1, which has one parameter"
                )

    def matrices(self, labels: tuple[str, ...]) -> Matrices:
        """As in `OfOccasions`."""
        T = len(labels)
        lag = _lags(T)

        def matrix(z: Any) -> Any:
            rho = _autocorrelations(np.tanh(z))
            return np.concatenate([np.ones_like(rho[..., :1]), rho], axis=-1)[..., lag]

        usual = ("UniformPartials", ())  # of partial autocorrelations
        parameters = tuple(
            Parameter(f"rho[{h}]", "bounded", (-1.0, 1.0), usual, "rho", volume=T - 1.0 - h)
            for h in range(1, T)
        )
        start = np.concatenate([[0.2], np.zeros(T - 2)])
        return Matrices(
            parameters, start, matrix, lambda z: _autocorrelations(np.tanh(z)), np.zeros_like,
            alone=np.asarray,
        )  # fmt: skip


@dataclass(frozen=True, repr=False)
class ARMA(OfOccasions):
    """ARMA(1, 1): correlation ρ₁ of neighbours in time, and φ^(h − 1)ρ₁ at lag h.

    With the moving average θ, ρ₁ = (1 + φθ)(φ + θ)/(1 + 2φθ + θ²).

    Parameters
    ----------
    time : str, optional
        A column of whole numbers; by default the order of the rows within their group.
    group : str, optional
        As in `AR1`.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.

    References
    ----------
    nlme's ``corARMA(p = 1, q = 1)``: Pinheiro & Bates (2000), section 5.3.
    """

    def __post_init__(self) -> None:
        orders = [one for one in (self.time, self.group) if isinstance(one, Real)]
        if orders:
            raise ResidualError(
                "ARMA is always of orders (1, 1) and takes columns, that of times first, as in "
                f"hb.residuals.ARMA('week'), not {orders[0]!r}"
            )
        super().__post_init__()

    def matrices(self, labels: tuple[str, ...]) -> Matrices:
        """As in `OfOccasions`."""
        T = len(labels)
        lag = _lags(T)

        def matrix(z: Any) -> Any:
            return _of_arma(np.arange(T), z)[..., lag]

        limits = (-1.0, 1.0)
        parameters = tuple(
            Parameter(name, "bounded", limits, ("Uniform", limits)) for name in ("phi", "theta")
        )
        first, *others = np.array([[0.3, 0.1], [1.0, -0.6], [-0.8, 0.5], [-0.3, -0.3]])
        return Matrices(
            parameters, first, matrix, np.tanh, log_one_less_square,
            others=tuple(others),  # ℓ has a ridge along φ = −θ
            at_lags=_of_arma,
        )  # fmt: skip


def _of_arma(lag: Integers, z: Any) -> Any:
    """Correlations of ARMA(1, 1) at whole lags, of their shape after that of z (..., 2)."""
    phi, theta = np.split(np.tanh(z), 2, axis=-1)  # (..., 1)
    first = (1.0 + phi * theta) * (phi + theta) / (1.0 + 2.0 * phi * theta + theta**2)
    flat = lag.ravel()
    found = np.where(flat == 0, 1.0, first * phi ** np.maximum(flat - 1, 0))
    return found.reshape(*found.shape[:-1], *lag.shape)


def _lags(T: int) -> Integers:
    """|s − t| (T, T) of T times."""
    return np.abs(np.subtract.outer(np.arange(T), np.arange(T)))


def _autocorrelations(partial: Any) -> Any:
    """ρ₁, ρ₂, ... from partial autocorrelations (..., k), by Durbin and Levinson."""
    rho = partial[..., :1]
    phi = partial[..., :1]
    left = 1.0 - phi**2
    for k in range(1, partial.shape[-1]):
        last = partial[..., k : k + 1]
        next_one = last * left + (phi * rho[..., ::-1]).sum(axis=-1, keepdims=True)
        phi = np.concatenate([phi - last * phi[..., ::-1], last], axis=-1)
        left = left * (1.0 - last**2)
        rho = np.concatenate([rho, next_one], axis=-1)
    return rho
