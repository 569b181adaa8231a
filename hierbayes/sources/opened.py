"""What is given as data: a frame in memory, or a source of rows that stream."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import pandas as pd

from hierbayes.sources.dask_frames import DaskSource, is_dask_frame
from hierbayes.sources.files import open_files
from hierbayes.sources.source import Source
from hierbayes.sources.tables import collected, stream_of


def opened(data: Any) -> pd.DataFrame | Source:
    """The frame, or the source of the rows, that something given as data is.

    Frames of pandas stay; tables in memory of other libraries (polars, Arrow) become frames of
    pandas.  Files, Dask
    dataframes, DuckDB relations and whatever else exports streams of Arrow are sources.

    Raises
    ------
    DataError
        When files cannot be found or read.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, str | PathLike):
        return open_files(fspath(data))
    if isinstance(data, Source):
        return data
    if is_dask_frame(data):
        return DaskSource(data)
    if hasattr(data, "collect") and hasattr(data, "collect_schema"):
        data = collected(data)
    if hasattr(data, "to_arrow") and hasattr(data, "height"):
        data = data.to_arrow()
    if hasattr(data, "to_pandas") and hasattr(data, "num_rows"):
        frame: pd.DataFrame = data.to_pandas()
        return frame
    if hasattr(data, "__arrow_c_stream__"):
        return stream_of(data)
    return data  # refused where a frame is asked for


def is_stream(data: Any) -> bool:
    """Whether something is read as rows that stream."""
    return isinstance(data, str | PathLike | Source) or hasattr(data, "__arrow_c_stream__")


def is_table(given: Any) -> bool:
    """Whether something is rows, and neither a formula nor the random part of one."""
    return (
        isinstance(given, pd.DataFrame | PathLike)
        or is_dask_frame(given)
        or any(hasattr(given, name) for name in ("__arrow_c_stream__", "to_arrow", "batches"))
    )
