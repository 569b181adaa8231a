"""Codes of texts in the order of their characters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Integers

_FEW_TEXTS = 400  # that Python puts in order sooner than Arrow does


def texts_in_order(column: pd.Series) -> tuple[Any, Any]:
    """Codes (n,) of texts, −1 where one is missing, and the distinct ones in order."""
    words = texts_of(column.array) if len(column) <= _FEW_TEXTS else None
    if words is not None:
        return _put_in_order(words)
    codes, texts = column.array.factorize()
    if len(texts) <= _FEW_TEXTS:
        places, in_order = _put_in_order(texts.tolist())
    else:
        order = texts.argsort()
        places, in_order = np.empty(len(order), dtype=np.intp), texts.take(order)
        places[order] = np.arange(len(order))
    return np.append(places, -1)[codes], in_order


def texts_of(array: Any) -> list[str] | None:
    """All texts (n,) of a column or an index of texts, None where one is missing."""
    if array.dtype.storage == "pyarrow":
        texts = array.__arrow_array__()
        return None if texts.null_count else texts.to_pylist()
    return None if array.isna().any() else array.tolist()


def _put_in_order(texts: list[str]) -> tuple[Integers, list[str]]:
    """The place of each text (n,) among the distinct ones in order, and these."""
    distinct = sorted(set(texts))
    place = dict(zip(distinct, range(len(distinct)), strict=True))
    return np.fromiter(map(place.__getitem__, texts), np.intp, len(texts)), distinct
