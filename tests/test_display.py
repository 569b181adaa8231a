"""Printed results: one layout for all of them, in four formats, whatever the labels are."""

import re
from collections.abc import Iterator
from importlib import import_module
from inspect import isabstract
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import hierbayes as hb
from hierbayes.display.blocks import Definition, Definitions, Items, Lines, Table
from hierbayes.display.cell import cell_text
from hierbayes.display.latex_writer import latex_text
from hierbayes.display.page import Page, Printed
from hierbayes.specification.notation import Notation
from hierbayes.studies.sensitivity.tipping import TippingPoints
from tests.test_layers import MODULES

pytestmark = pytest.mark.slow

# Classes that say what they are in a phrase, a sentence or a formula, not on a page.
PHRASES = {
    "Dropped", "EffectName", "Equations", "Equivalence", "ForeignPrior", "Form", "ImpliedPrior",
    "Interval", "MatrixPrior", "Multilevel", "Prior", "RandomTerm", "Reason", "ResponseTerm",
    "Specification",
}  # fmt: skip
NASTY = '<script>&"quoted" | 5% of_$x$ {a}\\b ~^#'


def is_op(one: type) -> bool:
    """Whether it is an operation of PyTensor, which says its own name in a graph."""
    return any(base.__module__.startswith("pytensor.") for base in one.__mro__)


def classes() -> Iterator[type]:
    """Every class of the package, once."""
    for name in sorted(MODULES):
        if name != "hierbayes.__main__":
            module = import_module(name)
            yield from (
                value
                for value in vars(module).values()
                if isinstance(value, type) and value.__module__ == name and not is_op(value)
            )


def test_every_class_that_prints_has_a_page_or_is_a_phrase() -> None:
    printing = [one for one in classes() if {"__str__", "_repr_html_"} & set(vars(one))]
    loose = {one.__name__ for one in printing if not issubclass(one, Printed)}
    known = {
        base.__name__
        for one in printing
        for base in one.__mro__
        if one.__name__ in loose and base.__name__ in PHRASES
    }
    outside = {
        one.__name__
        for one in printing
        if one.__name__ in loose and not PHRASES & {base.__name__ for base in one.__mro__}
    }
    assert outside == set()
    assert known == PHRASES


def test_pages_are_printed_in_one_place() -> None:
    """Nothing that has a page lays itself out; two describe themselves in a line or four."""
    ways = {"__str__", "__repr__", "_repr_html_", "to_latex", "to_markdown"}
    own = {
        one.__name__: ways & set(vars(one))
        for one in classes()
        if issubclass(one, Printed) and one is not Printed
    }
    assert {name: said for name, said in own.items() if said} == {
        "FitReports": {"__repr__"},
        "Simulated": {"__repr__"},
    }


# ---------------------------------------------------------------- results with nasty labels


def nasty_data() -> pd.DataFrame:
    """Twelve groups of eight rows, whose labels and levels are full of other languages' signs."""
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(12), 8)
    x, u = rng.normal(size=96), rng.normal(size=12)
    groups = np.array([f"{NASTY} {k}" for k in range(12)])
    levels = np.array(["a & b < c", NASTY])[codes % 2]
    y = 1.0 + 0.5 * x + u[codes] + (codes % 2) + rng.normal(size=96)
    return pd.DataFrame({"y": y, "x": x, "w": pd.Categorical(levels), "g": groups[codes]})


@pytest.fixture(scope="module")
def results() -> dict[str, Printed]:
    """A result of every class that needs no sampler, on these data."""
    data = nasty_data()
    model = hb.Model("y ~ x * w", "~ 1 + x | g", data=data)
    fit, plain = model.reml(), hb.Model("y ~ x * w", "~ 1 | g", data=data).reml()
    context = hb.Model("y ~ x * w + cvar(x, g)", "~ 1 | g", data=data).reml()
    six = hb.estimators("y ~ x * w", group="g", data=data)
    binary = data.assign(y=data["y"] > data["y"].median())
    made = [
        fit, fit.summary(), fit.diagnose(), fit.meanings(), model.priors, context.contextual("x"),
        hb.wald(fit), hb.anova(fit), hb.likelihood_ratio(plain, fit), hb.model_table(plain, fit),
        hb.profile(plain, ["sigma", "x"]), hb.bootstrap(plain, n=5, seed=1, progress=False),
        hb.build_random("y ~ x * w + (1 | g)", ["x"], data=data), hb.levels(data, "g"),
        hb.compare(plain, fit), six, six.methods["1"], hb.hausman(fit), hb.mundlak(plain),
        hb.intercept_weights(plain), hb.variance_explained(fit), hb.level1_residuals(fit),
        hb.level2_residuals(fit), hb.influence(plain, progress=False), hb.catalog(),
        hb.Model("y ~ x + (1 | g)", binary, family="bernoulli").ml(),
        hb.notation(), model.prior_predictive(draws=50, seed=1), tips(),
        hb.predictive_check(fit, n=5, seed=1, progress=False), hb.loo(plain),
        hb.compare_predictive(plain, fit), hb.predictions(fit, data, effects="none"),
        hb.residual_acf(fit), hb.residual_variogram(fit),
        hb.Model("y ~ x * w + (1 | g)", data, residual=hb.residuals.AR1()).reml(),
        hb.Model("y ~ x * w + (1 | g)", data.assign(s=0.9), known_sd="s").reml(),
        hb.variance_explained(hb.Model("y ~ x + (1 | g)", binary, family="bernoulli").ml()),
        hb.variance_explained(hb.Model("y ~ x * w", data).reml()),
        hb.variance_explained(
            hb.Model("y ~ x * w + (1 | g)", data.assign(s=0.9), known_sd="s").reml()
        ),
    ]  # fmt: skip
    return {type(one).__name__: one for one in made}


