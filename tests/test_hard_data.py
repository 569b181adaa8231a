"""Small and awkward data: the maximum is the maximum, wherever it lies."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import cholesky
from scipy.optimize import minimize

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.reading import ML, REML
from tests import dense
from tests.dense import Array, Rows

pytestmark = pytest.mark.slow

READINGS = {"reml": REML, "ml": ML}
every_engine = pytest.mark.parametrize("engine", READINGS)


def rows_of(fitted: hb.Fit) -> Rows:
    design = fitted.design
    return Rows(design.rows.y, design.rows.X, design.rows.Z, design.rows.codes)


def value_at(fitted: hb.Fit, G: Array, sigma: float) -> float:
    reading = READINGS[fitted.engine.lower()]
    return dense.log_density(rows_of(fitted), G, sigma, reading)


def simulate(
    sizes: list[int], sd: tuple[float, ...], seed: int, sigma: float = 1.0, corr: float = 0.0
) -> pd.DataFrame:
    """Rows of y = 1 + x1 + Z u + r, with len(sd) random columns 1, x1, x2, …"""
    rng = np.random.default_rng(seed)
    q, codes = len(sd), np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=(len(codes), max(q - 1, 1)))
    Z = np.column_stack([np.ones(len(codes)), x])[:, :q]
    R = np.full((q, q), corr) + (1.0 - corr) * np.eye(q)
    u = rng.normal(size=(len(sizes), q)) @ cholesky(R) * np.array(sd)
    y = 1.0 + x[:, 0] + (Z * u[codes]).sum(axis=1) + rng.normal(0.0, sigma, len(codes))
    return pd.DataFrame({f"x{k + 1}": x[:, k] for k in range(x.shape[1])} | {"y": y, "g": codes})


def assert_at_a_maximum(fitted: hb.Fit) -> None:
    """By the fit's report, and by trying: no other (G, σ) nearby has a higher density."""
    assert fitted.maximum.gradient < 1e-5
    assert fitted.maximum.ascent < 1e-6
    G, sigma, top = fitted.theta.G[0, 0], fitted.sigma, fitted.loglik
    assert_allclose(value_at(fitted, G, sigma), top, rtol=1e-9)
    rng = np.random.default_rng(5)
    mask = block_mask(fitted.design.blocks)
    scale = sigma / np.sqrt((fitted.design.rows.Z**2).mean(axis=0).max())
    for step in (1e-1, 1e-2, 1e-3, 1e-4):
        for sign in (-1.0, 1.0):
            assert value_at(fitted, G, sigma * (1.0 + sign * step)) < top + 1e-8
            assert value_at(fitted, G * (1.0 + sign * step), sigma) < top + 1e-8
        for _ in range(4):
            root = np.where(mask, rng.normal(size=G.shape), 0.0) * scale
            mixed = (1.0 - step) * G + step * root @ root.T
            assert value_at(fitted, mixed, sigma) < top + 1e-8
            inside = value_at(fitted, G + step * (root @ root.T), sigma)
            assert inside < top + 1e-8


def best_of_nelder_mead(fitted: hb.Fit, starts: int = 3) -> float:
    """The highest profiled density that a derivative-free search finds from many starts."""
    data, reading = rows_of(fitted), READINGS[fitted.engine.lower()]
    q, (rows, columns) = data.Z.shape[1], free_entries(fitted.design.blocks)

    profile = dense.profiled(data, reading)

    def loss(entries: Array) -> float:
        root = np.zeros((q, q))
        root[rows, columns] = entries
        return -profile(root @ root.T)

    rng, best = np.random.default_rng(11), np.inf
    options = {"xatol": 1e-7, "fatol": 1e-10, "maxfev": 1500}
    for _ in range(starts):
        start = rng.normal(0.0, 10.0 ** rng.uniform(-1.5, 0.5), len(rows))
        found = minimize(loss, start, method="Nelder-Mead", options=options)
        best = min(best, found.fun)
    return -best


