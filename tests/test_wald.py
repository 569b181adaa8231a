"""Linear hypotheses: their spellings, their numbers, the posterior counterpart, refusals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import chdtrc, fdtrc, ndtri, stdtr, stdtrit

import hierbayes as hb
from hierbayes.inference.hypotheses.contrast_df import contrast_df
from tests.conftest import MODELS, Cache

BOTH = ("satterthwaite", "kenward-roger")

TERMS = "'Intercept', 'ses', 'Sector[T.Public]', 'ses:Sector[T.Public]'"


@pytest.fixture(scope="module")
def fit(reml_fits: Cache[hb.Fit]) -> hb.Fit:
    return reml_fits["intercepts_slopes"]


# ---------------------------------------------------------------- R


@pytest.mark.parametrize("name", MODELS)
def test_t_and_p_of_r(name: str, inference: dict[str, Any], reml_fits: Cache[hb.Fit]) -> None:
    for method in BOTH:
        theirs = inference["models"][name][method.replace("-", "_")]
        rows = hb.wald(reml_fits[name], df=method).rows
        assert_allclose(rows["t"], theirs["t"], rtol=2e-6)
        assert_allclose(rows["df"], theirs["df"], rtol=3e-6)
        log_p = np.log(theirs["p"])
        assert_allclose(np.log(rows["p"]), log_p, rtol=1e-6, atol=1e-5)


def test_slides(reml_fits: Cache[hb.Fit]) -> None:
    """The test printed for lme(mathach ~ 1, random = ~ 1 | sid), digit by digit."""
    test = hb.wald(reml_fits["oneway"], df="inner-outer")
    assert test.df == "inner-outer"
    joint, row = test.joint.loc["joint"], test.rows.loc["Intercept"]
    assert [f"{joint[c]:.3f}" for c in ("numDF", "denDF", "F")] == ["1.000", "1937.000", "715.589"]
    printed = {"estimate": "12.60468", "se": "0.47119", "df": "1937.00000", "t": "26.75049",
               "lower": "11.68057", "upper": "13.52878"}  # fmt: skip
    assert {name: f"{row[name]:.5f}" for name in printed} == printed
    assert joint["p"] < 1e-5 and row["p"] < 1e-5


# ---------------------------------------------------------------- spellings


@pytest.mark.parametrize(
    ("stated", "rows"),
    [
        ("ses", ["ses", "ses:Sector[T.Public]"]),
        ("^ses$", ["ses"]),
        ("Sector[T.Public]", ["Sector[T.Public]", "ses:Sector[T.Public]"]),
        ("^Sector|^Inter", ["Intercept", "Sector[T.Public]"]),
        (":", ["ses:Sector[T.Public]"]),
        ("ses:Sector", ["ses:Sector[T.Public]"]),
        (["ses"], ["ses"]),
        (["Sector[T.Public]", "ses"], ["Sector[T.Public]", "ses"]),
        (None, ["Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]"]),
    ],
)
def test_texts_and_names(fit: hb.Fit, stated: Any, rows: list[str]) -> None:
    test = hb.wald(fit, stated)
    assert test.rows.index.tolist() == rows
    assert_allclose(test.rows["estimate"], fit.fixef()[rows])
    assert_allclose(test.rows["se"], np.sqrt(np.diag(fit.vcov().loc[rows, rows])))
    assert (test.L.loc[:, rows].to_numpy() == np.eye(len(rows))).all()


def test_a_text_with_brackets_is_taken_as_it_stands(reml_fits: Cache[hb.Fit]) -> None:
    test = hb.wald(reml_fits["contextual_cwg"], "cvar(ses, school)")
    assert test.rows.index.tolist() == ["cvar(ses, school)"]
    assert test.title == "Wald test, REML: terms that contain 'cvar(ses, school)'"
    assert hb.wald(reml_fits["contextual_cwg"], "[cd]var").title == (
        "Wald test, REML: terms that match '[cd]var'"
    )


PUBLIC = {"ses": 1.0, "ses:Sector[T.Public]": 1.0}


@pytest.mark.parametrize(
    ("stated", "labels"),
    [
        ({"Public slope": "ses + ses:Sector[T.Public]"}, ["Public slope"]),
        ({"Public slope": PUBLIC}, ["Public slope"]),
        (PUBLIC, ["ses + ses:Sector[T.Public]"]),
        ([0, 1, 0, 1], ["ses + ses:Sector[T.Public]"]),
        (np.array([[0, 1, 0, 1]]), ["ses + ses:Sector[T.Public]"]),
        (pd.DataFrame([PUBLIC], index=["Public slope"]), ["Public slope"]),
        (pd.DataFrame([PUBLIC]), ["ses + ses:Sector[T.Public]"]),
        (pd.Series(PUBLIC, name="Public slope"), ["Public slope"]),
        (pd.Series(PUBLIC), ["ses + ses:Sector[T.Public]"]),
    ],
)
def test_spellings_of_a_contrast(fit: hb.Fit, stated: Any, labels: list[str]) -> None:
    test = hb.wald(fit, stated)
    assert test.rows.index.tolist() == labels
    assert test.L.to_numpy().tolist() == [[0.0, 1.0, 0.0, 1.0]]


def test_contrast_texts(fit: hb.Fit) -> None:
    test = hb.wald(fit, {"a": "-Intercept + 2 * ses - .5·Sector[T.Public]",
                         "b": "ses:Sector[T.Public]/4 − ses/2"})  # fmt: skip
    assert test.L.to_numpy().tolist() == [[-1.0, 2.0, -0.5, 0.0], [0.0, -0.5, 0.0, 0.25]]
    assert hb.wald(fit, test.L.to_numpy()).rows.index.tolist() == [
        "−Intercept + 2·ses − 0.5·Sector[T.Public]",
        "−0.5·ses + 0.25·ses:Sector[T.Public]",
    ]


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger", "inner-outer", "none"])
def test_rows_and_joint_test_follow_from_df(fit: hb.Fit, method: str) -> None:
    L = np.array([[0.0, 1, 0, 0], [0, 1, 0, 1]])
    test, found = hb.wald(fit, L, df=method, prob=0.9), contrast_df(fit, L, method)
    assert test.df == found.method == method
    rows, joint = test.rows, test.joint.loc["joint"]
    estimate = L @ fit.fixef().to_numpy()
    cov = L @ found.gamma_cov @ L.T
    se = np.sqrt(np.diag(cov))
    assert_allclose(rows[["estimate", "se", "t", "df"]],
                    np.column_stack([estimate, se, estimate / se, found.rows]))  # fmt: skip
    F = found.scaling * estimate @ np.linalg.inv(cov) @ estimate / 2.0
    assert_allclose(joint[["numDF", "denDF", "F"]].astype(float), [2.0, found.joint, F])
    if method == "none":
        quantile, p = ndtri(0.95), chdtrc(2, 2.0 * F)
    else:
        quantile, p = stdtrit(found.rows, 0.95), fdtrc(2, found.joint, F)
        assert_allclose(rows["p"], 2.0 * stdtr(found.rows, -np.abs(rows["t"])))
    assert_allclose(rows["upper"] - rows["estimate"], quantile * se)
    assert_allclose(rows["estimate"] - rows["lower"], quantile * se)
    assert_allclose(joint["p"], p)


def test_inner_outer_is_the_smallest_of_the_columns_used(fit: hb.Fit) -> None:
    L = [[0, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1]]
    found = contrast_df(fit, L, "inner-outer")
    assert found.rows.tolist() == [1935.0, 38.0, 1935.0]
    assert found.joint == 38.0


def test_one_row_is_tested_as_t(fit: hb.Fit) -> None:
    for method in BOTH:
        test = hb.wald(fit, ["ses"], df=method)
        row, joint = test.rows.iloc[0], test.joint.iloc[0]
        assert_allclose((joint["F"], joint["denDF"], joint["p"]), (row["t"] ** 2, row["df"],
                        row["p"]), rtol=1e-9)  # fmt: skip


def test_map_without_degrees_of_freedom(hs: pd.DataFrame) -> None:
    mode = hb.Model("mathach ~ Sector", random="~ 1 | school", data=hs).map()
    rows = hb.wald(mode, df="none").rows
    assert_allclose(rows["estimate"], mode.fixef())
    assert_allclose(rows["se"], np.sqrt(np.diag(mode.vcov())))
    assert np.isinf(rows["df"]).all()


# ---------------------------------------------------------------- posterior


def gaussian(fit: hb.Fit, mean: Any, cov: Any, seed: int = 0) -> hb.Fit:
    """The fit with independent normal draws of γ of a given mean and covariance."""
    rng = np.random.default_rng(seed)
    shape = fit.gamma_draws.shape
    draws = mean + rng.standard_normal(shape) @ np.linalg.cholesky(cov).T
    return replace(fit, gamma_draws=draws)


def test_gaussian_posterior_has_the_p_of_a_wald_test(posterior_hs: hb.Fit, fit: hb.Fit) -> None:
    cov = fit.vcov().to_numpy()
    L = np.eye(4)[[1, 2]]
    mean = np.array([13.0, 0.3, -1.2, 1.0])
    wanted = float(L @ mean @ np.linalg.solve(L @ cov @ L.T, L @ mean))
    test = hb.wald(gaussian(posterior_hs, mean, cov), L, df="none")
    joint = test.joint.loc["joint"]
    assert test.df is None
    assert_allclose(joint["distance"], wanted / 2.0, rtol=0.1)
    assert 0.0 < joint["mcse"] < 0.006
    assert abs(joint["beyond"] - chdtrc(2, wanted)) < 4.0 * joint["mcse"]


def test_posterior_mass_by_its_definition(posterior_hs: hb.Fit) -> None:
    """Three rows, counted draw by draw; however the rows are written."""
    L = np.eye(4)[1:]
    draws = posterior_hs.gamma_draws.reshape(-1, 4) @ L.T
    centred = draws - draws.mean(axis=0)
    inverse = np.linalg.inv(np.cov(draws, rowvar=False))
    apart = np.array([one @ inverse @ one for one in centred])
    null = draws.mean(axis=0) @ inverse @ draws.mean(axis=0)
    for rows in (L, np.array([[1.0, 2, 0], [0, 1, 5], [1, -1, 1]]) @ L):
        joint = hb.wald(posterior_hs, rows).joint.loc["joint"]
        assert joint["rows"] == 3
        assert_allclose(joint["distance"], null / 3.0, rtol=1e-8)
        assert joint["beyond"] == (apart > null).mean()


def test_rows_of_a_posterior(posterior_hs: hb.Fit) -> None:
    rows = hb.wald(posterior_hs, prob=0.8).rows
    draws = posterior_hs.gamma_draws
    assert_allclose(rows["estimate"], draws.mean(axis=(0, 1)))
    assert_allclose(rows["sd"], draws.std(axis=(0, 1), ddof=1))
    assert_allclose(rows[["lower", "upper"]].T, np.quantile(draws, [0.1, 0.9], axis=(0, 1)))
    assert_allclose(rows["above"], (draws > 0).mean(axis=(0, 1)))
    assert rows.loc["Intercept", "mcse"] != rows.loc["Intercept", "mcse"]  # every draw agrees
    assert 0.0 < rows.loc["Sector[T.Public]", "mcse"] < 0.01


def test_no_draw_beyond_the_null(posterior_hs: hb.Fit) -> None:
    test = hb.wald(posterior_hs)
    assert test.joint.loc["joint", "beyond"] == 0.0
    assert np.isnan(test.joint.loc["joint", "mcse"])
    assert test.notes == (
        "none of the 4000 draws lies beyond the null: that mass is below what so many draws can "
        "tell, about 0.0008 were they independent",
    )


# ---------------------------------------------------------------- print


def test_printed_test(fit: hb.Fit) -> None:
    expected = """Wald test, REML: terms that contain 'ses'
  Model:  mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)
  Data:   1977 rows, 40 groups (school)
  df:     Satterthwaite
  Limits: 95%

 numDF  denDF        F       p
     2  37.93  67.5910  <.0001

                     estimate      se     df       t       p   lower   upper
