"""Default priors under shifts and changes of unit of every variable: the same model.

The density of the prior at parameters that mean the same is the same, but for the volume of the
change of units, and so is the likelihood: then every posterior moment is.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.fit.densities import Densities
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta

FORMULAS = (
    "y ~ x * arm + (1 | g)",
    "y ~ x * w + (1 + x | g)",
    "y ~ x + I(x**2) + arm + (1 + x + I(x**2) | g)",
    "y ~ x * w * arm + (1 + x * w | g)",
    "y ~ x + cvar(x, g) + (1 + x || g)",
)
CHANGES: dict[str, dict[str, tuple[float, float]]] = {  # variable -> shift, factor
    "shift of x": {"x": (50.0, 1.0)},
    "unit of x": {"x": (0.0, 1e-3)},
    "both": {"x": (-12.0, 25.0), "w": (8.0, 0.01)},
    "response": {"y": (1e3, 1e-2)},
    "all": {"x": (80.0, 7.0), "w": (-9.0, 1e2), "y": (-50.0, 30.0)},
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(12), 9)
    x, w = rng.normal(0.4, 1.0, 108), rng.normal(size=108) + 0.1 * g
    u = rng.normal(size=(12, 2))[g]
    arm = np.where(g % 2 == 0, "a", "b")
    y = 5.0 + x * (1.0 + u[:, 1]) + (arm == "b") * x + w + u[:, 0] + rng.normal(size=108)
    return pd.DataFrame({"g": g, "x": x, "w": w, "arm": arm, "y": y})


def changed(data: pd.DataFrame, how: dict[str, tuple[float, float]]) -> pd.DataFrame:
    return data.assign(**{name: (data[name] + a) * b for name, (a, b) in how.items()})


def posed(formula: str, data: pd.DataFrame, how: str) -> tuple[hb.Model, hb.Model, Floats, Floats]:
    """The model on both data, and the maps of its coefficients: b' = factor T b + shift e."""
    one, other = (hb.Model(formula, data=of) for of in (data, changed(data, CHANGES[how])))
    return one, other, map_of(one, other, "X"), map_of(one, other, "Z")


def map_of(one: hb.Model, other: hb.Model, part: str) -> Floats:
    """T with X = X'T: what the columns as written become of those of the other data."""
    before, after = (getattr(m.problem.design.rows, part) for m in (one, other))
    size = np.abs(after).max(axis=0)
    left, right = np.linalg.qr(after / size)
    found = np.linalg.solve(right, left.T @ before) / size[:, None]
    assert_allclose(after @ found, before, atol=1e-7 * np.abs(before).max())
    return np.asarray(found)


def points(model: hb.Model) -> tuple[Floats, Floats, Floats]:
    """Roots of G (M, q, q), σ and γ around REML."""
    rng, fit = np.random.default_rng(5), model.reml()
    q, blocks = len(model.problem.design.effects), model.problem.design.blocks
    mask = np.zeros((q, q))
    start = 0
    for size in blocks:
        mask[start : start + size, start : start + size] = 1.0
        start += size
    L = np.tril(rng.normal(size=(6, q, q)) * mask) + 0.5 * np.eye(q)
    gamma = fit.fixef().to_numpy() + rng.normal(size=(6, len(fit.fixef())))
    return L, np.exp(rng.normal(size=6)), gamma


# A slope independent of the intercept says where x is 0: its model changes with the origin.
INVARIANT = [
    (formula, how)
    for formula in FORMULAS
    for how in CHANGES
    if "||" not in formula or not CHANGES[how].get("x", (0.0, 1.0))[0]
]


