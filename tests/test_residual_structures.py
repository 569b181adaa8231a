"""Residual structures against the maxima of nlme's models, found by a dense likelihood."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests import residual_models
from tests.residual_models import CASES, MODELS

FITS = [(name, engine) for name in MODELS for engine in ("REML", "ML")]


@pytest.mark.parametrize(("name", "engine"), FITS)
def test_the_maximum_is_that_of_the_dense_likelihood(name: str, engine: str) -> None:
    fit, case = residual_models.fit(name, engine), CASES[name][engine]
    assert_allclose(fit.loglik, case["logLik"], atol=2e-7)
    assert_allclose(fit.sigma, _sigma(fit, case), rtol=1e-4)
    assert fit.maximum.n_parameters == case["npar"]
    assert_allclose(fit.aic, case["AIC"], atol=1e-6)
    assert_allclose(fit.bic, case["BIC_N_minus_p" if engine == "REML" else "BIC_N"], atol=1e-6)
    gamma, se = np.array([*case["fixef"].values()]), np.array([*case["se"].values()])
    assert_allclose(fit.fixef(), gamma, atol=1e-5 * se.max(), rtol=1e-4)
    assert_allclose(np.sqrt(np.diag(fit.vcov())), se, rtol=1e-4)


def _sigma(fit: Any, case: dict[str, Any]) -> float:
    """The reference's at our first stratum."""
    strata = [part for part in (case["variance"] or []) if len(part) > 1]
    first = fit.problem.moments.rows.variances
    if not strata or not first or not hasattr(first[0], "labels"):
        return float(case["sigma"])
    return float(case["sigma"] * strata[0][first[0].labels[0]])