HARD = {
    "small": ([4, 5, 6, 3, 5], (0.7, 0.5), 0.0),
    "near-singular": ([4, 5, 6, 3, 5], (0.5, 0.5), 0.99),
    "no variance": ([4, 5, 6, 3, 5], (0.0, 0.0), 0.0),
    "tiny slope": ([5, 5, 5, 5, 5], (1.0, 0.01), 0.0),
    "two groups": ([9, 12], (1.0, 0.5), 0.3),
    "singletons": ([1, 1, 1, 1, 8, 7, 1], (1.0, 0.5), 0.0),
    "large variance": ([3, 4, 3, 4, 3], (50.0, 20.0), 0.5),
    "slope only": ([4, 5, 6, 3, 5], (0.0, 1.0), 0.0),
    "last effect only": ([4, 5, 6, 3, 5, 6], (0.0, 0.0, 1.0), 0.0),
}
# Where a plain ascent from one start stops at a saddle of the factor of G, on its boundary.
SADDLES = [
    ("tiny slope", 21),
    ("near-singular", 145),
    ("slope only", 66),
    ("last effect only", 119),
]
# Where an effect of no variance that stands first makes a curved, nearly flat ridge.
RIDGES = [("near-singular", 3), ("no variance", 50), ("slope only", 117)]
PLAIN = [(which, 1) for which in HARD]


@every_engine
def test_the_profile_searched_is_that_of_the_density(engine: str) -> None:
    data = simulate([4, 5, 6, 3, 5], (0.7, 0.5), 1)
    rows = rows_of(hb.Model("y ~ x1 + (1 + x1 | g)", data=data).reml())
    profile = dense.profiled(rows, READINGS[engine])
    for relative in (np.zeros((2, 2)), np.array([[2.0, 0.5], [0.5, 1.0]])):
        expected = dense.profile(rows, relative, READINGS[engine])
        assert_allclose(profile(relative), expected, rtol=1e-12)


@every_engine
@pytest.mark.parametrize(("which", "seed"), PLAIN + SADDLES + RIDGES)
def test_nothing_finds_a_higher_maximum(which: str, seed: int, engine: str) -> None:
    sizes, sd, corr = HARD[which]
    data = simulate(sizes, sd, seed, corr=corr)
    effects = " + ".join(["1", "x1", "x2"][: len(sd)])
    fitted = getattr(hb.Model(f"y ~ {effects} + ({effects} | g)", data=data), engine)()
    assert_at_a_maximum(fitted)
    assert fitted.loglik > best_of_nelder_mead(fitted) - 1e-8


@every_engine
@pytest.mark.parametrize("formula", ["(1 | g) + (0 + x1 | g)", "(1 + x1 | g) + (0 + x2 | g)"])
def test_blocks(formula: str, engine: str) -> None:
    data = simulate([5, 6, 4, 7, 3, 6], (0.8, 0.6, 0.5), 4)
    fitted = getattr(hb.Model(f"y ~ x1 + {formula}", data=data), engine)()
    mask = block_mask(fitted.design.blocks)
    assert (fitted.theta.G[0, 0][~mask] == 0.0).all()
    assert not mask.all()
    assert_at_a_maximum(fitted)
    assert fitted.loglik > best_of_nelder_mead(fitted) - 1e-8


@every_engine
def test_five_random_effects(engine: str) -> None:
    sd = (1.0, 0.9, 0.8, 0.7, 0.6)
    data = simulate([8] * 30, sd, 6, corr=0.3)
    effects = "1 + x1 + x2 + x3 + x4"
    fitted = getattr(hb.Model(f"y ~ {effects} + ({effects} | g)", data=data), engine)()
    assert not fitted.maximum.singular
    assert_at_a_maximum(fitted)
    true = value_at(fitted, (0.7 * np.eye(5) + 0.3) * np.outer(sd, sd), 1.0)
    assert 0.0 < fitted.loglik - true < 25.0  # half a χ² on 16, and then some
    assert_allclose(fitted.var_corr().loc[["Intercept", "x1"], "sd"], sd[:2], rtol=0.4)


