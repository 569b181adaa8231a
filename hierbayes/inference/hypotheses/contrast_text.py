"""Contrasts as text: ``"ses + 2 * ses:Sector[T.Public]"`` and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hierbayes.errors import HypothesisError, in_quotes

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def read_contrast(text: str, terms: tuple[str, ...]) -> dict[str, float]:
    """Weights by term of a sum of terms, each with a number before or a divisor after it.

    Where a name begins with another, the longer one is meant.

    Raises
    ------
    HypothesisError
        Quoting what cannot be read.

    Examples
    --------
    >>> read_contrast("ses + 2*ses:female - cvar(ses, school)/3",
    ...               ("ses", "ses:female", "cvar(ses, school)"))
    {'ses': 1.0, 'ses:female': 2.0, 'cvar(ses, school)': -0.3333333333333333}
    """
    names = "|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True))
    part = re.compile(
        rf"\s*([-+−]?)\s*(?:({_NUMBER})\s*[*·]\s*)?({names})\s*(?:/\s*({_NUMBER})\s*)?(?=[-+−]|$)"
    )
    weights: dict[str, float] = {}
    at = 0
    while at < len(text) or not weights:
        found = part.match(text, at)
        if found is None or (at and not found[1]):
            raise HypothesisError(
                f"cannot read '{text[at:].strip()}' in the contrast '{text}': write a sum of "
                f"terms with numbers, as in '{terms[0]} + 2 * {terms[-1]}'; the terms are: "
                f"{in_quotes(terms)}"
            )
        sign, number, term, divisor = found.groups()
        weight = float(number or 1.0) / float(divisor or 1.0)
        weights[term] = weights.get(term, 0.0) + (weight if sign in ("", "+") else -weight)
        at = found.end()
    return weights


def spell_contrast(weights: Mapping[Any, Any]) -> str:
    """A combination of terms spelt out, without those of weight 0.

    Examples
    --------
    >>> spell_contrast({"ses": 1, "Sector[T.Public]": 0, "ses:Sector[T.Public]": -0.5})
    'ses − 0.5·ses:Sector[T.Public]'
    """
    parts = []
    for term, weight in dict(weights).items():
        size = abs(weight)
        if size != 0.0:
            sign = "− " if weight < 0 else "+ "
            parts.append(f"{sign}{'' if size == 1 else f'{size:g}·'}{term}")
    text = " ".join(parts).removeprefix("+ ")
    return f"−{text[2:]}" if text.startswith("− ") else text


def counted(count: int, what: str) -> str:
    """A number of things: ``1 column``, ``2 columns``."""
    return f"{count} {what}{'' if count == 1 else 's'}"
