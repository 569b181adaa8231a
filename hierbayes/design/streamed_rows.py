"""Rows that stream: what is known of all of them, and none of them in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import FamilyRows
from hierbayes.design.group_design_of_roots import ColumnRoots
from hierbayes.design.one_pass import Pass
from hierbayes.design.recorded_columns import RecordedColumn
from hierbayes.design.row_facts import RowFacts
from hierbayes.design.row_parts import RowCases
from hierbayes.design.rows import Rows
from hierbayes.design.source_at_hand import SourceAtHand
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class StreamedRows:
    """The rows of a source: facts of all, and the first of them.

    Parameters
    ----------
    source : str
        What the source is called.
    facts : RowFacts
    head : Rows
        A few hundred rows, from which words are made.
    at_hand : SourceAtHand, optional
        The source itself.
    some : Rows, optional
        Some thousand rows from all over the source, that stand for all in pictures of priors.
    family : FamilyRows, optional
        What is known of responses that are not Gaussian.
    merged : MergedRows, optional
        Those of their likelihood, which are places among `kinds`.
    kinds : Rows, optional
        Rows that are alike as one.
    summed : Pass, optional
        The sums they were summed up to.
    recorded : mapping, optional
        What is remembered of columns whose ``head`` was made of that.
    distinct : DataFrame, optional
        Rows of a family that are alike as one, as they were read, and how often each occurs.
    """

    source: str
    facts: RowFacts
    head: Rows
    at_hand: SourceAtHand | None = None
    some: Rows | None = None
    family: FamilyRows | None = None
    merged: Any = None
    kinds: Rows | None = None
    summed: Pass | None = None
    recorded: Mapping[str, RecordedColumn] | None = None
    distinct: pd.DataFrame | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.facts.n

    @property
    def predictors(self) -> int:
        """One linear predictor a row."""
        return 1

    streams = True

    @property
    def column_roots(self) -> ColumnRoots:
        """What stands for the columns of the groups of the only grouping factor."""
        (roots,) = self.facts.roots_of
        return roots

    @property
    def log_root_weights(self) -> float:
        """Sum of log √w over all rows."""
        return self.facts.log_root_weights

    @property
    def root_weights(self) -> None:
        """None where rows are alike; else refused."""
        if self.facts.has_weights:
            self._refuse()

    @property
    def are_alike(self) -> bool:
        """Whether no row has a weight."""
        return not self.facts.has_weights

    @property
    def row_sd(self) -> float:
        """1 where rows are alike; else refused."""
        if self.facts.has_weights:
            self._refuse()
        return 1.0

    @property
    def added(self) -> None:
        """None where there is no offset; else refused."""
        if self.facts.has_offset:
            self._refuse()

    @property
    def offset(self) -> float:
        """0 where there is no offset; else refused."""
        if self.facts.has_offset:
            self._refuse()
        return 0.0

    @property
    def source_at_hand(self) -> SourceAtHand:
        """The source, to be read again.

        Raises
        ------
        DataError
            When it is not at hand.
        """
        if self.at_hand is None:
            raise DataError(
                f"the rows of {self.source} are not at hand any more: give their source, as in "
                "hb.predict_parts(fit, data)"
            )
        return self.at_hand

    @property
    def sample(self) -> Rows:
        """Some thousand rows from all over the source.

        Raises
        ------
        DataError
            When there are none, as of cross-products, or rows have weights or an offset.
        """
        if self.some is None or self.facts.has_weights or self.facts.has_offset:
            self._refuse()
        return self.some

    def sizes(self, k: int, J: int) -> Integers:
        """How many rows each of the J groups of factor k has."""
        sizes = self.facts.sizes_of[k]
        assert len(sizes) == J
        return sizes

    def parts(self) -> Iterator[Rows]:
        """The rows, read again a batch at a time, each with the weight of as often as it counts.

        Raises
        ------
        DataError
            When their source is not at hand.
        """
        for one in self.cases():
            yield one.weighed

    def cases(self) -> Iterator[RowCases]:
        """The rows, read again a batch at a time, and how often each counts.

        Raises
        ------
        DataError
            When their source is not at hand.
        """
        if self.at_hand is None:
            raise DataError(
                f"this reads the rows once more, and those of {self.source} are not at hand: a "
                "fit of cross-products, or from a file, has sums of them; fit their source again"
            )
        if self.at_hand.cases is None:
            self._refuse()
        return self.at_hand.cases()

    def read_by(self, cases: Callable[[], Iterator[RowCases]]) -> StreamedRows:
        """The same rows, which are read again in another way."""
        return replace(self, at_hand=replace(self.source_at_hand, cases=cases))

    def refuse_offset(self, what: str) -> None:
        """Refuse an offset, as `Rows` do."""
        self.head.refuse_offset(what)

    def refuse_weights(self, what: str) -> None:
        """Refuse weights, as `Rows` do."""
        self.head.refuse_weights(what)

    def of_factor(self, k: int, span: slice) -> StreamedRows:
        """The rows as if only factor k had random effects, those of ``span``."""
        kinds = None if self.kinds is None else self.kinds.of_factor(k, span)
        facts = replace(
            self.facts,
            second_moment=self.facts.second_moment[span, span],
            sizes_of=(self.facts.sizes_of[k],),
            roots_of=(self.facts.roots_of[k],),
        )
        return replace(self, facts=facts, head=self.head.of_factor(k, span), kinds=kinds)

    @property
    def response_range(self) -> tuple[float, float]:
        """Least and largest response."""
        return float(self.facts.low[-1]), float(self.facts.high[-1])

    @property
    def response_size(self) -> float:
        """Root mean square of the response."""
        return self.facts.response_size

    @property
    def zero_columns(self) -> Booleans:
        """Which fixed columns (p,) are zero in every row."""
        return (self.facts.low[:-1] == 0.0) & (self.facts.high[:-1] == 0.0)

    @property
    def constant_columns(self) -> Booleans:
        """Which fixed columns (p,) have one value in all rows."""
        return self.facts.low[:-1] == self.facts.high[:-1]

    @property
    def spread(self) -> Floats:
        """Standard deviations (p,) of the fixed columns."""
        spread: Floats = np.sqrt(np.maximum(np.diag(self.facts.covariance), 0.0))
        return spread

    @property
    def covariance(self) -> Floats:
        """Mean products (p, p) of the fixed columns about their means."""
        return self.facts.covariance

    @property
    def column_sizes(self) -> Floats:
        """Root mean squares (p,) of the fixed columns."""
        return self.facts.column_sizes

    @property
    def second_moment(self) -> Floats:
        """Mean of zz' (q, q)."""
        return self.facts.second_moment

    @property
    def two_valued(self) -> bool:
        """Whether each response is 0 or 1."""
        return self.facts.two_valued

    def __getattr__(self, name: str) -> Any:
        """Refuse what only rows in memory have."""
        if name.startswith("_"):
            raise AttributeError(name)
        self._refuse()

    def _refuse(self) -> NoReturn:
        refuse_to_hold(self.source)


def refuse_to_hold(source: str) -> NoReturn:
    """Refuse what only rows in memory have.

    Raises
    ------
    DataError
    """
    raise DataError(
        f"this needs the rows in memory, and those of {source} stream: give a frame of some of "
        "them, or of all, as data"
    )


def may_have_one_response(a: Rows, b: Rows) -> bool:
    """Whether two designs' responses are the same by what is known of rows that stream.

    Their range and size, and the product of the weights of their rows.
    """
    ours, theirs = (
        np.array([*one.response_range, one.response_size, one.log_root_weights]) for one in (a, b)
    )
    return bool(np.allclose(ours, theirs, rtol=1e-9, atol=0.0))
