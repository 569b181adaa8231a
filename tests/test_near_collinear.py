"""Fixed columns that are nearly combinations of others are named, in any origin and unit."""

import re

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.near_collinear import near_combinations

GROUPS = 20


def data(own: float, shift: float = 0.0, unit: float = 1.0) -> pd.DataFrame:
    """A copy of x but for some of its spread, in other units."""
    rng = np.random.default_rng(2)
    n = GROUPS * 6
    x, w, e = rng.normal(size=(3, n))
    e -= (
        np.column_stack([np.ones(n), x, w])
        @ np.linalg.lstsq(np.column_stack([np.ones(n), x, w]), e, rcond=None)[0]
    )
    e /= e.std()
    g = np.repeat(np.arange(GROUPS), 6)
    y = x + w + rng.normal(size=GROUPS)[g] + rng.normal(size=n)
    copy = (x - x.mean()) / x.std() + own * e
    return pd.DataFrame({"y": y, "x": shift + unit * x, "w": shift + w, "copy": copy, "g": g})


@pytest.mark.parametrize(("shift", "unit"), [(0.0, 1.0), (2014.0, 1.0), (-5.0, 1e6), (0.1, 1e-6)])
@pytest.mark.parametrize(("own", "found"), [(0.9e-3, True), (1.1e-3, False)])
def test_both_sides_of_the_threshold(own: float, found: bool, shift: float, unit: float) -> None:
    model = hb.Model("y ~ x + w + copy + (1 | g)", data=data(own, shift, unit))
    near = near_combinations(model.problem)
    assert len(near) == found
    if found:
        assert near[0].column == "copy"
        assert near[0].own == pytest.approx(own, rel=1e-2)
        assert re.fullmatch(r"-?[\d.e+-]+·'x'", near[0].combination)


@pytest.mark.parametrize("formula", ["y ~ x * w + (1 | g)", "y ~ x + I(x ** 2) + (1 | g)"])
@pytest.mark.parametrize("shift", [0.0, 2014.0, 1e5])
def test_products_and_powers_far_from_zero_are_not_collinear(formula: str, shift: float) -> None:
    assert near_combinations(hb.Model(formula, data=data(1.0, shift)).problem) == ()


def test_the_diagnosis_and_the_page_say_so() -> None:
    fit = hb.Model("y ~ x + copy + (1 | g)", data=data(1e-5)).reml()
    said = [text for text in fit.diagnose().findings if "'copy' is nearly" in text]
    assert len(said) == 1 and "(condition 1e+05)" in said[0]
    assert any("'copy' is nearly" in line for line in fit.summary().about)
    assert not any(
        "is nearly" in text
        for text in hb.Model("y ~ x + copy + (1 | g)", data=data(0.1)).reml().diagnose().findings
    )
