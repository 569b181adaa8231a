"""Group means that join a model beside the terms that vary within groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.levels import is_outer
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.inference.context.fixed_effects import within_columns
from hierbayes.inference.context.spread import group_means

_SPANNED = 1e-9  # of what is left of a column beside the others, against its size


@dataclass(frozen=True, slots=True, eq=False)
class MeansAdded:
    """Columns (n, p'), their names, and for each tested term its contrasts (p',)."""

    X: Floats
    names: tuple[str, ...]
    added: tuple[str, ...]
    within: dict[str, int]
    contrasts: dict[str, Floats]
    skipped: tuple[str, ...]


def means_added(design: Design) -> MeansAdded:
    """Which means join the model, and which contrasts are the contextual effects."""
    inner = within_columns(design, "mundlak")
    means = group_means(design.rows.X, design.rows.codes, design.J)[design.rows.codes]
    columns, names = [design.rows.X], list(design.terms)
    within: dict[str, int] = {}
    partners: dict[str, tuple[int, ...]] = {}  # place of the mean, and of a deviation
    skipped = []
    for place in inner:
        term, mean = design.terms[place], means[:, place]
        twin = term.replace("dvar(", "cvar(")
        if twin != term and twin in design.terms:
            partners[term] = (design.terms.index(twin), place)
        elif (latent := f"lvar({term}, {design.specification.group})") in design.terms:
            partners[term] = (design.terms.index(latent),)
        elif (there := _same_column(mean, design)) is not None:
            partners[term] = (there,)
        elif _is_spanned(mean, np.column_stack(columns)):
            skipped.append(term)
            continue
        else:
            columns.append(mean[:, None])
            names.append(f"cvar({term}, {design.specification.group})")
            partners[term] = (len(names) - 1,)
        within[term] = place
    if not partners:
        raise DataError(
            "no contextual effect can be tested: the group means of "
            f"{', '.join(repr(term) for term in skipped)} are constant or combinations of other "
            "terms; put the variable in as it is, not as a deviation from its group mean"
        )
    X = np.column_stack(columns)
    added = tuple(names[len(design.terms) :])
    _refuse_too_few_groups(design, X, added)
    contrasts = {}
    for term, (mean_at, *deviation) in partners.items():
        contrast = np.zeros(len(names))
        contrast[mean_at] = 1.0
        contrast[deviation] = -1.0
        contrasts[term] = contrast
    return MeansAdded(X, tuple(names), added, within, contrasts, tuple(skipped))


def _same_column(mean: Floats, design: Design) -> int | None:
    """The fixed column that is this mean."""
    size = np.abs(design.rows.X - mean[:, None]).max(axis=0)
    there = np.flatnonzero(
        (size <= _SPANNED * np.abs(mean).max()) & (np.ptp(design.rows.X, axis=0) > 0)
    )
    return int(there[0]) if len(there) else None


def _is_spanned(column: Floats, others: Floats) -> bool:
    """Whether a column is a combination of the others, the constant among them."""
    columns = np.column_stack([np.ones(len(others)), others - others.mean(axis=0)])
    size = np.sqrt((columns**2).sum(axis=0))
    columns = columns / np.where(size > 0.0, size, 1.0)
    centred = column - column.mean()
    scale = max(float(np.abs(column).max()), 1e-300)
    rest = centred - columns @ np.linalg.lstsq(columns, centred, rcond=1e-12)[0]
    return float(np.abs(rest).max()) <= 1e2 * _SPANNED * scale or float(scale) <= 1e-12


def _refuse_too_few_groups(design: Design, X: Floats, added: tuple[str, ...]) -> None:
    outer = int(is_outer(X, design.rows.codes, design.J).sum())
    if added and outer >= design.J:
        raise DataError(
            f"{design.J} groups are too few for {outer} columns of groups, {len(added)} of them "
            f"added ({', '.join(added)}); use fewer terms"
        )
