"""Pages as HTML that is XML too; every text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from hierbayes.display.blocks import Block, Definitions, Items, Lines, Table, is_empty

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what no page may contain


def page_html(title: str, about: Sequence[str], blocks: Sequence[Block]) -> str:
    """Title and lines about it, then the blocks."""
    parts = [f"<h3>{plain(title)}</h3>"] if title else []
    if about:
        parts.append(_lines(about))
    parts += [_block(one) for one in blocks if not is_empty(one)]
    return "".join(parts)


def _block(block: Block) -> str:
    match block:
        case Table():
            body = _table(block)
        case Items(sentences):
            body = f"<ul>{''.join(f'<li>{plain(one)}</li>' for one in sentences)}</ul>"
        case Lines(sentences):
            body = _lines(sentences)
        case Definitions():
            body = _definitions(block)
    return f"<h4>{plain(block.title)}</h4>{body}" if block.title else body


def _table(table: Table) -> str:
    grid = table.grid()
    heads = "".join(_row(_cell("th", text) for text in head) for head in grid.heads)
    kinds = ["th"] * grid.labels + ["td"] * (len(grid.numeric) - grid.labels)
    rows = "".join(
        _row(_cell(kind, text) for kind, text in zip(kinds, row, strict=True)) for row in grid.rows
    )
    return (
        f'<table border="1" class="dataframe"><thead>{heads}</thead><tbody>{rows}</tbody></table>'
    )


def _definitions(block: Definitions) -> str:
    left = 'style="text-align: left"'
    rows = "".join(
        f"<tr><th>{plain(entry.label)}</th><td {left}>"
        f"{'<br/>'.join(map(plain, (entry.head, *entry.body)))}</td></tr>"
        for entry in block.entries
    )
    return f'<table border="1" class="dataframe"><tbody>{rows}</tbody></table>'


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _cell(kind: str, text: str) -> str:
    return f"<{kind}>{plain(text)}</{kind}>"


def _lines(lines: Sequence[str]) -> str:
    return f"<p>{'<br/>'.join(map(plain, lines))}</p>"


def plain(text: str) -> str:
    """A text escaped, without what no page may contain."""
    return escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
