"""Tail probabilities and quantiles of t and F, infinite degrees of freedom included."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr, stdtrit

from hierbayes.frames.arrays import Floats


def two_sided(t: Floats, df: Floats) -> Floats:
    """P(|T| > |t|) of t with df degrees of freedom, elementwise; missing where they are.

    Examples
    --------
    >>> two_sided(np.array([2.0, 2.0]), np.array([10.0, np.inf])).round(4).tolist()
    [0.0734, 0.0455]
    """
    normal = np.isinf(df)
    of_t = stdtr(np.where(normal, 1.0, df), -np.abs(t))
    tail: Floats = 2.0 * np.where(normal, ndtr(-np.abs(t)), of_t)
    return tail


def t_quantile(df: Floats, probability: float) -> Floats:
    """Quantile of t with df degrees of freedom, elementwise; missing where they are."""
    normal = np.isinf(df)
    of_t = stdtrit(np.where(normal, 1.0, df), probability)
    quantile: Floats = np.where(normal, ndtri(probability), of_t)
    return quantile


def f_tail(m: int, df: float, F: float) -> float:
    """P(F_{m, df} > F); with infinite df that of χ²_m/m.

    Examples
    --------
    >>> round(f_tail(2, np.inf, 3.0), 6) == round(float(np.exp(-3.0)), 6)
    True
    """
    return float(chdtrc(m, m * F) if np.isinf(df) else fdtrc(m, df, F))