ses                    1.8053  0.2906  36.03  6.2130  <.0001  1.2160  2.3946
ses:Sector[T.Public]   1.3888  0.4360  38.15  3.1855  0.0029  0.5063  2.2713"""
    assert str(hb.wald(fit, "ses")) == repr(hb.wald(fit, "ses")) == expected


def test_printed_posterior_counterpart(posterior_hs: hb.Fit) -> None:
    lines = str(hb.wald(posterior_hs, "^Sector")).splitlines()
    assert lines[:8] == [
        "Posterior counterpart of a Wald test: terms that match '^Sector'",
        "  Model:  mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)",
        "  Data:   1977 rows, 40 groups (school)",
        "  Draws:  4 chains × 1000, seed 1",
        "  Joint:  beyond is the posterior probability of a γ that is farther from the posterior "
        "mean than",
        "          the null (every row 0), in the Mahalanobis metric of the draws; distance is "
        "that of the",
        "          null, squared and divided by the number of rows",
        "  Limits: 95% equal-tailed; mcse is that of P(> 0)",
    ]
    assert lines[9].split() == ["rows", "distance", "beyond", "mcse"]
    assert lines[10].split()[0] == "1"
    assert lines[12].split() == ["estimate", "sd", "lower", "upper", "P(>", "0)", "mcse"]


def test_html(fit: hb.Fit, posterior_hs: hb.Fit) -> None:
    page = hb.wald(fit, "ses", df="none")._repr_html_()
    assert page.startswith("<h3>Wald test, REML: terms that contain &#x27;ses&#x27;</h3>")
    assert page.count("<table") == 2 and "<td>inf</td>" in page and "<ul>" not in page
    assert "<li>none of the 4000 draws" in hb.wald(posterior_hs)._repr_html_()


# ---------------------------------------------------------------- refusals


REFUSALS = [
    ("Size", f"no fixed term contains or matches 'Size'; they are: {TERMS}"),
    ("", f"no fixed term contains or matches ''; they are: {TERMS}"),
    (
        "ses(",
        "no fixed term contains 'ses(', which is no regular expression either (missing ), "
        f"unterminated subpattern at position 3); the terms are: {TERMS}",
    ),
    (["ses", "Sector"], f"there is no fixed term 'Sector'; they are: {TERMS}"),
    ({"a": {"Size": 1}}, f"there is no fixed term 'Size'; they are: {TERMS}"),
    (pd.DataFrame({"Size": [1]}), f"there is no fixed term 'Size'; they are: {TERMS}"),
    ([1], f"the hypothesis has 1 column and the model 4 fixed terms: {TERMS}"),
    ([[0, 1, 0, 0], [0, 0, 0, 0]], "row 2 of the hypothesis has no weight but 0; leave it out"),
    ([[0, 1, 0]], f"the hypothesis has 3 columns and the model 4 fixed terms: {TERMS}"),
    (np.ones((2, 2, 4)), "the hypothesis has 3 dimensions; it is a matrix, rows by terms"),
    (
        [[0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1]],
        "the 3 rows of the hypothesis have rank 2: 'ses + ses:Sector[T.Public]' is a combination "
        "of the rows before it; leave it out",
    ),
    (
        ["ses", "ses"],
        "the 2 rows of the hypothesis have rank 1: 'ses' is a combination of the rows before it; "
        "leave it out",
    ),
    (
        {"nothing": {"ses": 0.0}},
        "the row 'nothing' of the hypothesis has no weight but 0; leave it out",
    ),
    ({"much": {"ses": np.inf}}, "the row 'much' of the hypothesis is not finite"),
    ({}, "the hypothesis has no rows; state at least one"),
    (
        {"a": "ses + 2 * Size"},
        "cannot read '+ 2 * Size' in the contrast 'ses + 2 * Size': write a sum of terms with "
        f"numbers, as in 'Intercept + 2 * ses:Sector[T.Public]'; the terms are: {TERMS}",
    ),
    (
        {"a": 1, "b": "ses"},
        "the contrast 'a' must map terms to weights, as in {'ses:Sector[T.Public]': 1}, or be a "
        "text, as in 'ses:Sector[T.Public]', not 1",
    ),
    (
        {1.5, 2.5},
        "a hypothesis is a matrix, a text, a list of terms or a mapping of contrasts, not "
        "{1.5, 2.5}",
    ),
]


@pytest.mark.parametrize(("stated", "message"), REFUSALS)
def test_refused_hypotheses(fit: hb.Fit, stated: Any, message: str) -> None:
    with pytest.raises(hb.HypothesisError) as error:
        hb.wald(fit, stated)
    assert str(error.value) == message


def test_refused_methods(fit: hb.Fit, ml_fits: Cache[hb.Fit], hsfull: pd.DataFrame) -> None:
    mode = hb.Model("mathach ~ Sector", random="~ 1 | school", data=hsfull).map()
    singular = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hsfull).reml()
    cases: list[tuple[hb.Fit, str, str]] = [
        (
            fit,
            "sattertwaite",
            "there are no degrees of freedom 'sattertwaite'; df is one of: 'satterthwaite', "
            "'kenward-roger', 'kenward-roger-observed', 'kenward-roger-linear', "
            "'kenward-roger-linear-observed', 'inner-outer', 'none'",
        ),
        (
            fit,
            "CR2",
            "'CR2' is a covariance of γ̂, which has degrees of freedom of its own; write "
            "robust='CR2' in place of df='CR2'",
        ),
        (
            ml_fits["ancova"],
            "kenward-roger",
            "Kenward–Roger adjusts REML fits, and this is an ML fit; use model.reml(), or "
            "df='satterthwaite'",
        ),
        (
            singular,
            "kenward-roger",
            "Kenward–Roger expands about a G inside the cone of covariance matrices, and Ĝ is "
            "singular; use df='satterthwaite', which takes the rank of Ĝ for known, or a smaller "
            "model, of which hb.reduced(fit) says what each loses of the likelihood",
        ),
        (
            mode,
            "satterthwaite",
            "a MAP fit has no degrees of freedom 'satterthwaite': its covariance of γ is given "
            "one θ that depends on priors; use df='none', or test the posterior of model.sample()",
        ),
    ]
    for refused, method, message in cases:
        for verb in (hb.wald, hb.anova):
            with pytest.raises(hb.HypothesisError) as error:
                verb(refused, df=method)
            assert str(error.value) == message


def test_other_refusals(fit: hb.Fit, posterior_hs: hb.Fit) -> None:
    for call, message in (
        (
            lambda: hb.wald("ses"),  # type: ignore[arg-type]
            "wald() takes a fit, and this is of type str; fits are what model.reml(), ml(), map() "
            "and sample() return",
        ),
        (
            lambda: contrast_df(posterior_hs, np.eye(4)),
            "a posterior needs no degrees of freedom: its draws are marginal over the variance "
            "parameters; degrees of freedom are those of model.reml() or model.ml()",
        ),
        (
            lambda: contrast_df(fit, [1, 0]),
            f"the hypothesis has 2 columns and the model 4 fixed terms: {TERMS}",
        ),
        (lambda: hb.wald(fit, prob=95), "prob must lie between 0 and 1, not 95"),
    ):
        with pytest.raises(hb.HierbayesError) as error:
            call()
        assert str(error.value) == message
