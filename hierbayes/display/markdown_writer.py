"""Pages as Markdown with tables, as GitHub, Quarto and pandoc read it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hierbayes.display.blocks import Block, Definitions, Items, Lines, Table, is_empty

_SPECIAL = re.compile(r"([\\`*_\[\]<>|$~&#])")
_SPACE = re.compile(r"[\x00-\x20\x85\u2028\u2029]+")


def page_markdown(title: str, about: Sequence[str], blocks: Sequence[Block]) -> str:
    """Title and lines about it, then the blocks."""
    parts = [f"### {markdown_text(title)}"] if title else []
    if about:
        parts.append(_lines(about))
    parts += [_block(one) for one in blocks if not is_empty(one)]
    return "\n\n".join(parts) + "\n"


def markdown_text(text: str) -> str:
    """A text on one line, with Markdown's own characters escaped."""
    return _SPECIAL.sub(r"\\\1", _SPACE.sub(" ", text).strip())


def _block(block: Block) -> str:
    match block:
        case Table():
            body = _table(block)
        case Items(sentences):
            body = "\n".join(f"- {markdown_text(one)}" for one in sentences)
        case Lines(sentences):
            body = _lines(sentences)
        case Definitions(entries):
            body = "\n".join(
                f"- **{markdown_text(one.label)}** "
                + "\\\n  ".join(map(markdown_text, (one.head, *one.body)))
                for one in entries
            )
    return f"**{markdown_text(block.title)}**\n\n{body}" if block.title else body


def _table(table: Table) -> str:
    """A table has one line of labels: those of columns of several levels are joined."""
    grid = table.grid()
    heads = [" ".join(filter(None, labels)) for labels in zip(*grid.heads, strict=True)]
    marks = ["---:" if numeric else ":---" for numeric in grid.numeric]
    rows = [[markdown_text(text) for text in row] for row in (heads, *grid.rows)]
    rows.insert(1, marks)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _lines(lines: Sequence[str]) -> str:
    return "\\\n".join(map(markdown_text, lines))
