"""How a model is given its data, and arguments that it does not take."""

import inspect
import re
from typing import Any

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.specification.foreign_words import REMEDIES

FORMULA = "mathach ~ ses + (1 | school)"
FIXED, RANDOM = "mathach ~ ses", "~ 1 | school"


def test_data_are_given_by_position_or_by_name(hs: pd.DataFrame) -> None:
    models = [
        hb.Model(FORMULA, data=hs),
        hb.Model(FORMULA, hs),
        hb.Model(FIXED, RANDOM, data=hs),
        hb.Model(FIXED, RANDOM, hs),
        hb.Model(hb.Model(FORMULA, hs).multilevel(), hs),
    ]
    for model in models:
        pd.testing.assert_frame_equal(model.data, hs)
        assert str(model.specification) == "mathach ~ 1 + ses + (1 | school)"


def test_data_are_given_once(hs: pd.DataFrame) -> None:
    model: Any = hb.Model
    with pytest.raises(hb.DataError, match=r"there are no data; give them, as in hb\.Model\(form"):
        model(FORMULA)
    with pytest.raises(hb.DataError, match="the data are given twice; keep one"):
        model(FORMULA, hs, data=hs)
    said = "random= is one text, '~ 1 | g', or a mapping of nested factors, not a list; write"
    with pytest.raises(hb.FormulaError, match=re.escape(said)):
        model(FIXED, random=[RANDOM], data=hs)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("REML", "fit with model.reml(), or with model.ml() for maximum likelihood"),
        ("link", "it belongs to the family, as in family=hb.families.Binomial(link='probit')"),
        ("chains", "give it to model.sample(), which takes draws, tune, chains, seed and cores"),
        ("na.action", "rows with a missing value in a column the model uses are left out and"),
        ("prior", "give priors, as in priors=dict(sd=hb.HalfNormal(5))"),
        ("randon", "did you mean 'random'? It takes formula, random, data, priors"),
        ("zzz", "it takes formula, random, data, priors"),
    ],
)
def test_arguments_of_other_packages(word: str, message: str, hs: pd.DataFrame) -> None:
    model: Any = hb.Model
    whole = re.escape(f"Model takes no argument '{word}': {message}")
    with pytest.raises(hb.FormulaError, match=f"^{whole}"):
        model(FORMULA, hs, **{word: 1})


def test_remedies_are_for_arguments_that_a_model_does_not_take() -> None:
    parameters = {name for name in inspect.signature(hb.Model).parameters if name != "foreign"}
    assert parameters & set(REMEDIES) == set()
    assert set(inspect.signature(hb.Model.sample).parameters) >= {
        "draws", "tune", "chains", "seed", "cores",
    }  # fmt: skip


def test_the_coding_that_the_remedy_names_is_read(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ C(Sector, contr.sum) + (1 | school)", hs)
    assert len(model.problem.design.terms) == 2


def test_code_of_counted_rows_is_refused(small_data: pd.DataFrame) -> None:
    """Code of the data would be of each row once; of rows that were made of them it is not."""
    data = small_data.assign(n=2)
    model = hb.Model("y ~ 1 + (1 | g)", data, counts="n")
    message = r"code for lme4 is of rows that count once, .* data\.loc\[data\.index\.repeat\(data"
    with pytest.raises(hb.FormulaError, match=message):
        model.emit("lme4")
    made = data.loc[data.index.repeat(data["n"])]
    assert "lmer(" in hb.Model("y ~ 1 + (1 | g)", made).emit("lme4")
