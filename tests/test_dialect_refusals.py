"""What a system cannot say is refused by name; what only looks hard is said."""

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import hierbayes as hb

SLOPES = "mathach ~ ses + (1 + ses | school)"
BLOCKS = "mathach ~ ses + wave + (1 + ses | school) + (0 + wave + turn | school)"

REFUSED: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    (
        "brms",
        SLOPES,
        {"G": hb.InverseWishart(4, 2.0)},
        "brm cannot say the prior InverseWishart(4, 2) of 'G'; state priors of sd, corr and gamma "
        "instead",
    ),
    (
        "bambi",
        "mathach ~ ses + (1 | school)",
        {"icc": hb.Beta(2, 5)},
        "bambi cannot say the prior Beta(2, 5) of 'icc'; state priors of sd, corr and gamma "
        "instead",
    ),
    (
        "pymc",
        SLOPES,
        {"r2": hb.R2D2M2()},
        "PyMC cannot say the prior R2D2M2(0.5, 2, 1) of 'r2'; state priors of sd, corr and gamma "
        "instead",
    ),
    (
        "bambi",
        "mathach ~ C(Sector, contr.sum) + (1 | school)",
        {},
        "bambi cannot say 'C(Sector, contr.sum)': 'contr.sum' is not known there with the same "
        "meaning; make a column of it",
    ),
    (
        "bambi",
        "mathach ~ I(Size % 100) + (1 | school)",
        {},
        "bambi cannot say 'Size % 100': its formulas have no such operator; make a column of it",
    ),
    (
        "statsmodels",
        "mathach ~ C(Sector, contr.sum) + (1 | school)",
        {},
        "statsmodels cannot say 'C(Sector, contr.sum)': 'contr.sum' is not known there with the "
        "same meaning; make a column of it",
    ),
    (
        "brms",
        SLOPES,
        {"sigma": "foreign"},
        "brm cannot say the prior PyMC HalfNormal(0, 3); state another",
    ),
    (
        "pymc",
        SLOPES,
        {"sigma": "foreign"},
        "PyMC cannot say the prior PyMC HalfNormal(0, 3) of 'sigma': it is a PyMC object whose "
        "code is not known here; state a family of this package",
    ),
    (
        "brms",
        SLOPES,
        {"sd": {"ses": hb.Uniform(0, 9)}},
        "brm has bounds for all parameters of class 'sd' together, so that the prior "
        "Uniform(0, 9) of 'ses' cannot stand beside others; state another",
    ),
    (
        "brms",
        BLOCKS,
        {"corr": {"Intercept, ses": hb.LKJ(1), "wave, turn": hb.LKJ(4)}},
        "brm has one prior for all correlations of a group, and this model has several blocks of "
        "effects with different ones; state one prior of 'corr'",
    ),
    (
        "bambi",
        "mathach ~ band + (1 | school)",
        {"gamma": {"band[T.medium]": hb.Normal(0, 34.5), "band[T.large]": hb.StudentT(3, 0, 1)}},
        "bambi has one family of priors for a term, and those of 'band' are of several: "
        "Normal(0, 34.5), StudentT(3, 0, 1)",
    ),
    (
        "statsmodels",
        BLOCKS,
        {},
        "statsmodels has one block of correlated effects, and this model has 2: 1 + ses, "
        "0 + wave + turn",
    ),
    (
        "lme4",
        "mathach ~ Sector:Sex + (1 | school)",
        {},
        "lmer codes the factors of 'Sector:Sex' otherwise where neither 'Sector' nor 'Sex' stands "
        "by itself; add them, as in 1 + Sector + Sex + Sector:Sex",
    ),
    (
        "nlme",
        "mathach ~ bs(ses, df=4) + (1 | school)",
        {},
        "R cannot say 'bs(ses, df=4)': 'bs(ses, df=4)' has no translation that is exactly the "
        "same; make a column of it",
    ),
    (
        "lme4",
        "mathach ~ np.cbrt(ses) + (1 | school)",
        {},
        "R cannot say 'np.cbrt(ses)': 'np.cbrt(ses)' has no translation that is exactly the same; "
        "make a column of it",
    ),
    (
        "nlme",
        "mathach ~ `odd name` + (1 | school)",
        {},
        "lme does not take a column called 'odd name', not even in backticks; rename it (letters, "
        "digits, dots, underscores)",
    ),
    (
        "brms",
        "mathach ~ `odd name` + (1 | school)",
        {},
        "brm does not take a column called 'odd name'; rename it (letters, digits, single "
        "underscores)",
    ),
)


