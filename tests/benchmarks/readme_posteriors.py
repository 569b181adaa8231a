"""Blocks of README on posteriors, studies, first calls and pages."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.readme_cells import (
    dated,
    digits,
    failure,
    grid,
    name_of,
    seconds,
    spaced,
    times,
)
from tests.benchmarks.record import Record, Row

FACTORS = {
    "plates": "plates crossed with samples, simulated",
    "casks": "batches, casks within, simulated",
    "Scottish schools": "Scottish schools: primary and secondary, crossed",
}
FAMILIES = {
    "herds": "herds: 60 binomial rows",
    "districts": "districts: 1920 binary rows",
    "districts, slope": "districts, with a slope",
    "ticks": "ticks: 378 counts, two factors",
    "ratings": "ratings: 480 ordered rows",
    "answers": "answers: 100 000 binary rows",
}
DOUBTFUL, FAILED = 1.01, 1.05  # R-hat of a rival that is said, and that makes a ratio idle
TASKS = {
    "SBC": ("simulation-based calibration, 500 posteriors",
            "simuk with bambi's model without correlation and nutpie"),
    "power": ("power, 1000 data sets", "simulate, refit and test in lme4 and lmerTest"),
}  # fmt: skip


def posterior(record: Record) -> str:
    """The posterior of the model of the first page."""
    spent, worth = (record.rows("posterior", part) for part in (": time", ": worth"))
    rows = []
    for name, row in worth.items():
        fewer = row.get("rate later ratio")
        if name == "brms 2.18":
            fewer = worth["hierbayes"]["rate later"] / row["rate later"]
        rows.append([
            name_of(row), seconds(spent[name].get("first")), seconds(spent[name]["other data"]),
            spaced(row["bulk"]), spaced(row["rate later"]),
            "" if name == "hierbayes" else f"{times(fewer)} fewer",
        ])  # fmt: skip
    headings = ("", "first call in a process", "later call, other data", "worst bulk ESS",
                "ESS per second, later call", "ratio")  # fmt: skip
    return dated(grid(headings, rows), record, "posterior")


def _beside_bambi(record: Record, subject: str, names: dict[str, str]) -> str:
    """Posteriors beside bambi with nutpie."""
    found = record.table(subject, "beside bambi")["rows"]
    both = {(row["data"], row["contestant"]): row for row in found}
    rows = []
    for data, name in names.items():
        ours = both[data, "hierbayes"]
        cells = _fewer(both.get((data, "bambi"), {}))
        rows.append([name, seconds(ours["again"]), spaced(ours["bulk rate"]), *cells])
    headings = ("", "hierbayes", "bulk ESS a second", "bambi with nutpie, bulk", "tail", "squares")
    return grid(headings, rows)


def _fewer(row: Row) -> list[str]:
    """How many times fewer effective draws a second, in the bulk, in tails and of squares."""
    rhat = row.get("rhat", 1.0)
    if "bulk ratio" not in row:
        return [failure(row) or "not measured", "", ""]
    if rhat > FAILED:
        return [f"did not converge (R-hat {rhat:.2f})", "", ""]
    doubt = f" (R-hat {rhat:.2f})" if rhat > DOUBTFUL else ""
    return [
        f"{times(row['bulk ratio'])} fewer{doubt}",
        *(times(row[f"{worth} ratio"]) for worth in ("tail", "squares")),
    ]


def factors_posterior(record: Record) -> str:
    """Posteriors of several factors, and of very many groups."""
    table = _beside_bambi(record, "factors-posterior", FACTORS)
    large = record.rows("factors-posterior", "large data", "data")
    many, crossed = (
        next(row for data, row in large.items() if part in data)["again"]
        for part in ("50,000 groups", "lecturers")
    )
    said = (
        f"γ, variances and correlation of 50 000 groups with a slope take {seconds(many)}, and "
        f"those of 2972\nstudents crossed with 1128 lecturers {seconds(crossed)}, both by "
        "importance sampling."
    )
    return dated(f"{table}\n\n{said}", record, "factors-posterior")


def families_posterior(record: Record) -> str:
    """Posteriors of other responses."""
    table = _beside_bambi(record, "families", FAMILIES)
    return dated(table, record, "families", "Posterior")


def study(record: Record) -> str:
    """A study of a hundred priors."""
    names = {
        "hierbayes": "hierbayes, study and table",
        "hierbayes, all sampled": "hierbayes, every prior sampled",
        "bambi, nutpie": "bambi, nutpie",
        "brms 2.18": "brms 2.18 (quoted)",
    }
    found = record.rows("study", ": time")
    done = record.rows("study", "study of hierbayes did", "when")["then other data"]
    remarks = {
        "hierbayes": f"{done['direct']:.0f} from the draws at hand, {done['indirect']:.0f} from "
        f"another prior's, {done['refitted']:.0f} sampled",
        "hierbayes, all sampled": "3 measured, multiplied",
        "bambi, nutpie": "3 measured, multiplied; the easier model without correlation",
        "brms 2.18": "21 s each on hs, compilation excluded",
    }
    rows = [
        [
            name,
            seconds(found[key]["other data"]),
            times(found[key].get("other data ratio")) if key != "hierbayes" else "",
            remarks[key],
        ]
        for key, name in names.items()
    ]
    ours = found["hierbayes"]
    said = (
        "How many priors have to be sampled depends on the grid and on the data; families of "
        "priors that were\nnever sampled on a machine compile once "
        f"({seconds(ours['cold'])} in all here, against {seconds(ours['first'])})."
    )
    return dated(f"{grid(('', '100 priors', 'ratio', ''), rows)}\n\n{said}", record, "study")


def calibration(record: Record) -> str:
    """Simulated data sets, fitted again."""
    found = record.table("calibration", "other packages")["rows"]
    rows = []
    for task, (name, other) in TASKS.items():
        ours, theirs = (row for row in found if row["task"] == task)
        rows.append([name, seconds(ours["whole"]), f"{other}: {times(theirs['ratio'])}"])
    return dated(grid(("", "hierbayes", ""), rows), record, "calibration")


def growth(record: Record) -> str:
    """Sampling as rows grow."""
    found = record.table("growth")["rows"]
    said = ", ".join(f"{seconds(row['sample'])} at {spaced(row['rows'])} rows" for row in found)
    when = record.measured("growth")
    return f"Sampling does not slow down with rows: with 40 groups,\n{said} ({when})."


def first(record: Record) -> str:
    """First calls on a machine, and in a process."""
    steps = record.rows("first", by="step")
    fit, draws = steps["first REML"], steps["first posterior"]
    several = record.table("factors-posterior", "beside bambi")["rows"]
    longest = max(row["cold"] for row in several if row["contestant"] == "hierbayes")
    return (
        f"The very first call on a machine compiles: {seconds(fit['cold'])} for a first REML\n"
        f"and {seconds(draws['cold'])} more for a first posterior here, for all data, structures "
        "and built-in priors at once\n(with several grouping factors up to "
        f"{seconds(longest)} for both); afterwards the compiled code is found on disk,\nand they "
        f"take {seconds(fit['warm'])} and {seconds(draws['warm'])} in a new process "
        f"({record.measured('first')})."
    )


def pages(record: Record) -> str:
    """First pages of a process."""
    of = record.rows("pages", by="of")
    hs, full = of["hs, REML"], of["hsfull, REML"]
    return (
        f"The first page of a process takes {digits(hs['first own'])} s of processor time after "
        f"the fit of hs ({hs['size']:.2f} MB) and\n{digits(full['first own'])} s of hsfull "
        f"(160 schools, {full['size']:.2f} MB; {record.measured('pages')})."
    )


BLOCKS: dict[str, Callable[[Record], str]] = {
    "posterior": posterior,
    "factors-posterior": factors_posterior,
    "families-posterior": families_posterior,
    "study": study,
    "calibration": calibration,
    "growth": growth,
    "first": first,
    "pages": pages,
}
