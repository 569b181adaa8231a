"""Margins, pictures of effects and predictive checks with a residual structure."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design.residual_blocks import correlated
from hierbayes.fit.predictions.law_of_rows import law_of
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.fit.predictions.unequal_law import UnequalLaw
from hierbayes.fit.structured.point import StructuredPointFit
from tests import residual_models
from tests.test_residual_structures import ROWS

AR1 = "sim_AR1_varIdent_slope"
NAMES = (AR1, "MMRM_unstructured", "Dialyzer_lme_power")


def test_a_grid_needs_no_group_in_which_errors_are_correlated() -> None:
    model = hb.Model("y ~ C(week) + x", ROWS, residual=hr.Unstructured("week", group="g"))
    fit, grid = model.reml(), hb.datagrid(model, x=[-1.0, 1.0])
    assert "g" not in grid.columns
    found = hb.predictions(fit, grid, effects="none").table["estimate"]
    assert_allclose(found.iloc[1] - found.iloc[0], 2.0 * fit.fixef()["x"], rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_of_rows_are_those_of_predict(name: str) -> None:
    fit, data = residual_models.fit(name, "REML"), residual_models.data(name)
    table, rows = hb.predictions(fit, data).table, fit.predict(data, prob=0.95)
    assert_allclose(table["estimate"], rows["predicted"], rtol=1e-12)
    assert_allclose(table["se"], rows["se"], rtol=1e-10)


def test_comparisons_are_contrasts_of_gamma() -> None:
    fit, data = residual_models.fit(AR1, "REML"), residual_models.data(AR1)
    found = hb.comparisons(fit, data.assign(t=2.0), "sex", effects="none").table
    contrast = hb.wald(fit, {"M": {"sex[T.M]": 1.0, "t:sex[T.M]": 2.0}}).rows
    assert_allclose(found["estimate"], contrast["estimate"].item(), rtol=1e-10)
    assert_allclose(found["se"], contrast["se"].item(), rtol=1e-8)


def test_pictures_of_effects_have_the_standard_errors_of_wald() -> None:
    fit, data = residual_models.fit(AR1, "REML"), residual_models.data(AR1)
    gap = hb.plots.gap_frame(fit, data, "t", "sex")
    effects = hb.plots.effects_frame(fit, data, "t", by="sex")
    for frame, L in ((gap.frame, gap.L), (effects.frame, effects.L)):
        tested = hb.wald(fit, L.iloc[[0, -1]]).rows
        for column in ("estimate", "se", "df", "lower", "upper"):
            assert_allclose(frame[column].iloc[[0, -1]], tested[column], rtol=1e-8, err_msg=column)


@pytest.mark.slow
def test_replications_have_the_correlation_of_the_errors() -> None:
    """The mean product of neighbours' deviations from Xγ̂ is that of V, groups new."""
    fit = residual_models.fit(AR1, "REML")
    assert isinstance(fit, StructuredPointFit)
    rows, errors = fit.design.rows, fit.error_rows
    codes = rows.codes
    after = np.flatnonzero(codes[1:] == codes[:-1]) + 1
    mean = rows.X @ fit.gamma
    check = hb.predictive_check(
        fit,
        {"products": lambda y: float(np.mean((y - mean)[after] * (y - mean)[after - 1]))},
        groups="new", n=400, seed=1, progress=False,
    )  # fmt: skip
    root = np.column_stack([correlated(errors, fit.errors.best.z, e) for e in np.eye(len(codes))])
    V = fit.sigma**2 * root @ root.T
    V += (rows.Z @ fit.G @ rows.Z.T) * (codes[:, None] == codes)
    drawn = check.draws["rows", "products"]
    error = drawn.std() / np.sqrt(len(drawn))
    assert_allclose(drawn.mean(), V[after, after - 1].mean(), atol=6.0 * error)
    alone = fit.sigma**2 * errors.row_sd(fit.errors.best.z)[after] ** 2
    correlated_part = (fit.sigma**2 * (root @ root.T))[after, after - 1].mean()
    assert correlated_part > 0.3 * alone.mean() > 6.0 * error  # or the test could not fail


@pytest.mark.slow
def test_each_draw_of_a_posterior_has_variances_of_its_own() -> None:
    data = residual_models.data("RatPup_varIdent")
    formula, structure = residual_models.MODELS["RatPup_varIdent"]
    fit = hb.Model(formula, data, residual=structure).sample(
        draws=50, tune=50, chains=2, seed=1, progress=False
    )
    drawn, ratios = fit.parameter_draws(None, None, 1), fit.error_draws[1].reshape(100, -1)
    names = [one.partition("[")[2][:-1] for one in fit.error_draws[0]]
    of_label = pd.DataFrame(ratios, columns=names).assign(Control=1.0)
    for frame in (None, data.iloc[5:90:7]):
        rows = rows_to_predict(fit.design, frame)
        law = law_of(fit.problem, rows)
        assert isinstance(law, UnequalLaw)
        labels = (data if frame is None else frame)["Treatment"]
        for m in (0, 37):
            sd = fit.theta.sigma.ravel()[m] * of_label.loc[m, labels].to_numpy()
            assert_allclose(law.sd(drawn.phi[m]), sd, rtol=1e-12)
            assert_allclose(law.part(slice(3, 8)).sd(drawn.phi[m]), sd[3:8], rtol=1e-12)
            assert_allclose(law.repeated(2).sd(drawn.phi[m]), np.tile(sd, 2), rtol=1e-12)
    assert fit.predict_draws(data.head(2), kind="response").shape == (2, 50, 2)
    limits = fit.predict(data.head(2), kind="response", prob=0.9)
    assert (limits["se"] > fit.predict(data.head(2), prob=0.9)["se"]).all()


def test_rows_that_do_not_say_their_variance_are_refused() -> None:
    fit, data = residual_models.fit(AR1, "REML"), residual_models.data(AR1)
    with pytest.raises(hb.DataError, match="level"):
        fit.predict(data.head(2).assign(sex="X"), effects="none", kind="response", prob=0.9)
