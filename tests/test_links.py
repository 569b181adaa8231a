"""Links of the pages in markdown: what they lead to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[mnd]*/*.md"), *ROOT.glob("tests/reference/*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def slugs(text: str) -> set[str]:
    """The anchors that a page has: of each heading its words, joined by hyphens."""
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, anchor in LINK.findall(text):
        target = page.parent / name if name else page
        assert target.exists(), name
        if anchor:
            assert anchor in slugs(target.read_text(encoding="utf-8")), anchor


def test_the_readme_has_every_section_but_the_first_in_its_contents() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told, guide = text.split("\n## Three ways")
    linked = {anchor for name, anchor in LINK.findall(told) if not name}
    prose = re.sub(r"^```.*?^```", "", guide, flags=re.DOTALL | re.MULTILINE)
    assert linked == slugs("## Three ways" + prose)


def test_the_first_fit_is_within_a_screen() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert next(n for n, line in enumerate(lines) if "model.reml()" in line) < 45
