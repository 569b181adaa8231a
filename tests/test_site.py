"""Pages of the reference site: every public name and picture, and code that runs."""

import re
from pathlib import Path

import pytest

import hierbayes as hb
from tests.site.gallery import examples
from tests.site.reference import SPACES, names_by_subject, page_of, pages, summary_of

COMING_FROM = Path(__file__).parents[1] / "notebooks" / "site" / "coming_from"
PAGES = sorted(path.stem for path in COMING_FROM.glob("*.md") if path.stem != "index")


def cells(page: str) -> list[str]:
    """What stands for the package in a table of calls: the code of the last column, by row."""
    rows = re.findall(r"^\| .* \| `(.*)` \|$", page, flags=re.MULTILINE)
    return [row.replace(r"\|", "|") for row in rows]


def test_every_public_name_has_a_page_and_stands_under_one_heading() -> None:
    listed = [name for names in names_by_subject().values() for name in names]
    assert sorted([*listed, *SPACES]) == sorted(hb.__all__)
    made = {name.rpartition("/")[2].removesuffix(".rst") for name in pages()}
    wanted = set(listed) | {
        f"{space}.{name}" for space in SPACES for name in getattr(hb, space).__all__
    }
    assert wanted <= made


@pytest.mark.parametrize("name", hb.__all__)
def test_every_page_begins_with_what_the_name_is(name: str) -> None:
    value = getattr(hb, name)
    assert len(summary_of(value)) > 10
    kind = "autoclass" if isinstance(value, type) else "autofunction"
    assert f".. {kind}:: hierbayes.{name}\n" in page_of(name, value)


def test_the_gallery_shows_every_picture() -> None:
    drawn = {example.name: example for example in examples()}
    assert sorted(drawn) == sorted(name for name in hb.plots.__all__ if name.startswith("plot_"))
    assert all(example.call.startswith(f"hb.plots.{name}(") for name, example in drawn.items())


@pytest.mark.slow
@pytest.mark.parametrize("system", PAGES)
def test_the_calls_beside_those_of_another_system_run(system: str) -> None:
    page = (COMING_FROM / f"{system}.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    found = cells(page)
    assert len(found) == len(rows) > 10
    space: dict[str, object] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], space)
    for code in found:
        exec(code, space)
