"""Data and arguments as a first user has them: right numbers, or one error with a remedy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.point import PointFit
from hierbayes.fit.structured.diagnosis import diagnosis_of_errors
from hierbayes.fit.structured.point import StructuredPointFit

G, T = np.repeat(np.arange(10), 5), np.tile(np.arange(5), 10)
DATA = pd.DataFrame(
    {
        "y": np.cos(1.7 * np.arange(50.0) ** 2) + np.sin(3.0 * G) + 0.3 * T,
        "x": np.sin(2.3 * np.arange(50.0) ** 2), "g": G, "t": T,
        "sex": np.where(G % 2, "F", "M"), "dose": 1.0 + T, "w": 1.0,
    }
)  # fmt: skip
START = pd.Timestamp("2020-01-01")
FORMULA = "y ~ x + (1 | g)"


def model(residual: Any = None, formula: str = FORMULA, **columns: Any) -> hb.Model:
    return hb.Model(formula, DATA.assign(**columns), residual=residual)


def weighted(value: Any, **words: Any) -> hb.Model:
    data = DATA.astype({"w": object}) if isinstance(value, str) else DATA.copy()
    data.loc[4, "w"] = value
    residual = hr.AR1("t") if "weights" in words else None
    return hb.Model(FORMULA, data, residual=residual, **words)


NUMBERS = "the times of correlated errors must be numbers, and column 't' is "
IN_ORDER = ": number its values in order, in a column of its own"
LONE = "leave it out, or name the group in which they are correlated"
MEANT = "residual is a structure of hb.residuals, such as hb.residuals.AR1('week'), not "

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "dates": (
        lambda: model(hr.CAR1("t"), t=START + pd.to_timedelta(T, unit="D")),
        f"{NUMBERS}datetime64[us]: make days of it, as in (data['t'] - data['t'].min()).dt.days",
    ),
    "durations": (
        lambda: model(hr.ARMA("t"), t=pd.Series(pd.to_timedelta(T, unit="D")).astype("m8[s]")),
        f"{NUMBERS}timedelta64[s]: make days of it, as in data['t'].dt.days",
    ),
    "categories": (
        lambda: model(hr.Toeplitz("t"), t=pd.Categorical(T)), f"{NUMBERS}category{IN_ORDER}",
    ),
    "truth values": (lambda: model(hr.AR1("t"), t=T > 2), f"{NUMBERS}bool{IN_ORDER}"),
    "infinite": (
        lambda: model(hr.CAR1("t"), t=np.where(T == 2, np.inf, T)),
        "'t' is infinite in 10 of 50 rows (first at row label 2); remove those rows or make them "
        "missing",
    ),
    "fractions": (
        lambda: model(hr.Toeplitz("t"), t=T + 0.5),
        "the times of this structure are whole numbers, and 't' is 0.5 in row 0; "
        "hb.residuals.CAR1('t') takes any times",
    ),
    "one row a group": (
        lambda: model(hr.AR1("t", group="i"), i=np.arange(50)),
        f"no 'i' has two rows, so that the data tell nothing of the correlation of errors; {LONE}",
    ),
    "one occasion": (
        lambda: hb.Model("y ~ x", DATA[T == 0], residual=hr.Unstructured("t", group="g")),
        f"no 'g' has two rows, so that the data tell nothing of the correlation of errors; {LONE}",
    ),
    "a level of one row": (
        lambda: model(hr.Strata("sex"), sex=np.where(np.arange(50) == 0, "X", DATA["sex"])),
        "the stratum sex = X has one row, which tells no variance of it; join it with another "
        "level, or leave the row out",
    ),
    "a level a row": (
        lambda: model(hr.Strata("x")),
        "the strata x have one row each at 50 of 50 levels, which tells no variance of it; name a "
        "factor, or for a covariate use hb.residuals.Power or hb.residuals.Exponential",
    ),
    "a constant column": (
        lambda: model(hr.Strata("sex"), sex="a"),
        "the strata sex have one level in the rows used, 'a'; leave them out",
    ),
    "a constant covariate": (
        lambda: model(hr.Exponential("dose"), dose=2.0),
        "'dose' is the same in every row, so that the data tell nothing of how the variance "
        "changes with it; leave it out",
    ),
    "a date for a covariate": (
        lambda: model(hr.Power("dose"), dose=START + pd.to_timedelta(T, unit="D")),
        "the covariate of a variance must be numbers, and column 'dose' is datetime64[us]: make "
        "days of it, as in (data['dose'] - data['dose'].min()).dt.days",
    ),
    "weights of 0": (
        lambda: weighted(0.0, weights="w"),
        "weights: 'w' is 0 at row label 4; every row needs a finite number above 0: leave such "
        "rows out",
    ),
    "weights missing": (
        lambda: weighted(np.nan, weights="w"),
        "weights: 'w' is missing at row label 4; every row needs a finite number above 0: leave "
        "such rows out",
    ),
    "weights below 0": (
        lambda: weighted(-1.0, weights="w"),
        "weights: 'w' is -1 at row label 4; every row needs a finite number above 0: leave such "
        "rows out",
    ),
    "known_sd of 0": (
        lambda: weighted(0.0, known_sd="w"),
        "known_sd: 'w' is 0 at row label 4; every row needs a finite number above 0: leave such "
        "rows out",
    ),
    "known_sd missing": (
        lambda: weighted(np.nan, known_sd="w"),
        "known_sd: 'w' is missing at row label 4; every row needs a finite number above 0: leave "
        "such rows out",
    ),
    "counts with decimals": (
        lambda: weighted(1.5, counts="w"),
        "counts: a row stands for a whole number of equal rows, and that of row label 4 is 1.5; "
        "rows that weigh more than others are weights=",
    ),
    "counts of rows with a time": (
        lambda: hb.Model(FORMULA, DATA, residual=hr.AR1("t"), counts="w"),
        "counts= stands for equal rows, and with errors AR1('t') every row has a time of its own: "
        "give each row by itself, with its time",
    ),
    "no offset": (
        lambda: hb.Model(FORMULA, DATA, residual=hr.AR1("t"), offset="off"),
        "there is no column 'off' in the data; its columns are: y, x, g, t, sex, dose, w",
    ),
    "an offset of text": (
        lambda: weighted("a", offset="w"),
        "the offset 'w' holds 'a', which is no number; make it a column of numbers",
    ),
    "a text": (
        lambda: model("AR1('t')"), f"{MEANT}\"AR1('t')\"; leave out the quotes around it",
    ),
    "a typo": (lambda: model("ar1"), f"{MEANT}'ar1'"),
    "a class": (
        lambda: model(hr.AR1),
        f"{MEANT}<class 'hierbayes.residuals.autoregression.AR1'>; name its columns, as in "
        "AR1('week')",
    ),
    "a list": (
        lambda: model([hr.AR1("t"), hr.Strata("sex")]),
        f"{MEANT}[AR1('t'), Strata('sex')]; several are multiplied, as in AR1('week') * "
        "Strata('sex')",
    ),
    "times a text": (
        lambda: hr.AR1("t") * "sex",  # type: ignore[operator]
        "AR1('t') is multiplied by another structure, such as hb.residuals.Strata('sex'), not by "
        "'sex'",
    ),
    "a number times": (
        lambda: 2 * hr.AR1("t"),
        "AR1('t') is multiplied by another structure, such as hb.residuals.Strata('sex'), not by 2",
    ),
    "a text times": (
        lambda: "sex" * (hr.AR1("t") * hr.Strata("sex")),
        "AR1('t') * Strata('sex') is multiplied by another structure, such as "
        "hb.residuals.Strata('sex'), not by 'sex'",
    ),
    "orders of ARMA": (
        lambda: hr.ARMA(2, 1),
        "ARMA is of the orders p = 1 and q = 1 alone, not p = 2 and q = 1",
    ),
    "ARMA without a moving average": (
        lambda: hr.ARMA("t", p=1, q=0),
        "ARMA is of the orders p = 1 and q = 1 alone, not p = 1 and q = 0; hb.residuals.AR1 has "
        "p = 1 and q = 0",
    ),
    "one order of ARMA, which nlme takes for q = 0": (
        lambda: hr.ARMA("t", p=1),
        "ARMA is of the orders p = 1 and q = 1 alone, not p = 1 and q = None; hb.residuals.AR1 has "
        "p = 1 and q = 0",
    ),
    "truth for an order of ARMA": (
        lambda: hr.ARMA(p=True, q=1),
        "ARMA is of the orders p = 1 and q = 1 alone, not p = True and q = 1",
    ),
    "an order of ARMA twice": (
        lambda: hr.ARMA(1, 1, p=1),
        "ARMA takes two orders and two columns, each once, as in hb.residuals.ARMA(1, 1, 'week'), "
        "and 1, 1 is more",
    ),
    "three orders of ARMA": (
        lambda: hr.ARMA(1, 1, 1),
        "ARMA takes two orders and two columns, each once, as in hb.residuals.ARMA(1, 1, 'week'), "
        "and 1, 1, 1 is more",
    ),
    "a column of ARMA twice": (
        lambda: hr.ARMA("t", time="t"),
        "ARMA takes two orders and two columns, each once, as in hb.residuals.ARMA(1, 1, 'week'), "
        "and 't' is more",
    ),
    "a form of R": (
        lambda: hr.AR1("~ t | g"),
        "time must be the name of a column, not the form '~ t | g' of R; write '~ t | g' as in "
        "hb.residuals.AR1('t', group='g')",
    ),
    "a family": (
        lambda: hb.Model("t ~ x + (1 | g)", DATA, family="poisson", residual=hr.AR1("t")),
        "residual structures are of Gaussian responses, and the family is Poisson(link='log'); "
        "leave one of them out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_with_a_remedy(name: str) -> None:
    run, message = REFUSED[name]
    with pytest.raises(hb.HierbayesError) as refused:
        run()
    assert str(refused.value) == message


@pytest.fixture(scope="module")
def fit() -> hb.PointFit:
    return model(hr.AR1("t") * hr.Strata("sex")).reml()


@pytest.mark.parametrize(
    ("changed", "words", "message"),
    [
        ({"sex": "Q"}, {"prob": 0.9, "kind": "response"},
         "the fit has no variance for sex = Q; it has those of: F, M"),
        ({}, {"errors": "given"},
         "row 0 stands at a t at which its 'g' has a row of the fit, whose response is known; give "
         "it another, or leave errors='given' out"),
        ({"t": 9.5}, {"errors": "given"},
         "the times 't' of correlated errors are whole numbers, and that of row 0 is 9.5; round "
         "it, or use hb.residuals.CAR1"),
        ({"t": np.nan}, {"errors": "given"},
         "the times of correlated errors must be finite, and column 't' is not in row 0"),
    ],
)  # fmt: skip
def test_new_rows_that_errors_do_not_know_are_refused(
    fit: hb.PointFit, changed: dict[str, Any], words: Any, message: str
) -> None:
    with pytest.raises(hb.DataError) as refused:
        fit.predict(DATA.head(2).assign(**changed), **words)
    assert str(refused.value) == message


def test_a_row_without_a_time_is_left_out_and_counted() -> None:
    found = model(hr.CAR1("t"), t=np.where(np.arange(50) == 3, np.nan, T))
    assert "1 row dropped" in repr(found)
    assert (
        found.reml().loglik == hb.Model(FORMULA, DATA.drop(3), residual=hr.CAR1("t")).reml().loglik
    )


@pytest.mark.parametrize("unit", [1e9, 1e-12])
def test_times_in_any_unit_have_one_likelihood(unit: float) -> None:
    """φ is the correlation over a unit, and may be 0 or 1 in all digits."""
    one, other = (model(hr.CAR1("t", group="g"), "y ~ x", t=T * u).reml() for u in (1.0, unit))
    assert other.loglik == pytest.approx(one.loglik, abs=1e-8)
    assert other.diagnose().ok == one.diagnose().ok
    limits = other.intervals().loc[("residual", "phi")]
    at_end = limits["estimate"] in (0.0, 1.0)
    assert limits[["lower", "upper"]].isna().all() == at_end
    assert "phi" in str(other.summary())


def test_errors_too_small_for_their_products_are_not_taken_for_granted() -> None:
    noise = np.cos(1.7 * np.arange(50.0) ** 2)
    at = [model(hr.AR1("t"), y=DATA["x"] + np.sin(3.0 * G) + s * noise) for s in (1e-3, 1e-6)]
    fit = at[0].reml()
    assert isinstance(fit, StructuredPointFit)
    of_effects = PointFit.diagnose(fit)
    for share, enough in ((4e-5, True), (2e-5, False)):  # sd of what is new in an error
        found = diagnosis_of_errors(of_effects, fit.errors, fit.error_rows, told=True, share=share)
        said = [one for one in found.findings if one.startswith("what is new in an error is ")]
        assert bool(said) is not enough and found.ok is enough
        assert enough or "have not the digits" in said[0]
    with pytest.raises(hb.DataError, match="with AR1\\('t'\\) less than 3e-05 of the spread"):
        at[1].reml()
