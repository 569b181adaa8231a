"""Times in README, guide and page of the benchmarks: blocks of results of record, nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import readme_cells as cells
from tests.benchmarks.readme import BLOCK, BLOCKS, PAGES, rendered
from tests.benchmarks.readme_maxima import factors
from tests.benchmarks.readme_posteriors import families_posterior, growth
from tests.benchmarks.record import Record, take
from tests.benchmarks.report import Column, Table, write

TEXT = "".join(page.read_text(encoding="utf-8") for page in PAGES)
ROWS: list[dict[str, Any]] = [
    {"contestant": "hierbayes", "whole": 0.00200041, "loglik": -6419.694712, "all whole": [1]},
    {"contestant": "lme4", "whole": None, "remark": "error: none"},
]


def test_blocks_are_those_that_the_results_of_record_render_to() -> None:
    assert rendered(TEXT, Record()) == TEXT


def test_every_block_stands_once() -> None:
    assert sorted(name for _, name, _ in BLOCK.findall(TEXT)) == sorted(BLOCKS)
    assert TEXT.count("<!-- bench:") == len(BLOCKS)


def test_no_other_table_has_times() -> None:
    rest = BLOCK.sub("", TEXT)
    assert not re.findall(r"^\|.*\d (?:ms|s) \|", rest, flags=re.MULTILINE)


def test_a_record_that_changes_changes_the_block(tmp_path: Path) -> None:
    table = Record().table("growth")
    slower = [row | {"sample": 9.5} for row in table["rows"]]
    (tmp_path / "growth.json").write_text(json.dumps([table | {"rows": slower}]))
    assert "9.5 s at 2000 rows" in growth(Record(tmp_path))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00201, "2.0 ms"),
        (0.00999, "10 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (63.2, "63 s"),
        (None, ""),
    ],
)
def test_seconds_have_two_digits(value: float | None, text: str) -> None:
    assert cells.seconds(value) == text


def test_long_numbers_are_spaced() -> None:
    assert [cells.spaced(number) for number in (9999, 10_000, 2_000_000)] == [
        "9999",
        "10\N{NO-BREAK SPACE}000",
        "2\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}000",
    ]


@pytest.mark.parametrize(
    ("remark", "text"),
    [
        ("error: formula syntax error at position 0", "cannot read the formula"),
        ("error: nlminb problem", "stops with an error"),
        ("error: reached elapsed time limit", "not within ten minutes"),
        ("failed: not done in 600 s", "not within ten minutes"),
        ("says it did not converge", ""),
        (None, ""),
    ],
)
def test_what_stops_a_package_is_said_in_few_words(remark: str | None, text: str) -> None:
    assert cells.failure({"remark": remark}) == text


def test_a_package_has_a_column_where_it_was_asked(tmp_path: Path) -> None:
    tables = Record().tables["factors"]
    for table in tables:
        table["rows"] = [row for row in table["rows"] if row["contestant"] != "lme4"]
    (tmp_path / "factors.json").write_text(json.dumps(tables))
    assert "| lme4 |" not in factors(Record(tmp_path))
    for table in tables:
        table["rows"].append({"contestant": "lme4", "ratio": 999.0})
    (tmp_path / "factors.json").write_text(json.dumps(tables))
    assert factors(Record(tmp_path)).count("| 999× |") == len(tables)


@pytest.mark.parametrize(
    ("rhat", "text"),
    [
        (1.0, "9.0× fewer"),
        (1.02, "9.0× fewer (R-hat 1.02)"),
        (1.06, "did not converge (R-hat 1.06)"),
    ],
)
def test_draws_that_did_not_converge_have_no_ratio(tmp_path: Path, rhat: float, text: str) -> None:
    (table,) = (t for t in Record().tables["families"] if "Posterior" in t["title"])
    bambi = {"data": "herds", "contestant": "bambi", "rhat": rhat, "bulk ratio": 9.0,
             "tail ratio": 2.0, "squares ratio": 2.0}  # fmt: skip
    rows = [row for row in table["rows"] if (row["data"], row["contestant"]) != ("herds", "bambi")]
    (tmp_path / "families.json").write_text(json.dumps([table | {"rows": [*rows, bambi]}]))
    line = next(one for one in families_posterior(Record(tmp_path)).splitlines() if "herds" in one)
    assert f"| {text} |" in line


def run_of(folder: Path, rows: list[dict[str, Any]], kind: str = "full") -> None:
    header = {"date": "2026-01-02", "kind of run": kind, "versions": {}}
    write("reml", header, [Table("REML", (Column("contestant", "who"),), rows)], folder)


def test_a_run_is_put_on_record_without_its_repetitions(tmp_path: Path) -> None:
    run_of(tmp_path, ROWS)
    take("reml", tmp_path, "an idle machine", tmp_path / "record")
    record = Record(tmp_path / "record")
    assert record.measured("reml") == "2026-01-02, an idle machine"
    assert list(record.rows("reml", "RE").values()) == [
        {"contestant": "hierbayes", "whole": 0.0020004, "loglik": -6419.694712},
        {"contestant": "lme4", "remark": "error: none"},
    ]
    with pytest.raises(LookupError, match=r"^no table of 'reml' with 'ML of' in its title is on "):
        record.table("reml", "ML of")


def test_a_smoke_run_and_one_that_lacks_a_package_are_refused(tmp_path: Path) -> None:
    run_of(tmp_path, ROWS, "quick (a smoke run: do not quote)")
    with pytest.raises(ValueError, match=r"^reml: numbers of a smoke run are not to be quoted$"):
        take("reml", tmp_path, "", tmp_path)
    run_of(tmp_path, [*ROWS, {"contestant": "nlme", "remark": "not installed"}])
    with pytest.raises(ValueError, match=r"^reml: nlme is not installed$"):
        take("reml", tmp_path, "", tmp_path)
