"""Which factors of a formula are constant within every group."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_rows
from hierbayes.design.levels import is_outer
from hierbayes.design.matrices import columns_needed, factor_codes, materialise
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.seen_columns import DataColumns
from hierbayes.specification.formula import Specification
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import factors_of, is_number


def constant_factors(
    spec: Specification, frame: DataColumns, fixed: tuple[Floats, tuple[str, ...]], codes: Integers
) -> frozenset[str]:
    """Factors of the fixed and random terms that are constant within every group.

    A number that scales a term belongs to what it scales, and is none of them.
    """
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
    return np.asarray(made), codes, groups
