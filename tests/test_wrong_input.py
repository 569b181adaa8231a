"""Wrong input is refused before any fitting, by one error that names it and says what to do."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import IntervalError
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.evidence import Sampling

WRONG: Any = 2.5  # of a type that is refused

N = 24
SLOPES = "y ~ x + (1 + x | g)"


def frame() -> pd.DataFrame:
    """Six groups of four rows; w is constant within groups."""
    rng = np.random.default_rng(3)
    g, f = np.repeat(list("abcdef"), 4), ["low", "mid", "top"] * 8
    w = np.repeat([0.5, -1.0, 2.0, 0.0, 1.5, -0.5], 4)
    return pd.DataFrame({"y": rng.normal(size=N), "x": rng.normal(size=N), "w": w, "f": f, "g": g})


def put(column: str, rows: Any, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Write a value into some rows of a column."""

    def change(data: pd.DataFrame) -> pd.DataFrame:
        data.loc[rows, column] = value
        return data

    return change


LEAVE_OUT = ", or leave out what is a combination of others: hb.Model(..., aliased='drop')"


def refusal(error: type[hb.HierbayesError], action: Callable[[], object]) -> str:
    with pytest.raises(hb.HierbayesError) as refused:
        action()
    assert type(refused.value) is error
    return str(refused.value)


# What is done to the data, the formula, and the message.
WRONG_DATA: dict[str, tuple[Callable[[pd.DataFrame], Any], str, str]] = {
    "not a frame": (
        lambda d: d.to_dict(), SLOPES,
        "data must be a frame, or rows that stream, such as files or a Dask dataframe, not dict"),
    "no data": (
        lambda d: None, SLOPES, "there are no data; give them, as in hb.Model(formula, data)"),
    "empty": (lambda d: d.iloc[:0], SLOPES, "the data are empty: there are no rows"),
    "unknown column": (
        lambda d: d.rename(columns={"x": "ses"}), "y ~ sess + (1 | g)",
        "there is no column 'sess' in the data; did you mean 'ses'? "
        "its columns are: y, ses, w, f, g"),
    "unknown group": (
        lambda d: d, "y ~ x + (1 | school)",
        "there is no column 'school' in the data; its columns are: y, x, w, f, g"),
    "group in the index": (
        lambda d: d.set_index("g"), SLOPES,
        "there is no column 'g' in the data, but their index has it: make columns of the index by "
        "data.reset_index()"),
    "two columns of a name": (
        lambda d: pd.concat([d, d[["x"]]], axis=1), SLOPES,
        "the data have more than one column called 'x'"),
    "text as response": (
        lambda d: d, "f ~ x + (1 | g)",
        "the response 'f' is not numeric but of type str; convert it to numbers first"),
    "constant response": (
        lambda d: d.assign(y=2.5), SLOPES,
        "the response 'y' is constant (2.5): there is nothing to explain; "
        "check how the column was made, and which rows were chosen"),
    "all missing": (
        lambda d: d.assign(x=np.nan), SLOPES,
        "no row is complete: 'x' is missing in 24 of 24 rows"),
    "all missing together": (
        lambda d: put("x", slice(14, 23), None)(put("y", slice(0, 13), None)(d)), SLOPES,
        "no row is complete: 'y' is missing in 14 of 24 rows"),
    "infinite": (
        put("x", [3, 7], np.inf), SLOPES,
        "'x' is infinite in 2 of 24 rows (first at row label 3); "
        "remove those rows or make them missing"),
    "outside the domain": (
        lambda d: put("x", [5, 6], -1.0)(d.assign(x=d["x"].abs())), "y ~ log(x) + (1 | g)",
        "'log(x)' is missing or infinite in 2 rows after it is computed (first at row label 5); "
        "the columns it is made of must be in its domain"),
    "one group": (
        lambda d: d.assign(g="a"), SLOPES,
        "the group column 'g' has one group (a); a hierarchical model needs at least two"),
    "a group for each row": (
        lambda d: d.assign(g=d.index), SLOPES,
        "the group column 'g' has as many groups as there are rows (24); "
        "group and residual variance cannot be told apart"),
    "random effect constant within groups": (
        lambda d: d.assign(w=np.sign(d["w"] - 0.1)), "y ~ w + (1 + w | g)",
        "the random effect 'w' cannot be estimated in any group: within groups its column is zero "
        "or a combination of the other random columns; a variable that is constant within 'g' "
        "belongs in the fixed part"),
    "random effect of a combination": (
        lambda d: d.assign(z=lambda e: 2 * e["x"] + 1), "y ~ x + (1 + x + z | g)",
        "the random column 'z' is a combination of 'Intercept', 'x', whose random effects stand "
        "in the same term; remove it, or one of those, from the formula"),
    "random effect of a multiple, several factors": (
        lambda d: d.assign(z=3 * d["x"]), "y ~ x + (x + z | g) + (1 | f)",
        "the random column 'z' is a combination of 'x', whose random effects stand in the same "
        "term; remove it, or one of those, from the formula"),
    "values too large": (
        lambda d: d.assign(x=1e200 * d["x"] / d["x"].abs().max()), SLOPES,
        "the column 'x' has values of the size 1e+200, whose squares cannot be computed with: "
        "take another unit"),
    "random values too large": (
        lambda d: d.assign(w=1e200 * d["x"] / d["x"].abs().max()), "y ~ x + (1 + w | g)",
        "the column 'w' has values of the size 1e+200, whose squares cannot be computed with: "
        "take another unit"),
    "values too small": (
        lambda d: d.assign(x=1e-160 * d["x"] / d["x"].abs().max()), SLOPES,
        "the column 'x' has values of the size 1e-160, whose squares cannot be computed with: "
        "take another unit"),
    "random values too small": (
        lambda d: d.assign(w=1e-200 * d["x"] / d["x"].abs().max()), "y ~ x + (1 + w | g)",
        "the column 'w' has values of the size 1e-200, whose squares cannot be computed with: "
        "take another unit"),
    "rank-deficient": (
        lambda d: d.assign(z=lambda e: 2 * e["x"] - e["w"] + 3), "y ~ x + f + w + z + (1 | g)",
        "the fixed column 'z' is a combination of 'Intercept', 'x', 'w'; "
        "remove it, or one of those, from the formula" + LEAVE_OUT),
    "empty cell": (
        lambda d: d[(d["f"] != "top") | (d["g"] != "b")], "y ~ f:C(g) + (1 | w)",
        "the fixed column 'f[T.top]:C(g)[b]' is zero in every row: these levels do not occur "
        "together; make one factor of those that do, as in data['cell'] = data[['f', 'g']]"
        ".astype(str).agg(':'.join, axis=1), and write it in place of f * C(g)" + LEAVE_OUT),
    "zero residual variance": (
        lambda d: d.assign(z=3 * d["y"]), "y ~ z + (1 + x | g)",
        "the residual variance is zero: the fixed part and the groups' own coefficients reproduce "
        "every row exactly; use fewer random effects, or look for a copy of the response among "
        "the predictors"),
}  # fmt: skip


