"""What a file holds of rows that stream: their sums, or of a family the distinct ones.

So a fit of them is read back without their source; what needs the rows asks for it by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from hierbayes.design.distinct_rows import TIMES
from hierbayes.design.problem import Problem
from hierbayes.design.rows import Rows
from hierbayes.design.streamed_families import pose_streamed_family
from hierbayes.design.streamed_rows import StreamedRows
from hierbayes.design.tally import tally_of_problem
from hierbayes.errors import SavedFitError
from hierbayes.families.text import read_text
from hierbayes.fit.saving.archive import Contents
from hierbayes.fit.saving.plain_values import from_plain
from hierbayes.fit.saving.row_columns import frame_as_bytes, frame_of_bytes
from hierbayes.fit.saving.tally_parts import tally_again, tally_contents
from hierbayes.sources.frames import FrameSource
from hierbayes.specification.formula import Specification

TALLY, DISTINCT = "sums of rows", "distinct rows"


def streamed_contents(problem: Problem) -> Contents:
    """What is written of the rows of a problem that stream.

    The manifest says in ``rows`` what it is, and in ``source`` what the rows are called.

    Raises
    ------
    SavedFitError
        When the responses are not those of the source.
    """
    rows = cast(StreamedRows, problem.design.rows)
    if rows.distinct is not None:
        said, held = frame_as_bytes(rows.distinct)
        kept = {"rows": DISTINCT, "frame": said}
        contents = Contents(kept, {}, (held,))
    else:
        if rows.summed is None or rows.summed.cross is not problem.unweighted.working:
            raise SavedFitError(
                "this fit is of responses that were computed, not of those of the rows, and cannot "
                "be saved; fit a model of rows that hold them"
            )
        found = tally_contents(tally_of_problem(problem))
        contents = replace(found, manifest={"rows": TALLY, "tally": found.manifest})
    return replace(contents, manifest={**contents.manifest, "source": rows.source})


def holds_streamed(contents: Contents) -> bool:
    """Whether a file has rows that stream."""
    return contents.manifest["rows"] in (TALLY, DISTINCT)


def streamed_again(contents: Contents, spec: Specification) -> Problem:
    """The problem of the rows that `streamed_contents` wrote, of the specification of the fit."""
    manifest = contents.manifest
    if manifest["rows"] == TALLY:
        of_tally = replace(contents, manifest=manifest["tally"])
        tally = tally_again(of_tally, manifest["source"])
        return replace(tally, specification=spec).problem()
    return _of_distinct(manifest, contents.rows, spec)


def _of_distinct(manifest: Any, held: Sequence[bytes], spec: Specification) -> Problem:
    """The problem of distinct rows of a family, which leave their source behind."""
    table = frame_of_bytes(manifest["frame"], held[0])
    source = FrameSource(table, manifest["source"])
    family = read_text(manifest["family"])
    if family is None:
        raise TypeError("no family")
    problem = pose_streamed_family(spec, source, family, TIMES)
    design = problem.design
    rows = replace(cast(StreamedRows, design.rows), at_hand=None)
    dropped = from_plain(manifest["dropped"])
    return replace(problem, design=replace(design, rows=cast(Rows, rows), dropped=dropped))
