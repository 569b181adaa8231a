"""Few rows leave several maxima: the highest is found, and one that is not the highest is told."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation import residual_maximum
from hierbayes.estimation.other_maxima import FEW_ROWS, spread
from hierbayes.estimation.residual_search import ResidualSearch
from hierbayes.fit.saving.error_parts import error_arrays, error_numbers, errors_again
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.likelihood.reading import ML

ONE, TWO = "y ~ x + (1 | g)", "y ~ x + (1 | h) + (1 | g)"


def fitted(model: hb.Model, reading: str) -> StructuredPointFit:
    fit = model.reml() if reading == "REML" else model.ml()
    assert isinstance(fit, StructuredPointFit)
    return fit


def moments_of(model: hb.Model) -> ResidualMoments:
    moments = model.problem.moments
    assert moments is not None
    return moments


def rows(seed: int) -> pd.DataFrame:
    r = np.random.default_rng(seed)
    J, T = int(r.integers(4, 10)), int(r.integers(3, 6))
    data = pd.DataFrame([(j, t) for j in range(J) for t in range(T)], columns=["g", "t"])
    data = data[r.random(len(data)) < 0.85].reset_index(drop=True)
    n = len(data)
    data["x"], data["v"] = r.normal(size=n), np.exp(r.normal(size=n))
    data["s"] = np.where(r.random(n) < 0.4, "a", "b")
    data["h"] = data["g"] % 3
    sd = np.where(data["s"] == "a", 0.4, 1.0)
    data["y"] = data["x"] + r.normal(size=J)[data["g"]] + sd * r.normal(size=n)
    return data


def dense(data: pd.DataFrame, V: Any, *, restricted: bool) -> float:
    """The likelihood at V up to its size, which is profiled out."""
    X, n = np.column_stack([np.ones(len(data)), data["x"]]), len(data)
    precision = np.linalg.inv(V)
    cross = X.T @ precision @ X
    left = data["y"] - X @ np.linalg.solve(cross, X.T @ precision @ data["y"])
    freedom = n - 2 * restricted
    found = freedom * (np.log(2.0 * np.pi * (left @ precision @ left) / freedom) + 1.0)
    found += np.linalg.slogdet(V)[1] + restricted * np.linalg.slogdet(cross)[1]
    return float(-0.5 * found)


def relative(data: pd.DataFrame, phi: float, log_sd: Any, ratio: float) -> Any:
    """V/σ² of AR(1) errors and a random intercept."""
    g, t, sd = data["g"].to_numpy(), data["t"].to_numpy(), np.exp(np.asarray(log_sd))
    same = np.equal.outer(g, g)
    lag = np.abs(np.subtract.outer(t, t))
    return same * (ratio**2 + phi**lag * np.multiply.outer(sd, sd))


# log-likelihoods: the highest of many searches
CASES = [
    (13, ONE, hr.AR1("t") * hr.Strata("s"), "REML", -56.34901),
    (126, ONE, hr.AR1("t") * hr.Strata("s"), "ML", -10.92360),
    (182, ONE, hr.AR1("t") * hr.Power("v"), "ML", -35.67024),
    (3, ONE, hr.Power("v"), "REML", -30.96758),
    (5, ONE, hr.Toeplitz("t") * hr.Strata("s"), "ML", -33.17482),
    (139, ONE, hr.CAR1("t") * hr.Strata("s"), "REML", -21.78638),
    (20, TWO, hr.AR1("t") * hr.Strata("s"), "ML", -35.83899),
]


@pytest.mark.parametrize(("seed", "formula", "structure", "reading", "highest"), CASES)
def test_the_highest_of_several_maxima_is_found(
    seed: int, formula: str, structure: hr.ResidualStructure, reading: str, highest: float
) -> None:
    fit = fitted(hb.Model(formula, rows(seed), residual=structure), reading)
    assert fit.loglik == pytest.approx(highest, abs=1e-5)
    assert fit.diagnose().ok


@pytest.mark.parametrize(
    ("seed", "reading", "phi", "of_errors", "ratio"),
    [
        (13, "REML", 0.89551, 1.69825, 0.0),
        (126, "ML", -0.88325, 5.55001, 0.0),
        (182, "ML", -0.96033, 0.82418, 0.9285),
        (3, "REML", 0.0, -0.52624, 2.2494),
    ],
)
def test_it_is_as_high_as_the_dense_likelihood_is_there(
    seed: int, reading: str, phi: float, of_errors: float, ratio: float
) -> None:
    data = rows(seed)
    _, formula, structure, _, _ = next(case for case in CASES if case[0] == seed)
    if "Power" in structure.text:
        log_sd = of_errors * np.log(data["v"])
    else:
        log_sd = np.where(data["s"] == "b", np.log(of_errors), 0.0)
    there = dense(data, relative(data, phi, log_sd, ratio), restricted=reading == "REML")
    fit = fitted(hb.Model(formula, data, residual=structure), reading)
    assert fit.loglik == pytest.approx(there, abs=1e-6)


def test_others_are_looked_for_as_long_as_rows_are_few() -> None:
    """A look takes several times as long as a search."""
    i = np.arange(FEW_ROWS + 1)
    data = pd.DataFrame({"g": i // 5, "t": i % 5, "x": np.sin(1.7 * i * i)})
    data["y"] = data["x"] + np.sin(3.1 * data["g"]) + np.cos(2.3 * i * i)
    model = hb.Model(ONE, data[:FEW_ROWS], residual=hr.AR1("t"))
    few, more = fitted(model, "REML"), fitted(hb.Model(ONE, data, residual=hr.AR1("t")), "REML")
    assert few.errors.evaluations > 4 * more.errors.evaluations
    assert few.diagnose().ok and more.diagnose().ok


def test_of_more_rows_the_diagnosis_finds_the_higher_maximum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(residual_maximum, "FEW_ROWS", 0)
    fit = hb.Model(ONE, rows(13), residual=hr.AR1("t") * hr.Strata("s")).reml()
    assert fit.loglik < -56.6
    found = fit.diagnose()
    assert not found.ok
    assert found.verdict == "The maximum is not certain in the parameters of the errors:"
    wanted = (
        "another maximum of the likelihood is higher by 0.34, where phi = 0.8955, "
        "ratio[b] = 1.698: the search ended at this one; model.sample() shows what each is worth"
    )
    assert wanted in found.findings


def test_a_likelihood_without_end_is_told(tmp_path: Any) -> None:
    """Rows of a stratum that are reproduced send ML to infinity, and not REML."""
    model = hb.Model(ONE, rows(58), residual=hr.Strata("s"))
    assert model.reml().diagnose().ok
    fit = fitted(model, "ML")
    assert fit.errors.higher > 2.0
    finding = fit.diagnose().findings[0]
    assert finding.startswith("far from this maximum the likelihood is higher by 2.9 or more")
    assert (np.abs(fit.errors.best.z) < 3.0).all()  # it is one inside all the same
    fit.save(tmp_path / "fit.hbf")
    assert hb.load_fit(tmp_path / "fit.hbf").diagnose().findings[0] == finding


def test_where_a_search_ended_at_no_maximum_is_not_called_the_highest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five variances and correlations of some ten rows, of which ℓ tells no maximum.

    Of many parameters the search does not go on from everywhere.
    """
    rng = np.random.default_rng(11)
    kept = [(j, t) for j in range(4) for t in range(3) if rng.random() > 0.15]
    frame = pd.DataFrame(kept, columns=["id", "t"]).assign(y=rng.normal(size=len(kept)))
    model = hb.Model("y ~ t", frame, residual=hr.Unstructured("t", group="id"))
    evaluations = []
    for many in (36, 4):
        monkeypatch.setattr(residual_maximum, "_MANY_PARAMETERS", many)
        found = model.reml().diagnose()
        assert not found.ok
        said = next(one for one in found.findings if "the likelihood is higher by" in one)
        assert said.startswith("far from where the search ended the likelihood is higher by ")
        assert said.endswith(
            "or does not tell all parameters: no maximum was found inside; use a structure with "
            "fewer parameters, or model.sample()"
        )
        evaluations.append(found.table.loc["evaluations(errors)", "value"])
    assert evaluations[1] < evaluations[0]


