"""Moments of several sets of rows, as if they had been made of all rows together.

Moments are sums over groups, and links join rows of one group alone: so moments of sets of whole
groups stand beside each other.  Where errors are independent, groups may be in several sets, and
what is of one group and one class adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.change_of_basis import columns_between, random_between
from hierbayes.design.group_coder import GroupCoder
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.joined_errors import joined_errors
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.frames.arrays import Floats, Integers


def joined_moments(
    parts: Sequence[ResidualMoments],
    basis: Basis | None = None,
    labels: Sequence[pd.Index] | None = None,
) -> ResidualMoments:
    """The moments of the rows of all parts; groups go by their labels.

    Associative, and the same in whatever order the parts come.  The rows are left behind.

    Parameters
    ----------
    parts : sequence of ResidualMoments
    basis : Basis, optional
        In which they are joined; by default that of the first.
    labels : sequence of Index, optional
        For each grouping factor all groups, in the order in which they are to stand; by default
        that of their labels.

    Raises
    ------
    DataError
        When parts are of different structures, groups whose errors are correlated are in several
        of them, or labels of groups are numbers in one and texts in another.
    """
    first = parts[0]
    basis = first.basis if basis is None else basis
    errors = joined_errors([part.rows for part in parts])
    factors, codes_of = _joined_factors(parts, labels)
    atoms = [_groups_of_atoms(part, own) for part, own in zip(parts, codes_of, strict=True)]
    atom_codes, atom_places = _distinct_columns(atoms)
    classes, class_places = _distinct_columns(
        [errors.classes(at, part.classes).T for at, part in enumerate(parts)]
    )
    keys = [
        atom[part.atoms] * classes.shape[1] + one[part.class_of]
        for part, atom, one in zip(parts, atom_places, class_places, strict=True)
    ]
    every = np.concatenate([_turned(part, basis) for part in parts])
    found, place = np.unique(np.concatenate(keys), return_inverse=True)
    cells = np.zeros((len(found), every.shape[1]))
    np.add.at(cells, place, every)
    return ResidualMoments(
        rows=cast(ResidualRows, errors.law),  # answers as they do where it can
        cells=cells,
        atoms=found // classes.shape[1],
        classes=np.ascontiguousarray(classes.T),
        class_of=found % classes.shape[1],
        atom_codes=atom_codes,
        counts=tuple(
            sum(
                (np.bincount(own[k], part.counts[k], factor.J)
                 for part, own in zip(parts, codes_of, strict=True)),
                start=np.zeros(factor.J),
            )
            for k, factor in enumerate(factors)
        ),
        design=replace(first.design, factors=factors),
        basis=basis,
    )  # fmt: skip


def _joined_factors(
    parts: Sequence[ResidualMoments], stated: Sequence[pd.Index] | None
) -> tuple[tuple[GroupingFactor, ...], list[list[Integers]]]:
    """The groups of every factor in their order, and by part the places of its own among them."""
    factors: list[GroupingFactor] = []
    codes_of: list[list[Integers]] = [[] for _ in parts]
    for k, factor in enumerate(parts[0].design.factors):
        coder = GroupCoder(factor.name)
        own = [
            coder.codes(part.design.factors[k].labels.to_series(), f"part {number + 1}")
            for number, part in enumerate(parts)
        ]
        labels, order = coder.sorted()
        rank = np.argsort(order)
        if stated is not None:
            rank = stated[k].get_indexer(labels)[rank]
            labels = stated[k]
        factors.append(GroupingFactor(factor.name, labels))
        for codes, one in zip(codes_of, own, strict=True):
            codes.append(rank[one])
    return tuple(factors), codes_of


def _groups_of_atoms(part: ResidualMoments, codes: list[Integers]) -> Integers:
    """The groups (factors, A) of the atoms of a part, its own groups having these codes."""
    if not part.design.effects:
        return part.atom_codes
    return np.stack([own[at] for own, at in zip(codes, part.atom_codes, strict=True)])


def _distinct_columns(parts: Sequence[Integers]) -> tuple[Integers, list[Integers]]:
    """Columns (k, ·) of all parts, each once and in order, and where those of each part are."""
    found, place = np.unique(np.concatenate(parts, axis=1), axis=1, return_inverse=True)
    ends = np.cumsum([part.shape[1] for part in parts])[:-1]
    return found, np.split(place.ravel(), ends)


def _turned(part: ResidualMoments, basis: Basis) -> Floats:
    """The cells (·, d²) of a part in another basis."""
    if part.basis is basis:
        return part.cells
    design = part.design
    q, d = sum(design.blocks), round(part.cells.shape[1] ** 0.5)
    M = np.zeros((d, d))
    M[:q, :q] = random_between(part.basis.z, basis.z, design.blocks)
    M[q:, q:] = columns_between(part.basis, basis)
    turned: Floats = M.T @ part.cells.reshape(-1, d, d) @ M
    return turned.reshape(len(turned), d * d)
