"""χ² and mixtures of χ²: where a parameter is tested that cannot be negative.

Near the null an estimate is a projection of a normal one onto the directions that are allowed, a
cone; twice the difference of log-likelihoods is a mixture of χ², whose weights are the chances
that the projection lies on a face of so many dimensions.

References
----------
Self & Liang (1987), *Asymptotic Properties of Maximum Likelihood Estimators and Likelihood
Ratio Tests Under Nonstandard Conditions*; Stram & Lee (1994), *Variance Components Testing in
the Longitudinal Mixed Effects Model*; Kudô (1963), *A Multivariate Analogue of the One-Sided
Test*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import chdtrc

from hierbayes.errors import InferenceError
from hierbayes.frames.arrays import Floats
from hierbayes.specification.counts import is_whole

_EDGE = 4000  # pieces of the edge of a cap, for four digits of the weights and more


def upper_tail(chisq: float, weights: Mapping[int, float]) -> float:
    """P(mixture ≥ chisq) of χ² with weights by degrees of freedom; χ²₀ is always 0.

    Examples
    --------
    >>> upper_tail(3.841459, {1: 1.0}), upper_tail(3.841459, {0: 0.5, 1: 0.5})
    (0.05, 0.025)
    """
    if chisq <= 0.0:
        return 1.0
    return float(sum(w * chdtrc(df, chisq) for df, w in weights.items() if df > 0))


def half_and_half(df: int) -> dict[int, float]:
    """½χ²(df − 1) + ½χ²(df): one of df parameters, the new variance, cannot be negative."""
    return {df - 1: 0.5, df: 0.5}


def orthant_weights(V: Floats) -> tuple[float, ...] | None:
    """The weights of χ²(0), ..., χ²(s) for s ≤ 3 parameters that cannot be negative.

    Parameters
    ----------
    V : (s, s) float
        Covariance of their estimates, all other parameters free.

    Returns
    -------
    tuple of float or None
        None for s > 3, where they have no closed form.

    Examples
    --------
    >>> [round(weight, 4) for weight in orthant_weights(np.array([[1.0, 0.5], [0.5, 1.0]]))]
    [0.1667, 0.5, 0.3333]
    """
    scale = np.sqrt(np.diag(V))
    angles = np.arccos(np.clip(V / np.outer(scale, scale), -1.0, 1.0))
    if len(V) == 1:
        return 0.5, 0.5
    if len(V) == 2:
        none = float(angles[0, 1]) / (2.0 * np.pi)
        return none, 0.5, 0.5 - none
    if len(V) == 3:
        pairs = np.triu_indices(3, 1)
        inverse = np.linalg.inv(V)
        scale = np.sqrt(np.diag(inverse))
        partial = np.arccos(np.clip(-inverse / np.outer(scale, scale), -1.0, 1.0))
        two = (3.0 * np.pi - float(partial[pairs].sum())) / (4.0 * np.pi)
        three = (2.0 * np.pi - float(angles[pairs].sum())) / (4.0 * np.pi)
        return 0.5 - two, 0.5 - three, two, three
    return None


def covariance_weights(V: Floats) -> tuple[float, ...]:
    """The weights of χ²(0), ..., χ²(3) for a covariance matrix of two new effects.

    It has no negative eigenvalue.  In the metric of V its cone is elliptic, and meets the unit
    sphere in a cap: of what falls into the cap nothing is moved, of what falls near it all but one
    dimension is left.  By Gauss and Bonnet the cap's area and the length of its edge say all.

    Parameters
    ----------
    V : (3, 3) float
        Covariance of the estimates of the first variance, the covariance and the second.

    Examples
    --------
    >>> V = np.diag([2.0, 1.0, 2.0])  # where the cone is round: of half a right angle
    >>> [round(weight, 4) for weight in covariance_weights(V)]
    [0.1464, 0.3536, 0.3536, 0.1464]
    """
    units = np.diag(V)[[0, 2]] ** 0.25
    whitened = np.linalg.inv(np.linalg.cholesky(V))
    turn = np.linspace(0.0, np.pi, _EDGE + 1)
    passed = np.append(0.0, np.cumsum(_steps(_edge(turn, units, whitened))))
    turn = np.interp(np.linspace(0.0, passed[-1], _EDGE + 1), passed, turn)  # of equal lengths
    edge = _edge(turn, units, whitened)
    a, b = edge[:, :-1], edge[:, 1:]
    inside = a.mean(axis=1, keepdims=True)
    inside /= np.sqrt((inside**2).sum())
    # each triangle's area, by van Oosterom and Strackee
    volume = (inside * np.cross(a, b, axis=0)).sum(axis=0)
    sums = 1.0 + (inside * (a + b)).sum(axis=0) + (a * b).sum(axis=0)
    area = abs(float(2.0 * np.arctan2(volume, sums).sum()))
    three, two = area / (4.0 * np.pi), float(_steps(edge).sum()) / (4.0 * np.pi)
    return 0.5 - two, 0.5 - three, two, three


def _edge(turn: Floats, units: Floats, whitened: Floats) -> Floats:
    """Points (3, m) of the cap's edge: nn' for n in the direction of an angle."""
    x, y = units[0] * np.cos(turn), units[1] * np.sin(turn)
    edge: Floats = whitened @ np.array([x * x, x * y, y * y])
    return edge / np.sqrt((edge**2).sum(axis=0))


def _steps(edge: Floats) -> Floats:
    """The angles between each point and the next."""
    angles: Floats = 2.0 * np.arcsin(0.5 * np.sqrt((np.diff(edge) ** 2).sum(axis=0)))
    return angles


def read_mixture(mixture: Any, most: int) -> dict[int, float]:
    """Weights by degrees of freedom, of which the test has ``most``, checked.

    Raises
    ------
    InferenceError
        Saying what a mixture is.
    """
    good = isinstance(mixture, Mapping) and len(mixture) > 0
    good = good and all(is_whole(df) and df >= 0 for df in mixture)
    good = good and all(isinstance(w, float | int) and w >= 0.0 for w in mixture.values())
    if not good or abs(sum(mixture.values()) - 1.0) > 1e-9:
        raise InferenceError(
            "mixture must map degrees of freedom to weights that sum to 1, as in "
            f"{{1: 0.5, 2: 0.5}}, not {mixture!r}"
        )
    weights = {int(df): float(weight) for df, weight in mixture.items()}
    if max(weights) > most or weights.get(0) == 1.0:
        raise InferenceError(
            f"mixture must spread its weights over the degrees of freedom 0 to {most} of this "
            f"test, not all on 0, and this one is {mixture!r}"
        )
    return weights


def mixture_text(weights: Mapping[int, float]) -> str:
    """A mixture as text.

    Examples
    --------
    >>> mixture_text({1: 0.5, 2: 0.5})
    '0.5 χ²(1) + 0.5 χ²(2)'
    """
    return " + ".join(f"{weight:.4g} χ²({df})" for df, weight in weights.items())