def test_files_of_before_say_nothing_of_elsewhere() -> None:
    fit = fitted(hb.Model(ONE, rows(58), residual=hr.Strata("s")), "ML")
    arrays, numbers = error_arrays(fit.errors), error_numbers(fit.errors)
    assert errors_again(fit.problem, ML, arrays, numbers).higher == fit.errors.higher
    assert errors_again(fit.problem, ML, arrays, numbers[:3]).higher == 0.0


def test_a_correlation_near_1_that_no_row_tells_is_at_its_limit() -> None:
    law = moments_of(hb.Model(ONE, rows(13), residual=hr.AR1("t") * hr.Strata("s"))).rows
    at = np.array([5.5, -5.5])
    assert law.beyond(at, np.array([0.01, 50.0])).tolist() == [True, False]
    assert law.beyond(at, np.array([50.0, 0.01])).tolist() == [False, True]
    assert law.beyond(at / 2.0, np.array([0.01, 0.01])).tolist() == [False, False]
    assert law.beyond(np.array([13.0, 0.0]), np.array([50.0, 50.0])).tolist() == [True, False]
    gaps = moments_of(hb.Model(ONE, rows(13), residual=hr.CAR1("t"))).rows
    assert not gaps.beyond(np.array([-800.0]), np.zeros(1)).any()  # φ = 0 is a covariance


