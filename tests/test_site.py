"""Pages of the reference site: every public name and picture, and code that runs."""

import re
from pathlib import Path

import pytest

import hierbayes as hb
from hierbayes.errors import HierbayesError
from tests.site.examples import pictures_by_name, public_values, session_of, session_text
from tests.site.gallery import examples
from tests.site.models_in import MODELS, SYSTEMS, models_in
from tests.site.names import GUIDE, called
from tests.site.names import rendered as with_names
from tests.site.reference import SPACES, names_by_subject, page_of, pages, summary_of

COMING_FROM = Path(__file__).parents[1] / "notebooks" / "site" / "coming_from"
ERRORS = sorted(name for name in hb.__all__ if name.endswith("Error"))
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


def test_every_public_name_has_an_example() -> None:
    pictures = pictures_by_name()
    sessions = {name: session_of(name, value, pictures) for name, value in public_values()}
    assert len(sessions) > 280  # no KeyError
    example = sessions["plots.arc_frame"]
    assert example is not None and example.shown.startswith("hb.plots.arc_frame(")
    assert sessions["plots.Arc"] == example
    assert sessions["power"] is None  # its docstring has one


def test_the_guide_lists_every_name_that_one_calls() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert with_names(text) == text and text.count("<!-- names -->") == 1
    listed = [name for names in called().values() for name in names]
    assert all(
        f"hb.{name}" in listed for name in hb.__all__ if name[0].islower() and name not in SPACES
    )


def test_a_page_shows_its_session_and_picture() -> None:
    made = pages({"plots.plot_icc": ">>> 1 + 1\n2"})
    page = made["reference/functions/plots.plot_icc.rst"]
    assert ".. code-block:: pycon\n\n   >>> 1 + 1\n   2\n" in page
    assert ".. image:: ../../gallery/plot_icc.png" in page
    assert "image" not in made["reference/functions/wald.rst"]


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_shown_by_what_raises_it(name: str) -> None:
    session = session_of(name, getattr(hb, name), {})
    assert session is not None
    lines = session_text(session, {}).splitlines()
    (said,) = [line for line in lines if line.startswith("hierbayes.errors.")]
    kind = HierbayesError if name == "HierbayesError" else getattr(hb, name)
    raised = getattr(hb, said.partition(":")[0].rpartition(".")[2])
    assert issubclass(raised, kind)


@pytest.mark.slow
def test_priors_families_and_structures_are_shown_and_refuse_nothing() -> None:
    spaces: dict[str, dict[str, object]] = {}
    for name, value in public_values():
        module = getattr(value, "__module__", "")
        if "priors" in module or name.startswith(("families.", "residuals.")):
            session = session_of(name, value, {})
            if session is not None:
                assert "hierbayes.errors." not in session_text(session, spaces), name


@pytest.mark.parametrize("system", SYSTEMS)
def test_models_stand_beside_those_of_another_system(system: str) -> None:
    said = models_in(system)
    assert said.count("### ") == len(MODELS)
    cannot = said.count("\n> ")
    assert cannot <= 3
    assert said.count("```") == 2 * (2 * len(MODELS) - cannot)
