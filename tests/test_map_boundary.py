"""A mode of the posterior on the boundary: what is zero there is said to be zero."""

import numpy as np
import pandas as pd

import hierbayes as hb


def rows() -> pd.DataFrame:
    """Twelve groups that differ in their intercepts, and slopes that are the same in all."""
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(12), 10), np.tile(np.linspace(-1.0, 1.0, 10), 12)
    noise = rng.normal(size=len(g))
    for group in range(12):  # no group has a slope of its own
        at = g == group
        noise[at] -= (x[at] @ noise[at]) / (x[at] @ x[at]) * x[at]
    return pd.DataFrame({"y": rng.normal(size=12)[g] + x + noise, "x": x, "g": g})


def test_a_variance_of_zero_is_no_rounding() -> None:
    fit = hb.Model("y ~ x + (1 | g) + (0 + x | g)", rows()).map()
    assert fit.singular
    assert fit.var_corr().loc["x", "sd"] == 0.0
    assert "the variance of 'x' is estimated as zero" in str(fit.diagnose())
    assert (fit.ranef()["x"] == 0.0).all() and fit.ranef()["Intercept"].std() > 0.1


def test_a_correlation_with_it_is_unknown() -> None:
    fit = hb.Model("y ~ x + (1 + x | g)", rows()).map()
    table = fit.var_corr()
    assert table.loc["x", "sd"] == 0.0 and np.isnan(table.loc["x", "corr[Intercept]"])