def test_a_likelihood_that_ends_beside_its_maximum_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of several factors, whose slopes are differences."""
    moments = moments_of(hb.Model(TWO, rows(20), residual=hr.AR1("t")))
    search = ResidualSearch(moments, (1, 1), ML)
    here = search.at(moments.rows.start)
    assert here is not None
    monkeypatch.setattr(search, "at", lambda z: None)
    with pytest.raises(hb.EstimationError, match=r"beside its maximum; .* AR1\('t'\) has more par"):
        search.slope(here)


@pytest.mark.parametrize(("k", "count"), [(1, 8), (2, 48), (5, 48)])
def test_places_fill_their_cube_evenly(k: int, count: int) -> None:
    found = spread(k, count)
    assert found.shape == (count, k)
    assert_allclose(found.mean(axis=0), 0.0, atol=0.15)
    for i in range(k):  # about as many in each quarter
        quarters = np.histogram(found[:, i], bins=4, range=(-1.0, 1.0))[0]
        assert abs(quarters - count / 4).max() <= 2.0


def test_places_where_weights_are_no_numbers_are_passed_by() -> None:
    """Of a covariate far from zero, whose σ is that of an error there."""
    data = rows(13).assign(far=lambda frame: frame["t"] + 400.0)
    near = hb.Model(ONE, data, residual=hr.Exponential("t")).reml()
    far = hb.Model(ONE, data, residual=hr.Exponential("far")).reml()
    assert far.loglik == pytest.approx(near.loglik, abs=1e-6)


def test_a_maximum_beside_which_there_is_no_likelihood_is_not_certain() -> None:
    fit = fitted(hb.Model(ONE, rows(13), residual=hr.AR1("t")), "ML")

    def around() -> Any:
        raise hb.EstimationError("there is none beside it")

    alone = replace(fit.errors, around=around)
    assert not alone.is_told
    assert alone.curvature.tolist() == [0.0]
    found = replace(fit, errors=alone)
    assert not found.diagnose().ok
    assert found.diagnose().verdict == "The maximum is not certain in the parameters of the errors:"
    assert np.isnan(found.coordinate_cov).all()
    with pytest.raises(hb.EstimationError, match="there is none beside it"):
        _ = alone.information
