"""Record batches of Arrow as frames of rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.sources.source import AS_THEY_CAME, Batch

ROWS = 1 << 18  # of a batch: its matrices stay in the processor's cache
_NUMBERS = {
    "double": np.float64, "float": np.float64, "int64": np.int64, "int32": np.int64,
    "int16": np.int64, "int8": np.int64,
}  # fmt: skip


def frames_of(
    batches: Iterator[Any], labels: Collection[str], place: str, start: int, blank: bool = False
) -> Iterator[Batch]:
    """Each record batch as a frame whose index goes on from ``start``; none without rows.

    Texts of ``labels`` are categories.  Where ``blank``, one without a character is missing.
    """
    names = pd.Index(
        [], dtype=object
    )  # of all frames the same, which then knows where each of them is
    for batch in batches:
        if batch.num_rows:
            if names.tolist() != batch.schema.names:
                names = pd.Index(batch.schema.names, dtype=object)
            columns = [
                _column(column, name in labels, blank)
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            frame = pd.DataFrame(dict(enumerate(columns)), copy=False)
            frame.index, frame.columns = pd.RangeIndex(start, start + batch.num_rows), names
            yield Batch(frame, place)
            start += batch.num_rows


def _column(column: Any, is_label: bool, blank: bool) -> Any:
    kind = str(column.type)
    is_text = kind in ("string", "large_string", "string_view")
    if is_text and is_label:
        column = column.cast("string").dictionary_encode()
    if not column.null_count and kind in _NUMBERS:
        return column.to_numpy().astype(_NUMBERS[kind], copy=False)
    made = column.to_pandas()
    if blank and is_text and not is_label:
        return made.mask(made == "")
    is_category = is_label and isinstance(made.dtype, pd.CategoricalDtype)
    if blank and is_category and "" in made.cat.categories:
        made = made.cat.remove_categories([""])
    if is_text and is_label:
        made.cat.categories.name = AS_THEY_CAME
    return made
