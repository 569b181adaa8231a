"""Examples of public names whose docstrings have none, as they look at a prompt.

A name's docstring comes first. What a function returns is shown by the call that returns it, a
frame of a picture by the picture's example, and an error by what raises it.
"""

from __future__ import annotations

import ast
import doctest
import inspect
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import hierbayes as hb
from hierbayes.errors import HierbayesError
from tests.site.gallery import Example, examples
from tests.site.reference import SPACES
from tests.site.sessions import SESSIONS, Session

_LINES = 30  # of an output that are shown
_ROWS = 4  # of each table of a picture


def session_text(session: Session, spaces: dict[str, dict[str, Any]]) -> str:
    """A session as it looks; equal settings are run once, and kept in ``spaces``."""
    if session.setting not in spaces:
        spaces[session.setting] = {}
        exec(session.setting, spaces[session.setting])
    lines = [*_prompted(session.setting), *_prompted(session.shown)]
    return "\n".join([*lines, *_output(session.shown, spaces[session.setting])])


def session_of(name: str, value: object, pictures: dict[str, Example]) -> Session | None:
    """What is run for a name; None where its docstring has an example.

    Parameters
    ----------
    name : str
        With its space, as in ``"plots.plot_icc"``.
    value : object
    pictures : dict
        From the name of a picture to its example in the gallery.

    Raises
    ------
    KeyError
        When there is no example of a name.
    """
    if doctest.DocTestParser().get_examples(inspect.getdoc(value) or ""):
        return None
    if name in SESSIONS:
        return SESSIONS[name]
    last = name.rpartition(".")[2]
    if last in pictures:
        return Session(pictures[last].setting, pictures[last].call)
    frame = last if last.endswith("_frame") else _frame_that_returns(last)
    picture = pictures[f"plot_{frame.removesuffix('_frame')}"]
    call = picture.call.replace(picture.name, frame, 1)
    return Session(picture.setting, call)


def _frame_that_returns(kind: str) -> str:
    """The function of `hb.plots` that returns a table or tables of a class."""
    for name in hb.plots.__all__:
        if name.endswith("_frame"):
            returned = inspect.signature(getattr(hb.plots, name)).return_annotation
            if returned == kind:
                return name
    raise KeyError(kind)


def pictures_by_name() -> dict[str, Example]:
    """The examples of the gallery by the name of the picture."""
    return {example.name: example for example in examples()}


def _prompted(code: str) -> list[str]:
    """Code as it is typed."""
    lines: list[str] = []
    for node in ast.parse(code).body:
        first, *rest = (ast.get_source_segment(code, node) or "").splitlines()
        lines += [f">>> {first}", *(f"... {line}" for line in rest)]
    return lines


def _output(code: str, space: dict[str, Any]) -> list[str]:
    """What the value prints as, no longer than a page; an error is its last line."""
    try:
        value = eval(code, dict(space, print=str))
    except HierbayesError as error:
        kind = type(error)
        return [f"{kind.__module__}.{kind.__qualname__}: {error}"]
    lines = (value if isinstance(value, str) else _shown(value)).splitlines()
    lines = [line if line.strip() else "" for line in lines]
    return lines if len(lines) <= _LINES else [*lines[:_LINES], "..."]


def _shown(value: Any) -> str:
    """The value as it prints; the tables of a picture by their first rows."""
    if type(value).__name__ not in hb.plots.__all__:
        return repr(value)
    parts = []
    for field in fields(value):
        own = getattr(value, field.name)
        table = hasattr(own, "head") and len(own) > _ROWS
        text = f"{own.head(_ROWS)}\n..." if table else repr(own)
        parts.append(f"{field.name}:\n{text}" if "\n" in text else f"{field.name}: {text}")
    return "\n\n".join(parts)


def example_texts() -> dict[str, str]:
    """For each public name whose docstring has no example a session, run."""
    spaces: dict[str, dict[str, Any]] = {}
    pictures = pictures_by_name()
    found = {}
    for name, value in public_values():
        session = session_of(name, value, pictures)
        if session is not None:
            found[name] = session_text(session, spaces)
    return found


def public_values() -> Iterator[tuple[str, object]]:
    """Every public name, with its space where it has one, and what it is."""
    for name in hb.__all__:
        if name not in SPACES:
            yield name, getattr(hb, name)
    for space in SPACES:
        module = getattr(hb, space)
        yield from ((f"{space}.{name}", getattr(module, name)) for name in module.__all__)
