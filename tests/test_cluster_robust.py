"""Cluster-robust standard errors of fits against matrices of all rows, and what is refused."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import hierbayes as hb
from hierbayes.fit.degrees_of_freedom.sandwich import KINDS
from hierbayes.inference.hypotheses.wald import f_statistic
from tests.conftest import REFERENCE
from tests.dense_factors import Array, FactorRows

FORMULAS = {
    "one factor": "y ~ x * w + (1 + x | g)",
    "independent": "y ~ x + w + (1 + x || g)",
    "nested": "y ~ x + w + (1 | c) + (1 + x | g)",
    "own group": "y ~ x + alone + (1 | g)",
}


def made() -> pd.DataFrame:
    """Groups of 1 to 13 rows with classes within them, in no order."""
    rng = np.random.default_rng(4)
    sizes = [1, 2, 3, 5, 8, 13, 4, 6, 7, 9]
    g = np.repeat(np.arange(10), sizes)
    n = len(g)
    data = pd.DataFrame({"g": g, "x": rng.normal(1.0, 2.0, n), "w": (g % 3 == 0) * 1.0})
    data["c"] = 2 * g + (np.arange(n) % 2)
    data["alone"] = (g == 4) * 1.0
    u, v = rng.normal(0.0, 1.5, 10)[g], rng.normal(0.0, 0.7, 10)[g]
    error = rng.normal(0.0, 1.0 + 0.3 * np.abs(data["x"]), n)
    data["y"] = 2.0 + u + (0.5 + v) * data["x"] + rng.normal(0.0, 1.0, 20)[data["c"]] + error
    return data.sample(frac=1.0, random_state=1)


@dataclass(frozen=True)
class Dense:
    """γ̂, V and clusters of a fit, and what follows with n×n matrices."""

    X: Array
    y: Array
    V: Array
    clusters: NDArray[np.intp]

    @classmethod
    def of(cls, fit: hb.Fit, outer: int) -> "Dense":
        design = fit.design
        codes, spans = design.rows.codes_of, design.spans
        factors = tuple((c, design.Z[:, s]) for c, s in zip(codes, spans, strict=True))
        rows = FactorRows(design.y, design.X, factors)
        roots = [fit.theta.root[0, 0][s, s] for s in spans]
        return cls(design.X, design.y, rows.V(roots, float(fit.sigma)), codes[outer])

    def combined(self, kind: str) -> tuple[Array, Array, Array]:
        """V of γ̂, and with c'γ̂ − c'γ = Σ_j c'T_j(I − H)_jy: T (J, p, n), (I − H)V(I − H)'."""
        inverse = np.linalg.inv(self.V)
        M = np.linalg.inv(self.X.T @ inverse @ self.X)
        away = np.eye(len(self.y)) - self.X @ M @ self.X.T @ inverse
        J = int(self.clusters.max()) + 1
        T = np.zeros((J, len(M), len(self.y)))
        for j in range(J):
            at = np.flatnonzero(self.clusters == j)
            phi = self.V[np.ix_(at, at)]
            A = np.eye(len(at)) * (np.sqrt(J / (J - 1.0)) if kind == "CR1" else 1.0)
            if kind == "CR2":
                D = np.linalg.cholesky(phi).T
                values, vectors = np.linalg.eigh(D @ (away @ self.V)[np.ix_(at, at)] @ D.T)
                power = np.where(values > 1e-9, np.abs(values) ** -0.5, 0.0)
                A = D.T @ (vectors * power) @ vectors.T @ D
            T[j][:, at] = M @ self.X[at].T @ np.linalg.inv(phi) @ A
        scores = T @ away @ self.y
        return scores.T @ scores, T, away @ self.V @ away.T


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMULAS)
def test_dense(name: str, kind: str) -> None:
    """The covariance, df of every row and of rows together, from their definitions."""
    model = hb.Model(FORMULAS[name], made())
    fit = model.ml() if name == "nested" else model.reml()
    outer = fit.design.specification.factors.index("g")
    rows = [term for term in fit.design.terms if term != "alone"]
    test = hb.wald(fit, rows, robust=kind)
    cov, T, between = Dense.of(fit, outer).combined(kind)
    assert_allclose(test.vcov, cov, rtol=1e-7, atol=1e-9 * np.abs(cov).max())
    P = np.einsum("jan,nm,kbm->jakb", T, between, T)
    each = [P[:, a, :, a] for a in range(len(rows))]
    assert_allclose(test.rows["df"], [np.trace(p) ** 2 / (p**2).sum() for p in each], rtol=1e-7)
    assert_allclose(test.rows["se"], np.sqrt(np.diag(cov))[: len(rows)], rtol=1e-7)

    two = hb.wald(fit, np.eye(len(cov))[:2], robust=kind).joint.loc["joint"]
    mean = np.einsum("jajb->ab", P)[:2, :2]
    turn = np.linalg.inv(np.linalg.cholesky(mean))
    Q = np.einsum("sa,jakb,tb->jskt", turn, P[:, :2, :, :2], turn)
    variance = np.einsum("jsks,jtkt->", Q, Q) + np.einsum("jskt,jtks->", Q, Q)
    eta = 2.0 * 3.0 / variance
    gamma = fit.gamma[:2]
    F = (eta - 1.0) / eta * gamma @ np.linalg.solve(cov[:2, :2], gamma) / 2.0
    assert_allclose(two[["denDF", "F"]], [eta - 1.0, F], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ["REML", "ML"])
def test_r(engine: str, kind: str) -> None:
    """clubSandwich's standard errors, degrees of freedom, and its joint test HTZ."""
    theirs = json.loads((REFERENCE / "cluster_robust.json").read_text())[engine][kind]
    random = "~ 1 + ses | school" if engine == "REML" else "~ 1 | school"
    model = hb.Model("mathach ~ ses * Sector", random=random, data=hb.load_dataset("hs"))
    fit = model.reml() if engine == "REML" else model.ml()
    rows = hb.wald(fit, robust=kind).rows
    assert_allclose(rows["se"], theirs["se"], rtol=2e-6)
    assert_allclose(rows["df"], theirs["df"], rtol=2e-6)
    joint = hb.wald(fit, fit.design.terms[1:], robust=kind).joint.loc["joint"]
    assert_allclose(joint[["F", "denDF"]], [theirs["F"], theirs["denDF"]], rtol=2e-6)


