"""Influence in models of several grouping factors: leaving a case out is fitting without it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import DataError, InferenceError, StudyError
from tests.dense import gls
from tests.test_factors_inference import rows_of

FORMULAS = {"nested": "y ~ x + (1 + x | s) + (1 | s:c)", "crossed": "y ~ x + (1 | a) + (1 | b)"}
FACTORS = [("nested", "s"), ("nested", "s:c"), ("crossed", "a"), ("crossed", "b")]


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Ninety pupils in 13 classes of 5 schools, one of which has one class; 6 × 4 crossed."""
    rng = np.random.default_rng(3)
    n = 90
    s = np.repeat(np.arange(5), [24, 20, 12, 16, 18])
    c = np.where(s == 2, 0, rng.integers(0, 3, n))
    a, b, x = rng.integers(0, 6, n), rng.integers(0, 4, n), rng.normal(1.0, 1.0, n)
    u = [rng.normal(0.0, sd, 60) for sd in (1.2, 0.5, 0.8, 1.0, 0.7)]
    y = 1.0 + u[0][s] + (0.5 + u[1][s]) * x + u[2][3 * s + c] + u[3][a] + u[4][b]
    return pd.DataFrame({"y": y + rng.normal(size=n), "x": x, "s": s, "c": c, "a": a, "b": b})


@pytest.fixture(scope="module")
def fits(data: pd.DataFrame) -> dict[tuple[str, str], hb.PointFit]:
    found = {}
    for name, formula in FORMULAS.items():
        model = hb.Model(formula, data)
        found[name, "REML"], found[name, "ML"] = model.reml(), model.ml()
    return found


def assert_without(found: hb.Influence, full: hb.PointFit, case: int, left: hb.PointFit) -> None:
    """One case of an influence study against the fit without it."""
    assert_allclose(found.gamma.iloc[case], left.gamma, rtol=1e-6, atol=1e-7)
    assert_allclose(found.G[case], left.G, rtol=1e-4, atol=1e-5)
    assert_allclose(found.variance["sigma"].iloc[case], left.sigma, rtol=1e-6)
    se, change = np.sqrt(np.diag(left.vcov())), full.gamma - left.gamma
    assert_allclose(found.dfbetas.iloc[case], change / se, rtol=1e-4, atol=1e-6)
    frame = found.frame.iloc[case]
    cook = change @ np.linalg.solve(full.gamma_cov, change) / len(change)
    assert_allclose(frame["cook"], cook, rtol=1e-4)
    ratio = np.linalg.det(left.gamma_cov) / np.linalg.det(full.gamma_cov)
    assert_allclose(frame["covratio"], ratio, rtol=1e-5)
    assert (frame["singular"], frame["method"]) == (left.singular, "refit")
    assert_allclose(frame["displacement"], drop(full, left), atol=1e-6)


def drop(full: hb.PointFit, left: hb.PointFit) -> float:
    """Twice the drop of the likelihood of all rows, with n×n matrices."""
    rows, values = rows_of(full), []
    for fit in (full, left):
        root = fit.theta.root[0, 0]
        V = rows.V([root[span, span] for span in full.design.spans], fit.sigma)
        rest = rows.y - rows.X @ fit.gamma
        value = -0.5 * (np.linalg.slogdet(V)[1] + rest @ np.linalg.solve(V, rest))
        if full.engine == "REML":
            gamma, cov = gls(rows.X, rows.y, V)
            rest = rows.y - rows.X @ gamma
            value = -0.5 * (np.linalg.slogdet(V)[1] + rest @ np.linalg.solve(V, rest))
            value += 0.5 * np.linalg.slogdet(cov)[1]
        values.append(value)
    return float(2.0 * (values[0] - values[1]))


@pytest.mark.parametrize(
    ("name", "factor", "engine"), [(*one, "REML") for one in FACTORS] + [("crossed", "b", "ML")]
)
@pytest.mark.slow
def test_groups_against_fits_without_their_rows(
    fits: dict[tuple[str, str], hb.PointFit], data: pd.DataFrame, name: str, factor: str,
    engine: str,
) -> None:  # fmt: skip
    full = fits[name, engine]
    found = hb.influence(full, factor)
    k = full.design.place_of_factor(factor)
    codes = full.design.rows.codes_of[k]
    assert found.frame.index.tolist() == full.design.factors[k].labels.tolist()
    assert found.frame["n"].tolist() == np.bincount(codes).tolist()
    assert found.variance.columns[-1] == "sigma" and "sd(Intercept|" in found.variance.columns[0]
    for j in range(0, len(found.frame), 2):
        model = hb.Model(FORMULAS[name], data[codes != j])
        assert_without(found, full, j, model.reml() if engine == "REML" else model.ml())


def test_with_a_school_its_classes_leave(
    fits: dict[tuple[str, str], hb.PointFit], data: pd.DataFrame
) -> None:
    """A class that is all there is of a school is left out with it."""
    full = fits["nested", "REML"]
    schools, classes = hb.influence(full, "s", refit=0), hb.influence(full, "s:c", refit=0)
    assert len(classes.frame) == 13
    assert_allclose(classes.gamma.loc["2:0"], schools.gamma.loc[2], rtol=1e-9)
    assert_allclose(classes.frame.loc["2:0", "cook"], schools.frame.loc[2, "cook"], rtol=1e-9)


