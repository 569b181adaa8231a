"""AR(1) errors at other gaps than 1: where a search begins, and even gaps, which tell no sign."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.structured.point import StructuredPointFit
from tests.pieces import Pieces
from tests.test_residual_structures import ROWS

FORMULAS = {"effects": "y ~ visit + (1 | id)", "alone": "y ~ visit"}
EVEN = "all gaps of 'day' between the rows of a group are even"


def visits(phi: float, gap: int = 1, groups: int = 40) -> pd.DataFrame:
    """Five visits of each group, errors of two that follow each other with correlation φ."""
    rng = np.random.default_rng(0)
    lags = np.abs(np.subtract.outer(range(5), range(5)))
    errors = rng.normal(size=(groups, 5)) @ np.linalg.cholesky(float(phi) ** lags).T
    y = errors.ravel() + np.repeat(rng.normal(size=groups), 5) * 0.5
    visit = np.tile(np.arange(5), groups)
    return pd.DataFrame(
        {"id": np.repeat(np.arange(groups), 5), "visit": visit, "day": gap * visit, "y": y}
    )


def model(frame: Any, structure: str = "AR1", formula: str = "effects", **words: Any) -> hb.Model:
    errors = getattr(hr, structure)("day", group="id")
    return hb.Model(FORMULAS[formula], frame, residual=errors, **words)


def phi_of(fit: Any) -> float:
    return float(fit.error_parameters["phi"])


def correlation(problem: Any) -> Any:
    return problem.moments.rows.correlation


# ---------------------------------------------------------------- where a search begins


def test_gaps_of_one_begin_and_end_where_they_did() -> None:
    found = hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.AR1())
    assert correlation(found.problem).start[0] == np.arctanh(0.3)
    assert correlation(found.problem).elsewhere == ()
    assert_allclose(found.reml().loglik, -85.747159475314, atol=1e-10)
    assert_allclose(phi_of(found.reml()), 0.154743833761, atol=1e-8)


@pytest.mark.parametrize("gap", [7, 28, 91, 365])
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("engine", ["reml", "ml"])
def test_long_gaps_have_the_maximum_of_short_ones(gap: int, formula: str, engine: str) -> None:
    near, far = visits(0.6), visits(0.6, gap)
    fits = [getattr(model(frame, formula=formula), engine)() for frame in (near, far)]
    continuous = getattr(model(far, "CAR1", formula), engine)()
    assert_allclose(fits[1].loglik, continuous.loglik, atol=1e-6)
    assert_allclose(fits[1].loglik, fits[0].loglik, atol=1e-6)
    assert_allclose(phi_of(fits[1]) ** gap, phi_of(fits[0]), rtol=1e-4)
    assert fits[1].diagnose().ok
    assert "Beware" not in str(fits[1])


@pytest.mark.parametrize("engine", ["reml", "ml"])
@pytest.mark.parametrize("gap", [3, 27])
def test_a_negative_correlation_is_found_beyond_the_flat_middle(gap: int, engine: str) -> None:
    fits = [getattr(model(visits(-0.5, one)), engine)() for one in (1, gap)]
    assert_allclose(fits[1].loglik, fits[0].loglik, atol=1e-6)
    assert phi_of(fits[1]) < 0.0
    assert_allclose(phi_of(fits[1]) ** gap, phi_of(fits[0]), rtol=1e-4)
    assert fits[1].diagnose().ok


def test_gaps_of_both_kinds_about_four_weeks() -> None:
    frame = visits(0.6, 28)
    frame["day"] += np.random.default_rng(1).integers(-3, 4, len(frame))
    fits = [model(frame, one).reml() for one in ("AR1", "CAR1")]
    assert_allclose(fits[0].loglik, fits[1].loglik, atol=1e-6)
    assert_allclose(phi_of(fits[0]), phi_of(fits[1]), rtol=1e-5)
    assert EVEN not in str(fits[0])


@pytest.mark.parametrize("gap", [27, 28])
def test_the_mode_is_near_the_maximum(gap: int) -> None:
    assert_allclose(phi_of(model(visits(0.6, gap)).map()) ** gap, 0.7, atol=0.05)


# ---------------------------------------------------------------- even gaps


@pytest.mark.parametrize(("gap", "even"), [(1, False), (3, False), (2, True), (28, True)])
def test_even_gaps_are_said(gap: int, even: bool) -> None:
    fit = model(visits(0.4, gap)).reml()
    assert (EVEN in " ".join(str(fit).split())) == even
    assert EVEN not in str(model(visits(0.4, gap), "CAR1").reml())
    low = correlation(fit.problem).parameters[0].support[0]
    assert low == (0.0 if even else -1.0)


def test_one_odd_gap_tells_the_sign() -> None:
    frame = visits(0.4, 2)
    frame.loc[frame.index[-1], "day"] += 1
    fit = model(frame).reml()
    assert "are even" not in str(fit)
    assert fit.problem.moments.rows.edges[0, 0] == -np.inf  # type: ignore[union-attr]


def test_errors_that_alternate_over_even_gaps_are_at_the_limit() -> None:
    frame = visits(-0.4, 2)
    fit, apart = model(frame).reml(), hb.Model(FORMULAS["effects"], frame).reml()
    assert phi_of(fit) == 0.0
    assert_allclose(fit.loglik, apart.loglik, atol=1e-8)
    assert fit.diagnose().verdict == "The REML maximum lies on the boundary: phi is zero."
    assert hb.profile(fit, "residual").intervals().loc[("residual", "phi"), "lower"] == 0.0


@pytest.mark.parametrize("structure", ["AR1", "CAR1"])
def test_no_correlation_is_a_limit_where_phi_is_positive(structure: str) -> None:
    frame = visits(0.4, 2)
    fits = [one.reml() for one in (hb.Model(FORMULAS["effects"], frame), model(frame, structure))]
    said = " ".join(str(hb.likelihood_ratio(*fits)).split())
    assert f"the correlation of {structure} is 0, the limit of its φ" in said


def test_no_correlation_is_no_limit_where_the_sign_is_told() -> None:
    frame = visits(0.4, 3)
    fits = [one.reml() for one in (hb.Model(FORMULAS["effects"], frame), model(frame))]
    assert "use the p-value of χ², for nothing" in " ".join(str(hb.likelihood_ratio(*fits)).split())


def test_draws_are_those_of_continuous_time() -> None:
    models = [model(visits(0.6, 2), one) for one in ("AR1", "CAR1")]
    fits = [one.sample(seed=1, progress=False) for one in models]
    draws = [fit.error_draws[1] for fit in fits]
    assert (draws[0] > 0.0).all()
    assert_allclose(draws[0], draws[1], rtol=1e-12)
    assert EVEN in " ".join(str(fits[0].summary()).split())


def test_priors_live_where_phi_does() -> None:
    priors = {"residual": {"phi": hb.Uniform(-1, 1)}}
    with pytest.raises(hb.PriorError, match="phi is between 0 and 1"):
        model(visits(0.4, 2), priors=priors).map()
    assert phi_of(model(visits(0.4, 3), priors=priors).map()) > 0.0


@pytest.mark.parametrize(("gap", "low"), [(1, -1), (2, 0)])
def test_code_has_the_limits(gap: int, low: int) -> None:
    priors = {"residual": {"phi": hb.Normal(0.2, 0.5)}}
    assert f"lower={low}, upper=1" in model(visits(0.4, gap), priors=priors).emit("pymc")


# ---------------------------------------------------------------- rows in parts, and further ones


def halves(gap: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Groups with even gaps, and others with such gaps."""
    frame = visits(-0.4, 2)
    first = frame["id"] < 20
    rest = frame[~first].assign(day=gap * frame["visit"])
    return frame[first], rest


