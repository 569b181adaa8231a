"""Which variance parameters the data tell apart: on V, against dense derivatives."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.built_design import build_design
from hierbayes.design.identification import are_surely_told, blind_directions
from hierbayes.design.sums import sum_up
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Integers
from hierbayes.likelihood.reading import ML
from hierbayes.specification.formula import read_combined
from tests import dense
from tests.dense import Array

J = 30


def rows(sizes: int, seed: int = 4) -> pd.DataFrame:
    """Groups of one size with their own lines in t = 0, 1, …"""
    rng = np.random.default_rng(seed)
    g, t = np.repeat(np.arange(J), sizes), np.tile(np.arange(float(sizes)), J)
    u = rng.multivariate_normal([0.0, 0.0], [[4.0, 0.5], [0.5, 1.0]], J)
    sign = np.where(np.arange(J) % 2, 1.0, -1.0)
    y = 10.0 + 2.0 * t + u[g, 0] + u[g, 1] * t + rng.normal(size=len(g))
    return pd.DataFrame({
        "y": y, "t": t, "g": g, "x": sign[g], "w": rng.normal(size=J)[g],
        "varying": t + rng.uniform(0.0, 1.0, len(g)), "noise": rng.normal(size=len(g)),
        "cell": pd.Categorical.from_codes(t.astype(int), list("abcdef")[:sizes]),
        "sector": pd.Categorical.from_codes((g % 2).astype(int), ["C", "P"]),
    })  # fmt: skip


def dense_rank(X: Array, Z: Array, codes: Integers, blocks: tuple[int, ...]) -> int:
    """Rank of the derivatives of V, the fixed part projected out."""
    P = np.eye(len(X)) - X @ np.linalg.pinv(X)
    same, parts, start = codes[:, None] == codes, [np.eye(len(X))], 0
    for size in blocks:
        for r in range(start, start + size):
            for c in range(start, r + 1):
                S = np.zeros((Z.shape[1], Z.shape[1]))
                S[r, c] = S[c, r] = 1.0
                parts.append(np.where(same, Z @ S @ Z.T, 0.0))
        start += size
    moved = np.array([(P @ part @ P).ravel() for part in parts])
    moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-300)
    return int(np.linalg.matrix_rank(moved, tol=1e-6))


FORMULAS = [
    (2, "y ~ t + (1 + t | g)"), (2, "y ~ varying + (1 + varying | g)"), (2, "y ~ t + (1 | g)"),
    (2, "y ~ t + (1 | g) + (0 + t | g)"), (2, "y ~ 1 + (0 + x | g)"),
    (2, "y ~ 1 + (1 | g) + (0 + x | g)"), (2, "y ~ t + (0 + cell | g)"),
    (3, "y ~ t + (1 + t | g)"), (3, "y ~ cell + (0 + cell | g)"),
    (3, "y ~ cell + (1 + cell | g)"), (2, "y ~ t + (1 + sector | g)"),
    (2, "y ~ t + (0 + sector | g)"), (3, "y ~ t + (1 + t * sector | g)"),
    (2, "y ~ t * sector + (1 + t * sector | g)"), (4, "y ~ t + (1 + t + I(t**2) | g)"),
    (2, "y ~ t + (1 + x | g)"), (2, "y ~ t + (1 + w | g)"),
]  # fmt: skip


@pytest.mark.parametrize(("sizes", "formula"), FORMULAS)
def test_as_many_parameters_as_dense_derivatives_are_independent(sizes: int, formula: str) -> None:
    design = build_design(read_combined(formula), rows(sizes))
    cross = sum_up(design.rows, design.groups, design.blocks)
    free = 1 + sum(size * (size + 1) // 2 for size in design.blocks)
    found = free - len(blind_directions(cross, design.blocks))
    assert found == dense_rank(design.X, design.Z, design.rows.codes, design.blocks)


TOLD = [FORMULAS[k] for k in (2, 4, 7, 14)]  # by a group that has more rows than effects


@pytest.mark.parametrize(("sizes", "formula"), TOLD)
def test_what_a_group_tells_it_tells_of_rows_weighted_within_groups(
    sizes: int, formula: str
) -> None:
    design = build_design(read_combined(formula), rows(sizes))
    assert are_surely_told(sum_up(design.rows, design.groups, design.blocks))
    codes, rng = design.rows.codes, np.random.default_rng(1)
    same = codes[:, None] == codes
    root = np.where(same, np.tril(rng.uniform(0.2, 2.0, (len(codes), len(codes)))), 0.0)
    free = 1 + sum(size * (size + 1) // 2 for size in design.blocks)
    assert dense_rank(root @ design.X, root @ design.Z, codes, design.blocks) == free


def test_a_group_of_as_many_rows_as_effects_tells_nothing_by_itself() -> None:
    design = build_design(read_combined("y ~ t + (1 + t | g)"), rows(2))
    assert not are_surely_told(sum_up(design.rows, design.groups, design.blocks))


def test_the_directions_change_no_likelihood() -> None:
    """V is the same along a direction, in the user's units."""
    model = hb.Model("y ~ t + (1 + sector | g)", data=rows(2))
    cross, Z = model.problem.cross, model.problem.design.Z
    (G,) = blind_directions(cross, (2,)).G
    G = G / np.outer(cross.basis.z.spread, cross.basis.z.spread)
    assert np.abs(Z @ G @ Z.T)[model.problem.design.rows.codes == 0].max() > 0.0
    for j in range(J):
        Z_j = Z[model.problem.design.rows.codes == j]
        np.testing.assert_allclose(Z_j @ G @ Z_j.T, 0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("sizes", "formula", "named", "parameters", "determined"),
    [
        (2, "y ~ t + (1 + t | g)", "the residual variance, the variance of 'Intercept' and the "
         "variance of 't'", 4, 3),
        (2, "y ~ 1 + (1 | g) + (0 + x | g)", "the variance of 'Intercept' and the variance of "
         "'x'", 3, 2),
        (3, "y ~ cell + (0 + cell | g)", "the residual variance, the variance of 'cell[a]', the "
         "variance of 'cell[b]' and the variance of 'cell[c]'", 7, 6),
    ],
)  # fmt: skip
def test_what_cannot_be_told_apart_is_refused(
    sizes: int, formula: str, named: str, parameters: int, determined: int
) -> None:
    with pytest.raises(DataError) as refusal:
        hb.Model(formula, data=rows(sizes))
    assert str(refusal.value) == (
        f"the data cannot tell apart {named}: the model has {parameters} variance parameters, and "
        f"rows at these values of the random columns determine {determined}; use fewer random "
        "effects"
    )


