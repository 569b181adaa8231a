"""Accessors: the same words and shapes from every engine, and what must hold between them."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

TERMS = ["Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]"]
EFFECTS = ["Intercept", "ses"]


@pytest.fixture(scope="module")
def fits(posterior_hs: hb.Fit) -> dict[str, hb.Fit]:
    data = hb.load_dataset("hs")
    model = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=data)
    return {"REML": model.reml(), "ML": model.ml(), "MAP": model.map(), "posterior": posterior_hs}


@pytest.mark.parametrize("engine", ["REML", "ML", "MAP", "posterior"])
@pytest.mark.slow
def test_every_engine_has_the_same_words_and_shapes(fits: dict[str, hb.Fit], engine: str) -> None:
    fit = fits[engine]
    assert fit.engine == engine
    assert fit.fixef().index.tolist() == TERMS
    assert fit.ranef().shape == (40, 2)
    assert fit.ranef().columns.tolist() == EFFECTS
    assert fit.coef().columns.tolist() == TERMS
    assert fit.var_corr().index.tolist() == [*EFFECTS, "Residual"]
    assert fit.var_corr().columns.tolist() == ["variance", "sd", "corr[Intercept]"]
    assert fit.vcov().shape == (4, 4)
    assert fit.ranef_cov().dims == ("group", "effect", "effect_bis")
    assert fit.blue().shape == (40, 2)
    shrinkage = fit.shrinkage()
    assert shrinkage.index.names == ["group", "effect"]
    assert {"n", "blue", "blup", "population", "blup_sd", "shrinkage[ses]"} <= set(shrinkage)
    intervals = fit.intervals()
    assert intervals.columns.tolist() == ["lower", "estimate", "upper"]
    assert intervals.index.get_level_values("block").unique().tolist() == [
        "gamma", "sd", "corr", "sigma",
    ]  # fmt: skip
    assert fit.draws("u").dims == ("chain", "draw", "group", "effect")
    assert fit.predict().shape == fit.residuals().shape == (1977,)
    assert "posterior" in fit.to_datatree().children
    assert "Fixed effects" in str(fit)
    assert "<table" in fit._repr_html_()


@pytest.mark.parametrize("accessor", ["ranef", "coef", "blue", "shrinkage", "ranef_cov"])
def test_accessors_take_the_factor(fits: dict[str, hb.Fit], accessor: str) -> None:
    by_group = getattr(fits["REML"], accessor)
    assert by_group("school").equals(by_group())
    with pytest.raises(hb.DataError) as caught:
        by_group("class")
    assert str(caught.value) == ("'class' is no grouping factor of this model; they are: 'school'")


def test_engines_make_two_kinds_of_fit(fits: dict[str, hb.Fit]) -> None:
    kinds = {engine: type(fit) for engine, fit in fits.items()}
    assert kinds == {
        "REML": hb.PointFit, "ML": hb.PointFit, "MAP": hb.PointFit, "posterior": hb.PosteriorFit
    }  # fmt: skip


@pytest.mark.parametrize("engine", ["REML", "ML", "MAP", "posterior"])
@pytest.mark.parametrize("name", ["gamma", "u", "G"])
def test_estimates_cannot_be_written_over(fits: dict[str, hb.Fit], engine: str, name: str) -> None:
    fit = fits[engine]
    before = getattr(fit, name).copy()
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        getattr(fit, name)[...] = 99.0
    assert (getattr(fit, name) == before).all()


@pytest.mark.parametrize("engine", ["REML", "ML", "MAP", "posterior"])
def test_coef_is_fixef_plus_ranef(fits: dict[str, hb.Fit], engine: str) -> None:
    fit = fits[engine]
    expected = fit.ranef() + fit.fixef()[EFFECTS]
    np.testing.assert_allclose(fit.coef()[EFFECTS], expected, rtol=1e-12)
    assert (fit.coef()["Sector[T.Public]"] == fit.fixef()["Sector[T.Public]"]).all()


@pytest.mark.parametrize("engine", ["REML", "ML", "MAP"])
def test_blup_shrinks_blue_towards_the_population(fits: dict[str, hb.Fit], engine: str) -> None:
    """BLUP − population = Λ (BLUE − population), Λ = G(G + σ²(Z'Z)⁻¹)⁻¹, by hand."""
    fit = fits[engine]
    table, design = fit.shrinkage(), fit.design
    G, sigma = fit.draws("G").to_numpy()[0, 0], fit.sigma
    for j, group in enumerate(design.groups):
        Z, y = design.rows.Z[design.rows.codes == j], design.rows.y[design.rows.codes == j]
        rows = table.loc[group]
        blue = np.linalg.lstsq(Z, y, rcond=None)[0]
        np.testing.assert_allclose(rows["blue"], blue, rtol=1e-8)
        if np.linalg.eigvalsh(G)[0] > 1e-8:
            weight = G @ np.linalg.inv(G + sigma**2 * np.linalg.inv(Z.T @ Z))
            np.testing.assert_allclose(
                rows[["shrinkage[Intercept]", "shrinkage[ses]"]], weight, rtol=1e-6, atol=1e-8
            )
        weight = rows[["shrinkage[Intercept]", "shrinkage[ses]"]].to_numpy()
        blup = rows["population"] + weight @ (rows["blue"] - rows["population"])
        np.testing.assert_allclose(rows["blup"], blup, rtol=1e-8)


def test_population_is_the_line_of_the_sector(fits: dict[str, hb.Fit]) -> None:
    gamma = fits["REML"].fixef()
    population = fits["REML"].shrinkage()["population"].unstack("effect")
    public = gamma["Intercept"] + gamma["Sector[T.Public]"], gamma["ses"] + gamma.iloc[3]
    np.testing.assert_allclose(population.loc["1317"], gamma[EFFECTS])
    schools = hb.load_dataset("hs").drop_duplicates("school").set_index("school")["Sector"]
    first_public = schools[schools == "Public"].index[0]
    np.testing.assert_allclose(population.loc[first_public], public)


def test_a_group_too_small_for_its_own_line_has_a_blup_and_no_blue() -> None:
    hs = hb.load_dataset("hs")
    small = hs[hs["school"].isin(["1317", "1906", "2208", "2458", "2626"])]
    keep = small["school"].ne("1317") | ~small["school"].duplicated()
    fit = hb.Model("mathach ~ ses", random="~ 1 + ses | school", data=small[keep]).reml()
    table = fit.shrinkage().loc["1317"]
    assert table["n"].tolist() == [1, 1]
    assert table["blue"].isna().all()
    assert table["blup"].notna().all()
    assert fit.blue().loc["1317"].isna().all()
    assert fit.blue().drop("1317").notna().all(axis=None)


def test_prediction_at_both_levels(fits: dict[str, hb.Fit]) -> None:
    fit, data = fits["REML"], hb.load_dataset("hs")
    population = fit.design.rows.X @ fit.fixef().to_numpy()
    np.testing.assert_allclose(fit.predict(effects="none"), population)
    own = (fit.design.rows.Z * fit.ranef().to_numpy()[fit.design.rows.codes]).sum(axis=1)
    np.testing.assert_allclose(fit.predict(), population + own)
    again = fit.predict(data.sample(200, random_state=1))
    np.testing.assert_allclose(again, fit.predict().loc[again.index], rtol=1e-12)
    stranger = data.head(3).assign(school="new")
    got = fit.predict(stranger, new_groups="population")
    np.testing.assert_allclose(got, fit.predict(effects="none").head(3))
    np.testing.assert_allclose(
        fit.residuals(standardized=True), (data["mathach"] - fit.predict()) / fit.sigma
    )


def test_icc_at_a_point_and_over_the_rows(fits: dict[str, hb.Fit]) -> None:
    fit = fits["REML"]
    G, s2 = fit.draws("G").to_numpy()[0, 0], fit.sigma**2
    z = np.array([1.0, 0.5])
    assert fit.icc({"ses": 0.5})["icc"] == pytest.approx(z @ G @ z / (z @ G @ z + s2))
    # Nakagawa's adjusted ICC of the same model
    assert fit.icc()["icc"] == pytest.approx(0.087597589397195, rel=1e-6)
    oneway = hb.Model("mathach ~ 1", "~ 1 | school", data=hb.load_dataset("hs")).reml()
    assert oneway.icc()["icc"] == pytest.approx(0.168670, abs=5e-7)


def test_posterior_intervals_are_equal_tailed_quantiles(fits: dict[str, hb.Fit]) -> None:
    fit = fits["posterior"]
    table = fit.intervals(0.8)
    low, high = np.quantile(fit.theta.sigma, [0.1, 0.9])
    np.testing.assert_allclose(
        table.loc[("sigma", "sigma")], [low, fit.theta.sigma.mean(), high], rtol=1e-12
    )
    assert "80% equal-tailed" in table.attrs["method"]
    parameters = fit.summary(0.8).parameters
    assert {"eti_10%", "eti_90%", "ess_bulk", "r_hat"} <= set(parameters)
    assert parameters.loc[("sigma", "sigma"), "eti_10%"] == pytest.approx(low)


def test_shrinkage_of_a_posterior_is_its_mean_over_draws(fits: dict[str, hb.Fit]) -> None:
    fit = fits["posterior"]
    design = fit.design
    G = fit.draws("G").to_numpy().reshape(-1, 2, 2)
    s2 = fit.theta.sigma.ravel()[:, None, None] ** 2
    Z = design.rows.Z[design.rows.codes == 0]
    weights = G @ np.linalg.inv(G + s2 * np.linalg.inv(Z.T @ Z))
    row = fit.shrinkage().loc[(design.groups[0], "Intercept")]
    assert row["shrinkage[ses]"] == pytest.approx(weights[:, 0, 1].mean(), rel=1e-6)
    assert row["shrinkage_sd[Intercept]"] == pytest.approx(weights[:, 0, 0].std(ddof=1), rel=1e-6)


def test_the_singular_model_is_explained() -> None:
    model = hb.Model(
        "mathach ~ ses * Sector", random="~ 1 + ses | school", data=hb.load_dataset("hsfull")
    )
    diagnosis = model.reml().diagnose()
    assert diagnosis.ok
    assert diagnosis.verdict == "The REML maximum lies on the boundary: G is singular."
    assert (
        "the correlation of 'Intercept' and 'ses' is estimated as +1: each group's deviation in "
        "'ses' is +0.1409 times its deviation in 'Intercept', one dimension of variation and not "
        "two"
    ) in diagnosis.findings
    page = diagnosis._repr_html_()
    assert page.startswith(f"<h3>{diagnosis.verdict}</h3><ul><li>{diagnosis.findings[0]}</li>")
    assert "<table" not in page
    table = model.reml().intervals()
    assert table.loc["sd", ["lower", "upper"]].isna().all(axis=None)
    assert table.loc["gamma"].notna().all(axis=None)


def test_a_variance_of_zero_is_explained() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": np.tile([1.0, -1.0], 50) + 0.1 * rng.normal(size=100),
                         "g": np.repeat(np.arange(10), 10)})  # fmt: skip
    fit = hb.Model("y ~ 1", "~ 1 | g", data=data).reml()
    assert fit.var_corr().loc["Intercept", "sd"] == 0.0
    assert fit.diagnose().findings[2] == (
        "the variance of 'Intercept' is estimated as zero: without its random effect the "
        "likelihood is the same"
    )


