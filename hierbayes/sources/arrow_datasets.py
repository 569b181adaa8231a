"""Rows of pyarrow's datasets, fragment by fragment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hierbayes.sources.arrow_batches import ROWS
from hierbayes.sources.tables import TableSource, in_words

_TEXT = "the Arrow dataset"


def is_arrow_dataset(given: Any) -> bool:
    """Whether something is a dataset of pyarrow, which is not imported for that."""
    return type(given).__module__ == "pyarrow._dataset" and hasattr(given, "get_fragments")


def rows_of_dataset(dataset: Any) -> TableSource:
    """The rows of a dataset, in columns of its schema; a file that cannot be read is named."""
    schema = dataset.schema

    def read(names: list[str]) -> Iterator[tuple[str, Any]]:
        for place, part, words in _parts(dataset, schema):
            with in_words(place):
                scanner = part.scanner(columns=names, batch_size=ROWS, **words)
                for batch in scanner.to_batches():
                    yield place, batch

    return TableSource(_TEXT, read, tuple(schema.names))


def _parts(dataset: Any, schema: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The fragments of a dataset and where they are; of a filtered one, which has none, itself."""
    try:
        fragments = list(dataset.get_fragments())
    except ValueError:
        yield _TEXT, dataset, {}
        return
    for fragment in fragments:
        yield getattr(fragment, "path", _TEXT), fragment, {"schema": schema}
