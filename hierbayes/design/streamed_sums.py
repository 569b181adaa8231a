"""One pass over the rows of a source: their cross-products in a basis, and what is known of all."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.constancy_watch import ConstancyWatch, Ranges
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.group_coder import GroupCoder
from hierbayes.design.group_roots import GroupRoots
from hierbayes.display.steps import announce
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.sources.source import Source

_KEPT = 20_000  # rows that are kept to choose a basis from
_OF_BATCH = 500  # of them from one batch, at most
_EVERY = 10.0  # seconds after which it says how far it is


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """What one pass found.

    Parameters
    ----------
    cross : CrossProducts
    columns : Ranges
        Of the fixed columns and the response.
    alone : dict
        From factors of terms to the fixed columns that they have to themselves.
    parts : dict of str to Ranges
        Of the columns of the other factors.
    mean : (p + 1,) float
        Means of the internal columns.
    two_valued : bool
        Whether each response is 0 or 1.
    sample : tuple of array
        X, Z and y of rows from all over the source.
    missing : dict
        Missing values by column.
    dropped : int
        Rows that are not complete.
    """

    cross: CrossProducts
    columns: Ranges
    alone: dict[str, tuple[int, ...]]
    parts: dict[str, Ranges]
    mean: Floats
    two_valued: bool
    sample: tuple[Floats, Floats, Floats]
    missing: dict[str, int]
    dropped: int

    @property
    def low(self) -> Floats:
        """Least values (p + 1,) of the fixed columns and the response."""
        return self.columns.low

    @property
    def high(self) -> Floats:
        """Largest values (p + 1,) of the fixed columns and the response."""
        return self.columns.high

    @property
    def outer(self) -> Booleans:
        """Fixed columns (p,) that are constant within every group."""
        return self.columns.constant[:-1]

    @property
    def between(self) -> frozenset[str]:
        """Factors of terms that are constant within every group."""
        outer = self.outer
        alone = {name for name, places in self.alone.items() if outer[list(places)].all()}
        return frozenset(alone | {name for name, one in self.parts.items() if one.constant.all()})


class _Sums:
    """What is added up, batch by batch."""

    def __init__(self, maker: BatchColumns, basis: Basis, group: str) -> None:
        p, q = len(maker.columns.terms), len(maker.columns.effects)
        self.maker, self.basis, self.coder = maker, basis, GroupCoder(group)
        self.roots = GroupRoots(q, p + 1)
        self.watch = ConstancyWatch(p + 1)
        self.factors = {name: -1 for name in maker.factors}
        self.parts: dict[str, ConstancyWatch] = {}
        self.missing: dict[str, int] = {}
        self.dropped, self.two_valued = 0, True
        self.sample: list[tuple[Floats, Floats, Floats]] = []
        self.kept = 0

    def add(self, made: Columned, place: str) -> None:
        for name, count in made.missing.items():
            self.missing[name] = self.missing.get(name, 0) + count
        self.dropped += made.dropped
        if not len(made.y):
            return
        codes = self.coder.codes(made.frame[self.coder.name], place)
        columns, Z = self.basis.internal_rows(made.X, made.Z, made.y)
        self.roots.add(columns, Z, codes, self.coder.J)
        self.watch.add(np.column_stack([made.X, made.y]), codes, self.coder.J)
        self._watch_factors(made, codes)
        self.two_valued &= bool(((made.y == 0.0) | (made.y == 1.0)).all())
        if self.kept < _KEPT:
            every = slice(None, None, max(len(made.y) // _OF_BATCH, 1))
            self.sample.append((made.X[every].copy(), made.Z[every].copy(), made.y[every].copy()))
            self.kept += len(self.sample[-1][2])

    def _watch_factors(self, made: Columned, codes: Integers) -> None:
        """The ranges of factors that are no fixed columns of their own."""
        for (name, how), part in zip(self.maker.factors.items(), made.parts, strict=True):
            if not isinstance(how, tuple):
                watch = self.parts.setdefault(name, ConstancyWatch(part.shape[1]))
                watch.add(part, codes, self.coder.J)

    def found(self) -> Pass:
        labels, order = self.coder.sorted()
        cross = self.roots.products(labels, order, self.basis)
        X, Z, y = zip(*self.sample, strict=True)
        return Pass(
            cross,
            self.watch.found(order),
            {name: how for name, how in self.maker.factors.items() if isinstance(how, tuple)},
            {name: watch.found(order) for name, watch in self.parts.items()},
            self.roots.sums / max(cross.n, 1.0), self.two_valued,
            (np.concatenate(X), np.concatenate(Z), np.concatenate(y)),
            self.missing, self.dropped,
        )  # fmt: skip


def summed_stream(source: Source, maker: BatchColumns, basis: Basis, group: str) -> Pass:
    """Sum up the rows of a source, in batches.

    After ten seconds a line says how many rows there have been, and how many a second.
    """
    sums, rows, started = _Sums(maker, basis, group), 0, monotonic()
    said = started
    with ThreadPoolExecutor(1) as adding:  # a batch is added up while the next is made
        last: Future[None] | None = None
        for batch in source.batches(maker.names, _labels(maker, group)):
            made = maker.of(batch)
            if last is not None:
                last.result()
            last = adding.submit(sums.add, made, batch.place)
            rows += len(batch.frame)
            if monotonic() - said > _EVERY:
                said = monotonic()
                of = "" if source.rows is None else f" of {source.rows:,}"
                announce(f"{rows:,}{of} rows read, {rows / (said - started):,.0f} a second")
        if last is not None:
            last.result()
    return sums.found()


def _labels(maker: BatchColumns, group: str) -> list[str]:
    return list(pd.unique(np.array([*maker.levels, group], dtype=object)))
