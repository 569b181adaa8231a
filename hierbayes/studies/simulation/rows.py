"""The rows to simulate on: groups, their sizes, and variables at both levels.

Each variable has a stream of random numbers of its own, made from the seed and its name: another
variable, or another order, changes none of its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.frames.arrays import Integers
from hierbayes.specification.counts import is_whole
from hierbayes.studies.simulation.values import make_values

SIZES, EFFECTS, RESIDUALS, BETWEEN, WITHIN = range(5)  # streams of random numbers
_TRIES = 100


def stream(seed: int, kind: int, name: str = "") -> np.random.Generator:
    """The generator of one stream: of its own seed sequence, found by kind and name."""
    key = (kind, crc32(name.encode())) if name else (kind,)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Groups, their sizes and variables, as stated.

    Parameters
    ----------
    groups : int or sequence
        How many groups, or their labels.
    sizes : int, list, tuple or callable
        Rows of each group: one number, a list, or a source (see `values`).
    variables, between : mapping
        From the name of a column to its source; ``between`` has a value for each group.
    """

    groups: Any
    sizes: Any
    variables: Mapping[str, Any] = field(default_factory=dict)
    between: Mapping[str, Any] = field(default_factory=dict)


def make_rows(layout: Layout, group: str, seed: int) -> pd.DataFrame:
    """The group column, then variables between groups, then variables within.

    Raises
    ------
    StudyError
        Naming the argument or the column at fault.
    """
    refuse_bad_names(layout.variables, layout.between, (group,))
    top = pd.DataFrame({group: group_labels(layout.groups)})
    for name, source in layout.between.items():
        top[name] = make_values(f"'{name}'", source, stream(seed, BETWEEN, name), top)
    sizes = group_sizes(layout.sizes, top, stream(seed, SIZES))
    rows = top.loc[top.index.repeat(sizes)].reset_index(drop=True)
    for name, source in layout.variables.items():
        rows[name] = make_values(f"'{name}'", source, stream(seed, WITHIN, name), rows)
    return rows


def refuse_bad_names(variables: Any, between: Any, groups: tuple[str, ...]) -> None:
    """Refuse variables that are no mapping, stand twice, or have the name of a group column."""
    for argument, stated in (("variables", variables), ("between", between)):
        if not isinstance(stated, Mapping):
            raise StudyError(
                f"{argument} must be a mapping from columns to their values, as in "
                f"{{'x': ('normal', 0, 1)}}, not {type(stated).__name__}"
            )
        for group in groups:
            if group in stated:
                raise StudyError(
                    f"{argument}: '{group}' is the group column; it is made from groups="
                )
    for name in variables:
        if name in between:
            raise StudyError(f"'{name}' stands in variables and in between; keep one")


def group_labels(groups: Any) -> pd.Index:
    """Labels of the groups: 1 to J where their number is stated."""
    if is_whole(groups) and groups >= 1:
        return pd.RangeIndex(1, groups + 1)
    if isinstance(groups, str) or not hasattr(groups, "__len__"):
        raise StudyError(
            f"groups must be a number of groups of at least 1, or a list of labels, not {groups!r}"
        )
    labels = pd.Index(groups)
    if not labels.is_unique:
        raise StudyError(f"groups: the label '{labels[labels.duplicated()][0]}' stands twice")
    return labels


def group_sizes(
    stated: Any,
    groups: pd.DataFrame,
    rng: np.random.Generator,
    *,
    least: int = 1,
    what: str = "sizes",
) -> Integers:
    """Rows of each group, or groups in it; drawn sizes below the least are drawn again.

    Parameters
    ----------
    stated : int, list, tuple or callable
        One number, one for each, or a source (see `values`).
    groups : DataFrame
        A row for each.
    rng : Generator
    least : int
    what : str
        For messages.
    """
    if is_whole(stated):
        stated = [stated] * len(groups)
    drawn = isinstance(stated, tuple) or callable(stated)
    sizes = _whole(np.asarray(make_values(what, stated, rng, groups)), what)
    for _ in range(_TRIES if drawn else 0):
        small = sizes < least
        if not small.any():
            break
        sizes[small] = _whole(np.asarray(make_values(what, stated, rng, groups)), what)[small]
    if (sizes < least).any():
        j = int((sizes < least).argmax())
        has = "rows" if what == "sizes" else f"of {what}"
        needs = "one at least" if least else "none or more"
        raise StudyError(
            f"sizes: group {groups.iloc[j, 0]} has {sizes[j]} {has}; every group needs {needs}"
        )
    return sizes


def _whole(values: Any, what: str) -> Integers:
    if values.dtype.kind not in "iu" and not (
        values.dtype.kind == "f" and np.array_equal(values, np.rint(values))
    ):
        raise StudyError(
            f"{what} must be whole numbers: one for all groups, a list, or a distribution such as "
            "('poisson', 30)"
        )
    return values.astype(np.intp)
