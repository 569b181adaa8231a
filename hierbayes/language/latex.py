r"""Formulas as LaTeX, for amsmath, MathJax and KaTeX alike.

Names of the user's may hold any character.  Plain ones are upright mathematics; of
the others the characters that TeX takes for commands stand outside ``\text``, where
MathJax would show a backslash before them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hierbayes.language.writer import Index, Line, Term, Writer, digits

_GREEK = {
    "γ": r"\gamma", "β": r"\beta", "ε": r"\varepsilon", "σ": r"\sigma", "τ": r"\tau",
    "Ψ": r"\Psi", "ψ": r"\psi", "Λ": r"\Lambda", "Σ": r"\Sigma", "δ": r"\delta", "φ": r"\phi",
    "η": r"\eta", "μ": r"\mu", "π": r"\pi", "ρ": r"\rho", "λ": r"\lambda",
}  # fmt: skip
_SPECIAL = {
    "_": r"\_", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "{": r"\{", "}": r"\}",
    "~": r"{\sim}", "^": r"{\wedge}", "\\": r"\backslash ", "<": "{<}", ">": "{>}",
    "*": "{*}", "|": "{|}",
}  # fmt: skip
_MATRIX_COLUMNS = 10  # as many as amsmath lets a matrix have
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_RUNS = re.compile("([" + re.escape("".join(_SPECIAL)) + "])")
_COMMANDS = re.compile(r"\\[A-Za-z]+|\\.|[{}_^]")


class LatexWriter(Writer):
    """LaTeX for displays."""

    dots = r"\vdots"
    minus = "-"
    gap = r" \qquad "
    given = r" \mid "

    def symbol(self, letter: str, *index: Index, bold: bool = False, over: str = "") -> str:
        """A letter, bold for vectors and matrices."""
        shown = _GREEK.get(letter, letter)
        if bold:
            shown = rf"\boldsymbol{{{shown}}}" if letter in _GREEK else rf"\mathbf{{{shown}}}"
        if over:
            shown = rf"\{over}{{{shown}}}"
        return _indexed(shown, index)

    def name(self, text: str, *index: Index) -> str:
        """A name upright."""
        shown = rf"\mathrm{{{text}}}" if _PLAIN.fullmatch(text) else f"{{{_escaped(text)}}}"
        return _indexed(shown, index)

    def words(self, text: str) -> str:
        r"""Words in ``\text``."""
        return _escaped(text)

    def formula(self, text: str) -> str:
        """A formula in mathematics."""
        signs: dict[str, str | int | None] = {"²": "^{2}", "−": "-", "≤": r"\le "}
        signs |= {letter: f"{name} " for letter, name in _GREEK.items()}
        return text.translate(str.maketrans(signs))

    def number(self, value: float) -> Term:
        """A number with its power of ten."""
        text, power = digits(value)
        return Term(text if power is None else rf"{text} \cdot 10^{{{power}}}", value < 0.0)

    def power(self, base: str, exponent: str) -> str:
        """A power; the transpose is a prime."""
        return f"{{{base}}}'" if exponent == "'" else f"{{{base}}}^{{{exponent}}}"

    def raised(self, base: str, exponent: str) -> str:
        """A power of anything."""
        return f"{{{base}}}^{{{self.formula(exponent)}}}"

    def times(self, *factors: str) -> str:
        """Factors with thin spaces."""
        return r" \, ".join(factors)

    def bracket(self, inner: str) -> str:
        """In parentheses."""
        return rf"\left( {inner} \right)"

    def inline(self, inner: str) -> str:
        """In parentheses."""
        return f"({inner})"

    def column(self, items: Sequence[str]) -> str:
        """A column vector."""
        return self.matrix([[item] for item in items])

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix in brackets; one by one it is its entry."""
        if len(rows) == 1 and len(rows[0]) == 1:
            return rows[0][0]
        body = r" \\ ".join(" & ".join(row) for row in rows)
        if len(rows[0]) <= _MATRIX_COLUMNS:
            return rf"\begin{{bmatrix}} {body} \end{{bmatrix}}"
        columns = "c" * len(rows[0])
        return rf"\left[ \begin{{array}}{{{columns}}} {body} \end{{array}} \right]"

    def diagonal(self, first: str, last: str, second: str) -> str:
        """A block-diagonal matrix with dots."""
        zero = r"\mathbf{0}"
        return self.matrix(
            [
                [first, zero, r"\cdots", zero],
                [zero, second, r"\cdots", zero],
                [r"\vdots", r"\vdots", r"\ddots", r"\vdots"],
                [zero, zero, r"\cdots", last],
            ]
        )

    def stack(self, first: str, last: str) -> str:
        """On top of each other."""
        return self.matrix([[first], [r"\vdots"], [last]])

    def beside(self, *parts: str) -> str:
        """Parts one after the other."""
        return "".join(parts)

    def width(self, text: str) -> int:
        """Roughly, what is left once commands are gone."""
        return len(_COMMANDS.sub("", text).replace(" ", ""))

    def align(self, lines: Sequence[Line]) -> str:
        """Lines aligned at their relations; a display needs ``$$`` around it."""
        body = " \\\\\n".join(map(_line, lines))
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _line(line: Line) -> str:
    if not line.relation:
        return (
            f"& {line.left}" if line.left else rf"&\quad {{}} {line.right}" if line.right else "&"
        )
    relation = r"\sim" if line.relation == "~" else line.relation
    return f"{line.left} &{relation} {line.right}"


def _indexed(base: str, index: Sequence[Index]) -> str:
    if not index:
        return base
    several = any(isinstance(i, int) and i >= 10 for i in index) and len(index) > 1
    glue = "," if several else " " if len(index) > 1 and any("_" in str(i) for i in index) else ""
    return f"{base}_{{{glue.join(map(str, index))}}}"


def _escaped(text: str) -> str:
    parts = [part for part in _RUNS.split(text) if part]
    return "".join(_SPECIAL.get(part) or rf"\text{{{part}}}" for part in parts)
