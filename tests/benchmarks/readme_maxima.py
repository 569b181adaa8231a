"""Blocks of README on maxima of likelihoods, and on what rests on them."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.benchmarks.readme_cells import dated, failure, grid, name_of, seconds, spaced, times
from tests.benchmarks.record import Record, Row

FACTORS = {  # by a part of the title: what README calls it, and its rows
    "on plates": ("plates crossed with samples, simulated", 144),
    "on casks": ("batches, casks within, simulated", 60),
    "labels of text": ("the same, labels of text", 60),
    "ham_consumer": ("ham: consumers, consumers by product", 648),
    "ScotsSec": ("Scottish schools: primary and secondary, crossed", 3435),
    "egsingle": ("egsingle: slopes of schools and of children", 1756),
    "students × lecturers": ("2972 students crossed with 1128 lecturers, simulated", 73_421),
    "classes in": ("100 000 classes in 5000 schools, simulated", 500_000),
}
RESIDUALS = {
    "BodyWeight_CAR1": "rats: CAR(1), slopes of rats",
    "Dialyzer_gls_power_AR1": "dialyzers: AR(1) and a power of the pressure, no random part",
    "Dialyzer_gls_exp": "dialyzers: an exponential of the pressure, no random part",
    "RatPup_varIdent_two": "rat pups: a variance for each sex and treatment",
    "Soybean_CAR1_varIdent": "soybeans: CAR(1), a variance for each year, slopes of plots",
    "MMRM_unstructured": "clinical trial: unstructured",
    "MMRM_CS_het": "clinical trial: compound symmetry, a variance for each visit",
    "sim_AR1_varIdent_slope": "simulated: AR(1), a variance for each sex, slopes",
}
FAMILIES = {  # by a part of the title
    "15 herds": "herds: 60 binomial rows",
    "(1 | district)": "districts: 1920 binary rows",
    "urban | district)": "districts, with a slope",
    "broods of 63": "ticks: 378 counts, two factors",
    "in 1000 groups": "answers: 100 000 binary rows",
}
TASKS = {  # by a part of the title: what README calls it, and the packages of R beside it
    "bootstrap refits": ("1000 parametric-bootstrap refits", "lme4"),
    "all 8 parameters": ("profile of all parameters", "lme4"),
    "REML anew without": ("160 schools left out, each refitted", "lme4"),
    "Satterthwaite": ("Satterthwaite, a call", "lmerTest"),
    "Kenward–Roger": ("Kenward–Roger, a call", "pbkrtest"),
}


def reml(record: Record) -> str:
    """Two shipped data sets beside all packages, and two large ones beside the fastest."""
    hs, full = (record.rows("reml", part) for part in ("hs (1977", "hsfull (7185"))
    rows = [[name_of(hs[one]), *_fitted(hs[one]), *_fitted(full[one])] for one in hs]
    headings = ("", "hs, 1977 rows", "ratio", "log-likelihood", "hsfull, 7185 rows", "ratio",
                "log-likelihood")  # fmt: skip
    many, long = (
        record.rows("reml", part) for part in ("200,000 rows in 50,000", "2,000,000 rows in 1,000")
    )
    said = [
        f"{what} take {seconds(one['hierbayes']['whole'])} "
        f"(glmm {times(one['glmm']['whole ratio'])})"
        for what, one in (
            ("200 000 rows in 50 000 groups", many),
            ("2 million in 1000 groups", long),
        )
    ]
    return dated(f"{grid(headings, rows)}\n\n{', '.join(said)}.", record, "reml")


def _fitted(row: Row) -> list[str]:
    if "whole" not in row:
        return [failure(row), "", ""]
    return [seconds(row["whole"]), times(row["whole ratio"]), f"{row['loglik']:.4f}"]


def factors(record: Record) -> str:
    """Several grouping factors; a package that was not asked has no column."""
    tables = {part: record.rows("factors", part) for part in FACTORS}
    asked = {name: one for found in tables.values() for name, one in found.items()}
    packages = [name for name in ("glmm", "mixedlm", "lme4") if name in asked]
    rows = []
    for part, (name, n) in FACTORS.items():
        ours = seconds(tables[part]["hierbayes"]["whole"])
        others = [_ratio(tables[part].get(one)) for one in packages]
        rows.append([name, spaced(n), ours, *others])
    headings = ("", "rows", "hierbayes", *(name_of(asked[one]) for one in packages))
    return dated(grid(headings, rows), record, "factors")


def _ratio(row: Row | None) -> str:
    return times((row or {}).get("ratio")) or failure(row)


def residuals(record: Record) -> str:
    """Residual structures beside nlme and glmmTMB, and a million rows."""
    found = record.rows("residuals", "residual structure", "model")
    rows = []
    for model, name in RESIDUALS.items():
        row = found[model]
        others = [
            times(row.get(f"{one} ratio")) or failure({"remark": row.get(f"{one} remark")})
            for one in ("nlme", "glmmTMB")
        ]
        rows.append([name, spaced(row["n"]), seconds(row["seconds"]), *others])
    table = grid(("", "rows", "hierbayes", "nlme", "glmmTMB"), rows)
    large = record.rows("residuals", "1,000,000 rows", "errors")["AR1"]
    said = (
        f"Of a million rows in 40 000 groups AR(1) errors take {seconds(large['reml'])} from "
        f"cross-products to REML,\n{times(large['ratio'])} independent ones, and "
        f"{seconds(large['made'])} from the frame to the cross-products."
    )
    return dated(f"{table}\n\n{said}", record, "residuals")


def families(record: Record) -> str:
    """Maximum likelihood of other responses."""
    packages = ("glmm", "mixedlm", "lme4", "glmmTMB")
    rows = []
    for part, name in FAMILIES.items():
        found = record.rows("families", part)
        others = [_ratio(found.get(one)) for one in packages]
        nodes = _ratio(found.get("lme4, nodes"))
        rows.append([name, seconds(found["hierbayes"]["whole"]), *others, nodes])
    headings = ("", "ML", "glmm (Rust)", *packages[1:], "lme4, 15 nodes")
    return dated(grid(headings, rows), record, "families", "ML of")


def inference(record: Record) -> str:
    """What follows a REML fit."""
    rows = []
    for part, (name, package) in TASKS.items():
        found = record.rows("inference", part)
        mixedlm = times(found.get("mixedlm", {}).get("whole ratio"))
        if part == "all 8 parameters":
            fixed = record.rows("inference", "4 fixed effects on hs")["mixedlm"]["whole ratio"]
            mixedlm = f"(γ alone: {times(fixed)})"
        elif "numbers of" in str(found.get("mixedlm", {}).get("remark")):
            mixedlm = ""
        other = times(found[package]["whole ratio"])
        other += "" if package == "lme4" else f" ({package})"
        rows.append([name, seconds(found["hierbayes"]["whole"]), mixedlm, other])
    headings = ("", "hierbayes", "mixedlm", "lme4 and its friends")
    return dated(grid(headings, rows), record, "inference")


def large(record: Record) -> str:
    """A million rows beside other packages."""
    names = {
        "hierbayes, streamed from Parquet": "hierbayes, streamed from Parquet, reading included",
        "hierbayes": "hierbayes, from a frame",
        "glmm": "glmm (Rust)",
        **{name: name for name in ("mixedlm", "lme4", "statsmodels")},
    }
    found = record.rows("rivals_large", by="way")
    rows = [
        [
            name,
            seconds(found[way].get("processor")),
            times(found[way].get("ratio")),
            f"{found[way]['memory']:.0f} MB",
            f"{found[way]['before']:.0f} MB",
        ]
        for way, name in names.items()
    ]
    ours = found["hierbayes, posterior"]
    said = (
        f"The posterior by NUTS of 4 × 1000 draws took hierbayes {seconds(ours['processor'])} in "
        f"{ours['memory']:.0f} MB."
    )
    remark = found["bambi with nutpie, posterior"].get("remark")
    asked = re.search(r"allocate (\S+ \w+) for an array", str(remark))
    if asked:
        said += (
            "\nBambi stops as it builds its model, the easier one without correlation: it asks for "
            f"{asked[1]}, an array of rows by groups."
        )
    table = grid(("", "REML", "ratio", "memory", "before the fit"), rows)
    return dated(f"{table}\n\n{said}", record, "rivals_large")


def streams(record: Record) -> str:
    """A hundred million rows beside a bare scan, and REML by rows at one number of groups."""
    table = record.table("streams-large")
    found = {row["way"]: row for row in table["rows"]}
    ours, scan = found["cross-products"], found["bare scan (pyarrow)"]
    after = [found[f"{what} after that"]["seconds"] for what in ("REML", "posterior")]
    reml = [(title_rows(one["title"]), one["rows"]) for one in record.tables["streams"]]
    each = [
        f"{seconds(row['processor'])} of {spaced(n)} rows"
        for n, rows in reml
        for row in rows
        if row["way"] == "REML after that"
    ]
    return (
        f"{spaced(title_rows(table['title']))} rows in 100 000 groups (4 columns, 2.0 GB of "
        f"Parquet) took {seconds(ours['seconds'])}\n({seconds(ours['processor'])} of processor "
        f"time; the scan alone {seconds(scan['seconds'])}, DuckDB's `GROUP BY` of the same sums "
        f"{seconds(found['GROUP BY (DuckDB)']['seconds'])}) and\n{ours['memory']:.0f} MB, of "
        f"which the scan had {scan['memory']:.0f}; REML after that {seconds(after[0])}, and the "
        f"posterior of all variance parameters\n{seconds(after[1])}. With 1000 groups REML from "
        f"cross-products takes {each[0]}, {each[1]} and\n{each[2]}, of processor time.\n\n"
        f"*{record.measured('streams-large')}.*"
    )


def title_rows(title: str) -> int:
    """The number of rows at the front of a title."""
    return int(title.split()[0].replace(",", ""))


BLOCKS: dict[str, Callable[[Record], str]] = {
    "reml": reml,
    "factors": factors,
    "residuals": residuals,
    "families": families,
    "inference": inference,
    "large": large,
    "streams": streams,
}