@every_engine
def test_groups_of_one_row(engine: str) -> None:
    """A singleton's prediction is its residual, shrunk by g/(g + σ²)."""
    data = simulate([1] * 10 + [5] * 6, (1.0,), 7)
    fitted = getattr(hb.Model("y ~ 1 + (1 | g)", data=data), engine)()
    assert_at_a_maximum(fitted)
    g, alone = fitted.theta.G[0, 0, 0, 0], data["g"] < 10
    residual = data.loc[alone, "y"] - fitted.fixef()["Intercept"]
    expected = residual * g / (g + fitted.sigma**2)
    assert_allclose(fitted.ranef()["Intercept"].iloc[:10], expected, rtol=1e-10)


@every_engine
@pytest.mark.parametrize("effects", ["1", "1 + x1"])
def test_no_variance_between_groups(effects: str, engine: str) -> None:
    """Groups with exactly equal means and slopes: the fit is a regression, and says so."""
    data = simulate([6, 7, 8, 9], (0.0, 0.0), 8)
    noise = data["y"] - 1.0 - data["x1"]
    for j, part in data.groupby("g"):
        own = np.column_stack([np.ones(len(part)), part["x1"]])
        noise[data["g"] == j] -= own @ np.linalg.lstsq(own, noise[data["g"] == j])[0]
    data["y"] = 1.0 + data["x1"] + noise
    fitted = getattr(hb.Model(f"y ~ x1 + ({effects} | g)", data=data), engine)()
    n, p, rss = 30, 2, float(noise @ noise)
    freedom = n - p if engine == "reml" else n
    assert fitted.maximum.singular
    assert (fitted.theta.G == 0.0).all()
    assert (fitted.ranef() == 0.0).all(axis=None)
    assert_allclose(fitted.sigma, np.sqrt(rss / freedom), rtol=1e-10)
    assert_allclose(fitted.fixef(), [1.0, 1.0], rtol=1e-10)
    assert_allclose(fitted.loglik, value_at(fitted, np.zeros_like(fitted.theta.G[0, 0]),
                                            fitted.sigma), rtol=1e-10)  # fmt: skip
    assert_at_a_maximum(fitted)


@every_engine
def test_two_groups_with_one_effect(engine: str) -> None:
    """Balanced, with the closed form: SSB/(J − 1) or SSB/J, and MSW."""
    rng = np.random.default_rng(9)
    m, data = 6, pd.DataFrame({"g": np.repeat(["a", "b"], 6), "y": rng.normal(size=12)})
    data.loc[data["g"] == "b", "y"] += 3.0
    means = data.groupby("g")["y"].mean()
    within = data["y"] - means[data["g"]].to_numpy()
    msw = float(within @ within) / (2 * (m - 1))
    ssb = m * float(((means - means.mean()) ** 2).sum())
    fitted = getattr(hb.Model("y ~ 1 + (1 | g)", data=data), engine)()
    assert_allclose(fitted.sigma**2, msw, rtol=1e-9)
    expected = (ssb / (1 if engine == "reml" else 2) - msw) / m
    assert_allclose(fitted.theta.G[0, 0, 0, 0], expected, rtol=1e-8)
    assert_at_a_maximum(fitted)


def test_infinities_of_both_signs_are_refused_in_words() -> None:
    """Their sum is no number, and NumPy would warn of it."""
    rows = pd.DataFrame({"g": np.arange(40) % 8, "x": np.arange(40) - 20.0})
    rows["y"] = np.sin(rows["x"])
    rows.loc[3, "x"] = -0.0
    wanted = r"^'I\(1 / x\)' is missing or infinite in 2 rows after it is computed \(first at row "
    with pytest.raises(hb.DataError, match=wanted + r"label 3\)"):
        hb.Model("y ~ I(1 / x) + (1 | g)", rows)
