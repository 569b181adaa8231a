"""SAS programs taken apart into statements."""

from __future__ import annotations

import re

from hierbayes.translation.programs.code_words import Cursor, blank, split_words

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRING_OR_END = re.compile(r"\"[^\"]*\"|'[^']*'|;")

SYSTEM = "SAS"


def split_statements(source: str) -> list[Cursor]:
    """Statements of a program, without comments; the last one may lack its semicolon.

    Examples
    --------
    >>> [s.words[0].text for s in split_statements("* note; proc mixed; /* a; b */ run")]
    ['proc', 'run']
    """
    text = _COMMENT.sub(lambda found: blank(found[0]), source.replace("\t", " "))
    statements, start = [], 0
    for end in [*_ends(text), len(text)]:
        words = split_words(text, start, end)
        if words and words[0].text != "*":
            statements.append(Cursor(words, source.replace("\t", " "), SYSTEM))
        start = end + 1
    return statements


def _ends(text: str) -> list[int]:
    """Places of the semicolons outside quotes.  Quotes in a comment statement mean nothing."""
    ends, start = [], 0
    while start < len(text):
        if text[start:].lstrip().startswith("*"):
            place = text.find(";", start)
            if place < 0:
                break
        else:
            found = next((m for m in _STRING_OR_END.finditer(text, start) if m[0] == ";"), None)
            if found is None:
                break
            place = found.start()
        ends.append(place)
        start = place + 1
    return ends
