"""Times in README, guide and page of the benchmarks: blocks between marks, of results of record.

    python -m tests.benchmarks.readme

A block starts with ``<!-- bench: NAME -->`` and ends with ``<!-- /bench -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import readme_maxima, readme_posteriors
from tests.benchmarks.record import Record

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "notebooks" / "guide.md", Path(__file__).with_name("README.md"))
BLOCK = re.compile(r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)
BLOCKS: dict[str, Callable[[Record], str]] = {**readme_maxima.BLOCKS, **readme_posteriors.BLOCKS}


def rendered(text: str, record: Record) -> str:
    """A page with its blocks written anew."""
    return BLOCK.sub(lambda block: block[1] + BLOCKS[block[2]](record) + "\n" + block[3], text)


def main() -> None:
    """Write the blocks of all pages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(rendered(text, Record()), encoding="utf-8")


if __name__ == "__main__":
    main()