@pytest.mark.parametrize("gap", [1, 4])
def test_parts_are_as_all_rows(gap: int) -> None:
    parts = halves(gap)
    whole = model(pd.concat(parts, ignore_index=True)).reml()
    one, other = (hb.CrossProducts(model(rows)) for rows in parts)
    for merged in (one.merge(other), other.merge(one)):
        fit = hb.Model(FORMULAS["effects"], merged).reml()
        assert_allclose(fit.loglik, whole.loglik, atol=1e-8)
        assert_allclose(phi_of(fit), phi_of(whole), atol=1e-6)
        assert ("are even" in str(fit)) == (gap == 4)
    assert (phi_of(whole) < 0.0) == (gap == 1)


def test_rows_that_stream_are_as_a_frame() -> None:
    frame = visits(0.6, 28)
    fits = [model(one).reml() for one in (frame, Pieces(frame, (33, 90)))]
    assert_allclose(fits[1].loglik, fits[0].loglik, atol=1e-8)
    assert EVEN in " ".join(str(fits[1]).split())


def test_a_saved_fit_is_the_same(tmp_path: Path) -> None:
    fit = model(visits(0.6, 28)).reml()
    fit.save(tmp_path / "fit")
    again = hb.load_fit(tmp_path / "fit")
    assert phi_of(again) == phi_of(fit)
    assert EVEN in " ".join(str(again).split())


