"""The addends of a formula of R, for terms that state what is no part of the mean."""

from __future__ import annotations

from collections.abc import Callable

from hierbayes.translation.r.syntax import Node


def addends(node: Node) -> list[Node]:
    """What is added up in one side of a formula, in order."""
    if node.kind == "infix" and node.text == "+":
        return [one for part in node.parts for one in addends(part)]
    return [node]


def without_addends(formula: Node, taken: Callable[[Node], bool]) -> tuple[Node, list[Node]]:
    """A two-sided formula without some addends of its right side, and these.

    Where nothing is left, the intercept that R puts there is.
    """
    if formula.kind != "infix" or formula.text != "~" or len(formula.parts) < 2:
        return formula, []
    left, right = formula.parts
    every = addends(right)
    found = [one for one in every if taken(one)]
    if not found:
        return formula, []
    kept = [one for one in every if not taken(one)] or [Node("number", "1", place=right.place)]
    rest = kept[0]
    for one in kept[1:]:
        rest = Node("infix", "+", (rest, one), place=rest.place)
    return Node("infix", "~", (left, rest), place=formula.place), found
