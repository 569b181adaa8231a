"""All names that one calls, by subject, as the guide has them: ``python -m tests.site.names``."""

from __future__ import annotations

import re
from pathlib import Path

import hierbayes as hb
from tests.site.reference import SPACES, names_by_subject

GUIDE = Path(__file__).parents[2] / "notebooks" / "guide.md"
BLOCK = re.compile(r"(<!-- names -->\n).*?(<!-- /names -->)", re.DOTALL)
# Of classes those that one calls; the others are what functions return, or what they derive from.
_CALLED = {"Model", "Multilevel", "CrossProducts", "SensitivityStudy"}
_BASES = {"Response", "ResponseFamily", "ResidualStructure", "Quantity"}


def called() -> dict[str, list[str]]:
    """By subject the names that one calls, as they are written."""
    found = {}
    for subject, names in names_by_subject().items():
        chosen = [
            name
            for name in names
            if name[0].islower() or name in _CALLED or subject.title == "Priors"
        ]
        found[subject.title] = [f"hb.{name}" for name in chosen]
    for space, title in SPACES.items():
        names = [name for name in sorted(getattr(hb, space).__all__) if name not in _BASES]
        drawn = [name for name in names if name.startswith("plot_")]
        made = [name for name in names if name[0].isupper()]
        found[title] = [f"hb.{space}.{name}" for name in (drawn or made)]
    return {title: names for title, names in found.items() if names}


def names_table() -> str:
    """A row for each subject."""
    rows = []
    for title, names in called().items():
        at = names[0].rpartition(".")[0]
        rows.append(f"| {title} | `{at}.` | {', '.join(f'`{n[len(at) + 1 :]}`' for n in names)} |")
    return "\n".join(["| | | |", "|---|---|---|", *rows]) + "\n"


def rendered(text: str) -> str:
    """A page with its table of names written anew."""
    return BLOCK.sub(lambda block: block[1] + names_table() + block[2], text)


def main() -> None:
    """Write the table into the guide."""
    GUIDE.write_text(rendered(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