@pytest.fixture(scope="module")
def data(hs: pd.DataFrame) -> pd.DataFrame:
    rows = np.arange(len(hs))
    labels = ["small", "medium", "large"]
    band = pd.cut(hs["Size"], [0, 800, 1600, np.inf], right=False, labels=labels)
    return hs.assign(
        **{"odd name": hs["ses"] ** 2},
        wave=np.sin(7.0 * rows),
        turn=np.cos(7.0 * rows),
        band=pd.Categorical(band, labels),
    )


@pytest.mark.parametrize(("system", "formula", "priors", "message"), REFUSED)
def test_refused_by_name(
    system: str, formula: str, priors: dict[str, Any], message: str, data: pd.DataFrame
) -> None:
    stated = {
        block: pm.HalfNormal.dist(3) if prior == "foreign" else prior
        for block, prior in priors.items()
    }
    model = hb.Model(formula, data=data, priors=stated)
    with pytest.raises(hb.FormulaError) as refusal:
        model.emit(system)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("lme4", "R cannot call the data 'my data'; give a plain name"),
        ("bambi", "bambi cannot call the data 'my data'; give a plain name"),
        ("pymc", "PyMC cannot call the data 'my data'; give a plain name"),
    ],
)
def test_names_of_data(system: str, message: str, data: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.Model("mathach ~ ses + (1 | school)", data=data).emit(system, data="my data")
    assert str(refusal.value) == message


def test_unknown_system(data: pd.DataFrame) -> None:
    known = ", ".join(hb.dialects().index)
    model = hb.Model(SLOPES, data=data)
    assert model.emit("glmmTMB") == model.emit("glmmtmb")
    with pytest.raises(hb.FormulaError, match="code of PyMC is written and not read"):
        hb.read_code("PyMC", "", data=data)
    with pytest.raises(hb.FormulaError) as refusal:
        hb.Model(SLOPES, data=data).emit("lme")
    assert str(refusal.value) == f"no system is called 'lme'; those known are: {known}"


EXPRESSIONS = {
    "I(ses - -1)": "I(ses - -1)",
    "I((ses + 1) * 2)": "I((ses + 1) * 2)",
    "I(-ses ** 2)": "I(-ses^2)",
    "I((-ses) ** 2)": "I((-ses)^2)",
    "I(Size ** 0.5 ** 2)": "I(Size^0.5^2)",
    "I((Size ** 0.5) ** 3)": "I((Size^0.5)^3)",
    "I(ses - (1 - ses))": "I(ses - (1 - ses))",
    "I(2 * (Size % 10))": "I(2 * Size %% 10)",
    "I((2 * Size) % 10)": "I((2 * Size) %% 10)",
    "I(Size // 100)": "I(Size %/% 100)",
    "I((ses > 0) & (Size < 900))": "as.numeric(ses > 0 & Size < 900)",
    "np.log1p(np.abs(ses))": "log1p(abs(ses))",
    "np.sqrt(np.maximum(ses, 0))": "sqrt(pmax(ses, 0))",
    "np.arctan(np.minimum(ses, Size / 800))": "atan(pmin(ses, Size / 800))",
    "I((Sex == 'Male').astype(float))": 'I(as.numeric(Sex == "Male"))',
    "np.exp(`odd name` / 2)": "exp(`odd name` / 2)",
}


@pytest.mark.parametrize("factor", EXPRESSIONS)
def test_expressions_in_r(factor: str, data: pd.DataFrame) -> None:
    """Python and R bind operators differently; the numbers are the same both ways."""
    model = hb.Model(f"mathach ~ {factor} + (1 | school)", data=data)
    code = model.emit("lme4", data="hs")
    assert f"mathach ~ {EXPRESSIONS[factor]} + (1 | school)" in code
    again = hb.read_code("lme4", code, data=data)
    assert hb.equivalence(model, again).holds


def test_orders_of_levels_are_said_where_they_must_be(data: pd.DataFrame) -> None:
    sectors = hb.Model("mathach ~ Sector + (1 | school)", data=data).emit("lme4", data="hs")
    assert "factor(" not in sectors
    model = hb.Model("mathach ~ band + (1 | school)", data=data)
    order = 'hs$band <- factor(hs$band, levels = c("small", "medium", "large"))'
    assert order in model.emit("nlme", data="hs")
    python = 'hs["band"] = pd.Categorical(hs["band"], ["small", "medium", "large"], ordered=True)'
    for system in ("bambi", "pymc", "statsmodels"):
        assert python in model.emit(system, data="hs")
    cases = data.assign(case=np.where(data["Sector"] == "Public", "a", "B"))
    mixed = hb.Model("mathach ~ case + (1 | school)", data=cases).emit("lme4", data="hs")
    assert 'hs$case <- factor(hs$case, levels = c("B", "a"))' in mixed  # locales differ


def test_labels_that_look_like_numbers(data: pd.DataFrame) -> None:
    """A file does not say that numbers are labels, so the code does."""
    codes = pd.Categorical(data["Size"] // 1000 + 1, [3, 1, 2])
    model = hb.Model("mathach ~ code + (1 | school)", data=data.assign(code=codes))
    assert 'hs$code <- factor(hs$code, levels = c("3", "1", "2"))' in model.emit("lme4", data="hs")
    said = 'hs["code"] = pd.Categorical(hs["code"].astype(str), ["3", "1", "2"], ordered=True)'
    assert said in model.emit("bambi", data="hs")
    namespace = {"hs": data.assign(code=codes.astype(int))}
    exec(model.emit("pymc", data="hs"), namespace)
    X = np.asarray(namespace["X"], dtype=float)
    np.testing.assert_array_equal(X, model.problem.design.rows.X)


AS_IN_R = (  # columns of model.matrix(), and their rank, are as many as those of the model
    "0 + Sector:Sex",
    "0 + ses + Sector:Sex",
    "0 + Sector:Sex + Sector:Sex:ses",
    "0 + Sector:Sex + Sex:Minority",
    "1 + Sector + Sector:Sex",
    "1 + Sector:Sex:ses",
    "1 + Sector:ses + Sex:ses",
    "0 + Sector + Sex",
)
OTHERWISE = {  # R has 3 columns of rank 3 of the first, and models here 4; of the others too many
    "1 + ses:turn + Sector:ses": "'Sector:ses' otherwise where 'ses' does not stand by itself; add "
    "it, as in 1 + ses + Sector:ses",
    "0 + Sector:ses + Sector:Sex": "'Sector:Sex' otherwise where neither 'Sector' nor 'Sex' stands "
    "by itself; add them, as in 1 + Sector + Sex + Sector:Sex",
    "1 + ses + Sector:Sex:ses": "'Sector:Sex:ses' otherwise where neither 'Sector' nor 'Sex' stands"
    " by itself; add them, as in 1 + Sector + Sex + Sector:Sex:ses",
    "0 + Minority + Sector:Sex": "'Sector:Sex' otherwise where neither 'Sector' nor 'Sex' stands "
    "by itself; add them, as in 1 + Sector + Sex + Sector:Sex",
}


@pytest.mark.parametrize("fixed", AS_IN_R)
def test_terms_without_others_are_written_where_r_codes_them_alike(
    fixed: str, data: pd.DataFrame
) -> None:
    model = hb.Model(f"mathach ~ {fixed} + (1 | school)", data)
    assert hb.equivalence(model, hb.read_code("lme4", model.emit("lme4"), data=data))


@pytest.mark.parametrize("fixed", OTHERWISE)
def test_terms_that_r_codes_otherwise_are_refused(fixed: str, data: pd.DataFrame) -> None:
    model = hb.Model(f"mathach ~ {fixed} + (1 | school)", data)
    with pytest.raises(hb.FormulaError) as refusal:
        model.emit("lme4")
    assert str(refusal.value) == f"lmer codes the factors of {OTHERWISE[fixed]}"


@pytest.mark.parametrize("system", ["bambi", "statsmodels"])
def test_logarithms_are_written_as_those_of_numpy(system: str, data: pd.DataFrame) -> None:
    stated = {"gamma": hb.Normal(0, 50)}
    formulas = "{0}(mathach + 10) ~ {0}(Size) + (1 | school)", "ses ~ Size + (1 | school)"
    short, long = (
        hb.Model(formulas[0].format(name), data, priors=stated) for name in ("log", "np.log")
    )
    code = short.emit(system)
    assert code == long.emit(system)
    assert "np.log(mathach + 10) ~ np.log(Size)" in code
    assert "import numpy as np" in code
    assert hb.equivalence(short, hb.read_code(system, code, data=data))
    assert "numpy" not in hb.Model(formulas[1], data, priors=stated).emit(system)
