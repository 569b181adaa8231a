"""Pages as HTML that word processors keep when it is pasted.

They drop style sheets, so that every cell carries its style: rules above and below the head and
below the last row, as papers have them, and no colour.  Lines about a table are its note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hierbayes.display.blocks import Block, Table, is_empty
from hierbayes.display.html_writer import page_html, plain

_FONT = "font-family: 'Times New Roman', serif; font-size: 11pt"
_THICK, _THIN = "1.5pt solid", "0.75pt solid"


def page_word(title: str, about: Sequence[str], blocks: Sequence[Block]) -> str:
    """The title, the tables and what else there is, and the lines about them as a note."""
    head = f'<p style="{_FONT}"><b>{plain(title)}</b></p>' if title else ""
    body = "".join(
        _table(one) if isinstance(one, Table) else page_html("", (), (one,))
        for one in blocks
        if not is_empty(one)
    )
    note = "<br/>".join(map(plain, about))
    return (
        head
        + body
        + (f'<p style="{_FONT}; font-size: 9pt"><i>Note.</i> {note}</p>' if note else "")
    )


def _table(table: Table) -> str:
    grid = table.grid()
    sides = [
        "right" if numeric and k >= grid.labels else "left"
        for k, numeric in enumerate(grid.numeric)
    ]
    last = len(grid.heads) - 1
    heads = "".join(
        _row("th", row, sides, _rules(above=k == 0, below=k == last, thick_below=False))
        for k, row in enumerate(grid.heads)
    )
    end = len(grid.rows) - 1
    rows = "".join(
        _row("td", row, sides, _rules(above=False, below=k == end, thick_below=True))
        for k, row in enumerate(grid.rows)
    )
    title = f'<p style="{_FONT}"><i>{plain(table.title)}</i></p>' if table.title else ""
    return (
        f'{title}<table style="border-collapse: collapse; {_FONT}"><thead>{heads}</thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _rules(*, above: bool, below: bool, thick_below: bool) -> str:
    rules = [f"border-top: {_THICK}"] * above
    rules += [f"border-bottom: {_THICK if thick_below else _THIN}"] * below
    return "; ".join(["border: 0", *rules])


def _row(kind: str, texts: Iterable[str], sides: Iterable[str], rules: str) -> str:
    scope = ' scope="col"' if kind == "th" else ""
    style = f"{rules}; padding: 2pt 8pt; font-weight: normal"
    cells = "".join(
        f'<{kind}{scope} style="{style}; text-align: {side}">{plain(text) or "&#160;"}</{kind}>'
        for text, side in zip(texts, sides, strict=True)
    )
    return f"<tr>{cells}</tr>"
