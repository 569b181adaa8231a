"""Six estimators: R's numbers and the slides' digits, invariances, verdicts and refusals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import stdtrit
from scipy.stats import ttest_ind

import hierbayes as hb
from hierbayes.errors import DataError, FormulaError, StudyError
from hierbayes.fit.degrees_of_freedom.sandwich import KINDS
from hierbayes.studies.estimators.cluster_robust import cluster_robust
from hierbayes.studies.estimators.efficiency import mean_efficiency, slope_efficiency
from hierbayes.studies.estimators.fixed_effects import averaged, own_lines, own_residuals
from hierbayes.studies.estimators.linear_estimate import least_squares
from hierbayes.studies.estimators.pooled import pooled
from hierbayes.studies.estimators.reading import read_question
from hierbayes.studies.estimators.two_stage import two_stage
from tests.conftest import _read, spelled

pytestmark = pytest.mark.slow

QUESTION = "mathach ~ ses * Sector"
DIFFERENCE = "ses: Public − Catholic"
TIGHT = 1e-8


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return _read("estimators.json")


@pytest.fixture(scope="module")
def six(hs: pd.DataFrame) -> hb.Estimators:
    return hb.estimators(QUESTION, group="school", data=hs)


@pytest.fixture(scope="module")
def plain(hs: pd.DataFrame) -> hb.Estimators:
    return hb.estimators("mathach ~ ses", group="school", data=hs)


def coefficients(golden: dict[str, Any]) -> pd.DataFrame:
    """A coefficient table of R, in our spelling and columns."""
    rows = [spelled(name) for name in golden["rows"]]
    return pd.DataFrame(golden["values"], index=rows, columns=["estimate", "se", "t", "p"])


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Estimates, standard errors, t and, where R has not run out of digits, p."""
    assert ours.index.tolist() == theirs.index.tolist()
    assert_allclose(ours[["estimate", "se", "t"]], theirs[["estimate", "se", "t"]], rtol=TIGHT)
    seen = theirs["p"].to_numpy() > 0.0
    assert_allclose(ours["p"][seen], theirs["p"][seen], rtol=TIGHT)


# ---------------------------------------------------------------- against R


def test_pooled(six: hb.Estimators, golden: dict[str, Any]) -> None:
    method, theirs = six.methods["1"], golden["method_1_pooled"]
    assert_same(method.coefficients, coefficients(theirs["coef"]))
    assert method.sigma == pytest.approx(theirs["sigma"], rel=TIGHT)
    test = method.tests.loc["all coefficients but the intercept"]
    assert_allclose(test[["F", "df1", "df2"]], list(theirs["F"].values()), rtol=TIGHT)
    assert f"R² {theirs['r2']:.4f}" in method.about[0]


@pytest.mark.parametrize("kind", KINDS)
def test_cluster_robust(six: hb.Estimators, golden: dict[str, Any], kind: str) -> None:
    table = six.methods["1"].further["Cluster-robust"].loc[kind]
    theirs = golden["cluster_robust_pooled"]
    assert table.index.tolist() == [spelled(name) for name in theirs["coef_names"]]
    for column, values in theirs[kind].items():
        assert_allclose(table[column], values, rtol=TIGHT)
    if kind == "CR1":
        assert_allclose(table["df"], theirs["CR0"]["df"], rtol=TIGHT)


def test_averaged(six: hb.Estimators, golden: dict[str, Any]) -> None:
    method, theirs = six.methods["2a"], golden["method_2a"]
    assert method.lines.index.tolist() == [
        ("Intercept", "Catholic"), ("Intercept", "Public"), ("ses", "Catholic"), ("ses", "Public"),
    ]  # fmt: skip
    assert_allclose(method.lines["estimate"], theirs["est"], rtol=TIGHT)
    assert_allclose(method.lines["se"], theirs["se"], rtol=TIGHT)
    differences = method.coefficients.iloc[2:]
    assert_allclose(differences["estimate"], theirs["diff_est"], rtol=TIGHT)
    assert_allclose(differences["se"], theirs["diff_se"], rtol=TIGHT)
    assert method.sigma == pytest.approx(theirs["sigma"], rel=TIGHT)
    assert (method.lines["df"] == theirs["df"]).all()
    joint = method.tests.loc["no difference between levels"]
    assert_allclose(joint[["F", "df1", "df2"]], [theirs["diff_F"], 2, theirs["df"]], rtol=TIGHT)


def test_common_slopes(six: hb.Estimators, golden: dict[str, Any]) -> None:
    method, theirs = six.methods["2b"], golden["method_2b"]
    rows = pd.DataFrame(
        [list(theirs[key].values()) for key in ("ses", "ses_SectorPublic")],
        index=["ses", "ses:Sector[T.Public]"],
        columns=["estimate", "se", "t", "p"],
    )
    assert_same(method.coefficients, rows)
    assert (method.coefficients["df"] == theirs["df"]).all()
    assert method.sigma == pytest.approx(theirs["sigma"], rel=TIGHT)


def test_two_stage(six: hb.Estimators, golden: dict[str, Any]) -> None:
    method, theirs = six.methods["3"], golden["two_stage"]
    table = method.coefficients  # Intercept, ses, Sector, ses:Sector
    for column, key in (("estimate", "coef"), ("se", "se")):
        ours = table[column].to_numpy().reshape(2, 2)
        assert_allclose(ours, theirs[key]["values"], rtol=TIGHT)
    assert (table["df"] == 38).all()
    joint = method.tests.loc["no difference (Wilks)"]
    expected = [theirs[key] for key in ("manova_wilks", "F", "num", "den", "p")]
    assert_allclose(joint, expected, rtol=TIGHT)


