"""What the page of a fit has, part by part; what a fit cannot give is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import HierbayesError
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.fit import Fit
from hierbayes.fit.paper_table import paper_page
from hierbayes.report.page.document import Section, blocks_html, paragraph, scrolling
from hierbayes.report.page.figures import figures_html
from hierbayes.report.page.methods import citation, methods_text, provenance
from hierbayes.report.page.shrinkage_data import refuse_other_shrinkage, shrinkage_data
from hierbayes.report.page.shrinkage_panel import panel_html


def fit_sections(fit: Fit, found: Diagnosis, data: dict[str, Any]) -> list[Section]:
    """The parts after the verdict, in the order they are read in.

    Parameters
    ----------
    fit : Fit
    found : Diagnosis
        Of this fit.
    data : dict
        What scripts read, see `page_data`.
    """
    grouped = bool(fit.design.specification.random)
    return [
        Section(title, _or_why_not(title, part, fit))
        for title, shown, part in (
            ("Model", True, _model),
            ("Estimates", True, _estimates),
            ("Shrinkage in beta space", grouped, lambda fit: _panel(fit, data)),
            ("Pictures", True, figures_html),
            ("Groups", grouped, _groups),
            ("Priors in force", True, _priors),
            ("For a paper", True, lambda fit: _paper(fit, found)),
            ("Versions, seeds, citation", True, _provenance),
        )
        if shown
    ]


def about(fit: Fit) -> tuple[str, ...]:
    """The lines below the title."""
    return subject_of(fit.design).lines(("Values", fit.what), dropped=fit.design.dropped)


def diagnosis(fit: Fit) -> Diagnosis:
    """The diagnosis of a fit; of one that has none, why."""
    try:
        return fit.diagnose()
    except HierbayesError as error:
        said = (str(error),)
        return Diagnosis(False, "This fit could not be diagnosed.", said, pd.DataFrame())


def verdict(fit: Fit, found: Diagnosis) -> str:
    """Whether to trust a fit, and why."""
    kind = "verdict" if found.ok else "verdict bad"
    return (
        f'<div class="{kind}"><h3>{escape(fit.engine)}: {escape(found.verdict)}</h3>'
        f"{blocks_html([Items(found.findings)])}</div>"
    )


def page_data(fit: Fit) -> dict[str, Any]:
    """What the scripts of the page read: nothing where there is no panel."""
    try:
        refuse_other_shrinkage(fit)
    except HierbayesError:  # said where the panel would be
        return {}
    return {"beta_space": shrinkage_data(fit)}


def _or_why_not(title: str, part: Callable[[Fit], str], fit: Fit) -> str:
    try:
        return part(fit)
    except HierbayesError as error:
        return paragraph(f"{title}: left out. {str(error)[:1].upper()}{str(error)[1:]}.")


def _model(fit: Fit) -> str:
    equations, meanings = fit.equations(), fit.meanings()
    grouped = bool(fit.design.specification.random)
    shown = [equations.within, *([equations.between, equations.combined] if grouped else [])]
    forms = "".join(
        f"<h3>{escape(form.title)}</h3>{scrolling(form.mathml, f'equations, {form.title}')}"
        for form in shown
    )
    sources = _sources("The equations", {
        "text": "\n\n".join(f"{form.title}\n\n{form.text}" for form in shown),
        "LaTeX": "\n\n".join(f"% {form.title}\n\\[\n{form.latex}\n\\]" for form in shown),
    })  # fmt: skip
    words = blocks_html(meanings.page().blocks)
    return f"{paragraph(equations.about)}{forms}{sources}<h3>In words</h3>{words}"


def _sources(what: str, texts: Mapping[str, str]) -> str:
    """Texts to copy, each behind a line that opens it."""
    return "".join(
        f"<details><summary>{what} as {name}</summary>"
        f'<textarea readonly aria-label="{what} as {name}">{escape(text)}</textarea></details>'
        for name, text in texts.items()
    )


def _estimates(fit: Fit) -> str:
    page = fit.summary().page()
    return paragraph(page.title, *page.about) + blocks_html(page.blocks)


def _panel(fit: Fit, data: dict[str, Any]) -> str:
    refuse_other_shrinkage(fit)
    return panel_html(data["beta_space"], fit.prediction, fit.what)


def _groups(fit: Fit) -> str:
    return blocks_html([Table(frame, title) for title, frame in _tables_of_groups(fit)])


def _tables_of_groups(fit: Fit) -> Iterator[tuple[str, pd.DataFrame]]:
    """BLUE, BLUP and shrinkage by group; where there are none of these, random effects."""
    specification = fit.design.specification
    plain = fit.problem.family is not None or specification.known_sd
    what, names = fit.ranef if plain else fit.shrinkage, specification.factors
    for name in names:
        table = what(name)
        yield f"Groups of {name}" if len(names) > 1 else f"Each {name}", table


def _priors(fit: Fit) -> str:
    if fit.priors is None:
        said = f"{fit.engine} has none: its estimates maximise the likelihood alone."
        return paragraph(said)
    return blocks_html(fit.priors.page().blocks)


def _paper(fit: Fit, found: Diagnosis) -> str:
    page = paper_page(fit, fit.intervals(), Interval(DEFAULT_PROB))
    methods = f"<h3>Methods</h3>{paragraph(methods_text(fit, found))}"
    table = scrolling(f'<div class="paper">{page.word()}</div>', "the table for a paper")
    copy = (
        '<p><button type="button" class="copy" data-copy=".paper">Copy the table</button> '
        '<span role="status"></span></p>'
    )
    sources = _sources("The table", {"Markdown": page.markdown(), "LaTeX": page.latex()})
    return f"{methods}<h3>Table</h3>{table}{copy}{sources}"


def _provenance(fit: Fit) -> str:
    return paragraph(*provenance(fit)) + paragraph(f"Cite as: {citation()}")
