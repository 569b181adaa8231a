"""Which factors of a formula are constant within every group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import overload

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_rows
from hierbayes.design.group_codes import factor_codes
from hierbayes.design.level_labels import index_of
from hierbayes.design.levels import is_outer
from hierbayes.design.matrices import columns_needed, materialise
from hierbayes.design.shared_columns import SharedColumns
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.seen_columns import DataColumns, SeenColumns
from hierbayes.specification.formula import Specification
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import factors_of, is_number


class ConstantFactors(Sequence[frozenset[str]]):
    """By grouping factor the factors of terms that are constant within every group.

    They are found when they are asked for, as by equations: no fit does.  A number that scales a
    term belongs to what it scales, and is none of them.

    Parameters
    ----------
    spec : Specification
    data : SharedColumns
        Those that terms are made of.
    X : (n, k) float
        Columns of the fixed part.
    alone : tuple of str
        Of each of them the factor that is its whole term; empty where there are several.
    codes_of : tuple of (n,) int
        For each grouping factor the group of each row.
    """

    def __init__(
        self,
        spec: Specification,
        data: SharedColumns,
        X: Floats,
        alone: tuple[str, ...],
        codes_of: tuple[Integers, ...],
    ) -> None:
        self._spec, self._data, self._X, self._alone = spec, data, X, alone
        self._codes_of = codes_of

    @cached_property
    def _found(self) -> tuple[frozenset[str], ...]:
        frame = SeenColumns(self._data.frame, self._data.seen.columns)
        fixed = self._X, self._alone
        return tuple(_constant(self._spec, frame, fixed, codes) for codes in self._codes_of)

    def __len__(self) -> int:
        return len(self._codes_of)

    @overload
    def __getitem__(self, at: int) -> frozenset[str]: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[frozenset[str], ...]: ...

    def __getitem__(self, at: int | slice) -> frozenset[str] | tuple[frozenset[str], ...]:
        return self._found[at]


def _constant(
    spec: Specification, frame: DataColumns, fixed: tuple[Floats, tuple[str, ...]], codes: Integers
) -> frozenset[str]:
    factors = _factors(spec.fixed, *spec.random_effects)
    if not factors:
        return frozenset()
    X, alone = fixed
    J = int(codes.max()) + 1
    outer = dict.fromkeys(factors.intersection(alone), True)
    for name, found in zip(alone, is_outer(X, codes, J).tolist(), strict=True):
        if name in outer:
            outer[name] = outer[name] and found
    for factor in factors.difference(alone):
        made = materialise(parse_formula(f"0 + {factor}"), frame, spec.functions)
        outer[factor] = bool(is_outer(np.asarray(made, dtype=np.float64), codes, J).all())
    return frozenset(factor for factor, found in outer.items() if found)


@lru_cache(maxsize=512)
def _factors(*parts: tuple[str, ...]) -> frozenset[str]:
    """The factors of these terms."""
    return frozenset(
        f for terms in parts for term in terms for f in factors_of(term) if not is_number(f)
    )


def factor_values(
    factor: str, group: tuple[str, ...], data: pd.DataFrame, functions: Functions = ()
) -> tuple[Floats, Integers, pd.Index]:
    """Columns a factor makes (n, k), group codes (n,) and group labels, on complete rows.

    The groups are those of a column, or of several together.
    """
    needed = columns_needed((factor,))
    refuse_unknown_names(needed, data)
    used = [name for name in needed if name in data.columns]
    frame, _, _ = complete_rows(data, list(dict.fromkeys([*used, *group])))
    codes, groups = factor_codes(frame, ":".join(group), group)
    made = materialise(parse_formula(f"0 + {factor}"), frame, functions)
    return np.asarray(made), codes, index_of(groups)
