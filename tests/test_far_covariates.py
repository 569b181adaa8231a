"""Variances by a covariate far from its origin, where σ would be no number."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr


def rows(year: float) -> pd.DataFrame:
    i = np.arange(80)
    data = pd.DataFrame({"g": i // 5, "t": i % 5 + 1.0, "x": np.sin(1.7 * i * i)})
    errors = np.cos(2.3 * i * i + 0.4) * np.exp(0.3 * data["t"])
    return data.assign(y=data["x"] + np.sin(data["g"] * 3.1) + errors, year=data["t"] + year)


def test_an_origin_too_far_is_refused_with_its_remedy() -> None:
    wanted = (
        r"σ exp\(δx\) means by σ the errors where 'year' is 0, and it is 1\.4e\+03 times its own "
        r"spread away from there, too far to compute with; move its origin, as in x - 2000"
    )
    with pytest.raises(hb.DataError, match=wanted):
        hb.Model("y ~ x + (1 | g)", rows(2000.0), residual=hr.Exponential("year"))
    wanted = r"where 'year' is 1, and its logarithm is 1\.1e\+04 times .*; divide it by a number of"
    with pytest.raises(hb.DataError, match=wanted):
        hb.Model("y ~ x", rows(2000.0), residual=hr.Power("year"))


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x + (1 | g)"])
def test_an_origin_less_far_changes_nothing_but_sigma(formula: str) -> None:
    data = rows(400.0)
    near = hb.Model(formula, data, residual=hr.Exponential("t")).reml()
    far = hb.Model(formula, data, residual=hr.Exponential("year")).reml()
    assert far.loglik == pytest.approx(near.loglik, abs=1e-6)
    rate = near.error_draws[1].item()
    assert far.error_draws[1].item() == pytest.approx(rate, rel=1e-4)
    assert np.log(far.sigma) == pytest.approx(np.log(near.sigma) - 400.0 * rate, rel=1e-4)
