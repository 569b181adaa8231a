"""Columns of a formula as products of numbers and of indicators of levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from formulaic import ModelSpec

from hierbayes.frames.arrays import Floats

type Source = tuple[str, int]  # numbers by name, or a factor and the place of the level indicated

NUMBERS = -1  # the place of a level where a source is of numbers


class ColumnProduct(NamedTuple):
    """What a column is the product of.

    Parameters
    ----------
    scale : float
    factors : tuple of (str, int) or int
        Sources, and places of columns before this one that equal a product of sources: a column
        of ``a:b:c`` is that of ``a:b``, where there is one, times that of ``c``.
    """

    scale: float
    factors: tuple[Source | int, ...]

    @property
    def source(self) -> Source | None:
        """The source that it is, if it is nothing else."""
        (one,) = self.factors if len(self.factors) == 1 and self.scale == 1.0 else (0,)
        return one if isinstance(one, tuple) else None

    def write(self, values: Sequence[Any], into: Floats) -> None:
        """Write the product (n,), its factors being these values (n,) each."""
        if len(values) == 1 and self.scale == 1.0:
            into[:] = values[0]
            return
        if len(values) < 2 or self.scale != 1.0:
            into.fill(self.scale)
            rest = values
        else:
            np.multiply(values[0], values[1], out=into)
            rest = values[2:]
        for value in rest:
            into *= value


def products_of(spec: ModelSpec, levels: Mapping[str, int]) -> tuple[ColumnProduct, ...]:
    """What the columns are made of that formulaic's specification describes.

    Parameters
    ----------
    spec : formulaic.ModelSpec
    levels : mapping of str to int
        How many levels each factor has; names that are not there are of numbers.
    """
    found: list[ColumnProduct] = []
    places: dict[tuple[Source, ...], int] = {}
    for scale, sources in _written_out(spec, levels):
        head = places.get(sources[:-1]) if scale == 1.0 else None
        rest = sources if head is None else sources[-1:]
        parts = [places.get((one,), one) for one in rest]
        found.append(ColumnProduct(scale, (*parts,) if head is None else (head, *parts)))
        if sources and scale == 1.0:
            places.setdefault(sources, len(found) - 1)
    return tuple(found)


def _written_out(
    spec: ModelSpec, levels: Mapping[str, int]
) -> Iterator[tuple[float, tuple[Source, ...]]]:
    """A scale and the sources of each column, the first of a term varying fastest."""
    for part in spec.structure:
        for scoped in part.scoped_terms:
            ways = [_sources(one.factor.expr, one.reduced, levels) for one in scoped.factors]
            for chosen in product(*reversed(ways)):
                yield scoped.scale, chosen[::-1]


def _sources(name: str, reduced: bool, levels: Mapping[str, int]) -> list[Source]:
    """Numbers, or each level but, where reduced, the first."""
    if name not in levels:
        return [(name, NUMBERS)]
    return [(name, k) for k in range(int(reduced), levels[name])]