def tips() -> TippingPoints:
    """Tipping points of a conclusion with a nasty name."""
    cells = xr.Dataset(
        {"mean": (("scale", "eta"), [[1.0, 2.0], [3.0, 4.0]])},
        coords={"scale": [0.5, 1.0], "eta": [1.0, 2.0]},
    )
    flips = pd.DataFrame({"scale": [0.5], "eta": [1.0], "mean": [1.0], "decision": [0.0]})
    return TippingPoints(NASTY, cells, flips, f"'{NASTY}' gives way", 2.0)


def test_results_of_every_class_are_looked_at(results: dict[str, Printed]) -> None:
    concrete = {
        one.__name__ for one in classes() if issubclass(one, Printed) and not isabstract(one)
    }
    others = {
        "PosteriorFit",
        "FamilyPosteriorFit",
        "StructuredPosteriorFit",
        "BayesFactor",
        "Calibration",
        "MarginalLikelihood",
        "PowerStudy",
        "SavageDickey",
        "SensitivityStudy",
        "StudyTables",
        "Recheck",
        "Reduced",
        "Simulated",
    }  # samplers, singular fits
    assert concrete - set(results) == others


def test_html_of_every_result_is_well_formed_and_escaped(results: dict[str, Printed]) -> None:
    for name, result in results.items():
        page = ElementTree.fromstring(f"<div>{result._repr_html_()}</div>")
        kinds = {element.tag for element in page.iter()}
        assert kinds <= {
            "div", "h3", "h4", "p", "br", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
        }, name  # fmt: skip
    shown = "".join(ElementTree.fromstring(f"<div>{tips()._repr_html_()}</div>").itertext())
    assert NASTY in shown


def test_latex_of_every_result_is_balanced(results: dict[str, Printed]) -> None:
    for name, result in results.items():
        refuse_bad_latex(result.to_latex(), name)


def test_markdown_tables_of_every_result_are_rectangular(results: dict[str, Printed]) -> None:
    for name, result in results.items():
        refuse_ragged_tables(result.to_markdown(), name)


def test_what_is_typed_is_answered_in_a_screen(results: dict[str, Printed]) -> None:
    for name, result in results.items():
        shown = repr(result)
        assert len(shown.splitlines()) <= 26, name
        assert " object at 0x" not in shown
        assert re.search(r"\d", shown) or name in ("Notation", "Catalog", "Meanings"), name


def refuse_bad_latex(text: str, name: str) -> None:
    """Braces and environments are balanced, and rows have as many cells as columns."""
    bare = text.replace(r"\\", "").replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0, name
    assert depth == 0, name
    stack: list[str] = []
    for kind, environment in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(environment)
        else:
            assert stack.pop() == environment, name
    assert stack == [], name
    assert not re.search(r"(?<!\\)[#%]|[\"<>|~^](?!2|3|1|\{-\})", bare), name
    for columns, body in re.findall(r"\\begin\{tabular\}\{(\w*)\}\n(.*?)\\end", text, re.DOTALL):
        for line in body.splitlines():
            if not line.startswith(r"\hline"):
                assert line.endswith(r" \\"), name
                assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1, name


def refuse_ragged_tables(text: str, name: str) -> None:
    """All lines of a table have as many cells as its first."""
    for table in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table.splitlines()}
        assert len(counts) == 1, name


SIGNS = list("ab γ²−²θ\u0302\u0302\\{}[]()<>&|\"'`_^~$%#*!-+.\n\r\t\x00\x0b\x1f\u2028\x85é漢")


def any_label(rng: np.random.Generator) -> str:
    """Up to twelve signs that mean something somewhere."""
    return "".join(rng.choice(SIGNS, rng.integers(0, 13)))


def test_no_label_breaks_a_page() -> None:
    rng = np.random.default_rng(1)
    for _ in range(120):
        refuse_bad_pages(any_label(rng), any_label(rng), any_label(rng))


