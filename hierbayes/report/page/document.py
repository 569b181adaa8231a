"""One page for a browser: sections, with style and scripts in the file itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Any

from hierbayes.display.blocks import Block, Table, is_empty
from hierbayes.display.page import Page

# Nothing is asked of the network, whatever a table or a name has in it.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
SCRIPTS = (
    "tables.js",
    "copying.js",
    "shrinkage.js",
    "plane.js",
    "data_space.js",
    "controls.js",
    "beta_space.js",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the HTML below it."""

    title: str
    body: str


def document_html(
    title: str, about: Sequence[str], sections: Sequence[Section], data: Mapping[str, Any]
) -> str:
    """A document of sections.

    Parameters
    ----------
    title : str
    about : sequence of str
        Lines below the title.
    sections : sequence of Section
    data : mapping
        What the scripts read; they draw what they find in it, and nothing otherwise.
    """
    links = "".join(
        f'<li><a href="#part-{k}">{escape(one.title)}</a></li>' for k, one in enumerate(sections)
    )
    parts = "".join(
        f'<section aria-labelledby="part-{k}"><h2 id="part-{k}">{escape(one.title)}</h2>'
        f"{one.body}</section>"
        for k, one in enumerate(sections)
    )
    # A "<" would end the script where a name has "</script>" in it.
    stored = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    scripts = "".join(f"<script>{_static(name)}</script>" for name in SCRIPTS)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_static('page.css')}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{paragraph(*about)}"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav></header><main>{parts}</main>'
        f'<script type="application/json" id="data">{stored}</script>{scripts}</body></html>\n'
    )


def paragraph(*lines: str) -> str:
    """Lines of a paragraph, escaped."""
    return f"<p>{'<br>'.join(map(escape, lines))}</p>" if lines else ""


def blocks_html(blocks: Sequence[Block]) -> str:
    """Blocks one after the other; a wide table scrolls by itself."""
    return "".join(_block(one) for one in blocks if not is_empty(one))


def scrolling(inner: str, label: str) -> str:
    """What may be wider than the page, reached by keyboard."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">{inner}</div>'
    )


def _block(block: Block) -> str:
    if not isinstance(block, Table):
        return Page("", (), (block,)).html()
    title = f"<h3>{escape(block.title)}</h3>" if block.title else ""
    return title + scrolling(Page("", (), (_flat(block),)).html(), block.title or "table")


def _flat(table: Table) -> Table:
    """The table with every label in every row, so that rows can change places."""
    frame = table.frame
    names = [str(name or f"label {k}") for k, name in enumerate(frame.index.names, 1)]
    plain = table.index and frame.index.nlevels > 1 and frame.columns.nlevels == 1
    if not plain or set(names) & set(map(str, frame.columns)):
        return Table(frame, "", table.index, table.names, table.decimals)
    labels = frame.index.to_frame(index=False).set_axis(names, axis="columns").astype(str)
    flat = labels.join(frame.reset_index(drop=True))
    return Table(flat, "", index=False, decimals=table.decimals)


def _static(name: str) -> str:
    return resources.files("hierbayes.report.page").joinpath("static", name).read_text("utf-8")