def test_groups_own_lines(hs: pd.DataFrame, golden: dict[str, Any]) -> None:
    theirs = golden["lmList"]
    _, rows = read_question(QUESTION, "school", hs)
    assert rows.groups.tolist() == theirs["levels"]
    intercept, slope = own_lines(rows)
    assert_allclose(intercept, theirs["intercept"], rtol=TIGHT)
    assert_allclose(slope, theirs["slope"], rtol=TIGHT)
    square, df = own_residuals(rows)
    assert df == theirs["df"]
    assert np.sqrt(square / df) == pytest.approx(theirs["pooled_sigma"], rel=TIGHT)


def test_between_groups(
    six: hb.Estimators, plain: hb.Estimators, golden: dict[str, Any], hs: pd.DataFrame
) -> None:
    theirs = coefficients(golden["method_4_ecological"]["coef"])
    theirs = theirs.rename(index={"ses": "cvar(ses, school)"})
    assert_same(plain.methods["4"].coefficients, theirs)
    sigma = golden["method_4_ecological"]["sigma"]
    assert plain.methods["4"].sigma == pytest.approx(sigma, rel=TIGHT)
    either = six.methods["4"].further["Whatever the level"]
    assert_same(either.loc["equal"], theirs)
    by_rows = hb.estimators("mathach ~ ses", group="school", data=hs, between="n")
    stated = golden["slope_estimators"]["all"]["between_weighted_n"]
    for row in (by_rows.table.loc[("ses", "4 between groups")], either.loc["n"].iloc[1]):
        assert_allclose(row[["estimate", "se", "df"]].astype(float),
                        [stated["est"], stated["se"], stated["df"]], rtol=TIGHT)  # fmt: skip


def test_between_by_level_is_that_of_each_level(six: hb.Estimators) -> None:
    for level in ("Catholic", "Public"):
        joint = six.methods["4"].lines.loc[("ses", level), "estimate"]
        assert joint == pytest.approx(six.slopes.loc[(level, "between"), "estimate"], rel=TIGHT)


@pytest.mark.parametrize("level", ["all", "Catholic", "Public"])
def test_slope_estimators(six: hb.Estimators, golden: dict[str, Any], level: str) -> None:
    names = {
        "pooled": "pooled", "within": "within", "between_unweighted": "between",
        "between_weighted_n": "between, by rows",
    }  # fmt: skip
    for theirs, ours in names.items():
        row, stated = six.slopes.loc[(level, ours)], golden["slope_estimators"][level][theirs]
        columns = ["estimate", "se", "df", "sigma"]
        assert_allclose(row[columns], [stated[k] for k in ("est", "se", "df", "sigma")], rtol=TIGHT)
        if ours != "within":
            assert row["intercept"] == pytest.approx(stated["intercept"], rel=TIGHT)


def test_identity(six: hb.Estimators, golden: dict[str, Any]) -> None:
    assert six.identity.index.tolist() == ["all", "Catholic", "Public"]
    eta2 = golden["slope_estimators"]["all"]["eta2_ses"]
    assert six.identity.loc["all", "eta2"] == pytest.approx(eta2, rel=TIGHT)
    assert six.identity["gap"].abs().max() < 1e-12
    shares = six.share.loc["1 pooled OLS"]
    assert_allclose(shares, six.identity.loc[shares.index, "eta2"], rtol=1e-10)
    assert_allclose(six.share.loc["2b fixed effects, common slopes"], 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("formula", "key", "name"),
    [
        (QUESTION, "5", "intercepts_slopes"),
        (QUESTION, "6", "intercepts_slopes_cwg"),
        ("mathach ~ ses", "5", "random_coefficients"),
        ("mathach ~ ses", "6", "contextual_raw"),
    ],
)
def test_hierarchical(
    six: hb.Estimators, plain: hb.Estimators, reference: dict[str, Any],
    inference: dict[str, Any], formula: str, key: str, name: str,
) -> None:  # fmt: skip
    """The slopes of ses, or of its deviation from the school's mean: the same model."""
    stated = reference["models"][name]
    terms = [term.replace("dvar(ses, school)", "ses") for term in stated["terms"]]
    found = (six if formula == QUESTION else plain).methods[key]
    for term in ("ses", "ses:Sector[T.Public]"):
        if term not in terms:
            continue
        at, ours = terms.index(term), found.coefficients.loc[term]
        theirs = [stated["REML"][what][at] for what in ("fixef", "se")]
        assert_allclose(ours[["estimate", "se"]], theirs, rtol=1e-5)
        df = inference["models"][name]["satterthwaite"]["df"][at]
        assert ours["df"] == pytest.approx(df, rel=1e-5)


def test_slopes_between_of_the_contextual_model(
    six: hb.Estimators, reference: dict[str, Any]
) -> None:
    stated = reference["models"]["intercepts_slopes_cwg"]
    fixef = dict(zip(stated["terms"], stated["REML"]["fixef"], strict=True))
    between = six.methods["6"].further["Slopes between groups"]["estimate"]
    first = fixef["cvar(ses, school)"]
    more = fixef["cvar(ses, school):Sector[T.Public]"]
    assert_allclose(between, [first, first + more, more], rtol=1e-5)


# ---------------------------------------------------------------- the digits of the slides