@pytest.mark.parametrize(("formula", "how"), INVARIANT)
@pytest.mark.slow
def test_density_of_the_defaults(formula: str, how: str, data: pd.DataFrame) -> None:
    one, other, T, S = posed(formula, data, how)
    shift, factor = CHANGES[how].get("y", (0.0, 1.0))
    L, sigma, gamma = points(one)
    e = other.problem.cross.basis.constant
    gamma2 = factor * (gamma @ T.T + shift * e)
    L2, sigma2 = factor * S @ L, factor * sigma
    first = log_prior(one, L, sigma, gamma)
    second = log_prior(other, L2, sigma2, gamma2)
    q, p = len(S), len(T)
    volume = np.linalg.slogdet(T)[1] + (p + 1) * np.log(factor)
    volume += log_volume_of_G(S, one.problem.design.blocks)
    volume += sum(k * (k + 1) for k in one.problem.design.blocks) * np.log(factor)
    assert_allclose(second + volume, first, rtol=1e-10, atol=1e-7)
    assert q == L.shape[-1]


def log_volume_of_G(S: Floats, blocks: tuple[int, ...]) -> float:
    """Log determinant of G -> SGS' over the entries of the blocks: (k + 1) log|S_b| each."""
    total, at = 0.0, 0
    for k in blocks:
        total += (k + 1) * np.linalg.slogdet(S[at : at + k, at : at + k])[1]
        at += k
    return float(total)


def log_prior(model: hb.Model, L: Floats, sigma: Floats, gamma: Floats) -> Floats:
    """Log density of the priors, of (G, σ, γ)."""
    roots = np.linalg.qr(np.swapaxes(L, 1, 2), mode="r")
    theta = Theta.of(np.swapaxes(roots, 1, 2), sigma)
    found = Densities(model.problem, theta, gamma)
    total = sum(found.log_prior(block, model.priors) for block in ("gamma", "sd", "corr", "sigma"))
    return np.asarray(total + found.scales(model.priors).log_volume)


