"""Formulas as text in fixed columns."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

from hierbayes.language.writer import Index, Line, Term, Writer, digits

_OVER = {"hat": "\u0302", "ddot": "\u0308", "": ""}
_POWERS = {"2": "²", "-1": "⁻¹", "'": "'"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LAST = {"n_i": "nᵢ", "n_j": "nⱼ"}


class TextWriter(Writer):
    """Unicode text; matrices take several lines."""

    dots = "⋮"
    minus = "−"
    gap = " " * 4
    given = " | "

    def symbol(self, letter: str, *index: Index, bold: bool = False, over: str = "") -> str:
        """A letter with subscripts after an underscore; text has no bold."""
        return _indexed(letter + _OVER[over], index)

    def name(self, text: str, *index: Index) -> str:
        """A name as it is; one with spaces in backticks, as formulas have it."""
        bare = text if not text.strip() or _reads_as_one(text) else f"`{text}`"
        return _indexed(bare, index)

    def words(self, text: str) -> str:
        """Words as they are."""
        return text

    def formula(self, text: str) -> str:
        """A formula as it is."""
        return text

    def number(self, value: float) -> Term:
        """A number with its power of ten in superscripts."""
        text, power = digits(value)
        if power is not None:
            text = f"{text}·10{str(power).translate(_SUPERSCRIPTS)}"
        return Term(text, value < 0.0)

    def power(self, base: str, exponent: str) -> str:
        """A power in superscripts."""
        return base + _POWERS[exponent]

    def raised(self, base: str, exponent: str) -> str:
        """A power of anything behind ``^``, in parentheses where it is a sum."""
        one = " " not in exponent or (exponent[0] == exponent[-1] == "|")
        return f"{base}^{exponent}" if one else f"{base}^({exponent})"

    def times(self, *factors: str) -> str:
        """Factors side by side."""
        spaced = [part for factor in factors for part in (" ", factor)][1:]
        return self.beside(*spaced)

    def bracket(self, inner: str) -> str:
        """In parentheses."""
        return f"({inner})"

    def inline(self, inner: str) -> str:
        """In parentheses."""
        return f"({inner})"

    def column(self, items: Sequence[str]) -> str:
        """A column vector, written as the transpose of a row."""
        return items[0] if len(items) == 1 else f"({', '.join(items)})'"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix in tall brackets; one by one it is its entry."""
        if len(rows) == 1 and len(rows[0]) == 1:
            return rows[0][0]
        widths = [max(map(self.width, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(_centred(cell, width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join(
            f"{left} {line} {right}"
            for line, (left, right) in zip(lines, _brackets(len(lines)), strict=True)
        )

    def diagonal(self, first: str, last: str, second: str) -> str:
        """A block-diagonal matrix by its blocks."""
        return f"diag({first}, …, {last})"

    def stack(self, first: str, last: str) -> str:
        """The transpose of transposes in a row."""
        return f"({first}', …, {last}')'"

    def beside(self, *parts: str) -> str:
        """Parts one after the other; those of several lines centred on the rest."""
        blocks = [part.split("\n") for part in parts]
        height = max(map(len, blocks))
        above = (height - 1) // 2
        padded = []
        for block in blocks:
            wide = max(map(self.width, block))
            top = above - (len(block) - 1) // 2
            filled = [""] * top + block + [""] * (height - top - len(block))
            padded.append([line + " " * (wide - self.width(line)) for line in filled])
        return "\n".join("".join(pieces).rstrip() for pieces in zip(*padded, strict=True))

    def width(self, text: str) -> int:
        """Columns a line takes."""
        wide = sum(1 + (east_asian_width(c) in "WF") for c in text)
        return wide - sum(1 for c in text if combining(c))

    def align(self, lines: Sequence[Line]) -> str:
        """Lines with their relations below each other."""
        widest = max((self.width(line.left) for line in lines if line.relation), default=0)
        shown = []
        for line in lines:
            if not (line.left or line.relation):
                indent = " " * (widest + 3) if line.right else ""
                shown.append(self.beside(indent, line.right) if line.right else "")
            elif not line.relation:
                shown.append(line.left)
            else:
                left = " " * (widest - self.width(line.left)) + line.left
                shown.append(self.beside(left, f" {line.relation} ", line.right))
        return "\n".join(shown)


def _indexed(base: str, index: Sequence[Index]) -> str:
    if not index:
        return base
    several = any(isinstance(i, int) and i >= 10 for i in index) and len(index) > 1
    return f"{base}_{(',' if several else '').join(_LAST.get(str(i), str(i)) for i in index)}"


def _reads_as_one(text: str) -> bool:
    """Whether a name is an identifier or an expression, which needs no quotes."""
    return " " not in text or "(" in text or "[" in text


def _centred(cell: str, width: int) -> str:
    space = width - TextWriter().width(cell)
    return " " * (space // 2) + cell + " " * (space - space // 2)


def _brackets(height: int) -> list[tuple[str, str]]:
    if height == 1:
        return [("[", "]")]
    return [("⎡", "⎤"), *[("⎢", "⎥")] * (height - 2), ("⎣", "⎦")]
