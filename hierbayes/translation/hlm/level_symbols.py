"""The letters of equations at several levels, and their numbers.

A coefficient has one number more at each level, π0, β00, γ000, and a random effect those of the
coefficient whose equation it stands in: that tells them apart, by whichever letters they are
called.
"""

from __future__ import annotations

import re

# By the number of levels above that of the rows: coefficients, random effects, residual.
SYMBOLS = {2: ("πβγ", "ru", "e"), 3: ("ψπβγ", "eru", "ε")}

NUMBERS = r"_?(?P<index>\d+(?:[,_]\d+)*)_?(?:tijk|ijkl|ijk|tij|jkl|jk|ij|kl|l|k|j|i)?"
COEFFICIENT = re.compile(
    rf"(?P<symbol>[ψπβγδθ]|[Pp]si|[Pp]i|[Bb]eta|[Gg]amma|[Dd]elta|[PBGD])(?!\w*\[){NUMBERS}"
)
EFFECT = re.compile(rf"(?P<symbol>[eruvεERUV])(?!\w*\[){NUMBERS}")
RESIDUAL = re.compile(r"(?:[erεER]|epsilon)_?[tijkl]*")

_WORDS = {"psi": "ψ", "pi": "π", "p": "π", "beta": "β", "b": "β", "gamma": "γ", "g": "γ",
          "delta": "δ", "d": "δ", "theta": "θ", "t": "θ"}  # fmt: skip


def letter(found: re.Match[str]) -> str:
    """The letter of a coefficient or a random effect, by whatever name."""
    name = found["symbol"].lower()
    return _WORDS.get(name, name)


def digits(index: str) -> tuple[int, ...]:
    """Numbers written together, or with commas where one has two digits.

    Examples
    --------
    >>> digits("010"), digits("0,10")
    ((0, 1, 0), (0, 10))
    """
    parts = re.split("[,_]", index)
    return tuple(map(int, parts if len(parts) > 1 else index))


def has_index(index: tuple[int, ...], found: re.Match[str]) -> bool:
    """Whether these are the numbers that were found; a single one may have two digits."""
    return found["index"] == str(index[0]) if len(index) == 1 else digits(found["index"]) == index
