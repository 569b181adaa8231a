"""One pass over the rows of a source: their cross-products in a basis, and what is known of all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from time import monotonic

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.change_of_basis import one_of
from hierbayes.design.column_moments import ColumnMoments, moments_of
from hierbayes.design.column_roles import is_plain
from hierbayes.design.factor_coder import FactorCoder
from hierbayes.design.group_lanes import WAITING, CodedBatch, Factors, Lane, joined_lanes
from hierbayes.design.one_pass import Pass
from hierbayes.display.steps import announce
from hierbayes.frames.arrays import Floats
from hierbayes.sources.read_ahead import read_ahead
from hierbayes.sources.source import Source

_KEPT = 20_000  # rows that are kept to choose a basis from
_OF_BATCH = 500  # of them from one batch, at most
_LANES = 2  # sums that batches are added to in turns, each by a thread
_ALONE = 8  # batches after which there is more than one of them
_EVERY = 10.0  # seconds after which it says how far it is


class _Sums:
    """What is added up, batch by batch."""

    def __init__(self, maker: BatchColumns, basis: Basis, factors: Factors) -> None:
        columns = maker.columns
        p, q = len(columns.terms), len(columns.effects)
        self.maker, self.basis, self.factors = maker, basis, factors
        self.plain = is_plain(basis)
        self.coders = [FactorCoder(name, own) for name, own in factors.items()]
        self.lanes = [Lane(maker, basis, factors)]
        self.moments = ColumnMoments(q, p + 1)
        self.missing: dict[str, int] = {}
        self.dropped, self.two_valued, self.log_root_weights = 0, True, 0.0
        self.sample: list[tuple[Floats, Floats, Floats]] = []
        self.kept = self.batches = 0

    def take(self, adding: Executor, made: Columned, place: str) -> None:
        """Add a batch, by its groups in another thread."""
        for name, count in made.missing.items():
            self.missing[name] = self.missing.get(name, 0) + count
        self.dropped += made.dropped
        if not len(made.y):
            return
        table = self._seen(made)
        codes_of = [one.codes(made.frame, place) for one in self.coders]
        if self.batches >= _ALONE and len(self.lanes) < _LANES:
            self.lanes.append(Lane(self.maker, self.basis, self.factors))
        lane = self.lanes[-1 - self.batches % len(self.lanes)]  # the newest has one at once
        lane.take(adding, CodedBatch(table, made, codes_of, [one.J for one in self.coders]))
        self.batches += 1

    def _seen(self, made: Columned) -> Sequence[Floats]:
        """The columns (n,) of the table of a batch, after all is added up that has no groups."""
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
        return made.table if self.plain else [*columns.T, *Z.T]

    def found(self) -> Pass:
        sorted_of = [one.sorted() for one in self.coders]
        parts = [lane.found(sorted_of, self.basis) for lane in self.lanes]
        labels = [labels for labels, _ in sorted_of]
        cross, factors = joined_lanes(parts, labels, self.basis, self.maker.columns)
        own = [one.cross for one in factors]
        X, Z, y = zip(*self.sample, strict=True)
        are_known = self.moments.any  # of weighted rows, or without a constant
        return Pass(
            cross, factors,
            self.moments.found if are_known else moments_of(cross, own, one_of(self.basis.x)),
            self.log_root_weights, self.two_valued,
            (np.concatenate(X), np.concatenate(Z), np.concatenate(y)),
            self.missing, self.dropped,
        )  # fmt: skip


def summed_stream(source: Source, maker: BatchColumns, basis: Basis, factors: Factors) -> Pass:
    """Sum up the rows of a source, in batches, by the groups of every grouping factor.

    Of many batches every second one is added to sums of its own, by another thread; which batch
    goes where does not depend on how many processors there are.  After ten seconds a line says how
    many rows there have been, and how many a second.
    """
    sums, rows, started = _Sums(maker, basis, factors), 0, monotonic()
    said = started
    batches = source.batches(maker.reader.columns, tuple(maker.levels))
    with ThreadPoolExecutor(_LANES * WAITING) as adding:  # while the next batch is made
        for batch in read_ahead(batches):
            sums.take(adding, maker.of(batch), batch.place)
            rows += len(batch.frame)
            if monotonic() - said > _EVERY:
                said = monotonic()
                of = "" if source.rows is None else f" of {source.rows:,}"
                announce(f"{rows:,}{of} rows read, {rows / (said - started):,.0f} a second")
        return sums.found()
