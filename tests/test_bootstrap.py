"""The parametric bootstrap: the distribution it draws from, and what it makes of it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.fit.resampling.simulation import Simulator
from hierbayes.fit.resampling.theta_draws import generator_of, simulator_of
from tests.conftest import Cache

pytestmark = pytest.mark.slow


def make(seed: int, sizes: list[int]) -> pd.DataFrame:
    """Rows in groups of these sizes; the first group has no spread in x, and so less rank."""
    generator = np.random.default_rng(seed)
    g = np.repeat(np.arange(len(sizes)), sizes)
    x = generator.normal(size=len(g)) + 2.0
    x[g == 0] = 1.5
    w = generator.normal(size=len(g))
    u = generator.normal(size=(len(sizes), 2)) * [1.0, 0.8]
    y = 1.0 + 0.5 * x + u[g, 0] + u[g, 1] * x + 0.3 * w + generator.normal(size=len(g))
    return pd.DataFrame({"y": y, "x": x, "w": w, "g": g.astype(str)})


@pytest.fixture(scope="module")
def fit() -> hb.PointFit:
    """Groups of one row, of equal rows, and larger ones; w is no random column."""
    data = make(1, [4, 1, 2, 5, 3, 6, 1, 7])
    return hb.Model("y ~ x + w + (1 + x | g)", data=data).reml()


@pytest.fixture(scope="module")
def simulate(fit: hb.PointFit) -> Simulator:
    made = simulator_of(fit)
    assert isinstance(made, Simulator)
    return made


def rows_of(fit: hb.PointFit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X°, the block-diagonal Z° (n, Jq), and Var(y°)."""
    design, basis = fit.design, fit.problem.cross.basis
    W, Z = basis.internal_rows(design.rows.X, design.rows.Z, design.rows.y)
    wide = np.zeros((len(Z), design.J * Z.shape[1]))
    for j in range(design.J):
        mine = design.rows.codes == j
        wide[np.ix_(mine, np.arange(j * Z.shape[1], (j + 1) * Z.shape[1]))] = Z[mine]
    sigma = fit.sigma / basis.scale
    root = fit.state.internal_root
    V = wide @ np.kron(np.eye(design.J), root @ root.T) @ wide.T + sigma**2 * np.eye(len(Z))
    return W[:, :-1], wide, V


# ---------------------------------------------------------------- moments, exactly


def test_roots_make_the_cross_products(fit: hb.PointFit, simulate: Simulator) -> None:
    cross = fit.problem.cross
    W, Z = cross.basis.internal_rows(fit.design.X, fit.design.Z, fit.design.y)
    for j in range(cross.J):
        at = fit.design.rows.codes == j
        np.testing.assert_allclose(cross.A[j], Z[at].T @ Z[at], atol=1e-12)
        np.testing.assert_allclose(cross.B[j], Z[at].T @ W[at], atol=1e-12)
    np.testing.assert_allclose(cross.C, W.T @ W, atol=1e-11)
    assert simulate.inside.sum(axis=1).tolist() == [1, 1, 2, 2, 2, 2, 1, 2]


def test_degrees_of_freedom_are_those_of_the_columns(fit: hb.PointFit, simulate: Simulator) -> None:
    X, wide, _ = rows_of(fit)
    rank = np.linalg.matrix_rank(np.hstack([wide, X]))
    assert simulate.left == len(X) - rank
    assert simulate.outside.shape == (3, 1)  # w alone lies outside the random columns


def test_covariance_of_the_linear_part_is_that_of_rows(
    fit: hb.PointFit, simulate: Simulator
) -> None:
    """Of [Z'y, X'y], whose distribution is normal: nothing else needs to be compared."""
    X, wide, V = rows_of(fit)
    H = np.hstack([wide, X])
    R, P = np.swapaxes(simulate.cross.R, 1, 2), simulate.cross.T[:, :, :-1]
    J, q, _ = R.shape
    linear = np.zeros((H.shape[1], J * q))  # of the white numbers behind w
    spread = np.zeros((J * q, J * q))
    for j in range(J):
        at = slice(j * q, (j + 1) * q)
        linear[at, at] = R[j]
        linear[J * q :, at] = P[j].T
        half = R[j].T @ simulate.root
        spread[at, at] = half @ half.T + simulate.sigma**2 * np.diag(simulate.inside[j])
    covariance = linear @ spread @ linear.T
    covariance[J * q :, J * q :] += simulate.sigma**2 * simulate.outside @ simulate.outside.T
    np.testing.assert_allclose(covariance, H.T @ V @ H, rtol=1e-9, atol=1e-9)


