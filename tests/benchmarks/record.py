"""Results of record: those of full runs that README shows, with when and how they were measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("record")
UNKEPT = ("all", "gamma", "se")  # repetitions, and what tells whether answers agree

type Row = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """The stored results.

    Parameters
    ----------
    folder : Path
        With a JSON file for each subject.
    """

    folder: Path = FOLDER

    @cached_property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """By subject the tables, each a title, a date, conditions and rows."""
        found = sorted(self.folder.glob("*.json"))
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in found}

    def table(self, subject: str, part: str = "") -> dict[str, Any]:
        """The first table of a subject whose title has this part.

        Raises
        ------
        LookupError
            Where there is none.
        """
        for table in self.tables.get(subject, []):
            if part in table["title"]:
                return table
        raise LookupError(f"no table of '{subject}' with '{part}' in its title is on record")

    def rows(self, subject: str, part: str = "", by: str = "contestant") -> dict[Any, Row]:
        """Rows of a table by one of their values."""
        return {row[by]: row for row in self.table(subject, part)["rows"]}

    def measured(self, subject: str, part: str = "") -> str:
        """When and how the tables of a subject were measured whose titles have this part."""
        tables = [table for table in self.tables[subject] if part in table["title"]]
        said = [(table["date"], table["conditions"]) for table in tables]
        return "; ".join(f"{date}, {how}" if how else date for date, how in dict.fromkeys(said))


def take(subject: str, run: Path, conditions: str, folder: Path = FOLDER) -> None:
    """Put the results of a run on record.

    Parameters
    ----------
    subject : str
    run : Path
        The folder that the run was written to.
    conditions : str
        How the machine was, as in "an idle machine".
    folder : Path
        Of the record.

    Raises
    ------
    ValueError
        When the run was a smoke run, or lacked a package.
    """
    found = json.loads((run / f"{subject}.json").read_text(encoding="utf-8"))
    if found["header"]["kind of run"] != "full":
        raise ValueError(f"{subject}: numbers of a smoke run are not to be quoted")
    for row in (row for table in found["tables"] for row in table["rows"]):
        if row.get("remark") == "not installed":
            raise ValueError(f"{subject}: {row.get('contestant', row.get('way'))} is not installed")
    tables = [
        {
            "title": table["title"],
            "date": found["header"]["date"],
            "conditions": conditions,
            "rows": [_kept(row) for row in table["rows"]],
        }
        for table in found["tables"]
    ]
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(tables, indent=1, ensure_ascii=False)
    (folder / f"{subject}.json").write_text(text + "\n", encoding="utf-8")


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    """A row without repetitions, to five digits."""
    return {
        key: float(f"{value:.5g}") if isinstance(value, float) and key != "loglik" else value
        for key, value in row.items()
        if value is not None and key.split()[0] not in UNKEPT
    }
