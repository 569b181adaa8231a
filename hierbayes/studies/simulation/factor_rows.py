"""The rows to simulate on where groups are stated by grouping factor.

Every column of the factors has so many labels: one that a factor nests in others, as the class of
``school:class``, so many within each of theirs, and any other so many in all.  What is not nested
crosses: every combination is a cell with rows of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError, in_quotes
from hierbayes.specification.factor_name import factor_called
from hierbayes.studies.simulation.rows import (
    BETWEEN,
    SIZES,
    WITHIN,
    Layout,
    group_labels,
    group_sizes,
    refuse_bad_names,
    stream,
)
from hierbayes.studies.simulation.values import make_values


def make_factor_rows(layout: Layout, factors: tuple[str, ...], seed: int) -> pd.DataFrame:
    """The columns of all factors, then variables between groups, then variables within.

    Parameters
    ----------
    layout : Layout
        ``groups`` from factors to numbers, ``sizes`` of cells, ``between`` from factors to
        variables of their groups.
    factors : tuple of str
        Of the model.
    seed : int

    Raises
    ------
    StudyError
        Naming the argument, the factor or the column at fault.
    """
    parents = _parents(factors)
    refuse_bad_names(layout.variables, {}, tuple(parents))
    cells = _cells(parents, _by_column(layout.groups, factors, parents), seed)
    for factor, stated in _between(layout.between, factors, parents).items():
        columns = factor.split(":")
        above = [name for name in cells if cells.groupby(columns)[name].nunique().max() == 1]
        top = cells[above].drop_duplicates(columns).reset_index(drop=True)
        for name, source in stated.items():
            if name in layout.variables or name in cells:
                raise StudyError(f"'{name}' is stated twice; keep one")
            top[name] = make_values(f"'{name}'", source, stream(seed, BETWEEN, name), top)
        cells = cells.merge(top[[*columns, *stated]], on=columns, how="left")
    crossed = sum(not above for above in parents.values()) > 1
    sizes = group_sizes(layout.sizes, cells, stream(seed, SIZES), least=0 if crossed else 1)
    rows = cells.loc[cells.index.repeat(sizes)].reset_index(drop=True)
    for name, source in layout.variables.items():
        rows[name] = make_values(f"'{name}'", source, stream(seed, WITHIN, name), rows)
    return rows


def _parents(factors: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """From each column to those that it is nested in, the outermost first.

    Examples
    --------
    >>> _parents(("school", "school:class", "item"))
    {'school': (), 'item': (), 'class': ('school',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for columns in sorted((factor.split(":") for factor in factors), key=len):
        for k, name in enumerate(columns):
            found.setdefault(name, tuple(columns[:k]))
    return found


def _by_column(
    stated: Any, factors: tuple[str, ...], parents: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """What is stated for each column."""
    if not isinstance(stated, Mapping):
        example = ", ".join(f"'{name}': ..." for name in parents)
        raise StudyError(
            f"groups= of several grouping columns goes by column: {{{example}}}, not {stated!r}; "
            "or give data= with a column for each"
        )
    found: dict[str, Any] = {}
    for key, value in stated.items():
        factor = factor_called(key, factors)
        column = str(key) if key in parents else (factor or "").rpartition(":")[2]
        if column not in parents:
            raise StudyError(
                f"groups: {key!r} is no grouping factor of this model; they are: "
                f"{in_quotes(factors)}"
            )
        found[column] = value
    for name in parents:
        if name not in found:
            raise StudyError(
                f"groups: nothing is stated for '{name}'; give its number, as in "
                f"groups={{'{name}': 5}}"
            )
    return found


def _cells(
    parents: Mapping[str, tuple[str, ...]], stated: Mapping[str, Any], seed: int
) -> pd.DataFrame:
    """Every combination of labels that has rows, one a row, the first column slowest."""
    cells = pd.DataFrame(index=[0])
    for name, above in parents.items():
        if not above:
            labels = pd.DataFrame({name: group_labels(stated[name])})
            cells = cells.merge(labels, how="cross")
            continue
        outer = cells[list(above)].drop_duplicates().reset_index(drop=True)
        counts = group_sizes(stated[name], outer, stream(seed, SIZES, name), what=f"'{name}'")
        inner = outer.loc[outer.index.repeat(counts)].reset_index(drop=True)
        inner[name] = np.concatenate([np.arange(1, count + 1) for count in counts])
        cells = cells.merge(inner, on=list(above), how="left")
    return cells


def _between(
    stated: Mapping[str, Any], factors: tuple[str, ...], parents: Mapping[str, tuple[str, ...]]
) -> dict[str, Mapping[str, Any]]:
    """Variables of groups by factor, the outermost first."""
    found: dict[str, Mapping[str, Any]] = {}
    for key, variables in stated.items():
        factor = factor_called(key, factors)
        if factor is None or not isinstance(variables, Mapping):
            raise StudyError(
                f"between= of several grouping factors goes by factor, which are "
                f"{in_quotes(factors)}, as in {{'{factors[0]}': {{'x': ('normal', 0, 1)}}}}; "
                f"'{key}' is none"
                if factor is None
                else f"between: the variables of '{factor}' must be a mapping from columns to "
                f"their values, not {type(variables).__name__}"
            )
        refuse_bad_names({}, variables, tuple(parents))
        found[factor] = variables
    return dict(sorted(found.items(), key=lambda item: item[0].count(":")))