def test_the_residual_sum_of_squares_is_chi_squared(fit: hb.PointFit, simulate: Simulator) -> None:
    """What the columns of Z and X leave of y'y, draw by draw, from the drawn cross-products."""
    generator = np.random.default_rng(2)
    X, wide, _ = rows_of(fit)
    H = np.hstack([wide, X])
    inverse = np.linalg.pinv(H.T @ H, rcond=1e-11)
    left = []
    for _ in range(2000):
        cross = simulate.draw(generator)
        linear = np.concatenate([cross.B[:, :, -1].ravel(), cross.C[:-1, -1]])
        left.append(cross.C[-1, -1] - linear @ inverse @ linear)
    statistic = np.array(left) / simulate.sigma**2
    assert stats.kstest(statistic, stats.chi2(simulate.left).cdf).pvalue > 1e-3


def test_draws_have_the_moments_of_rows(fit: hb.PointFit, simulate: Simulator) -> None:
    generator = np.random.default_rng(3)
    X, wide, V = rows_of(fit)
    mean = X @ simulate.gamma
    draws = [simulate.draw(generator) for _ in range(4000)]
    Zy = np.array([cross.B[:, :, -1].ravel() for cross in draws])
    Xy = np.array([cross.C[:-1, -1] for cross in draws])
    yy = np.array([cross.C[-1, -1] for cross in draws])
    for sample, exact, variance in (
        (Zy, wide.T @ mean, np.diag(wide.T @ V @ wide)),
        (Xy, X.T @ mean, np.diag(X.T @ V @ X)),
        (yy[:, None], np.array([np.trace(V) + mean @ mean]),
         np.array([2.0 * np.trace(V @ V) + 4.0 * mean @ V @ mean])),
    ):  # fmt: skip
        error = np.sqrt(variance / len(draws))
        assert (np.abs(sample.mean(axis=0) - exact) < 4.5 * error).all()
        np.testing.assert_allclose(sample.var(axis=0), variance, rtol=0.2)
    joint = np.cov(Zy[:, -1], yy)[0, 1]
    expected = 2.0 * wide[:, -1] @ V @ mean
    assert joint == pytest.approx(expected, abs=5.0 * np.sqrt(Zy[:, -1].var() * yy.var() / 4000))


def test_known_columns_stay(fit: hb.PointFit, simulate: Simulator) -> None:
    before = fit.problem.cross
    after = simulate.draw(np.random.default_rng(0))
    assert after.R is before.R
    np.testing.assert_array_equal(after.B[:, :, :-1], before.B[:, :, :-1])
    np.testing.assert_array_equal(after.C[:-1, :-1], before.C[:-1, :-1])
    assert after.n == before.n


# ---------------------------------------------------------------- refits


def test_refits_are_those_of_simulated_rows() -> None:
    """Means and spreads of the estimates, against responses simulated row by row."""
    data = make(7, [6, 5, 8, 4, 7, 6, 9, 5, 6, 8])
    model = hb.Model("y ~ x + (1 + x | g)", data=data)
    fit = model.ml()
    drawn = hb.bootstrap(fit, n=150, seed=4, progress=False)
    generator = np.random.default_rng(5)
    design, G = fit.design, fit.theta.G[0, 0]
    found = []
    for _ in range(150):
        u = generator.multivariate_normal(np.zeros(2), G, size=design.J)[design.rows.codes]
        noise = fit.sigma * generator.standard_normal(design.n)
        y = design.rows.X @ fit.gamma_draws[0, 0] + (design.rows.Z * u).sum(axis=1) + noise
        other = hb.Model("y ~ x + (1 + x | g)", data=data.assign(y=y)).ml()
        found.append([*other.fixef(), *other.var_corr()["sd"]])
    ours = drawn.draws.drop(columns="corr", level="block").to_numpy()
    theirs = np.array(found)
    for k in range(ours.shape[1]):
        assert stats.ks_2samp(ours[:, k], theirs[:, k]).pvalue > 1e-3


