"""Satterthwaite and Kenward–Roger: lmerTest and pbkrtest, n×n matrices, and exact cases."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.fit.degrees_of_freedom.kenward_roger import KenwardRogerParts
from hierbayes.fit.degrees_of_freedom.source import METHODS, df_source
from hierbayes.inference.hypotheses.contrast_df import contrast_df
from hierbayes.likelihood.reading import ML, REML, Reading
from hierbayes.likelihood.variance_derivatives import (
    VarianceDerivatives,
    generalised_inverse,
)
from tests import dense
from tests.conftest import MODELS, Cache
from tests.dense import Array, Rows

BOTH = ("satterthwaite", "kenward-roger")
STRUCTURES = {
    "one": "(1 | g)",
    "two": "(1 + x | g)",
    "two blocks": "(1 | g) + (0 + x | g)",
    "three in blocks": "(1 + x | g) + (0 + w | g)",
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """With a factor that is constant within groups."""
    rows = dense.nine_groups()
    return rows.assign(f=np.array(["a", "b", "c"])[rows["g"] % 3])


def fit_of(data: pd.DataFrame, structure: str, engine: str = "REML") -> hb.Fit:
    model = hb.Model(f"y ~ x + f + {STRUCTURES[structure]}", data=data)
    return model.reml() if engine == "REML" else model.ml()


# ---------------------------------------------------------------- R


@pytest.mark.parametrize("name", MODELS)
def test_degrees_of_freedom_of_r(
    name: str, reference: dict[str, Any], inference: dict[str, Any], reml_fits: Cache[hb.Fit]
) -> None:
    fit, terms = reml_fits[name], reference["models"][name]["terms"]
    assert list(fit.design.terms) == terms
    for method in BOTH:
        theirs = inference["models"][name][method.replace("-", "_")]
        found = contrast_df(fit, np.eye(len(terms)), method)
        assert found.method == method
        assert_allclose(found.rows, theirs["df"], rtol=3e-6)


@pytest.mark.parametrize("name", MODELS)
def test_covariance_of_pbkrtest(
    name: str, inference: dict[str, Any], reml_fits: Cache[hb.Fit]
) -> None:
    theirs = np.array(inference["models"][name]["kenward_roger"]["vcov_adj"])
    se = np.sqrt(np.diag(theirs))
    found = contrast_df(reml_fits[name], np.eye(len(se)), "kenward-roger")
    assert_allclose(np.sqrt(np.diag(found.gamma_cov)), se, rtol=1e-6)
    assert_allclose(found.gamma_cov / np.outer(se, se), theirs / np.outer(se, se), atol=2e-6)


# ---------------------------------------------------------------- n×n


def second_differences(value: Callable[[Array], float], k: int, step: float) -> Array:
    """Hessian (k, k) at 0, extrapolated."""

    def second(i: int, j: int, h: float) -> float:
        a, b = h * np.eye(k)[[i, j]]
        return (value(a + b) + value(-a - b) - value(a - b) - value(b - a)) / (4.0 * h * h)

    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(i + 1):
            coarse, middle, fine = (second(i, j, step / 2**level) for level in range(3))
            once = (4.0 * middle - coarse) / 3.0, (4.0 * fine - middle) / 3.0
            hessian[i, j] = hessian[j, i] = (16.0 * once[1] - once[0]) / 15.0
    return hessian


class Dense:
    """V and its derivatives with respect to the free entries of G, and σ²."""

    def __init__(self, fit: hb.Fit) -> None:
        design = fit.design
        self.rows = Rows(design.rows.y, design.rows.X, design.rows.Z, design.rows.codes)
        self.entries = free_entries(design.blocks)
        self.G, self.sigma, self.X = fit.theta.G[0, 0], fit.sigma, design.rows.X
        self.at = np.append(self.G[self.entries], self.sigma**2)
        sd = np.sqrt(np.diag(self.G))
        self.unit = np.append(np.outer(sd, sd)[self.entries], self.sigma**2)  # for steps
        self.V_inverse = np.linalg.inv(self.rows.V(self.G, self.sigma))
        self.cov = self.gamma_cov(self.at)
        same, Z = self.rows.same_group, design.rows.Z
        self.slopes = []
        for r, c in zip(*self.entries, strict=True):
            S = np.zeros_like(self.G)
            S[r, c] = S[c, r] = 1.0
            self.slopes.append(np.where(same, Z @ S @ Z.T, 0.0))
        self.slopes.append(np.eye(len(Z)))

    def covariance(self, values: Array) -> tuple[Array, float]:
        G = np.zeros_like(self.G)
        G[self.entries] = values[:-1]
        G[self.entries[::-1]] = values[:-1]
        return G, float(np.sqrt(values[-1]))

    def gamma_cov(self, values: Array) -> Array:
        V = self.rows.V(*self.covariance(values))
        return np.linalg.inv(self.X.T @ np.linalg.solve(V, self.X))

    def information(self, reading: Reading) -> Array:
        """Minus second differences of the n×n log-likelihood in units, extrapolated."""

        def value(step: Array) -> float:
            G, sigma = self.covariance(self.at + self.unit * step)
            return dense.log_density(self.rows, G, sigma, reading)

        return -second_differences(value, len(self.at), 2e-2)

    def satterthwaite(self, c: Array, reading: Reading) -> float:
        def variance(step: Array) -> float:
            return float(c @ self.gamma_cov(self.at + self.unit * step) @ c)

        slope = dense.gradient(variance, np.zeros_like(self.at))
        error = slope @ np.linalg.solve(self.information(reading), slope)
        return float(2.0 * (c @ self.cov @ c) ** 2 / error)

    def kenward_roger(self, L: Array) -> tuple[Array, float, float]:
        """Φ_A, degrees of freedom and scaling."""
        return dense.kenward_roger(self.X, self.V_inverse, self.slopes, L)


@pytest.mark.parametrize("engine", ["REML", "ML"])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.slow
def test_satterthwaite_by_differences(data: pd.DataFrame, structure: str, engine: str) -> None:
    fit = fit_of(data, structure, engine)
    assert not fit.maximum.singular
    slow = Dense(fit)
    L = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -1], [1, 3, 0.5, 0]])
    expected = [slow.satterthwaite(c, REML if engine == "REML" else ML) for c in L]
    assert_allclose(contrast_df(fit, L).rows, expected, rtol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_kenward_roger_by_n_by_n_matrices(data: pd.DataFrame, structure: str) -> None:
    fit = fit_of(data, structure)
    slow = Dense(fit)
    for L in (np.eye(4)[2:], np.array([[0.0, 1, 0, 0], [1, 0, 0.5, 0.5], [0, 0, 1, -1]])):
        adjusted, df, scaling = slow.kenward_roger(L)
        found = contrast_df(fit, L, "kenward-roger")
        assert_allclose(found.gamma_cov, adjusted, rtol=1e-9, atol=1e-12)
        assert_allclose((found.joint, found.scaling), (df, scaling), rtol=1e-9)
        for row, value in zip(L, found.rows, strict=True):
            assert_allclose(value, slow.kenward_roger(row[None])[1], rtol=1e-9)


def test_kenward_roger_does_not_depend_on_how_rows_are_written(data: pd.DataFrame) -> None:
    fit = fit_of(data, "two")
    L = np.eye(4)[1:]
    mixed = np.array([[1.0, 2, 0], [0, 1, 5], [1, -1, 1]]) @ L
    one, other = (contrast_df(fit, rows, "kenward-roger") for rows in (L, mixed))
    assert_allclose((one.joint, one.scaling), (other.joint, other.scaling), rtol=1e-9)


@pytest.mark.parametrize("method", BOTH)
def test_units_do_not_matter(data: pd.DataFrame, method: str) -> None:
    moved = data.assign(y=1e-6 * data["y"] + 3.0, x=1e5 * data["x"])
    L = np.eye(4)[1:]
    one, other = (contrast_df(fit_of(d, "two"), L, method) for d in (data, moved))
    assert_allclose(other.rows, one.rows, rtol=1e-5)
    assert_allclose(contrast_df(fit_of(moved, "two"), L[1:], method).joint,
                    contrast_df(fit_of(data, "two"), L[1:], method).joint, rtol=1e-5)  # fmt: skip


# ---------------------------------------------------------------- known in closed form


@pytest.fixture(scope="module")
def balanced() -> pd.DataFrame:
    """Twelve groups of five rows, three levels of four groups, x the same in every group."""
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(12), 5)
    x = np.tile(np.arange(5.0), 12)
    u = rng.normal(0.0, 1.5, 12)
    y = 2.0 + 0.4 * x + np.array([0.0, 1.0, 2.5])[codes % 3] + u[codes] + rng.normal(size=60)
    return pd.DataFrame({"y": y, "x": x, "level": np.array(["p", "q", "r"])[codes % 3], "g": codes})


@pytest.mark.parametrize("method", BOTH)
def test_balanced_groups_in_levels(balanced: pd.DataFrame, method: str) -> None:
    """Levels against groups: the analysis of variance of group means, 2 and 12 − 3."""
    fit = hb.Model("y ~ level + (1 | g)", data=balanced).reml()
    means = balanced.groupby("g")["y"].mean()
    level = balanced.groupby("g")["level"].first()
    by_level = means.groupby(level).transform("mean")
    F = (((by_level - means.mean()) ** 2).sum() / 2) / (((means - by_level) ** 2).sum() / 9)
    row = hb.anova(fit, df=method).table.loc["level"]
    assert_allclose(row[["numDF", "denDF", "F"]].astype(float), [2.0, 9.0, F], rtol=1e-6)
    assert_allclose(hb.wald(fit, df=method).rows["df"], 9.0, rtol=1e-6)
    adjusted = df_source(fit, method).gamma_cov
    assert_allclose(adjusted, fit.vcov(), rtol=1e-6)  # which is unbiased here


@pytest.mark.parametrize("method", BOTH)
def test_balanced_split_plot(balanced: pd.DataFrame, method: str) -> None:
    """Within groups: residual rows 60 − 12 − 3; the interaction is within as well."""
    fit = hb.Model("y ~ level * x + (1 | g)", data=balanced).reml()
    table = hb.anova(fit, df=method).table
    assert_allclose(table.loc[["x", "level:x"], "denDF"], 60.0 - 12.0 - 3.0, rtol=1e-6)
    centred = balanced.assign(x=balanced["x"] - 2.0)
    fit = hb.Model("y ~ level * x + (1 | g)", data=centred).reml()
    assert_allclose(hb.anova(fit, df=method).table["denDF"], [9.0, 45.0, 45.0], rtol=1e-6)


@pytest.mark.parametrize("method", BOTH)
def test_balanced_random_slopes(balanced: pd.DataFrame, method: str) -> None:
    """Each group has a slope of its own: their mean has 12 − 1 degrees of freedom."""
    rng = np.random.default_rng(8)
    moved = balanced["y"] + rng.normal(size=12)[balanced["g"]] * balanced["x"]
    fit = hb.Model("y ~ x + (1 + x | g)", data=balanced.assign(y=moved)).reml()
    assert not fit.maximum.singular
    assert_allclose(contrast_df(fit, np.eye(2), method).rows, 11.0, rtol=1e-6)


# ---------------------------------------------------------------- boundary, empty information


def test_no_variance_between_groups_is_least_squares(balanced: pd.DataFrame) -> None:
    flat = balanced.groupby("g")["y"].transform("mean")
    fit = hb.Model("y ~ x + level + (1 | g)", data=balanced.assign(y=balanced["y"] - flat)).reml()
    assert fit.maximum.singular
    assert_allclose(contrast_df(fit, np.eye(4)).rows, 60.0 - 4.0, rtol=1e-9)
    assert_allclose(contrast_df(fit, np.eye(4)[2:]).joint, 60.0 - 4.0, rtol=1e-9)


def test_a_block_without_variance_might_as_well_be_left_out(balanced: pd.DataFrame) -> None:
    x = balanced["x"] - 2.0  # and now the slope of every group is 0.4
    slope = (x * balanced["y"]).groupby(balanced["g"]).transform("sum") / 10.0
    even = balanced.assign(y=balanced["y"] + (0.4 - slope) * x)
    both = hb.Model("y ~ x + (1 | g) + (0 + x | g)", data=even).reml()
    one = hb.Model("y ~ x + (1 | g)", data=even).reml()
    assert both.maximum.singular and not one.maximum.singular
    assert_allclose(contrast_df(both, np.eye(2)).rows, contrast_df(one, np.eye(2)).rows, rtol=1e-6)


def test_correlation_of_one(hsfull: pd.DataFrame) -> None:
    """lmerTest, whose Hessian in the entries of a root is flat to neither side, agrees."""
    fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hsfull).reml()
    theirs = [139.94946, 1429.84859, 145.36088, 1397.96747]
    assert_allclose(contrast_df(fit, np.eye(4)).rows, theirs, rtol=1e-5)
    assert hb.wald(fit).notes == (
        "Ĝ is singular, of rank 1 and not 2: the degrees of freedom take that rank for known, "
        "because the likelihood has no normal approximation beyond the boundary; a posterior "
        "needs none",
    )


@pytest.mark.parametrize("engine", ["REML", "ML"])
def test_rank_two_of_three_by_differences(engine: str) -> None:
    """Over the entries of a root with two columns, a triangle of which is zero."""
    rng = np.random.default_rng(4)
    codes = np.repeat(np.arange(10), 8)
    x, w = rng.normal(1.0, 1.0, 80), rng.normal(0.0, 2.0, 80)
    u = rng.normal(size=(10, 2)) @ np.array([[2.0, 0.8, -0.5], [0.0, 0.7, 0.9]])
    y = x + u[codes, 0] + u[codes, 1] * x + u[codes, 2] * w + rng.normal(0.0, 2.0, 80)
    data = pd.DataFrame({"y": y, "x": x, "w": w, "g": codes})
    model = hb.Model("y ~ x + (1 + x + w | g)", data=data)
    fit = model.reml() if engine == "REML" else model.ml()
    assert fit.maximum.singular
    slow = Dense(fit)
    values, vectors = np.linalg.eigh(slow.G)
    root = vectors[:, 1:] * np.sqrt(values[1:])
    turn = np.linalg.qr(root[:2].T)[0]
    entries = (np.array([0, 1, 1, 2, 2]), np.array([0, 0, 1, 0, 1]))
    start = np.append((root @ turn)[entries], slow.sigma)

    def at(step: Array) -> tuple[Array, float]:
        L = np.zeros((3, 2))
        L[entries] = start[:-1] + step[:-1]
        return L @ L.T, float(start[-1] + step[-1])

    def loglik(step: Array) -> float:
        return dense.log_density(slow.rows, *at(step), REML if engine == "REML" else ML)

    def gamma_cov(step: Array) -> Array:
        V = slow.rows.V(*at(step))
        return np.linalg.inv(slow.X.T @ np.linalg.solve(V, slow.X))

    nowhere = np.zeros_like(start)
    assert_allclose(at(nowhere)[0], slow.G, atol=1e-9)
    hessian = second_differences(loglik, len(start), 4e-2)
    found = contrast_df(fit, np.eye(2)).rows
    for k in range(2):
        slope = dense.gradient(lambda step, k=k: float(gamma_cov(step)[k, k]), nowhere)  # type: ignore[misc]
        error = slope @ np.linalg.solve(-hessian, slope)
        assert_allclose(found[k], 2.0 * slow.cov[k, k] ** 2 / error, rtol=1e-5)


@pytest.mark.parametrize("method", BOTH)
def test_a_correlation_the_data_do_not_have(data: pd.DataFrame, method: str) -> None:
    """Each group has rows of one kind only: their correlation is in no likelihood."""
    kind = np.array(["k", "l"])[data["g"] % 2]
    split = data.assign(kind=kind, k=(kind == "k") * 1.0, l=(kind == "l") * 1.0)
    joint = hb.Model("y ~ x + (0 + k + l | g)", data=split).reml()
    apart = hb.Model("y ~ x + (0 + k | g) + (0 + l | g)", data=split).reml()
    assert not joint.maximum.singular
    one, other = (contrast_df(fit, np.eye(2), method) for fit in (joint, apart))
    assert_allclose(one.rows, other.rows, rtol=1e-5)
    assert_allclose(one.gamma_cov, other.gamma_cov, rtol=1e-5)


def test_no_f_has_the_moments() -> None:
    """Four rows and four groups: the expansion gives F a negative scaling."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(4), 5)
    x, w = rng.normal(size=20), rng.normal(size=4)[codes]
    y = 2.0 * rng.normal(size=4)[codes] + rng.normal(size=20) + rng.normal(size=4)[codes] * x
    data = pd.DataFrame({"y": y, "x": x, "w": w, "g": codes})
    fit = hb.Model("y ~ x * w + (1 + x | g)", data=data).reml()
    test = hb.wald(fit, df="kenward-roger")
    assert test.joint.loc["joint", ["denDF", "F", "p"]].isna().all()
    assert np.isfinite(test.rows.to_numpy()).all()
    assert test.notes == (
        "no F has the moments Kenward and Roger find for these 4 rows together: there are too few "
        "groups; test them one by one, or with df='satterthwaite'",
    )
    assert str(test).splitlines()[7].split() == ["4"]


