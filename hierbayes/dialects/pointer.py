"""Refusals of code that point at the place."""

from __future__ import annotations

from hierbayes.errors import FormulaError


def pointed(text: str, place: int, message: str) -> FormulaError:
    r"""An error that shows the line of a text and a caret under the place.

    Examples
    --------
    >>> print(pointed("a\nb + )", 6, "cannot read the code: ')' closes nothing"))
    cannot read the code: ')' closes nothing
        b + )
            ^
    """
    place = min(place, len(text))
    start = text.rfind("\n", 0, place) + 1
    line = text[start:].split("\n", 1)[0]
    return FormulaError(f"{message}\n    {line}\n    {' ' * (place - start)}^")