def test_balanced_one_way_is_chi_squared() -> None:
    """Where every REML estimate is inside, σ̂² is the mean square within groups."""
    generator = np.random.default_rng(6)
    J, m = 12, 5
    g = np.repeat(np.arange(J), m)
    y = 20.0 * generator.normal(size=J)[g] + generator.normal(size=J * m)
    model = hb.Model("y ~ 1 + (1 | g)", data=pd.DataFrame({"y": y, "g": g}))
    fit = model.reml()
    drawn = hb.bootstrap(fit, n=500, seed=1, progress=False)
    assert not drawn.singular.any()
    within = J * (m - 1) * drawn.draws[("sigma", "sigma")] ** 2 / fit.sigma**2
    assert stats.kstest(within, stats.chi2(J * (m - 1)).cdf).pvalue > 1e-3
    sd2 = drawn.draws[("sd", "Intercept")] ** 2 + drawn.draws[("sigma", "sigma")] ** 2 / m
    expected = fit.theta.G[0, 0, 0, 0] + fit.sigma**2 / m
    assert stats.kstest((J - 1) * sd2 / expected, stats.chi2(J - 1).cdf).pvalue > 1e-3


def test_standard_errors_of_hs_are_those_of_the_fit(reml_fits: Cache[hb.PointFit]) -> None:
    fit = reml_fits["nonrandom_slopes"]
    drawn = hb.bootstrap(fit, n=500, seed=1, progress=False)
    se = drawn.table.loc["gamma", "se"].to_numpy()
    np.testing.assert_allclose(se, np.sqrt(np.diag(fit.vcov())), rtol=0.12)
    bias = drawn.table.loc["gamma"]
    assert (bias["bias"].abs() < 4.0 * bias["mcse"]).all()


# ---------------------------------------------------------------- what comes out


@pytest.fixture(scope="module")
def drawn(fit: hb.PointFit) -> hb.Bootstrap:
    return hb.bootstrap(fit, n=150, seed=3, progress=False)


def test_equal_seeds_give_equal_draws(fit: hb.PointFit, drawn: hb.Bootstrap) -> None:
    again = hb.bootstrap(fit, n=20, seed=3, progress=False)
    pd.testing.assert_frame_equal(again.draws, drawn.draws.iloc[:20])
    other = hb.bootstrap(fit, n=20, seed=4, progress=False)
    assert not np.isclose(other.draws["sigma"], drawn.draws["sigma"].iloc[:20]).any()


def test_tables_are_those_of_the_draws(fit: hb.PointFit, drawn: hb.Bootstrap) -> None:
    assert drawn.estimate.index.tolist() == fit.intervals().index.tolist()
    np.testing.assert_allclose(drawn.estimate, fit.intervals()["estimate"], rtol=1e-12)
    table = drawn.table.loc[("gamma", "x")]
    values = drawn.draws[("gamma", "x")]
    assert table["se"] == pytest.approx(values.std(), rel=1e-12)
    assert table["bias"] == pytest.approx(values.mean() - drawn.estimate[("gamma", "x")])
    percentile = drawn.intervals(0.9).loc[("gamma", "x")]
    assert percentile["lower"] == pytest.approx(values.quantile(0.05), rel=1e-12)
    basic = drawn.intervals(0.9, kind="basic").loc[("gamma", "x")]
    assert basic["lower"] + percentile["upper"] == pytest.approx(2.0 * percentile["estimate"])
    zero = drawn.draws[("sd", "Intercept")] == 0.0
    assert (drawn.draws.loc[zero, ("corr", "Intercept, x")].isna()).all()
    assert drawn.singular.dtype == bool and drawn.singular.any()


def test_it_prints(drawn: hb.Bootstrap) -> None:
    lines = str(drawn).splitlines()
    singular = int(drawn.singular.sum())
    assert lines[0] == "Parametric bootstrap of the REML fit"
    assert lines[1] == "  Model:  y ~ 1 + x + w + (1 + x | g)"
    assert lines[2] == (
        f"  Refits: 150, seed 3; G singular in {singular} of them ({singular / 1.5:.1f}%)"
    )
    assert str(drawn) == repr(drawn)
    assert max(len(line) for line in lines) <= 100
    assert drawn._repr_html_().count("<table") == 1


