"""A column is found by its name whatever that is, and counts in float64 whatever holds it."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

ROWS = 96


def grouped() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g = np.arange(ROWS) // 8
    data = pd.DataFrame({"x": rng.normal(size=ROWS), "w": rng.normal(size=ROWS), "g": g})
    data["k"], data["m"] = rng.integers(1, 120, ROWS), rng.integers(1, 120, ROWS)
    data["b"], data["c"] = rng.random(ROWS) < 0.5, rng.random(ROWS) < 0.5
    data["y"] = rng.normal(size=ROWS // 8)[g] + rng.normal(size=ROWS)
    return data


NAMES = (
    "x:w", "a b", "log(x)", "I(x ** 2)", "class", "lambda", "if", "None", "True", "TRUE", "NA",
    "function", "C", "I", "np", "poly", "log", "center", "contr", "cvar(x, g)", "it's", '"',
    "x - 60", "2", "1e5", "f[T.b]", "y ~ x", "(", "a|b", "é", "_", "__class__", "a.b", "a\\b",
    "{x}", " ", "quoted0", "sigma",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_a_column_of_any_name_is_itself(name: str) -> None:
    data = grouped()
    data[name] = data["x"] + 0.25 * data["w"] ** 2
    values = data[name].to_numpy()
    formula = f"y ~ `{name}` + I(`{name}`**2) + {{`{name}` - 1}}:w + (1 + `{name}` | g)"
    model = hb.Model(formula, data=data)
    design = model.problem.design
    wanted = np.column_stack([np.ones(ROWS), values, values**2, (values - 1) * data["w"]])
    np.testing.assert_allclose(design.rows.X, wanted, rtol=1e-13)
    np.testing.assert_array_equal(design.rows.Z, wanted[:, :2])
    again = hb.Model(model.specification.lme4(), data=data).problem.design
    np.testing.assert_array_equal(again.rows.X, design.rows.X)
    fit = model.reml()
    np.testing.assert_allclose(fit.predict(data.iloc[:7]), fit.predict().iloc[:7])


@pytest.mark.parametrize("name", ["class", "I", "np", "cvar", "a b"])
def test_groups_of_any_name_stand_in_a_mean(name: str) -> None:
    data = grouped()
    plain = hb.Model("y ~ cvar(x, g) + (1 | g)", data=data).reml()
    named = data.rename(columns={"g": name})
    fit = hb.Model(f"y ~ cvar(x, `{name}`) + (1 | `{name}`)", data=named).reml()
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-9)


# Each has a column of the data that is called as something else in the model is.
SHARED = {
    "y ~ `x:w` + (0 + x:w | g)":
        "the terms `x:w` and x:w are not the same, and both make a column called 'x:w'; rename the "
        "column of the data, or make one of the term",
    "y ~ x:w + (1 + `x:w` | g)":
        "the terms x:w and `x:w` are not the same, and both make a column called 'x:w'; rename the "
        "column of the data, or make one of the term",
    "y ~ `x:w` + x:w + (1 | g)":
        "two fixed columns are called 'x:w'; rename the column of the data",
    "y ~ `log(k)` + (1 + log(k) | g)":
        "the terms `log(k)` and log(k) are not the same, and both make a column called 'log(k)'; "
        "rename the column of the data, or make one of the term",
    "y ~ `log(k)` + log(k) + (1 | g)":
        "cannot read the fixed part '`log(k)` + log(k)': the column `log(k)` has the name of the "
        "expression log(k), which stands beside it; rename the column",
    "y ~ `2`:x + 2:w + (1 | g)":
        "cannot read the fixed part '`2`:x + 2:w': the column `2` has the name of the expression 2"
        ", which stands beside it; rename the column",
    "y ~ 0 + Intercept + (1 | g)":
        "a column called 'Intercept' cannot be told from the constant of the model; rename the "
        "column of the data",
    "y ~ x + (0 + Intercept | g)":
        "a column called 'Intercept' cannot be told from the constant of the model; rename the "
        "column of the data",
    "y ~ x + `` + (1 | g)":
        "cannot read the fixed part 'x + ``': a column called '' cannot stand in a formula; rename "
        "it",
}  # fmt: skip


@pytest.mark.parametrize("formula", SHARED)
def test_one_name_for_two_things_is_refused(formula: str) -> None:
    data = grouped()
    for name in ("x:w", "log(k)", "Intercept", "2", ""):
        data[name] = np.random.default_rng(len(name)).normal(size=ROWS)
    with pytest.raises(hb.HierbayesError) as refused:
        hb.Model(formula, data=data)
    assert str(refused.value) == SHARED[formula]


OTHER_NAMES: tuple[object, ...] = (
    0,
    1,
    1.5,
    None,
    float("nan"),
    True,
    b"x",
    pd.Timestamp("2020-01-01"),
)


@pytest.mark.parametrize("name", OTHER_NAMES, ids=repr)
def test_a_column_whose_name_is_no_text_is_left_alone(name: object) -> None:
    data = grouped()
    wanted = hb.Model("y ~ x + (1 | g)", data).reml()
    data[name] = 2.0 * data["x"]
    fit = hb.Model("y ~ x + (1 | g)", data).reml()
    assert fit.loglik == wanted.loglik
    assert fit.predict(data).equals(wanted.predict(data))
    assert hb.tab(data, "~ g").shape == (13,)
    assert len(hb.up(data, "~ g")) == 12
    assert len(hb.levels(data, "g").table) == len(data.columns) - 1


NUMBERED: list[tuple[Callable[[pd.DataFrame], object], str]] = [
    (lambda data: hb.Model("y ~ `2` + (1 | g)", data),
     "there is no column '2' in the data, only 2, whose name is no text but of type int; make "
     "texts of the names: data.rename(columns=str)"),
    (lambda data: hb.tab(data, "~ `2`"), "there is no column '2' in the data, only 2, "),
    (lambda data: hb.plots.plot_trellis(data, "y ~ `2` | g"), "there is no column '2' in the "),
    (lambda data: hb.levels(data, "2"), "there is no column '2' in the data, only 2, "),
    (lambda data: hb.Model("`0` ~ x + (1 | g)", data.rename(columns={"y": 0})),
     "cannot read the response '`0`': a column called '0' cannot stand in a formula; rename it"),
    (lambda data: hb.Model("y ~ x + (1 | g)", pd.concat({"a": data}, axis=1)),
     "there is no column 'y' in the data, whose columns have names of 2 parts; make one of each: "
     "data.columns = ['_'.join(map(str, parts)) for parts in data.columns]"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), NUMBERED)
def test_a_name_that_is_no_text_is_refused_where_it_is_meant(
    call: Callable[[pd.DataFrame], object], said: str
) -> None:
    data = grouped().rename(columns={"w": 2})
    with pytest.raises(hb.HierbayesError) as refused:
        call(data)
    assert str(refused.value).startswith(said)
    if not said.startswith("cannot") and "parts" not in said:
        hb.Model("y ~ `2` + (1 | g)", data.rename(columns=str))


def test_a_term_that_is_scaled_does_not_stand_for_the_column() -> None:
    data = grouped()
    design = hb.Model("y ~ 2:x + (1 + x | g)", data=data).problem.design
    np.testing.assert_array_equal(design.rows.X[:, 1], 2 * data["x"])
    np.testing.assert_array_equal(design.rows.Z[:, 1], data["x"])


def test_a_column_called_as_a_term_is_not_asked_of_new_data() -> None:
    data = grouped()
    fit = hb.Model("y ~ log(k) + (1 | g)", data=data).reml()
    new = data.assign(**{"log(k)": "text"})
    np.testing.assert_array_equal(fit.predict(new), fit.predict(data))


Made = Callable[[pd.Series], pd.Series]
TYPES: dict[str, Made] = {
    **{
        name: lambda column, name=name: column.astype(name)  # type: ignore[misc]
        for name in ("int8", "uint8", "int16", "uint64", "float16", "float32", "longdouble",
                     "Int8", "UInt8", "Int64", "UInt64", "Float32", "object",
                     "int8[pyarrow]", "uint8[pyarrow]", "int64[pyarrow]", "float[pyarrow]")
    },
    **{
        kind: lambda column, kind=kind: pd.Series(column.to_numpy().astype(kind))  # type: ignore[misc]
        for kind in (">i2", ">i8", ">u4", ">f4", ">f8")
    },
    "decimal": lambda column: column.map(lambda value: Decimal(int(value))),
    "fraction": lambda column: column.map(lambda value: Fraction(int(value))),
    "decimal of arrow": lambda column: column.astype(
        pd.ArrowDtype(pytest.importorskip("pyarrow").decimal128(30, 2))
    ),
    "sparse": lambda column: column.astype(pd.SparseDtype("int64", 0)),
}  # fmt: skip


@pytest.mark.parametrize(
    "fixed",
    [
        "k:m + I(k**2) + {k - 60} + I(60 - m) + np.square(m)",
        "poly(k, 3, raw=True) + scale(m, center=False) + k:m",
    ],
)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.slow
def test_arithmetic_is_done_in_float64(kind: str, fixed: str) -> None:
    data = grouped()
    formula = f"y ~ {fixed} + (1 | g)"
    wanted = hb.Model(formula, data=data.astype({"k": float, "m": float}))
    made = data.assign(k=TYPES[kind](data["k"]), m=TYPES[kind](data["m"]))
    model = hb.Model(formula, data=made)
    np.testing.assert_allclose(
        model.problem.design.rows.X, wanted.problem.design.rows.X, rtol=1e-13
    )
    fit = model.reml()
    np.testing.assert_allclose(fit.predict(made.iloc[:5]), wanted.reml().predict().iloc[:5])


def test_large_integers_do_not_wrap_around() -> None:
    rng = np.random.default_rng(1)
    data = grouped().assign(
        k=rng.integers(10**7, 10**9, ROWS), m=rng.integers(10**11, 10**13, ROWS)
    )
    X = hb.Model("y ~ k:m + (1 | g)", data).problem.design.X
    np.testing.assert_allclose(X[:, 1], data["k"].astype(float) * data["m"].astype(float))
    X = hb.Model("y ~ I(k**3) + (1 | g)", data).problem.design.X
    np.testing.assert_allclose(X[:, 1], data["k"].astype(float) ** 3)


@pytest.mark.parametrize("kind", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_true_and_false_are_1_and_0_in_arithmetic(kind: str) -> None:
    data = grouped()
    made = data.astype({"b": kind, "c": kind})
    X = hb.Model("y ~ b:c + I(b + c) + I(b - c) + b:k + (1 | g)", data=made).problem.design.X
    b, c = data["b"].to_numpy(dtype=float), data["c"].to_numpy(dtype=float)
    wanted = np.column_stack([b + c, b - c, b * c, b * data["k"]])
    np.testing.assert_array_equal(np.sort(X[:, 1:], axis=1), np.sort(wanted, axis=1))


@pytest.mark.parametrize(
    "missing",
    {
        "integers": lambda column: column.astype(object).where(column.index != 3, None),
        "truth values": lambda column: (column > 60).astype(object).where(column.index != 3, None),
        "decimals": lambda column: column.map(lambda v: Decimal(int(v))).where(
            column.index != 3, None
        ),
    }.values(),
)
def test_numbers_held_as_objects_with_one_missing_are_numbers(missing: Made) -> None:
    data = grouped()
    data["k"] = missing(data["k"])
    design = hb.Model("y ~ k + (1 | g)", data=data).problem.design
    assert design.terms == ("Intercept", "k")
    assert design.dropped.by_column == {"k": 1}


def test_a_factor_of_numbers_keeps_its_labels() -> None:
    data = grouped().assign(year=pd.Series(np.tile([2001, 2002, 2003], 32), dtype="uint16"))
    design = hb.Model("y ~ C(year) + (1 | g)", data=data).problem.design
    assert design.terms == ("Intercept", "C(year)[T.2002]", "C(year)[T.2003]")


def test_a_column_called_as_a_group_mean_is_none() -> None:
    data = grouped()
    data["cvar(x, g)"] = np.random.default_rng(1).normal(size=ROWS // 8)[data["g"]]
    fit = hb.Model("y ~ x + `cvar(x, g)` + (1 | g)", data=data).reml()
    with pytest.raises(hb.DataError, match=r"^the model has no group mean of 'x'"):
        fit.contextual("x")
    assert hb.Model("y ~ x + cvar(x, g) + (1 | g)", data=grouped()).reml().contextual("x")


def test_a_level_of_the_index_is_no_column_and_the_refusal_says_how_to_make_one() -> None:
    data = grouped()
    with pytest.raises(hb.HierbayesError) as refused:
        hb.Model("y ~ x + (1 | g)", data.set_index("g"))
    assert str(refused.value) == (
        "there is no column 'g' in the data, but their index has it: make columns of the index by "
        "data.reset_index()"
    )
    assert hb.Model("y ~ x + (1 | g)", data.set_index("g").reset_index()).problem.design.J == 12
