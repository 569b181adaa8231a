"""Inner–outer degrees of freedom: those within and between groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierbayes.design.levels import is_outer
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.constancy import CONSTANT_TOLERANCE, columns_vary_within


def inner_outer_df(
    X: Floats, term_of: tuple[str, ...], codes_of: Sequence[Integers], sizes: Sequence[int]
) -> dict[str, float]:
    """Denominator degrees of freedom of each column as nlme assigns them.

    A column that varies within the groups of every factor is tested against what rows are left:
    n − J − (inner columns) with one factor.  One that is constant within groups is tested between
    those of the coarsest such factor: J − (groups of what that is nested in, 1 for the whole) −
    (columns that are tested there).  Without an intercept the whole does not count.  A term takes
    the smallest of its columns, and the intercept counts as inner.

    Parameters
    ----------
    X : (n, p) float
    term_of : (p,) str
        Term each column belongs to; ``"1"`` is the intercept.
    codes_of : sequence of (n,) int
        Groups of the rows by each factor.
    sizes : sequence of int
        How many groups each factor has.

    Returns
    -------
    dict
        Degrees of freedom by term; missing where none are left.

    References
    ----------
    Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, section 2.4.2.
    """
    intercept = np.array([term == "1" for term in term_of], dtype=bool)
    whole = int(intercept.any())
    order = sorted(range(len(sizes)), key=lambda k: sizes[k])  # the coarsest first
    stratum = np.full(X.shape[1], -1)
    for k in reversed(order):
        stratum[is_outer(X, codes_of[k], sizes[k]) & ~intercept] = k
    left: dict[int, float] = {}
    for place, k in enumerate(order):
        above = [m for m in order[:place] if _is_nested(codes_of[k], codes_of[m], sizes[k])]
        parent = max((sizes[m] for m in above), default=whole)
        left[k] = float(sizes[k] - parent - int((stratum == k).sum()))
    inner = int(((stratum < 0) & ~intercept).sum())
    left[-1] = float(len(X) - _ranks_of_groups(codes_of, sizes) - inner + (not whole))
    df: dict[str, float] = {}
    for term, k in zip(term_of, stratum.tolist(), strict=True):
        df[term] = min(df.get(term, np.inf), left[k])
    return {term: _positive(one) for term, one in df.items()}


def _positive(df: float) -> float:
    """Degrees of freedom, missing where none are left."""
    return df if df > 0.0 else np.nan


def _is_nested(codes: Integers, others: Integers, J: int) -> bool:
    """Whether the rows of each of J groups are of one other group."""
    return not columns_vary_within(others[:, None].astype(np.float64), codes, J).any()


def _ranks_of_groups(codes_of: Sequence[Integers], sizes: Sequence[int]) -> int:
    """Rank of the indicators of all groups, but for confounding of more than two factors."""
    finest = [
        k
        for k, codes in enumerate(codes_of)
        if not any(
            m != k and (sizes[m], m) > (sizes[k], k) and _is_nested(other, codes, sizes[m])
            for m, other in enumerate(codes_of)
        )
    ]
    return sum(sizes[k] for k in finest) - (len(finest) - 1)


def dimension_df(X: Floats, codes: Integers, J: int) -> tuple[float, float]:
    """Degrees of freedom within and between groups that no coding of the columns changes.

    With r the rank of the fixed columns less their group means and p that of the columns, they
    are n − J − r and J − (p − r): those of `inner_outer_df` wherever each column varies on one
    level alone.  They are missing where none are left.

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
    return _positive(float(len(X) - J - r)), _positive(float(J - (X.shape[1] - r)))
