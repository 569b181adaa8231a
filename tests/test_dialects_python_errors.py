"""PyMC code of models with residual structures, weights, offsets and known errors: executed."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design.residual_blocks import weighed
from hierbayes.priors.design_normal import design_prior
from tests.interpreted import INTERPRETED, without_compiler


@pytest.fixture(scope="module")
def occasions() -> pd.DataFrame:
    """Six persons at up to four occasions, two rows away, in an order that is not theirs."""
    rows = [(i // 12, i // 4, i % 4 + 1) for i in range(24)]
    frame = pd.DataFrame(rows, columns=["pair", "id", "v"])
    y = [(7 * i * i + 3 * i) % 11 + 0.3 * (i % 4) for i in range(24)]
    frame = frame.assign(
        y=y, sex=frame["id"].mod(2).map({0: "M", 1: "F"}), arm=frame["id"] % 3,
        x=frame["v"] + 0.5, w=1.0 + frame["v"] % 3, o=[0.1 * (i % 5) for i in range(24)],
    )  # fmt: skip
    return frame.drop(index=[5, 23]).iloc[::-1].reset_index(drop=True)


PRIORS = {"gamma": hb.Normal(0, 5), "sd": hb.HalfNormal(2), "sigma": hb.HalfNormal(3)}
CODE: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "weights": ("y ~ v + offset(o) + (1 | id)", {"weights": "w"}, ()),
    "known": ("y ~ v + (1 | id)", {"known_sd": "w"}, ()),
    "AR1": ("y ~ v + (1 | pair)", {"residual": hr.AR1("v", group="id")}, ("phi",)),
    "order": ("y ~ v + (1 | id)", {"residual": hr.AR1()}, ("phi",)),
    "CAR1": ("y ~ x", {"residual": hr.CAR1("x", group="id")}, ("phi",)),
    "exchangeable": ("y ~ v", {"residual": hr.CompoundSymmetry("id")}, ("rho",)),
    "ARMA": (
        "y ~ v", {"residual": hr.ARMA("v", group="id"), "weights": "w"}, ("phi", "theta")
    ),
    "Toeplitz": ("y ~ v", {"residual": hr.Toeplitz("v", group="id")}, ("partial",)),
    "strata": (
        "y ~ v + offset(o) + (1 | id)", {"residual": hr.Strata("sex") * hr.Strata("arm")},
        ("ratio",),
    ),
    "product": (
        "y ~ v + (1 | pair)",
        {"residual": hr.AR1("v", group="id") * hr.Power("x") * hr.Exponential("v")},
        ("phi", "power", "rate"),
    ),
}  # fmt: skip


def executed(model: hb.Model) -> pm.Model:
    """The PyMC model that the code makes."""
    namespace: dict[str, Any] = {"data": model.data.copy()}
    exec(compile(model.emit("pymc"), "<emitted>", "exec"), namespace)
    made: pm.Model = namespace["model"]
    return made


def at_values(graph: pm.Model, values: dict[str, Any], root: Any = None) -> float:
    """Log density of y alone at values of the free variables, and free ones of ``error_root``."""
    (logp,) = graph.logp(vars=[graph["y"]], jacobian=False, sum=False)
    point = {}
    for rv in (graph[name] for name in values):
        transform, given = graph.rvs_to_transforms[rv], np.asarray(values[rv.name], dtype=float)
        if transform is not None:
            given = transform.forward(given, *rv.owner.inputs).eval(mode=INTERPRETED)
        point[graph.rvs_to_values[rv]] = given
    if root is not None:
        point[graph.rvs_to_values[graph["error_root"]]] = root
    compiled = pm.pytensorf.compile(list(point), logp.sum(), mode=INTERPRETED)
    return float(compiled(*point.values()))


def relative_covariance(model: hb.Model, z: Any) -> Any:
    """R (n, n) at coordinates z, as the likelihood has it."""
    moments = model.problem.moments
    n = len(model.data)
    return np.eye(n) if moments is None else np.linalg.inv(weighed(moments.rows, z, np.eye(n)))


def dense(model: hb.Model, R: Any, values: dict[str, Any]) -> float:
    """Log density of y, the covariance of whose errors is σ²R between weights."""
    rows = model.problem.design.rows
    mean = rows.X @ values["gamma"] + rows.offset
    if "z" in values:
        mean = mean + (rows.Z * (values["z"] * values["sd"])[rows.codes_of[0]]).sum(axis=1)
    scale = values.get("sigma", 1.0) * np.broadcast_to(rows.row_sd, len(mean))
    return float(stats.multivariate_normal(mean, scale[:, None] * R * scale).logpdf(rows.observed))


def drawn(model: hb.Model, graph: pm.Model) -> dict[str, Any]:
    """Some values of what every model has."""
    rng, values = np.random.default_rng(1), {"gamma": np.array([1.0, 0.5])}
    if "z" in graph.named_vars:
        J = model.problem.design.factors[0].J
        values |= {"sd": np.array([0.8]), "z": rng.normal(size=(J, 1))}
    return values | ({"sigma": np.array(1.7)} if "sigma" in graph.named_vars else {})


@without_compiler
@pytest.mark.parametrize("name", CODE)
def test_pymc_code_has_the_same_errors(name: str, occasions: pd.DataFrame) -> None:
    formula, words, names = CODE[name]
    priors = {k: v for k, v in PRIORS.items() if "known_sd" not in words or k != "sigma"}
    priors = {k: v for k, v in priors.items() if "|" in formula or k != "sd"}
    model = hb.Model(formula, occasions, priors=priors, **words)
    graph, z = executed(model), np.zeros(0)
    values = drawn(model, graph)
    if model.problem.moments is not None:
        law = model.problem.moments.rows
        z = law.start + np.array([-0.6, 0.5, 0.2])[: len(law.start)]
        natural = np.tanh(z) if "partial" in names else law.natural(z)
        whole = len(names) == 1 and len(natural) > 1
        values |= {names[0]: natural} if whole else dict(zip(names, natural, strict=True))
    assert_allclose(
        at_values(graph, values), dense(model, relative_covariance(model, z), values), rtol=1e-9
    )


@without_compiler
def test_any_covariance_of_occasions(occasions: pd.DataFrame) -> None:
    structure = hr.Unstructured("v", group="id")
    priors = {"gamma": hb.Normal(0, 5), "sigma": hb.HalfNormal(3)}
    model = hb.Model("y ~ v", occasions, residual=structure, priors=priors)
    graph, free, ratio = executed(model), np.linspace(-0.4, 0.6, 6), np.array([0.5, 1.5, 2.0])
    value = graph.rvs_to_values[graph["error_root"]]
    (root,) = graph.replace_rvs_by_values([graph["error_root"]])
    L = pm.pytensorf.compile([value], root, mode=INTERPRETED)(free)
    size = np.append(1.0, ratio)
    same = np.equal.outer(occasions["id"].to_numpy(), occasions["id"].to_numpy())
    at = occasions["v"].to_numpy() - 1
    R = np.where(same, (size[:, None] * (L @ L.T) * size)[np.ix_(at, at)], 0.0)
    values = drawn(model, graph) | {"ratio": ratio}
    assert_allclose(at_values(graph, values, free), dense(model, R, values), rtol=1e-9)


STATED = {
    "phi": (hr.AR1("v", group="id"), hb.Normal(0.2, 0.5),
            'pm.Truncated("phi", pm.Normal.dist(mu=0.2, sigma=0.5), lower=-1, upper=1)'),
    "rho": (hr.CompoundSymmetry("id"), hb.Flat(),
            'pm.Uniform("rho", lower=-0.3333333333, upper=1)'),
    "ratio[M]": (hr.Strata("sex"), hb.Normal(1, 1),
                 'pm.Truncated("ratio_0", pm.Normal.dist(mu=1, sigma=1), lower=0)'),
    "corr": (hr.Unstructured("v", group="id"), hb.LKJ(3), "n=4, eta=3)"),
    "power": (hr.Power("x"), hb.Normal(0, 1), 'pm.Normal("power", mu=0, sigma=1)'),
}  # fmt: skip


@pytest.mark.parametrize("name", STATED)
def test_priors_of_the_structure(name: str, occasions: pd.DataFrame) -> None:
    structure, prior, said = STATED[name]
    model = hb.Model("y ~ v", occasions, residual=structure, priors={"residual": {name: prior}})
    assert said in model.emit("pymc")


@without_compiler
@pytest.mark.parametrize("words", [
    {"weights": "w"}, {"known_sd": "w"}, {"weights": "w", "residual": hr.Power("x")},
])  # fmt: skip
def test_usual_priors_of_gamma(words: dict[str, Any], occasions: pd.DataFrame) -> None:
    """They are as wide as the estimates of rows with these weights."""
    model = hb.Model("y ~ v + (1 | id)", occasions, **words)
    graph = executed(model)
    cov = graph["gamma"].owner.inputs[-1].eval(mode=INTERPRETED)
    ours = design_prior(
        [prior for _, prior, _ in model.priors.gamma], model.problem.unweighted.working
    )
    assert ours is not None
    assert_allclose(np.linalg.inv(cov), ours.precision, rtol=1e-9)


@pytest.mark.parametrize("argument", ["weights", "known_sd", "offset"])
def test_numbers_that_are_no_column_are_refused(argument: str, occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v + (1 | id)", occasions, **{argument: occasions["w"].to_numpy()})
    for system in ("lme4", "pymc", "brms"):
        with pytest.raises(hb.FormulaError, match=rf"emit: {argument}= were given as numbers"):
            model.emit(system)


@without_compiler
@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [{"weights": "w"}, {"known_sd": "w"}, {"residual": hr.Strata("sex") * hr.Power("x")}]
)
def test_bambi_code_has_the_same_errors(words: dict[str, Any], occasions: pd.DataFrame) -> None:
    """Its log sigma is that of the rows, at coefficients of it."""
    model = hb.Model("y ~ v + (1 | id)", occasions, **words)
    code = model.emit("bambi").replace("results = model.fit()", "model.build()")
    namespace: dict[str, Any] = {"data": occasions.copy()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas about what bambi calls
        exec(compile(code, "<emitted>", "exec"), namespace)
    graph = namespace["model"].backend.model
    slopes = {"sigma_Intercept": 0.3, "sigma_C(sex)": [0.1, 0.6], "sigma_np.log(np.abs(x))": 0.4}
    used = {graph.rvs_to_values[rv]: np.array(slopes[rv.name], dtype=float)
            for rv in graph.free_RVs if rv.name in slopes}  # fmt: skip
    (sigma,) = graph.replace_rvs_by_values([graph["sigma"]])
    found = pm.pytensorf.compile(list(used), sigma, mode=INTERPRETED)(*used.values())
    w, x, man = occasions["w"], occasions["x"], occasions["sex"] == "M"
    expected = {
        "weights": np.exp(0.3) / np.sqrt(w),
        "known_sd": w,
        "residual": np.exp(np.where(man, 0.6, 0.1)) * x**0.4,
    }
    assert_allclose(found, expected[next(iter(words))], rtol=1e-10)
