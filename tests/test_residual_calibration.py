"""Calibration and power with residual structures: truths, data, ranks, refusals."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.likelihood.theta import Theta
from hierbayes.studies.calibration.designs import Size, resized
from hierbayes.studies.calibration.error_truths import error_coordinates, errors_of_fit
from hierbayes.studies.calibration.new_data import DataSource
from hierbayes.studies.calibration.ranks import true_quantities
from hierbayes.studies.calibration.truths import Truth, read_truth
from tests.test_residual_structures import ROWS, STRUCTURES, errors_by_hand, posed

STRUCTURE = hr.AR1("week") * hr.Strata("sex")
PRIORS: dict[str, Any] = {
    "gamma": hb.Normal(0, 3), "sd": hb.HalfNormal(1), "sigma": hb.HalfNormal(2),
}  # fmt: skip
ERRORS = {"phi": 0.5, "ratio[M]": 1.5}
TRUTH: dict[str, Any] = {"gamma": [1.0, 0.5], "G": 1.0, "sigma": 1.0, "residual": ERRORS}


@pytest.fixture(scope="module")
def model() -> hb.Model:
    return hb.Model("y ~ x + (1 | g)", ROWS, residual=STRUCTURE, priors=PRIORS)


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_parameters_have_one_place_among_the_coordinates(structure: hr.ResidualStructure) -> None:
    moments = posed(structure, "y ~ x").problem.moments
    assert moments is not None
    rows = moments.rows
    z = rows.start + 0.3 * np.cos(np.arange(2.0 * len(rows.start)).reshape(2, -1))
    assert_allclose(error_coordinates(rows, rows.natural(z)), z, atol=1e-9)


def test_data_are_drawn_with_the_errors_of_the_truth(model: hb.Model) -> None:
    """Of many responses the covariance of those of two groups, against n × n matrices."""
    assert model.problem.moments is not None
    z = error_coordinates(model.problem.moments.rows, np.array([[0.5, 1.5]]))[0]
    theta = Theta.of(np.array([[0.8]]), np.array(1.2))
    truth = Truth(np.array([1.0, 0.5]), theta, np.append(1.2, z))
    source, rng = DataSource(model.problem), np.random.default_rng(3)
    y = np.array([source.draw(truth, rng).problem.design.rows.response for _ in range(1000)])
    some = np.flatnonzero(ROWS["g"].isin(["p3", "p5"]))
    same = ROWS["g"].to_numpy()[:, None] == ROWS["g"].to_numpy()
    V = 1.44 * errors_by_hand(STRUCTURE, ROWS, ERRORS) + 0.64 * same
    error = np.sqrt((V**2 + np.outer(np.diag(V), np.diag(V))) / 1000)
    off = (np.cov(y.T) - V) / error
    assert np.abs(off[np.ix_(some, some)]).max() < 6.0
    means = (y.mean(axis=0) - 1.0 - 0.5 * ROWS["x"]) / np.sqrt(np.diag(V) / 1000)
    assert np.abs(means).max() < 6.0


def test_the_likelihood_that_is_ranked_is_the_dense_one(model: hb.Model) -> None:
    assert model.problem.moments is not None
    z = error_coordinates(model.problem.moments.rows, np.array([[0.5, 1.5]]))[0]
    theta = Theta.of(np.array([[0.8]]), np.array(1.2))
    truth = Truth(np.array([1.0, 0.5]), theta, np.append(1.2, z))
    drawn = DataSource(model.problem).draw(truth, np.random.default_rng(1))
    found = true_quantities(truth, drawn, (np.array([2]),))
    same = ROWS["g"].to_numpy()[:, None] == ROWS["g"].to_numpy()
    V = 1.44 * errors_by_hand(STRUCTURE, ROWS, ERRORS) + 0.64 * same
    y = drawn.problem.design.rows.response - 1.0 - 0.5 * ROWS["x"].to_numpy()
    assert_allclose(found[:6], [1.0, 0.5, 0.8, 1.2, 0.5, 1.5], rtol=1e-9)
    assert found[6] == drawn.us[0][2, 0]
    assert_allclose(found[7], multivariate_normal.logpdf(y, cov=V), rtol=1e-9)


def test_a_fit_is_a_truth_of_other_rows(model: hb.Model) -> None:
    """Gaps of a design with other rows differ, and with them the coordinate of φ."""
    structure = hr.CAR1("week")
    root = np.linalg.cholesky(errors_by_hand(structure, ROWS, {"phi": 0.8}))
    rows = ROWS.assign(y=3.0 * root @ np.random.default_rng(8).normal(size=len(ROWS)))
    other = hb.Model("y ~ x + (1 | g)", rows, residual=structure, priors=PRIORS)
    fit = other.reml()
    assert errors_of_fit(fit)[0][0, 0] > 0.1
    few = resized(other, Size(6, 3), 2)
    drawn = read_truth(fit, other, "calibrate").draw(few, 5, 1)
    assert few.moments is not None
    phi = few.moments.rows.natural(drawn.phi[:, 1:])
    assert_allclose(phi[:, 0], errors_of_fit(fit)[0][0, 0], rtol=1e-9)
    assert_allclose(drawn.phi[:, 0], fit.sigma)
    with pytest.raises(
        hb.StudyError, match=r"^truth is of a model with other parameters of errors"
    ):
        read_truth(fit, model, "calibrate")


def test_groups_inside_groups_are_others_in_other_groups() -> None:
    model = hb.Model("y ~ x + (1 | clinic)", ROWS, residual=hr.AR1("week", group="g"))
    more = resized(model, Size(9, None), 1)
    assert more.moments is not None
    assert more.moments.rows.group == "g"
    assert len(more.moments.rows.labels) > ROWS["g"].nunique()
    assert more.moments.rows.labels[0].split(".")[0] == "1"


def test_coverage_is_of_the_parameters_of_errors_too(model: hb.Model) -> None:
    words: Any = dict(replications=4, seed=2, cores=1, progress=False, refits=2)
    found = hb.calibrate(model, TRUTH, methods=["reml", "bootstrap"], **words)
    of = found.estimates.xs("residual", level="block")
    for name, value in ERRORS.items():
        own = of.xs(name, level="parameter")
        assert len(own) == 8
        assert_allclose(own["truth"], value, rtol=1e-9)
        assert own[["lower", "estimate", "upper"]].notna().all(axis=None)
    assert "phi" in str(found)


@pytest.mark.slow
def test_ranks_are_of_the_parameters_of_errors_too(model: hb.Model) -> None:
    found = hb.calibrate(
        model, replications=2, seed=1, cores=1, progress=False, draws=200, effects=1
    )
    named = found.ranks.columns.tolist()
    assert ("residual", "phi") in named and ("residual", "ratio[M]") in named
    assert found.ranks.notna().all(axis=None)


def test_power_of_a_model_without_a_random_part() -> None:
    model = hb.Model("y ~ x", ROWS, residual=hr.CompoundSymmetry(group="g"))
    truth = {"gamma": [1.0, 2.0], "sigma": 1.0, "residual": {"rho": 0.4}}
    found = hb.power(
        model, ["x"], truth, groups=[8, 20], replications=5, seed=1, progress=False, cores=1
    )
    assert found.table["power"].tolist() == [1.0, 1.0]
    assert found.table["half width"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        (None, "residual must be a mapping with the parameters of the errors, 'phi', 'ratio[M]', "
               "not None"),
        ({"phi": 0.5}, "residual must be a mapping with the parameters of the errors, 'phi', "
                       "'ratio[M]', not {'phi': 0.5}"),
        (ERRORS | {"phi": 1.5}, "errors of AR1('week') * Strata('sex') on these rows cannot have "
                                "phi = 1.5, which lies between -1 and 1"),
        (ERRORS | {"phi": "high"}, "residual['phi'] must be a number, not 'high'"),
    ],
)  # fmt: skip
def test_truths_that_are_none_are_refused(model: hb.Model, residual: Any, message: str) -> None:
    with pytest.raises(hb.StudyError) as refused:
        hb.calibrate(model, TRUTH | {"residual": residual}, replications=2)
    assert str(refused.value) == message


def test_variances_that_follow_fitted_values_are_refused() -> None:
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.Power())
    with pytest.raises(hb.ResidualError, match=r"^power\(\) is not made for variances that follow"):
        hb.power(model, ["x"], TRUTH)
