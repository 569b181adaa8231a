"""Frames of rows as Parquet, and as JSON where Arrow has no type for a column.

Columns are called c0, c1, ... in the file and levels of the index i0, i1, ...; what they are called
in the frame stands beside, with their types.  A categorical column is its codes, and its categories
in order.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from hierbayes.errors import SavedFitError
from hierbayes.fit.saving.plain_values import NotPlainError, as_plain, from_plain

_ARROW_KINDS = "biufMm"  # of numpy's types


def frame_as_bytes(frame: pd.DataFrame) -> tuple[dict[str, Any], bytes]:
    """What a frame is like, for JSON, and its values as a Parquet file.

    Raises
    ------
    SavedFitError
        Naming a column that neither can hold.
    """
    arrays: dict[str, pd.Series] = {}
    columns = [
        {"name": as_plain(name), **_written(frame.iloc[:, k], f"c{k}", f"column '{name}'", arrays)}
        for k, name in enumerate(frame.columns)
    ]
    said = {"columns": columns, "index": _index(frame.index, arrays), "n": len(frame)}
    return said, _parquet(arrays)


def frame_of_bytes(said: dict[str, Any], data: bytes) -> pd.DataFrame:
    """The frame again."""
    arrays = _arrays(data)
    index = _index_again(said["index"], arrays)
    columns = {k: _again(one, f"c{k}", arrays) for k, one in enumerate(said["columns"])}
    frame = pd.DataFrame({k: column.set_axis(index) for k, column in columns.items()}, index=index)
    names = [from_plain(one["name"]) for one in said["columns"]]
    return frame.set_axis(pd.Index(names, dtype=None if names else object), axis=1)


def _written(
    values: pd.Series, place: str, said: str, arrays: dict[str, pd.Series]
) -> dict[str, Any]:
    """How a column is held; what Arrow holds of it is put among the arrays."""
    values = values.reset_index(drop=True)
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        arrays[place] = values.cat.codes.astype(np.int64)
        listed = pd.Series(dtype.categories)
        held: dict[str, Any] = {
            "categories": _plain_list(listed, said),
            "dtype": str(listed.dtype),
            "ordered": bool(dtype.ordered),
        }
    elif _is_of_arrow(values):
        arrays[place] = values
        held = {"dtype": str(dtype)}
    else:
        held = {"values": _plain_list(values, said), "dtype": str(dtype)}
    again = _again(held, place, arrays)
    if again.dtype != dtype or not again.equals(values):
        raise SavedFitError(f"{said} is of type {dtype}, which a saved fit cannot hold")
    return held


def _is_of_arrow(values: pd.Series) -> bool:
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in _ARROW_KINDS:
        return True
    if isinstance(dtype, pd.StringDtype | pd.BooleanDtype | pd.DatetimeTZDtype):
        return True
    return infer_dtype(values) == "string" or str(dtype).lower().startswith(("int", "uint"))


def _plain_list(values: pd.Series, said: str) -> list[Any]:
    try:
        return [as_plain(value) for value in values]
    except NotPlainError as error:
        raise SavedFitError(
            f"{said} holds values of type {error}, which a saved fit cannot hold; make numbers or "
            "text of them"
        ) from error


def _again(held: dict[str, Any], place: str, arrays: dict[str, pd.Series]) -> pd.Series:
    if "categories" in held:
        listed = [from_plain(one) for one in held["categories"]]
        dtype = pd.CategoricalDtype(pd.Index(listed, dtype=held["dtype"]), held["ordered"])
        return pd.Series(pd.Categorical.from_codes(arrays[place].to_numpy(), dtype=dtype))
    if "values" in held:
        return pd.Series([from_plain(one) for one in held["values"]], dtype=held["dtype"])
    return arrays[place].astype(held["dtype"])


def _index(index: pd.Index, arrays: dict[str, pd.Series]) -> dict[str, Any]:
    names = [as_plain(name) for name in index.names]
    if isinstance(index, pd.RangeIndex):
        return {"names": names, "range": [index.start, index.stop, index.step]}
    levels = [
        _written(pd.Series(index.get_level_values(k)), f"i{k}", "the index", arrays)
        for k in range(index.nlevels)
    ]
    return {"names": names, "levels": levels, "multi": isinstance(index, pd.MultiIndex)}


def _index_again(said: dict[str, Any], arrays: dict[str, pd.Series]) -> pd.Index:
    names = [from_plain(name) for name in said["names"]]
    if "range" in said:
        return pd.RangeIndex(*said["range"], name=names[0])
    levels = [_again(held, f"i{k}", arrays) for k, held in enumerate(said["levels"])]
    if said["multi"]:
        return pd.MultiIndex.from_arrays(levels, names=names)
    return pd.Index(levels[0]).rename(names[0])


def _parquet(arrays: dict[str, pd.Series]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.Array.from_pandas(values) for name, values in arrays.items()})
    written = BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


def _arrays(data: bytes) -> dict[str, pd.Series]:
    import pyarrow.parquet as pq

    table = pq.read_table(BytesIO(data), use_threads=False)
    return {name: table.column(name).to_pandas() for name in table.column_names}
