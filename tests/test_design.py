"""From data to matrices: names, codings, rows left out, groups, dtypes, and new data."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.design import Design

N = 24


def frame() -> pd.DataFrame:
    """Six groups of four rows, the groups not in order."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=N).round(3)
    return pd.DataFrame(
        {
            "y": rng.normal(size=N).round(3),
            "x": x,
            "k": rng.integers(-3, 4, size=N),
            "b": rng.permutation([True, False] * 12),
            "f": ["low", "mid", "top"] * 8,
            "g": rng.permutation(["e", "b", "f", "a", "d", "c"] * 4),
            "my x": 2.0 * x,
        }
    )


def design(fixed: str, data: pd.DataFrame, random: str = "1 | g") -> Design:
    return hb.Model(f"y ~ {fixed}", random, data=data).problem.design


F = {level: np.array([float(f == level) for f in frame()["f"]]) for level in ("low", "mid", "top")}
X, ONE, B = frame()["x"].to_numpy(), np.ones(N), frame()["b"].to_numpy(dtype=float)
COLUMNS: dict[str, dict[str, Any]] = {
    "x": {"Intercept": ONE, "x": X},
    "0 + x": {"x": X},
    "f": {"Intercept": ONE, "f[T.mid]": F["mid"], "f[T.top]": F["top"]},
    "0 + f": {"f[low]": F["low"], "f[mid]": F["mid"], "f[top]": F["top"]},
    "C(f, contr.sum)": {
        "Intercept": ONE,
        "C(f, contr.sum)[S.low]": F["low"] - F["top"],
        "C(f, contr.sum)[S.mid]": F["mid"] - F["top"],
    },
    "C(f, contr.treatment('top'))": {
        "Intercept": ONE,
        "C(f, contr.treatment('top'))[T.low]": F["low"],
        "C(f, contr.treatment('top'))[T.mid]": F["mid"],
    },
    "x * f": {
        "Intercept": ONE, "x": X, "f[T.mid]": F["mid"], "f[T.top]": F["top"],
        "x:f[T.mid]": X * F["mid"], "x:f[T.top]": X * F["top"],
    },
    "b + x:b": {"Intercept": ONE, "b": B, "x:b": X * B},
    "I(x**2) + np.exp(x)": {"Intercept": ONE, "I(x ** 2)": X**2, "np.exp(x)": np.exp(X)},
    "`my x` + I(`my x` > 0)": {"Intercept": ONE, "my x": 2 * X, "I(`my x` > 0)": X > 0},
    "center(x)": {"Intercept": ONE, "center(x)": X - X.mean()},
}  # fmt: skip


@pytest.mark.parametrize("fixed", COLUMNS)
def test_names_and_coding(fixed: str) -> None:
    made = design(fixed, frame())
    assert made.terms == tuple(COLUMNS[fixed])
    np.testing.assert_allclose(
        made.rows.X, np.column_stack(list(COLUMNS[fixed].values())), atol=1e-15
    )
    assert made.effects == ("Intercept",)
    np.testing.assert_array_equal(made.rows.Z, ONE[:, None])


def test_columns_of_the_schools(hs: pd.DataFrame) -> None:
    made = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs).problem.design
    assert made.terms == ("Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]")
    assert made.columns.term_of == ("1", "ses", "Sector", "ses:Sector")
    public = (hs["Sector"] == "Public").to_numpy(dtype=float)
    np.testing.assert_array_equal(made.rows.X[:, 2], public)
    np.testing.assert_array_equal(made.rows.X[:, 3], public * hs["ses"])
    np.testing.assert_array_equal(made.rows.y, hs["mathach"])
    assert list(made.groups) == list(hs["school"].cat.categories)


def test_random_columns_by_block() -> None:
    made = design("x", frame(), "0 + f || g")
    assert (made.effects, made.blocks) == (("f[low]", "f[mid]", "f[top]"), (3,))
    made = design("x", frame(), "1 + x + b || g")
    assert (made.effects, made.blocks) == (("Intercept", "x", "b"), (1, 1, 1))
    np.testing.assert_array_equal(made.rows.Z, np.column_stack([ONE, X, B]))


def test_response_may_be_an_expression() -> None:
    made = hb.Model("np.exp(y) ~ x + (1 | g)", data=frame()).problem.design
    np.testing.assert_array_equal(made.rows.y, np.exp(frame()["y"]))


REMEMBERED = (
    "f", "C(f, contr.sum)", "x * f", "bs(x, df=5)", "poly(x, 3)", "center(x) + scale(k)", "b",
    "cvar(x, g) + dvar(x, g)", "C(k)", "`my x`",
)  # fmt: skip


