"""Two spellings of one model are proved the same; two models are not."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb

COMBINED = "mathach ~ ses * Sector + (1 + ses | school)"


@pytest.mark.parametrize(
    "other",
    [
        ("mathach ~ Sector * ses", "~ ses | school"),
        ("mathach ~ Sector + ses + ses:Sector + (ses | school)", None),
    ],
)
def test_spellings_of_one_model(hs: pd.DataFrame, other: tuple[str, str | None]) -> None:
    proof = hb.equivalence(hb.Model(COMBINED, data=hs), hb.Model(*other, data=hs))
    assert proof.holds and proof.identical
    assert str(proof).startswith(
        "equivalent: same rows, same fixed columns, same random columns, REML log-likelihoods"
    )


def test_equations_and_combined_form_are_one_model(hs: pd.DataFrame) -> None:
    equations = hb.Multilevel(
        within="mathach ~ 1 + ses",
        between={"1": "1 + Sector", "ses": "1 + Sector"},
        group="school",
        random=["1", "ses"],
    )
    combined = hb.Model(COMBINED, data=hs)
    assert hb.equivalence(combined, hb.Model(equations, data=hs)).holds
    assert hb.equivalence(combined, hb.Model(combined.multilevel(), data=hs)).holds


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("mathach ~ ses + Sector + (1 + ses | school)", "different fixed columns, same random"),
        ("mathach ~ ses * Sector + (ses || school)", "same fixed columns, different random"),
        ("mathach ~ ses * Sector + (1 + ses | Sex)", "different rows"),
    ],
)
def test_other_models_are_told_apart(hs: pd.DataFrame, formula: str, said: str) -> None:
    proof = hb.equivalence(hb.Model(COMBINED, data=hs), hb.Model(formula, data=hs))
    assert not proof.holds
    assert said in str(proof)


REPARAMETRISED = {
    "sum and treatment coding": (
        "mathach ~ Sector * ses + (1 | school)",
        "mathach ~ C(Sector, contr.sum) * ses + (1 | school)",
    ),
    "no intercept": (
        "mathach ~ ses * Sector + (1 + ses | school)",
        "mathach ~ 0 + Sector + Sector:ses + (1 + ses | school)",
    ),
    "raw and centred": (
        "mathach ~ ses + (1 + ses | school)",
        "mathach ~ center(ses) + (1 + center(ses) | school)",
    ),
    "polynomials": (
        "mathach ~ ses + I(ses ** 2) + (1 | school)",
        "mathach ~ poly(ses, 2) + (1 | school)",
    ),
    "units": (
        "mathach ~ ses + (ses || school)",
        "mathach ~ I(100 * ses) + (I(100 * ses) || school)",
    ),
    "levels that vary": (
        "mathach ~ Sex + (0 + Sex | school)",
        "mathach ~ C(Sex, contr.sum) + (1 + C(Sex, contr.sum) | school)",
    ),
    "a contextual variable": (
        "mathach ~ cvar(ses, school) + dvar(ses, school) + (1 | school)",
        "mathach ~ ses + cvar(ses, school) + (1 | school)",
    ),
}


def refuse_other_fits(first: hb.Model, second: hb.Model, proof: hb.Equivalence) -> None:
    """Columns, likelihoods, γ and G of two fits against the matrices of a proof."""
    assert proof.fixed is not None and proof.random is not None
    T, S = proof.fixed.to_numpy(), proof.random.to_numpy()
    ours, theirs = first.problem.design.rows, second.problem.design.rows
    assert_allclose(ours.X @ T, theirs.X, rtol=0, atol=1e-9 * np.abs(theirs.X).max())
    assert_allclose(ours.Z @ S, theirs.Z, rtol=0, atol=1e-9 * np.abs(theirs.Z).max())
    constant = -np.linalg.slogdet(T)[1]
    assert_allclose(proof.reml_constant, constant, atol=1e-9)
    assert_allclose(second.ml().loglik, first.ml().loglik, rtol=1e-10)
    a, b = first.reml(), second.reml()
    assert_allclose(b.loglik - a.loglik, constant, atol=1e-6)
    assert_allclose(T @ b.fixef().to_numpy(), a.fixef().to_numpy(), rtol=1e-5, atol=1e-6)
    G = S @ b.theta.G @ S.T
    assert_allclose(G, a.theta.G, rtol=0, atol=1e-4 * np.abs(a.theta.G).max())


@pytest.mark.parametrize("name", REPARAMETRISED)
def test_one_model_in_other_columns(name: str, hs: pd.DataFrame) -> None:
    first, second = (hb.Model(formula, data=hs) for formula in REPARAMETRISED[name])
    proof = hb.equivalence(first, second)
    assert proof.holds and not proof.identical
    assert "columns that are combinations of each other" in str(proof)
    refuse_other_fits(first, second, proof)
    back = hb.equivalence(second, first)
    assert proof.fixed is not None and back.fixed is not None
    both = proof.fixed.to_numpy() @ back.fixed.to_numpy()
    assert_allclose(both, np.eye(len(both)), atol=1e-8)


def test_named_models_of_one_fit() -> None:
    centred = hb.load_model("contextual_mean_and_centred_within_group")
    proof = hb.equivalence(centred, hb.load_model("contextual_mean_and_raw_variable"))
    assert proof.holds and not proof.same_fixed and proof.same_random
    assert proof.reml_constant == 0.0
    assert proof.fixed is not None
    assert list(proof.fixed.columns) == ["Intercept", "cvar(ses, school)", "ses"]
    assert_allclose(proof.fixed.to_numpy(), [[1, 0, 0], [0, 1, 1], [0, 0, 1]], atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.slow
def test_any_regular_matrix_is_found(seed: int) -> None:
    """Columns of two correlated predictors turned by a random matrix, in both parts."""
    r = np.random.default_rng(seed)
    g = np.repeat(np.arange(20), 10)
    X = r.normal(size=(200, 2)) * [1.0, 10.0 ** r.integers(-3, 4)] + r.normal(size=2)
    u = r.normal(size=(20, 2))[g] / X.std(axis=0)
    y = 1.0 + (X * u).sum(axis=1) + r.normal(size=20)[g] + r.normal(size=200)
    A = r.normal(size=(2, 2)) + 2.0 * np.eye(2)
    b, c = (X @ A + r.normal(size=2)).T
    d = pd.DataFrame({"y": y, "x": X[:, 0], "z": X[:, 1], "b": b, "c": c, "g": g})
    first = hb.Model("y ~ x + z + (1 + x + z | g)", data=d)
    second = hb.Model("y ~ b + c + (1 + b + c | g)", data=d)
    proof = hb.equivalence(first, second)
    assert proof.holds and not proof.identical
    refuse_other_fits(first, second, proof)
    assert_allclose(proof.reml_constant, -np.log(abs(np.linalg.det(A))), atol=1e-8)


@pytest.mark.parametrize(
    ("formula", "other"),
    [
        # the slopes of raw and of centred ses vary about other points in each school
        ("mathach ~ ses + (1 + ses | school)", "mathach ~ ses + (1 + dvar(ses, school) | school)"),
        ("mathach ~ ses + (ses || school)", "mathach ~ ses + (center(ses) || school)"),
        ("mathach ~ ses + (ses || school)", "mathach ~ ses + (ses | school)"),
        ("mathach ~ ses + (1 | school)", "mathach ~ Size + (1 | school)"),
        ("mathach ~ ses + (1 | school)", "mathach ~ ses + Size + (1 | school)"),
    ],
)
def test_other_spaces_are_other_models(formula: str, other: str, hs: pd.DataFrame) -> None:
    proof = hb.equivalence(hb.Model(formula, data=hs), hb.Model(other, data=hs))
    assert not proof.holds
    assert (proof.fixed is None) or (proof.random is None)


# ---------------------------------------------------------------- several grouping factors


@pytest.fixture(scope="module")
def nested() -> pd.DataFrame:
    """Classes in schools, called also by names of their own; books crossed with both."""
    r = np.random.default_rng(5)
    s, c, b, x = (
        r.integers(0, 6, 150),
        r.integers(0, 3, 150),
        r.integers(0, 5, 150),
        r.normal(size=150),
    )
    u, v, w = r.normal(size=(6, 2)), r.normal(size=18), r.normal(size=5)
    y = 1.0 + u[s, 0] + (0.5 + u[s, 1]) * x + v[3 * s + c] + w[b] + r.normal(size=150)
    name = np.array([f"class {k}" for k in r.permutation(18)])[3 * s + c]
    return pd.DataFrame({"y": y, "x": x, "s": s, "c": c, "b": b, "class": name})


@pytest.mark.parametrize(
    ("formula", "other"),
    [
        ("y ~ x + (1 + x | s/c)", "y ~ x + (1 + x | s:c) + (x | s)"),
        ("y ~ x + (1 + x | s) + (1 | s:c)", "y ~ x + (1 | c:s) + (1 + x | s)"),
        ("y ~ x + (x || s) + (1 | s:c)", "y ~ x + (1 | `class`) + (0 + x | s) + (1 | s)"),
    ],
)
@pytest.mark.slow
def test_spellings_of_several_factors(nested: pd.DataFrame, formula: str, other: str) -> None:
    first, second = hb.Model(formula, nested), hb.Model(other, nested)
    proof = hb.equivalence(first, second)
    assert proof.identical
    refuse_other_fits(first, second, proof)
    assert proof.random is not None
    assert proof.random.columns.tolist() == list(second.problem.design.effect_labels)


def test_other_columns_of_several_factors(nested: pd.DataFrame) -> None:
    first = hb.Model("y ~ x + (1 + x | s) + (1 | b)", nested)
    second = hb.Model("y ~ I(3 * x - 1) + (1 | b) + (1 + I(3 * x - 1) | s)", nested)
    proof = hb.equivalence(first, second)
    assert proof.holds and not proof.identical
    refuse_other_fits(first, second, proof)


@pytest.mark.parametrize(
    ("formula", "other", "said"),
    [
        ("(1 | s) + (1 + x | b)", "(1 + x | s) + (1 | b)", "different random columns"),
        ("(1 | s) + (1 | b)", "(1 | s) + (1 | s:c)", "different rows"),
        ("(1 | s) + (1 | b)", "(1 | s)", "different rows"),
        ("(1 | s) + (1 | c)", "(1 | s) + (1 | s:c)", "different rows"),
    ],
)
def test_other_models_of_several_factors(
    nested: pd.DataFrame, formula: str, other: str, said: str
) -> None:
    first, second = (hb.Model(f"y ~ x + {one}", nested) for one in (formula, other))
    for proof in (hb.equivalence(first, second), hb.equivalence(second, first)):
        assert not proof.holds
        assert said in str(proof) and "nan" not in str(proof)


COUNTS = "incidence | trials(size) ~ period + offset(log(size)) + (1 | herd)"


def test_models_of_a_family_are_compared_by_their_likelihood() -> None:
    cbpp = hb.load_dataset("cbpp")
    first = hb.Model(COUNTS, cbpp, family="binomial")
    equations = first.multilevel()
    assert equations.within.startswith("incidence | trials(size) ~ 1 + period + offset(log(size))")
    same = hb.equivalence(first, hb.Model(equations, data=cbpp, family="binomial"))
    assert same.identical and "ML log-likelihoods differ by 0 (" in str(same)
    coded = COUNTS.replace("period", "C(period, contr.sum)")
    other = hb.equivalence(first, hb.Model(coded, cbpp, family="binomial"))
    assert other.holds and not other.identical and other.reml_constant == 0.0
    assert abs(other.loglik_difference) < 1e-7


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        (COUNTS, hb.families.Binomial("probit")),
        (COUNTS, hb.families.BetaBinomial()),
        (COUNTS.replace(" + offset(log(size))", ""), hb.families.Binomial()),
        (COUNTS.replace("trials(size)", "trials(size + 1)"), hb.families.Binomial()),
    ],
)
def test_other_responses_are_told_apart(formula: str, family: hb.families.ResponseFamily) -> None:
    cbpp = hb.load_dataset("cbpp")
    first = hb.Model(COUNTS, cbpp, family="binomial")
    assert not hb.equivalence(first, hb.Model(formula, cbpp, family=family)).same_rows


def test_models_without_random_effects() -> None:
    """Repeated measures: a correlation that is the same, and one that is not."""
    orthodont = hb.load_dataset("orthodont")
    a, b, c = (
        hb.Model("distance ~ age * Sex", orthodont, residual=errors)
        for errors in (
            hb.residuals.CAR1("age", group="Subject"),
            hb.residuals.CAR1("age", group="Subject"),
            hb.residuals.CompoundSymmetry(group="Subject"),
        )
    )
    assert hb.equivalence(a, b).identical
    assert not hb.equivalence(a, c).same_rows


def test_an_offset_and_a_response_less_it(hs: pd.DataFrame) -> None:
    """y − o has the law of y with its mean less o; another offset is another model."""
    data = hs.assign(o=np.log(hs["Size"]), away=hs["ses"] * 1e6)
    stated, less, other, none = (
        hb.Model(f"{formula} + (1 | school)", data)
        for formula in (
            "mathach ~ Sector + offset(o) + offset(away)", "I(mathach - o - away) ~ Sector",
            "I(mathach - o) ~ Sector + offset(1.000001 * away)", "mathach ~ Sector",
        )
    )  # fmt: skip
    assert hb.equivalence(stated, less).identical and hb.equivalence(less, stated).identical
    for model in (other, none):
        assert str(hb.equivalence(stated, model)).startswith("not equivalent: different rows")


def test_responses_without_offsets_are_the_same_to_the_last_digit(hs: pd.DataFrame) -> None:
    near = hs.assign(mathach=np.nextafter(hs["mathach"], np.inf))
    model, other = (hb.Model("mathach ~ ses + (1 | school)", data) for data in (hs, near))
    assert not hb.equivalence(model, other).same_rows
