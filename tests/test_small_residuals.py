"""Residuals far below the random effects, against the same algebra in 60 digits."""

import gc
import json
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.crossproducts import cross_products
from hierbayes.design.rows import Rows
from hierbayes.design.sums import left_within
from hierbayes.estimation.reml import maximise
from hierbayes.likelihood.conditional import log_jacobian
from hierbayes.likelihood.reading import REML
from tests.small_residuals import CASES, make

EXACT = json.loads((Path(__file__).parent / "reference" / "small_residuals.json").read_text())


@pytest.mark.parametrize("reading", ["REML", "ML"])
@pytest.mark.parametrize("name", CASES)
def test_small_residuals_lose_no_digits(name: str, reading: str) -> None:
    data, _ = make(name)
    model = hb.Model(CASES[name].formula, data=data)
    fit = model.reml() if reading == "REML" else model.ml()
    exact = EXACT[name][reading]
    assert fit.loglik == pytest.approx(exact["loglik"], abs=1e-6)
    assert fit.sigma == pytest.approx(exact["sigma"], rel=1e-5)
    assert fit.var_corr().loc["Intercept", "sd"] == pytest.approx(exact["sd"], rel=1e-5)
    se = np.sqrt(np.diag(fit.vcov()))
    assert_allclose(se, exact["se"], rtol=1e-4)
    assert (np.abs(fit.fixef() - exact["gamma"]) < 1e-4 * np.array(exact["se"])).all()
    assert fit.maximum.evaluations <= 10


def test_chunks_add_up_without_losing_digits() -> None:
    """Groups spread over both chunks, one row each in one of them."""
    data, _ = make("tiny")
    problem = hb.Model(CASES["tiny"].formula, data=data).problem
    rows, basis, parts = problem.design.rows, problem.cross.basis, []
    for chunk in (np.arange(len(data)) % 2 == 0, np.arange(len(data)) % 2 == 1):
        at = np.flatnonzero(chunk)
        codes, present = pd.factorize(rows.codes[at])
        some = Rows(rows.y[at], rows.X[at], rows.Z[at], (codes,), rows.index[at], rows.kept)
        parts.append(cross_products(some, problem.design.groups[present], basis))
    whole = parts[0] + parts[1]
    value = maximise(whole, (1,)).value + log_jacobian(REML, basis, whole.n)
    assert value == pytest.approx(EXACT["tiny"]["REML"]["loglik"], abs=1e-6)


@pytest.mark.slow
def test_what_is_remembered_does_not_outlive_its_cross_products(small_data: pd.DataFrame) -> None:
    cross = hb.Model("y ~ x + (1 + x | g)", data=small_data).problem.cross
    assert left_within(cross) is left_within(cross)
    alive = weakref.ref(cross)
    del cross
    gc.collect()
    assert alive() is None