def refuse_bad_pages(first: str, second: str, third: str) -> None:
    """A page of every kind of block with these labels can be read in every format."""
    frame = pd.DataFrame({"a": [1.5, np.nan], "b": [third, "x"]}, index=[first, second])
    frame = frame.set_axis([f"c{second}", f"d{first}"], axis="columns")
    blocks = (
        Table(frame, third),
        Table(frame.set_index([f"d{first}"], append=True), names=True),
        Items((first, second), third),
        Lines((second,)),
        Definitions((Definition(first, second, (third,)),)),
    )
    page = Page(f"t{first}", (second, third), blocks)
    assert page.text()
    read = ElementTree.fromstring(f"<div>{page.html()}</div>")
    assert {element.tag for element in read.iter("table")} == {"table"}
    refuse_bad_latex(page.latex(), first)
    refuse_ragged_tables(page.markdown(), first)


# ---------------------------------------------------------------- one layout


PAGE = Page(
    "Heights",
    ("Model:  y ~ 1",),
    (
        Table(pd.DataFrame({"estimate": [1.23456], "p": [1e-9]}, index=["a_b"]), "Fixed"),
        Items(("one sentence",), "Findings"),
        Items((), "Nothing"),
        Lines(("θ̂ of 95%",)),
    ),
)


def test_a_page_in_four_formats() -> None:
    assert PAGE.text() == (
        "Heights\n  Model:  y ~ 1\n\nFixed:\n\n    estimate       p\na_b   1.2346  <.0001\n\n"
        "Findings:\n  - one sentence\n\nθ̂ of 95%"
    )
    assert PAGE.html() == (
        '<h3>Heights</h3><p>Model:  y ~ 1</p><h4>Fixed</h4><table border="1" class="dataframe">'
        "<thead><tr><th></th><th>estimate</th><th>p</th></tr></thead><tbody><tr><th>a_b</th>"
        "<td>1.2346</td><td>&lt;.0001</td></tr></tbody></table><h4>Findings</h4><ul><li>one "
        "sentence</li></ul><p>θ̂ of 95%</p>"
    )
    assert PAGE.markdown() == (
        "### Heights\n\nModel: y \\~ 1\n\n**Fixed**\n\n|  | estimate | p |\n| :--- | ---: | ---: "
        "|\n| a\\_b | 1.2346 | \\<.0001 |\n\n**Findings**\n\n- one sentence\n\nθ̂ of 95%\n"
    )
    assert PAGE.latex() == (
        "\\subsection*{Heights}\n\n\\noindent Model:  y \\textasciitilde{} 1\n\n"
        "\\paragraph*{Fixed}\n\\begin{tabular}{lrr}\n\\hline\n & estimate & p \\\\\n\\hline\n"
        "a\\_b & 1.2346 & \\textless{}.0001 \\\\\n\\hline\n\\end{tabular}\n\n"
        "\\paragraph*{Findings}\n\\begin{itemize}\n\\item one sentence\n\\end{itemize}\n\n"
        "\\noindent $\\hat{\\theta}$ of 95\\%\n"
    )


def test_a_long_page_is_shown_block_by_block() -> None:
    short, long = Table(pd.DataFrame({"a": range(10)})), Table(pd.DataFrame({"b": range(40)}))
    assert PAGE.text() == PAGE.brief()
    shown = Page("t", blocks=(short, long)).brief().splitlines()
    assert shown[-1] == "... and 42 lines more: print() shows all"
    assert shown[:-2] == Page("t", blocks=(short,)).text().splitlines()
    cut = Page("t", blocks=(long, short)).brief().splitlines()
    assert len(cut) == 26
    assert cut[:24] == Page("t", blocks=(long,)).text().splitlines()[:24]


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (1.23456, "estimate", "1.2346"), (0.000123456, "estimate", "1.2346e-04"),
        (0.0, "estimate", "0.0000"), (12345678.0, "estimate", "1.2346e+07"),
        (0.00012, "share", "0.0001"), (5e-5, "difference", "5e-05"), (3, "estimate", "3"),
        (np.int64(3), "df", "3"), (38.0, "df", "38"), (37.934, "denDF", "37.93"),
        (17.0 + 1e-9, "df", "17"), (17.0 - 1e-9, "DF", "17"), (17.0 + 1e-4, "df", "17.00"),
        (np.inf, "df", "inf"), (0.04, "p", "0.0400"), (1e-5, "p_value", "<.0001"),
        (1.0049, "r_hat", "1.005"), (812.6, "ess_bulk", "813"), (0.01234, "mcse_mean", "0.012"),
        (0.00498, "mcse_mean", "0.0050"), (12.34, "mcse", "12"),
        (np.nan, "p", ""), (None, "estimate", ""), ("text", "p", "text"), (True, "ok", "True"),
        (pd.NA, "categories", ""),
        (-0.0, "estimate", "0.0000"), (-0.0, "df", "0"), (-0.2, "df", "-0.20"),
    ],
)  # fmt: skip
def test_cells(value: object, column: str, text: str) -> None:
    assert cell_text(value, column) == text


def test_latex_of_signs() -> None:
    assert latex_text("θ̂ ± 5% of [x_1]") == r"$\hat{\theta}$ $\pm$ 5\% of {[}x\_1{]}"


def test_notations_print(results: dict[str, Printed]) -> None:
    assert isinstance(results["Notation"], Notation)
    assert "| **" not in results["Notation"].to_markdown()
