"""The graph with nothing integrated out is the marginal graph, once γ and u are integrated."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from numpy.testing import assert_allclose
from pymc.pytensorf import compile as compile_pytensor
from pytensor.compile.mode import Mode
from scipy import stats

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.estimation import residual_posterior
from hierbayes.estimation.compiled import free_variables, join_values
from tests.test_residual_structures import ROWS, errors_by_hand

PYTHON = Mode("py", "fast_compile")


@pytest.fixture(scope="module")
def tiny() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g, h = np.repeat(np.arange(3), 4), np.tile(np.arange(2), 6)
    x = rng.normal(size=12)
    return pd.DataFrame({"y": 1 + x + rng.normal(size=3)[g] + rng.normal(size=12), "x": x,
                         "g": g, "h": h})  # fmt: skip


@pytest.fixture(autouse=True)
def no_compiler() -> Iterator[None]:
    with pytensor.config.change_flags(cxx=""):
        yield


def _density(
    graph: pm.Model, name: str = "sigma"
) -> tuple[Callable[..., float], list[tuple[str, int]]]:
    """Log density at free values in one vector, and the sizes of its variables."""
    variables = free_variables(graph)
    x, (logp, *_) = join_values(graph, variables, graph.logp(), [name])
    sizes = [(v.name, int(np.prod(v.shape))) for v in variables]
    with graph:
        found = compile_pytensor([x], [logp], mode=PYTHON)
    return lambda point: float(found(point)[0]), sizes


def _integral(density: Callable[[np.ndarray], float], theta: np.ndarray, d: int) -> float:
    """log ∫ exp(f(θ, v)) dv of a quadratic form f of v (d,), from its values alone."""

    def value(v: np.ndarray) -> float:
        return density(np.concatenate([theta, v]))

    unit, zero = np.eye(d), np.zeros(d)
    c = value(zero)
    plus, minus = (np.array([value(s * e) for e in unit]) for s in (1.0, -1.0))
    g = (plus - minus) / 2.0
    H = np.diag(2.0 * c - plus - minus)
    for i in range(d):
        for j in range(i):
            H[i, j] = H[j, i] = plus[i] + plus[j] - c - value(unit[i] + unit[j])
    log_det = float(np.linalg.slogdet(H)[1])
    return float(c + 0.5 * (g @ np.linalg.solve(H, g) + d * np.log(2.0 * np.pi) - log_det))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "centered"),
    [
        ("y ~ x + (1 | g)", False),
        ("y ~ x + (1 | g)", True),
        ("y ~ 1 + (1 | g) + (1 | h)", False),
    ],
)
def test_integrated_over_gamma_and_u_it_is_the_marginal_graph(
    formula: str, centered: bool, tiny: pd.DataFrame
) -> None:
    priors = {"gamma": hb.Normal(0, 5)}
    model = hb.Model(formula, data=tiny, priors=priors)
    explicit, sizes = _density(model.graph(collapse=False, centered=centered))
    marginal, of_theta = _density(model.graph())
    d = sum(size for _, size in of_theta)
    assert sizes[: len(of_theta)] == of_theta
    latent = sum(size for _, size in sizes) - d
    rng = np.random.default_rng(1)
    for _ in range(2):
        theta = rng.normal(0.3, 0.3, d)
        assert_allclose(_integral(explicit, theta, latent), marginal(theta), rtol=1e-7)


def test_what_pymc_needs_is_there(tiny: pd.DataFrame) -> None:
    graph = hb.Model("y ~ x + (1 + x | g)", data=tiny).graph(collapse=False)
    assert [one.name for one in graph.observed_RVs] == ["response"]
    assert graph.named_vars_to_dims["u"] == ("group", "effect_of")
    assert graph.coords["term"] == ("Intercept", "x")
    drawn = pm.draw([graph["gamma"], graph["u"]], mode=PYTHON, random_seed=1)
    assert [np.shape(one) for one in drawn] == [(2,), (3, 2)]
    with graph:
        pm.Normal("another", graph["eta"][:3], graph["sigma"], observed=np.zeros(3))
    assert len(graph.observed_RVs) == 2


def test_a_flat_prior_has_its_own_variable(tiny: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + (1 | g)", data=tiny, priors={"gamma": hb.Flat()})
    names = [one.name for one in model.graph(collapse=False).free_RVs]
    assert names[2:] == ["gamma_flat", "b"]


def test_a_family_is_centred_or_not(tiny: pd.DataFrame) -> None:
    """Its other graph, not centred, is held to the sampled density in test_family_graph."""
    counts = tiny.assign(y=lambda d: (d["y"] > 1).astype(int))
    model = hb.Model("y ~ x + (1 | g)", data=counts, family="bernoulli")
    names = [one.name for one in model.graph(centered=True).free_RVs]
    assert "u" in names and "b" not in names


def test_what_is_integrated_out_is_neither_centred_nor_not(tiny: pd.DataFrame) -> None:
    with pytest.raises(hb.EstimationError, match="write graph\\(collapse=False, centered=True\\)"):
        hb.Model("y ~ x + (1 | g)", data=tiny).graph(centered=True)


def test_responses_are_drawn_from_prior_and_posterior_without_a_warning(tiny: pd.DataFrame) -> None:
    """No potential stands in the graph, and no number of a prior is data that may have changed."""
    graph = hb.Model("y ~ x + (1 | g)", data=tiny).graph(collapse=False)
    assert graph.potentials == []
    assert [one.name for one in graph.data_vars] == ["X", "Z", "group_of", "observed"]
    options = {"model": graph, "random_seed": 1, "compile_kwargs": {"mode": PYTHON}}
    prior = pm.sample_prior_predictive(draws=3, **options)
    drawn = prior["prior"].to_dataset().drop_vars("eta")
    again = pm.sample_posterior_predictive(drawn, progressbar=False, **options)
    assert again["posterior_predictive"]["response"].shape == (1, 3, 12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "structure",
    [
        hr.AR1("week") * hr.Strata("sex"),
        hr.CompoundSymmetry(group="g"),
        hr.Unstructured("week", group="g"),
        hr.Power("dose"),
    ],
    ids=str,
)
def test_with_a_residual_structure_it_is_the_density_that_is_sampled(
    structure: hr.ResidualStructure,
) -> None:
    """γ and u integrated out of it: in θ and in the coordinates of the errors, constants too."""
    formula = "y ~ x + (0 + x | g)"
    priors = {"gamma": hb.Normal(0, 5), "sd": hb.Gamma(2, 1)}  # no sd in units of weighted rows
    model = hb.Model(formula, ROWS, residual=structure, priors=priors)
    graph = model.graph(collapse=False)
    explicit, sizes = _density(graph)
    target, centre, _ = residual_posterior.structured_target(
        model.problem, model.priors, progress=False
    )
    latent = sum(size for _, size in sizes) - len(centre)
    rng = np.random.default_rng(2)
    for _ in range(2):
        w = centre + 0.2 * rng.normal(size=len(centre))
        assert_allclose(_integral(explicit, w, latent), target.value(w)[0], rtol=1e-7)
    with graph:  # its gradient, at once with that of all else
        slope = graph.compile_dlogp(mode=PYTHON)
    point = graph.initial_point()
    names = [value.name for value in graph.value_vars]
    start = np.concatenate([np.ravel(point[name]) for name in names])
    steps = 1e-5 * np.eye(len(start))
    wanted = [(explicit(start + h) - explicit(start - h)) / 2e-5 for h in steps]
    assert_allclose(slope(point), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("formula", "structure", "gamma"),
    [
        ("y ~ x + (1 + x | g)", hr.AR1("week") * hr.Strata("sex"), hb.Normal(0, 5)),
        ("y ~ x + (1 | clinic) + (1 | g)", hr.Power("dose"), hb.Flat()),
        ("y ~ x", hr.Unstructured("week", group="g"), hb.Normal(0, 5)),
    ],
    ids=str,
)
def test_collapsed_with_a_residual_structure_it_is_the_density_that_is_sampled(
    formula: str, structure: hr.ResidualStructure, gamma: hb.Normal | hb.Flat
) -> None:
    priors = {"gamma": gamma} | ({"sd": hb.Gamma(2, 1)} if "|" in formula else {})
    model = hb.Model(formula, ROWS, residual=structure, priors=priors)
    graph = model.graph()
    found, sizes = _density(graph)
    target, centre, _ = residual_posterior.structured_target(
        model.problem, model.priors, progress=False
    )
    assert sum(size for _, size in sizes) == len(centre)
    assert [name for name, _ in sizes][-1] == "error_coordinates"
    w = centre + 0.2 * np.random.default_rng(2).normal(size=len(centre))
    assert_allclose(found(w), target.value(w)[0], rtol=1e-8)
    with graph:
        slope = graph.compile_dlogp(mode=PYTHON)
    point, at = graph.initial_point(), 0
    for value, (_, size) in zip(graph.value_vars, sizes, strict=True):
        point[value.name] = w[at : at + size].reshape(point[value.name].shape)
        at += size
    assert_allclose(slope(point), target.with_gradient(w)[1], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_with_a_residual_structure_responses_are_drawn() -> None:
    structure = hr.AR1("week") * hr.Strata("sex")
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=structure)
    graph = model.graph(collapse=False)
    names = graph.coords["residual_parameter"]
    assert names == ("phi", "ratio[M]")
    options = {"model": graph, "random_seed": 1, "compile_kwargs": {"mode": PYTHON}}
    prior = pm.sample_prior_predictive(draws=60, **options)
    total = 0.0
    for m in range(60):
        at, new = prior["prior"].isel(chain=0, draw=m), prior["prior_predictive"]["response"][0, m]
        own = dict(zip(names, at["residual"].to_numpy(), strict=True))
        e = (new - at["eta"]).to_numpy() / float(at["sigma"])
        total += e @ np.linalg.solve(errors_by_hand(structure, ROWS, own), e)
    n = 60 * len(ROWS)
    assert abs(total - n) < 6.0 * np.sqrt(2.0 * n)
    given = hb.Model(
        "y ~ x + (1 | g)", ROWS, residual=structure, priors={"gamma": hb.Uniform(-9, 9)}
    )
    with pytest.raises(hb.ResidualError, match=r"^with a residual structure γ is integrated out"):
        given.graph()


# ---------------------------------------------------------------- no random part


@pytest.mark.parametrize("collapse", [True, False])
def test_the_graph_of_a_regression_is_the_dense_density(collapse: bool, tiny: pd.DataFrame) -> None:
    """y ~ N(0, σ²I + 25XX') and σ half-normal, in log σ; γ integrated out of the other graph."""
    priors = {"gamma": hb.Normal(0, 5), "sigma": hb.HalfNormal(2)}
    model = hb.Model("y ~ x", data=tiny, priors=priors)
    graph = model.graph(collapse=collapse)
    assert [one.name for one in graph.data_vars if one.name in {"Z", "group_of"}] == []
    found, sizes = _density(graph)
    X, y = model.problem.design.X, tiny["y"].to_numpy()
    for w in (-0.4, 0.5):
        sigma = np.exp(w)
        wanted = stats.multivariate_normal.logpdf(y, cov=sigma**2 * np.eye(12) + 25.0 * X @ X.T)
        wanted += stats.halfnorm.logpdf(sigma, scale=2.0) + w
        theta = np.array([w])
        ours = found(theta) if collapse else _integral(found, theta, 2)
        assert_allclose(ours, wanted, rtol=1e-8)
    assert sizes[0] == ("sigma", 1)


def test_the_graph_of_a_generalised_linear_model_is_its_density(tiny: pd.DataFrame) -> None:
    data = tiny.assign(k=np.arange(12) % 4)
    model = hb.Model("k ~ x", data, family="poisson", priors={"gamma": hb.Normal(0, 2)})
    graph = model.graph()
    found, _ = _density(graph, "gamma")
    difference = found(np.array([0.3, 0.2])) - found(np.array([0.1, -0.4]))
    outputs = graph.replace_rvs_by_values([graph["gamma"], graph["eta"]])
    with graph:
        at = compile_pytensor(graph.value_vars, outputs, mode=PYTHON)
    wanted = []
    for point in ([0.3, 0.2], [0.1, -0.4]):
        gamma, eta = at(np.array(point))
        own = stats.norm.logpdf(gamma, scale=2.0).sum()
        wanted.append(own + stats.poisson.logpmf(data["k"], np.exp(eta)).sum())
    assert_allclose(difference, wanted[0] - wanted[1], rtol=1e-8)


def test_errors_that_are_singular_in_all_digits_have_no_density() -> None:
    """NUTS steps there, and is to turn back."""
    model = hb.Model("y ~ x", ROWS, residual=hr.CompoundSymmetry(group="g"))
    found, sizes = _density(model.graph(collapse=False))
    assert [name for name, _ in sizes] == ["sigma", "error_coordinates", "gamma_standard"]
    assert found(np.array([0.0, 60.0, 0.0, 0.0])) == -np.inf
    assert np.isfinite(found(np.array([0.0, 0.0, 0.0, 0.0])))
