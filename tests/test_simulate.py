"""Simulated data: the formula computed by hand, moments, recovery, streams, and refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import StudyError
from hierbayes.studies.simulation.rows import EFFECTS, RESIDUALS, stream

FORMULA = "mathach ~ ses + (1 + ses | school)"
SLIDES: dict[str, Any] = {
    "gamma": (12, 2), "G": [[16, 8], [8, 25]], "sigma": 20**0.5, "sizes": ("poisson", 30),
    "variables": {"ses": ("normal", 0, 1)},
}  # fmt: skip


def example(groups: int = 40, seed: int = 1, **changed: Any) -> hb.Simulated:
    """The example of the slides."""
    return hb.simulate(FORMULA, groups=groups, seed=seed, **SLIDES | changed)


# ---------------------------------------------------------------- against the formula


def test_a_response_is_the_formula_of_its_truth() -> None:
    made = example()
    data, truth = made.data, made.truth
    b0 = data["school"].map(truth.beta["Intercept"])
    b1 = data["school"].map(truth.beta["ses"])
    expected = b0 + b1 * data["ses"] + truth.residuals
    assert_allclose(data["mathach"], expected, rtol=1e-12)
    assert_allclose(truth.beta, np.array([12.0, 2.0]) + truth.u, rtol=1e-12)
    assert_allclose(made.design.rows.y, data["mathach"], rtol=0)
    assert data.columns.tolist() == ["mathach", "school", "ses"]


def test_the_numbers_are_those_of_their_streams() -> None:
    made = example(seed=7)
    z = stream(7, EFFECTS).standard_normal((40, 2))
    L = np.linalg.cholesky(np.array([[16.0, 8.0], [8.0, 25.0]]))
    assert_allclose(made.truth.u, z @ L.T, rtol=1e-12)
    r = np.sqrt(20.0) * stream(7, RESIDUALS).standard_normal(len(made.data))
    assert_allclose(made.truth.residuals, r, rtol=1e-12)


def test_level_two_factors_equations_and_group_means() -> None:
    equations = hb.Multilevel(
        "y ~ 1 + x", {"1": "1 + W + m", "x": "1 + W"}, group="g", random=["1", "x"]
    )
    gamma = {"Intercept": 5.0, "W[T.b]": -1.0, "m": 0.5, "x": 2.0, "x:W[T.b]": 3.0}
    made = hb.simulate(
        equations, gamma=gamma, G=np.diag([1.0, 0.25]), sigma=0.5, groups=list("pqrs"),
        sizes=[2, 3, 4, 1], between={"W": ["a", "b", "a", "b"], "m": ("normal", 0, 2)},
        variables={"x": lambda rng, rows: rows["m"] + rng.normal(size=len(rows))}, seed=3,
    )  # fmt: skip
    data, truth = made.data, made.truth
    assert data["g"].value_counts(sort=False).to_dict() == {"p": 2, "q": 3, "r": 4, "s": 1}
    assert (data.groupby("g")["m"].nunique() == 1).all()
    b = (data["W"] == "b").to_numpy(float)
    fixed = 5.0 - b + 0.5 * data["m"] + (2.0 + 3.0 * b) * data["x"]
    u = truth.u.loc[data["g"]].to_numpy()
    assert_allclose(data["y"], fixed + u[:, 0] + u[:, 1] * data["x"] + truth.residuals, rtol=1e-12)
    m = data.groupby("g")["m"].first().to_numpy()
    w = np.array([0.0, 1.0, 0.0, 1.0])
    population = np.column_stack([5.0 - w + 0.5 * m, 2.0 + 3.0 * w])
    assert_allclose(truth.beta, population + truth.u.to_numpy(), rtol=1e-10)


def test_a_factor_keeps_the_order_of_its_levels() -> None:
    levels = pd.Categorical(["lo", "hi", "lo"], categories=["lo", "hi"])
    made = hb.simulate(
        "y ~ W + (1 | g)", gamma={"Intercept": 0, "W[T.hi]": 1}, G=1, sigma=1, groups=3, sizes=2,
        between={"W": levels}, seed=1,
    )  # fmt: skip
    assert made.data["W"].cat.categories.tolist() == ["lo", "hi"]


# ---------------------------------------------------------------- in the long run


def test_moments_of_many_groups() -> None:
    J = 20_000
    made = example(groups=J, sizes=("poisson", 6), seed=11)
    u, sizes = made.truth.u.to_numpy(), made.data["school"].value_counts(sort=False)
    G = np.array([[16.0, 8.0], [8.0, 25.0]])
    se_G = np.sqrt((np.outer(np.diag(G), np.diag(G)) + G**2) / J)
    assert np.abs((u.T @ u / J - G) / se_G).max() < 4.0
    assert np.abs(u.mean(axis=0) / np.sqrt(np.diag(G) / J)).max() < 4.0
    n = len(made.data)
    assert abs((made.truth.residuals**2).mean() / 20.0 - 1.0) < 4.0 * np.sqrt(2.0 / n)
    assert abs(made.data["ses"].mean()) < 4.0 / np.sqrt(n)
    positive = 6.0 / (1.0 - np.exp(-6.0))  # sizes of 0 are drawn again
    assert abs(sizes.mean() - positive) < 4.0 * np.sqrt(6.0 / J)
    assert len(sizes) == J and sizes.min() == 1


def test_sizes_below_one_are_drawn_again() -> None:
    J = 20_000
    made = example(groups=J, sizes=("poisson", 0.5), seed=3)
    sizes = made.data["school"].value_counts().to_numpy()
    mean = 0.5 / (1.0 - np.exp(-0.5))  # of the Poisson distribution without 0
    variance = mean * (1.0 + 0.5 - mean)
    assert len(sizes) == J
    assert abs(sizes.mean() - mean) < 4.0 * np.sqrt(variance / J)


def test_reml_finds_the_truth() -> None:
    made = example(groups=400, seed=5)
    fit = hb.Model(FORMULA, data=made.data).reml()
    se = np.sqrt(np.diag(fit.vcov()))
    assert np.abs((fit.fixef() - made.truth.gamma) / se).max() < 4.0
    sd = fit.var_corr()["sd"]
    assert_allclose(sd["Intercept"], 4.0, atol=4.0 * 4.0 / np.sqrt(800.0))
    assert_allclose(sd["ses"], 5.0, atol=4.0 * 5.0 / np.sqrt(800.0))
    assert_allclose(sd["Residual"], np.sqrt(20.0), atol=4.0 * np.sqrt(20.0 / 2.0 / 12_000.0))


# ---------------------------------------------------------------- seeds and streams


def test_equal_seeds_give_equal_data() -> None:
    pd.testing.assert_frame_equal(example(seed=4).data, example(seed=4).data)
    assert not np.allclose(example(seed=4).truth.u, example(seed=5).truth.u)


def test_a_drawn_seed_is_recorded() -> None:
    made = hb.simulate(FORMULA, groups=5, **SLIDES)
    pd.testing.assert_frame_equal(example(groups=5, seed=made.seed).data, made.data)


def test_another_variable_changes_no_other() -> None:
    both = {"z": ("uniform", 0, 1), "ses": ("normal", 0, 1)}
    one, two = example(), example(variables=both)
    pd.testing.assert_frame_equal(one.data, two.data[one.data.columns])
    wide = example(G=np.zeros((2, 2)))
    assert (wide.truth.u == 0.0).all(axis=None)
    assert_allclose(wide.truth.residuals, one.truth.residuals, rtol=0)


# ---------------------------------------------------------------- from fits and data


def test_from_a_fit_on_its_own_rows(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses * Sector + cvar(ses, school) + (1 + ses | school)", data=hs)
    fit = model.reml()
    made = hb.simulate(fit, data=model.data, seed=2)
    assert_allclose(made.truth.gamma, fit.fixef(), rtol=1e-12)
    assert_allclose(made.truth.G, fit.G_draws[0, 0], rtol=1e-12)
    assert_allclose(made.design.rows.X, fit.design.rows.X, rtol=0)
    assert_allclose(made.design.rows.Z, fit.design.rows.Z, rtol=0)
    Zu = (fit.design.rows.Z * made.truth.u.to_numpy()[fit.design.rows.codes]).sum(axis=1)
    expected = fit.design.rows.X @ fit.fixef().to_numpy() + Zu + made.truth.residuals
    assert_allclose(made.data["mathach"], expected, rtol=1e-12)
    assert made.data.columns.tolist() == hs.columns.tolist()
    assert_allclose(made.data["ses"], hs["ses"], rtol=0)


def test_parameters_of_a_fit_can_be_changed(hs: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    made = hb.simulate(fit, data=hs, G=0.0, sigma=1e-9, seed=2)
    gamma = fit.fixef()
    assert_allclose(made.data["mathach"], gamma.iloc[0] + gamma.iloc[1] * hs["ses"], atol=1e-7)


def test_new_groups_of_a_fit_have_means_of_their_own() -> None:
    formula = "y ~ x + cvar(x, g) + (1 | g)"
    layout: dict[str, Any] = {
        "groups": 6, "sizes": 5,
        "variables": {"x": lambda rng, rows: rows["g"] + rng.normal(size=len(rows))},
    }  # fmt: skip
    old = hb.simulate(formula, gamma=[1, 2, 3], G=1, sigma=1, seed=1, **layout)
    fit = hb.Model(formula, data=old.data).reml()
    new = hb.simulate(fit, seed=2, **layout)
    means = new.data.groupby("g")["x"].transform("mean")
    assert_allclose(new.design.rows.X[:, 2], means, rtol=1e-12)
    expected = (
        new.design.rows.X @ fit.fixef().to_numpy()
        + new.truth.u.to_numpy()[new.design.rows.codes, 0]
    )
    assert_allclose(new.data["y"], expected + new.truth.residuals, rtol=1e-12)
    assert new.data["g"].unique().tolist() == [1, 2, 3, 4, 5, 6]


def test_of_a_model_by_its_specification(hs: pd.DataFrame) -> None:
    model = hb.Model(hb.Multilevel("mathach ~ 1 + ses", {}, "school", ["1"]), data=hs)
    made = hb.simulate(
        model.specification, gamma=[10, 2], G=pd.DataFrame([[4.0]], ["Intercept"], ["Intercept"]),
        sigma=3, data=model.data, seed=1,
    )  # fmt: skip
    u = hs["school"].map(made.truth.u["Intercept"]).astype(float)
    assert_allclose(made.data["mathach"], 10 + 2 * hs["ses"] + u + made.truth.residuals, rtol=1e-12)


def test_rows_that_lack_a_value_are_left_out(hs: pd.DataFrame) -> None:
    holed = hs.copy()
    holed.loc[holed.index[3], "ses"] = np.nan
    holed.loc[holed.index[5], "mathach"] = np.nan  # simulated all the same
    made = hb.simulate("mathach ~ ses + (1 | school)", gamma=[1, 1], G=1, sigma=1, data=holed,
                       seed=1)  # fmt: skip
    assert made.data.index.tolist() == [i for i in hs.index if i != hs.index[3]]
    assert made.data["mathach"].notna().all()


# ---------------------------------------------------------------- what it prints


def test_what_is_printed() -> None:
    made = example()
    n = len(made.data)
    assert repr(made) == (
        f"<data simulated from mathach ~ 1 + ses + (1 + ses | school): {n} rows, 40 groups, seed 1>"
    )
    lines = str(made).splitlines()
    assert lines[:4] == [
        "Simulated data",
        "  Model:  mathach ~ 1 + ses + (1 + ses | school)",
        f"  Data:   {n} rows, 40 groups of 20 to 45; seed 1",
        "  σ:      4.47214",
    ]
    G = lines.index("G:")
    assert [line.split() for line in lines[G + 2 : G + 5]] == [
        ["Intercept", "ses"],
        ["Intercept", "16.0000", "8.0000"],
        ["ses", "8.0000", "25.0000"],
    ]
    assert "<h3>Simulated data</h3>" in made._repr_html_()


# ---------------------------------------------------------------- refusals


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no gamma": ({"gamma": None},
        "gamma is not stated; a simulation needs gamma=, G= and sigma="),
    "short gamma": ({"gamma": [12]},
        "gamma must have 2 values, one for each of 'Intercept', 'ses'; it has shape (1,)"),
    "unknown term": ({"gamma": {"Intercept": 1, "sex": 2}},
        "gamma is stated for 'sex', which is no term of this model; the terms are: "
        "'Intercept', 'ses'"),
    "term left out": ({"gamma": {"Intercept": 1}},
        "gamma has no value for 'ses'; the terms are: 'Intercept', 'ses'"),
    "text": ({"gamma": ["a", "b"]}, "gamma must be made of numbers, not ['a', 'b']"),
    "infinite": ({"gamma": [np.inf, 1.0]}, "gamma must be finite, not [inf, 1.0]"),
    "scalar G": ({"G": 4.0},
        "G must be a matrix of 2 rows and columns, one for each of 'Intercept', 'ses'; it has "
        "shape (1, 1)"),
    "skew G": ({"G": [[1, 0.5], [0, 1]]}, "G is not symmetric: it is a covariance matrix"),
    "indefinite G": ({"G": [[1, 2], [2, 1]]},
        "G is no covariance matrix: it has a negative eigenvalue, that is a combination of random "
        "effects with a negative variance; make the covariances smaller"),
    "names of G": ({"G": pd.DataFrame(np.eye(2), ["a", "b"], ["a", "b"])},
        "the rows and columns of G must be the random effects: 'Intercept', 'ses'"),
    "sigma": ({"sigma": -1.0}, "sigma must be a positive number, not -1.0"),
    "no sizes": ({"sizes": None}, "sizes= is not stated; give groups= and sizes=, or data="),
    "sizes of 0": ({"sizes": [3] * 39 + [0]},
        "sizes: group 40 has 0 rows; every group needs one at least"),
    "few sizes": ({"sizes": [3, 4]}, "sizes: 40 values are needed, and there are 2"),
    "broken sizes": ({"sizes": ("normal", 30, 1)},
        "sizes must be whole numbers: one for all groups, a list, or a distribution such as "
        "('poisson', 30)"),
    "no groups": ({"groups": 0},
        "groups must be a number of groups of at least 1, or a list of labels, not 0"),
    "equal labels": ({"groups": ["a", "b", "a"]}, "groups: the label 'a' stands twice"),
    "no source": ({"variables": {"ses": 3}},
        "'ses': 3 is no source of values; give a list, a distribution such as ('normal', 0, 1), "
        "or a function of a generator and the rows"),
    "bad parameter": ({"variables": {"ses": ("normal", 0, -1)}},
        "'ses': ('normal', 0, -1) cannot be drawn from: scale < 0"),
    "no mapping": ({"variables": ["ses"]},
        "variables must be a mapping from columns to their values, as in "
        "{'x': ('normal', 0, 1)}, not list"),
    "group": ({"between": {"school": ("normal", 0, 1)}},
        "between: 'school' is the group column; it is made from groups="),
    "twice": ({"between": {"ses": ("normal", 0, 1)}},
        "'ses' stands in variables and in between; keep one"),
    "response": ({"variables": {"ses": ("normal", 0, 1), "mathach": ("normal", 0, 1)}},
        "'mathach' is the response, which is simulated; do not state it"),
    "data too": ({"data": pd.DataFrame({"ses": [1.0]})},
        "the rows are stated twice: by data= and by groups=; keep one"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused(case: str) -> None:
    changed, message = WRONG[case]
    with pytest.raises(StudyError) as refused:
        hb.simulate(FORMULA, **{"groups": 40, "seed": 1} | SLIDES | changed)
    assert str(refused.value) == message


def test_a_source_that_is_no_distribution() -> None:
    with pytest.raises(StudyError) as refused:
        example(variables={"ses": ("norm", 0, 1)})
    first, _, rest = str(refused.value).partition(" is none of: ")
    assert first == (
        "'ses': a tuple is a distribution of numpy with its parameters, as in ('normal', 0, 1), "
        "and 'norm'"
    )
    assert rest.startswith("beta, binomial, ")
    assert rest.endswith(", weibull; stated values stand in a list")


def test_independent_blocks_have_no_covariance() -> None:
    with pytest.raises(StudyError) as refused:
        hb.simulate("mathach ~ ses + (1 + ses || school)", groups=4, **SLIDES)
    assert str(refused.value) == (
        "G has a covariance of 'Intercept' and 'ses', which the model takes to be independent; "
        "make it 0, or put them in one random term"
    )


def refused_model(call: Callable[[], Any]) -> str:
    with pytest.raises(hb.HierbayesError) as refused:
        call()
    return str(refused.value)


def test_models_that_cannot_be_simulated(hs: pd.DataFrame) -> None:
    model: Any = hb.Model(FORMULA, data=hs)
    assert refused_model(lambda: hb.simulate(model)) == (
        "simulate() takes a formula, a Multilevel, a Specification or a fit, not Model; of a Model "
        "give model.specification, with data=model.data"
    )
    assert refused_model(lambda: hb.simulate(model.reml())) == (
        "a fit does not keep its data; give data=, the rows to simulate on (model.data are those "
        "of the fit), or groups= and sizes="
    )
    assert refused_model(lambda: hb.simulate("np.log(y) ~ x + (1 | g)", groups=2)) == (
        "the response 'np.log(y)' is an expression, and a column is simulated; name a column in "
        "its place"
    )
    with pytest.raises(hb.StudyError) as missing:
        example(variables={})
    assert str(missing.value) == (
        "the model needs 'ses', which is not stated; give it in variables=, or in between= where "
        "groups have one value each"
    )
    with pytest.raises(hb.EstimationError, match=r"^seed must be a whole number from 0"):
        example(seed=-1)
