"""Columns multiplied out from a sketch of the data are those that formulaic makes of the data."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.column_products import NUMBERS
from hierbayes.design.matrices import _computed, materialise
from hierbayes.design.plain_columns import plain_data
from hierbayes.design.text_codes import texts_in_order
from hierbayes.library.named_models import NAMED_MODELS
from hierbayes.specification.formula_parser import parse_formula


def assert_same_as_formulaic(right: str, data: pd.DataFrame) -> None:
    formula = parse_formula(right)
    made, theirs = materialise(formula, data), _computed(formula, data, ())
    ours, spec = np.asarray(made), made.model_spec
    assert np.array_equal(ours, np.asarray(theirs, dtype=np.float64))
    assert ours.dtype == np.float64 and ours.flags.c_contiguous
    assert spec == theirs.model_spec  # formula, structure, settings and states
    assert spec.column_names == theirs.model_spec.column_names
    assert spec.term_variables == theirs.model_spec.term_variables
    for name, (kind, state) in theirs.model_spec.encoder_state.items():
        assert spec.encoder_state[name][0] is kind
        if state:
            pairs = zip(spec.encoder_state[name][1]["categories"], state["categories"], strict=True)
            assert all(type(ours) is type(theirs) and ours == theirs for ours, theirs in pairs)
    again = spec.get_model_matrix(data, output="numpy", na_action="ignore")
    assert np.array_equal(ours, np.asarray(again, dtype=np.float64))


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    """Columns of every type a formula multiplies as it stands, in a shuffled index."""
    rng = np.random.default_rng(5)
    n = 60
    code = rng.permutation(np.arange(n) % 3)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "k": rng.integers(-9, 9, n),
            "small": rng.integers(0, 9, n).astype(np.uint64),
            "yes": rng.random(n) < 0.5,
            "text": np.array(["b", "a", "c"])[code],
            "pair": np.array(["no", "yes"])[rng.integers(0, 2, n)],
            "one": "same",
            "cat": pd.Categorical.from_codes(code, ["late", "early", "mid"]),
            "ranks": pd.Categorical.from_codes(code, [30, 10, 20], ordered=True),
            "truth": pd.Categorical.from_codes(code % 2, [True, False]),
            "halves": pd.Categorical.from_codes(code % 2, [1.5, 2.0]),
            "a b": rng.normal(size=n),
        },
        index=rng.permutation(np.arange(100, 100 + n)),
    )


NAMES = (
    "x", "k", "small", "yes", "text", "pair", "one", "cat", "ranks", "truth", "halves", "`a b`"
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("right", ["{}", "0 + {}", "x + {}", "x * {}", "0 + x:{}", "cat * {}"])
def test_a_column_alone_and_in_products(right: str, name: str, mixed: pd.DataFrame) -> None:
    assert_same_as_formulaic(right.format(name), mixed)


@pytest.mark.slow
def test_sums_and_products_drawn_at_random(mixed: pd.DataFrame) -> None:
    rng = np.random.default_rng(8)
    for _ in range(60):
        terms = [str(rng.integers(2))]
        for _ in range(rng.integers(1, 5)):
            factors = rng.choice(NAMES, rng.integers(1, 4), replace=False).tolist()
            terms.append((":", "*")[rng.integers(2)].join(factors))
        assert_same_as_formulaic(" + ".join(terms), mixed)


@pytest.mark.parametrize("data", ["hs", "hsfull"])
@pytest.mark.parametrize("name", [model.file for model in NAMED_MODELS])
@pytest.mark.slow
def test_models_that_are_shipped(data: str, name: str) -> None:
    frame = hb.load_dataset(data)
    right = hb.load_model(name, frame).specification.fixed_formula
    if "var(" in right:
        assert plain_data(parse_formula(right), frame) is None
    else:
        assert_same_as_formulaic(right, frame)


@pytest.mark.parametrize("right", ["C(text)", "2:x", "scale(x)", "x + bs(x, df=4)",
    "np.where(yes, 'a', 'b')", "cvar(x, text)", "x + f(x)", "x + np.log(text)"])  # fmt: skip
def test_what_is_not_of_each_row_alone_is_left_to_formulaic(
    right: str, mixed: pd.DataFrame
) -> None:
    assert plain_data(parse_formula(right), mixed) is None


@pytest.mark.parametrize("right", [
    "x + I(x**2) + I(x**3)", "{k + 1} * text", "0 + np.log(abs(x) + 1):cat", "exp(x) * pair",
    "I(x / k)", "I(text == 'a') + x", "np.where(yes, x, 1)", "I(`a b` * small) * yes", "I(k > 2):x",
])  # fmt: skip
def test_numbers_computed_from_each_row_alone(right: str, mixed: pd.DataFrame) -> None:
    assert plain_data(parse_formula(right), mixed) is not None
    assert_same_as_formulaic(right, mixed.assign(k=mixed["k"].abs() + 1))


def test_an_expression_is_no_column_that_is_called_like_it(mixed: pd.DataFrame) -> None:
    named = mixed.assign(**{"I(x ** 2)": mixed["x"]})
    assert plain_data(parse_formula("I(x**2):k + `I(x ** 2)`"), named) is None
    own, computed = (
        plain_data(parse_formula(right), named) for right in ("`I(x ** 2)`", "I(x**2)")
    )
    assert own is not None and computed is not None and own.sketch != computed.sketch


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", 1, "b"], dtype=object),
        pd.Series(["a", None, "b"], dtype="str"),
        pd.Series([1, None, 2], dtype="Int64"),
        pd.Series(pd.Categorical(["a", "b", None])),
        pd.Series(pd.Categorical([(1, 2), (3, 4), (1, 2)])),
        pd.Series([1 + 2j, 3, 4]),
    ],
)
def test_other_types_are_left_to_formulaic(column: pd.Series) -> None:
    assert plain_data(parse_formula("x"), column.to_frame("x")) is None


def test_equal_sketches_only_where_columns_are_called_the_same(mixed: pd.DataFrame) -> None:
    def sketch(values: Any, right: str = "f") -> Any:
        plain = plain_data(parse_formula(right), pd.DataFrame({"f": values}))
        assert plain is not None
        return plain.sketch

    levels: list[list[Any]] = [[1, 2], [1.0, 2.0], ["1", "2"], ["1", "3"], ["2", "1"]]
    kinds: list[Any] = [pd.Categorical(values, categories=values) for values in levels]
    kinds += [pd.Categorical([True, False], categories=[True, False]), ["1", "2"], [1.0, 2.0]]
    sketches = [sketch(kind) for kind in kinds]
    assert len(set(sketches)) == len(kinds)
    assert sketch(["1", "2"]) == sketch(["2", "1"])
    assert sketch([1.0, 2.0]) != sketch([1.0, 2.0], "0 + f")
    names = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0], "a:b": [7.0, 9.0]})
    one, two = (
        plain_data(parse_formula("0 + `a:b`"), names),
        plain_data(parse_formula("0 + a:b"), names),
    )
    assert one is not None and two is not None and one.sketch != two.sketch
    for right in ("0 + `a:b`", "0 + a:b"):
        assert_same_as_formulaic(right, names)


def test_products_are_made_of_columns_before_them(mixed: pd.DataFrame) -> None:
    plain = plain_data(parse_formula("x * pair * k"), mixed)
    assert plain is not None
    spec = materialise(parse_formula("x * pair * k"), mixed).model_spec
    assert spec.column_names[-1] == "x:pair[T.yes]:k"
    products = plain.sketch.products(spec)
    assert [one.factors for one in products] == [
        (), (("x", NUMBERS),), (("pair", 1),), (("k", NUMBERS),), (1, 2), (1, 3), (2, 3), (4, 3)
    ]  # fmt: skip
    made = np.column_stack([column for column, _ in plain.each(products)])
    assert np.array_equal(made, plain.columns(products))


@pytest.mark.parametrize("times", [1, 100, 200])  # on both sides of what Python puts in order
@pytest.mark.parametrize("storage", ["pyarrow", "python"])
def test_texts_that_are_missing_have_no_place(times: int, storage: str) -> None:
    dtype = pd.StringDtype(storage, na_value=np.nan)
    for given, places in ((["b", None, "a", "B", "b"], [2, -1, 1, 0, 2]), ([None, "b"], [-1, 0])):
        codes, texts = texts_in_order(pd.Series(given * times, dtype=dtype))
        assert codes.tolist() == places * times
        assert list(texts) == sorted({one for one in given if one is not None})


@pytest.mark.parametrize("distinct", [3, 400, 401, 900])
def test_texts_are_in_the_order_of_their_characters(distinct: int) -> None:
    rng = np.random.default_rng(distinct)
    words = [chr(65 + 7919 * k % 50_000) + str(k % 10) for k in range(distinct)]
    for rows in (distinct, 1000):
        given = [*words, *rng.choice(words, rows - distinct)] if rows > distinct else words
        codes, texts = texts_in_order(pd.Series(given, dtype="str"))
        assert list(texts) == sorted(words)
        assert [texts[code] for code in codes] == given and codes.dtype == np.intp