@pytest.mark.parametrize("fixed", REMEMBERED)
def test_new_data_get_the_same_columns(fixed: str) -> None:
    data = frame()
    made = design(fixed, data)
    at = [17, 3]  # not in order, and without all levels
    new = data.iloc[at].drop(columns="y")
    X, Z = made.columns.new_matrices(new, random=True)
    np.testing.assert_allclose(X, made.rows.X[at], atol=1e-12)
    np.testing.assert_array_equal(Z, made.rows.Z[at])
    if "C(k)" not in fixed:
        reordered = new.assign(f=pd.Categorical(new["f"], ["top", "mid", "low"]))
        np.testing.assert_allclose(
            made.columns.new_matrices(reordered, random=False)[0], X, atol=1e-12
        )


def test_group_means_are_remembered_and_new_groups_have_their_own() -> None:
    data = frame()
    made = design("cvar(x, g) + dvar(x, g)", data)
    new = pd.DataFrame({"x": [10.0, 20.0, 1.0, 4.0], "g": ["a", "a", "new", "new"]})
    known = data.loc[data["g"] == "a", "x"].mean()
    X, _ = made.columns.new_matrices(new, random=False)
    np.testing.assert_allclose(X[:, 1], [known, known, 2.5, 2.5])
    np.testing.assert_allclose(X[:, 2], [10.0 - known, 20.0 - known, -1.5, 1.5])


def test_group_mean_of_a_factor_is_a_proportion() -> None:
    data = frame().assign(f=lambda d: d["f"].replace("mid", "low"))
    made = design("cvar(f, g)", data)
    share = (data["f"] == "top").groupby(data["g"]).transform("mean")
    np.testing.assert_allclose(made.rows.X[:, 1], share)


def test_rows_with_missing_values_are_left_out_and_counted() -> None:
    data = frame()
    data.loc[[0, 1], "x"] = np.nan
    data.loc[[1, 2], "f"] = None
    data.loc[5, "g"] = None
    data.loc[:, "my x"] = np.nan  # not used
    made = design("x + f", data)
    assert str(made.dropped) == "4 rows dropped for missing values (2 in 'x', 2 in 'f', 1 in 'g')"
    assert (made.dropped.rows, made.dropped.by_column) == (4, {"x": 2, "f": 2, "g": 1})
    assert list(np.flatnonzero(~made.rows.kept)) == [0, 1, 2, 5]
    assert list(made.rows.index) == [i for i in range(N) if i not in (0, 1, 2, 5)]
    np.testing.assert_array_equal(made.rows.y, data["y"].drop([0, 1, 2, 5]))
    assert "20 rows, 6 groups (g); 4 rows dropped for missing values (2 in" in repr(
        hb.Model("y ~ x + f + (1 | g)", data=data)
    )
    assert str(design("x", frame()).dropped) == "no rows dropped"
    data = frame().assign(y=lambda d: d["y"].where(d.index != 3))
    assert str(design("x", data).dropped) == "1 row dropped for missing values (1 in 'y')"


def test_unused_levels_are_removed() -> None:
    data = frame()
    data["f"] = pd.Categorical(data["f"], ["none", "top", "low", "mid"])
    assert design("f", data).terms == ("Intercept", "f[T.low]", "f[T.mid]")
    data.loc[data["f"] == "top", "x"] = np.nan  # takes the rows of a level away
    assert design("f + x", data).terms == ("Intercept", "f[T.mid]", "x")


GROUPS: dict[str, tuple[Callable[[pd.Series], Any], list[Any]]] = {
    "text": (lambda g: g, list("abcdef")),
    "objects": (lambda g: g.astype(object), list("abcdef")),
    "nullable text": (lambda g: g.astype("string"), list("abcdef")),
    "integers": (lambda g: g.map({name: 10 - ord(name) for name in "abcdef"}), [*range(-92, -86)]),
    "nullable integers": (lambda g: g.map(ord).astype("Int64"), [97, 98, 99, 100, 101, 102]),
    "categories": (lambda g: pd.Categorical(g, list("fbzdeca")), list("fbdeca")),
    "ordered": (lambda g: pd.Categorical(g, list("fbdeca"), ordered=True), list("fbdeca")),
}


@pytest.mark.parametrize("kind", GROUPS)
def test_order_of_groups(kind: str) -> None:
    convert, order = GROUPS[kind]
    data = frame().assign(g=lambda d: convert(d["g"]))
    made = design("x", data, "x | g")
    assert list(made.groups) == order
    assert list(made.groups[made.rows.codes]) == list(data["g"])
    assert made.J == 6
    fit = hb.Model("y ~ x + (1 | g)", data=data).reml()
    plain = hb.Model("y ~ x + (1 | g)", data=frame()).reml()
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-9)
    known = fit.predict(data.iloc[:3])
    np.testing.assert_allclose(known, plain.predict().iloc[:3], atol=1e-9)


DTYPES = {
    "x": ("Float64",),
    "k": ("Int64", "int8", "float32", "Float64"),
    "b": ("boolean", "int64", "float64"),
    "f": ("category", object),
    "y": ("Float64",),
}