@pytest.mark.parametrize(
    ("random", "names", "remedy"),
    [
        ("(cell || g)", "'Intercept'", "(0 + cell | g), without (1 | g)"),
        ("(C(half) + t || g)", "'Intercept'", "(0 + C(half) | g), without (1 | g)"),
        ("(t * half || g)", "'Intercept', 't'",
         "(0 + half | g) + (0 + t:half | g), without (1 | g) + (0 + t | g)"),
    ],
)  # fmt: skip
def test_effects_of_all_levels_beside_their_sum(random: str, names: str, remedy: str) -> None:
    """As ``||`` has them of a factor; what is named in their place is a model."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.repeat(range(12), 12), "y": rng.normal(size=144)})
    data["cell"] = np.array(list("abc"))[np.arange(144) % 3]
    data["half"] = np.array(["low", "high"])[np.arange(144) // 3 % 2]
    data["t"] = rng.normal(size=144)
    with pytest.raises(DataError) as refusal:
        hb.Model(f"y ~ t + {random}", data=data)
    advice = f"; effects of all levels add up to that of {names}: write {remedy}"
    assert str(refusal.value).endswith(advice)
    kept = remedy.partition(", without")[0]
    assert hb.Model(f"y ~ t + {kept}", data=data).problem.design.blocks


@pytest.mark.parametrize(("jitter", "identified"), [(1e-2, True), (1e-7, False)])
def test_times_that_hardly_differ_tell_nothing(jitter: float, identified: bool) -> None:
    data = rows(2)
    data["time"] = data["t"] + jitter * data["noise"]
    if identified:
        assert hb.Model("y ~ time + (1 + time | g)", data=data).reml().maximum.n_parameters == 6
    else:
        with pytest.raises(DataError, match="cannot tell apart the residual variance"):
            hb.Model("y ~ time + (1 + time | g)", data=data)


def test_a_G_for_each_sector_is_a_model() -> None:
    """Two spellings of the same model; what it cannot tell is said, and not counted."""
    hs = hb.load_dataset("hs")
    one, other = (
        hb.Model("mathach ~ ses + Sector", random=f"~ {k} + Sector | school", data=hs).reml()
        for k in (0, 1)
    )
    assert other.loglik == pytest.approx(one.loglik, abs=1e-6)
    assert one.maximum.n_parameters == other.maximum.n_parameters == 3 + 2 + 1
    assert other.aic == pytest.approx(one.aic, abs=1e-5)
    assert other.var_corr().loc["Sector[T.Public]"].isna().all()
    assert other.var_corr().loc["Intercept", "sd"] == pytest.approx(
        one.var_corr().loc["Sector[Catholic]", "sd"], rel=1e-3
    )
    assert any(
        finding.startswith("the variance of 'Sector[T.Public]' is not in the likelihood by itself")
        for finding in other.diagnose().findings
    )
    homogeneous = hb.Model("mathach ~ ses + Sector + (1 | school)", data=hs).reml()
    assert hb.likelihood_ratio(homogeneous, one).df == 1


def test_a_residual_variance_of_zero_is_named() -> None:
    """Two waves, independent intercepts and slopes that make all of the variance."""
    rng = np.random.default_rng(1)
    data = rows(2)
    u = rng.normal(size=(J, 2)) * [2.0, 1.5]
    u -= u.mean(axis=0)
    u[:, 1] += 0.5 * u[:, 0]  # Cov(y₁, y₂) > Var(y₁), which independent effects cannot make
    data["y"] = u[data["g"], 0] + u[data["g"], 1] * data["t"]
    fit = hb.Model("y ~ t + (1 | g) + (0 + t | g)", data=data).reml()
    diagnosis = fit.diagnose()
    assert diagnosis.ok
    assert diagnosis.verdict == "The REML maximum lies on the boundary: σ is zero."
    assert diagnosis.findings[-1].startswith("the residual variance is estimated as zero")
    assert fit.sigma < 1e-3


def test_the_summary_says_which_variance_is_none() -> None:
    hs = hb.load_dataset("hs")
    fit = hb.Model("mathach ~ ses", random="~ 1 + Sector | school", data=hs).reml()
    said = "the variance of 'Sector[T.Public]' is not in the likelihood by itself; see diagnose()"
    assert said in " ".join(str(fit).split())
    assert "by itself" not in str(hb.Model("mathach ~ ses + (1 + ses | school)", data=hs).reml())


def test_a_variance_that_grows_with_a_number_of_the_groups() -> None:
    """(1 + w | g), w constant in groups: V_j = g00 + 2 w g01 + w² g11 tells all three apart."""
    rng = np.random.default_rng(4)
    w = np.linspace(-2.0, 2.0, 30)
    g = np.repeat(np.arange(30), 6)
    u = rng.normal(size=30) * (1.5 + 0.6 * w)
    data = pd.DataFrame({"g": g, "w": w[g], "y": 1.0 + u[g] + rng.normal(size=len(g))})
    fit = hb.Model("y ~ w + (1 + w | g)", data).ml()
    rows = dense.Rows(data["y"].to_numpy(), fit.design.X, fit.design.Z, g)
    here = dense.log_density(rows, fit.G, fit.sigma, ML)
    assert_allclose(fit.loglik, here, rtol=1e-10)
    for step in (np.diag([0.02, 0.0]), np.diag([0.0, 0.02]), np.array([[0.0, 0.02], [0.02, 0.0]])):
        for sign in (1.0, -1.0):
            G = fit.G + sign * step
            if np.linalg.eigvalsh(G)[0] > 0.0:
                assert dense.log_density(rows, G, fit.sigma, ML) < here
    two = data.assign(w=np.sign(data["w"]))  # two values: 2 variances and no third
    with pytest.raises(hb.DataError, match="the random effect 'w' cannot be estimated in any"):
        hb.Model("y ~ w + (1 + w | g)", two)
