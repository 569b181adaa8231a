"""Fixed columns that are combinations of others: left out where that is asked for.

Log-likelihoods and fixed effects are those of lme4 1.1-31, which leaves out the same columns.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.test_wrong_input import refusal

CELLS = "mathach ~ Sector * Minority + ses + (1 | school)"
EMPTY = "'Sector[T.Public]:Minority[T.Yes]' = 0"


@pytest.fixture(scope="module")
def hs() -> pd.DataFrame:
    rows = hb.load_dataset("hs").reset_index(drop=True)
    return rows.assign(
        twice=2 * rows["ses"],
        male=(rows["Sex"] == "Male").astype(float),
        size=rows["Size"] % 7,
        k=(rows["mathach"].abs() // 3).astype(int),
    )


@pytest.fixture(scope="module")
def cells(hs: pd.DataFrame) -> pd.DataFrame:
    """Without one cell of an interaction."""
    return hs[(hs["Sector"] != "Public") | (hs["Minority"] != "Yes")].reset_index(drop=True)


@pytest.fixture(scope="module")
def model(cells: pd.DataFrame) -> hb.Model:
    return hb.Model(CELLS, cells, aliased="drop")


@pytest.fixture(scope="module")
def reml(model: hb.Model) -> hb.PointFit:
    return model.reml()


OF_LME4 = (
    (
        CELLS, None, -5852.1372763, [14.24438172, -1.54913593, -2.25458830, 2.30401457],
        ["Sector[T.Public]:Minority[T.Yes]"],
    ),
    (
        "mathach ~ twice + ses + Sex + male + (1 + ses | school)", None, -6422.63439511,
        [12.175958959, 1.210147621, 1.1497092], ["ses", "male"],
    ),
    (
        "mathach ~ ses * Sector + twice:Sector + (1 | school) + (1 | size)", None, -6419.97608097,
        [13.51203865, 1.82202770, -1.57068598, 1.38258709],
        ["twice:Sector[Catholic]", "twice:Sector[Public]"],
    ),
    (
        "k ~ Sector * Minority + ses + (1 | school)", "poisson", -3892.97198076,
        [1.428747708, -0.132218057, -0.196096339, 0.197979448],
        ["Sector[T.Public]:Minority[T.Yes]"],
    ),
)  # fmt: skip


@pytest.mark.parametrize(("formula", "family", "loglik", "gamma", "left"), OF_LME4)
def test_the_same_columns_are_kept_as_by_lme4(
    hs: pd.DataFrame, cells: pd.DataFrame, formula: str, family: str | None, loglik: float,
    gamma: list[float], left: list[str],
) -> None:  # fmt: skip
    rows = cells if "Minority" in formula else hs
    found = hb.Model(formula, rows, aliased="drop", family=family)
    assert list(found.aliased.index) == left
    fit = found.reml() if family is None else found.ml()
    assert fit.loglik == pytest.approx(loglik, abs=1e-5)
    order = sorted(fit.fixef(), key=abs)
    assert order == pytest.approx(sorted(gamma, key=abs), rel=1e-6 if family is None else 3e-4)


def test_what_is_left_out_is_said_with_what_it_equals(hs: pd.DataFrame) -> None:
    rows = hs.assign(both=lambda d: d["male"] - 0.5 * d["ses"] + 3)
    model = hb.Model("mathach ~ ses + male + both + twice + (1 | school)", rows, aliased="drop")
    said = (
        "left out 2 of 5 fixed columns, combinations of others: "
        "'both' = 3·'Intercept' − 0.5·'ses' + 'male'; 'twice' = 2·'ses'"
    )
    assert said in repr(model)
    assert model.aliased.loc["both"].tolist() == pytest.approx([3.0, -0.5, 1.0])
    fit = model.reml()
    for page in (fit, fit.summary(), hb.wald(fit, "ses"), hb.compare(fit, model.ml())):
        assert said in " ".join(str(page).split())
    assert len(hb.Model("mathach ~ ses + (1 | school)", rows, aliased="drop").aliased) == 0


def test_it_is_the_model_without_these_columns(
    cells: pd.DataFrame, model: hb.Model, reml: hb.PointFit
) -> None:
    less = hb.Model("mathach ~ Sector + Minority + ses + (1 | school)", cells)
    assert hb.equivalence(model, less).holds
    new = cells.head(3)
    found = reml.predict(new, prob=0.9)
    pd.testing.assert_frame_equal(found, less.reml().predict(new, prob=0.9), rtol=1e-7)
    assert "γ" in str(model.equations())
    assert "[T.Yes]:" not in str(model.meanings())


def test_predictions_that_data_cannot_tell_are_refused(
    cells: pd.DataFrame, model: hb.Model, reml: hb.PointFit
) -> None:
    new = cells.head(2).assign(Sector=["Catholic", "Public"], Minority=["Yes", "Yes"])
    said = (
        f"the mean of row 1 cannot be estimated: in the data of the fit {EMPTY}, which left that "
        "column out, and in this row it is not so; predict rows in which it is"
    )
    assert refusal(hb.DataError, lambda: reml.predict(new)) == said
    assert refusal(hb.DataError, lambda: hb.predictions(reml, new)) == said
    post = model.sample(draws=20, tune=50, chains=2, seed=1, progress=False)
    assert refusal(hb.DataError, lambda: post.predict(new)) == said
    assert post.predict(new.head(1)).notna().all(axis=None)


STRUCTURES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("mathach ~ ses + twice + (1 | school)", {"residual": hb.residuals.Strata("Sex")}),
    ("mathach ~ ses + twice + (twice | school)", {}),
    ("mathach ~ ses + twice", {}),
    ("third ~ ses + twice + (1 | school)", {"family": "categorical"}),
)  # fmt: skip


@pytest.mark.parametrize(("formula", "words"), STRUCTURES)
def test_every_kind_of_model(hs: pd.DataFrame, formula: str, words: dict[str, Any]) -> None:
    rows = hs.head(400)
    rows = rows.assign(
        third=pd.cut(rows["mathach"], [-9, 10, 16, 30], labels=list("abc")).astype(str)
    )
    found = hb.Model(formula, rows, aliased="drop", **words)
    less = hb.Model(formula.replace(" + twice", "", 1), rows, **words)
    fit, plain = found.ml(), less.ml()
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-6)
    assert fit.fixef().to_numpy() == pytest.approx(plain.fixef().to_numpy(), rel=1e-4, abs=1e-5)
    assert refusal(hb.DataError, lambda: fit.predict(rows.head(1).assign(twice=9.0)))


def test_a_saved_fit_remembers_them(cells: pd.DataFrame, reml: hb.PointFit, tmp_path: Path) -> None:
    reml.save(tmp_path / "one.fit")
    again = hb.load_fit(tmp_path / "one.fit")
    assert str(again) == str(reml)
    new = cells.head(1).assign(Sector="Public", Minority="Yes")
    assert refusal(hb.DataError, lambda: again.predict(new))


@pytest.mark.parametrize("system", ["lme4", "sas", "stata", "pymc"])
def test_code_for_systems_that_leave_them_out(model: hb.Model, system: str) -> None:
    code = model.emit(system)
    drops = '.drop(columns=["Sector[T.Public]:Minority[T.Yes]"])'
    assert (drops in code) == (system == "pymc")


REFUSED: tuple[tuple[Callable[[hb.Model], object], type[hb.HierbayesError], str], ...] = (
    (
        lambda model: model.emit("nlme"), hb.FormulaError,
        "R: nlme::lme does not leave out fixed columns that are combinations of others, and of "
        "this model 'Sector[T.Public]:Minority[T.Yes]' is; write a formula without them, or take "
        "one of lme4, pymc, sas, stata",
    ),
    (
        lambda model: hb.anova(model.reml()), hb.FormulaError,
        "a test of each term reads all columns of each term, and of this model 1 of 5 fixed "
        f"columns, combinations of others: {EMPTY} are left out; write a formula without them, or "
        "combine coefficients with hb.wald()",
    ),
    (
        lambda model: hb.Model(CELLS, model.data, aliased="yes"), hb.FormulaError,
        "aliased is 'refuse' or 'drop', not 'yes'",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("ask", "error", "message"), REFUSED)
def test_what_needs_all_columns_is_refused(
    model: hb.Model, ask: Callable[[hb.Model], object], error: type[hb.HierbayesError], message: str
) -> None:
    assert refusal(error, lambda: ask(model)) == message


def test_rows_that_stream_are_refused(hs: pd.DataFrame, tmp_path: Path) -> None:
    hs.to_parquet(tmp_path / "rows.parquet")
    message = refusal(
        hb.FormulaError,
        lambda: hb.Model("mathach ~ ses + (1 | school)", tmp_path / "rows.parquet", aliased="drop"),
    )
    assert message.startswith("aliased='drop' finds out which columns are combinations of others")


def test_nearly_dependent_columns_stay(hs: pd.DataFrame) -> None:
    """What has 10⁻⁵ of its own is told from the others, if hardly."""
    near = hs.assign(near=2 * hs["ses"] + 1e-5 * np.sin(np.arange(len(hs))))
    kept = hb.Model("mathach ~ ses + near + (1 | school)", near, aliased="drop")
    assert len(kept.aliased) == 0