POOLED = """Intercept 13.5579 0.1881 72.067
ses 2.2999 0.2582 8.908
Sector[T.Public] -1.4666 0.2921 -5.021
ses:Sector[T.Public] 1.6051 0.3845 4.174"""
ECOLOGICAL = """Intercept 12.7926 0.2898 44.150
cvar(ses,school) 5.7734 0.6984 8.267"""
AVERAGED = """Sector[T.Public] -2.027255 0.351992 -5.759378
ses:Sector[T.Public] 1.109995 0.454114 2.444309"""
COMMON = "ses:Sector[T.Public] 1.204719 0.436134 2.762267"
STAGES = """ses 1.6672 0.3506 4.756
ses:Sector[T.Public] 1.1100 0.5086 2.182"""
PRINTED = {"1": POOLED, "2a": AVERAGED, "2b": COMMON, "3": STAGES}
P_VALUES = {
    ("1", "Sector[T.Public]"): "5.60e-07",
    ("1", "ses:Sector[T.Public]"): "3.12e-05",
    ("2a", "ses:Sector[T.Public]"): "0.0146",
    ("2b", "ses:Sector[T.Public]"): "0.00579",
    ("3", "ses"): "2.84e-05",
    ("3", "ses:Sector[T.Public]"): "0.0353",
    ("4", "cvar(ses, school)"): "5.1e-10",
}


def as_printed(value: float, like: str) -> str:
    digits, mark, _ = like.partition("e")
    return f"{value:.{len(digits.partition('.')[2])}{'e' if mark else 'f'}}"


def test_printed_coefficients(six: hb.Estimators, plain: hb.Estimators) -> None:
    tables = {key: (six.methods[key].coefficients, text) for key, text in PRINTED.items()}
    tables["4"] = (plain.methods["4"].coefficients, ECOLOGICAL)
    for spaced, text in tables.values():
        table = spaced.set_axis(spaced.index.str.replace(" ", ""))
        for line in text.splitlines():
            term, *words = line.split()
            found = table.loc[term, ["estimate", "se", "t"]]
            assert [as_printed(v, w) for v, w in zip(found, words, strict=True)] == words


def test_printed_tests(six: hb.Estimators, plain: hb.Estimators) -> None:
    for (key, term), text in P_VALUES.items():
        table = (plain if key == "4" else six).methods[key].coefficients
        assert as_printed(table.loc[term, "p"], text) == text
    pooled, averaged = six.methods["1"], six.methods["2a"]
    assert as_printed(pooled.tests.iloc[0]["F"], "107.4") == "107.4"
    assert as_printed(pooled.sigma, "6.344") == "6.344"
    assert as_printed(averaged.tests.iloc[0]["F"], "21.03533") == "21.03533"
    assert averaged.tests.iloc[0][["df1", "df2"]].tolist() == [2, 1897]
    assert averaged.tests.iloc[0]["p"] < 1e-5
    assert six.methods["2b"].coefficients["df"].tolist() == [1935, 1935]


# ---------------------------------------------------------------- by other means


def built(groups: int = 12, seed: int = 2, *, levels: str = "ab", same: bool = False) -> Any:
    """Groups in two or more levels; ``same`` gives all one size and one spread of x."""
    rng = np.random.default_rng(seed)
    frames = []
    for j in range(groups):
        n = 6 if same else int(rng.integers(4, 16))
        deviation = np.linspace(-1, 1, n) if same else rng.normal(size=n)
        x = deviation - deviation.mean() + rng.normal()
        frames.append(pd.DataFrame({"x": x, "g": f"g{j:02d}", "w": levels[j % len(levels)]}))
    data = pd.concat(frames, ignore_index=True)
    u = pd.Series(rng.normal(size=groups), index=data["g"].unique())
    noise = rng.normal(size=len(data))
    return data.assign(y=1.0 + 0.5 * data["x"] + data["g"].map(u) + noise)


def test_cr2_by_dense_matrices() -> None:
    """By matrices of the size of the groups, with a group of one row among them."""
    data = pd.concat([built(8), pd.DataFrame({"x": [0.3], "g": "one", "y": [2.0], "w": "a"})])
    X, y = np.column_stack([np.ones(len(data)), data["x"], data["x"] ** 2]), data["y"].to_numpy()
    codes, labels = pd.factorize(data["g"])
    M = np.linalg.inv(X.T @ X)
    e, H = y - X @ M @ X.T @ y, X @ M @ X.T
    weights = np.array([[0.0, 1.0, 0.0], [1.0, -2.0, 0.5]])
    A = np.zeros_like(H)
    meat = np.zeros((3, 3))
    for j in range(len(labels)):
        at = np.flatnonzero(codes == j)
        size, vectors = np.linalg.eigh(np.eye(len(at)) - H[np.ix_(at, at)])
        A[np.ix_(at, at)] = vectors @ np.diag(size**-0.5) @ vectors.T
        score = X[at].T @ A[np.ix_(at, at)] @ e[at]
        meat += np.outer(score, score)
    table = cluster_robust(least_squares(X, y), codes, len(labels)).table(
        "CR2", weights, pd.Index(["a", "b"])
    )
    assert_allclose(table["se"], np.sqrt(np.diag(weights @ M @ meat @ M @ weights.T)), rtol=1e-9)
    for df, row in zip(table["df"], weights, strict=True):
        columns = [(np.eye(len(y)) - H)[:, codes == j] @ A[np.ix_(codes == j, codes == j)]
                   @ X[codes == j] @ M @ row for j in range(len(labels))]  # fmt: skip
        P = np.column_stack(columns)
        inner = P.T @ P
        assert df == pytest.approx(np.trace(inner) ** 2 / np.trace(inner @ inner), rel=1e-9)


