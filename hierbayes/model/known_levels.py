"""The levels of columns of labels, known before rows are summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hierbayes.design.batch_columns import needed_names
from hierbayes.design.first_pass import columns_of_labels
from hierbayes.design.recorded_columns import LabelColumn, levels_in_order, record_columns
from hierbayes.design.usable_columns import refuse_unknown_names
from hierbayes.errors import DataError
from hierbayes.model.posed_model import PosedModel
from hierbayes.specification.formula import Specification


def levels_of_model(model: PosedModel) -> dict[str, pd.Index]:
    """The levels that go with a model."""
    pilot = model.problem.design.rows.head.frames[0]
    columns = record_columns(model.specification, pilot)
    return {name: one.index for name, one in columns.items() if isinstance(one, LabelColumn)}


def read_levels(levels: Mapping[str, Sequence[Any]] | None) -> dict[str, pd.Index]:
    """Levels that were stated.

    Raises
    ------
    DataError
        When they are no mapping.
    """
    if levels is None:
        return {}
    if not isinstance(levels, Mapping):
        raise DataError(
            "levels must be a mapping from columns to levels, such as "
            f"dict(sector=['Catholic', 'Public']), not {type(levels).__name__}"
        )
    return {name: pd.Index(list(own), name=name) for name, own in levels.items()}


def ordered_levels(spec: Specification, frame: pd.DataFrame) -> dict[str, pd.Index]:
    """Levels of categories in a frame, in the order in which a model of it codes them."""
    names = needed_names(spec)
    refuse_unknown_names(names, frame)
    labels = columns_of_labels(spec, frame)
    found = levels_in_order(frame, names)
    return {name: own for name, own in found.items() if name in labels}