def test_the_map_of_flat_priors_is_reml() -> None:
    flat = dict(gamma=hb.Flat(), sd=hb.Flat(), corr=hb.LKJ(1), sigma=hb.Flat())
    data = hb.load_dataset("hs")
    model = hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=data, priors=flat)
    mode, reml = model.map(), model.reml()
    pd.testing.assert_series_equal(mode.fixef(), reml.fixef(), rtol=1e-8)
    pd.testing.assert_frame_equal(mode.var_corr(), reml.var_corr(), rtol=1e-7)


def test_the_map_maximises_the_density_it_names() -> None:
    """One effect, half-normal prior: the mode against a search of the dense posterior."""
    hs = hb.load_dataset("hs")
    priors = dict(gamma=hb.Flat(), sd=hb.HalfNormal(0.5), sigma=hb.HalfNormal(3))
    model = hb.Model("mathach ~ 1", "~ 1 | school", data=hs, priors=priors)
    mode = model.map()
    sd, sigma = mode.var_corr()["sd"]

    def density(sd: float, sigma: float) -> float:
        n = hs.groupby("school", observed=True)["mathach"].agg(["size", "mean", "var"])
        v = sigma**2 + n["size"] * sd**2  # eigenvalue of V_j along 1
        weight = n["size"] / v
        center = (weight * n["mean"]).sum() / weight.sum()
        inside = ((n["size"] - 1) * n["var"]).sum() / sigma**2
        log_det = (np.log(v) + (n["size"] - 1) * np.log(sigma**2)).sum()
        between = (weight * (n["mean"] - center) ** 2).sum()
        likelihood = -0.5 * (log_det + np.log(weight.sum()) + inside + between)
        return likelihood - 0.5 * (sd / 0.5) ** 2 - 0.5 * (sigma / 3) ** 2

    best = density(sd, sigma)
    for step in (1e-3, -1e-3):
        assert density(sd + step, sigma) < best
        assert density(sd, sigma + step) < best
    assert abs(density(sd + 1e-4, sigma) - density(sd - 1e-4, sigma)) < 1e-6


