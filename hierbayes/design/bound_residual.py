"""A residual structure bound to the rows of a design."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.error_law import ErrorLaw
from hierbayes.design.group_codes import group_codes
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.design.rows import Rows
from hierbayes.design.shared_columns import SharedColumns
from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.residuals.bound import Columns, StructuredRows
from hierbayes.residuals.covariates import FITTED
from hierbayes.residuals.row_kernels import distinct_places
from hierbayes.residuals.structure import ResidualStructure

_NO_LABELS = pd.Index([""])  # of groups, where errors are independent


def bind_residual(
    structure: ResidualStructure,
    rows: Rows,
    factors: tuple[GroupingFactor, ...],
    fitted: Floats | None = None,
) -> ResidualRows:
    """A structure on the rows of a design.

    Variances that follow fitted values (n,) have those given, or, before any fit, those of least
    squares with the mean residual of each group of the first factor.

    Raises
    ------
    DataError
        When the rows cannot carry it, or its groups are not inside those of every factor.
    """
    if structure.follows_fitted:
        fitted = first_fitted(rows) if fitted is None else fitted
    found = bind_some(structure, rows, factors, innermost(factors), fitted)
    refuse_untold(found)
    _refuse_variances_twice(found)
    _refuse_one_name_twice(found)
    return found


def innermost(factors: tuple[GroupingFactor, ...]) -> int:
    """The place of the factor in whose groups errors are correlated by default.

    It has most groups; of several with as many it is the last, as classes stand after schools.
    """
    return max(range(len(factors)), key=lambda k: (factors[k].J, k))


def group_of_errors(design: Design) -> str:
    """The factor or the column in whose groups errors are correlated; empty where in none."""
    structure = design.specification.residual
    if structure is None or structure.correlation is None:
        return ""
    return structure.correlation.group or design.factors[innermost(design.factors)].name


def refuse_untold(law: ErrorLaw) -> None:
    """Refuse a structure of which the rows do not tell every parameter.

    Raises
    ------
    DataError
    """
    counts = law.level_counts.astype(np.float64)
    for part, level in zip(law.variances, law.level_of, strict=True):
        alone = len(law.variances) == 1  # whose levels are those of all
        part.refuse_untold(counts if alone else np.bincount(level, counts))
    if law.correlation is not None:
        law.correlation.refuse_untold(law.group)


def _refuse_one_name_twice(law: ErrorLaw) -> None:
    alone = len(law.variances) < 2 and not law.structure.has_occasion_variances
    if alone and all(part.has_own_names for part in law.variances):
        return
    names = [parameter.name for parameter in law.parameters]
    twice = [name for k, name in enumerate(names) if name in names[:k]]
    if twice:
        raise DataError(
            f"two parameters of {law.structure.text} are called '{twice[0]}', for two of its "
            "columns have a level of that name; rename the levels of one"
        )


def _refuse_variances_twice(found: ResidualRows) -> None:
    """Refuse variances that those of the occasions hold already.

    Log standard deviations are linear in a level for each occasion and the coordinates of the
    variances, whose columns must be independent over the pairs that occur.
    """
    if found.correlation is None or not (
        found.variances and found.structure.has_occasion_variances
    ):
        return
    own, occasion = np.unique(found.times, return_inverse=True)
    pairs = np.unique(np.stack([occasion, found.levels], axis=1), axis=0)
    slopes = found.sd_slopes[:, len(found.correlation.start) :]
    columns = np.hstack([np.eye(len(own))[pairs[:, 0]], slopes[pairs[:, 1]]])
    if np.linalg.matrix_rank(columns / np.linalg.norm(columns, axis=0)) == columns.shape[1]:
        return
    more = " and ".join(map(repr, found.structure.variances))
    raise DataError(
        f"{found.structure.correlation!r} has a variance for each occasion, of which {more} is a "
        "function in these rows; leave it out, or name what differs between the groups, such as "
        "their treatment"
    )


def bind_some(
    structure: ResidualStructure,
    rows: Rows,
    factors: tuple[GroupingFactor, ...],
    place: int,
    fitted: Floats | None = None,
) -> ResidualRows:
    """A structure on some rows, which need not tell every parameter.

    By default errors are correlated within the groups of the factor at this place.
    """
    frame = _columns(rows, structure, fitted)
    variances = tuple(part.bind(frame) for part in structure.variances)
    levels, level_of = _combined_levels([part.levels for part in variances], len(frame.index))
    group, labels, codes = _groups(structure, rows, factors, frame, place)
    correlation = None
    if structure.correlation is not None:
        _refuse_straddling(group, codes, rows, factors)
        correlation = structure.correlation.bind(StructuredRows(frame, codes, group, levels))
    counts = np.bincount(levels, minlength=level_of.shape[1])
    return ResidualRows(
        structure, group, labels, level_of, counts, correlation, variances, codes, levels, fitted
    )


def _columns(rows: Rows, structure: ResidualStructure, fitted: Floats | None) -> Columns:
    """Columns of the rows, and fitted values that variances follow."""
    if isinstance(rows.frames, SharedColumns) and not structure.follows_fitted:
        return rows.frames.seen
    frame = rows.frames[0] if len(rows.frames) == 1 else pd.concat(list(rows.frames))
    return frame.assign(**{FITTED: fitted}) if structure.follows_fitted else frame


def first_fitted(rows: Rows) -> Floats:
    """Fitted values (n,) of least squares, with the mean residual of each group."""
    gamma = np.linalg.lstsq(rows.X, rows.response)[0]
    fitted = rows.X @ gamma
    if rows.Z.shape[1]:
        codes, rest = rows.codes_of[0], rows.response - fitted
        fitted = fitted + (np.bincount(codes, rest) / np.maximum(np.bincount(codes), 1))[codes]
    return np.asarray(fitted + rows.offset)


def _combined_levels(parts: list[Integers], n: int) -> tuple[Integers, Integers]:
    """The combination of levels of each row (n,), and the level of each part in it (parts, L)."""
    if not parts:
        return np.zeros(n, dtype=np.intp), np.zeros((0, 1), dtype=np.intp)
    if len(parts) == 1:  # of which every level has rows
        return parts[0], np.arange(int(parts[0].max()) + 1)[None]
    place, sizes = parts[0], [int(parts[0].max()) + 1]
    for part in parts[1:]:
        sizes.append(int(part.max()) + 1)
        place = place * sizes[-1] + part
    found, place = distinct_places(place, math.prod(sizes))
    return place, np.stack(np.unravel_index(found, sizes))


def _groups(
    structure: ResidualStructure,
    rows: Rows,
    factors: tuple[GroupingFactor, ...],
    frame: Columns,
    place: int,
) -> tuple[str, pd.Index, Integers]:
    """The factor in whose groups errors are correlated, its groups, and the group of each row."""
    correlation = structure.correlation
    if correlation is None:
        return "", _NO_LABELS, np.zeros(len(frame.index), dtype=np.intp)
    if (group := correlation.group) is not None:
        for factor, codes in zip(factors, rows.codes_of, strict=True):
            if factor.name == group and ":" not in group:  # of one column, and not a combination
                return group, factor.labels, codes
        codes, labels = group_codes(frame[group])
        return group, labels.index, codes
    return factors[place].name, factors[place].labels, rows.codes_of[place]


def _refuse_straddling(
    group: str, codes: Integers, rows: Rows, factors: tuple[GroupingFactor, ...]
) -> None:
    """Refuse groups of correlated errors that are not inside one group of each factor."""
    for factor, other in zip(factors, rows.codes_of, strict=True):
        if other is codes:  # the groups are those of the factor
            continue
        first = np.zeros(int(codes.max()) + 1, dtype=np.intp)
        first[codes] = other
        if (first[codes] != other).any():
            raise DataError(
                f"errors are correlated within '{group}', and its groups have rows in several "
                f"groups of {in_quotes([factor.name])}; name a group that is inside those of every "
                "grouping factor, or leave the correlation out"
            )
