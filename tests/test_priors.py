"""Priors: defaults with their scales, statements, and what the graph makes of them."""

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.estimation.inputs import graph_inputs
from hierbayes.priors.effect_priors import by_effect
from hierbayes.specification.effect_name import EffectName


def model(**priors: object) -> hb.Model:
    data = hb.load_dataset("hs")
    return hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=data, priors=priors)


def test_defaults_come_from_the_scales_of_the_data() -> None:
    hs = hb.load_dataset("hs")
    table = model().priors.frame()
    sd_y, sd_x = hs["mathach"].std(ddof=0), hs["ses"].std(ddof=0)
    is_public = (hs["Sector"] == "Public").to_numpy(float)
    X = np.column_stack([np.ones(len(hs)), hs["ses"], is_public, is_public * hs["ses"]])
    implied = 2.5 * sd_y * np.sqrt(np.diag(np.linalg.inv(X.T @ X / len(X))))
    assert table.loc[("gamma", "ses"), "prior"] == f"DesignNormal(0, {implied[1]:.4g})"
    found = table.loc["gamma", "implied sd"].tolist()
    assert found == [f"{size:.4g}" for size in implied]
    assert table.loc[("sd", "Intercept"), "prior"] == f"Centred(HalfT(3, 0, {sd_y:.4g}))"
    assert table.loc[("sd", "ses"), "prior"] == f"Centred(HalfT(3, 0, {sd_y / sd_x:.4g}))"
    far = np.sqrt(3.0 * (1 + (hs["ses"].mean() / sd_x) ** 2))
    found = table.loc["sd", "implied sd"].tolist()
    assert found == [f"{sd_y * far:.4g}", f"{np.sqrt(3.0) * sd_y / sd_x:.4g}"]
    assert table.loc[("corr", "Intercept, ses"), "prior"] == "LKJ(2)"
    assert table.loc[("sigma", "sigma"), "prior"] == f"HalfT(3, 0, {sd_y:.4g})"
    assert (table["source"] == "default").all()


def test_no_zero_has_a_sign() -> None:
    """Not where the mean response is negative and is multiplied by 0."""
    hs = hb.load_dataset("hs")
    table = hb.Model("Minority ~ ses + (1 | school)", hs, family="bernoulli").priors.frame()
    assert table.loc[("gamma", "ses"), "prior"].startswith("DesignNormal(0, ")
    assert str(hb.Normal(-0.0, 2.0)) == "Normal(0, 2)"


def test_defaults_follow_the_units() -> None:
    hs = hb.load_dataset("hs")
    scaled = hs.assign(mathach=hs["mathach"] * 1e6, ses=hs["ses"] * 1e-3)
    wide = hb.Model("mathach ~ ses", "~ 1 + ses | school", data=scaled).priors
    plain = hb.Model("mathach ~ ses", "~ 1 + ses | school", data=hs).priors
    for k, factor in enumerate([1e6, 1e9]):
        ratio = wide.sd[k][1].parameters["sigma"] / plain.sd[k][1].parameters["sigma"]
        assert ratio == pytest.approx(factor, rel=1e-9)


def test_a_term_is_stated_and_the_rest_keeps_its_default() -> None:
    stated = model(gamma={"ses": hb.Normal(0, 1)}, sd={"1": hb.HalfT(3, 0, 5)}).priors.frame()
    default = model().priors.frame()
    changed = [("gamma", "ses"), ("sd", "Intercept")]
    assert stated.loc[changed, "prior"].tolist() == ["Normal(0, 1)", "HalfT(3, 0, 5)"]
    assert stated.loc[changed, "source"].tolist() == ["stated", "stated"]
    rest = ["corr", "sigma"]
    pd.testing.assert_frame_equal(stated.loc[rest], default.loc[rest])
    kept = [("gamma", "Intercept"), ("gamma", "Sector[T.Public]"), ("sd", "ses")]
    assert (stated.loc[kept, "source"] == "default").all()


