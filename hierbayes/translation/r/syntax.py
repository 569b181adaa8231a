"""The grammar of R, as far as calls that fit models need it.

Operators bind as in R's help page ``?Syntax``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hierbayes.translation.dialect import pointed


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of R code.

    Parameters
    ----------
    kind : str
        ``name``, ``number``, ``string``, ``infix``, ``prefix``, ``paren``, ``call``,
        ``index``, ``function``, ``braces`` or ``empty`` (an argument left out).
    text : str
        The name, literal or operator.
    parts : tuple of Node
        Operands; of a call the function and then its arguments.
    names : tuple of str
        Names of the arguments of a call, empty where they are not named.
    place : int
        Where it starts in the text.
    """

    kind: str
    text: str
    parts: tuple[Node, ...] = ()
    names: tuple[str, ...] = ()
    place: int = 0

    @property
    def function(self) -> str:
        """Name of the function of a call, without its package; empty if this is none."""
        if self.kind != "call":
            return ""
        callee = self.parts[0]
        if callee.kind == "infix" and callee.text in ("::", ":::"):
            callee = callee.parts[1]
        return callee.text if callee.kind == "name" else ""

    @property
    def arguments(self) -> tuple[tuple[str, Node], ...]:
        """Name and value of each argument of a call."""
        return tuple(zip(self.names, self.parts[1:], strict=True))

    def walk(self) -> Iterator[Node]:
        """The node and everything below it, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()


def parse_r(text: str) -> tuple[Node, ...]:
    """The expressions of a piece of R code, in order.

    Raises
    ------
    FormulaError
        When it cannot be read; the message points at the place.

    Examples
    --------
    >>> [node.function for node in parse_r("library(lme4); lme4::lmer(y ~ x + (1 | g), d)")]
    ['library', 'lmer']
    """
    return _Parser(text).program()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


_TOKEN = re.compile(
    r"""(?P<space>[^\S\n]+|\#[^\n]*)
    |(?P<end>[\n;])
    |(?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)L?)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<quoted>`[^`]*`)
    |(?P<name>(?:[^\W\d_]|\.(?!\d))[\w.]*|_(?!\w))
    |(?P<mark><<-|<-|:=|->>|->|\|>|%[^%\n]*%|:::|::|==|!=|<=|>=|&&|\|\||\*\*|[-+*/^=<>!&|~$@:?,(){}\[\]\\])
    """,
    re.VERBOSE,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
# Left and right binding powers; a higher number binds closer.
_INFIX = {
    "?": (10, 11), "=": (21, 20), "<-": (31, 30), "<<-": (31, 30), ":=": (31, 30), "->": (40, 41),
    "->>": (40, 41), "~": (50, 51), "|": (60, 61), "||": (60, 61), "&": (70, 71), "&&": (70, 71),
    "==": (90, 91), "!=": (90, 91), "<": (90, 91), ">": (90, 91), "<=": (90, 91), ">=": (90, 91),
    "+": (100, 101), "-": (100, 101), "*": (110, 111), "/": (110, 111), "|>": (120, 121),
    ":": (130, 131), "^": (151, 150), "**": (151, 150), "$": (180, 181), "@": (180, 181),
    "::": (190, 191), ":::": (190, 191),
}  # fmt: skip
_SPECIAL = (120, 121)  # %in% and the like
_PREFIX = {"?": 10, "~": 50, "!": 80, "-": 140, "+": 140}
_CALL = 170


def _tokens(text: str) -> list[_Token]:
    """Tokens without space and comments; ends of lines only where they can end an expression."""
    found: list[_Token] = []
    opened: list[str] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise pointed(text, place, f"cannot read the R code: {text[place]!r} has no place here")
        kind, word = str(match.lastgroup), match[0]
        if word in _CLOSING and kind == "mark":
            opened.append(word)
        closes = kind == "mark" and word in _CLOSING.values()
        if closes and not (opened and _CLOSING[opened.pop()] == word):
            raise pointed(text, place, f"cannot read the R code: this '{word}' closes nothing")
        inside = bool(opened) and opened[-1] != "{"
        if kind != "space" and not (word == "\n" and inside):
            found.append(_Token(kind, word, place))
        place = match.end()
    return [*found, _Token("stop", "", len(text.rstrip()))]


class _Parser:
    """Reads expressions by the binding powers of their operators."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0

    def program(self) -> tuple[Node, ...]:
        found = []
        self._skip_ends()
        while self._peek().kind != "stop":
            found.append(self.expression(0))
            if self._peek().kind not in ("end", "stop"):
                self._refuse(f"'{self._peek().text}' has no place here")
            self._skip_ends()
        return tuple(found)

    def expression(self, power: int) -> Node:
        self._skip_newlines()
        left = self._operand()
        while True:
            token = self._peek()
            if token.kind == "mark" and token.text in ("(", "[") and power < _CALL:
                left = self._call(left)
                continue
            bound = _SPECIAL if token.text.startswith("%") else _INFIX.get(token.text)
            if token.kind != "mark" or bound is None or bound[0] <= power:
                return left
            self._next()
            right = self.expression(bound[1] - (bound[1] < bound[0]))
            left = Node("infix", token.text, (left, right), place=left.place)

    def _operand(self) -> Node:
        token = self._next()
        if token.kind == "name" and token.text == "function":
            return self._function(token)
        if token.kind in ("name", "number", "string"):
            return Node(token.kind, token.text, place=token.place)
        if token.kind == "quoted":
            return Node("name", token.text.strip("`"), place=token.place)
        if token.text == "\\":
            return self._function(token)
        if token.kind == "mark" and token.text in ("(", "["):  # x[["a"]] holds x["a"] in brackets
            inside = self.expression(0)
            self._expect(_CLOSING[token.text], token)
            return Node("paren", token.text, (inside,), place=token.place)
        if token.text == "{":
            return self._braces(token)
        if token.kind == "mark" and token.text in _PREFIX:
            inside = self.expression(_PREFIX[token.text])
            return Node("prefix", token.text, (inside,), place=token.place)
        self.at -= 1
        self._refuse("the code ends too early" if token.kind == "stop" else
                     f"something is missing before '{token.text.strip()}'")  # fmt: skip
        raise AssertionError

    def _function(self, token: _Token) -> Node:
        opening = self._peek()
        if opening.text != "(":
            self._refuse("the parameters of a function are missing")
        head = self._call(Node("name", "function", place=token.place))
        return replace(head, kind="function", parts=(*head.parts, self.expression(20)))

    def _braces(self, token: _Token) -> Node:
        parts = []
        self._skip_ends()
        while self._peek().text != "}":
            if self._peek().kind == "stop":
                raise pointed(self.text, token.place, "cannot read the R code: '{' is never closed")
            parts.append(self.expression(0))
            self._skip_ends()
        self._next()
        return Node("braces", "{", tuple(parts), place=token.place)

    def _call(self, callee: Node) -> Node:
        opening = self._next()
        closing = _CLOSING[opening.text]
        kind = "call" if opening.text == "(" else "index"
        names: list[str] = []
        values: list[Node] = []
        while self._peek().text != closing:
            name, value = self._argument(closing)
            names.append(name)
            values.append(value)
            if self._peek().text != ",":
                break
            comma = self._next()
            if kind == "index" and self._peek().text == closing:  # all columns, in d[rows, ]
                names.append("")
                values.append(Node("empty", "", place=comma.place))
        self._expect(closing, opening)
        return Node(kind, opening.text, (callee, *values), tuple(names), callee.place)

    def _argument(self, closing: str) -> tuple[str, Node]:
        token, after = self._peek(), self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if token.text in (",", closing) and token.kind == "mark":
            return "", Node("empty", "", place=token.place)
        name = ""
        if token.kind in ("name", "quoted", "string") and after.text == "=":
            name = token.text.strip("`\"'")
            self.at += 2
        if name and self._peek().text in (",", closing):
            return name, Node("empty", "", place=self._peek().place)
        return name, self.expression(20)

    def _expect(self, closing: str, opening: _Token) -> None:
        if self._peek().kind == "stop":
            raise pointed(
                self.text,
                opening.place,
                f"cannot read the R code: this '{opening.text}' is never closed",
            )
        if self._peek().text != closing:
            self._refuse(f"'{self._peek().text}' has no place here; a comma may be missing before")
        self._next()

    def _peek(self) -> _Token:
        return self.tokens[self.at]

    def _next(self) -> _Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def _skip_ends(self) -> None:
        while self._peek().kind == "end":
            self.at += 1

    def _skip_newlines(self) -> None:
        while self._peek().text == "\n":
            self.at += 1

    def _refuse(self, message: str) -> None:
        raise pointed(self.text, self._peek().place, f"cannot read the R code: {message}")