def test_no_information_to_invert(data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    assert generalised_inverse(np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones(2)) is None
    assert generalised_inverse(np.diag([1.0, -1.0]), np.ones(2)) is None
    inverse = generalised_inverse(np.diag([4.0, 0.0]), np.ones(2))
    assert inverse is not None and inverse.tolist() == [[0.25, 0.0], [0.0, 0.0]]
    inverse = generalised_inverse(np.diag([2.0**-80, 1.0]), np.array([2.0**40, 1.0]))
    assert inverse is not None and inverse.tolist() == [[2.0**80, 0.0], [0.0, 1.0]]
    monkeypatch.setattr(VarianceDerivatives, "observed", lambda *_, **__: -np.eye(2))
    fit = fit_of(data, "one")
    with pytest.raises(hb.EstimationError) as error:
        hb.wald(fit, df="satterthwaite")
    assert str(error.value) == (
        "the information on the variance parameters is not positive definite at this maximum, so "
        "that Satterthwaite's degrees of freedom do not exist; use df='inner-outer', or fewer "
        "random effects"
    )
    test = hb.wald(fit)
    assert test.df == "inner-outer"
    assert test.notes == (
        "Satterthwaite's degrees of freedom do not exist at this maximum, where the information on "
        "the variance parameters is not definite; those within and between groups, as nlme counts "
        "them, stand in",
    )
    assert "  df:     inner–outer, as nlme counts them\n  Note:   Satterthwaite's deg" in str(fit)
    assert fit.summary().fixed["DF"].tolist() == fit.summary(df="inner-outer").fixed["DF"].tolist()


@pytest.mark.parametrize(("inner", "left"), [("abcd", 1.0), ("abcde", 0.0), ("abcdef", -1.0)])
def test_no_degrees_of_freedom_are_left_within_groups(inner: str, left: float) -> None:
    """Ten rows less five groups less columns within them: nlme prints 0 or −1, and p = NaN."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(10, 7)), columns=list("yabcdef"))
    data = data.assign(g=np.repeat(range(5), 2), u=rng.normal(size=5).repeat(2))
    fit = hb.Model(f"y ~ {' + '.join(inner)} + u + (1 | g)", data).ml()
    within = left if left > 0.0 else np.nan
    fixed = fit.summary(df="inner-outer").fixed
    assert_allclose(fixed["DF"], [within] * (len(inner) + 1) + [3.0])
    assert (fixed["p-value"].isna() == fixed["DF"].isna()).all()
    test = hb.wald(fit, df="inner-outer")
    assert test.rows["upper"].isna().equals(fixed["DF"].isna())
    limits = fit.intervals(df="inner-outer").loc["gamma"]
    assert (limits["lower"].isna() == fixed["DF"].isna()).all()
    names = ", ".join(f"'{name}'" for name in ("Intercept", *inner))
    note = (
        f"no degrees of freedom are left for {names}, as nlme counts them: there are too few rows "
        "or groups for so many coefficients; tests and limits of them are missing"
    )
    assert test.notes == (() if left > 0.0 else (note,))
    assert test.joint.loc["joint", ["denDF", "p"]].isna().all() == (left <= 0.0)


# ---------------------------------------------------------------- one rule


@pytest.mark.parametrize("df", [None, *BOTH, "inner-outer", "none"])
@pytest.mark.parametrize("structure", ["one", "two"])
@pytest.mark.slow
def test_one_rule_wherever_a_fit_has_t(data: pd.DataFrame, structure: str, df: str | None) -> None:
    fit = fit_of(data, structure)
    rows = hb.wald(fit, df=df, prob=0.9).rows
    fixed, limits = fit.summary(df=df).fixed, fit.intervals(0.9, df=df).loc["gamma"]
    assert_allclose(fixed[["Std.Error", "DF", "p-value"]], rows[["se", "df", "p"]], rtol=1e-12)
    assert_allclose(limits[["lower", "upper"]], rows[["lower", "upper"]], rtol=1e-12)
    said = f"  df:     {METHODS[df or 'satterthwaite']}\n"
    assert said in str(fit.summary(df=df)) and said in str(hb.wald(fit, df=df))
    assert METHODS[df or "satterthwaite"] in fit.intervals(df=df).attrs["method"]


def test_contextual_slopes_have_the_degrees_of_freedom_of_wald(data: pd.DataFrame) -> None:
    fit = hb.Model("y ~ x + cvar(x, g) + f + (1 | g)", data=data).reml()
    for df in (None, *BOTH, "none"):
        effects = fit.contextual("x", df=df)
        rows = hb.wald(fit, effects.weights.loc[["within", "contextual"]], df=df).rows
        assert_allclose(effects.table.loc[rows.index, "df"], rows["df"], rtol=1e-10)
        assert_allclose(effects.table.loc[rows.index, "p"], rows["p"], rtol=1e-10)


def test_comparisons_and_studies_have_them_too(data: pd.DataFrame) -> None:
    fit = fit_of(data, "one")
    table = (
        hb.compare(fit, fit_of(data, "one", "ML")).intervals.loc["gamma"].xs("REML", level="fit")
    )
    assert set(table.index.get_level_values("method")) == {"Wald t given θ̂, df Satterthwaite"}
    assert_allclose(table[["lower", "upper"]], hb.wald(fit).rows[["lower", "upper"]], rtol=1e-12)


def test_a_mode_has_none_wherever_it_is_asked(data: pd.DataFrame) -> None:
    mode = hb.Model("y ~ x + (1 | g)", data=data).map()
    rows = hb.wald(mode).rows
    assert np.isinf(rows["df"]).all()
    assert_allclose(mode.intervals().loc["gamma", ["lower", "upper"]], rows[["lower", "upper"]])


def test_four_degrees_of_freedom_of_several_rows() -> None:
    """Where a fraction of the formulas divides by 0, as of five levels in two balanced blocks."""
    one = np.eye(4)
    parts = KenwardRogerParts(one, one, one[None], np.array([[0.5]]))  # A₁ = 8, A₂ = 2
    assert parts.joint_df(one) == pytest.approx((4.0, 1.0))
    near = KenwardRogerParts(one, one, one[None], np.array([[0.5 - 1e-9]]))
    assert near.joint_df(one) == pytest.approx((4.0, 1.0), abs=1e-6)
