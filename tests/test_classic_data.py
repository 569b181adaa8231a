"""Two data sets every textbook has: what other programs print of them, and the closed form.

Both are balanced, Z the same in every group: with the coefficients b_j of separate regressions,
S the sum of squares and products of b_j about their mean, and σ̂² the pooled residual variance, the
maximum inside the parameter space is γ̂ = mean of b_j, Ĝ = S/d − σ̂²(Z'Z)⁻¹, with d = J − 1 by
REML and d = J by ML, and var γ̂ = (Ĝ + σ̂²(Z'Z)⁻¹)/J.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.conftest import REFERENCE
from tests.dense import Array

CASES = [(name, engine) for name in ("sleepstudy", "dyestuff") for engine in ("REML", "ML")]


@dataclass(frozen=True)
class Case:
    """A fit, what is printed of it, and its Z (n, q), y and groups (J, n)."""

    fit: hb.PointFit
    golden: dict[str, Any]
    Z: Array
    y: Array


@pytest.fixture(params=CASES, ids=" ".join)
def case(request: pytest.FixtureRequest) -> Case:
    name, engine = request.param
    loaded = json.loads((REFERENCE / "classic.json").read_text(encoding="utf-8"))[name]
    if name == "sleepstudy":
        data = hb.load_dataset(name)
        Z = np.column_stack([np.ones(10), np.arange(10.0)])
        y = data["Reaction"].to_numpy().reshape(18, 10)
        assert (data["Days"].to_numpy().reshape(18, 10) == np.arange(10)).all()
    else:
        data = pd.read_csv(REFERENCE / "dyestuff.csv")
        Z = np.ones((5, 1))
        y = data["Yield"].to_numpy(dtype=float).reshape(6, 5)
    model = hb.Model(loaded["formula"], data=data)
    fit = model.reml() if engine == "REML" else model.ml()
    return Case(fit, loaded[engine], Z, y)


def test_deviance(case: Case) -> None:
    assert -2.0 * case.fit.loglik == pytest.approx(case.golden["deviance"], abs=2e-8)


def test_estimates_as_others_print_them(case: Case) -> None:
    """Tolerances of sd, σ and θ are how near the other program's search came."""
    golden, fit = case.golden, case.fit
    assert_allclose(fit.fixef(), golden["fixef"], rtol=1e-11)
    assert fit.sigma == pytest.approx(golden["sigma"], rel=1e-6)
    sd = np.sqrt(np.diag(fit.G))
    if "theta" in golden:
        q = len(sd)
        root = np.zeros((q, q))
        root[np.triu_indices(q)] = golden["theta"]  # R's and Julia's θ goes by columns of λ
        assert_allclose(np.linalg.cholesky(fit.G) / fit.sigma, root.T, rtol=1e-5, atol=1e-5)
    else:
        assert_allclose(sd, golden["sd"], rtol=1e-5)
    if "corr" in golden:
        corr = fit.G[0, 1] / sd.prod()
        assert corr == pytest.approx(golden["corr"], abs=1e-6)


def test_closed_form_of_balanced_data(case: Case) -> None:
    Z, y, fit = case.Z, case.y, case.fit
    (J, n), q = y.shape, Z.shape[1]
    b = np.linalg.lstsq(Z, y.T)[0]  # (q, J)
    pooled = ((y.T - Z @ b) ** 2).sum() / (J * (n - q))
    apart = b - b.mean(axis=1, keepdims=True)
    total = apart @ apart.T / (J - 1 if fit.engine == "REML" else J)
    G = total - pooled * np.linalg.inv(Z.T @ Z)
    assert (np.linalg.eigvalsh(G) > 0.0).all()
    assert_allclose(fit.fixef(), b.mean(axis=1), rtol=1e-11)
    assert fit.sigma == pytest.approx(np.sqrt(pooled), rel=1e-7)
    scale = np.sqrt(np.diag(G))
    assert_allclose(fit.G / np.outer(scale, scale), G / np.outer(scale, scale), atol=1e-6)
    assert_allclose(fit.vcov(), total / J, rtol=1e-6, atol=1e-6 * total[0, 0] / J)