def of_unequal_errors(name: str) -> hb.Model:
    """The models of ``cluster_robust_unequal.R``."""
    if name == "AR1_Strata":
        errors = hb.residuals.AR1("visit", group="Subject") * hb.residuals.Strata("Sex")
        children = hb.load_dataset("orthodont").assign(visit=lambda d: (d["age"] - 8) // 2)
        return hb.Model("distance ~ age * Sex", children, residual=errors)
    if name == "known_sd":
        trials = pd.read_csv(REFERENCE / "weights" / "bcg.csv")
        trials = trials.assign(sd=np.sqrt(trials["v"]))
        return hb.Model("y ~ ablat + (1 | trial)", trials, known_sd="sd")
    rats = pd.read_csv(REFERENCE / "residuals" / "BodyWeight.csv").query("Time != 44")
    rats = rats.assign(week=(rats["Time"] - 1) // 7, w=1 + rats["Rat"] % 3)
    formula = "weight ~ Time * C(Diet) + (1 | Rat)"
    return hb.Model(formula, rats, weights="w", residual=hb.residuals.AR1("week"))


@pytest.mark.parametrize("name", ["AR1_Strata", "AR1_weights", "known_sd"])
def test_r_of_unequal_errors(name: str) -> None:
    """clubSandwich's CR2 of gls with a structure, of lme with weights too, and of rma."""
    theirs = json.loads((REFERENCE / "cluster_robust_unequal.json").read_text())[name]
    rows = hb.wald(of_unequal_errors(name).reml(), robust="CR2").rows
    assert_allclose(np.sort(rows["se"]), theirs["se"], rtol=1e-6)
    assert_allclose(np.sort(rows["df"]), np.sort(theirs["df"]), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_nested_factors(kind: str) -> None:
    """Of equal weights in every row, those without: rows as they are, and rows that are turned."""
    data = made().assign(w=3.0)
    ours, theirs = (
        hb.wald(hb.Model("y ~ x + (1 | c) + (1 + x | g)", data, weights=w).reml(), robust=kind).rows
        for w in ("w", None)
    )
    assert_allclose(ours, theirs, rtol=1e-5)


def test_too_many_rows_of_a_cluster() -> None:
    """Matrices of the rows of a cluster are no larger than they may be."""
    many = pd.DataFrame({"g": np.repeat([0, 1, 2], 2001), "x": np.arange(6003) % 7})
    many = many.assign(y=np.sin(np.arange(6003.0)) + many["x"], w=1.0 + many["x"])
    fit = hb.Model("y ~ x + (1 | g)", many, weights="w").reml()
    with pytest.raises(hb.HypothesisError, match=r"one has 2001 rows \(at most 2000\)"):
        hb.wald(fit, robust="CR2")


def test_unbiased_where_the_fit_is_right() -> None:
    """Σ_j c'T_j(I − H)VT_j'c under V is Var(γ̂) for CR2, and smaller for CR0."""
    fit = hb.Model(FORMULAS["one factor"], made()).reml()
    dense = Dense.of(fit, 0)
    for kind, ratio in (("CR2", 1.0), ("CR0", 0.9)):
        _, T, between = dense.combined(kind)
        expected = np.einsum("jan,nm,jam->a", T, between, T) / np.diag(fit.gamma_cov)
        assert (expected < ratio).all() if kind == "CR0" else np.allclose(expected, 1.0, atol=1e-9)


def test_units_do_not_matter() -> None:
    """x near 10⁶ in another unit, y in thousandths: the same t and df."""
    data = made()
    moved = data.assign(x=1e3 * data["x"] + 1e6, y=1e-3 * data["y"])
    ours, theirs = (
        hb.wald(hb.Model("y ~ x + w + (1 | g)", one).reml(), ["x", "w"], robust="CR2").rows
        for one in (data, moved)
    )
    assert_allclose(theirs[["t", "df"]], ours[["t", "df"]], rtol=1e-6)


def test_printed() -> None:
    test = hb.wald(hb.Model(FORMULAS["nested"], made()).reml(), "x", robust="CR2")
    assert "Robust: CR2, clusters are the 10 groups of 'g'" in str(test)
    assert test.df == "CR2"


def test_too_few_clusters() -> None:
    """Three clusters and three rows: each by itself, and the F is said not to exist."""
    data = made()
    fit = hb.Model("y ~ x + np.sin(x) + (1 | g)", data[data["g"].isin([4, 5, 9])]).reml()
    test = hb.wald(fit, robust="CR2")
    assert np.isnan(test.joint.loc["joint", "F"])
    assert np.isfinite(test.rows.to_numpy()).all()
    assert "too few clusters for a test of these 3 rows together" in str(test)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"robust": "HC3"}, r"no cluster-robust covariance 'HC3'; robust is one of: 'CR0', 'CR1'"),
        ({"robust": True}, r"no cluster-robust covariance True"),
        ({"robust": "CR2", "df": "kenward-roger"}, r"robust='CR2' has degrees of freedom of its"),
    ],
)
def test_arguments_refused(asked: dict[str, Any], message: str) -> None:
    fit = hb.Model("y ~ x + (1 | g)", made()).reml()
    with pytest.raises(hb.HypothesisError, match=message):
        hb.wald(fit, **asked)


