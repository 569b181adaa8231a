"""Rows whose responses are predicted: their columns, and the groups they are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_rows
from hierbayes.design.design import Design
from hierbayes.design.family_rows import offset_of
from hierbayes.design.group_codes import group_labels
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.matrices import columns_needed
from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.sources.opened import is_stream, of_memory
from hierbayes.specification.factor_name import factor_called

NEW_GROUPS = ("refuse", "population", "sample")
_EFFECTS = ("all", "none")
_GROUP_MEANS = ("remembered", "own")


@dataclass(frozen=True, slots=True, eq=False)
class PredictionRows:
    """Columns and groups of rows whose responses are predicted.

    Rows that have P linear predictors are there P times, a predictor after the other.

    Parameters
    ----------
    X, Z : (n P, p), (n P, q) float
        Z has no rows where no random effects are counted.
    codes_of : tuple of (n P,) int
        By factor the place of each row's group; J_k and more for groups that the fit has not seen.
    unseen : tuple of pandas.Index
        By factor the labels of those groups, in the order of their places.
    counted : tuple of int
        The factors whose random effects are counted.
    sampled : bool
        Whether the effects of unseen groups are drawn from G; otherwise they are 0.
    offset : (n P,) float, or 0
    index : pandas.Index
        Labels of the n rows.
    spans : tuple of slice
        The columns of Z of each factor.
    data : DataFrame or None
        The new rows; None for those of the fit.
    """

    X: Floats
    Z: Floats
    codes_of: tuple[Integers, ...]
    unseen: tuple[pd.Index, ...]
    counted: tuple[int, ...]
    sampled: bool
    offset: Floats | float
    index: pd.Index
    spans: tuple[slice, ...]
    data: pd.DataFrame | None

    @property
    def P(self) -> int:
        """Linear predictors of a row."""
        return len(self.X) // max(len(self.index), 1)

    def linear(self, gamma: Floats, us: Sequence[Floats]) -> Floats:
        """Xγ + Zu (n P,) with offset, given the effects (J_k, q_k) of the groups of the fit.

        Those of other groups are 0.
        """
        eta = self.X @ gamma + self.offset
        for k in self.counted:
            u = np.vstack([us[k], np.zeros((max(len(self.unseen[k]), 1), us[k].shape[1]))])
            eta = eta + (self.Z[:, self.spans[k]] * u[self.codes_of[k]]).sum(axis=1)
        return np.asarray(eta)

    def is_seen(self, k: int, J: int) -> Booleans:
        """Which rows (n P,) are in groups of factor k that the fit has seen."""
        return np.asarray(self.codes_of[k] < J)

    def parts(self, rows: int) -> Iterator[tuple[slice, PredictionRows]]:
        """These rows piece by piece, each of so many at most, with its place among all."""
        n, P = len(self.index), self.P
        for start in range(0, n, max(rows, 1)):
            at = slice(start, min(start + max(rows, 1), n))
            inner = slice(at.start * P, at.stop * P)
            offset = self.offset[inner] if isinstance(self.offset, np.ndarray) else self.offset
            yield at, PredictionRows(
                self.X[inner], self.Z[inner], tuple(codes[inner] for codes in self.codes_of),
                self.unseen, self.counted, self.sampled, offset, self.index[at], self.spans,
                None if self.data is None else self.data.iloc[at],
            )  # fmt: skip


def rows_to_predict(
    design: Design,
    data: pd.DataFrame | None,
    *,
    effects: str | Sequence[str] = "all",
    new_groups: str = "refuse",
    group_means: str = "remembered",
) -> PredictionRows:
    """The rows of a design, or new ones with the codings of its columns.

    Parameters are those of `Fit.predict`.

    Raises
    ------
    DataError
        When an argument has no meaning, or the new rows cannot be used.
    """
    counted = counted_factors(design, effects)
    if new_groups not in NEW_GROUPS:
        raise DataError(f"new_groups must be one of {', '.join(NEW_GROUPS)}, not {new_groups!r}")
    if group_means not in _GROUP_MEANS:
        raise DataError(
            f"group_means must be one of {', '.join(_GROUP_MEANS)}, not {group_means!r}"
        )
    sampled, spans, seen = new_groups == "sample", design.spans, design.rows
    nobody = tuple(pd.Index([]) for _ in design.factors)
    if data is None:
        if seen.streams:
            raise DataError(
                "the rows of this fit stream, and are not in memory together: "
                "hb.predict_parts(fit) has predictions and residuals, a part at a time"
            )
        return PredictionRows(
            seen.X, seen.Z, seen.codes_of, nobody, counted, sampled, seen.offset, seen.index,
            spans, None,
        )  # fmt: skip
    data = of_memory(data)
    if not isinstance(data, pd.DataFrame):
        parts = "; rows that stream are predicted by hb.predict_parts(fit, data)"
        raise DataError(
            f"data must be a pandas DataFrame, not {type(data).__name__}{parts * is_stream(data)}"
        )
    random = bool(counted)
    frame = _complete(design, data, counted)
    X, Z = design.columns.new_matrices(frame, random=random, own_means=group_means == "own")
    P = design.columns.n_predictors
    codes_of, unseen = _groups(design, frame, new_groups, counted) if random else ((), nobody)
    return PredictionRows(
        X, Z, tuple(np.repeat(codes, P) for codes in codes_of), unseen, counted, sampled,
        np.repeat(offset_of(design.specification, frame), P), frame.index, spans,
        frame,
    )  # fmt: skip


def counted_factors(design: Design, effects: str | Sequence[str]) -> tuple[int, ...]:
    """The factors whose random effects are in a prediction."""
    factors = design.specification.factors
    if isinstance(effects, str) and effects in _EFFECTS:
        return tuple(range(len(factors))) if effects == "all" else ()
    named = [effects] if isinstance(effects, str) else effects
    meant = [factor_called(name, factors) for name in named] if isinstance(named, Sequence) else []
    if None in meant or not isinstance(named, Sequence):
        many = "s" if len(factors) > 1 else ""
        known = f", or grouping factor{many}: {in_quotes(factors)}"
        raise DataError(
            f"effects must be 'all' (given the row's own group) or 'none' (population){known}, not "
            f"{effects!r}"
        )
    return tuple(factors.index(name) for name in dict.fromkeys(filter(None, meant)))


def _complete(design: Design, data: pd.DataFrame, counted: tuple[int, ...]) -> pd.DataFrame:
    """The rows with what the fixed part, and the factors that are counted, need."""
    spec = design.specification
    for name in columns_needed(spec.offsets):
        if name not in data.columns:
            raise DataError(
                f"the new rows have no column '{name}', which the offset of the model needs"
            )
    needed = [*columns_needed(spec.fixed, spec.offsets)]
    groups: list[str] = []
    if counted:
        needed += columns_needed(*spec.random_effects)
        groups = [column for k in counted for column in spec.columns_of[spec.factors[k]]]
        _refuse_no_group(data, groups)
    names = [name for name in dict.fromkeys([*needed, *groups])
             if name in data.columns or name in groups]  # fmt: skip
    frame, _, dropped = complete_rows(data, names)
    if dropped.rows:
        worst = next(iter(dropped.by_column))
        raise DataError(
            f"'{worst}' is missing in {dropped.by_column[worst]} of the new rows; predictions need "
            "complete rows"
        )
    return frame


def _refuse_no_group(data: pd.DataFrame, groups: Sequence[str]) -> None:
    """Refuse rows of which nothing says in what groups they are."""
    absent = [name for name in groups if name not in data.columns]
    if absent:
        raise DataError(
            f"the new rows have no column '{absent[0]}', which says what groups they are in; give "
            "it, or leave random effects out with effects='none'"
        )


def _groups(
    design: Design, data: pd.DataFrame, new_groups: str, counted: tuple[int, ...]
) -> tuple[tuple[Integers, ...], tuple[pd.Index, ...]]:
    """By factor the place of each row's group, and the labels of groups that are not seen.

    Of factors that are not counted every row is in the first group, whose effects nobody reads.
    """
    columns_of, nowhere = design.specification.columns_of, np.zeros(len(data), dtype=np.intp)
    found = [
        _groups_of(factor, group_labels(data, columns_of[factor.name]), new_groups)
        if k in counted
        else (nowhere, pd.Index([]))
        for k, factor in enumerate(design.factors)
    ]
    return tuple(codes for codes, _ in found), tuple(labels for _, labels in found)


def _groups_of(
    factor: GroupingFactor, labels: pd.Series, new_groups: str
) -> tuple[Integers, pd.Index]:
    codes = factor.find(labels)
    unseen = codes < 0
    if not unseen.any():
        return codes, pd.Index([])
    if new_groups == "refuse":
        raise DataError(
            f"{factor.no_group(labels.iloc[int(unseen.argmax())])}; use effects='none', "
            "new_groups='population' to predict it with u = 0, or new_groups='sample' with effects "
            "drawn from G"
        )
    if new_groups == "population":
        factor.refuse_other_type(labels[unseen])
        return np.where(unseen, factor.J, codes), pd.Index([])
    return placed_groups(factor, labels)


def placed_groups(factor: GroupingFactor, labels: pd.Series) -> tuple[Integers, pd.Index]:
    """Places of the groups of rows, those that are not seen after the others, and their labels.

    Raises
    ------
    DataError
        When a label is that of a group but for its type.
    """
    codes = factor.find(labels)
    unseen = codes < 0
    if not unseen.any():
        return codes, pd.Index([])
    factor.refuse_other_type(labels[unseen])
    places, names = pd.factorize(labels[unseen])
    codes = codes.copy()
    codes[unseen] = factor.J + places
    return codes, pd.Index(names)
