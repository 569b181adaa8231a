"""Groups left out of a posterior with a residual structure: dense densities at each draw."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.predictive.left_out_structured_groups import structured_densities
from hierbayes.likelihood.collapsed import LOG_2PI
from hierbayes.likelihood.reading import NORMAL
from tests.test_residual_structures import ROWS, errors_by_hand

STRUCTURE = hr.AR1("week", group="g") * hr.Strata("sex")
PRIORS = {"gamma": hb.Normal(0, 3), "sd": hb.HalfNormal(1)}


@pytest.fixture(scope="module")
def drawn() -> StructuredPosteriorFit:
    model = hb.Model("y ~ x + (1 | clinic) + (1 | g)", ROWS, residual=STRUCTURE, priors=PRIORS)
    fit = model.sample(draws=50, chains=2, seed=4, sampler="importance", progress=False)
    assert isinstance(fit, StructuredPosteriorFit)
    return fit


def log_density(y: pd.Series, V: Floats) -> float:
    """Of N(0, V)."""
    low = np.linalg.cholesky(V)
    half = np.linalg.solve(low, y.to_numpy())
    return float(-0.5 * (half @ half) - np.log(np.diag(low)).sum() - 0.5 * len(y) * LOG_2PI)


@pytest.mark.slow
@pytest.mark.parametrize("factor", ["g", "clinic"])
def test_densities_are_those_of_dense_normals(drawn: StructuredPosteriorFit, factor: str) -> None:
    """log p(y) − log p(y₋ⱼ) at a draw, γ and every u integrated out."""
    k = drawn.design.place_of_factor(factor)
    found = structured_densities(drawn, k, NORMAL)
    names, values = drawn.error_draws
    X = np.column_stack([np.ones(len(ROWS)), ROWS["x"]])
    members = {name: pd.get_dummies(ROWS[name], dtype=float).to_numpy() for name in ("clinic", "g")}
    for m in (0, 41, 77):
        theta = drawn.theta.flat[m]
        R = errors_by_hand(
            STRUCTURE, ROWS, dict(zip(names, values.reshape(100, -1)[m], strict=True))
        )
        V = theta.sigma**2 * R + 9.0 * X @ X.T
        for sd, one in zip(theta.sd, drawn.design.factors, strict=True):
            V = V + sd**2 * members[one.name] @ members[one.name].T
        whole = log_density(ROWS["y"], V)
        for j, label in enumerate(drawn.design.factors[k].labels):
            kept = (ROWS[factor] != label).to_numpy()
            others = log_density(ROWS["y"][kept], V[np.ix_(kept, kept)])
            assert_allclose(found[j, m], whole - others, rtol=1e-7)


@pytest.mark.slow
def test_logo_weights_them(drawn: StructuredPosteriorFit) -> None:
    found = hb.logo(drawn, "g", progress=False)
    values = structured_densities(drawn, drawn.design.place_of_factor("g"), NORMAL)
    assert_allclose(found.frame["elpd"] + found.frame["p"], logsumexp(values, axis=1) - np.log(100))
    assert not (found.frame["method"] == "sampled anew").any()
