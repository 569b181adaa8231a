"""The marginal likelihood of a model with a residual structure beside a sum of dense normals."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.frames.arrays import Floats
from tests.test_residual_structures import ROWS, errors_by_hand

X = np.column_stack([np.ones(len(ROWS)), ROWS["x"]])
Z = (ROWS["g"].to_numpy()[:, None] == np.unique(ROWS["g"])).astype(float)
Y = ROWS["y"].to_numpy()
PRIORS = {"gamma": hb.Normal(0, 3), "sd": hb.HalfNormal(1), "sigma": hb.HalfNormal(2)}


def dense_evidence(
    structure: hr.ResidualStructure, name: str, grid: Floats, prior: Floats
) -> float:
    """log Σ p(y | θ) p(θ) over the middles of cells of (σ, sd, parameter)."""
    sigma, sd = (np.linspace(low, high, m) for low, high, m in ((0.4, 2.0, 25), (0.03, 3.6, 30)))
    cell = (sigma[1] - sigma[0]) * (sd[1] - sd[0]) * (grid[1] - grid[0])
    at, of = (one.ravel() for one in np.meshgrid(sigma, sd, indexing="ij"))
    of_theta = stats.halfnorm(scale=2).logpdf(at) + stats.halfnorm(scale=1).logpdf(of)
    found = []
    for value, log_prior in zip(grid, prior, strict=True):
        R = errors_by_hand(structure, ROWS, {name: value})
        V = at[:, None, None] ** 2 * R + of[:, None, None] ** 2 * (Z @ Z.T) + 9.0 * X @ X.T
        solved = np.linalg.solve(V, np.broadcast_to(Y[:, None], (len(at), len(Y), 1)))[..., 0]
        log_p = -0.5 * (np.linalg.slogdet(V)[1] + solved @ Y + len(Y) * np.log(2.0 * np.pi))
        found.append(log_p + of_theta + log_prior)
    return float(logsumexp(found) + np.log(cell))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("structure", "name", "grid", "law"),
    [
        (hr.AR1("week"), "phi", np.linspace(-0.95, 0.985, 40), stats.uniform(-1, 2)),
        (hr.Strata("sex"), "ratio[M]", np.linspace(0.3, 3.6, 34), stats.lognorm(1.0)),
    ],
    ids=["AR1", "Strata"],
)
def test_evidence_is_that_of_the_dense_model(
    structure: hr.ResidualStructure, name: str, grid: Floats, law: stats.rv_continuous
) -> None:
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=structure, priors=PRIORS)
    found = hb.evidence(model)
    assert found.k_hat < 0.7
    assert found.error < 0.02
    wanted = dense_evidence(structure, name, grid, law.logpdf(grid))
    assert abs(found.log_evidence - wanted) < 6.0 * found.error + 0.01
    assert set(found.wider.index) == {"sd", "sigma"}


@pytest.mark.slow
def test_models_with_and_without_a_structure_are_weighed() -> None:
    own = hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.Strata("sex"), priors=PRIORS)
    alike = hb.Model("y ~ x + (1 | g)", ROWS, priors=PRIORS)
    found = hb.bayes_factor(own, alike)
    difference = hb.evidence(own).log_evidence - hb.evidence(alike).log_evidence
    assert abs(found.log_bf - difference) < 6.0 * found.error + 0.01


@pytest.mark.slow
def test_savage_and_dickey_equal_the_ratio_of_evidences() -> None:
    with_x, without = (
        hb.Model(f"y ~ {fixed} + (1 | g)", ROWS, residual=hr.AR1("week"), priors=PRIORS)
        for fixed in ("x", "1")
    )
    larger, smaller = (hb.evidence(model, points=32) for model in (with_x, without))
    found = hb.savage_dickey(larger, "x", points=32)
    error = np.linalg.norm([larger.error, smaller.error, found.error])
    assert abs(found.log_bf - smaller.log_evidence + larger.log_evidence) < 6.0 * error + 0.01
    assert found.log_prior == pytest.approx(stats.norm.logpdf(0.0, 0.0, 3.0), abs=1e-12)
    near = hb.savage_dickey(hb.evidence(with_x), "x", at=1.0)
    drawn = hb.savage_dickey(with_x.sample(draws=500, chains=2, progress=False), "x", at=1.0)
    assert abs(drawn.log_bf - near.log_bf) < 6.0 * np.hypot(drawn.error, near.error) + 0.01
