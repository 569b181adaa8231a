"""Odd but honest data are read as meant, and what cannot be read is refused in words."""

from collections.abc import Callable
from copy import deepcopy
from pickle import dumps, loads
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.estimation.settings import SamplerSettings
from tests.test_wrong_input import SLOPES, frame, refusal

WRONG: dict[str, Any] = {"nothing": None, "text": "a", "half": 1.5}  # of a type that is refused


def terms(formula: str, data: pd.DataFrame) -> tuple[str, ...]:
    return hb.Model(formula, data=data).problem.design.terms


def same_loglik(formula: str, data: pd.DataFrame, plain: str = "y ~ x + (1 + x | g)") -> None:
    want = hb.Model(plain, data=frame()).reml().loglik
    assert hb.Model(formula, data=data).reml().loglik == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("name", ["class", "lambda", "a:b", "a|b", "a(b", "a~b", "x.1", "größe"])
@pytest.mark.slow
def test_any_name_stands_in_backticks(name: str) -> None:
    data = frame().rename(columns={"x": name})
    same_loglik(f"y ~ `{name}` + (1 + `{name}` | g)", data)
    model = hb.Model(f"y ~ `{name}` + (1 + `{name}` | g)", data=data)
    same_loglik(model.specification.lme4(), data)
    same_loglik(f"y ~ x + (1 + x | `{name}`)", frame().rename(columns={"g": name}))


def test_text_of_any_dtype_is_a_factor() -> None:
    data = frame()
    for dtype in ("string", pd.StringDtype("python", na_value=pd.NA)):
        assert terms("y ~ f + (1 | g)", data.astype({"f": dtype})) == (
            "Intercept", "f[T.mid]", "f[T.top]",
        )  # fmt: skip
    data = data.convert_dtypes()
    data.loc[2, "f"] = pd.NA
    assert hb.Model("y ~ f + (1 | g)", data=data).problem.design.dropped.by_column == {"f": 1}


def test_numbers_held_as_objects_are_numbers() -> None:
    same_loglik(SLOPES, frame().astype({"x": object, "y": object}))


def test_a_response_of_zeros_and_ones_is_said_to_be_one() -> None:
    data = frame().assign(y=lambda one: (one["y"] > one["y"].median()).astype(float))
    fit = hb.Model("y ~ x + (1 | g)", data=data).reml()
    for text in (str(fit.summary()).replace("\n          ", " "), *fit.diagnose().findings[-1:]):
        assert "the response is 0 or 1 in every row" in text
    assert "0 or 1" not in str(hb.Model("y ~ x + (1 | g)", data=frame()).reml().diagnose())


def test_narrow_integers_do_not_overflow() -> None:
    data = frame().assign(k=np.arange(24) * 5)
    wide = hb.Model("y ~ I(k**2) + (1 | g)", data=data).problem.design.rows.X
    narrow = hb.Model(
        "y ~ I(k**2) + (1 | g)", data=data.astype({"k": "int8"})
    ).problem.design.rows.X
    np.testing.assert_array_equal(narrow, wide)


def test_numbers_for_a_factor_in_new_data() -> None:
    data = frame().assign(year=pd.Categorical(np.tile([2001, 2002, 2003], 8)))
    fit = hb.Model("y ~ year + (1 | g)", data=data).reml()
    new = data.assign(year=data["year"].astype(int)).iloc[:6]
    np.testing.assert_allclose(fit.predict(new), fit.predict().iloc[:6])
    assert refusal(hb.DataError, lambda: fit.predict(new.assign(year=1999))) == (
        "'year' has the level '1999', which the data of the fit do not have; they have: '2001', "
        "'2002', '2003'"
    )


def test_text_for_a_number_in_new_data() -> None:
    fit = hb.Model(SLOPES, data=frame()).reml()
    assert refusal(hb.DataError, lambda: fit.predict(frame().assign(x="low"))) == (
        "'x' is of type str in the new data; in the data of the fit it is a number: make it one, "
        "data['x'].astype(float)"
    )


def test_groups_with_as_many_rows_as_effects() -> None:
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(200), 2)
    x, u = rng.normal(size=400), rng.normal(size=(200, 2))
    data = pd.DataFrame({"y": u[g, 0] + u[g, 1] * x + rng.normal(size=400), "x": x, "g": g})
    fit = hb.Model(SLOPES, data=data).reml()
    assert fit.diagnose().ok
    np.testing.assert_allclose(fit.sigma, 1.0, atol=0.25)


@pytest.mark.parametrize("seed", range(20))
def test_no_residual_variance_is_found_whatever_the_rounding(seed: int) -> None:
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(30), 8), rng.normal(size=240)
    data = pd.DataFrame({"y": 3.0 * x + rng.normal(size=30)[g], "x": x, "g": g})
    message = refusal(hb.DataError, lambda: hb.Model(SLOPES, data=data))
    assert message.startswith("the residual variance is zero: the fixed part and")


