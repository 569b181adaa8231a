"""Inner–outer degrees of freedom: those within and between groups."""

from __future__ import annotations

import numpy as np

from hierbayes.design.levels import is_outer
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.constancy import CONSTANT_TOLERANCE


def inner_outer_df(
    X: Floats, term_of: tuple[str, ...], codes: Integers, J: int
) -> dict[str, float]:
    """Denominator degrees of freedom of each column as nlme assigns them.

    A column that varies within groups is tested against n − J − (inner columns),
    one that does not against J − 1 − (outer columns); without an intercept both have
    one more.  A term takes the smallest of its columns, and the intercept counts as
    inner.

    Parameters
    ----------
    X : (n, p) float
    term_of : (p,) str
        Term each column belongs to; ``"1"`` is the intercept.
    codes : (n,) int
    J : int

    Returns
    -------
    dict
        Degrees of freedom by term.

    References
    ----------
    Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, section 2.4.2.
    """
    intercept = np.array([term == "1" for term in term_of])
    outer = is_outer(X, codes, J) & ~intercept
    has_intercept = bool(intercept.any())
    between = float(J - has_intercept - int(outer.sum()))
    inner = int((~outer & ~intercept).sum())
    within = float(len(X) - J - inner + (not has_intercept))
    df: dict[str, float] = {}
    for term, is_between in zip(term_of, outer, strict=True):
        df[term] = min(df.get(term, np.inf), between if is_between else within)
    return df


def dimension_df(X: Floats, codes: Integers, J: int) -> tuple[float, float]:
    """Degrees of freedom within and between groups that no coding of the columns changes.

    With r the rank of the fixed columns less their group means and p that of the columns, they
    are n − J − r and J − (p − r): those of `inner_outer_df` wherever each column varies on one
    level alone.

    Parameters
    ----------
    X : (n, p) float
        Independent.
    codes : (n,) int
    J : int
    """
    centred = X - X.mean(axis=0)
    counts = np.bincount(codes, minlength=J)
    means = np.stack([np.bincount(codes, column, minlength=J) for column in centred.T], axis=1)
    rest = centred - (means / counts[:, None])[codes]
    size = np.sqrt((centred**2).sum(axis=0))
    rest /= np.where(size > 0.0, size, 1.0)
    r = int(np.linalg.matrix_rank(np.linalg.qr(rest, mode="r"), tol=CONSTANT_TOLERANCE))
    return float(len(X) - J - r), float(J - (X.shape[1] - r))