def test_row_of_one_cluster_refused() -> None:
    """A coefficient that one group alone determines has no such standard error, which is not 0."""
    fit = hb.Model(FORMULAS["own group"], made()).reml()
    with pytest.raises(hb.HypothesisError, match=r"'alone' rests on one group alone"):
        hb.wald(fit, robust="CR2")
    others = hb.wald(fit, ["Intercept", "x"], robust="CR0").rows
    assert (others["se"] > 0.0).all()


def test_fits_refused() -> None:
    data = made().assign(h=lambda d: np.arange(len(d)) % 7)
    crossed = hb.Model("y ~ x + (1 | g) + (1 | h)", data).reml()
    with pytest.raises(hb.HypothesisError, match=r"'g', 'h' cross: no factor has all others"):
        hb.wald(crossed, robust="CR2")
    mode = hb.Model("y ~ x + (1 | g)", data).map()
    with pytest.raises(hb.HypothesisError, match=r"those of an estimator, and this is a MAP fit"):
        hb.wald(mode, robust="CR2")
    counts = hb.Model("h ~ x + (1 | g)", data, family="poisson").ml()
    with pytest.raises(hb.FormulaError, match=r"made for Gaussian responses"):
        hb.wald(counts, robust="CR2")


def test_as_few_clusters_as_rows_have_no_joint_test() -> None:
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"g": np.repeat(["a", "b"], 12), "f": np.tile(list("pqr"), 8)})
    data["y"] = rng.normal(size=24) + (data["g"] == "a")
    found = hb.wald(hb.Model("y ~ f + (1 | g)", data).reml(), "f", robust="CR1")
    assert np.isnan(found.joint["F"].iloc[0])
    assert np.isfinite(found.rows["se"]).all()
    assert "too few clusters for a test of these 2 rows together" in str(found)
    assert np.isnan(f_statistic(np.ones(2), np.ones((2, 2)), 1.0))


def test_rows_in_no_groups_have_no_clusters() -> None:
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "x": [0.0, 1.0, 2.0, 3.0]})
    with pytest.raises(hb.FormulaError, match=r"^a cluster-robust covariance is made for rows in"):
        hb.wald(hb.Model("y ~ x", data).reml(), robust="CR2")
