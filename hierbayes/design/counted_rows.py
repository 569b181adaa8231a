"""The complete rows of a batch, and how often each of them counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from hierbayes.design.column_kinds import ColumnKinds
from hierbayes.design.complete import complete_part
from hierbayes.design.row_weights import refuse_bad_weights, whole_counts
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.frames.seen_columns import SeenColumns
from hierbayes.sources.source import Batch
from hierbayes.specification.formula import Specification


class CountedRows(NamedTuple):
    """The complete rows of a batch.

    Parameters
    ----------
    columns : SeenColumns
    times : (n,) float or None
        How often each counts; None where all count once.
    missing : dict
        Missing values by column.
    dropped : int
        Rows that are not complete.
    """

    columns: SeenColumns
    times: Floats | None
    missing: dict[str, int]
    dropped: int

    @property
    def frame(self) -> pd.DataFrame:
        """The same as a frame."""
        return self.columns.frame


@dataclass(frozen=True, slots=True)
class RowReader:
    """How the rows that a model uses are read of batches.

    Parameters
    ----------
    spec : Specification
    names : tuple of str
        Columns of the data without which a row is not complete.
    counts : str
        The column that says how often each row counts; empty where all count once.
    kinds : ColumnKinds
        What the columns have held so far.
    """

    spec: Specification
    names: tuple[str, ...]
    counts: str = ""
    kinds: ColumnKinds = field(default_factory=ColumnKinds, compare=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the data that are read, that of counts among them."""
        return tuple(dict.fromkeys([*self.names, *filter(None, [self.counts])]))

    def of(self, batch: Batch) -> CountedRows:
        """The complete rows of a batch that count at least once.

        Raises
        ------
        DataError
            When a count is no whole number, a weight none above 0, a number infinite, or a column
            of another kind than before, naming the place.
        """
        data, times = SeenColumns(batch.frame, {}), None
        values = [name for name in self.columns if name not in self.spec.group_columns]
        self.kinds.refuse_others(data, values, batch.place)
        try:
            if self.counts:
                times = whole_counts(data, self.counts)
                data = SeenColumns(batch.frame[times > 0.0], {})
                times = times[times > 0.0]
            refuse_bad_weights(self.spec, data)
        except DataError as error:
            raise DataError(f"{batch.place}: {error}") from error
        columns, missing = complete_part(data, self.names, batch.place)
        if times is None:
            return CountedRows(columns, None, missing, len(data) - len(columns))
        kept = data.index.isin(columns.index)
        missing = {name: int(times[np.asarray(data[name].isna())].sum()) for name in missing}
        return CountedRows(columns, times[kept], missing, int(times[~kept].sum()))
