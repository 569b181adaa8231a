"""Pages as text: 100 characters wide, blocks a blank line apart."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from hierbayes.display.blocks import Block, Definitions, Items, Lines, Table, is_empty

WIDTH = 100


def page_text(title: str, about: Sequence[str], blocks: Sequence[Block]) -> str:
    """Title and lines about it, then the blocks."""
    lines = [_folded(line, "  ", " " * 10) for line in about]
    head = ["\n".join([title, *lines])] if title else []
    return "\n\n".join([*head, *(block_text(one) for one in blocks if not is_empty(one))])


def block_text(block: Block) -> str:
    """One block below its title."""
    match block:
        case Table():
            gap, body = "\n\n", table_text(block)
        case Items(sentences):
            gap, body = "\n", "\n".join(_folded(one, "  - ", "    ") for one in sentences)
        case Lines(sentences, title):
            indent = "  " if title else ""
            lines = (_folded(one, indent, indent) for one in sentences)
            gap, body = "\n", "\n".join(lines)
        case Definitions():
            gap, body = "\n", _definitions(block)
    return f"{block.title}:{gap}{body}" if block.title else body


def table_text(table: Table) -> str:
    """A table in fixed columns; one that is too wide goes on below itself."""
    text: str = table.shown().to_string(index=table.index, line_width=WIDTH)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _definitions(block: Definitions) -> str:
    width = max(len(entry.label) for entry in block.entries)
    margin = " " * (width + 2)
    texts = [
        "\n".join(
            [
                f"{entry.label:<{width}}  {entry.head}".rstrip(),
                *(_folded(line, margin, margin) for line in entry.body),
            ]
        )
        for entry in block.entries
    ]
    apart = any(len(entry.body) > 1 for entry in block.entries)
    return ("\n\n" if apart else "\n").join(texts)


def _folded(line: str, first: str, rest: str) -> str:
    return fill(line, WIDTH, initial_indent=first, subsequent_indent=rest)