STATED_BY_EFFECT = (
    {"school": {"1": hb.HalfNormal(2), "ses": hb.HalfNormal(3)}},
    {"Intercept": hb.HalfNormal(2), "school": {"ses": hb.HalfNormal(3)}},
    {EffectName("school", "ses"): hb.HalfNormal(3), "1": hb.HalfNormal(2)},
)


@pytest.mark.parametrize("sd", STATED_BY_EFFECT, ids=["factor", "both", "names"])
def test_priors_of_sd_are_stated_by_factor_or_by_effect(sd: dict[Any, Any]) -> None:
    plain = {"Intercept": hb.HalfNormal(2), "ses": hb.HalfNormal(3)}
    stated = model(sd=sd).priors
    assert stated == model(sd=plain).priors
    assert [name for name, _, _ in stated.sd] == [
        EffectName("school", "Intercept"), EffectName("school", "ses")
    ]  # fmt: skip
    assert stated.families == model(**stated.stated()).priors.families


def test_one_prior_of_sd_for_a_factor() -> None:
    assert model(sd={"school": hb.HalfNormal(2)}).priors == model(sd=hb.HalfNormal(2)).priors


CROSSED = [EffectName(factor, "Intercept") for factor in ("pupil", "teacher")]
WRONG_SD: tuple[tuple[dict[Any, Any], str], ...] = (
    ({"Intercept": 1},
     "there is a prior of 'sd' for 'Intercept', which varies over several grouping factors, "
     "'pupil', 'teacher'; name one, as in sd={'pupil': {'Intercept': ...}}"),
    ({"class": {"1": 1}},
     "there are priors of 'sd' for the effects of 'class', which is no grouping factor of this "
     "model; they are: 'pupil', 'teacher'"),
    ({"class": 1},
     "there is a prior of 'sd' for 'class', which does not exist; valid names are: 'Intercept', "
     "'pupil', 'teacher'"),
    ({"pupil": {"ses": 1}},
     "there is a prior of 'sd' for 'ses', which does not exist; valid names are: 'Intercept'"),
    ({"pupil": {"1": 1, "Intercept": 2}},
     "the prior of 'sd' for 'Intercept' is stated twice; '1' is its name too"),
    ({"pupil": 1, CROSSED[0]: 2},
     "the prior of 'sd' for 'Intercept' of 'pupil' is stated twice; leave one of them out"),
)  # fmt: skip


def test_priors_of_a_nested_factor_go_by_its_own_column() -> None:
    names = [EffectName("school", "Intercept"), EffectName("school:class", "Intercept")]
    for stated in ({"class": 1}, {"school:class": 1}, {"class:school": {"1": 1}}):
        assert by_effect("sd", stated, names) == {names[1]: 1}


@pytest.mark.parametrize(("stated", "message"), WRONG_SD, ids=[text[-12:] for _, text in WRONG_SD])
def test_wrong_priors_of_several_factors(stated: dict[Any, Any], message: str) -> None:
    with pytest.raises(hb.PriorError) as caught:
        by_effect("sd", stated, CROSSED)
    assert str(caught.value) == message


def test_effects_of_two_factors_do_not_collide() -> None:
    assert by_effect("sd", {"pupil": 1, "teacher": {"1": 2}}, CROSSED) == dict(
        zip(CROSSED, (1, 2), strict=True)
    )


def test_the_printed_table_is_the_frame() -> None:
    priors = model(sigma=hb.Exponential(0.2)).priors
    lines = priors.frame().to_string().splitlines()
    shown = str(priors).splitlines()
    assert shown[: len(lines)] == [line.rstrip() for line in lines]
    assert len(priors.notes()) == sum(line.startswith("  - ") for line in shown) > 0
    assert "Exponential(0.2)" in str(priors)
    assert "<table" in priors._repr_html_()


