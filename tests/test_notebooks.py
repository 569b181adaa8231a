"""The notebooks: a fresh run prints what is stored, and prose quotes only what a cell printed."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests.notebooks import PATHS, SAMPLED, Kernel, agree, numbers, texts, words

pytestmark = pytest.mark.slow

QUOTED = re.compile(r"(?<![\w.])[-+−]?\d+\.\d+(?![\w.])")  # decimals in prose are results


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """One for all: what takes longest, to import the packages, is done once."""
    with Kernel(sketched=True) as kernel:
        yield kernel


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.stem)
def pair(request: pytest.FixtureRequest, kernel: Kernel) -> tuple[NotebookNode, NotebookNode]:
    """A notebook as it is stored, and after a fresh run."""
    path: Path = request.param
    return nbformat.read(path, as_version=4), kernel.run(path)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_sixteen() -> None:
    assert len(PATHS) == 16


def test_a_fresh_run_prints_what_is_stored(pair: tuple[NotebookNode, NotebookNode]) -> None:
    stored, fresh = pair
    for old, new in zip(code(stored), code(fresh), strict=True):
        assert [words(text) for text in texts(old)] == [words(text) for text in texts(new)]
        if SAMPLED in old.metadata.get("tags", []):
            continue
        pairs = zip(texts(old), texts(new), strict=True)
        for first, second in ((a, b) for x, y in pairs for a, b in zip(
            numbers(x), numbers(y), strict=True)):  # fmt: skip
            assert agree(first, second), f"{first} is {second} in a fresh run of:\n{old.source}"


def test_no_cell_warns(pair: tuple[NotebookNode, NotebookNode]) -> None:
    printed = [text for cell in code(pair[1]) for text in texts(cell)]
    assert [text for text in printed if text.startswith("stderr")] == []


def test_decimals_in_prose_were_printed_by_a_cell(
    pair: tuple[NotebookNode, NotebookNode],
) -> None:
    fresh = pair[1]
    printed = {
        number
        for cell in code(fresh)
        if SAMPLED not in cell.metadata.get("tags", [])
        for text in texts(cell)
        for number in numbers(text)
    }
    source = "\n".join(cell.source for cell in code(fresh))
    prose = "\n".join(cell.source for cell in fresh.cells if cell.cell_type == "markdown")
    known = printed | set(numbers(source))
    assert [number for number in QUOTED.findall(prose) if number not in known] == []