def test_a_statistic_is_followed(fit: hb.PointFit) -> None:
    def icc(refit: hb.PointFit) -> float:
        return float(refit.icc()["icc"])

    drawn = hb.bootstrap(fit, icc, n=20, seed=1, progress=False)
    assert drawn.estimate[("statistic", "icc")] == pytest.approx(fit.icc()["icc"])
    assert drawn.draws[("statistic", "icc")].between(0.0, 1.0).all()
    both = hb.bootstrap(fit, lambda f: f.icc() * [2.0], n=5, seed=1, progress=False)
    np.testing.assert_allclose(
        both.draws[("statistic", "icc")], 2.0 * drawn.draws[("statistic", "icc")].iloc[:5]
    )


def spread_of_residuals(refit: hb.PointFit) -> float:
    return float(np.asarray(refit.residuals()).std())


def slope_of_rows(refit: hb.PointFit) -> float:
    return float(np.polyfit(refit.design.rows.X[:, 1], refit.design.rows.y, 1)[0])


def without_a_name(refit: hb.PointFit) -> float:
    if np.isnan(refit.design.rows.y).any():
        raise ZeroDivisionError("mine")
    return 1.0


NEEDS_ROWS = (
    "the statistic '{}' needs the rows of the data, and only cross-products are simulated; take "
    "one of γ, G, σ and the likelihood"
)


@pytest.mark.parametrize("statistic", [spread_of_residuals, slope_of_rows, without_a_name])
def test_a_statistic_of_rows_is_refused(
    statistic: Callable[[hb.PointFit], float], fit: hb.PointFit
) -> None:
    with pytest.raises(hb.InferenceError) as caught:
        hb.bootstrap(fit, statistic, n=3, seed=1, progress=False)
    assert str(caught.value) == NEEDS_ROWS.format(statistic.__name__)


REFUSALS: list[tuple[str, Callable[[hb.PointFit], object], type[Exception]]] = [
    (
        "n must be a whole number of at least 1, not 0",
        lambda fit: hb.bootstrap(fit, n=0),
        hb.EstimationError,
    ),
    (
        "n must be at least 2: a single refit has no spread and no limits",
        lambda fit: hb.bootstrap(fit, n=1),
        hb.InferenceError,
    ),
    (
        "statistic must be a function of a fit, not of type int",
        lambda fit: hb.bootstrap(fit, 3),  # type: ignore[arg-type]
        hb.InferenceError,
    ),
    (
        "the statistic '<lambda>' returns nothing; a statistic returns a number, or a mapping or "
        "Series of numbers by name",
        lambda fit: hb.bootstrap(fit, lambda _: None, progress=False),
        hb.InferenceError,
    ),
    (
        "seed must be a whole number from 0 to 2³² − 1, not -1",
        lambda fit: hb.bootstrap(fit, seed=-1),
        hb.EstimationError,
    ),
    (
        "the statistic 'fixef' is of type str; a statistic returns a number, or a mapping or "
        "Series of numbers by name",
        lambda fit: hb.bootstrap(fit, lambda _: {"fixef": "one"}, progress=False),
        hb.InferenceError,
    ),
    (
        "bootstrap() takes fits, and its argument is of type Model; use what model.reml() or "
        "model.ml() returns",
        lambda _: hb.bootstrap(hb.Model("y ~ 1 + (1 | g)", data=make(1, [3, 3]))),  # type: ignore[arg-type]
        hb.InferenceError,
    ),
    (
        "kind must be 'percentile' or 'basic', not 'bca'",
        lambda fit: hb.bootstrap(fit, n=2, progress=False).intervals(kind="bca"),
        hb.InferenceError,
    ),
]


@pytest.mark.parametrize(("text", "ask", "error"), REFUSALS)
def test_refusals(
    text: str, ask: Callable[[hb.PointFit], object], error: type[Exception], fit: hb.PointFit
) -> None:
    with pytest.raises(error) as caught:
        ask(fit)
    assert str(caught.value) == text


def test_an_error_of_a_statistic_comes_through(fit: hb.PointFit) -> None:
    calls = []

    def fails(_: hb.PointFit) -> float:
        calls.append(1)
        if len(calls) > 2:
            raise ZeroDivisionError("mine")
        return 0.0

    with pytest.raises(ZeroDivisionError, match="mine"):
        hb.bootstrap(fit, fails, n=10, seed=1, progress=False)


def test_refits_share_no_random_numbers_with_data_of_that_seed() -> None:
    of_data = np.random.default_rng(1).normal(size=5)
    for number in range(3):
        assert not np.isin(of_data, generator_of(1, number).normal(size=200)).any()