@pytest.mark.parametrize("how", ["shift of x", "all"])
@pytest.mark.parametrize("formula", FORMULAS[:4])
def test_moments_of_gamma_given_theta(formula: str, how: str, data: pd.DataFrame) -> None:
    one, other, T, S = posed(formula, data, how)
    shift, factor = CHANGES[how].get("y", (0.0, 1.0))
    L, sigma, _ = points(one)
    n = len(data)
    before, after = (
        Likelihood(m.problem.cross, NORMAL, m.priors.normal_gamma(m.problem.cross))
        for m in (one, other)
    )
    for k in range(len(sigma)):
        a = before.at(Theta.of(L[k], sigma[k]))
        b = after.at(Theta.of(factor * S @ L[k], factor * sigma[k]))
        expected = factor * (T @ a.gamma + shift * other.problem.cross.basis.constant)
        assert_allclose(b.gamma, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
        assert_allclose(b.value + n * np.log(factor), a.value, rtol=1e-8)


STATED: dict[str, Any] = {"x:arm[T.b]": hb.StudentT(3, 0, 2), "arm[T.b]": hb.Normal(0, 3)}


@pytest.mark.parametrize("name", ["x:arm[T.b]", "both"])
def test_defaults_beside_stated_priors_follow_shifts(name: str, data: pd.DataFrame) -> None:
    """A shift of x moves neither the interaction nor what is stated of it."""
    gamma = {"x:arm[T.b]": STATED["x:arm[T.b]"]}
    if name == "both":
        gamma["x"] = hb.Normal(0, 5)
    formula, priors = "y ~ x * arm + (1 | g)", {"gamma": gamma}
    moved = changed(data, CHANGES["shift of x"])
    one, other = (hb.Model(formula, data=of, priors=priors) for of in (data, moved))
    T = map_of(one, other, "X")
    L, sigma, values = points(one)
    first = log_prior(one, L, sigma, values)
    second = log_prior(other, L, sigma, values @ T.T)
    assert_allclose(second, first, rtol=1e-9, atol=1e-7)


def test_the_centred_columns_are_those_of_least_squares(data: pd.DataFrame) -> None:
    moved = changed(data, CHANGES["all"])
    model = hb.Model("y ~ x * w + (1 + x * w | g)", data=moved)
    Z = model.problem.design.rows.Z
    centred = Z @ model.priors.columns(4)
    assert_allclose(centred[:, 1], Z[:, 1] - Z[:, 1].mean(), atol=1e-9)
    assert_allclose(centred[:, 2], Z[:, 2] - Z[:, 2].mean(), atol=1e-9)
    made = np.linalg.lstsq(Z[:, :3], Z[:, 3], rcond=None)[0]
    assert_allclose(centred[:, 3], Z[:, 3] - Z[:, :3] @ made, atol=1e-6)
    scales = [prior.parameters["sigma"] for _, prior, _ in model.priors.sd]
    assert_allclose(scales, moved["y"].std(ddof=0) / np.sqrt((centred**2).mean(axis=0)), rtol=1e-8)


def test_a_block_of_sds_is_stated_in_one_way(data: pd.DataFrame) -> None:
    priors = {"sd": {"1": hb.Centred(hb.HalfNormal(2)), "x": hb.HalfNormal(1)}}
    with pytest.raises(hb.PriorError) as caught:
        hb.Model("y ~ x + (1 + x | g)", data=data, priors=priors)
    assert str(caught.value) == (
        "the prior of 'sd' for 'Intercept' is of its centred column, and that for 'x' of the "
        "column as written; state both in the same way"
    )


SHARES: list[tuple[str, dict[str, Any], float, tuple[str, ...]]] = [
    ("y ~ x + (1 + x | g)", {"icc": hb.Beta(2, 2)}, 0.5, ("x",)),
    ("y ~ x + (1 + x | g)", {"icc": hb.Beta(2, 2)}, 0.0, ()),
    ("y ~ x + (1 | g)", {"icc": hb.Beta(2, 2)}, 0.5, ()),
    ("y ~ x * w + (1 | g)", {"r2": hb.R2D2M2()}, 0.5, ("x:w",)),
    ("y ~ x + w + (1 + x | g)", {"r2": hb.R2D2M2()}, 0.5, ("x",)),
]


@pytest.mark.parametrize(("formula", "priors", "origin", "named"), SHARES)
def test_priors_of_shares_say_which_origins_they_depend_on(
    formula: str, priors: dict[str, Any], origin: float, named: tuple[str, ...], data: pd.DataFrame
) -> None:
    """Of a centred variable nothing is left to say; the icc itself is the same in any case."""
    model = hb.Model(formula, data.assign(x=data["x"] - data["x"].mean() - origin), priors=priors)
    said = [note for note in model.priors.notes() if "another origin" in note]
    assert model.priors.as_written == named
    assert len(said) == bool(named)
    if named:
        (block,) = priors
        assert said[0].startswith(f"{block} ~ {priors[block]}: the prior of ")
        assert f"another prior of '{named[0]}'; centre variables" in said[0]
    if "icc" in priors:
        assert (model.priors.of_origins in model.map().diagnose().findings) == bool(named)


OTHER_MODELS = [
    ("k ~ x * w + (1 + x | g)", "poisson"),
    ("b ~ x + (1 | g) + (1 | h)", "bernoulli"),
    ("y ~ x * w + (1 + x | g) + (1 | h)", None),
]


@pytest.mark.parametrize(("formula", "family"), OTHER_MODELS)
def test_families_and_several_factors(formula: str, family: str | None, data: pd.DataFrame) -> None:
    """Other origins, units, labels and order of rows: the same likelihood, mode and predictions."""
    rng = np.random.default_rng(7)
    rate = np.exp(0.3 * (data["y"] - data["y"].mean()))
    one = data.assign(h=np.arange(108) % 5, k=rng.poisson(rate), b=(rate > 1.0) ^ (data["w"] > 1.0))
    one["b"] = one["b"].astype(int)
    other = changed(one, {"x": (20.0, 3.0), "w": (-5.0, 0.01)}).sample(frac=1.0, random_state=1)
    other = other.assign(g=[f"group {100 - g}" for g in other["g"]])
    models = [hb.Model(formula, of, family=family) for of in (one, other)]
    for engine in ("ml", "map"):
        fits = [getattr(model, engine)() for model in models]
        expected, found = (fit.predict() for fit in fits)
        assert_allclose(found.loc[expected.index], expected, rtol=1e-5, atol=1e-6)
        if engine == "ml":
            assert fits[1].loglik == pytest.approx(fits[0].loglik, abs=1e-8)