@pytest.mark.parametrize(("name", "dtype"), [(k, v) for k, of in DTYPES.items() for v in of])
def test_dtypes_make_the_same_columns(name: str, dtype: Any) -> None:
    data = frame()
    other = data.astype({name: dtype})
    fixed = "x + k + b + f"
    one, same = design(fixed, data, "1 + x | g"), design(fixed, other, "1 + x | g")
    assert (same.terms, same.effects) == (one.terms, one.effects)
    for mine, theirs in (
        (one.rows.X, same.rows.X),
        (one.rows.Z, same.rows.Z),
        (one.rows.y, same.rows.y),
    ):
        np.testing.assert_array_equal(np.asarray(theirs, dtype=float), mine)
    other.loc[3, name] = None
    assert design(fixed, other).dropped.by_column == {name: 1}


INDEXES: dict[str, Any] = {
    "duplicates": [5] * N,
    "text": [f"row {i}" for i in range(N)],
    "several levels": pd.MultiIndex.from_product([list("uvw"), range(8)], names=["g", "x"]),
    "dates": pd.date_range("2024-01-01", periods=N),
    "named as a column": pd.Index(range(N, 0, -1), name="g"),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_any_index(kind: str) -> None:
    data = frame()
    data.loc[4, "x"] = np.nan
    other = data.set_index(pd.Index(INDEXES[kind]))
    one, same = design("cvar(x, g) * f", data, "x | g"), design("cvar(x, g) * f", other, "x | g")
    for name in ("X", "Z", "y", "codes", "kept"):
        np.testing.assert_array_equal(getattr(same.rows, name), getattr(one.rows, name))
    assert same.rows.index.equals(other.index[one.rows.kept])
    fit = hb.Model("y ~ x + (1 | g)", data=other).reml()
    assert fit.residuals().index.equals(same.rows.index)
    assert fit.predict(other.iloc[5:9]).index.equals(other.index[5:9])


def test_the_data_are_not_modified() -> None:
    data = frame().assign(f=lambda d: pd.Categorical(d["f"], ["top", "low", "mid", "none"]))
    data = data.astype({"k": "Int64", "g": "category"})
    data.loc[3, ["x", "k"]] = None
    before = data.copy(deep=True)
    model = hb.Model("y ~ x * f + k + cvar(x, g) + (1 + x | g)", data=data)
    fit = model.reml()
    fit.predict(data.iloc[5:])
    model.multilevel()
    pd.testing.assert_frame_equal(data, before)


def test_a_factor_in_cvar_keeps_the_coding_of_the_fit(hs: pd.DataFrame) -> None:
    male_first = hs.assign(s=pd.Categorical(hs["Sex"].astype(str), categories=["Male", "Female"]))
    fit = hb.Model("mathach ~ dvar(s, school) + (1 | school)", data=male_first).reml()
    as_text = male_first.assign(s=male_first["s"].astype(str))
    np.testing.assert_allclose(fit.predict(as_text), fit.predict(), rtol=1e-12)
    np.testing.assert_allclose(fit.predict(male_first.head(1)), fit.predict().head(1), rtol=1e-12)
    with pytest.raises(hb.DataError, match="the level 'Zzz' is not among those of the fit"):
        fit.predict(as_text.assign(s="Zzz"))


@pytest.mark.parametrize(
    ("formula", "df"),
    [
        ("mathach ~ 0 + ses + Minority", [1935, 1935, 1935]),
        ("mathach ~ 1 + ses + Minority", [1935, 1935, 1935]),
        ("mathach ~ 0 + Sector * ses", [38, 38, 1936, 1936]),
        ("mathach ~ 0 + ses", [1937]),
    ],
)
def test_denominator_df_without_intercept(hs: pd.DataFrame, formula: str, df: list[int]) -> None:
    """As nlme's lme(..., random = ~ 1 | school) has them."""
    fit = hb.Model(formula, "~ 1 | school", data=hs).reml()
    assert fit.summary(df="inner-outer").fixed["DF"].tolist() == df


def test_columns_that_are_called_as_functions_hide_none() -> None:
    data = frame()
    plain = hb.Model("y ~ I(x**2) + cvar(x, g) + np.exp(x) + C(f) + (1 | g)", data=data).reml()
    named = data.assign(I=1.0, C=2.0, cvar=3.0, np="4")
    fit = hb.Model("y ~ I(x**2) + cvar(x, g) + np.exp(x) + C(f) + (1 | g)", data=named).reml()
    assert fit.loglik == plain.loglik
    np.testing.assert_array_equal(fit.predict(named), plain.predict(data))
    assert hb.Model("y ~ C + (1 | g)", data=named.assign(C=named["x"])).problem.design.terms[
        1:
    ] == ("C",)
