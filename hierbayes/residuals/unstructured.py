"""Any covariance of the errors at a few occasions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound import StructuredRows
from hierbayes.residuals.bound_values import Booleans, Integers, Parameter
from hierbayes.residuals.occasion_kernels import free_covariance
from hierbayes.residuals.occasion_matrices import Matrices
from hierbayes.residuals.occasions import OfOccasions
from hierbayes.residuals.row_kernels import distinct_places
from hierbayes.residuals.structure import refuse_no_column
from hierbayes.residuals.times import refuse_repeated
from hierbayes.residuals.variances import ratio


@dataclass(frozen=True, repr=False)
class Unstructured(OfOccasions):
    """Any covariance of the errors at T occasions: T variances and T(T − 1)/2 correlations.

    σ is the standard deviation at the first occasion.  With no random part it is the repeated
    measures model of clinical trials (MMRM).

    Parameters
    ----------
    time : str
        A column whose values are the occasions: numbers, text or ordered categories.
    group : str, optional
        A column: errors of its groups are independent.  By default the innermost grouping factor.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.

    References
    ----------
    nlme's ``corSymm`` and ``varIdent``: Pinheiro & Bates (2000), section 5.3; Mallinckrodt et al.
    (2008), doi:10.1177/009286150804200402.
    """

    has_variances = True
    has_linear_form = True

    def __post_init__(self) -> None:
        refuse_no_column(self.time, "time")
        super().__post_init__()

    def _places(self, rows: StructuredRows) -> tuple[Integers, pd.Index]:
        assert self.time is not None
        column = rows.frame[self.time]
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes, categories = column.array.codes, column.array.categories
            found, places = distinct_places(codes.astype(np.intp), len(categories))
            keys: pd.Index = pd.CategoricalIndex(
                pd.Categorical.from_codes(found, dtype=column.dtype)
            )
        else:
            places, keys = pd.factorize(column, sort=True)
            keys = pd.Index(keys)
        refuse_repeated(rows, self.time, places)
        return places.astype(np.int64), keys

    def _keys_again(self, keys: pd.Series) -> pd.Index:
        return pd.Index(keys, name=None)

    def joined_keys(self, parts: Sequence[pd.Index]) -> pd.Index:
        """As in `OfOccasions`: in the order of categories, or of values."""
        first = parts[0]
        if any(one.dtype != first.dtype for one in parts):
            raise DataError(
                f"the occasions '{self.time}' are of other types, or of other categories, in some "
                "of the rows; make them the same everywhere"
            )
        every = first.append(list(parts[1:]))
        found = pd.Index(every.unique().sort_values())
        self._refuse_many(found)
        return found

    def _refuse(self, labels: tuple[str, ...], seen: Booleans) -> None:
        if not seen.all():
            a, b = np.argwhere(~seen)[0]
            first, second = labels[min(a, b)], labels[max(a, b)]
            raise DataError(
                f"no group has rows at both {self.time} = {first} and {second}, so that nothing "
                "tells their correlation; use a structure with fewer parameters"
            )

    def matrices(self, labels: tuple[str, ...]) -> Matrices:
        """As in `OfOccasions`."""
        T = len(labels)
        ratios = tuple(map(ratio, labels[1:]))
        corr = tuple(
            Parameter(f"corr[{labels[a]},{labels[b]}]", "bounded", (-1.0, 1.0), ("LKJ", (1.0,)),
                      "corr", 0.5 * (T - 2 - a), 0.5 * (T - 2 - a))
            for a, b in _below(T)
        )  # fmt: skip
        start = np.concatenate([np.zeros(T - 1), np.full(T * (T - 1) // 2, 0.2)])

        def log_slopes(z: Any) -> Any:
            return np.concatenate([z[: T - 1], np.zeros(len(corr))])

        covariance, natural = _free_covariance(T), _free_parameters(T)
        return Matrices(
            ratios + corr, start, covariance, natural, log_slopes, lambda z: free_covariance(z, T),
            lambda z: np.concatenate([np.exp(z[: T - 1]), z[T - 1 :]]),
        )  # fmt: skip


def _below(T: int) -> list[tuple[int, int]]:
    """Entries below the diagonal, row by row, the earlier occasion first."""
    return [(b, a) for a in range(T) for b in range(a)]


def _free_root(T: int, z: Any) -> Any:
    """A lower triangular root (..., T, T) of a correlation matrix from partial ones tanh z."""
    partial = np.tanh(z)
    root = np.zeros((*partial.shape[:-1], T, T), dtype=partial.dtype)
    root[..., 0, 0] = 1.0
    k = 0
    for a in range(1, T):
        left = np.ones(partial.shape[:-1])
        for b in range(a):
            root[..., a, b] = partial[..., k] * left**0.5
            left = left - root[..., a, b] ** 2
            k += 1
        root[..., a, a] = left**0.5
    return root


def _free_covariance(T: int) -> Callable[[Any], Any]:
    def matrix(z: Any) -> Any:
        size = np.exp(np.concatenate([np.zeros_like(z[..., :1]), z[..., : T - 1]], axis=-1))
        root = size[..., None] * _free_root(T, z[..., T - 1 :])
        return root @ root.swapaxes(-1, -2)

    return matrix


def _free_parameters(T: int) -> Callable[[Any], Any]:
    rows, columns = np.tril_indices(T, -1)

    def natural(z: Any) -> Any:
        root = _free_root(T, z[..., T - 1 :])
        corr = (root @ root.swapaxes(-1, -2))[..., rows, columns]
        return np.concatenate([np.exp(z[..., : T - 1]), corr], axis=-1)

    return natural
