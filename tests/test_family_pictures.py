"""Pictures of families, and shares of the variance on the scale of the response."""

from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot
import numpy as np
import pytest
from scipy.special import expit

import hierbayes as hb
from hierbayes import plots
from hierbayes.plots.beta_space import beta_space_frame
from hierbayes.plots.caterpillar import caterpillar_frame
from hierbayes.plots.effects import effects_frame
from hierbayes.plots.gap import gap_frame
from hierbayes.plots.icc import icc_frame
from hierbayes.plots.plane import plane_frame
from hierbayes.plots.prior_posterior import _draw, prior_posterior_frame
from hierbayes.plots.trellis import trellis_frame
from tests import families_reference as reference
from tests import family_fits

mpl.use("Agg")


def test_effects_are_expected_responses_of_a_group_without_effects() -> None:
    fit, data = reference.fit("Owls_poisson"), reference.data_of("Owls_poisson")
    found = effects_frame(fit, data, "FoodTreatment", by="SexParent")
    offset = fit.problem.family_rows.offset.mean()
    eta = found.L.to_numpy() @ fit.fixef().to_numpy() + offset
    np.testing.assert_allclose(found.frame["estimate"], np.exp(eta))
    error = np.sqrt(np.einsum("mp,pr,mr->m", found.L, fit.vcov(), found.L))
    np.testing.assert_allclose(found.frame["upper"], np.exp(eta + 1.959963984540054 * error))
    assert found.held.endswith(f"offset = {offset:.3g} (mean)")
    axes = plots.plot_effects(fit, data, "FoodTreatment", by="SexParent").axes[0]
    assert axes.get_ylabel() == "expected count of calls where u = 0"


def test_effects_of_a_posterior_are_means_of_responses() -> None:
    fit = family_fits.posterior()
    found = effects_frame(fit, family_fits.DATA, "x")
    p = expit(fit.draws("gamma").to_numpy()[0] @ found.L.to_numpy().T)
    np.testing.assert_allclose(found.frame["estimate"], p.mean(axis=0))
    np.testing.assert_allclose(found.frame["lower"], np.quantile(p, 0.025, axis=0))


def test_ordered_categories_and_gaps_are_on_the_scale_of_the_link() -> None:
    fit, data = reference.fit("wine_clmm"), reference.data_of("wine_clmm")
    found = effects_frame(fit, data, "temp")
    np.testing.assert_allclose(found.frame["estimate"], found.L.to_numpy() @ fit.fixef())
    label = plots.plot_effects(fit, data, "temp").axes[0].get_ylabel()
    assert label == "η of rating (logit scale)"
    gap = gap_frame(fit, data, "contact", "temp")
    np.testing.assert_allclose(gap.frame["estimate"], fit.fixef()["temp[T.warm]"])
    label = plots.plot_gap(fit, data, "contact", "temp").axes[0].get_ylabel()
    assert label == "difference in η of rating (logit scale)"


def test_a_caterpillar_has_modes_and_their_conditional_sd() -> None:
    fit = reference.fit("sim_binomial_slope")
    found = caterpillar_frame(fit, effects=["x"]).frame.set_index("group")
    np.testing.assert_allclose(found["estimate"], fit.ranef()["x"].loc[found.index])
    sd = np.sqrt(np.asarray(fit.ranef_cov())[:, 1, 1])
    half = 0.5 * (found["upper"] - found["lower"]).sort_index()
    np.testing.assert_allclose(half, 1.959963984540054 * sd)
    figure = plots.plot_caterpillar(fit)
    assert figure.get_supxlabel().startswith("u (logit scale); bars: 95%")


def test_beta_space_is_on_the_scale_of_the_link_and_has_no_least_squares() -> None:
    fit = reference.fit("sim_binomial_slope")
    found = beta_space_frame(fit)
    np.testing.assert_allclose(found.groups[["blup_x", "blup_y"]], fit.coef())
    assert found.groups[["blue_x", "blue_y"]].isna().all(axis=None)
    axes = plots.plot_beta_space(fit).axes[0]
    assert axes.get_xlabel() == "Intercept (logit scale)"
    names = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert "conditional mode" in names
    assert not any("BLUE" in name for name in names)


def test_curves_in_panels_are_mean_responses_of_the_rows() -> None:
    data = family_fits.DATA
    model = hb.Model("c ~ x + h + offset(log(t)) + (1 + x | g)", data, family="poisson")
    fit = model.ml()
    found = trellis_frame(data, "c ~ x | g", fit=fit)
    assert set(found.lines["line"]) == {"BLUP", "population"}
    curve = found.lines[found.lines["panel"] == 3]
    rows = data[data["g"] == 3]
    for line, effects in (("BLUP", "all"), ("population", "none")):
        for _, point in curve[curve["line"] == line].iloc[[0, 20, -1]].iterrows():
            mean = fit.predict(rows.assign(x=point["x"]), effects=effects).mean()
            assert point["y"] == pytest.approx(mean)
    axes = plots.plot_trellis(data, "c ~ x | g", fit=fit).figure
    assert [one.get_text() for one in axes.legends[0].get_texts()] == ["conditional mode", "u = 0"]