def test_data_of_another_type_in_second_place() -> None:
    message = "data must be a frame, or rows that stream, such as files or a Dask dataframe, not "
    for given in (frame().to_dict("list"), [1, 2], 3):
        assert refusal(hb.DataError, lambda given=given: hb.Model(SLOPES, given)) == (  # type: ignore[misc]
            f"{message}{type(given).__name__}"
        )
    assert refusal(hb.DataError, lambda: hb.Model("y ~ x", {"g": "~ x"})).startswith("there are no")


@pytest.mark.parametrize("case", WRONG_DATA)
def test_wrong_data(case: str) -> None:
    change, formula, message = WRONG_DATA[case]
    data = change(frame())
    assert refusal(hb.DataError, lambda: hb.Model(formula, data=data)) == message


def test_values_just_small_enough_are_used() -> None:
    """The sum of their squares is larger than the largest square, and each of these is not."""
    d = frame()
    unit = 0.99e140 / d["x"].abs().max()
    plain, large = (hb.Model(SLOPES, d.assign(x=k * d["x"])).reml() for k in (1.0, unit))
    assert_allclose(large.gamma * [1.0, unit], plain.gamma, rtol=1e-6)


def test_between_equation_varies_within_groups() -> None:
    data = put("w", 9, 5.0)(frame())
    equations = hb.Multilevel("y ~ x", {"1": "1 + w"}, group="g")
    assert refusal(hb.DataError, lambda: hb.Model(equations, data=data)) == (
        "'w' stands in the between equation of '1' but varies within groups: g c has more than one "
        "value (1 of 6 groups do); move it to the within equation, or use its group mean cvar(w, g)"
    )


