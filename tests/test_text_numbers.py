"""Texts are numbered as they come, whatever they are, and however many parts there are of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hierbayes.design.group_coder import GroupCoder
from hierbayes.design.text_numbers import TextNumbers
from hierbayes.errors import DataError

WORDS = ["", "a", "school-1", "school-10", "école", "日本語の学校です", "x" * 40_000, "school-1 "]


def test_of_every_length_and_any_part() -> None:
    rng = np.random.default_rng(2)
    words = np.array([*WORDS, *(f"group {k}" for k in range(3000))], dtype=object)
    drawn = words[rng.integers(0, len(words), 20_000)]
    texts, numbers = pa.array(drawn, pa.string()), TextNumbers()
    found = np.concatenate(
        [numbers.of(texts[start : start + 777]) for start in range(0, len(texts), 777)]
    )
    codes, known = pd.factorize(drawn)
    np.testing.assert_array_equal(found, codes)
    assert numbers.texts(0) == known.tolist()
    assert numbers.texts(3) == known.tolist()[3:]
    assert numbers.count == len(known)
    assert numbers.of(texts[:0]).size == 0


def test_groups_of_texts_and_of_categories_are_the_same() -> None:
    coder = GroupCoder("g")
    parts = [
        pd.Series(["b", "a", "b"], dtype="str"),
        pd.Series(pd.Categorical(["c", "b"], categories=["a", "b", "c", "unused"])),
        pd.Series(["d", "c", "a"], dtype="str"),
    ]
    found = [coder.codes(part, "somewhere").tolist() for part in parts]
    assert found == [[0, 1, 0], [2, 0], [3, 2, 1]]
    labels, order = coder.sorted()
    assert labels.tolist() == ["a", "b", "c", "d"]
    assert order.tolist() == [1, 0, 2, 3]


def test_numbers_after_texts_are_refused() -> None:
    coder = GroupCoder("g")
    coder.codes(pd.Series(["b", "a"], dtype="str"), "one")
    with pytest.raises(DataError, match="holds labels of type number in two and of type string"):
        coder.codes(pd.Series([1, 2]), "two")
    with pytest.raises(DataError, match="type string in two and of type number before"):
        later = GroupCoder("g")
        later.codes(pd.Series([1, 2]), "one")
        later.codes(pd.Series(["b"], dtype="str"), "two")
