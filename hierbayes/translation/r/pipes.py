"""Pipes of R as the calls that they are."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.translation.r.syntax import Node

_PIPES = ("|>", "%>%")
_PLACEHOLDERS = ("_", ".")


def without_pipes(node: Node) -> Node:
    """The same code with ``x |> f(y)`` as ``f(x, y)``.

    Examples
    --------
    >>> from hierbayes.translation.r.syntax import parse_r
    >>> piped = without_pipes(parse_r("d |> f(a) |> g(y, data = _)")[0])
    >>> piped.function, [name for name, _ in piped.arguments], piped.arguments[1][1].function
    ('g', ['', 'data'], 'f')
    """
    parts = tuple(map(without_pipes, node.parts))
    if node.kind != "infix" or node.text not in _PIPES:
        return replace(node, parts=parts)
    value, right = parts
    if right.kind == "name":
        return Node("call", "(", (right, value), ("",), right.place)
    if right.kind != "call":
        return replace(node, parts=parts)
    marked = [part.kind == "name" and part.text in _PLACEHOLDERS for part in right.parts[1:]]
    if any(marked):
        given = (value if mark else p for mark, p in zip(marked, right.parts[1:], strict=True))
        return replace(right, parts=(right.parts[0], *given))
    return replace(right, parts=(right.parts[0], value, *right.parts[1:]), names=("", *right.names))
