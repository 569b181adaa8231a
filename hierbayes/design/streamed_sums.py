"""One pass over the rows of a source: their cross-products in a basis, and what is known of all."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.change_of_basis import one_of
from hierbayes.design.column_moments import ColumnMoments, Moments, moments_of
from hierbayes.design.column_roles import ColumnRoles, is_plain, plain_roles, rotated_roles
from hierbayes.design.factor_watch import FactorFound, FactorWatch
from hierbayes.design.level_roots import LevelRoots
from hierbayes.design.products import Products
from hierbayes.display.steps import announce
from hierbayes.frames.arrays import Floats
from hierbayes.sources.read_ahead import read_ahead
from hierbayes.sources.source import Source

_KEPT = 20_000  # rows that are kept to choose a basis from
_OF_BATCH = 500  # of them from one batch, at most
_WAITING = 2  # batches that wait to be added
_EVERY = 10.0  # seconds after which it says how far it is

type Factors = Mapping[str, tuple[str, ...]]  # the columns of each grouping factor


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """What one pass found.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
    factors : tuple of FactorFound
        What was found of each grouping factor.
    moments : Moments
        Of the internal columns, whatever rows weigh.
    log_root_weights : float
        Sum of log √w over all rows.
    two_valued : bool
        Whether each response is 0 or 1.
    sample : tuple of array
        X, Z and y of rows from all over the source.
    missing : dict
        Missing values by column.
    dropped : int
        Rows that are not complete.
    """

    cross: Products
    factors: tuple[FactorFound, ...]
    moments: Moments
    log_root_weights: float
    two_valued: bool
    sample: tuple[Floats, Floats, Floats]
    missing: dict[str, int]
    dropped: int

    @property
    def low(self) -> Floats:
        """Least values (p + 1,) of the fixed columns and the response."""
        return self.factors[0].columns.low

    @property
    def high(self) -> Floats:
        """Largest values (p + 1,) of the fixed columns and the response."""
        return self.factors[0].columns.high


class _Sums:
    """What is added up, batch by batch."""

    def __init__(self, maker: BatchColumns, basis: Basis, factors: Factors) -> None:
        columns = maker.columns
        p, q = len(columns.terms), len(columns.effects)
        self.maker, self.basis, self.plain = maker, basis, is_plain(basis)
        self.watches = [FactorWatch(name, own, maker) for name, own in factors.items()]
        self.roots = LevelRoots([_roles(maker, basis, span) for span in columns.spans])
        self.moments = ColumnMoments(q, p + 1)
        self.missing: dict[str, int] = {}
        self.dropped, self.two_valued, self.log_root_weights = 0, True, 0.0
        self.sample: list[tuple[Floats, Floats, Floats]] = []
        self.kept = 0

    def seen(self, made: Columned) -> Floats | None:
        """A table (d, n) of a batch, after all is added up that has no groups; None without."""
        for name, count in made.missing.items():
            self.missing[name] = self.missing.get(name, 0) + count
        self.dropped += made.dropped
        if not len(made.y):
            return None
        self.two_valued = self.two_valued and bool(
            ((made.observed == 0.0) | (made.observed == 1.0)).all()
        )
        if self.kept < _KEPT:
            every = slice(None, None, max(len(made.y) // _OF_BATCH, 1))
            self.sample.append(made.rows(every))
            self.kept += len(self.sample[-1][2])
        if self.plain and made.weights is None and self.basis.constant.any():
            return made.table
        columns, Z = self.basis.internal_rows(*made.rows())
        self.moments.add(columns, Z, made.times)
        if made.weights is not None:
            logs = np.log(made.weights)
            self.log_root_weights += 0.5 * float(
                (logs if made.times is None else made.times * logs).sum()
            )
        return made.table if self.plain else np.concatenate([columns.T, Z.T])

    def add(self, table: Floats, made: Columned, place: str) -> None:
        """Add the table of a batch to its groups; it touches nothing that `seen` does."""
        codes_of = [watch.codes(made, place) for watch in self.watches]
        sizes = [one.J for one in self.watches]
        released = self.roots.add(table, codes_of, sizes, made.times, made.weights)
        for watch, codes, own, change in zip(
            self.watches, codes_of, self.roots.roots, released, strict=True
        ):
            watch.watch(made, codes, own.roles.held, change)

    def found(self) -> Pass:
        sorted_of = [one.sorted for one in self.watches]
        cross, own = self.roots.products(sorted_of, self.basis)
        X, Z, y = zip(*self.sample, strict=True)
        are_known = self.moments.any  # of weighted rows, or without a constant
        return Pass(
            cross,
            tuple(
                one.found(cross, order, roots.held)
                for one, cross, order, roots in zip(
                    self.watches, own, sorted_of, self.roots.roots, strict=True
                )
            ),
            self.moments.found if are_known else moments_of(cross, own, one_of(self.basis.x)),
            self.log_root_weights, self.two_valued,
            (np.concatenate(X), np.concatenate(Z), np.concatenate(y)),
            self.missing, self.dropped,
        )  # fmt: skip


def _roles(maker: BatchColumns, basis: Basis, span: slice) -> ColumnRoles:
    """What is done with each column of the tables of `_Sums.seen`, for one factor."""
    if is_plain(basis):
        return plain_roles(maker.columns, basis, maker.z_at, span)
    return rotated_roles(len(maker.z_at), len(maker.columns.terms) + 1, span)


def summed_stream(source: Source, maker: BatchColumns, basis: Basis, factors: Factors) -> Pass:
    """Sum up the rows of a source, in batches, by the groups of every grouping factor.

    After ten seconds a line says how many rows there have been, and how many a second.
    """
    sums, rows, started = _Sums(maker, basis, factors), 0, monotonic()
    said = started
    batches = source.batches(maker.reader.columns, _labels(maker, factors))
    with ThreadPoolExecutor(1) as adding:  # to groups, while the next batch is read and made
        waiting: deque[Future[None]] = deque()
        for batch in read_ahead(batches):
            made = maker.of(batch)
            table = sums.seen(made)
            if len(waiting) == _WAITING:
                waiting.popleft().result()
            if table is not None:
                waiting.append(adding.submit(sums.add, table, made, batch.place))
            rows += len(batch.frame)
            if monotonic() - said > _EVERY:
                said = monotonic()
                of = "" if source.rows is None else f" of {source.rows:,}"
                announce(f"{rows:,}{of} rows read, {rows / (said - started):,.0f} a second")
        for last in waiting:
            last.result()
    return sums.found()


def _labels(maker: BatchColumns, factors: Factors) -> list[str]:
    groups = (name for columns in factors.values() for name in columns)
    return list(dict.fromkeys([*maker.levels, *groups]))
