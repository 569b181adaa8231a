"""A few rows of data, at random."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.named_columns import require_frame
from hierbayes.frames.native_numbers import native_numbers


def some(df: pd.DataFrame, n: int = 10, seed: int | None = None) -> pd.DataFrame:
    """Rows drawn at random, in the order of the data.

    Parameters
    ----------
    df : DataFrame
    n : int
        How many rows, none of them twice.
    seed : int, optional
        Without one, other rows are drawn each time.

    Returns
    -------
    (n, k) DataFrame

    Raises
    ------
    DataError
        When the data have fewer rows, or n or seed are no counts.

    Notes
    -----
    ``some`` of R's car, on the slides "Summary variables and informative labels".

    Examples
    --------
    >>> import hierbayes as hb
    >>> hb.some(hb.load_dataset("hs"), n=3, seed=1)[["school", "mathach"]]
         school  mathach
    934    5640   22.406
    1011   5650   23.280
    1492   7345   -0.184
    """
    df = native_numbers(df)
    require_frame(df)
    if not _is_count(n) or n == 0:
        raise DataError(f"n must be a number of rows, 1 or more, not {n!r}")
    if seed is not None and not _is_count(seed):
        raise DataError(f"seed must be a whole number, 0 or more, not {seed!r}")
    if n > len(df):
        raise DataError(f"the data have {len(df)} rows and not {n}; ask for n={len(df)} or fewer")
    rows = np.random.default_rng(seed).choice(len(df), size=n, replace=False)
    return df.iloc[np.sort(rows)]


def _is_count(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return bool(value >= 0)
