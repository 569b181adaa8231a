"""Pages of the reference: one for each public name, in the order of an analysis."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType

import hierbayes as hb


@dataclass(frozen=True, slots=True)
class Subject:
    """Public names that stand under one heading.

    Parameters
    ----------
    title : str
    rooms : tuple of str
        Parts of the package, the longest of which that a name's module begins with decides.
    """

    title: str
    rooms: tuple[str, ...]


SUBJECTS = (
    Subject("Data in groups", ("frames",)),
    Subject("Models", ("model", "specification", "library", "translation", "language",
                       "estimation")),
    Subject("Priors", ("priors",)),
    Subject("Fits", ("fit",)),
    Subject("Tests and intervals", ("inference.hypotheses", "inference.profiles",
                                    "inference.bootstraps")),
    Subject("Choosing a model", ("inference.model_choice", "inference.reduction",
                                 "inference.evidence", "inference.predictive")),
    Subject("Checks", ("inference.checks", "inference.residuals", "inference.influence",
                       "inference.recheck")),
    Subject("Averages and contrasts", ("inference.margins",)),
    Subject("Within and between groups", ("inference.context", "studies.estimators")),
    Subject("Studies", ("studies",)),
    Subject("Errors", ("errors",)),
)  # fmt: skip
SPACES = {
    "families": "Families of responses",
    "residuals": "Structures of errors",
    "quantities": "Quantities of a study",
    "plots": "Pictures",
}


def subject_of(name: str) -> Subject:
    """Under which heading a public name of the package stands."""
    room = getattr(hb, name).__module__.removeprefix("hierbayes.")
    places = [(part, subject) for subject in SUBJECTS for part in subject.rooms
              if f"{room}.".startswith(f"{part}.")]  # fmt: skip
    return max(places, key=lambda place: len(place[0]))[1]


def names_by_subject() -> dict[Subject, list[str]]:
    """Every public name that is no module, by heading, functions before classes."""
    found: dict[Subject, list[str]] = {subject: [] for subject in SUBJECTS}
    for name in hb.__all__:
        if name not in SPACES:
            found[subject_of(name)].append(name)
    return {at: sorted(names, key=lambda n: (n[0].isupper(), n)) for at, names in found.items()}


def file_of(name: str) -> str:
    """Where the page of a name is: capitals alone tell no files apart on some machines."""
    space, _, last = name.rpartition(".")
    folder = "types" if last[0].isupper() else "functions"
    return f"{folder}/{f'{space}.' if space else ''}{last}"


def summary_of(value: object) -> str:
    """The first sentence of a docstring."""
    text = inspect.getdoc(value) or ""
    return " ".join(text.partition("\n\n")[0].split())


def page_of(qualified: str, value: object, example: str = "") -> str:
    """The page of one name, in reStructuredText; a picture's shows it, another's an example."""
    return f"{_described(qualified, value)}{_shown(qualified, example)}"


def _shown(qualified: str, example: str) -> str:
    """A session where there is one, and the picture of the gallery."""
    lines = "".join(f"   {line}\n" if line else "\n" for line in example.splitlines())
    session = f"\n.. rubric:: Example\n\n.. code-block:: pycon\n\n{lines}" if example else ""
    last = qualified.rpartition(".")[2]
    if not qualified.startswith("plots.plot_"):
        return session
    return (
        f"{session}\n.. image:: ../../gallery/{last}.png\n   :alt: the picture of this example\n"
        "   :target: ../../gallery/index.html\n"
    )


def _described(qualified: str, value: object) -> str:
    heading = f"{qualified}\n{'=' * len(qualified)}\n\n"
    place = f"hierbayes.{qualified}"
    if inspect.isclass(value):
        return f"{heading}.. autoclass:: {place}\n   :members:\n   :inherited-members: object\n"
    return f"{heading}.. autofunction:: {place}\n"


def _contents(title: str, entries: list[tuple[str, str]], intro: str = "") -> str:
    """A page that lists names with their first sentences."""
    rows = "".join(
        f"   * - :doc:`{name} <{file_of(name)}>`\n     - {summary.replace('|', chr(92) + '|')}\n"
        for name, summary in entries
    )
    hidden = "".join(f"   {name} <{file_of(name)}>\n" for name, _ in entries)
    return (
        f"{title}\n{'=' * len(title)}\n\n{intro}\n\n.. list-table::\n   :widths: 30 70\n\n{rows}\n"
        f".. toctree::\n   :hidden:\n\n{hidden}"
    )


def _space_entries(space: str) -> Iterator[tuple[str, object]]:
    module: ModuleType = getattr(hb, space)
    for name in sorted(module.__all__, key=lambda n: (n[0].isupper(), n)):
        yield name, getattr(module, name)


def pages(shown: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Texts of all pages by the names of their files.

    Parameters
    ----------
    shown : mapping
        From names to sessions that stand on their pages.
    """
    made: dict[str, str] = {}
    chapters = []
    for subject, names in names_by_subject().items():
        file = subject.title.lower().replace(" ", "_")
        chapters.append(file)
        made[f"reference/{file}.rst"] = _contents(
            subject.title, [(name, summary_of(getattr(hb, name))) for name in names]
        )
        for name in names:
            made[f"reference/{file_of(name)}.rst"] = page_of(
                name, getattr(hb, name), shown.get(name, "")
            )
    for space, title in SPACES.items():
        chapters.append(f"{space}")
        entries = [(f"{space}.{name}", summary_of(value)) for name, value in _space_entries(space)]
        made[f"reference/{space}.rst"] = _contents(title, entries, f"In ``hb.{space}``.")
        for name, value in _space_entries(space):
            of = f"{space}.{name}"
            made[f"reference/{file_of(of)}.rst"] = page_of(of, value, shown.get(of, ""))
    listed = "".join(f"   {file}\n" for file in chapters)
    made["reference/index.rst"] = (
        "Reference\n=========\n\nEvery public name: ``import hierbayes as hb``.\n\n"
        f".. toctree::\n   :maxdepth: 2\n\n{listed}"
    )
    return made
