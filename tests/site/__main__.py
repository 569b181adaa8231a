"""Make the pages of the site and build it: ``python -m tests.site``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.site.examples import example_texts
from tests.site.gallery import draw
from tests.site.models_in import SYSTEMS, models_in
from tests.site.reference import pages

ROOT = Path(__file__).parents[2]
WRITTEN = ROOT / "notebooks" / "site"
PLACES = {  # pages that are files of the project
    "README.md": "overview.md",
    "notebooks/guide.md": "guide.md",
    "tests/benchmarks/README.md": "benchmarks.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
}
SOURCE, SITE = ROOT / "build" / "pages", ROOT / "build" / "site"


def _included() -> dict[str, str]:
    """Pages that are files of the project."""
    return {place: _with_links_of_the_site(ROOT / name) for name, place in PLACES.items()}


def _with_links_of_the_site(page: Path) -> str:
    text = page.read_text(encoding="utf-8").replace("notebooks/pictures/", "pictures/")
    for name, place in PLACES.items():
        for way in ("", "../", "../../"):
            text = text.replace(f"({way}{name}", f"({place}")
    return text


def _notebooks() -> dict[str, str]:
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    listed = "".join(f"{path.stem}\n" for path in found)
    return {"notebooks/index.md": f"# Notebooks\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}```\n"}


def _coming_from() -> dict[str, str]:
    """The tables of calls, with models in the system's words below them."""
    folder = WRITTEN / "coming_from"
    return {
        f"coming_from/{system}.md": (folder / f"{system}.md").read_text(encoding="utf-8")
        + f"\n{models_in(system)}"
        for system in SYSTEMS
    }


def make_pages(folder: Path) -> None:
    """Put all pages into a folder, written, generated and copied."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(WRITTEN, folder)
    shutil.copytree(ROOT / "notebooks" / "pictures", folder / "pictures")
    (folder / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(path, folder / "notebooks")
    shutil.copy(ROOT / "CITATION.cff", folder)
    (folder / "gallery").mkdir()
    gallery = {"gallery/index.md": draw(folder / "gallery")}
    made = {**pages(example_texts()), **_included(), **_notebooks(), **_coming_from(), **gallery}
    for name, text in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Make the pages, and build them; a warning is an error."""
    make_pages(SOURCE)
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    return subprocess.run([*build, str(SOURCE), str(SITE)], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