def dense(columns: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Estimates and standard errors of combinations, by the normal equations of all columns."""
    inverse = np.linalg.pinv(columns.T @ columns)
    b = inverse @ columns.T @ y
    df = len(y) - np.linalg.matrix_rank(columns)
    sigma2 = ((y - columns @ b) ** 2).sum() / df
    se = np.sqrt(sigma2 * np.diag(weights @ inverse @ weights.T))
    return np.column_stack([weights @ b, se, np.full(len(weights), df)])


@pytest.mark.parametrize("levels", ["a", "ab", "abc"])
def test_fixed_effects_by_dummies(levels: str) -> None:
    data = built(15, levels=levels)
    formula = "y ~ x" if levels == "a" else "y ~ x * w"
    found = hb.estimators(formula, group="g", data=data).methods
    L, y, x = len(levels), data["y"].to_numpy(), data["x"].to_numpy()
    dummies = pd.get_dummies(data["g"]).to_numpy(dtype=float)
    J = dummies.shape[1]
    level = np.array([j % L for j in range(J)])
    share = (level == np.arange(L)[:, None]) / np.bincount(level)[:, None]
    contrasts = np.vstack([np.eye(L), np.eye(L)[1:] - np.eye(L)[0]])
    own = dense(np.hstack([dummies, dummies * x[:, None]]), y,
                contrasts @ np.hstack([np.zeros_like(share), share]))  # fmt: skip
    assert_allclose(found["2a"].quantities[["estimate", "se", "df"]], own, rtol=1e-8)
    by_level = (dummies @ (level[:, None] == np.arange(L))) * x[:, None]
    common = dense(np.hstack([dummies, by_level]), y,
                   contrasts @ np.hstack([np.zeros((L, J)), np.eye(L)]))  # fmt: skip
    assert_allclose(found["2b"].quantities[["estimate", "se", "df"]], common, rtol=1e-8)


def test_homogeneity_is_the_test_of_nested_fits(six: hb.Estimators) -> None:
    full, common = six.methods["2a"], six.methods["2b"]
    test = full.tests.loc["slopes equal within levels"]
    squares = [common.sigma**2 * 1935, full.sigma**2 * 1897]
    expected = (squares[0] - squares[1]) / 38 / full.sigma**2
    assert_allclose(test[["F", "df1", "df2"]], [expected, 38, 1897], rtol=1e-9)


def test_three_levels() -> None:
    data = built(18, levels="abc")
    six = hb.estimators("y ~ w * x", group="g", data=data)
    assert six.table.index.levels[0].tolist() == [
        "x in a", "x in b", "x in c", "x: b − a", "x: c − a",
    ]  # fmt: skip
    assert six.methods["3"].coefficients.index.tolist() == [
        "Intercept", "x", "w[T.b]", "w[T.c]", "w[T.b]:x", "w[T.c]:x",
    ]  # fmt: skip
    wilks, F, df1, df2, _ = six.methods["3"].tests.loc["no difference (Wilks)"]
    v, root = 15.0, np.sqrt(wilks)  # two responses: exact
    assert_allclose([F, df1, df2], [(1 - root) / root * (v - 1) / 2, 4, 2 * (v - 1)], rtol=1e-12)
    assert six.methods["2a"].tests.loc["no difference between levels", "df1"] == 4
    slopes = six.table.xs("5 hierarchical", level="method")["estimate"]
    assert slopes["x: c − a"] == pytest.approx(slopes["x in c"] - slopes["x in a"])
    alone = hb.estimators("y ~ x", group="g", data=data[data["w"] == "b"])
    for key in ("2a", "2b", "3", "4"):
        joint = six.methods[key].quantities.loc["x in b", "estimate"]
        assert joint == pytest.approx(alone.methods[key].quantities.loc["x", "estimate"])


def test_no_factor(plain: hb.Estimators) -> None:
    assert plain.table.index.levels[0].tolist() == ["ses"]
    assert plain.identity.index.tolist() == ["all"]
    assert len(plain.methods["3"].tests) == 0
    assert plain.methods["6"].tests.index.tolist() == ["slopes within and between equal"]
    assert plain.share.columns.tolist() == ["all"]


def test_efficiencies() -> None:
    assert mean_efficiency(np.array([2.0, 2.0])) == pytest.approx(1.0)
    assert mean_efficiency(np.array([1.0, 4.0])) == pytest.approx(0.64)
    x, equal = np.array([0.0, 1.0, 2.0, 5.0]), np.ones(4)
    assert slope_efficiency(x, 3.0 * equal, equal) == pytest.approx(1.0)
    variances = np.array([1.0, 2.0, 5.0, 1.0])
    assert slope_efficiency(x, variances, 1.0 / variances) == pytest.approx(1.0)
    assert slope_efficiency(x, variances, equal) < 1.0


# ---------------------------------------------------------------- groups left out


def test_small_groups_are_left_out_and_counted() -> None:
    data = built()
    extra = pd.DataFrame(
        {"x": [1.0, 2.0, 2.0, 0.5], "y": [1.0, 3.0, 2.5, 0.0], "g": ["s", "k", "k", "t"],
         "w": ["a", "b", "b", "b"]}
    )  # fmt: skip
    both = hb.estimators("y ~ x * w", group="g", data=pd.concat([data, extra]))
    without = hb.estimators("y ~ x * w", group="g", data=data)
    text = "3 groups left out (2 with one row, 1 with constant x)"
    assert both.about[2] == f"Groups:   {text} of methods 2a and 3"
    assert text in both.methods["2a"].about[0]
    assert text in both.methods["3"].about[0]
    for key in ("2a", "3"):
        assert_allclose(both.methods[key].quantities, without.methods[key].quantities, rtol=1e-10)
    ours, theirs = (found.methods["2b"].quantities["estimate"] for found in (both, without))
    assert_allclose(ours, theirs, rtol=1e-10)
    # An intercept for each of three more groups; the four rows say something about σ.
    assert (both.methods["2b"].quantities["df"] - without.methods["2b"].quantities["df"] == 1).all()
    assert (both.methods["4"].quantities["df"] - without.methods["4"].quantities["df"] == 3).all()
    assert both.verdicts["reaches"].iloc[2:4].tolist() == ["12 of 15 groups", "12 of 15 groups"]
    assert both.verdicts.loc["3 two-stage", "reaches"] == (
        "all groups, if those left out are like the rest"
    )
    assert both.identity["gap"].abs().max() < 1e-12


def test_rows_with_missing_values_are_left_out(hs: pd.DataFrame) -> None:
    holes = hs.astype({"ses": float}).copy()
    holes.loc[[3, 40, 500], "ses"] = np.nan
    found = hb.estimators(QUESTION, group="school", data=holes)
    same = hb.estimators(QUESTION, group="school", data=holes.dropna())
    assert found.about[1].endswith("; 3 rows dropped for missing values (3 in 'ses')")
    assert_allclose(found.table[["estimate", "se"]], same.table[["estimate", "se"]], rtol=1e-9)


# ---------------------------------------------------------------- invariances


def numbers(found: hb.Estimators) -> np.ndarray:
    return found.table[["estimate", "se", "df", "t"]].to_numpy()


def test_order_of_rows_and_labels(hs: pd.DataFrame, six: hb.Estimators) -> None:
    shuffled = hs.sample(frac=1.0, random_state=4)
    labels = {name: f"s{1000 - i}" for i, name in enumerate(hs["school"].cat.categories)}
    renamed = shuffled.assign(school=shuffled["school"].astype(str).map(labels))
    for data in (shuffled, renamed):
        other = hb.estimators(QUESTION, group="school", data=data)
        assert_allclose(numbers(other), numbers(six), rtol=1e-7)
        assert_allclose(other.methods["3"].tests, six.methods["3"].tests, rtol=1e-9)
        assert other.verdicts.equals(six.verdicts)


def test_scale_and_origin_of_x_and_y(hs: pd.DataFrame, six: hb.Estimators) -> None:
    changed = hs.assign(ses=50.0 + 10.0 * hs["ses"], mathach=-300.0 + 2.0 * hs["mathach"])
    other = hb.estimators(QUESTION, group="school", data=changed)
    factor = np.array([0.2, 0.2, 1.0, 1.0])
    assert_allclose(numbers(other), numbers(six) * factor, rtol=1e-6)
    assert_allclose(other.methods["3"].tests, six.methods["3"].tests, rtol=1e-8)
    assert_allclose(other.efficiency["3"], six.efficiency["3"], rtol=1e-6)
    assert_allclose(other.identity["eta2"], six.identity["eta2"], rtol=1e-10)


def test_reference_level(hs: pd.DataFrame, six: hb.Estimators) -> None:
    turned = hs.assign(Sector=hs["Sector"].cat.reorder_categories(["Public", "Catholic"]))
    other = hb.estimators(QUESTION, group="school", data=turned)
    for level in ("Catholic", "Public"):
        theirs = six.table.loc[f"ses in {level}", ["estimate", "se"]]
        assert_allclose(other.table.loc[f"ses in {level}", ["estimate", "se"]], theirs, rtol=1e-7)
    swapped = other.table.loc["ses: Catholic − Public", "estimate"]
    assert_allclose(swapped, -six.table.loc[DIFFERENCE, "estimate"], rtol=1e-7)


def test_spelling_of_the_formula(hs: pd.DataFrame, six: hb.Estimators) -> None:
    for formula in ("mathach ~ Sector * ses", "mathach ~ ses + Sector + ses:Sector"):
        other = hb.estimators(formula, group="school", data=hs)
        assert_allclose(numbers(other), numbers(six), rtol=1e-7)
    odd = hs.rename(columns={"ses": "my ses", "school": "a school", "Sector": "a sector"})
    other = hb.estimators("mathach ~ `my ses` * `a sector`", group="a school", data=odd)
    assert_allclose(numbers(other), numbers(six), rtol=1e-7)
    assert other.table.index.levels[0][0] == "my ses in Catholic"


def test_expressions(hs: pd.DataFrame) -> None:
    found = hb.estimators("mathach ~ np.exp(ses) * C(HIMINTY)", group="school", data=hs)
    made = hs.assign(x=np.exp(hs["ses"]), w=hs["HIMINTY"].astype(str))
    other = hb.estimators("mathach ~ x * w", group="school", data=made)
    assert_allclose(numbers(found), numbers(other), rtol=1e-7)
    assert found.table.index.levels[0][2] == "np.exp(ses): 1 − 0"


@pytest.mark.parametrize("dtype", [bool, "boolean"])
def test_true_and_false_are_a_factor(dtype: Any) -> None:
    data = built()
    truth = data.assign(w=data["w"].eq("b").astype(dtype))
    found = hb.estimators("y ~ x * w", group="g", data=truth)
    other = hb.estimators("y ~ x * w", group="g", data=data)
    assert_allclose(numbers(found), numbers(other), rtol=1e-6)
    assert found.table.index.levels[0].tolist() == ["x in False", "x in True", "x: True − False"]
    assert found.methods["3"].coefficients.index.tolist() == ["Intercept", "x", "w", "x:w"]


# ---------------------------------------------------------------- verdicts


def test_verdicts_on_hs(six: hb.Estimators) -> None:
    expected = {
        "1 pooled OLS": ["no", "no", "no", "independent rows"],
        "1 pooled OLS, CR2": ["no", "no", "yes", "all groups"],
        "2a fixed effects, averaged": ["yes", "no", "for these groups", "these 40 groups"],
        "2b fixed effects, common slopes": ["yes", "yes", "for these groups", "these 40 groups"],
        "3 two-stage": ["yes", "no", "yes", "all groups"],
        "4 between groups": ["no", "yes", "yes", "all groups"],
        "5 hierarchical": ["no", "yes", "yes", "all groups"],
        "6 hierarchical + cvar": ["yes", "yes", "yes", "all groups"],
    }
    columns = ["consistent", "efficient", "honest", "reaches"]
    assert {name: row.tolist() for name, row in six.verdicts[columns].iterrows()} == expected
    reasons = six.reasons.loc["1 pooled OLS"]
    assert reasons["consistent"] == (
        "mixes β_W with β_B, and they differ here: F(2, 44) = 9.29, p = 0.0004"
    )
    assert reasons["honest"] == (
        "rows of one group tell less than as many independent rows; the standard errors that "
        "allow for groups (CR2) are between 1.13 and 1.50 times those of OLS"
    )
    assert six.reasons.loc["3 two-stage", "efficient"] == (
        "groups of 29 to 66 rows and sd of x 0.48 to 0.83 differ in information: its weights have "
        "efficiency 0.920 at the level 'Public'"
    )
    assert six.reasons.loc["3 two-stage", "honest"] == (
        "its standard error comes from how the groups' own coefficients vary, one variance for all "
        "levels, whose groups are alike: the first-stage variances of groups in the levels differ "
        "1.29 times at most"
    )


def test_like_groups_make_equal_weights_efficient() -> None:
    alike = hb.estimators("y ~ x * w", group="g", data=built(same=True))
    assert_allclose(alike.efficiency[["2a", "3", "4"]], 1.0, rtol=1e-12)
    assert alike.verdicts["efficient"].drop(alike.verdicts.index[:2]).eq("yes").all()
    assert alike.reasons.loc["3 two-stage", "efficient"].endswith(
        "are alike enough in each level: its weights have efficiency more than 0.999"
    )


def of_two_sizes(small: int, large: int, seed: int = 8, spread: float = 0.0) -> pd.DataFrame:
    """Fifteen groups of one size at level a and fifteen of another at b."""
    rng = np.random.default_rng(seed)
    sizes = np.tile([small, large], 15)
    codes = np.repeat(np.arange(30), sizes)
    x, u = rng.normal(size=len(codes)), spread * rng.normal(size=(2, 30))
    y = u[0][codes] + (1.0 + u[1][codes]) * x + rng.normal(size=len(codes))
    return pd.DataFrame({"y": y, "x": x, "g": codes, "w": np.where(codes % 2, "b", "a")})


def test_levels_whose_groups_differ_are_not_pooled_honestly() -> None:
    found = hb.estimators("y ~ x * w", group="g", data=of_two_sizes(4, 60))
    assert found.verdicts.loc[["3 two-stage", "4 between groups"], "honest"].tolist() == ["no"] * 2
    first, total = found.alike.loc["4", ["first_stage", "total"]]
    assert first == pytest.approx(15.0)
    assert found.reasons.loc["4 between groups", "honest"] == (
        "takes a group as one observation, so that the variance of groups counts, one variance for "
        "all levels, and they do not vary alike: the first-stage variances of groups in the levels "
        f"differ 15.00 times, with the variance between groups {total:.2f} times, so that the "
        "standard error is too small in 'a' and too large in 'b'; see further for separate "
        "variances"
    )
    varied = hb.estimators("y ~ x * w", group="g", data=of_two_sizes(6, 60, spread=5.0))
    assert varied.verdicts.loc["3 two-stage", "honest"] == "with care"
    assert varied.alike.loc["3", "total"] < 1.5 < varied.alike.loc["3", "first_stage"]


def test_separate_variances_are_those_of_welch() -> None:
    data = of_two_sizes(4, 60)
    methods = hb.estimators("y ~ x * w", group="g", data=data).methods
    _, rows = read_question("y ~ x * w", "g", data)
    slope = own_lines(rows)[1]
    a, b = slope[rows.level_of == 0], slope[rows.level_of == 1]
    table = methods["3"].further["Quantities, a variance for each level"]
    welch = ttest_ind(b, a, equal_var=False)
    expected = [b.mean() - a.mean(), welch.statistic, welch.df, welch.pvalue]
    assert_allclose(table.loc["x: b − a", ["estimate", "t", "df", "p"]], expected, rtol=1e-9)
    assert_allclose(table["se"].iloc[0], a.std(ddof=1) / np.sqrt(15), rtol=1e-9)
    table = methods["4"].further["Quantities, a variance for each level"]
    for level in "ab":
        alone = hb.estimators("y ~ x", group="g", data=data[data["w"] == level]).methods["4"]
        assert_allclose(table.loc[f"x in {level}"], alone.quantities.loc["x"], rtol=1e-8)
    se, df = table["se"], table["df"].iloc[:2]
    assert_allclose(se.iloc[2] ** 2, (se.iloc[:2] ** 2).sum(), rtol=1e-12)
    assert_allclose(table["df"].iloc[2], se.iloc[2] ** 4 / (se.iloc[:2] ** 4 / df).sum(), rtol=1e-9)


def test_few_degrees_of_freedom_of_cr2_want_care() -> None:
    data = built(7, seed=4)
    found = hb.estimators("y ~ x", group="g", data=data)
    least = found.table.loc[("x", "1 pooled OLS, CR2"), "df"]
    assert least < 5.0
    assert found.verdicts.loc["1 pooled OLS, CR2", "honest"] == "with care"
    assert found.reasons.loc["1 pooled OLS, CR2", "honest"] == (
        "its standard error comes from how groups vary, whatever holds inside them, but few groups "
        f"carry a slope: {least:.1f} degrees of freedom, fewer than 5"
    )


def test_one_slope_within_and_between_is_said_to_be_unrefuted() -> None:
    found = hb.estimators("y ~ x", group="g", data=built(30, seed=5))
    assert found.methods["6"].tests.iloc[0]["p"] > 0.05
    for method in ("1 pooled OLS", "5 hierarchical", "4 between groups"):
        assert found.verdicts.loc[method, "consistent"] == "if β_B = β_W"
    assert "which does not show that they are equal" in found.reasons.loc["5 hierarchical"].iloc[0]


def test_nothing_is_said_of_places_between_slopes_that_do_not_differ(six: hb.Estimators) -> None:
    found = hb.estimators("y ~ x", group="g", data=built(30, seed=5))
    assert not any("from within (0%)" in text for text in found.findings)
    assert "from within (0%) to between (100%), the hierarchical slope without the group mean " \
        "lies at 4% in Catholic (the pooled one at 25%), 9% in Public (the pooled one at 30%)" \
        in six.findings[3]  # fmt: skip


@pytest.mark.parametrize(
    ("between", "said"),
    [(4.0, "Simpson's paradox"), (0.2, "Robinson's paradox"), (-1.0, "")],
)
def test_a_change_of_sign_is_called_by_its_name(between: float, said: str) -> None:
    """Slope −1 within groups, and another between."""
    rng = np.random.default_rng(3)
    mean = np.repeat(rng.normal(size=60), 10)
    own = rng.normal(size=600)
    y = between * mean - own + rng.normal(scale=0.2, size=600)
    data = pd.DataFrame({"x": mean + own, "y": y, "g": np.repeat(np.arange(60), 10)})
    found = hb.estimators("y ~ x", group="g", data=data).findings[0]
    assert found.endswith(said) if said == "Simpson's paradox" else said in found
    assert ("paradox" in found) == bool(said)


def test_independent_rows_do_not_make_naive_errors_honest() -> None:
    rng = np.random.default_rng(1)
    mean = np.repeat(rng.normal(size=100), 4)
    data = pd.DataFrame({"x": mean + rng.normal(size=400), "g": np.repeat(np.arange(100), 4)})
    found = hb.estimators("y ~ x", group="g", data=data.assign(y=data["x"] + rng.normal(size=400)))
    label = "1 pooled OLS"
    assert found.verdicts.loc[label, "honest"] == "no"
    assert found.reasons.loc[label, "honest"].endswith(
        "times those of OLS; that they are no larger is luck, and not the method"
    )
    assert found.reasons.loc["4 between groups", "efficient"].startswith("groups of 4 rows are ")


@pytest.mark.slow
def test_honesty_in_repeated_samples_of_groups() -> None:
    """Slopes that vary between groups: 95% limits of 2a and 3 over 400 samples of groups."""
    _, rows = read_question("y ~ x", "g", built(20, seed=3))
    rng = np.random.default_rng(7)
    covered = {"2a": 0, "3": 0, "CR2": 0}
    for _ in range(400):
        u = rng.normal(size=(2, rows.J))
        line = u[0][rows.codes] + (1.0 + u[1][rows.codes]) * rows.x_within
        drawn = replace(rows, y=line + rows.x_mean[rows.codes] + 0.5 * rng.normal(size=rows.N))
        tables = {"2a": averaged(drawn).quantities, "3": two_stage(drawn).quantities}
        tables["CR2"] = pooled(drawn).further["Quantities with CR2"]
        for key, table in tables.items():
            half = stdtrit(table["df"], 0.975) * table["se"]
            covered[key] += int((abs(table["estimate"] - 1.0) < half).iloc[0])
    share = {key: count / 400 for key, count in covered.items()}
    assert share["2a"] < 0.7
    assert 0.92 < share["3"] < 0.98
    assert 0.91 < share["CR2"] < 0.98


def test_slopes_that_differ_between_groups(plain: hb.Estimators) -> None:
    label = "2b fixed effects, common slopes"
    assert plain.verdicts.loc[label, "efficient"] == "for these groups"
    assert plain.reasons.loc[label, "efficient"] == (
        "slopes differ between groups of one level, which its weights leave out: "
        "F(39, 1897) = 1.43, p = 0.0434"
    )


def test_singular_fit_is_honest_given_theta(hsfull: pd.DataFrame) -> None:
    found = hb.estimators(QUESTION, group="school", data=hsfull)
    assert found.verdicts.loc["5 hierarchical", "honest"] == "given θ̂"
    assert found.verdicts.loc["6 hierarchical + cvar", "honest"] == "yes"


# ---------------------------------------------------------------- print


def test_prints(six: hb.Estimators) -> None:
    text = str(six)
    for line in (
        "  Question: the slope of ses in mathach ~ ses * Sector",
        "  Data:     1977 rows, 40 groups (school); Sector: 21 Catholic, 19 Public; no rows",
        "  Groups:   no groups left out of methods 2a and 3",
        "ses: Public − Catholic 1 pooled OLS                      1.6051  0.3845   1973   4.1743",
        "  - consistent? 2a, 2b, 3, 6: yes: compares rows of one school with each other only",
    ):  # fmt: skip
        assert line in text
    finding = (
        "Catholic: the pooled slope 2.300 is 0.251 × 4.093 (between groups) + 0.749 × 1.698 "
        "(within), with η², the share of the variation of x between groups, as weight; it holds to "
    )
    assert six.findings[0].startswith(finding)
    assert six.findings[-1] == (
        "2a and 3 have the same estimates; the standard error of ses: Public − Catholic is 1.12 "
        "times as large in 3 (p = 0.0353 against p = 0.0146), which speaks of all groups and not "
        "of these 40 alone"
    )
    assert max(map(len, text.splitlines())) <= 100
    assert "  - reaches these 40 groups: 2a, 2b" in text
    assert repr(six).startswith(
        "Six estimators\n  Question: the slope of ses in mathach ~ ses * Sector\n"
    )
    page = six._repr_html_()
    assert page.count("<table") == 3
    assert "<li>" in page
    assert list(six.tables()) == [
        "table", "verdicts", "reasons", "slopes", "identity", "share", "efficiency",
        "alike",
    ]  # fmt: skip


def test_methods_print(six: hb.Estimators) -> None:
    for key, method in six.methods.items():
        assert str(method).startswith(f"Method {key} ")
        assert "Coefficients:" in str(method)
        assert method._repr_html_().startswith(f"<h3>Method {key} ")
    assert "no difference (Wilks)  0.6507  9.9312   2  37  0.0004" in str(six.methods["3"])


# ---------------------------------------------------------------- refusals


def varying(data: pd.DataFrame) -> pd.DataFrame:
    changed = data.copy()
    changed.loc[changed.index[0], "w"] = "b"
    return changed


REFUSALS: dict[str, tuple[type[Exception], Callable[[pd.DataFrame], Any], str, str]] = {
    "random part": (FormulaError, lambda d: d, "y ~ x + (1 | g)",
        "'y ~ x + (1 | g)' states a random part; leave it out: the estimators make their own from "
        "group='...'"),
    "other model": (FormulaError, lambda d: d, "y ~ x + w",
        "the estimators are those of 'y ~ x' or 'y ~ x * factor', and 'y ~ x + w' is neither; "
        "other models are for Model()"),
    "no intercept": (FormulaError, lambda d: d, "y ~ 0 + x",
        "the estimators are those of 'y ~ x' or 'y ~ x * factor', and 'y ~ 0 + x' is neither; "
        "other models are for Model()"),
    "several columns": (FormulaError, lambda d: d, "y ~ poly(x, 2)",
        "'poly(x, 2)' makes 2 columns; the predictor must be one"),
    "coding": (FormulaError, lambda d: d, "y ~ x * C(w, contr.sum)",
        "'C(w, contr.sum)' has a coding of its own; the estimators compare each level with the "
        "first: leave the coding out, and order the levels in the data"),
    "factor as predictor": (DataError, lambda d: d, "y ~ w",
        "'w' is a factor, and the predictor within groups must be a number; make a column of "
        "numbers from it"),
    "two numbers": (DataError, lambda d: d.assign(z=d["w"].eq("a") * 1.0), "y ~ x * z",
        "neither 'x' nor 'z' is a factor; the variable between groups must be one: write C(z), or "
        "make levels of it"),
    "constant within": (DataError, lambda d: d.assign(x=d.groupby("g")["x"].transform("mean")),
        "y ~ x * w",
        "'x' is constant within every group of 'g': it has no slope within groups; choose a "
        "predictor that varies within groups"),
    "varying factor": (DataError, varying, "y ~ x * w",
        "'w' varies within groups: g g00 has both 'a' and 'b' (1 of 12 groups do); the factor must "
        "be one of the groups"),
    "few groups in a level": (DataError, lambda d: d[d["g"].isin(["g00", "g01", "g02", "g03",
        "g05", "g07"])], "y ~ x * w",
        "the level 'a' of 'w' has 2 groups in which a slope of 'x' can be estimated, and at least "
        "3 are needed; join levels or leave out the factor"),
    "few groups": (DataError, lambda d: d[d["g"].isin(["g00", "g01"])], "y ~ x",
        "'g' has 2 groups in which a slope of 'x' can be estimated, and at least 3 are needed; use "
        "more groups"),
    "one row a group": (DataError, lambda d: d.drop_duplicates("g"), "y ~ x",
        "every group of 'g' has one row: there is nothing within groups"),
    "two rows a group": (DataError, lambda d: d.groupby("g").head(2), "y ~ x",
        "no group of 'g' has more than two rows with different 'x': the regressions in the groups "
        "leave no residuals; use groups with more rows"),
    "equal means": (DataError, lambda d: d.assign(x=d["x"] - d.groupby("g")["x"].transform("mean")),
        "y ~ x * w",
        "the mean of 'x' is the same in every group at the level 'a' of 'w': there is no slope "
        "between groups, and nothing for the estimators to differ by; fit one model instead"),
    "one level": (DataError, lambda d: d[d["w"] == "a"], "y ~ x * w",
        "the factor 'w' has one level (a) in the rows that are used; remove it from the formula"),
    "constant response": (DataError, lambda d: d.assign(y=1.0), "y ~ x",
        "the response 'y' is constant (1): there is nothing to explain; "
        "check how the column was made, and which rows were chosen"),
    "unknown column": (DataError, lambda d: d, "y ~ xx",
        "there is no column 'xx' in the data; did you mean 'x'? its columns are: x, g, w, y"),
    "no frame": (DataError, lambda d: None, "y ~ x",
        "data must be a pandas DataFrame, not NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name: str) -> None:
    error, change, formula, message = REFUSALS[name]
    with pytest.raises(hb.HierbayesError) as refused:
        hb.estimators(formula, group="g", data=change(built()))
    assert type(refused.value) is error
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (FormulaError, {"formula": 3}, "the formula must be text such as 'y ~ x * w', not int"),
        (FormulaError, {"group": 1}, "group must name the column of groups, not 1"),
        (FormulaError, {"group": " "}, "group must name the column of groups, not ' '"),
        (StudyError, {"between": "rows"}, "between must be 'equal' or 'n', not 'rows'"),
    ],
)
def test_wrong_arguments(error: type[Exception], arguments: dict[str, Any], message: str) -> None:
    stated: dict[str, Any] = {"formula": "y ~ x", "group": "g", "data": built()} | arguments
    with pytest.raises(error) as refused:
        hb.estimators(stated.pop("formula"), **stated)
    assert str(refused.value) == message
