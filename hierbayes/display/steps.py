"""Long loops that show how far they are, and long steps that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from rich.console import Console
from rich.progress import track


@contextmanager
def steps(count: int, what: str, *, progress: bool) -> Iterator[Iterable[int]]:
    """Numbers from 0 to count − 1 beside a bar that says what is counted.

    The bar is closed when the loop ends in an error too: its thread would otherwise keep the
    process from ending.
    """
    shown: Any = track(range(count), f"{count} {what}", disable=not progress, transient=True)
    with closing(shown):
        yield shown


def announce(text: str) -> None:
    """One line on what is done now and takes a while, where bars go that are not results."""
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)
