"""Standard deviations of errors by stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError, ResidualError
from hierbayes.residuals.bound import Columns
from hierbayes.residuals.bound_values import (
    NO_ROWS,
    Floats,
    Integers,
    KeptPart,
    Parameter,
    in_parts,
)
from hierbayes.residuals.row_kernels import distinct_places
from hierbayes.residuals.structure import Variance, refuse_no_column

_FEW = 1000  # values


@dataclass(frozen=True, init=False, repr=False)
class Strata(Variance):
    """A residual standard deviation for each level of a factor, or combination of levels.

    σ is that of the first level; the parameters are the ratios of the others to it.

    Parameters
    ----------
    *by : str
        Columns.

    Raises
    ------
    ResidualError
        When there is none, or one is not the name of a column.

    References
    ----------
    nlme's ``varIdent``: Pinheiro & Bates (2000), section 5.2.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hb.residuals.Strata("sex", "treatment")
    Strata('sex', 'treatment')
    """

    by: tuple[str, ...]
    has_linear_form = True

    def __init__(self, *by: str) -> None:
        if not by:
            raise ResidualError("name the column of strata, as in hb.residuals.Strata('sex')")
        for name in by:
            refuse_no_column(name, "a column of strata")
        object.__setattr__(self, "by", by)

    @property
    def own_columns(self) -> tuple[str, ...]:
        """As in `Part`."""
        return self.by

    def bind(self, frame: Columns) -> Ratios:
        """As in `Variance`."""
        return Ratios(*_coded(tuple(frame[name].array for name in self.by)), self.by)

    def again(self, kept: KeptPart) -> Ratios:
        """As in `Variance`."""
        keys, _ = _coded(tuple(kept.frame[name].array for name in self.by))
        return Ratios(keys, NO_ROWS, self.by)


@dataclass(frozen=True, eq=False)
class Ratios:
    """A ratio to the first level for each of the others.

    Parameters
    ----------
    keys : tuple of arrays of pandas
        The values of these columns at each level (L,).
    levels : (n,) int
    by : tuple of str
        The columns.
    """

    keys: tuple[Any, ...]
    levels: Integers
    by: tuple[str, ...]

    @property
    def L(self) -> int:
        """Number of levels."""
        return len(self.keys[0])

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Of the L levels."""
        return tuple(_cells(self.keys))

    def refuse_untold(self, counts: Floats) -> None:
        """As in `BoundVariance`."""
        names = ", ".join(self.by)
        if self.L < 2:
            raise DataError(
                f"the strata {names} have one level in the rows used, {self.labels[0]!r}; leave "
                "them out"
            )
        alone = np.flatnonzero(counts < 2)
        if 2 * len(alone) > len(counts):
            raise DataError(
                f"the strata {names} have one row each at {len(alone)} of {len(counts)} levels, "
                "which tells no variance of it; name a factor, or for a covariate use "
                "hb.residuals.Power or hb.residuals.Exponential"
            )
        if len(alone):
            raise DataError(
                f"the stratum {names} = {self.labels[alone[0]]} has one row, which tells no "
                "variance of it; join it with another level, or leave the row out"
            )

    def joined(
        self, others: Sequence[Ratios], counts: Sequence[Floats]
    ) -> tuple[Ratios, tuple[Integers, ...]]:
        """As in `BoundVariance`: levels that are equal are one."""
        parts = (self, *others)
        for part in parts:
            if any(mine.dtype != one.dtype for mine, one in zip(self.keys, part.keys, strict=True)):
                raise DataError(
                    f"the strata {', '.join(self.by)} are of other types, or of other categories, "
                    "in some of the rows; make them the same everywhere"
                )
        by_column = zip(*(part.keys for part in parts), strict=True)
        every = tuple(pd.concat(list(map(pd.Series, of_parts))).array for of_parts in by_column)
        keys, places = _coded(every)
        sizes = [part.L for part in parts]
        return Ratios(keys, NO_ROWS, self.by), in_parts(places, sizes)

    @property
    def kept(self) -> KeptPart:
        """As in `BoundVariance`: the values of the columns at each level."""
        return KeptPart({}, pd.DataFrame(dict(zip(self.by, self.keys, strict=True))))

    @property
    def has_own_names(self) -> bool:
        """As in `BoundVariance`: different values of one type are written differently."""
        values, *others = self.keys
        dtype = values.categories.dtype if isinstance(values, pd.Categorical) else values.dtype
        return not others and str(dtype) != "object"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Of each level but the first."""
        return tuple(ratio(label) for label in self.labels[1:])

    @property
    def start(self) -> Floats:
        """As in `BoundVariance`."""
        return np.zeros(self.L - 1)

    def natural(self, z: Any) -> Any:
        """The ratios (L − 1,)."""
        return np.exp(z)

    @property
    def sd_slopes(self) -> Floats:
        """As in `BoundVariance`."""
        return np.eye(self.L)[:, 1:]

    def log_slopes(self, z: Any) -> Any:
        """As in `BoundVariance`."""
        return z

    def log_sd_of(self, frame: pd.DataFrame, z: Floats) -> Floats:
        """As in `BoundVariance`."""
        cells = _cells([frame[name].array for name in self.by])
        places = pd.Index(self.labels).get_indexer(pd.Index(cells))
        if (places < 0).any():
            new = cells[int(np.flatnonzero(places < 0)[0])]
            raise DataError(
                f"the fit has no variance for {', '.join(self.by)} = {new}; it has those of: "
                f"{', '.join(self.labels)}"
            )
        return np.append(0.0, z)[places]


@lru_cache(maxsize=512)
def ratio(label: str) -> Parameter:
    """The ratio of a standard deviation to that of the first level."""
    return Parameter(f"ratio[{label}]", "log", (0.0, np.inf), ("LogNormal", (0.0, 1.0)))


def _coded(columns: tuple[Any, ...]) -> tuple[tuple[Any, ...], Integers]:
    """The levels of rows: their values by column, and that of each row.

    Columns are arrays of pandas (n,), and so are the values.
    """
    n = len(columns[0])
    place, size = np.zeros(n, dtype=np.intp), 1
    for column in columns:
        if isinstance(column, pd.Categorical):
            own, more = column.codes, len(column.categories)
        else:
            own, distinct = pd.factorize(pd.Series(column), sort=True)
            more = len(distinct)
        place, size = place * more + own, size * more
    found, levels = distinct_places(place, size)
    first = np.empty(len(found), dtype=np.intp)
    first[levels[::-1]] = np.arange(n - 1, -1, -1)
    keys = tuple(column.take(first) for column in columns)
    return keys, levels


def _cells(columns: Sequence[Any]) -> list[str]:
    """The stratum of each row, levels of several columns with a point between."""
    if len(columns) == 1:
        return _texts(columns[0])
    return [".".join(parts) for parts in zip(*map(_texts, columns), strict=True)]


def _texts(column: Any) -> list[str]:
    """As pandas writes values; of few plain ones Python does, which is quicker and the same."""
    if isinstance(column, pd.Categorical):
        words = [*_texts(column.categories.array), str(np.nan)]  # −1 is a missing value
        return [words[code] for code in column.codes.tolist()]
    values = column.tolist() if len(column) <= _FEW else [None]
    if all(isinstance(value, str | int | float) for value in values):
        return [str(value) for value in values]
    return list(pd.Series(column).astype(str))
