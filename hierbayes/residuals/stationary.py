"""Errors whose correlation depends on the lag alone: Toeplitz and ARMA(1, 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, init=False, repr=False)
class ARMA(OfOccasions):
    """ARMA(1, 1): correlation ρ₁ of neighbours in time, and φ^(h − 1)ρ₁ at lag h.

    With the moving average θ, ρ₁ = (1 + φθ)(φ + θ)/(1 + 2φθ + θ²).

    Parameters
    ----------
    *orders_or_columns : int or str
        Orders, then time and group; whatever is left out is stated by name, or by default.
    time : str, optional
        A column of whole numbers; by default the order of the rows within their group.
    group : str, optional
        As in `AR1`.
    p, q : int, optional
        The orders, both or none of them: 1 and 1 are all there are.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column, or orders are others.

    References
    ----------
    nlme's ``corARMA(p = 1, q = 1)``: Pinheiro & Bates (2000), section 5.3.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hb.residuals.ARMA(1, 1, time="week") == hb.residuals.ARMA("week", p=1, q=1)
    True
    """

    def __init__(
        self,
        *orders_or_columns: Any,
        time: str | None = None,
        group: str | None = None,
        p: int | None = None,
        q: int | None = None,
    ) -> None:
        orders = [one for one in orders_or_columns if isinstance(one, Real)]
        columns = [one for one in orders_or_columns if not isinstance(one, Real)]
        stated = _by_name(orders, {"p": p, "q": q}) | _by_name(
            columns, {"time": time, "group": group}
        )
        _refuse_other_orders(stated["p"], stated["q"])
        for name in ("time", "group"):
            object.__setattr__(self, name, stated[name])
        self.__post_init__()

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


def _by_name(given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name, those given by place before them.

    Raises
    ------
    ResidualError
        When there are more than names, or one is given twice.
    """
    found = dict(zip(named, given, strict=False))
    twice = [name for name in found if named[name] is not None]
    if len(given) > len(named) or twice:
        raise ResidualError(
            "ARMA takes two orders and two columns, each once, as in "
            f"hb.residuals.ARMA(1, 1, 'week'), and {', '.join(map(repr, given))} is more"
        )
    return {**named, **found}


def _refuse_other_orders(p: Any, q: Any) -> None:
    """Refuse orders that are not both 1; none are stated where both are None.

    Raises
    ------
    ResidualError
    """
    if p is None and q is None:
        return
    ones = [isinstance(one, Real) and not isinstance(one, bool) and one == 1 for one in (p, q)]
    if not all(ones):
        instead = "; hb.residuals.AR1 has p = 1 and q = 0" if ones[0] else ""
        raise ResidualError(
            f"ARMA is of the orders p = 1 and q = 1 alone, not p = {p!r} and q = {q!r}{instead}"
        )


def _of_arma(lag: Integers, z: Any) -> Any:
    """Correlations of ARMA(1, 1) at whole lags, of their shape after that of z (..., 2).

    With φ = tanh a and θ = tanh b that of neighbours is (tanh a + tanh(a + 2b))/2, which is no
    0/0 where both are ±1 in all digits.
    """
    a, b = np.split(z, 2, axis=-1)  # (..., 1)
    phi = np.tanh(a)
    first = 0.5 * (phi + np.tanh(a + 2.0 * b))
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