def test_between_equation_has_a_mean_over_other_groups() -> None:
    data = frame().assign(h=[k % 3 for k in range(len(frame()))])
    equations = hb.Multilevel("y ~ x", {"1": "1 + cvar(x, h)"}, group="g")
    assert refusal(hb.DataError, lambda: hb.Model(equations, data=data)) == (
        "'cvar(x, h)' stands in the between equation of '1' but varies within groups: g a has more "
        "than one value (6 of 6 groups do); it is a mean over 'h', and the groups of this model "
        "are 'g': write cvar(x, g)"
    )
    equations = hb.Multilevel("y ~ x", {"1": "1 + dvar(x, g)"}, group="g")
    assert refusal(hb.DataError, lambda: hb.Model(equations, data=frame())).endswith(
        "(6 of 6 groups do); a deviation from a group mean belongs to the within equation"
    )


NEEDS = "it needs a response, '~' and the fixed part, as in 'y ~ 1 + x'"
DOT = (
    "'.' for all other columns is not read, within a function or outside; name the column (a point "
    "may stand in a number, as 0.5, before a function, as np.log(x), and in a name in backticks)"
)
WRONG_FORMULAS: tuple[tuple[str, str | None, str], ...] = (
    ("y + x", None, f"cannot read the formula 'y + x': {NEEDS}"),
    ("~ x", "~ 1 | g", f"cannot read the formula '~ x': {NEEDS}"),
    ("y ~x + (1 | g", None,
     "cannot read the formula: this parenthesis is never closed\n"
     "    x + (1 | g\n"
     "        ^"),
    ("y ~ x + my w", "~ 1 | g",
     "cannot read the fixed part 'x + my w': Missing operator between `my` and `w`\n"
     "    x + my w\n"
     "        ^"),
    ("y ~ x + C(lambda)", "~ 1 | g",
     "cannot read the fixed part 'x + C(lambda)': 'lambda' is a word of Python; a column of that "
     "name is written `lambda`"),
    ("y ~ x + cvar(x, g:f)", "~ 1 | g",
     "cannot read the fixed part 'x + cvar(x, g:f)': cvar() takes one column of groups; make a "
     "column of the groups of 'g:f' first"),
    ("y ~ x | w", "~ 1 | g", "cannot read the fixed part 'x | w': '|' and '~' have no place in it"),
    ("y ~ x * (1 | g)", None,
     "cannot read the formula 'x * (1 | g)': a random term is joined by '+', not by '*'"),
    ("y + 0.5 ~ w + (1 | g)", None,
     "the response 'y + 0.5' must be one column or one expression; arithmetic stands in I(), as in "
     "I(y + 0.5)"),
    ("y + x ~ w + (1 | g)", None,
     "the response 'y + x' must be one column or one expression; arithmetic stands in I(), as in "
     "I(y + x)"),
    ("y ~ 0", None,
     "the model has no fixed and no random effects; write at least '1', or a term such as "
     "(1 | group)"),
    ("y ~ x", "~ 1", "the random part '1' names no group; write '~ effects | group'"),
    ("y ~ x + (0 | g)", None, "the random part '(0 | g)' has no effects; write '1 | g'"),
    ("y ~ x", "~ 1 | g | h", "cannot read the random part '1 | g | h': it has two bars"),
    ("y ~ x", "~ 1 | g h",
     "the group must be a column, or columns joined by ':' or '/', and 'g h' is not; make the "
     "column first (or put an unusual name in backticks)"),
    ("y ~ x", "~ 1 | g/h:",
     "the group must be a column, or columns joined by ':' or '/', and 'g/h:' is not; make the "
     "column first (or put an unusual name in backticks)"),
    ("y ~ x + (1 | g * h)", None,
     "the group must be a column, or columns joined by ':' or '/', and 'g * h' is not; write a "
     "term for each factor, (… | g), (… | h) and (… | g:h)"),
    ("y ~ x + (x | g + h)", None,
     "the group must be a column, or columns joined by ':' or '/', and 'g + h' is not; write a "
     "term for each factor, (… | g), (… | h)"),
    ("y ~ x + (1 | h %in% g)", None,
     "the group must be a column, or columns joined by ':' or '/', and 'h %in% g' is not; write "
     "(… | g/h)"),
    ("y ~ x", "~ 1 | g/h/g", "the group 'g/h/g' names a column twice; name each once"),
    ("y ~ x + (1 | g) + (x | h) + (1 | g)", None,
     "the intercept '1' stands in two random terms of 'g'; keep it in one"),
    ("y ~ x + (1 | g)", "~ x | g",
     "the random part is stated twice: in the formula, '(1 | g)', and in random='~ x | g'; "
     "keep one"),
    ("y ~ x + (1 | g) + (x | g)", None,
     "the intercept '1' stands in two random terms; keep it in one"),
    ("y ~ (x | g) + (0 + x | g)", None,
     "the effect 'x' stands in two random terms; keep it in one"),
    ("y ~ (1 | `g:h`) + (1 | g:h)", None,
     "two grouping factors would be called 'g:h', of the columns 'g:h' and of 'g', 'h'; rename the "
     "column 'g:h'"),
    ("y ~ (1 | g/h) + (0 + x | `g:h`)", None,  # effects that do not meet
     "two grouping factors would be called 'g:h', of the columns 'g:h' and of 'g', 'h'; rename the "
     "column 'g:h'"),
    ("y ~ x + . + (1 | g)", None,
     "cannot read the fixed part 'x + .': '.' for all other columns is not read; name the columns\n"
     "    x + .\n"
     "        ^"),
    ("y ~ x + (. | g)", None,
     "cannot read the random part '.': '.' for all other columns is not read; name the columns\n"
     "    .\n"
     "    ^"),
    (". ~ x + (1 | g)", None,
     "cannot read the response '.': '.' for all other columns is not read; name the columns\n"
     "    .\n"
     "    ^"),
    ("y ~ I(.) + (1 | g)", None,
     "cannot read the fixed part 'I(.)': " + DOT),
    ("y ~ x + log(x + .) + (1 | g)", None,
     "cannot read the fixed part 'x + log(x + .)': " + DOT),
    ("y ~ x + (np.log(.) | g)", None,
     "cannot read the random part 'np.log(.)': " + DOT),
    ("log(.) ~ x + (1 | g)", None,
     "cannot read the response 'log(.)': " + DOT),
    ("y ~ x + offset(log(.)) + (1 | g)", None,
     "cannot read the response 'log(.)': " + DOT),
    ("y ~ I(x. + 1) + (1 | g)", None,
     "cannot read the fixed part 'I(x. + 1)': a column with a point at an end of its name is "
     "written `x.`"),
    ("y ~ log(.x) + (1 | g)", None,
     "cannot read the fixed part 'log(.x)': a column with a point at an end of its name is written "
     "`.x`"),
    ("y ~ foo(x) + (1 | g)", None,
     "a formula has no function 'foo': a formula knows numpy's functions of one row, such as "
     "np.log, the transforms center, scale, poly, bs, cr, cvar, dvar and lvar, C and I; hand over "
     "your own, as in functions={'foo': foo}, or make a column of it"),
)  # fmt: skip