@pytest.mark.parametrize(("name", "factor"), [*FACTORS, ("nested", ""), ("crossed", "")])
def test_given_theta(fits: dict[tuple[str, str], hb.PointFit], name: str, factor: str) -> None:
    """G and σ held: generalised least squares on the rows that are left."""
    full = fits[name, "REML"]
    if factor:
        found = hb.influence(full, factor, refit=0)
        cases = full.design.rows.codes_of[full.design.place_of_factor(factor)]
    else:
        found, cases = hb.influence(full, level=1), np.arange(full.design.n)
    assert set(found.frame["method"]) == {"given θ̂"}
    rows, root = rows_of(full), full.theta.root[0, 0]
    V = rows.V([root[span, span] for span in full.design.spans], full.sigma)
    for case in range(len(found.frame)):
        kept = cases != case
        gamma, cov = gls(rows.X[kept], rows.y[kept], V[np.ix_(kept, kept)])
        change = full.gamma - gamma
        assert_allclose(found.gamma.iloc[case], gamma, rtol=1e-8)
        assert_allclose(found.dfbetas.iloc[case], change / np.sqrt(np.diag(cov)), atol=1e-8)
        cook = change @ np.linalg.solve(full.gamma_cov, change) / 2
        assert_allclose(found.frame["cook"].iloc[case], cook, rtol=1e-6, atol=1e-12)
        ratio = np.linalg.det(cov) / np.linalg.det(full.gamma_cov)
        assert_allclose(found.frame["covratio"].iloc[case], ratio, rtol=1e-7)


def test_rows_against_fits_without_them(
    fits: dict[tuple[str, str], hb.PointFit], data: pd.DataFrame
) -> None:
    full = fits["crossed", "REML"]
    found = hb.influence(full, level=1, refit=3)
    refitted = np.flatnonzero(found.frame["method"] == "refit")
    assert len(refitted) == 3
    for i in refitted:
        assert_without(
            found, full, int(i), hb.Model(FORMULAS["crossed"], data.drop(index=i)).reml()
        )
    assert found.frame["group[a]"].tolist() == data["a"].tolist()
    assert found.frame["group[b]"].tolist() == data["b"].tolist()
    residuals = hb.level1_residuals(full).frame
    assert_allclose(found.frame["leverage"], residuals["leverage"])
    assert_allclose(found.frame["studentized"], residuals["studentized"])
    assert str(found).startswith("Influence of 90 rows\n")


@pytest.mark.slow
def test_what_cannot_be_left_out(data: pd.DataFrame) -> None:
    """Only school 0 has several classes: without it school and class are one."""
    one_class = data.assign(c=data["c"].where(data["s"] == 0, 0))
    found = hb.influence(hb.Model("y ~ x + (1 | s) + (1 | s:c)", one_class).reml(), "s")
    assert found.frame["method"].tolist() == ["none", *["refit"] * 4]
    assert found.findings[-1] == (
        "s 0 cannot be left out: the data that are left cannot tell apart the variance of "
        "'Intercept' (s) and the variance of 'Intercept' (s:c)"
    )
    alone = data.assign(z=data["x"].where(data["a"] == 1, 0.0))
    fit = hb.Model("y ~ x + (1 | a) + (1 | b) + (0 + z | b)", alone).reml()
    assert hb.influence(fit, "a").frame["reason"].iloc[1] == (
        "the data that are left tell nothing of the variance of 'z' (b)"
    )
    only = data.assign(w=(data["a"] == 1) * 1.0)
    fit = hb.Model("y ~ w + (1 | a) + (1 | b)", only).reml()
    assert hb.influence(fit, "a").frame["reason"].iloc[1] == (
        "the fixed term 'w' cannot be estimated without"
    )


def test_the_picture_takes_it(fits: dict[tuple[str, str], hb.PointFit]) -> None:
    found = hb.influence(fits["crossed", "REML"], "b", refit=0)
    frame = hb.plots.influence_frame(found)
    assert frame["case"].tolist() == found.frame.index.tolist()
    from_fit = hb.plots.influence_frame(fits["crossed", "REML"], factor="b")
    assert from_fit["case"].tolist() == frame["case"].tolist()
    with pytest.raises(StudyError) as refusal:
        hb.plots.influence_frame(found, factor="b")
    assert str(refusal.value) == (
        "factor='b' belongs to hb.influence(), whose result already says what is left out"
    )


def test_refusals(fits: dict[tuple[str, str], hb.PointFit], data: pd.DataFrame) -> None:
    full = fits["nested", "REML"]
    with pytest.raises(DataError) as refusal:
        hb.influence(full)
    assert str(refusal.value) == "the model has several grouping factors; name one: 's', 's:c'"
    with pytest.raises(DataError) as refusal:
        hb.influence(full, "nope")
    assert str(refusal.value) == (
        "'nope' is no grouping factor of this model; they are: 's', 's:c'"
    )
    with pytest.raises(InferenceError) as other:
        hb.influence(full, "s", level=1)
    assert str(other.value) == (
        "level=1 leaves out rows, and factor='s' says whose groups are left out; state one of "
        "the two"
    )
    two = hb.Model("y ~ x + (1 | s) + (1 | b)", data[data["s"] < 2]).reml()
    with pytest.raises(InferenceError) as other:
        hb.influence(two, "s")
    assert str(other.value) == (
        "leaving out one of 2 groups leaves one, and a hierarchical model needs two; use level=1"
    )
