"""Columns of the user's own that are the group mean of a variable, or the deviation from it."""

from __future__ import annotations

import numpy as np

from hierbayes.design.design import Design
from hierbayes.frames.arrays import Floats
from hierbayes.specification.terms import bare, factor_text

_EQUAL = 1e-8  # of the range of a column


def own_columns(design: Design, x: str, *, exact: bool = False) -> dict[str, str]:
    """Which fixed columns are the group mean of x or the deviation: ``cvar``, ``dvar`` by name.

    The mean is that over the rows of the fit. A published mean, rounded or of other rows, is none.

    Parameters
    ----------
    design : Design
    x : str
        A number that stands in the fixed part by itself.
    exact : bool
        Whether a column that differs by a constant (means centred at the grand mean, which have the
        same slope) is left out.
    """
    design.refuse_left_out("a comparison within and between groups")
    plain = _plain_columns(design)
    name = bare(x)
    if name not in plain:
        return {}
    values, codes, J = plain.pop(name), design.rows.codes, design.J
    means = (np.bincount(codes, values, minlength=J) / np.bincount(codes, minlength=J))[codes]
    roles = {"cvar": means, "dvar": values - means}
    if min(map(np.ptp, roles.values())) <= _EQUAL * np.ptp(values):
        return {}  # balanced, or a variable of groups
    return {
        own: role
        for own, column in plain.items()
        for role, wanted in roles.items()
        if _is_the_same(column, wanted, exact)
    }


def _plain_columns(design: Design) -> dict[str, Floats]:
    """Terms that are columns of numbers as they stand in the data, (n,) by name."""
    found, place = {}, 0
    for part in design.columns.fixed_spec.structure:
        factors = list(map(factor_text, part.term.factors))
        if len(factors) == len(part.columns) == 1 and bare(factors[0]) == part.columns[0]:
            is_call = "(" in factors[0] and factors[0][0] != "`"
            if not is_call and factors[0][0] != "{":
                found[part.columns[0]] = design.rows.X[:, place]
        place += len(part.columns)
    return found


def _is_the_same(column: Floats, wanted: Floats, exact: bool) -> bool:
    rest = column - wanted
    away = np.abs(rest).max() if exact else np.ptp(rest)
    return bool(away <= _EQUAL * np.ptp(wanted))