@pytest.mark.parametrize(("formula", "random", "message"), WRONG_FORMULAS)
def test_wrong_formulas(formula: str, random: str | None, message: str) -> None:
    assert refusal(hb.FormulaError, lambda: hb.Model(formula, random, data=frame())) == message


def priors(**blocks: Any) -> hb.Model:
    return hb.Model(SLOPES, data=frame(), priors=blocks)


SCALES = "HalfNormal, HalfT, HalfCauchy, Exponential, PC, Uniform, Gamma, InverseGamma, Flat"
WRONG_PRIORS: tuple[tuple[Callable[[], object], str], ...] = (
    (lambda: priors(beta=hb.Normal(0, 1)),
     "there is no block of priors called 'beta'; the blocks are: 'gamma', 'sd', 'corr', 'sigma', "
     "'G', 'icc', 'r2'"),
    (lambda: priors(gamma={"z": hb.Normal(0, 1)}),
     "there is a prior of 'gamma' for 'z', which does not exist; "
     "valid names are: 'Intercept', 'x'"),
    (lambda: priors(corr={"x": hb.LKJ(1)}),
     "there is a prior of 'corr' for 'x', which does not exist; valid names are: 'Intercept, x'"),
    (lambda: priors(sd={"x": hb.Normal(0, 1)}),
     f"Normal has no place as a prior of 'sd'; use one of {SCALES}"),
    (lambda: priors(gamma=hb.LKJ(1)),
     "LKJ has no place as a prior of 'gamma'; use one of Normal, StudentT, Flat, Uniform"),
    (lambda: priors(corr=hb.HalfNormal(1)),
     "HalfNormal has no place as a prior of 'corr'; use one of LKJ"),
    (lambda: priors(sigma=3),
     f"the prior of 'sigma' must be one of {SCALES} or a PyMC distribution, not int"),
    (lambda: priors(sd=hb.Uniform(-1, 1)),
     "a standard deviation is not negative: Uniform(-1, 1) for 'sd' reaches below 0"),
    (lambda: hb.Normal(0, 0), "Normal: sigma must be positive, not 0"),
    (lambda: hb.LKJ(-1), "LKJ: eta must be positive, not -1"),
    (lambda: hb.HalfT(3, 1, 5), "HalfT: the location must be 0, not 1"),
    (lambda: hb.Uniform(2, 1), "Uniform: upper (1) must exceed lower (2)"),
)  # fmt: skip


