"""Data simulated of Gaussian models whose errors are not alike, and with offsets."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Three hundred persons at four occasions."""
    i = np.arange(1200)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"id": i // 4, "v": i % 4 + 1, "x": rng.normal(size=1200)})
    return frame.assign(
        w=10.0 ** (frame["v"] - 1), o=100.0 * frame["v"], sex=np.where(frame["id"] % 2, "M", "F"),
        y=frame["x"] + rng.normal(size=300)[frame["id"]] + rng.normal(size=1200),
    )  # fmt: skip


def simulated(rows: pd.DataFrame, formula: str = "y ~ x + (1 | id)", **words: Any) -> hb.Simulated:
    fit = hb.Model(formula, rows, **words).reml()
    return hb.simulate(fit, data=rows, seed=2)


def by_occasion(found: hb.Simulated, rows: pd.DataFrame) -> Any:
    """Errors (300, 4)."""
    return found.truth.residuals.to_numpy().reshape(-1, 4)


def test_weights_and_known_errors(rows: pd.DataFrame) -> None:
    """The errors are the normal numbers of equal seeds, each as wide as its row."""
    fit = hb.Model("y ~ x + (1 | id)", rows, weights="w").reml()
    normals = by_occasion(simulated(rows), rows) / hb.Model("y ~ x + (1 | id)", rows).reml().sigma
    weighted = by_occasion(hb.simulate(fit, data=rows, seed=2), rows)
    assert_allclose(weighted, fit.sigma * normals / np.sqrt([1.0, 10.0, 100.0, 1000.0]))
    known = by_occasion(simulated(rows, known_sd="w"), rows)
    assert_allclose(known, normals * [1.0, 10.0, 100.0, 1000.0])


def test_an_offset_is_added(rows: pd.DataFrame) -> None:
    found = simulated(rows, "y ~ x + offset(o) + (1 | id)")
    truth = found.truth
    eta = truth.beta["Intercept"].to_numpy()[rows["id"]] + truth.gamma["x"] * rows["x"]
    assert_allclose(found.data["y"], eta + rows["o"] + truth.residuals.to_numpy())
    assert_allclose(found.design.rows.observed, found.data["y"])


def test_errors_have_their_structure(rows: pd.DataFrame) -> None:
    """R of errors of many groups, each entry within six of its standard errors."""
    fit = hb.Model("y ~ x + (1 | id)", rows, residual=hr.AR1("v") * hr.Strata("v")).reml()
    shown = fit.error_draws[1][0, 0]
    later = rows.assign(id=rows["id"] + 1000)  # groups that are not those of the fit
    e = by_occasion(hb.simulate(fit, data=later, seed=3), later)
    sd = fit.sigma * np.append(1.0, shown[1:])
    lag = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    R = sd[:, None] * shown[0] ** lag * sd
    error = np.sqrt((np.outer(np.diag(R), np.diag(R)) + R**2) / len(e))
    assert (np.abs(e.T @ e / len(e) - R) < 6.0 * error).all()


def test_a_layout_needs_the_columns_of_errors(rows: pd.DataFrame) -> None:
    fit = hb.Model("y ~ x + (1 | id)", rows, weights="w").reml()
    with pytest.raises(hb.StudyError, match="the model needs 'w', which is not stated"):
        hb.simulate(fit, groups=3, sizes=2, variables={"x": ("normal", 0, 1)}, seed=1)


def test_what_cannot_be_drawn_is_refused(rows: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + (1 | id)", rows, residual=hr.AR1("v"))
    parameters: dict[str, Any] = {"gamma": [0.0, 1.0], "G": 1.0, "sigma": 1.0}
    with pytest.raises(hb.StudyError, match=r"simulate\(\): the parameters of the residual str"):
        hb.simulate(model.specification, data=rows, seed=1, **parameters)
    known = hb.Model("y ~ x + (1 | id)", rows, known_sd="w").specification
    with pytest.raises(hb.StudyError, match=r"errors are known, known_sd='w'; leave sigma= out"):
        hb.simulate(known, data=rows, seed=1, **(parameters | {"sigma": 2.0}))
    far = rows[:200].assign(y=rows["y"] + 20.0)
    fitted = hb.Model("y ~ x + (1 | id)", far, residual=hr.Power()).reml()
    with pytest.raises(hb.StudyError, match=r"simulate\(\) draws no errors whose variances foll"):
        hb.simulate(fitted, data=rows, seed=1)
