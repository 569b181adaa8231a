"""χ² and mixtures of χ²: where a parameter is tested that cannot be negative.

References
----------
Self & Liang (1987), *Asymptotic Properties of Maximum Likelihood Estimators and Likelihood
Ratio Tests Under Nonstandard Conditions*; Stram & Lee (1994), *Variance Components Testing in
the Longitudinal Mixed Effects Model*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy.special import chdtrc

from hierbayes.errors import InferenceError
from hierbayes.specification.counts import is_whole


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
    return " + ".join(f"{weight:g} χ²({df})" for df, weight in weights.items())
