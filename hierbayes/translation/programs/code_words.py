"""The words of a program with their places, and refusals that point at them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.errors import FormulaError

NAME, NUMBER, STRING = "name", "number", "string"

_WORD = re.compile(
    r"""(?P<name>[^\W\d]\w*)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<string>"(?:[^"]|"")*"|'(?:[^']|'')*')
      | (?P<mark>\*\*|\#\#|\|\||==|!=|<>|>=|<=|\S)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a program.

    Parameters
    ----------
    text : str
        As written; a string without its quotes.
    kind : str
        ``"name"``, ``"number"``, ``"string"`` or ``"mark"``.
    start, end : int
        Where it stands in the program.
    """

    text: str
    kind: str
    start: int
    end: int

    def says(self, *texts: str) -> bool:
        """Whether it is one of these words, in any case; a string never is."""
        return self.kind != STRING and self.text.lower() in texts


def pointed(what: str, source: str, place: int) -> FormulaError:
    """An error that shows the line and points at the place."""
    start = source.rfind("\n", 0, place) + 1
    line = source[start:].partition("\n")[0]
    indent = len(line) - len(line.lstrip())
    caret = " " * max(place - start - indent, 0) + "^"
    return FormulaError(f"{what}\n    {line.strip()}\n    {caret}")


def split_words(source: str, start: int = 0, end: int | None = None) -> list[Word]:
    """Words of a stretch of a program, in order.

    Examples
    --------
    >>> [word.text for word in split_words('RANDOM int x/sub="a b"')]
    ['RANDOM', 'int', 'x', '/', 'sub', '=', 'a b']
    """
    found = _WORD.finditer(source, start, len(source) if end is None else end)
    words = []
    for match in found:
        kind = str(match.lastgroup)
        text = match[0]
        if kind == STRING:
            text = text[1:-1].replace(text[0] * 2, text[0])
        words.append(Word(text, kind, match.start(), match.end()))
    return words


def blank(text: str) -> str:
    """Spaces in place of every character but line ends, so that places stay."""
    return re.sub(r"[^\n]", " ", text)


class Cursor:
    """Words taken one after the other.

    Parameters
    ----------
    words : sequence of Word
        A statement or a part of one.
    source : str
        The whole program, for messages.
    system : str
        Whose program it is, for messages.
    """

    def __init__(self, words: Sequence[Word], source: str, system: str) -> None:
        self.words = words
        self.source = source
        self.system = system
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether all words are taken."""
        return self.at >= len(self.words)

    def peek(self, ahead: int = 0) -> Word | None:
        """The next word, or one further on."""
        place = self.at + ahead
        return self.words[place] if place < len(self.words) else None

    def sees(self, *texts: str) -> bool:
        """Whether the next word is one of these."""
        word = self.peek()
        return word is not None and word.says(*texts)

    def take(self, wanted: str) -> Word:
        """The next word, which must be there."""
        word = self.peek()
        if word is None:
            raise self.refuse(f"{wanted} is missing")
        self.at += 1
        return word

    def take_name(self, wanted: str) -> Word:
        """The next word, which must be a name."""
        word = self.take(wanted)
        if word.kind != NAME:
            raise self.refuse(f"{wanted} is expected here, not '{word.text}'", word)
        return word

    def take_if(self, *texts: str) -> bool:
        """Whether the next word is one of these; if so, it is taken."""
        found = self.sees(*texts)
        self.at += found
        return found

    def expect(self, mark: str) -> Word:
        """The next word, which must be this one."""
        word = self.take(f"'{mark}'")
        if not word.says(mark):
            raise self.refuse(f"'{mark}' is expected here, not '{word.text}'", word)
        return word

    def until(self, *texts: str) -> list[Word]:
        """Words up to one of these outside parentheses, which is not taken, or to the end."""
        depth, taken = 0, []
        while not self.done:
            word = self.words[self.at]
            if depth == 0 and word.says(*texts):
                break
            depth += word.says("(") - word.says(")")
            taken.append(word)
            self.at += 1
        return taken

    def part(self, words: Sequence[Word]) -> Cursor:
        """A cursor on some of the words."""
        return Cursor(words, self.source, self.system)

    def refuse(self, what: str, word: Word | None = None) -> FormulaError:
        """An error that points at a word, by default at the next one or the end."""
        if word is not None:
            place = word.start
        elif not self.done:
            place = self.words[self.at].start
        else:
            place = self.words[-1].end if self.words else 0
        return pointed(f"cannot read the {self.system} code: {what}", self.source, place)
