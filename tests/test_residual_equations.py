"""Equations and meanings of models without a random part, and numbers of residual structures."""

from functools import reduce

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.structured.point import StructuredPointFit
from tests import residual_models


def parameters(fit: hb.PointFit) -> pd.Series:
    """Those of the errors by name."""
    assert isinstance(fit, StructuredPointFit)
    return fit.error_parameters


def _lines(form: object) -> list[str]:
    return [line.strip() for line in str(form).splitlines()]


def test_generalised_least_squares_has_the_equation_of_a_row() -> None:
    made = residual_models.model("MMRM_CS").equations()
    assert made.about == "154 rows i"
    first, *_ = _lines(made.within)
    assert first == "y_i = γ_0 + γ_1 visit[2]_i + γ_2 visit[3]_i + γ_3 visit[4]_i + γ_4 arm[drug]_i"
    assert "c_st = ρ    (s, t: two rows in one id)" in _lines(made.within)
    assert made.combined.text == made.within.text
    assert made.between.text.startswith("none: the model has no random part")
    assert _lines(made.matrix)[0] == "Y = X γ + r"
    assert _lines(made.gls)[2] == "V = σ² Λ"
    assert r"\mathbf{V} &= {\sigma}^{2} \, \boldsymbol{\Lambda}" in made.gls.latex


def test_its_meanings_are_of_rows() -> None:
    words = residual_models.model("MMRM_CS").meanings().table["meaning"]
    assert words["Intercept"] == "the mean y in rows with visit = 1 and arm = control"
    assert words["visit[T.2]"] == (
        "the difference in mean y between rows with visit = 2 and visit = 1 in control rows"
    )
    plain = hb.Model("mathach ~ ses", hb.load_dataset("hs")).reml().meanings()
    assert plain.table["symbol"].tolist() == ["γ_0", "γ_1"]
    assert plain.table.loc["ses", "meaning"] == "the change in mean mathach per unit of ses"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BodyWeight_CAR1_power", ["c_st = {phi}^|s − t|    (s, t: Time in one group)"]),
        ("MMRM_CS", ["c_st = {rho}    (s, t: two rows in one id)"]),
        ("RatPup_varIdent", ["λ = {ratio[Low]} (Low), {ratio[High]} (High)"]),
        ("Dialyzer_gls_exp", ["s = exp({rate} pressure)"]),
        ("MMRM_AR1_het", ["λ = {ratio[2]} (2), {ratio[3]} (3), {ratio[4]} (4)"]),
        ("MMRM_unstructured", ["{corr[2,4]} (2,4), {corr[3,4]} (3,4)"]),
    ],
)  # fmt: skip
def test_estimates_stand_for_the_parameters(name: str, said: list[str]) -> None:
    fit = residual_models.fit(name, "REML")
    lines = _lines(fit.equations().within)
    values = [(f"{{{key}}}", f"{value:#.3g}") for key, value in parameters(fit).items()]
    for line in said:
        assert reduce(lambda text, one: text.replace(*one), values, line) in lines


def test_a_negative_parameter_stands_in_brackets() -> None:
    fit = residual_models.fit("BodyWeight_CAR1_power", "REML")
    assert parameters(fit)["power"] < 0.0
    assert "s = |Time|^(−0.0669)" in _lines(fit.equations().within)


def test_the_covariance_of_one_group_is_shown() -> None:
    fit = residual_models.fit("MMRM_unstructured", "REML")
    estimates = fit._estimates()
    R, p = estimates.error_matrix, parameters(fit)
    assert R is not None and estimates.error_matrix_of == "id 1"
    sd = fit.sigma * np.array([1.0, p["ratio[2]"], p["ratio[3]"], p["ratio[4]"]])
    np.testing.assert_allclose(np.sqrt(np.diag(R)), sd, rtol=1e-10)
    np.testing.assert_allclose(R[1, 3] / (sd[1] * sd[3]), p["corr[2,4]"], rtol=1e-10)
    assert any(f"⎡ {R[0, 0]:.2f} " in line for line in _lines(fit.equations().matrix))
    longer = residual_models.fit("BodyWeight_CAR1", "REML")
    assert longer._estimates().error_matrix_of == "the first 5 rows of Rat 1"
    assert "(the first 5 rows of Rat 1)" in str(longer.equations().matrix)


def test_moving_averages_and_weights_of_rows() -> None:
    data = residual_models.data("MMRM_CS").assign(w=lambda d: 1.0 + d["v"] % 2)
    fit = hb.Model("y ~ visit", data, residual=hr.ARMA("v", group="id"), weights="w").reml()
    R, theta = fit._estimates().error_matrix, parameters(fit)
    assert R is not None
    phi, ma = theta["phi"], theta["theta"]
    first = (1.0 + phi * ma) * (phi + ma) / (1.0 + 2.0 * phi * ma + ma**2)  # of ARMA(1, 1)
    assert f"ρ_1 = {first:#.3g}" in _lines(fit.equations().within)
    w = data.loc[data["id"] == data["id"].iloc[0]].sort_values("v")["w"].to_numpy()
    np.testing.assert_allclose(np.diag(R), fit.sigma**2 / w, rtol=1e-10)
    np.testing.assert_allclose(R[0, 1] / np.sqrt(R[0, 0] * R[1, 1]), first, rtol=1e-8)


def test_a_regression_has_equations_with_estimates() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, 2.5, 4.0, 5.5], "x": [0.0, 1.0, 2.0, 3.0, 4.0]})
    made = hb.Model("y ~ x", frame).reml().equations()
    slope, at_0 = np.polyfit(frame["x"], frame["y"], 1)
    assert _lines(made.within)[0] == f"y_i = {at_0:#.3g} + {slope:.2f} x_i + r_i"
    assert "REML estimates in place of parameters" in made.about
