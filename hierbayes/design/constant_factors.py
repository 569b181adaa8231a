"""Which factors of a formula are constant within every group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_rows
from hierbayes.design.levels import is_outer
from hierbayes.design.matrices import columns_needed, factor_codes, materialise
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.specification.formula import Specification
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.terms import factors_of, is_number


def constant_factors(
    spec: Specification, frame: pd.DataFrame, fixed: tuple[Floats, tuple[str, ...]], codes: Integers
) -> frozenset[str]:
    """Factors of the fixed and random terms that are constant within every group.

    A number that scales a term belongs to what it scales, and is none of them.
    """
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    factors = {f for term in terms for f in factors_of(term) if not is_number(f)}
    J = int(codes.max()) + 1
    return frozenset(
        f
        for f in factors
        if is_outer(_factor_columns(f, frame, fixed, spec.functions), codes, J).all()
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


def _factor_columns(
    factor: str,
    frame: pd.DataFrame,
    fixed: tuple[Floats, tuple[str, ...]],
    functions: Functions,
) -> Floats:
    """What a factor says of each row, (n, k): fixed columns it has to itself, or computed."""
    X, alone = fixed
    own = [place for place, name in enumerate(alone) if name == factor]
    if own:
        return X[:, own]
    made = materialise(parse_formula(f"0 + {factor}"), frame, functions)
    return np.asarray(made, dtype=np.float64)