FAMILIES = {
    "HalfNormal(10)": (hb.HalfNormal(10), stats.halfnorm(scale=10)),
    "HalfT(3, 0, 5)": (hb.HalfT(3, 0, 5), None),
    "HalfCauchy(4)": (hb.HalfCauchy(4), stats.halfcauchy(scale=4)),
    "Exponential(0.5)": (hb.Exponential(0.5), stats.expon(scale=2)),
    "PC(8, 0.1)": (hb.PC(8, 0.1), stats.expon(scale=-8 / np.log(0.1))),
    "Gamma(2.5, 0.3)": (hb.Gamma(2.5, 0.3), stats.gamma(2.5, scale=1 / 0.3)),
    "InverseGamma(2, 3)": (hb.InverseGamma(2, 3), stats.invgamma(2, scale=3)),
    "Uniform(0, 20)": (hb.Uniform(0, 20), stats.uniform(0, 20)),
}


@pytest.mark.parametrize("text", FAMILIES)
@pytest.mark.slow
def test_the_prior_of_sd_in_the_graph_is_the_one_stated(text: str) -> None:
    """Draws of ``sd`` from the graph's prior against the stated distribution."""
    family, exact = FAMILIES[text]
    data = hb.load_dataset("hs")
    graph = hb.Model("mathach ~ ses", "~ 1 | school", data=data, priors={"sd": family}).graph()
    draws = np.asarray(pm.draw(graph["sd"], draws=4000, random_seed=5, mode="FAST_COMPILE")).ravel()
    reference = exact.cdf if exact is not None else lambda x: 2 * stats.t(3).cdf(x / 5) - 1
    assert str(family) == text
    assert stats.kstest(draws, reference).pvalue > 1e-3


@pytest.mark.slow
def test_the_graph_names_its_dimensions() -> None:
    graph = model().graph()
    assert graph.named_vars_to_dims["sd"] == ("effect",)
    assert graph.named_vars_to_dims["corr"] == ("effect", "effect_bis")
    assert list(graph.coords["term"]) == [
        "Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]",
    ]  # fmt: skip
    assert list(graph.coords["effect"]) == ["Intercept", "ses"]
    assert len(graph.coords["group"]) == 40
    assert {rv.name for rv in graph.free_RVs} == {"signed_centred_sd", "corr_chol", "sigma"}


def test_gamma_is_sampled_only_under_a_prior_that_cannot_be_collapsed() -> None:
    assert "gamma" not in {rv.name for rv in model().graph().free_RVs}
    assert "gamma" not in {rv.name for rv in model(gamma=hb.Flat()).graph().free_RVs}
    sampled = model(gamma=hb.StudentT(3, 0, 10)).graph()
    assert "gamma" in {rv.name for rv in sampled.free_RVs}


def test_distributions_of_pymc_are_taken_as_they_are() -> None:
    priors = model(sigma=pm.Weibull.dist(2, 8), sd={"1": pm.HalfNormal.dist(3)}).priors.frame()
    assert priors.loc[("sigma", "sigma"), "prior"] == "PyMC Weibull(2, 8)"
    assert priors.loc[("sd", "Intercept"), "source"] == "stated"


class PreliZLike:
    """What a PreliZ distribution offers: a PyMC one on request."""

    def to_pymc(self) -> object:
        return pm.HalfNormal.dist(3)


def test_distributions_of_preliz_are_taken_through_pymc() -> None:
    priors = model(sigma=PreliZLike()).priors.frame()
    assert priors.loc[("sigma", "sigma"), "prior"] == "PyMC HalfNormal(0, 3)"


def test_other_data_and_other_scales_have_the_same_structure() -> None:
    first = model(sd=hb.HalfT(3, 0, 2))
    second = hb.Model(
        "mathach ~ ses", "~ 1 + ses | school", data=hb.load_dataset("hsfull"),
        priors={"sd": hb.HalfT(4, 0, 1), "corr": hb.LKJ(7)},
    )  # fmt: skip
    structures = [
        graph_inputs(m.problem.design, m.problem.cross, m.priors).structure for m in (first, second)
    ]
    assert structures[0] == structures[1]
