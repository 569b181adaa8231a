"""The report of a result, written as one file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from uuid import uuid4

from hierbayes.display.page import Printed
from hierbayes.errors import ResultFolderError
from hierbayes.fit.fit import Fit
from hierbayes.report.page.document import Section, blocks_html, document_html, paragraph
from hierbayes.report.page.fit_sections import (
    about,
    diagnosis,
    fit_sections,
    page_data,
    verdict,
)
from hierbayes.report.page.methods import citation
from hierbayes.report.page.study_figures import study_figures_html
from hierbayes.studies.comparison.comparison import Comparison


def write_report(result: Printed, path: str | PathLike[str]) -> Path:
    """Write the page of one result: a fit, a comparison, a study.

    Raises
    ------
    ResultFolderError
        When the file cannot be written.
    """
    _refuse_place(path)
    if isinstance(result, Fit):
        return write_fits_report([result], path)
    return _write(printed_html(result), path)


def write_fits_report(
    fits: Sequence[Fit], path: str | PathLike[str], comparison: Comparison | None = None
) -> Path:
    """Write the page of fits of one model: of the last, with the verdicts on all before it."""
    _refuse_place(path)
    return _write(fits_html(fits, comparison), path)


def fits_html(fits: Sequence[Fit], comparison: Comparison | None = None) -> str:
    """The page of fits of one model."""
    *_, fit = fits
    found, data = [diagnosis(one) for one in fits], page_data(fit)
    verdicts = "".join(verdict(one, said) for one, said in zip(fits, found, strict=True))
    further = [] if comparison is None else _of_comparison(comparison)
    sections = [Section("Verdict", verdicts), *fit_sections(fit, found[-1], data), *further]
    specification = fit.design.specification
    kind = "hierarchical model" if specification.random else "regression"
    title = f"{specification.response}: {kind}, {fit.engine}"
    return document_html(title, about(fit), sections, data)


def printed_html(result: Printed) -> str:
    """The page of what is printed of a result, findings first."""
    page = result.page()
    sections = (
        _of_comparison(result)
        if isinstance(result, Comparison)
        else [Section("Result", blocks_html(page.blocks))]
    )
    if not isinstance(result, Comparison) and (figures := study_figures_html(result)):
        sections.append(Section("Pictures", figures))
    cite = Section("How to cite", paragraph(citation()))
    return document_html(page.title, page.about, [*sections, cite], {})


def _of_comparison(comparison: Comparison) -> list[Section]:
    page = comparison.page()
    words = [block for block in page.blocks if not hasattr(block, "frame")]
    tables = [block for block in page.blocks if hasattr(block, "frame")]
    objection = paragraph(comparison.objection) if comparison.objection else ""
    names = ", ".join(map(str, comparison.overview.index))
    return [
        Section(f"Comparison: {names}", objection + blocks_html(words)),
        Section("Tables of the comparison", blocks_html(tables)),
        Section("Picture of the comparison", study_figures_html(comparison)),
    ]


def _refuse_place(path: object) -> None:
    """Refuse, before a page is made, what names no file that could be written."""
    if not isinstance(path, str | PathLike) or not str(path):
        raise ResultFolderError(
            f"a report is written to a file, as in report('report.html'), not to {path!r}"
        )
    target = Path(path)
    if target.is_dir():
        raise ResultFolderError(
            f"cannot write the report '{target}': it is a folder; name a file in it"
        )
    if not target.parent.is_dir():
        raise ResultFolderError(
            f"cannot write the report '{target}': there is no folder '{target.parent}'"
        )


def _write(text: str, path: str | PathLike[str]) -> Path:
    """The file is there whole or not at all."""
    target = Path(path)
    beside = target.with_name(f".{target.name}-{uuid4().hex[:8]}")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ResultFolderError(
            f"cannot write the report {target}: {error.strerror}; choose another path"
        ) from error
    return target
