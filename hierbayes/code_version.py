"""A number for the code of a function and of all it calls: other code has another.

What was compiled is kept under it, so that a change of an inner function outdates what calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any
from zlib import crc32

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.typing.templates import Signature
from numba.extending import _Intrinsic


def version_of(function: Any) -> int:
    """A number that changes with the code of a function, and of all of ours that it calls."""
    return crc32("\n".join(sorted(set(code_of(function, set())))).encode())


def code_of(function: Any, seen: set[Any]) -> Iterator[str]:
    """The code of a function and of those it calls; the values that are constants of the code."""
    if function in seen:
        return
    seen.add(function)
    yield f"{function.__qualname__} {_code_text(function.__code__)}"
    for name, value in named_in(function):
        if isinstance(value, Dispatcher):
            yield f"{name} {[(k, _ordered(one)) for k, one in sorted(value.targetoptions.items())]}"
        if isinstance(value, Dispatcher | _Intrinsic):
            called = value.py_func if isinstance(value, Dispatcher) else value._defn
            if called.__module__.split(".")[0] == function.__module__.split(".")[0]:
                yield from code_of(called, seen)
        elif isinstance(value, types.ExternalFunction):
            yield f"{name} {value.symbol} {value.sig}"
        elif isinstance(value, np.ndarray):
            yield f"{name} {value.tolist()}"
        elif _is_constant(value):
            yield f"{name} {value!r}"


def _ordered(value: Any) -> Any:
    """A value whose text is the same in every process: that of a set is not."""
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def _is_constant(value: Any) -> bool:
    """Whether compiled code holds a value itself, and its text is the same in every process."""
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return isinstance(value, bool | int | float | str | Signature)


def named_in(function: Any) -> Iterator[tuple[str, Any]]:
    """The global values that the code of a function names, and those that it closes over."""
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def _code_text(code: CodeType) -> str:
    """What a function does, as text: the same for the same source, wherever it stands."""
    inner = [_code_text(one) for one in code.co_consts if isinstance(one, CodeType)]
    constants = [_ordered(one) for one in code.co_consts if not isinstance(one, CodeType)]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {constants!r} {inner}"
