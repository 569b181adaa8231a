"""The law of errors of several sets of rows, as if all had been there together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.error_law import ErrorLaw
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.residuals.bound import BoundVariance
from hierbayes.residuals.bound_values import in_parts
from hierbayes.value import value


@value(slots=False)
class SummedErrors(ErrorLaw):
    """The law of errors of rows that were summed up, and are not in memory."""

    fitted = None  # of structures whose variances follow fitted values there are no sums

    def _mean_variance(self, z: Floats) -> float:
        if self.structure.has_occasion_variances:
            return float((self.row_sd(z) ** 2).mean())  # refused
        return super()._mean_variance(z)

    def __getattr__(self, name: str) -> Any:
        """Refuse what only rows in memory have."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise DataError(
            f"this needs the rows in memory, of which the errors have the structure "
            f"{self.structure.text}, and they stream: give a frame of some of them, or of all, as "
            "data"
        )


@dataclass(frozen=True, slots=True)
class JoinedErrors:
    """One law of errors, and where that of each part is in it.

    Parameters
    ----------
    law : SummedErrors
    kinds, levels : tuple of int arrays
        For each part the place of its kinds of links, and of its levels of variance.
    """

    law: SummedErrors
    kinds: tuple[Integers, ...]
    levels: tuple[Integers, ...]

    def classes(self, part: int, classes: Integers) -> Integers:
        """The classes (K, 3) of cells of one part as they are called in the joined law."""
        kind, a, b = classes.T
        a, b = self.levels[part][a], self.levels[part][b]
        return np.stack([self.kinds[part][kind], np.minimum(a, b), np.maximum(a, b)], axis=1)


def joined_errors(parts: Sequence[ErrorLaw]) -> JoinedErrors:
    """One law of the errors of all parts, the same in whatever order they come.

    Raises
    ------
    DataError
        When they are of different structures, or rows of one group whose errors are correlated
        are in several parts.
    """
    first, *others = parts
    for other in others:
        if other.structure == first.structure and other.group != first.group:
            raise DataError(
                f"errors are correlated within '{first.group}' in some of the rows, and within "
                f"'{other.group}' in others, where that factor has more groups; name the innermost "
                "one in the structure, as group='...'"
            )
        if other.structure != first.structure:
            raise DataError(
                f"errors of {first.structure.text} and of {other.structure.text} do not add up"
            )
    kinds: tuple[Integers, ...] = tuple(np.zeros(1, dtype=np.intp) for _ in parts)
    correlation, labels = None, first.labels
    if first.correlation is not None:
        labels = _distinct_groups(first.group, [part.labels for part in parts])
        correlation, kinds = first.correlation.joined([part.correlation for part in others])
    variances, level_of, levels = _joined_levels(parts)
    counts = np.bincount(
        np.concatenate(levels),
        np.concatenate([part.level_counts for part in parts]),
        level_of.shape[1],
    ).astype(np.intp)
    law = SummedErrors(
        first.structure, first.group, labels, level_of, counts, correlation, variances
    )
    return JoinedErrors(law, kinds, levels)


def _distinct_groups(name: str, parts: Sequence[pd.Index]) -> pd.Index:
    """The groups of all parts, of which none is in two."""
    every = parts[0].append(list(parts[1:]))
    twice = every[every.duplicated()]
    if len(twice):
        raise DataError(
            f"'{name}' {twice[0]} has rows in several parts ({len(twice)} such groups in all), and "
            "errors are correlated within them: make each part of whole groups"
        )
    return every


def _joined_levels(
    parts: Sequence[ErrorLaw],
) -> tuple[tuple[BoundVariance, ...], Integers, tuple[Integers, ...]]:
    """The variances, their combinations of levels (parts, L), and the place of each part's."""
    found: list[BoundVariance] = []
    columns: list[Integers] = []  # of every combination of every part
    for k, variance in enumerate(parts[0].variances):
        own = [part.variances[k] for part in parts]
        counts = [
            np.bincount(part.level_of[k], part.level_counts, int(part.level_of[k].max()) + 1)
            for part in parts
        ]
        joined, places = variance.joined(own[1:], counts)
        found.append(joined)
        of_parts = zip(parts, places, strict=True)
        columns.append(np.concatenate([place[part.level_of[k]] for part, place in of_parts]))
    sizes = [part.level_of.shape[1] for part in parts]
    if not columns:
        return (), np.zeros((0, 1), dtype=np.intp), in_parts(np.zeros(sum(sizes), int), sizes)
    combined, place = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return tuple(found), np.ascontiguousarray(combined.T), in_parts(place.ravel(), sizes)
