"""Links of the pages in markdown: what they lead to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[mnd]*/*.md"), *ROOT.glob("tests/reference/*.md")])
GUIDE = "notebooks/guide.md"
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


def test_the_readme_has_every_section_of_the_guide_in_its_contents() -> None:
    contents = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## What is where")[1]
    links = LINK.findall(contents)
    linked = [anchor for name, anchor in links if name == GUIDE and anchor]
    guide = (ROOT / GUIDE).read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", guide, flags=re.DOTALL | re.MULTILINE)
    assert sorted(linked) == sorted(slugs(prose) - {"guide"})


def test_the_top_level_has_few_pages() -> None:
    assert {page.name for page in ROOT.glob("*.md")} == {
        "README.md", "ARCHITECTURE.md", "CHANGELOG.md",
    }  # fmt: skip


def test_the_readme_is_short_and_its_first_fit_within_a_screen() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert next(n for n, line in enumerate(lines) if "model.reml()" in line) < 25
    assert len(lines) < 210  # the rest is in the guide
