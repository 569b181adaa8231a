"""Threads of BLAS while compiled code works on the dense blocks of several grouping factors.

A search factors matrices of some hundred effects again and again, each in a millisecond.  Two
threads that share one wait for each other at every step, and where the processors have other work
they wait for a time slice: a factor of a hundred, for nothing that an idle machine would gain.  One
thread also rounds in one way, whatever number of them there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

from threadpoolctl import ThreadpoolController

from hierbayes.design.elimination import SMALL
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts

LARGE = 2000  # effects of one dense block, from which on threads are worth their waiting


@contextmanager
def few_blas_threads(cross: Products) -> Iterator[None]:
    """One thread of BLAS for the effects of several factors, but of very large blocks.

    The setting is that of the process, and put back as it was found; of several threads of Python
    one alone can change it, which is threadpoolctl's rule.

    Parameters
    ----------
    cross : Products
        Whose blocks are worked on; of one grouping factor nothing is changed.
    """
    if not _waits(cross):
        yield
        return
    with _controller().limit(limits=1):
        yield


def with_few_blas_threads[**P, R](
    of: Callable[..., Products],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same around a function; ``of`` finds the cross-products among its arguments."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def limited(*args: P.args, **kwargs: P.kwargs) -> R:
            cross = of(*args, **kwargs)
            if not _waits(cross):
                return function(*args, **kwargs)
            with few_blas_threads(cross):
                return function(*args, **kwargs)

        return limited

    return decorate


def _waits(cross: Products) -> bool:
    """Whether BLAS is asked for dense blocks, and so small ones that threads would only wait."""
    if not isinstance(cross, SparseProducts):
        return False
    return SMALL < elimination_of(cross).core_size < LARGE


@cache
def _controller() -> Any:
    return ThreadpoolController().select(user_api="blas")