def test_curves_of_trials_are_counts_and_texts_are_numbers() -> None:
    data = family_fits.DATA
    fit = hb.Model("k | trials(n) ~ x + (1 | g)", data, family="binomial").ml()
    lines = trellis_frame(data, "k ~ x | g", fit=fit).lines
    first = lines[(lines["panel"] == 0) & (lines["line"] == "BLUP")].iloc[0]
    rows = data[data["g"] == 0].assign(x=first["x"])
    assert first["y"] == pytest.approx(5.0 * fit.predict(rows).mean())
    texts = hb.Model("s ~ x + (1 | g)", data, family="bernoulli").ml()
    found = trellis_frame(data, "s ~ x | g", fit=texts)
    np.testing.assert_array_equal(found.points["y"].sort_index(), data["y"])
    figure = plots.plot_trellis(data, "s ~ x | g", fit=texts)
    assert figure.get_supylabel() == "s (1: b)"
    label = plots.plot_effects(texts, data, "x").axes[0].get_ylabel()
    assert label == "probability of s = b where u = 0"


def test_surfaces_are_curved_and_categories_have_none() -> None:
    data = family_fits.DATA
    fit = hb.Model("y ~ x + n + h + (1 | g)", data.assign(n=data["n"] + data["h"] * data["x"]),
                   family="bernoulli").ml()  # fmt: skip
    found = plane_frame(fit, data.assign(n=data["n"] + data["h"] * data["x"]), "x", "n")
    beta, h = fit.fixef(), data["h"].mean()
    eta = beta["Intercept"] + beta["x"] * found.surface["x"] + beta["n"] * found.surface["w"]
    np.testing.assert_allclose(found.surface["y"], expit(eta + beta["h"] * h))
    np.testing.assert_array_equal(found.points["y"], data["y"])
    ordered, wine = reference.fit("wine_clmm"), reference.data_of("wine_clmm")
    with pytest.raises(hb.StudyError, match="shows expected responses, and categories have none"):
        plots.plot_trellis(wine, "rating ~ temp | judge", fit=ordered)


def test_shares_and_priors_of_a_posterior_are_drawn() -> None:
    fit, ml = family_fits.posterior(), family_fits.bernoulli()
    icc = icc_frame(fit)
    assert icc.engine == "ML"
    assert icc.mean == pytest.approx(fit.icc()["icc"])
    assert icc.maximum == pytest.approx(ml.icc()["icc"])
    figure = plots.plot_icc(fit)
    assert figure.axes[0].get_xlabel() == "intraclass correlation (latent scale)"
    found = prior_posterior_frame(fit, ["x"])
    assert set(found.curves["kind"]) == {"prior", "posterior", "profile"}
    assert found.summary["ML"].item() == pytest.approx(ml.fixef()["x"])
    assert plots.plot_prior_posterior(fit, ["x"]).axes[0].get_xlabel() == "x"
    far = found.summary.assign(ML=1e7)
    figure, axes = mpl.pyplot.subplots()
    _draw(axes, replace(found, summary=far), ("gamma", "x"))
    assert axes.get_xlabel() == "x (ML at 1e+07)" and axes.get_xlim()[1] < 100.0
    mpl.pyplot.close(figure)


def test_other_data_than_those_of_the_fit_are_refused() -> None:
    data = family_fits.DATA.assign(y=1 - family_fits.DATA["y"])
    with pytest.raises(hb.StudyError, match="differ from those of the fit"):
        plots.plot_effects(family_fits.bernoulli(), data, "x")


def test_shares_of_the_response_are_those_of_closed_forms() -> None:
    fit = reference.fit("Owls_poisson")
    G = fit.G[0, 0]
    mean = np.exp(fit.predict(effects="none", scale="linear") + 0.5 * G)
    between = (mean**2 * np.expm1(G)).mean()
    assert fit.icc(scale="response")["icc"] == pytest.approx(between / (between + mean.mean()))
    gamma = reference.fit("sim_gamma_log")  # V = μ²/φ
    G, shape = gamma.G[0, 0], gamma.draws("shape").item()
    assert gamma.icc(scale="response")["icc"] == pytest.approx(
        np.expm1(G) / (np.expm1(G) + np.exp(G) / shape)
    )


def test_shares_of_several_factors_and_of_draws() -> None:
    model = hb.Model("c ~ 1 + (1 | g) + (1 | h)", family_fits.DATA, family="poisson")
    fit = model.ml()
    g, h = np.diag(fit.G)
    mean = np.exp(fit.fixef()["Intercept"] + 0.5 * (g + h))
    total = mean**2 * np.expm1(g + h) + mean
    wanted = [mean**2 * np.expm1(one) / total for one in (g, h)]
    np.testing.assert_allclose(fit.icc(scale="response")["icc"], wanted, atol=1e-12)
    posterior = family_fits.posterior()
    found = posterior.icc(scale="response")
    assert 0.0 < found["icc"] < posterior.icc()["icc"]
    assert found["sd"] > 0.0


def test_shares_of_a_slope_at_a_point_are_those_of_simulation() -> None:
    fit = reference.fit("sim_binomial_slope")
    at = {"x": 1.0}
    z = np.array([1.0, 1.0])
    u = np.sqrt(z @ fit.G @ z) * np.random.default_rng(1).standard_normal((1, 40_000))
    p = expit(fit.predict(effects="none", scale="linear").to_numpy()[:, None] + u)
    within = (p * (1.0 - p)).mean(axis=1) / fit.problem.family_rows.m
    wanted = p.var(axis=1).mean() / (p.var(axis=1) + within).mean()
    assert fit.icc(at, scale="response")["icc"] == pytest.approx(wanted, abs=0.01)


def test_scales_that_there_are_not_are_refused() -> None:
    with pytest.raises(hb.DataError) as refused:
        family_fits.bernoulli().icc(scale="link")
    assert str(refused.value) == "scale must be one of 'latent', 'response', not 'link'"


def test_a_gaussian_response_has_one_share(ml_fits: object) -> None:
    fit = ml_fits["intercepts_slopes"]  # type: ignore[index]
    assert fit.icc(scale="response").equals(fit.icc())
