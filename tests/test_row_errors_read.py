"""Reduced models, arcs and Hausman's test of rows with weights, offsets and structures."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr

FLAT = "y ~ x + z + (1 + x | g)"  # the slopes are the same in all groups
LEVEL = "y ~ x + z + (1 | g)"


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Twenty groups of eight; the response of each has a level and no slope of its own."""
    rng, n = np.random.default_rng(3), 160
    frame = pd.DataFrame({
        "g": np.repeat(np.arange(20), 8), "t": np.tile(np.arange(8), 20),
        "x": rng.normal(size=n), "w": rng.integers(1, 4, n), "o": 3.0 * rng.normal(size=n),
        "z": rng.normal(size=n),
    })  # fmt: skip
    level = np.linspace(-1.5, 1.5, 20)[frame["g"]]
    return frame.assign(y=1.0 + frame["x"] + level + rng.normal(size=n), sex=frame["g"] % 2)


@pytest.mark.parametrize("structure", [hr.AR1("t"), hr.Strata("sex")])
def test_reduced_with_a_residual_structure(
    structure: hr.ResidualStructure, rows: pd.DataFrame
) -> None:
    fit = hb.Model(FLAT, rows, residual=structure).reml()
    assert fit.maximum.singular
    found = hb.reduced(fit)
    level = hb.Model(LEVEL, rows, residual=structure).reml()
    own = found.models.loc[str(level.design.specification)]
    assert_allclose(own[["logLik", "AIC"]].astype(float), [level.loglik, level.aic], rtol=1e-8)
    assert found.fit.design.specification.residual == structure


def test_groups_of_errors_stay(rows: pd.DataFrame) -> None:
    """Without its innermost factor a model would have errors correlated within other groups."""
    frame = rows.assign(pair=rows["g"] * 2 + rows["t"] % 2)
    fit = hb.Model("y ~ x + (1 | g) + (1 | pair)", frame, residual=hr.AR1("t")).reml()
    assert fit.maximum.singular
    models = hb.reduced(fit).models.index[1:]
    assert len(models) and all("| pair)" in one for one in models)


def test_arc_of_weighted_rows(rows: pd.DataFrame) -> None:
    """Whole weights are rows that are there as often, as far as estimates go."""
    weighted = hb.plots.arc_frame(hb.Model(LEVEL, rows, weights="w").ml())
    counted = hb.plots.arc_frame(hb.Model(LEVEL, rows, counts="w").ml())
    assert_allclose(weighted.path, counted.path, rtol=1e-8)
    assert_allclose(weighted.points.iloc[:3], counted.points.iloc[:3], rtol=1e-8)


def test_arc_of_known_errors(rows: pd.DataFrame) -> None:
    """The ellipses are of the variances that are known."""
    frame = hb.plots.arc_frame(hb.Model(LEVEL, rows, known_sd="w").reml())
    within = frame.ellipses[frame.ellipses["estimator"] == "within"][["x", "y"]].to_numpy()
    at = within - frame.points.loc["within"].to_numpy()
    w = 1.0 / rows["w"].to_numpy() ** 2
    X = rows[["x", "z"]].to_numpy()
    groups = pd.get_dummies(rows["g"]).to_numpy(dtype=float)
    D = X - (groups @ ((groups * w[:, None]).T @ X / (groups.T @ w)[:, None]))
    form = np.einsum("ni,ij,nj->n", at, D.T @ (w[:, None] * D), at)
    assert_allclose(form, form[0])
    assert_allclose(form[0], -2.0 * np.log(0.05))  # χ² with two degrees of freedom


def test_an_offset_is_subtracted(rows: pd.DataFrame) -> None:
    offset = hb.Model("y ~ x + z + offset(o) + (1 | g)", rows)
    less = hb.Model("I(y - o) ~ x + z + (1 | g)", rows)
    assert_allclose(hb.hausman(offset).tests, hb.hausman(less).tests, rtol=1e-10)
    ours, theirs = (hb.plots.arc_frame(model.reml()) for model in (offset, less))
    assert_allclose(ours.path, theirs.path, rtol=1e-9)
    assert_allclose(ours.points, theirs.points, rtol=1e-7)


def test_refusals_begin_with_the_function(rows: pd.DataFrame) -> None:
    model = hb.Model(LEVEL, rows, weights="w")
    known = hb.Model(LEVEL, rows, known_sd="w")
    with pytest.raises(hb.FormulaError, match=r"^hausman\(\) is not made for a model whose rows"):
        hb.hausman(known)
    alone = hb.Model("y ~ 1 + (1 | g)", rows, weights="w").reml()
    with pytest.raises(hb.FormulaError, match=r"^plot_three_means\(\) is not made for a model w"):
        hb.plots.plot_three_means(alone)
    shifted = hb.Model("y ~ 1 + offset(o) + (1 | g)", rows).reml()
    with pytest.raises(hb.FormulaError, match=r"^plot_three_means\(\) is not made .* an offset;"):
        hb.plots.plot_three_means(shifted)
    with pytest.raises(hb.FormulaError, match=r"^intercept_weights\(\) is not made for a model"):
        hb.intercept_weights(model.reml())
