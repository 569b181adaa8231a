"""A few rows of data, or all rows of a few groups, at random."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.named_columns import require_column, require_frame
from hierbayes.frames.native_numbers import native_numbers


def some(
    df: pd.DataFrame, n: int = 10, seed: int | None = None, *, group: str | None = None
) -> pd.DataFrame:
    """Rows, or groups with all their rows, drawn at random, in the order of the data.

    Parameters
    ----------
    df : DataFrame
    n : int
        How many rows or groups, none of them twice.
    seed : int, optional
        Without one, others are drawn each time.
    group : str, optional
        A column of groups: n of them are drawn, each as likely as any other whatever its number of
        rows.  A categorical column keeps their labels alone.

    Returns
    -------
    (n, k) DataFrame
        Of groups as many rows as they have.

    Raises
    ------
    DataError
        When the data have fewer rows or groups, the column does not exist or lacks values, or n or
        seed are no counts.

    Notes
    -----
    ``some`` of R's car, on the slides "Summary variables and informative labels".

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> hb.some(hs, n=3, seed=1)[["school", "mathach"]]
         school  mathach
    934    5640   22.406
    1011   5650   23.280
    1492   7345   -0.184
    >>> hb.some(hs, n=3, seed=1, group="school")["school"].value_counts(sort=False).to_dict()
    {'5640': 57, '5720': 53, '7697': 32}
    """
    df = native_numbers(df)
    require_frame(df)
    what = "rows" if group is None else "groups"
    if not _is_count(n) or n == 0:
        raise DataError(f"n must be a number of {what}, 1 or more, not {n!r}")
    if seed is not None and not _is_count(seed):
        raise DataError(f"seed must be a whole number, 0 or more, not {seed!r}")
    if group is not None:
        return _some_groups(df, n, seed, group)
    if n > len(df):
        raise DataError(f"the data have {len(df)} rows and not {n}; ask for n={len(df)} or fewer")
    return df.iloc[_drawn(len(df), n, seed)]


def _some_groups(df: pd.DataFrame, n: int, seed: int | None, group: str) -> pd.DataFrame:
    """All rows of n groups, which are numbered as they appear."""
    require_column(group, df)
    codes, labels = pd.factorize(df[group])
    missing = int((codes < 0).sum())
    if missing:
        raise DataError(f"'{group}' is missing in {missing} of {len(df)} rows; leave these out")
    J = len(labels)
    if n > J:
        raise DataError(f"'{group}' has {J} groups and not {n}; ask for n={J} or fewer")
    found = df[np.isin(codes, _drawn(J, n, seed))]
    if isinstance(found[group].dtype, pd.CategoricalDtype):
        found = found.assign(**{group: found[group].cat.remove_unused_categories()})
    return found


def _drawn(total: int, n: int, seed: int | None) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).choice(total, size=n, replace=False))


def _is_count(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return bool(value >= 0)
