r"""The share of variance between groups at stated rows, whose errors may vary unequally.

Of rows i of one kind it is

    mean z_i'Gz_i / (mean z_i'Gz_i + mean Var(ε_i)),   Var(ε_i) = σ²s_i²/w_i

with s_i of a residual structure and w_i a precision weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.law_of_rows import law_of
from hierbayes.fit.predictions.prediction_rows import PredictionRows, rows_to_predict
from hierbayes.fit.predictions.response_law import GaussianLaw
from hierbayes.fit.variance import moment_at, shares_of
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.named_columns import require_column, require_frame


def icc_of_rows(
    fit: Fitted,
    data: pd.DataFrame | None,
    at: dict[str, float] | None,
    by: str | Sequence[str] | None,
) -> pd.Series | pd.DataFrame:
    """The intraclass correlation of rows of data, on the latent scale of a family.

    Returns
    -------
    Series or DataFrame
        ``icc``, of a posterior with its ``sd``: of all rows, or a row for each value of ``by``, and
        for each of several grouping factors.

    Raises
    ------
    DataError
        When there are no rows, or they lack a column.
    """
    fit.design.specification.refuse_no_random_part("icc()")
    if data is None:
        raise DataError("by= needs the columns of the rows: hand over data=, that of the fit")
    require_frame(data, "data")
    rows = rows_to_predict(fit.design, data, new_groups="sample")
    names = [] if by is None else [by] if isinstance(by, str) else list(by)
    keys, codes = _kinds(data, names)
    variances = _error_variances(fit, rows, codes, len(keys))
    several, found = len(fit.design.factors) > 1, {}
    for k, key in enumerate(keys):
        Z = rows.Z[np.tile(codes, rows.P) == k]
        second = Z.T @ Z / len(Z) if at is None else moment_at(fit.design, at)
        shares = shares_of(fit.theta.G, variances[..., k], second, fit.design.spans)
        for factor, draws in zip(fit.design.factors, shares, strict=True):
            label = (*key, factor.name) if several else key
            found[label] = {"icc": float(draws.mean())} | fit.spread(draws)
    if list(found) == [()]:
        return pd.Series(found[()], name="icc")
    index = pd.MultiIndex.from_tuples(list(found), names=[*names, *(["factor"] * several)])
    kinds = index if index.nlevels > 1 else index.get_level_values(0)
    return pd.DataFrame(list(found.values()), index=kinds)


def _kinds(data: pd.DataFrame, names: Sequence[str]) -> tuple[list[tuple[object, ...]], Integers]:
    """The values of columns that occur, in order, and which of them each row (n,) has."""
    if not names:
        return [()], np.zeros(len(data), dtype=np.intp)
    for name in names:
        require_column(name, data)
    codes = data.groupby(list(names), observed=True, dropna=False).ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    return [tuple(data[list(names)].iloc[i]) for i in first.tolist()], codes


def _error_variances(fit: Fitted, rows: PredictionRows, codes: Integers, L: int) -> Floats:
    """Mean variance of errors (chains, draws, L) of rows of each kind."""
    if fit.problem.family is not None:
        return np.asarray(fit.residual_variance)[..., None] * np.ones(L)
    law, counts = law_of(fit.problem, rows), np.bincount(codes, minlength=L)
    assert isinstance(law, GaussianLaw)
    z = fit.error_coordinates
    flat = z.reshape(fit.theta.sigma.size, z.shape[-1])
    distinct, place = np.unique(flat, axis=0, return_inverse=True)
    of_errors = [law.sd(np.array([1.0, *one])) ** 2 * np.ones(len(codes)) for one in distinct]
    means = np.array([np.bincount(codes, one, minlength=L) / counts for one in of_errors])
    found: Floats = fit.theta.sigma[..., None] ** 2 * means[place].reshape(*fit.theta.shape, L)
    return found
