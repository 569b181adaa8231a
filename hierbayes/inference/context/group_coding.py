r"""Codings of groups whose intercept estimates a weighted mean of the groups' means.

With s_j > 0 for each of J groups, the coding matrix (J, J − 1) has s_J on its diagonal and
−s_k in the last row, so that Σ_j s_j (row j) = 0: least squares on an intercept and these columns
gives Σ_j s_j β_0j / Σ_j s_j for the intercept.

Source: the lecture slides *Mixed Models with R*, "Estimating the one-way ANOVA model" ("true",
"sample size" and "school size" coding; the third is printed with s_j on its diagonal, where s_J is
needed for the weights stated there).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats

EQUAL, SAMPLE_SIZE = "equal", "sample size"


def group_coding(groups: Any, weights: Any = EQUAL) -> pd.DataFrame:
    """The coding of groups whose intercept is a weighted mean of the groups' means.

    Parameters
    ----------
    groups : (n,) group labels
        A label for each row, as in ``data["school"]``.
    weights : str, Series or mapping
        ``"equal"``, the "true" contrasts, each column of the coding summing to 0; ``"sample
        size"``, each column of the design summing to 0; or a positive number for each group, by
        label, such as the sizes of the schools.

    Returns
    -------
    DataFrame
        (J, J − 1): a row for each group, a column for each but the last. ``coding.loc[groups]``
        are the columns of the design.

    Raises
    ------
    DataError
        When there are fewer than two groups, a label is missing, a weight is missing or not
        positive, or a table is given in place of labels.

    Examples
    --------
    >>> group_coding(["a", "a", "b", "c", "c", "c"], "sample size")
           a    b
    group
    a      3.0  0.0
    b      0.0  3.0
    c     -2.0 -1.0
    """
    rows = _rows_of(groups)
    if len(rows) < 2:
        raise DataError(f"a coding needs at least two groups, and there is {len(rows)}")
    sizes = group_weights(rows, weights)
    J = len(rows)
    coding = np.vstack([sizes[-1] * np.eye(J - 1), -sizes[:-1]])
    return pd.DataFrame(coding, index=rows.index, columns=rows.index[:-1].rename(None))


def group_weights(rows: pd.Series, weights: Any) -> Floats:
    """The weights s_j (J,) of groups, not normed.

    Parameters
    ----------
    rows : (J,) Series
        Rows of each group, by label.
    weights : str, Series or mapping
        As for `group_coding`.

    Raises
    ------
    DataError
        When a weight is missing or not positive.
    """
    if isinstance(weights, str):
        if weights == EQUAL:
            return np.ones(len(rows))
        if weights == SAMPLE_SIZE:
            return rows.to_numpy(dtype=np.float64)
        raise DataError(
            f"weights must be '{EQUAL}', '{SAMPLE_SIZE}' or a number for each group, not "
            f"'{weights}'"
        )
    if not isinstance(weights, pd.Series | Mapping):
        raise DataError(
            f"weights must be '{EQUAL}', '{SAMPLE_SIZE}' or a Series of numbers by group, not "
            f"{type(weights).__name__}"
        )
    given = pd.Series(weights)
    given.index = pd.Index(np.asarray(given.index))
    if given.index.has_duplicates:
        twice = given.index[given.index.duplicated()][0]
        raise DataError(f"group '{twice}' has more than one weight; give one for each group")
    values = pd.to_numeric(given.reindex(np.asarray(rows.index)), errors="coerce")
    found: Floats = values.to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(found) & (found > 0.0))
    if bad.any():
        label = rows.index[int(bad.argmax())]
        raise DataError(
            f"group '{label}' has no positive weight; give a number above 0 for each group"
        )
    return found


def _rows_of(groups: Any) -> pd.Series:
    """Rows of each group by label, in the order of its categories or sorted."""
    if isinstance(groups, pd.DataFrame):
        raise DataError("groups must be a label for each row, as in data['school'], not a table")
    labels = pd.Series(groups).rename("group")
    if labels.isna().any():
        raise DataError(f"the group of {int(labels.isna().sum())} rows is missing; leave them out")
    counts = labels.value_counts(sort=False).sort_index()
    return counts[counts > 0]
