"""Influence: leaving a case out is fitting without it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

import hierbayes as hb
from hierbayes.errors import HypothesisError, InferenceError
from hierbayes.estimation.optimum_of import optimum_of
from hierbayes.inference.influence import case as cases_left_out
from hierbayes.inference.influence import case_results
from hierbayes.likelihood.reading import GIVEN, REML
from tests import dense
from tests.conftest import Cache
from tests.test_hard_data import rows_of, simulate

pytestmark = pytest.mark.slow

SIZES = [1, 2, 7, 5, 9, 1, 12, 4, 6, 8]
FORMULA, RANDOM = "y ~ x1", "~ 1 + x1 | g"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return simulate(SIZES, (1.0, 0.8), seed=11, corr=0.3)


@pytest.fixture(scope="module", params=["reml", "ml"])
def small(request: pytest.FixtureRequest, data: pd.DataFrame) -> hb.Fit:
    return fitted(data, request.param)


def fitted(data: pd.DataFrame, engine: str, formula: str = FORMULA, random: str = RANDOM) -> hb.Fit:
    model = hb.Model(formula, random=random, data=data)
    return model.reml() if engine == "reml" else model.ml()


def assert_without(result: hb.Influence, full: hb.Fit, case: int, left: hb.Fit) -> None:
    """One case of an influence study against the fit without it."""
    assert_allclose(result.gamma.iloc[case], left.fixef(), rtol=1e-8, atol=1e-8)
    assert_allclose(result.G[case], left.theta.G[0, 0], rtol=1e-6, atol=1e-8)
    sd = left.var_corr()["sd"]
    found = result.variance.iloc[case]
    assert_allclose(found["sigma"], left.sigma, rtol=1e-8)
    if left.maximum.singular:
        assert_allclose(found.iloc[: len(sd) - 1], sd.iloc[:-1], rtol=1e-6, atol=1e-6)
    else:
        assert_allclose(found.iloc[: len(sd) - 1], sd.iloc[:-1], rtol=1e-7, atol=1e-8)
    change = (full.fixef() - left.fixef()).to_numpy()
    se = np.sqrt(np.diag(left.vcov()))
    assert_allclose(result.dfbetas.iloc[case], change / se, rtol=1e-6, atol=1e-7)
    assert_allclose(result.t.iloc[case], left.fixef() / se, rtol=1e-6)
    frame = result.frame.iloc[case]
    cook = change @ np.linalg.solve(full.vcov().to_numpy(), change) / len(change)
    assert_allclose(frame["cook"], cook, rtol=1e-6, atol=1e-12)
    ratio = np.linalg.det(left.vcov()) / np.linalg.det(full.vcov())
    assert_allclose(frame["covratio"], ratio, rtol=1e-6)
    assert frame["singular"] == left.maximum.singular and frame["method"] == "refit"
    assert_allclose(frame["displacement"], drop(full, left), atol=1e-7)


def drop(full: hb.Fit, left: hb.Fit) -> float:
    """Twice the drop of the likelihood of all rows, with n×n matrices."""
    reading = REML if full.engine == "REML" else GIVEN
    values = [
        dense.log_density(
            rows_of(full), fit.theta.G[0, 0], fit.sigma, reading, fit.fixef().to_numpy()
        )
        for fit in (full, left)
    ]
    return 2.0 * (values[0] - values[1])


def test_groups_against_fits_without_them(small: hb.Fit, data: pd.DataFrame) -> None:
    result = hb.influence(small)
    assert result.frame["n"].tolist() == SIZES
    for j in range(len(SIZES)):
        assert_without(result, small, j, fitted(data[data["g"] != j], small.engine.lower()))


def test_rows_against_fits_without_them(small: hb.Fit, data: pd.DataFrame) -> None:
    result = hb.influence(small, level=1, refit=len(data))
    for i in range(len(data)):
        left = fitted(data.drop(index=data.index[i]), small.engine.lower())
        assert_without(result, small, i, left)


@pytest.mark.parametrize("level", [1, 2])
def test_given_theta(small: hb.Fit, data: pd.DataFrame, level: int) -> None:
    """G and σ held: generalised least squares on the rows that are left."""
    result = hb.influence(small, level=level, refit=0)
    rows, G, sigma = rows_of(small), small.theta.G[0, 0], small.sigma
    V = rows.V(G, sigma)
    gamma, cov = dense.gls(rows.X, rows.y, V)
    cases = rows.codes if level == 2 else np.arange(len(rows.y))
    assert set(result.frame["method"]) == {"given θ̂"}
    assert result.variance.isna().to_numpy().all() and result.frame["displacement"].isna().all()
    for left_out in range(cases.max() + 1):
        kept = cases != left_out
        left, left_cov = dense.gls(rows.X[kept], rows.y[kept], V[np.ix_(kept, kept)])
        change = gamma - left
        assert_allclose(result.gamma.iloc[left_out], left, rtol=1e-8)
        dfbetas = change / np.sqrt(np.diag(left_cov))
        assert_allclose(result.dfbetas.iloc[left_out], dfbetas, rtol=1e-6, atol=1e-9)
        frame = result.frame.iloc[left_out]
        cook = change @ np.linalg.solve(cov, change) / 2
        assert_allclose([frame["cook"], frame["cook_given_theta"]], cook, rtol=1e-7, atol=1e-14)
        assert_allclose(frame["covratio"], np.linalg.det(left_cov) / np.linalg.det(cov), rtol=1e-8)


def test_deleted_residuals(small: hb.Fit) -> None:
    """y less its best prediction from all other rows, θ held."""
    frame = hb.influence(small, level=1).frame
    rows = rows_of(small)
    V = rows.V(small.theta.G[0, 0], small.sigma)
    for i in range(len(rows.y)):
        kept = np.arange(len(rows.y)) != i
        gamma, _ = dense.gls(rows.X[kept], rows.y[kept], V[np.ix_(kept, kept)])
        rest = rows.y[kept] - rows.X[kept] @ gamma
        predicted = rows.X[i] @ gamma + V[i, kept] @ np.linalg.solve(V[np.ix_(kept, kept)], rest)
        assert_allclose(frame["deleted_residual"].iloc[i], rows.y[i] - predicted, rtol=1e-8)
    assert (frame["leverage"] == hb.level1_residuals(small).frame["leverage"]).all()


def test_only_the_worst_are_refitted(small: hb.Fit) -> None:
    few, every = hb.influence(small, refit=3), hb.influence(small)
    refitted = few.frame["method"] == "refit"
    assert refitted.sum() == 3
    worst = every.frame["cook_given_theta"].nlargest(3).index
    assert set(few.frame.index[refitted]) == set(worst)
    pd.testing.assert_frame_equal(few.gamma[refitted], every.gamma[refitted])


def test_region_is_that_of_chi_square(small: hb.Fit) -> None:
    frame = hb.influence(small).frame
    free = 4 if small.engine == "REML" else 6
    assert_allclose(frame["region"], chi2.cdf(frame["displacement"], free), rtol=1e-8)


def test_blocks_of_G() -> None:
    data = simulate([4, 6, 8, 5, 9, 7], (1.0, 0.8), seed=10)
    formula = "y ~ x1 + (1 | g) + (0 + x1 | g)"
    full = hb.Model(formula, data=data).reml()
    result = hb.influence(full)
    assert list(result.variance) == ["sd(Intercept)", "sd(x1)", "sigma"]
    for j in range(6):
        assert_without(result, full, j, hb.Model(formula, data=data[data["g"] != j]).reml())


def test_a_column_far_from_its_zero(data: pd.DataFrame) -> None:
    far = data.assign(x1=2000.0 + 5.0 * data["x1"])
    full = fitted(far, "reml", random="~ 1 | g")
    result = hb.influence(full)
    for j in range(len(SIZES)):
        left = fitted(far[far["g"] != j], "reml", random="~ 1 | g")
        assert_allclose(result.gamma.iloc[j], left.fixef(), rtol=1e-8)
        se = np.sqrt(np.diag(left.vcov()))
        change = (full.fixef() - left.fixef()) / se
        assert_allclose(result.dfbetas.iloc[j], change, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["oneway", "intercepts_slopes", "intercepts_slopes_cwg"])
def test_schools(name: str, hs: pd.DataFrame, reml_fits: Cache[hb.Fit], reference: Any) -> None:
    result, full = hb.influence(reml_fits[name]), reml_fits[name]
    model = reference["models"][name]
    for j in (0, 7, 33):
        # the means of the other schools stay as they are
        left = hs[hs["school"] != full.design.groups[j]]
        fit = hb.Model(model["fixed"], random=model["random"], data=left).reml()
        assert_allclose(result.gamma.iloc[j], fit.fixef(), rtol=1e-8)
        assert_allclose(result.G[j], fit.theta.G[0, 0], rtol=1e-6, atol=1e-8)


def test_all_schools_take_few_evaluations_on_the_boundary(
    hsfull: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hsfull).reml()
    evaluations: list[int] = []

    def counted(*given: Any) -> Any:
        optimum = optimum_of(*given)
        evaluations.append(optimum.evaluations)
        return optimum

    monkeypatch.setattr(cases_left_out, "optimum_of", counted)
    result = hb.influence(full)
    assert len(evaluations) == 160
    assert np.mean(evaluations) < 25  # from afar it takes 41
    assert result.frame["singular"].all() and (result.frame["method"] == "refit").all()
    j = full.design.groups.get_loc("3427")
    left = hsfull[hsfull["school"] != "3427"]
    fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=left).reml()
    assert_allclose(result.gamma.iloc[j], fit.fixef(), rtol=1e-8)
    assert_allclose(result.G[j], fit.theta.G[0, 0], rtol=1e-6)
    assert result.frame["cook"].idxmax() == "3427"
    assert result.findings[0] == (
        "8 of 160 cases (school) have a Cook's distance above 4/160 = 0.025, 0 a COVRATIO off 1 "
        "by more than 3p/160 = 0.075"
    )


def test_words_on_hs(reml_fits: Cache[hb.Fit]) -> None:
    result = hb.influence(reml_fits["intercepts_slopes"])
    assert result.findings == (
        "0 of 40 cases (school) have a Cook's distance above 4/40 = 0.1, 1 a COVRATIO off 1 by "
        "more than 3p/40 = 0.3",
        "sd(Intercept) answers most to school 7172: 1.8816 with it, 1.6822 without (-11%)",
        "sd(ses) answers most to school 7890: 0.3565 with it, 0.0656 without (-82%); 24 cases "
        "move it beyond the limit",
        "corr(Intercept, ses) answers most to school 4292: 0.5232 with it, 1.0000 without; 9 "
        "cases move it beyond the limit",
        "G is singular without school 4292, 5619, 7890",
    )
    assert repr(result).startswith("Influence of 40 groups\n  Model:  ")
    assert "Variance parameters without them:" in str(result)
    assert result._repr_html_().startswith("<h3>Influence of 40 groups</h3>")
    rows = hb.influence(reml_fits["intercepts_slopes"], level=1, refit=3)
    assert repr(rows).startswith("Influence of 1977 rows\n")
    assert max(map(len, str(rows).splitlines())) <= 100
    assert rows.about[2] == (
        "Method: 3 of 1977 cases refitted by REML, θ̂ held for the others; with each case less "
        "without it"
    )


def test_a_bar_where_there_are_many(data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[int, str, bool]] = []

    @contextmanager
    def watched(count: int, what: str, *, progress: bool) -> Iterator[Iterable[int]]:
        counted.append((count, what, progress))
        yield range(count)

    monkeypatch.setattr(case_results, "steps", watched)
    many = simulate([3] * 200, (1.0,), seed=3)
    for rows in (data, many):
        fit = fitted(rows, "reml", random="~ 1 | g")
        hb.influence(fit)
        hb.influence(fit, progress=False)
    assert counted == [
        (10, "refits", False), (10, "refits", False), (200, "refits", True), (200, "refits", False),
    ]  # fmt: skip


def test_a_planted_group_is_named() -> None:
    data = simulate([8] * 12, (0.5,), seed=4)
    data.loc[data["g"] == 5, "y"] += 6.0 * data.loc[data["g"] == 5, "x1"]
    result = hb.influence(hb.Model("y ~ x1", random="~ 1 | g", data=data).reml())
    assert result.frame["cook"].idxmax() == 5
    assert result.findings[1].startswith("g 5 matters for γ: Cook's distance ")
    assert "it moves 'x1' by +" in result.findings[1]


def test_a_group_that_carries_a_coefficient() -> None:
    data = simulate([5, 6, 7, 8, 9], (1.0,), seed=2).assign(w=lambda d: (d["g"] == 2) * 1.0)
    result = hb.influence(hb.Model("y ~ x1 + w", random="~ 1 | g", data=data).reml())
    assert result.frame["method"].tolist() == ["refit", "refit", "none", "refit", "refit"]
    assert result.gamma.iloc[2].isna().all()
    assert result.findings[-1] == (
        "g 2 cannot be left out: the fixed term 'w' cannot be estimated without"
    )


def test_a_group_that_carries_a_random_effect() -> None:
    data = simulate([1, 1, 1, 6, 1, 1], (1.0, 0.5), seed=6)
    result = hb.influence(hb.Model("y ~ 1", random="~ 1 + x1 | g", data=data).reml())
    assert result.frame["reason"].iloc[3] == "too few rows or groups are left"
    data = simulate([2, 2, 2, 6, 2, 2], (1.0, 0.5), seed=6)
    data["x1"] = data["x1"].where(data["g"] == 3, data.groupby("g")["x1"].transform("mean"))
    result = hb.influence(hb.Model("y ~ 1", random="~ 1 + x1 | g", data=data).reml())
    assert result.frame["reason"].iloc[3] == (
        "no group that is left can estimate the random effect 'Intercept'"
    )


def test_a_row_that_fits_itself() -> None:
    data = simulate([5, 5, 5, 5], (1.0,), seed=2).assign(one=lambda d: (d.index == 3) * 1.0)
    result = hb.influence(hb.Model("y ~ x1 + one + (1 | g)", data=data).reml(), level=1)
    assert result.frame["method"].iloc[3] == "none"
    assert result.findings[-1] == (
        "row 3 cannot be left out: it alone carries a coefficient, which fits it exactly"
    )


def test_refusals(small: hb.Fit, posterior_hs: hb.Fit) -> None:
    two = hb.Model("y ~ 1 + (1 | g)", data=simulate([5, 5], (1.0,), seed=1)).reml()
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (posterior_hs, {}, "influence() maximises the likelihood anew, and a posterior fit does "
         "not maximise one; use model.reml(), or hb.SensitivityStudy(posterior).deletion() for a "
         "posterior"),
        (small, {"level": 3}, "level must be 1 (rows) or 2 (groups), not 3"),
        (small, {"level": True}, "level must be 1 (rows) or 2 (groups), not True"),
        (small, {"refit": -1}, "refit must be a whole number of cases, 0 or more, not -1"),
        (small, {"refit": 1.5}, "refit must be a whole number of cases, 0 or more, not 1.5"),
        (two, {}, "leaving out one of 2 groups leaves one, and a hierarchical model needs two; "
         "use level=1"),
    ]  # fmt: skip
    for fit, options, text in cases:
        with pytest.raises(InferenceError) as error:
            hb.influence(fit, **options)
        assert str(error.value) == text
    wrong: Any = "fit"
    with pytest.raises(HypothesisError) as other:
        hb.influence(wrong)
    assert str(other.value) == (
        "influence() takes a fit, and this is of type str; fits are what model.reml(), ml(), "
        "map() and sample() return"
    )