@pytest.mark.parametrize(("sigma", "ok"), [(1e-4, True), (1e-8, False)])
def test_a_vanishing_residual_is_flagged(sigma: float, ok: bool) -> None:
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(12), 8)
    y = 5 * rng.normal(size=12)[group] + sigma * rng.normal(size=96)
    fit = hb.Model("y ~ 1", "~ 1 | g", data=pd.DataFrame({"y": y, "g": group})).reml()
    diagnosis = fit.diagnose()
    assert diagnosis.ok == ok
    assert ("times as large as the residual" in diagnosis.findings[0]) != ok


def test_a_correlation_outside_the_likelihood_is_named() -> None:
    """Sector is constant within schools: no school has a Catholic and a Public effect."""
    data = hb.load_dataset("hs")
    fit = hb.Model("mathach ~ ses + Sector + (0 + Sector | school)", data=data).reml()
    assert fit.var_corr()["corr[Sector[Catholic]]"].isna().all()
    assert (
        "the correlation of 'Sector[Catholic]' and 'Sector[Public]' is not in the likelihood, for "
        "no group has rows of both: its value means nothing"
    ) in fit.diagnose().findings


def test_the_name_of_an_axis_of_a_table_is_its_own(fits: dict[str, hb.Fit]) -> None:
    table = fits["ML"].vcov()
    table.index.name = "row"
    table.iloc[0, 0] = np.nan
    assert table.columns.name == "term"
    again = fits["ML"].vcov()
    assert again.index.name == again.columns.name == fits["ML"].fixef().index.name == "term"
    assert np.isfinite(again.to_numpy()).all()
