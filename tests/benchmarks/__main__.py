"""Run the benchmarks, print their tables, write them to ``results/bench``.

With ``--record "an idle machine"`` they are the results of record from then on, which README, guide
and the page of times show.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import (
    before,
    calibration,
    factors,
    factors_posterior,
    families,
    first,
    growth,
    imports,
    inference,
    pages,
    posterior,
    prediction,
    readme,
    record,
    reml,
    residuals,
    rivals_large,
    streams,
    study,
)
from tests.benchmarks.report import RESULTS, Table, write
from tests.benchmarks.versions import header

SUBJECTS: dict[str, Callable[..., list[Table]]] = {
    "imports": imports.run,
    "first": first.run,
    "before": before.run,
    "reml": reml.run,
    "factors": factors.run,
    "families": families.run,
    "residuals": residuals.run,
    "inference": inference.run,
    "pages": pages.run,
    "posterior": posterior.run,
    "factors-posterior": factors_posterior.run,
    "study": study.run,
    "growth": growth.run,
    "calibration": calibration.run,
    "prediction": prediction.run,
    "streams": streams.run,
    "rivals_large": rivals_large.run,
}
COMPARED = ("first", "before")  # subjects that know another revision


def main() -> None:
    """Parse the command line and run the chosen subjects one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run: few repetitions")
    parser.add_argument("--only", choices=SUBJECTS, help="one subject instead of all")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for JSON and markdown")
    parser.add_argument(
        "--before", help="another checkout or a git revision, measured in turns with this one"
    )
    parser.add_argument(
        "--record",
        metavar="CONDITIONS",
        help="put them on record, and write the tables of README, guide and page of times anew",
    )
    options = parser.parse_args()
    if options.record is not None and (options.quick or options.before):
        parser.error("on record are full runs, of this revision alone")
    for subject in [options.only] if options.only else SUBJECTS:
        about = header(options.quick)
        # A smoke run never overwrites numbers worth quoting.
        name = f"{subject}-quick" if options.quick else subject
        more = {"before": options.before} if subject in COMPARED else {}
        tables = SUBJECTS[subject](options.quick, **more)
        if tables:
            sys.stdout.write(write(name, about, tables, options.out) + "\n")
            if options.record is not None:
                record.take(subject, options.out, options.record)
        sys.stdout.flush()
    if options.record is not None:
        readme.main()


if __name__ == "__main__":
    main()
