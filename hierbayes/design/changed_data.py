"""A frame that is not what it was when a model was made of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_columns
from hierbayes.design.rows import Rows
from hierbayes.errors import DataError


def refuse_changed_data(data: pd.DataFrame, rows: Rows) -> None:
    """Refuse data whose rows, or columns of the model, are no longer those it was made of.

    A model has its own values of these columns, whatever becomes of the frame; the frame is asked
    for the others.

    Raises
    ------
    DataError
        Naming what has changed.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + (1 | school)", hs)
    >>> hs["ses"] = hs["ses"] - hs["ses"].mean()
    >>> model.data
    Traceback (most recent call last):
    ...
    hierbayes.errors.DataError: the data have changed since the model was made ('ses'): make it \
again, or make it of a copy, hb.Model(formula, data.copy())
    """
    changed = _changed(data, rows)
    if changed:
        raise DataError(
            f"the data have changed since the model was made ({changed}): make it again, or make "
            "it of a copy, hb.Model(formula, data.copy())"
        )


def _changed(data: pd.DataFrame, rows: Rows) -> str:
    """What is another, in words; empty where nothing is."""
    before, then = rows.frames[0], len(rows.kept)
    if len(data) != then:
        return f"{len(data)} rows, and there were {then}"
    absent = [name for name in before if name not in data]
    if absent:
        return f"there is no column '{absent[0]}' any more"
    columns, kept, _ = complete_columns(data, before)
    if not np.array_equal(kept, rows.kept):
        return "other values are missing"
    if not columns.index.equals(before.index):
        return "rows have other labels, or another order"
    others = [name for name, was in before.items() if not columns[str(name)].equals(was)]
    return f"'{others[0]}'" if others else ""
