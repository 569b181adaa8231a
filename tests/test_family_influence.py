"""Groups left out of models of families, against models fitted without them."""

import numpy as np
import pytest

import hierbayes as hb
from tests import families_reference as reference
from tests import family_fits


def test_leaving_out_a_group_is_refitting_without_it() -> None:
    data, found = family_fits.DATA, hb.influence(family_fits.bernoulli())
    assert (found.frame["method"] == "refit").all()
    for group in (3, 2):  # without the second G is singular
        fit = hb.Model("y ~ x + (1 | g)", data[data["g"] != group], family="bernoulli").ml()
        np.testing.assert_allclose(found.gamma.loc[group], fit.fixef(), atol=2e-6)
        sd = fit.var_corr()["sd"].iloc[0]
        assert found.variance.loc[group, "sd(Intercept)"] == pytest.approx(sd, abs=2e-6)
        t = fit.fixef() / np.sqrt(np.diag(fit.vcov()))
        np.testing.assert_allclose(found.t.loc[group], t, rtol=2e-4)
        assert found.frame.loc[group, "singular"] == fit.singular
    assert found.frame.loc[2, "singular"]
    full = family_fits.bernoulli()
    moved = full.fixef().to_numpy() - found.gamma.to_numpy()
    cook = np.einsum("jp,pr,jr->j", moved, np.linalg.inv(full.vcov()), moved) / 2.0
    np.testing.assert_allclose(found.frame["cook"], cook, rtol=1e-8)
    assert (found.frame["displacement"] > 0.0).all()


def test_groups_of_one_of_several_factors_are_left_out() -> None:
    data, found = family_fits.DATA, hb.influence(family_fits.counts(), "h")
    kept = data[data["h"] != 1]
    fit = hb.Model(str(family_fits.COUNTS.specification), kept, family="poisson").ml()
    np.testing.assert_allclose(found.gamma.loc[1], fit.fixef(), atol=2e-6)
    assert found.frame["n"].tolist() == [15] * 4


def test_one_step_is_near_and_named() -> None:
    fit = reference.fit("sim_binomial_slope")
    found = hb.influence(fit, refit=3)
    assert found.frame["method"].value_counts().to_dict() == {"one step": 27, "refit": 3}
    first = found.frame[found.frame["method"] == "refit"]
    assert set(first.index) == set(found.frame["cook_one_step"].nlargest(3).index)
    np.testing.assert_allclose(first["cook"], first["cook_one_step"], rtol=0.5)
    assert "3 of 30 groups left out by refitting (Laplace's approximation) without each" in str(
        found
    )


def test_rows_are_left_out_by_one_step_or_refitted() -> None:
    data, fit = family_fits.DATA, family_fits.bernoulli()
    found = hb.influence(fit, level=1, refit=2)
    assert found.frame["method"].value_counts().to_dict() == {"one step": 58, "refit": 2}
    row = found.frame["cook"].idxmax()
    again = hb.Model("y ~ x + (1 | g)", data.drop(index=row), family="bernoulli").ml()
    np.testing.assert_allclose(found.gamma.loc[row], again.fixef(), atol=2e-6)
    deviance = fit.residuals(kind="deviance")
    np.testing.assert_allclose(found.frame["deviance"], deviance)
    assert found.frame["covratio"].notna().sum() == 2
    steps = fit.fixef().to_numpy() - hb.influence(fit, level=1).gamma.to_numpy()
    exact = fit.fixef().to_numpy() - found.gamma.to_numpy()
    refitted = (found.frame["method"] == "refit").to_numpy()
    np.testing.assert_allclose(steps[~refitted], exact[~refitted])
    np.testing.assert_allclose(steps[refitted], exact[refitted], rtol=0.35, atol=0.03)
    assert "one Newton step, the curvature that with all rows" in str(found)


def test_a_posterior_has_no_likelihood_maximised_anew() -> None:
    with pytest.raises(hb.InferenceError) as refused:
        hb.influence(family_fits.posterior(), level=1)
    assert str(refused.value) == (
        "influence() maximises the likelihood anew, and a posterior fit does not maximise one; use "
        "model.ml(), or hb.SensitivityStudy(posterior).deletion() for a posterior"
    )


def test_rows_that_are_alike_change_the_same() -> None:
    data = family_fits.DATA.assign(x=family_fits.DATA["h"] > 1)
    fit = hb.Model("k | trials(n) ~ x + (1 | g)", data, family="binomial").ml()
    assert fit.optimum.mode.rows.n < 60  # type: ignore[attr-defined]
    found = hb.influence(fit, level=1)
    assert len(found.frame) == 60
    for _, alike in data.groupby(["g", "x", "k"]):
        assert found.gamma.loc[alike.index].nunique().max() == 1
    total = found.gamma.to_numpy() - fit.fixef().to_numpy()
    np.testing.assert_allclose(total.sum(axis=0), 0.0, atol=0.05)  # scores add up to 0


def test_thresholds_are_estimated_without_a_group() -> None:
    fit = reference.fit("wine_clmm")
    found = hb.influence(fit)
    data = reference.data_of("wine_clmm")
    group = found.frame["cook"].idxmax()
    kept = data[data["judge"].astype(str) != str(group)]
    again = hb.Model(str(fit.design.specification), kept, family="cumulative").ml()
    assert found.variance.loc[group, "2|3"] == pytest.approx(
        again.intervals().loc[("2|3", "2|3"), "estimate"], abs=1e-5
    )
    assert "Thresholds without them:\n\n" in str(found)
    assert "2|3" not in str(found).split("Thresholds")[0]


def test_influence_is_drawn_from_a_fit() -> None:
    figure = hb.plots.plot_influence(family_fits.bernoulli())
    assert len(figure.axes) == 1