def test_products_split_the_same_way_whatever_the_hash() -> None:
    data = frame().assign(xx=lambda d: d["x"] ** 2)
    equations = hb.Model("y ~ xx * x + (1 | g)", data=data).multilevel()
    assert equations.within == "y ~ 1 + xx + x + xx:x"


def test_equations_are_values() -> None:
    equations = hb.Multilevel("y ~ x", {"1": "1 + w"}, group="g")
    assert loads(dumps(equations)) == deepcopy(equations) == equations
    assert len({equations, deepcopy(equations)}) == 1


DATES = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(24), "D")
OF_TYPE = "neither a number nor a factor; make a column of numbers or of text from it first"
REFUSED: tuple[tuple[type[hb.HierbayesError], Callable[[pd.DataFrame], Any], str], ...] = (
    (hb.DataError, lambda d: hb.Model("y ~ z + (1 | g)", data=d.assign(z=DATES)),
     f"'z' is of type {DATES.dtype}, {OF_TYPE}"),
    (hb.DataError, lambda d: hb.Model("y ~ z + (1 | g)", data=d.assign(z=1j * d["x"])),
     f"'z' is of type complex128, {OF_TYPE}"),
    (hb.DataError, lambda d: hb.Model("y ~ f + (1 | g)", data=d.assign(f="low")),
     "the factor 'f' has one level (low) in the rows that are used; remove it from the formula"),
    (hb.DataError, lambda d: hb.Model("y ~ Intercept + (1 | g)", data=d.assign(Intercept=d["x"])),
     "two fixed columns are called 'Intercept'; rename the column of the data"),
    (hb.DataError, lambda d: hb.Model("y ~ x + (1 | g)", data=d.astype({"x": str})),
     "the fixed part has 24 columns and there are 24 rows; use fewer terms, or look for a number "
     "that is stored as text"),
    (hb.DataError, lambda d: hb.Model("y ~ C(g) + x + (1 | g)", data=d),
     "the variance of the random effect 'Intercept' cannot be estimated: the fixed part already "
     "has a coefficient of it for each 'g' in which it varies; remove it from one of the two "
     "parts"),
    (hb.DataError, lambda d: hb.Model("y ~ x + (bs(x, df=5) | g)", data=d),
     "the random part has 6 effects and no group has more than 4 rows: use fewer random effects"),
    (hb.FormulaError, lambda d: hb.Model("poly(y, 2) ~ x + (1 | g)", data=d),
     "the response 'poly(y, 2)' makes 2 columns; it must be one"),
    (hb.FormulaError, lambda d: hb.Model(hb.Multilevel("y + x ~ 1", group="g"), data=d),
     "the response 'y + x' must be one column or one expression; arithmetic stands in I(), as in "
     "I(y + x)"),
    (hb.FormulaError, lambda d: hb.Model(hb.Multilevel("y ~ 1", group="g", random=[]), data=d),
     "the random part has no effects; name at least '1', the intercept"),
    (hb.FormulaError, lambda d: hb.Model("y ~ `1` + (1 | g)", data=d.assign(**{"1": d["x"]})),
     "cannot read the fixed part '`1`': a column called '1' cannot stand in a formula; rename it"),
    (hb.FormulaError, lambda d: hb.Model("y ~ x.mean() + (1 | g)", data=d),
     "cannot read 'x.mean()' in the formula: 'x.mean' is made of many rows at once, and a formula "
     "does not remember it for new data; write center(x), which does, or cvar(x, group) for the "
     "mean of each group, or make a column of it"),
    (hb.DataError, lambda d: hb.Model("y ~ log + (1 | g)", data=d),
     "there is no column 'log' in the data; its columns are: y, x, w, f, g"),
    (hb.PriorError, lambda d: hb.Normal(WRONG["nothing"], 1),
     "Normal: mu must be a number, not None"),
    (hb.DataError, lambda d: hb.Model(SLOPES, data=d).reml().predict([1]),
     "data must be a pandas DataFrame, not list"),
    (hb.DataError, lambda d: hb.Model(SLOPES, data=d).reml().icc({"x": WRONG["text"]}),
     "at must map random columns to numbers, as in {'x': 0}, not {'x': 'a'}"),
    (hb.EstimationError, lambda d: SamplerSettings(9, 9, 2, 1, 0.8, "nutpie", WRONG["half"], False),
     "cores must be a whole number of at least 1, not 1.5"),
    (hb.EstimationError, lambda d: SamplerSettings(9, 9, 2, 1, WRONG["text"], "nutpie", 1, False),
     "target_accept must lie between 0 and 1, not a"),
)  # fmt: skip


@pytest.mark.parametrize(("error", "use", "message"), REFUSED)
def test_refused(
    error: type[hb.HierbayesError], use: Callable[[pd.DataFrame], Any], message: str
) -> None:
    assert refusal(error, lambda: use(frame())) == message
