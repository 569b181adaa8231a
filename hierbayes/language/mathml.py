"""Formulas as MathML, which browsers set by themselves and read aloud.

Pieces are elements with plain signs between them, as ``N(<mi>u</mi>, ``: whoever joins pieces need
not know of elements, and signs become elements last, when lines are aligned.  What is written is
well-formed XML; names of the user's are escaped, and may hold any character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape, unescape

from hierbayes.display.html_writer import plain
from hierbayes.language.writer import Index, Line, Term, Writer, digits

_SPACE = "\N{NO-BREAK SPACE}"  # of others a browser shows none at the ends of words
_PLAIN = re.compile(r"[^\W_]+")
_TAGS = re.compile(r"<[^>]*>")
_PIECES = re.compile(
    r"(?P<element><(mi|mn|mo|mtext)\b[^>]*>.*?</\2>|<[^>]*>)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<letter>[^\W\d_])|(?P<space>\s+)|(?P<sign>&\w+;|.)",
    re.DOTALL,
)
_OVER = {"hat": "^", "ddot": "¨"}
# Borders are as tall as the matrix everywhere, signs only where a font for mathematics is there.
_BRACKETS = (
    "border: 0 solid; border-width: 0 0.08em; border-radius: 0.5em; padding: 0.1em; margin: 0.15em"
)


class MathmlWriter(Writer):
    """MathML for displays."""

    dots = "<mo>⋮</mo>"
    minus = "−"
    gap = '<mspace width="2em"/>'
    given = '<mo lspace="0.3em" rspace="0.3em">|</mo>'

    def symbol(self, letter: str, *index: Index, bold: bool = False, over: str = "") -> str:
        """A letter, bold and upright for vectors and matrices."""
        looks = ' mathvariant="normal" style="font-weight: bold"' if bold else ""
        kind = "mn" if letter.isdecimal() else "mi"
        shown = f"<{kind}{looks}>{escape(letter)}</{kind}>"
        if over:
            shown = f'<mover accent="true">{shown}<mo>{_OVER[over]}</mo></mover>'
        return _indexed(shown, index)

    def name(self, text: str, *index: Index) -> str:
        """A name upright."""
        if not _PLAIN.fullmatch(text):
            return _indexed(self.words(text), index)
        return _indexed(f'<mi mathvariant="normal">{text}</mi>', index)

    def words(self, text: str) -> str:
        """Words in ``mtext``."""
        inner = text.strip()
        before, _, after = text.partition(inner) if inner else ("", "", text)
        ends = [_SPACE * len(blank) for blank in (before, after)]
        return f"<mtext>{ends[0]}{plain(inner)}{ends[1]}</mtext>"

    def formula(self, text: str) -> str:
        """A formula with its squares and subscripts; its other signs as they are."""
        shown = re.sub(r"(\w)_(\w)", r"<msub><mi>\1</mi><mi>\2</mi></msub>", escape(text))
        return re.sub(r"(\w)²", r"<msup><mi>\1</mi><mn>2</mn></msup>", shown)

    def number(self, value: float) -> Term:
        """A number with its power of ten."""
        text, power = digits(value)
        shown = f"<mn>{text}</mn>"
        if power is not None:
            ten = f"{self.minus if power < 0 else ''}{abs(power)}"
            shown = f"<mrow>{shown}<mo>·</mo>{_raised('10', ten)}</mrow>"
        return Term(shown, value < 0.0)

    def power(self, base: str, exponent: str) -> str:
        """A power; the transpose is a prime."""
        if exponent == "'":  # raised by itself
            return f'<mrow>{base}<mo lspace="0" rspace="0">′</mo></mrow>'
        return _raised(base, exponent.replace("-", "−"))

    def raised(self, base: str, exponent: str) -> str:
        """A power of anything."""
        return _raised(base, self.formula(exponent))

    def times(self, *factors: str) -> str:
        """Factors with thin spaces, and a sign that is heard and not seen."""
        return '<mo lspace="0" rspace="0.17em">\N{INVISIBLE TIMES}</mo>'.join(factors)

    def bracket(self, inner: str) -> str:
        """In parentheses as tall as what they hold."""
        return f"<mrow><mo>(</mo><mrow>{inner}</mrow><mo>)</mo></mrow>"

    def inline(self, inner: str) -> str:
        """In parentheses."""
        return f"(<mrow>{inner}</mrow>)"

    def column(self, items: Sequence[str]) -> str:
        """A column vector."""
        return self.matrix([[item] for item in items])

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix between round brackets; one by one it is its entry."""
        if len(rows) == 1 and len(rows[0]) == 1:
            return rows[0][0]
        body = "".join(_row(f"<mtd>{cell}</mtd>" for cell in row) for row in rows)
        return f'<mtable style="{_BRACKETS}">{body}</mtable>'

    def diagonal(self, first: str, last: str, second: str) -> str:
        """A block-diagonal matrix with dots."""
        zero, right, down = self.symbol("0", bold=True), "<mo>⋯</mo>", self.dots
        return self.matrix(
            [
                [first, zero, right, zero],
                [zero, second, right, zero],
                [down, down, "<mo>⋱</mo>", down],
                [zero, zero, right, last],
            ]
        )

    def stack(self, first: str, last: str) -> str:
        """On top of each other."""
        return self.matrix([[first], [self.dots], [last]])

    def beside(self, *parts: str) -> str:
        """Parts one after the other."""
        return "".join(parts)

    def width(self, text: str) -> int:
        """Roughly, the characters that are seen."""
        return len(unescape(_TAGS.sub("", text)).replace(" ", ""))

    def align(self, lines: Sequence[Line]) -> str:
        """A ``math`` element of lines aligned at their relations."""
        rows = "".join(map(_line, lines))
        table = f'<mtable columnalign="right center left" displaystyle="true">{rows}</mtable>'
        return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{table}</math>'


def _line(line: Line) -> str:
    if not line.relation and line.left:
        return _row([_cell(line.left, "left", ' columnspan="3"')])
    if not (line.left or line.right):
        return _row([_cell('<mspace height="1em"/>', "left")])
    relation = "∼" if line.relation == "~" else line.relation
    return _row(
        _cell(text, side)
        for text, side in ((line.left, "right"), (relation, "center"), (line.right, "left"))
    )


def _row(cells: Iterable[str]) -> str:
    return f"<mtr>{''.join(cells)}</mtr>"


def _cell(text: str, side: str, more: str = "") -> str:
    """An entry of the aligned lines; some browsers read the attribute, others the style."""
    style = f"text-align: -webkit-{side}"  # aligns elements as well as words
    return f'<mtd columnalign="{side}" style="{style}"{more}>{_elements(text)}</mtd>'


def _elements(text: str) -> str:
    """The plain signs of a text as elements."""
    return "".join(map(_element, _PIECES.finditer(text)))


def _element(piece: re.Match[str]) -> str:
    text = piece.group()
    match piece.lastgroup:
        case "element":
            return text
        case "number":
            return f"<mn>{text}</mn>"
        case "letter":
            return f"<mi>{text}</mi>"
        case "space":
            return ""
    looks = ' stretchy="false"' if text in "()|/" else ' form="infix"' if text == "+" else ""
    return f"<mo{looks}>{text}</mo>"


def _raised(base: str, exponent: str) -> str:
    return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"


def _indexed(base: str, index: Sequence[Index]) -> str:
    if not index:
        return base
    several = any(isinstance(i, int) and i >= 10 for i in index) and len(index) > 1
    shown = ("," if several else "").join(map(str, index))
    return f"<msub>{base}<mrow>{MathmlWriter().formula(shown)}</mrow></msub>"
