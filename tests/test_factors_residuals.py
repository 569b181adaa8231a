"""Residuals of models of several grouping factors against matrices of all rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

import hierbayes as hb
from tests.dense import gls
from tests.factors_reference import fit, model, short_posterior
from tests.test_factors_dense import FORMULAS, Design
from tests.test_factors_inference import rows_of

NAMES = ["Oats_split_plot", "Pixel_slope_outer", "sim_singular_slope", "sim_student_teacher_school"]


def roots_of(fitted: hb.PointFit) -> list[np.ndarray]:
    root = fitted.theta[0, 0].root
    return [root[span, span] for span in fitted.design.spans]


@pytest.fixture(params=[*NAMES, *FORMULAS])
def fitted(request: pytest.FixtureRequest) -> hb.PointFit:
    name = request.param
    return Design(name).model.reml() if name in FORMULAS else fit(name, "REML")


def test_leverages_and_variances_of_rows(fitted: hb.PointFit) -> None:
    rows, roots, sigma = rows_of(fitted), roots_of(fitted), fitted.sigma
    V, X = rows.V(roots, sigma), rows.X
    _, cov = gls(X, rows.y, V)
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ cov @ X.T @ inverse
    found = hb.level1_residuals(fitted)
    frame = found.frame
    hat = np.eye(len(V)) - sigma**2 * P
    assert_allclose(frame["leverage"], np.diag(hat), atol=1e-8)
    assert_allclose(frame["leverage_marginal"], np.diag(X @ cov @ X.T @ inverse), atol=1e-8)
    conditional = sigma**2 * P @ rows.y
    assert_allclose(frame["conditional"], conditional, atol=1e-7 * sigma)
    spread = sigma * np.sqrt(1.0 - np.diag(hat))
    assert_allclose(frame["studentized"], conditional / spread, atol=1e-6)
    marginal = V - X @ cov @ X.T
    expected = (rows.y - X @ fitted.gamma) / np.sqrt(np.diag(marginal))
    assert_allclose(frame["marginal_studentized"], expected, atol=1e-7)
    assert_allclose(found.sums["effective_parameters"], np.trace(hat))
    assert "effective" in str(found)


def test_variances_of_the_effects_of_each_factor(fitted: hb.PointFit) -> None:
    rows, roots, sigma = rows_of(fitted), roots_of(fitted), fitted.sigma
    V, X = rows.V(roots, sigma), rows.X
    _, cov = gls(X, rows.y, V)
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ cov @ X.T @ inverse
    for k, factor in enumerate(fitted.design.factors):
        found = hb.level2_residuals(fitted, factor.name)
        GZ = rows.G(k, roots[k]) @ rows.Z(k).T
        whole, q = GZ @ P @ GZ.T, len(roots[k])
        blocks = [whole[j * q : (j + 1) * q, j * q : (j + 1) * q] for j in range(factor.J)]
        size = max(float(np.abs(whole).max()), 1e-8)
        assert_allclose(found.variance, blocks, atol=1e-7 * size)
        assert_allclose(found.frame["n"], np.bincount(fitted.design.rows.codes_of[k]))
        u = fitted.ranef(factor.name).to_numpy()
        for j in np.flatnonzero(found.frame["df"] == q):
            distance = u[j] @ np.linalg.solve(blocks[j], u[j])
            assert_allclose(found.frame["mahalanobis"].iloc[j], distance, rtol=1e-4)
            assert_allclose(found.frame["p"].iloc[j], chi2.sf(distance, q), rtol=1e-3)


def test_residuals_within_the_groups_of_each_factor() -> None:
    """Those of a regression of the group's own rows."""
    ours, data = fit("Oats_split_plot", "REML"), model("Oats_split_plot").data
    frame = hb.level1_residuals(ours).frame
    rest = data["yield"] - ours.predict(effects="none")
    block = rest - rest.groupby(data["Block"], observed=True).transform("mean")
    assert_allclose(frame["within[Block]"], block, atol=1e-9)
    plots = [data["Block"], data["Variety"]]
    plot = rest - rest.groupby(plots, observed=True).transform("mean")
    assert_allclose(frame["within[Block:Variety]"], plot, atol=1e-9)
    assert frame["group[Block]"].tolist() == data["Block"].tolist()
    assert frame["group[Block:Variety]"].iloc[0] == "I:Victory"


def test_a_factor_must_be_named() -> None:
    ours = fit("Oats_split_plot", "REML")
    with pytest.raises(hb.DataError) as refusal:
        hb.level2_residuals(ours)
    assert str(refusal.value) == (
        "the model has several grouping factors; name one: 'Block', 'Block:Variety'"
    )


def test_spread_over_the_draws() -> None:
    """Of a posterior: sd of y − x'γ − z'u, all factors together."""
    ours = short_posterior("Oats_split_plot")
    frame = hb.level1_residuals(ours).frame
    design = ours.design
    draws = ours.gamma_draws @ design.rows.X.T
    for u, span, codes in zip(ours.us, design.spans, design.rows.codes_of, strict=True):
        draws = draws + np.einsum("nk,cdnk->cdn", design.rows.Z[:, span], u[:, :, codes])
    assert_allclose(frame["sd"], draws.reshape(-1, design.n).std(axis=0, ddof=1), rtol=1e-8)
    groups = hb.level2_residuals(ours, "Block").frame
    assert_allclose(groups["sd[Intercept]"], ours.us[0][..., 0].std(axis=(0, 1), ddof=1))
    assert isinstance(groups, pd.DataFrame)
