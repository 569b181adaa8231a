"""Numbers in the processor's own byte order, which is all that pandas can group or index."""

from __future__ import annotations

import numpy as np
import pandas as pd


def native_numbers[Rows: (pd.DataFrame, pd.Series)](data: Rows) -> Rows:
    """The same rows with numbers in this machine's byte order, and none of 16 bits with a point.

    Files of other machines (FITS, HDF, SAS transport) make columns of the other order.  What is
    no DataFrame or Series, and what needs no change, comes back as it is.

    Examples
    --------
    >>> import numpy as np
    >>> str(native_numbers(pd.Series(np.array([1, 2], dtype=">i4"))).dtype)
    'int32'
    """
    if isinstance(data, pd.Series):
        wanted = _native(data.dtype)
        return data if wanted is None else data.astype(wanted)
    if not isinstance(data, pd.DataFrame) or all(_native(dtype) is None for dtype in data.dtypes):
        return data
    columns = [native_numbers(data.iloc[:, place]) for place in range(data.shape[1])]
    made = pd.concat(columns, axis="columns")
    made.columns = data.columns
    made.attrs = data.attrs
    return made


def _native(dtype: object) -> np.dtype | None:
    """The type to change to; none where it is fine."""
    if not isinstance(dtype, np.dtype):
        return None
    if dtype == np.float16:
        return np.dtype(np.float64)
    return None if dtype.isnative else dtype.newbyteorder("=")
