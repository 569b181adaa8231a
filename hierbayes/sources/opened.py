"""What is given as data: a frame in memory, or a source of rows that stream."""

from __future__ import annotations

from os import PathLike
from typing import Any

import pandas as pd

from hierbayes.errors import DataError
from hierbayes.sources.arrow_datasets import is_arrow_dataset, rows_of_dataset
from hierbayes.sources.dask_frames import DaskSource, is_dask_frame
from hierbayes.sources.files import open_files
from hierbayes.sources.polars_frames import (
    frame_of_polars,
    is_lazy,
    is_polars_frame,
    rows_of_lazy,
)
from hierbayes.sources.source import Source
from hierbayes.sources.tables import stream_of

READ = "data must be a frame, or rows that stream, such as files or a Dask dataframe"


def opened(data: Any) -> pd.DataFrame | Source:
    """The frame, or the source of the rows, that something given as data is.

    Frames of pandas stay; tables in memory of other libraries (polars, Arrow) become frames of
    pandas.  Files, lazy frames of polars, Arrow datasets, Dask dataframes, DuckDB relations and
    whatever else exports streams of Arrow are sources.

    Raises
    ------
    DataError
        When files cannot be found or read.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, str | PathLike) or _are_paths(data):
        return open_files(data)
    if isinstance(data, Source):
        return data
    if is_dask_frame(data):
        return DaskSource(data)
    if is_lazy(data):
        return rows_of_lazy(data)
    if is_arrow_dataset(data):
        return rows_of_dataset(data)
    data = of_memory(data)
    if isinstance(data, pd.DataFrame):
        return data
    if hasattr(data, "__arrow_c_stream__") and not isinstance(data, pd.Series):
        return stream_of(data)
    raise DataError(f"{READ}, not {type(data).__name__}")


def of_memory(data: Any) -> Any:
    """The frame of pandas of a table in memory of polars or Arrow; anything else as it is."""
    if is_polars_frame(data):
        return frame_of_polars(data)
    if hasattr(data, "to_pandas") and hasattr(data, "num_rows"):
        return data.to_pandas()
    return data


def _are_paths(data: Any) -> bool:
    is_list = isinstance(data, list | tuple) and len(data) > 0
    return is_list and all(isinstance(one, str | PathLike) for one in data)


def is_stream(data: Any) -> bool:
    """Whether something is read as rows that stream."""
    return (
        isinstance(data, str | PathLike | Source)
        or _are_paths(data)
        or is_lazy(data)
        or is_arrow_dataset(data)
        or hasattr(data, "__arrow_c_stream__")
    )


def is_table(given: Any) -> bool:
    """Whether something is rows, and neither a formula nor the random part of one."""
    return (
        isinstance(given, pd.DataFrame | PathLike)
        or is_dask_frame(given)
        or is_lazy(given)
        or is_arrow_dataset(given)
        or _are_paths(given)
        or any(hasattr(given, name) for name in ("__arrow_c_stream__", "to_arrow", "batches"))
    )
