"""Long loops that show how far they are, and long steps that say so."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any

_SHOWN = 100  # times that a notebook is told, at most


@contextmanager
def steps(count: int, what: str, *, progress: bool) -> Iterator[Iterable[int]]:
    """Numbers from 0 to count − 1 beside a bar that says what is counted.

    The bar is closed when the loop ends in an error too: its thread would otherwise keep the
    process from ending.
    """
    if progress and in_notebook():
        yield _in_one_output(count, what)
        return
    from rich.progress import track

    shown: Any = track(range(count), f"{count} {what}", disable=not progress, transient=True)
    with closing(shown):
        yield shown


def announce(text: str) -> None:
    """One line on what is done now and takes a while, where bars go that are not results."""
    from rich.console import Console

    Console(stderr=True).print(text, highlight=False, soft_wrap=True)


def in_notebook() -> bool:
    """Whether a kernel runs the code: rich would ask for ipywidgets there."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _in_one_output(count: int, what: str) -> Iterator[int]:
    """The numbers, and one output of a cell that says how far they are."""
    display = import_module("IPython.display").display
    handle = display(_bar(0, count, what), raw=True, display_id=True)
    every = max(1, count // _SHOWN)
    for number in range(count):
        yield number
        if (number + 1) % every == 0 or number + 1 == count:
            handle.update(_bar(number + 1, count, what), raw=True)


def _bar(done: int, count: int, what: str) -> dict[str, str]:
    """How far it is, as text and as HTML."""
    text = f"{done} of {count} {what}"
    bar = f'<progress value="{done}" max="{count}"></progress> {text}'
    return {"text/plain": text, "text/html": bar}