@pytest.mark.parametrize("structure", ["AR1", "CAR1"])
@pytest.mark.parametrize("gap", [1, 2])
def test_further_rows_leave_phi_as_it_is(structure: str, gap: int) -> None:
    """Even where with them the middle gap is another, or not all are even."""
    frame = visits(0.6, gap)
    fit = model(frame, structure, "alone").reml()
    days = np.arange(1, 901, 3)
    further = pd.DataFrame({"id": 99, "visit": days % 5, "day": days, "y": np.sin(days)})
    rows = pd.concat([frame, further], ignore_index=True)
    same = np.equal.outer(rows["id"].to_numpy(), rows["id"].to_numpy())
    lags = np.abs(np.subtract.outer(rows["day"].to_numpy(), rows["day"].to_numpy()))
    R = np.where(same, phi_of(fit) ** lags, 0.0)
    X = np.column_stack([np.ones(len(rows)), rows["visit"]])
    weighted = np.linalg.solve(R, X)
    wanted = np.linalg.solve(weighted.T @ X, weighted.T @ rows["y"])
    given = fit.given(further)
    assert_allclose(given.fixef(), wanted, rtol=1e-8)
    assert phi_of(given) == pytest.approx(phi_of(fit), rel=1e-12)


def test_further_rows_leave_equal_correlations_as_they_are() -> None:
    """A larger group has another least correlation, and refuses what is below it."""
    r = np.random.default_rng(0)
    errors = r.normal(size=(30, 4))
    for share in (0.0, 0.95):  # of the means of groups that is taken out
        left = errors - share * errors.mean(axis=1, keepdims=True)
        frame = pd.DataFrame({"id": np.repeat(np.arange(30), 4), "y": left.ravel()})
        frame["x"] = r.normal(size=120)
        structure = hb.residuals.CompoundSymmetry(group="id")
        fit = hb.Model("y ~ x", frame, residual=structure).reml()
        assert isinstance(fit, StructuredPointFit)
        further = frame.head(1).set_axis([999])
        if share:
            with pytest.raises(hb.DataError) as caught:
                fit.given(further)
            rho = float(fit.error_parameters.iloc[0])
            assert str(caught.value) == (
                f"5 errors of one group cannot all have correlation {rho:.3g}; the fit had groups "
                "of 4 rows at most"
            )
            continue
        given = fit.given(further)
        assert isinstance(given, StructuredPointFit)
        assert_allclose(given.error_parameters, fit.error_parameters, rtol=1e-12)


def test_a_small_correlation_over_short_gaps_is_found_beside_long_ones() -> None:
    """Five gaps of a day and ten of a year, as from two values that nlme begins at."""
    days = np.concatenate([np.arange(6), 5 + 365.0 * np.arange(1, 11)])
    frame = pd.DataFrame({"id": np.repeat(np.arange(8), 16), "day": np.tile(days, 8)})
    frame["y"] = np.random.default_rng(5).normal(size=(16, 8)).T.ravel()
    fit = hb.Model("y ~ 1 + (1 | id)", frame, residual=hr.CAR1("day")).reml()
    assert fit.loglik == pytest.approx(-168.25998, abs=1e-5)
    assert fit.intervals().loc[("residual", "phi"), "estimate"] == pytest.approx(0.1085, abs=1e-4)
    assert fit.diagnose().ok
