"""CAR(1) errors whose φ is zero: independent where times differ, a maximum like any other."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

hr = hb.residuals
FORMULA = "y ~ t + (1 | g)"


def rows() -> pd.DataFrame:
    """Neighbours in time that differ more than by chance, at gaps of 0.5, 1 and 2.25."""
    rng = np.random.default_rng(3)
    parts = []
    for j in range(24):
        t = np.cumsum(rng.choice([0.5, 1.0, 2.25], 5))
        e = rng.normal(size=5)
        e[1:] -= 0.6 * e[:-1]
        y = 1.0 + 0.3 * t + rng.normal() + e
        parts.append(pd.DataFrame({"g": f"g{j}", "s": "ab"[j % 2], "t": t, "y": y}))
    return pd.concat(parts, ignore_index=True)


ROWS = rows()
STRUCTURES = {
    "alone": (hr.CAR1("t"), None, FORMULA),
    "with strata": (hr.CAR1("t") * hr.Strata("s"), hr.Strata("s"), FORMULA),
    "two factors": (hr.CAR1("t", group="g"), None, "y ~ t + (1 | g) + (1 | s)"),
}


def pair(name: str, engine: str = "reml") -> tuple[Any, Any]:
    """The fit, and that without the correlation."""
    errors, apart, formula = STRUCTURES[name]
    both = [getattr(hb.Model(formula, ROWS, residual=one), engine)() for one in (errors, apart)]
    return both[0], both[1]


@pytest.fixture(scope="module")
def fits() -> tuple[Any, Any]:
    return pair("with strata")


@pytest.mark.parametrize(
    ("name", "engine"), [("alone", "reml"), ("with strata", "ml"), ("two factors", "reml")]
)
def test_likelihood_is_that_of_independent_errors(name: str, engine: str) -> None:
    fit, apart = pair(name, engine)
    assert fit.evidence.value == pytest.approx(apart.evidence.value, abs=1e-8)
    assert fit.error_parameters["phi"] == 0.0
    assert fit.diagnose().ok


def test_limit_is_a_finding(fits: tuple[Any, Any]) -> None:
    found = fits[0].diagnose()
    assert found.verdict == "The REML maximum lies on the boundary: phi is zero."
    assert any("phi is estimated as zero, where errors at" in one for one in found.findings)
    assert "Beware" not in str(fits[0])


def test_all_else_is_as_without(fits: tuple[Any, Any]) -> None:
    fit, apart = fits
    limits, other = fit.intervals(), apart.intervals()
    assert limits.loc[("residual", "phi"), ["lower", "upper"]].isna().all()
    rest = limits.drop(index=("residual", "phi"))
    np.testing.assert_allclose(rest, other.loc[rest.index], rtol=1e-5)
    for df in ("satterthwaite", "kenward-roger"):
        both = [hb.wald(one, "t", df=df).joint["denDF"].iloc[0] for one in (fit, apart)]
        assert both[0] == pytest.approx(both[1], rel=1e-5)


def test_profile_ends_at_the_limit(fits: tuple[Any, Any]) -> None:
    fit = fits[0]
    limits = hb.profile(fit, ["phi", "ratio[b]"]).intervals().loc["residual"]
    assert limits.loc["phi", "lower"] == 0.0
    assert limits.loc["phi", "boundary"] == "lower"
    assert 0.0 < limits.loc["phi", "upper"] < 0.3
    without = hb.profile(fits[1], "ratio[b]").intervals().loc["residual"]
    np.testing.assert_allclose(
        limits.loc["ratio[b]", ["lower", "upper"]].astype(float),
        without.loc["ratio[b]", ["lower", "upper"]].astype(float),
        atol=5e-3,  # φ may move as the ratio does
    )


def test_next_row_given_those_before_takes_nothing_of_them(fits: tuple[Any, Any]) -> None:
    next_row = ROWS.head(1).assign(t=30.0)
    fit, _ = fits
    given = fit.predict(next_row, prob=0.9, errors="given")
    np.testing.assert_allclose(given, fit.predict(next_row, prob=0.9), rtol=1e-12)


def test_nearest_rows_that_are_alike_are_a_maximum_inside() -> None:
    """Hardly any correlation over the middle gap, and some over the smallest."""
    rng = np.random.default_rng(5)
    t = np.tile([0.0, 0.01, 3.0, 7.0], 30)
    g = np.repeat(np.arange(30), 4)
    e = rng.normal(size=120)
    e[1::4] = 0.8 * e[0::4] + 0.6 * e[1::4]
    fit: Any = hb.Model(
        "y ~ t", pd.DataFrame({"y": e, "t": t, "g": g}), residual=hr.CAR1("t", "g")
    ).ml()
    assert fit.diagnose().ok
    assert fit.error_parameters["phi"] < 1e-6
    near = fit.error_parameters["phi"] ** 0.01
    r = np.corrcoef(e[0::4], e[1::4])[0, 1]
    assert near == pytest.approx(r, abs=0.15)


def test_next_visit_without_a_random_part() -> None:
    """The regression on the errors before: of AR(1) only the last, times φ."""
    data = hb.load_dataset("orthodont")
    fit: Any = hb.Model("distance ~ age", data, residual=hr.AR1("age", group="Subject")).reml()
    new = data.groupby("Subject", observed=True).head(1).assign(age=15.0).head(3)
    last = data[(data["age"] == 14.0) & data["Subject"].isin(new["Subject"])]
    phi, mean = fit.error_parameters["phi"], fit.fixef() @ [1.0, 14.0]
    wanted = fit.fixef() @ [1.0, 15.0] + phi * (last["distance"].to_numpy() - mean)
    found = fit.predict(new, prob=0.9, errors="given")["predicted"]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
