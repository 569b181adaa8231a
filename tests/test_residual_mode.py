"""The mode of the posterior with a residual structure, beside dense densities."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import minimize

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.structured.point import StructuredPointFit
from tests.test_residual_structures import ROWS, dense_loglik, errors_by_hand

FLAT: dict[str, Any] = {"gamma": hb.Flat(), "sigma": hb.Flat(), "residual": hb.Flat()}


@pytest.mark.parametrize(
    ("formula", "structure"),
    [
        ("y ~ x + (0 + x | g)", hr.AR1("week") * hr.Strata("sex")),
        ("y ~ x", hr.CompoundSymmetry("g")),
    ],
    ids=str,
)
def test_flat_priors_give_reml(formula: str, structure: hr.ResidualStructure) -> None:
    of_sd = {"sd": hb.Flat()} if "|" in formula else {}
    model = hb.Model(formula, ROWS, residual=structure, priors=FLAT | of_sd)
    found, reml = model.map(), model.reml()
    assert isinstance(found, StructuredPointFit)
    assert isinstance(reml, StructuredPointFit)
    assert_allclose(found.error_parameters, reml.error_parameters, atol=1e-6)
    assert_allclose(found.sigma, reml.sigma, rtol=1e-6)
    assert_allclose(found.fixef(), reml.fixef(), atol=1e-6)
    assert_allclose(found.evidence.value, reml.loglik, atol=1e-7)


@pytest.mark.slow
def test_the_mode_is_that_of_a_dense_density() -> None:
    """Of (sd, σ, φ, ratio), without Jacobians."""
    structure = hr.AR1("week") * hr.Strata("sex")
    priors = {
        "gamma": hb.Flat(),
        "sd": hb.HalfNormal(0.5),
        "sigma": hb.HalfNormal(1),
        "residual": {"phi": hb.Normal(0.4, 0.2), "ratio[M]": hb.LogNormal(0.3, 0.3)},
    }
    model = hb.Model("y ~ x + (0 + x | g)", ROWS, residual=structure, priors=priors)
    found = model.map()
    assert isinstance(found, StructuredPointFit)

    def minus(v: Any) -> float:
        sd, sigma, phi, ratio = v
        R = errors_by_hand(structure, ROWS, {"phi": phi, "ratio[M]": ratio})
        dense = dense_loglik(model, np.array([[sd**2]]), sigma, R, restricted=True)
        of_theta = stats.halfnorm(0, 0.5).logpdf(sd) + stats.halfnorm(0, 1).logpdf(sigma)
        mass = np.diff(stats.norm(0.4, 0.2).cdf([-1, 1]))[0]
        of_errors = stats.norm(0.4, 0.2).logpdf(phi) - np.log(mass)
        return -(dense + of_theta + of_errors + stats.lognorm(0.3, 0, np.exp(0.3)).logpdf(ratio))

    wanted = minimize(minus, [0.4, 0.8, 0.2, 1.5], method="Nelder-Mead",
                      options={"xatol": 1e-7, "fatol": 1e-11, "maxiter": 2000})  # fmt: skip
    parameters = [found.theta.sd[0, 0, 0], found.sigma, *found.error_parameters]
    assert_allclose(parameters, wanted.x, rtol=2e-5)
    # the density of an sd that has a sign is half as high
    assert_allclose(found.evidence.value, -wanted.fun - np.log(2.0), atol=1e-8)


def test_the_mode_is_told_without_limits_and_kept(tmp_path: Path) -> None:
    model = hb.Model("y ~ x", ROWS, residual=hr.AR1("week", "g"))
    fit = model.map()
    assert isinstance(fit, StructuredPointFit)
    assert fit.intervals().loc[("residual", "phi"), ["lower", "upper"]].isna().all()
    assert fit.diagnose().ok
    assert "γ is in closed form given σ and the errors" in str(fit.diagnose())
    fit.save(tmp_path / "kept.fit")
    again = hb.load_fit(tmp_path / "kept.fit")
    assert str(again) == str(fit)
