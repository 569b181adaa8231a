"""The PyMC graph of every family's model, and the log density that is sampled in its place."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pymc.pytensorf import compile as compile_pytensor
from pytensor.compile.mode import Mode

import hierbayes as hb
from hierbayes.estimation.compiled import free_variables, join_values
from hierbayes.estimation.density import density_at
from hierbayes.estimation.family_distributions import distribution_of
from hierbayes.estimation.family_graph import family_graph
from hierbayes.estimation.family_inputs import inputs_at_mode
from hierbayes.estimation.latent_effects import effects_of
from hierbayes.estimation.posterior import target_of
from hierbayes.families.family import ResponseFamily
from hierbayes.fit.of_family.maximised import maximise_family

f = hb.families
CASES: dict[str, tuple[ResponseFamily, str]] = {
    "Bernoulli": (f.Bernoulli(), "b ~ x + (1 + x | g)"),
    "Poisson": (f.Poisson(), "c ~ x + offset(log(n)) + (1 + x || g)"),
    "BetaBinomial": (f.BetaBinomial(), "k | trials(n) ~ x + (1 | g)"),
    "Hurdle": (f.Hurdle(f.NegativeBinomial()), "c ~ x + (1 | g)"),
    "Cumulative": (f.Cumulative(), "o ~ x + (1 | g)"),
    "zeros of columns": (f.Hurdle(zeros="~ x + n"), "c ~ x + (1 | g)"),
    "Categorical": (f.Categorical(), "k ~ x + (1 | g)"),
    "icc": (f.Cumulative(link="cloglog"), "o ~ x + (1 + x | g)"),
}
FAMILIES: tuple[tuple[ResponseFamily, str], ...] = (
    (f.Bernoulli(link="probit"), "b"), (f.Binomial(link="cloglog"), "k"), (f.Binomial(), "k"),
    (f.NegativeBinomial(), "c"), (f.NegativeBinomial1(), "c"), (f.Gamma(), "r"),
    (f.Lognormal(), "r"), (f.Beta(), "s"), (f.StudentT(df=5.0), "t"), (f.Poisson(), "c"),
    (f.BetaBinomial(link="probit"), "k"), (f.ZeroInflated(), "c"),
    (f.StudentT(df=None), "t"),
    (f.ZeroInflated(f.Binomial()), "k"), (f.Hurdle(f.NegativeBinomial()), "c"),
    (f.Hurdle(f.Gamma()), "r"), (f.Cumulative(link="cloglog", categories=("0", "1", "2")), "o"),
)  # fmt: skip


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    size = 40
    eta = rng.normal(size=size)
    return pd.DataFrame({
        "g": np.repeat(np.arange(8), 5), "x": rng.normal(size=size), "b": eta > 0.2,
        "n": rng.integers(2, 7, size), "k": rng.integers(0, 3, size), "c": rng.poisson(2.0, size),
        "r": np.exp(eta), "s": 1.0 / (1.0 + np.exp(-eta)), "t": eta + rng.standard_t(4, size),
        "o": pd.Categorical(rng.integers(0, 3, size), ordered=True),
    })  # fmt: skip


@pytest.fixture(autouse=True)
def no_compiler() -> Iterator[None]:
    with pytensor.config.change_flags(cxx=""):
        yield


@pytest.mark.parametrize("name", CASES)
@pytest.mark.slow
def test_the_density_is_that_of_the_graph_and_the_map(name: str, data: pd.DataFrame) -> None:
    """log p(x_θ, z) = log p(x_θ, b(z)) of PyMC − Σ log|C_j|, the volume of the map."""
    family, formula = CASES[name]
    stated = dict(icc=hb.Beta(2, 8)) if name == "icc" else None
    model = hb.Model(formula, data, family=family, priors=stated)
    problem, priors = model.problem, model.priors
    mode = maximise_family(problem, 1).optimum.mode
    inputs = inputs_at_mode(problem, priors, mode)
    graph = family_graph(problem, inputs, priors, mode.rows)
    variables = free_variables(graph)
    target = target_of(problem.design, inputs, inputs.priors, progress=False)
    names = [variable.name for variable in target.variables]
    assert [variable.name for variable in variables] == [*names, "b"]
    x, outputs = join_values(graph, variables, graph.logp(), ["root"])
    with graph:
        reference = compile_pytensor([x], outputs[:1], mode=Mode("py", "fast_compile"))
    rng = np.random.default_rng(1)
    d = target.n_dim - target.latent
    for _ in range(2):
        point = np.concatenate([rng.normal(0.0, 0.4, d), rng.normal(size=target.latent)])
        found, _, expanded = density_at(point, target.data)
        root, _, gamma = target.parameters(expanded)
        assert gamma is not None
        internal = inputs.data["gamma_to_internal"] @ (gamma - inputs.data["gamma_center"])
        (u,) = effects_of([root], internal[: len(problem.design.terms)], point[d:], inputs.pseudo)
        q = len(root)
        C = np.linalg.cholesky(np.eye(q) + root.T @ inputs.pseudo.A[0] @ root)
        volume = np.log(np.diagonal(C, axis1=1, axis2=2)).sum()
        b = np.linalg.solve(root, u[..., None])[..., 0]
        (wanted,) = reference(np.concatenate([point[:d], b.ravel()]))
        assert found == pytest.approx(float(wanted) - volume, rel=1e-9, abs=1e-8)


@pytest.mark.slow
def test_distributions_of_pymc_are_the_families(data: pd.DataFrame) -> None:
    eta = np.linspace(-1.2, 1.4, len(data))
    densities, wanted = [], []
    for family, column in FAMILIES:
        y = data[column].to_numpy(float)
        m = data["n"].to_numpy(float) if column == "k" else np.full(len(y), family.constant)
        phi = np.linspace(1.7, 0.9 * (len(family.dispersion) or 1), len(family.dispersion))
        kind, arguments = distribution_of(
            family, pt.as_tensor(eta), m, list(map(pt.as_tensor, phi))
        )
        densities.append(pm.logp(kind.dist(**arguments), y).sum())
        value = family.derivatives(y, m, eta, phi)[0].sum() + family.log_constant(y, m)
        wanted.append(value)
    found = compile_pytensor([], densities, mode=Mode("py", "fast_compile"))()
    np.testing.assert_allclose(found, wanted, rtol=1e-8)