@pytest.mark.parametrize(("state", "message"), WRONG_PRIORS)
def test_wrong_priors(state: Callable[[], object], message: str) -> None:
    assert refusal(hb.PriorError, state) == message


SETTINGS = SamplerSettings(1, 500, 1, 1, 0.8, "nutpie", 1, False)
SAMPLED = Sampling(xr.Dataset(), SETTINGS, 0.0, 0.0)


def sampled(fit: hb.Fit) -> hb.PosteriorFit:
    """A fit as if its θ were the one draw of a sampler."""
    shared = {field.name: getattr(fit, field.name) for field in fields(hb.Fit)}
    return hb.PosteriorFit(**shared, evidence=SAMPLED)


Use = Callable[[hb.Model, hb.Fit], object]
WRONG_USE: tuple[tuple[type[hb.HierbayesError], Use, str], ...] = (
    (hb.DataError, lambda m, fit: fit.predict(effects="h"),
     "effects must be 'all' (given the row's own group) or 'none' (population), or grouping "
     "factor: 'g', not 'h'"),
    (hb.DataError, lambda m, fit: fit.predict(level=0),
     "predict() takes no level: levels count rows as 1 and groups as 2 here; nlme's level=0 is "
     "effects='none', and its level=1 is effects='all'"),
    (hb.DataError, lambda m, fit: fit.residuals(level=1),
     "residuals() takes no level: levels count rows as 1 and groups as 2 here; nlme's level=0 is "
     "effects='none', and its level=1 is effects='all'"),
    (hb.DataError, lambda m, fit: fit.predict(se_fit=True),
     "predict() takes no argument 'se_fit'"),
    (hb.DataError, lambda m, fit: fit.predict(new_groups="zero"),
     "new_groups must be one of refuse, population, sample, not 'zero'"),
    (hb.DataError, lambda m, fit: fit.predict(frame().assign(g="z")),
     "there is no group 'z' in 'g'; they are: a, b, c, d, e, ...; use effects='none', "
     "new_groups='population' to predict it with u = 0, or new_groups='sample' with effects drawn "
     "from G"),
    (hb.DataError, lambda m, fit: fit.predict(put("x", 3, None)(frame())),
     "'x' is missing in 1 of the new rows; predictions need complete rows"),
    (hb.DataError, lambda m, fit: fit.predict(frame().drop(columns="x")),
     "the new data have no column 'x', which the model needs"),
    (IntervalError, lambda m, fit: fit.intervals(95), "prob must lie between 0 and 1, not 95"),
    (IntervalError, lambda m, fit: fit.summary(0), "prob must lie between 0 and 1, not 0"),
    (hb.HierbayesError, lambda m, fit: fit.draws("b"),
     "there are no draws of 'b'; valid names are: "
     "'gamma', 'u', 'beta', 'sd', 'corr', 'G', 'sigma'"),
    (hb.EstimationError, lambda m, fit: m.map().loglik,
     "a MAP fit has no maximised likelihood; loglik, aic and bic belong to model.reml() and "
     "model.ml()"),
    (hb.EstimationError, lambda m, fit: sampled(fit).bic,
     "a posterior fit has no maximised likelihood; loglik, aic and bic belong to model.reml() and "
     "model.ml()"),
    (hb.EstimationError, lambda m, fit: m.sample(draws=0),
     "draws must be a whole number of at least 1, not 0"),
    (hb.EstimationError, lambda m, fit: m.sample(chains=WRONG),
     "chains must be a whole number of at least 1, not 2.5"),
    (hb.EstimationError, lambda m, fit: m.sample(target_accept=1.0),
     "target_accept must lie between 0 and 1, not 1.0"),
    (hb.EstimationError, lambda m, fit: m.sample(sampler="stan"),
     "sampler must be one of 'auto', 'nutpie', 'pymc', 'importance', not 'stan'"),
)  # fmt: skip


@pytest.mark.parametrize(("error", "use", "message"), WRONG_USE)
def test_wrong_use(error: type[hb.HierbayesError], use: Use, message: str) -> None:
    model = hb.Model("y ~ x + (1 | g)", data=frame())
    assert refusal(error, lambda: use(model, model.reml())) == message


def test_a_frame_of_another_package_is_named() -> None:
    frame = pl.DataFrame({"g": ["a", "b"], "x": [1.0, 2.0]})
    with pytest.raises(hb.DataError, match=r"not one of polars; take data\.to_pandas\(\)$"):
        hb.levels(frame, "g")
