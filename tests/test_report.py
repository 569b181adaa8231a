"""Pages for a browser: what is in them, in files and in headless Chromium."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page

import hierbayes as hb
from hierbayes.cli import main
from hierbayes.errors import DataError, ResultFolderError
from hierbayes.frames.shipped import shipped
from hierbayes.report.curve_pictures import curve_pictures, shown_pairs
from hierbayes.report.residual_pictures import residual_pictures
from tests.browsing import NUMBER, PHONE, Pages, width_of
from tests.exact import exact_posterior

FORMULA = "mathach ~ ses * Sector + (1 + ses | school)"


@pytest.fixture(scope="module")
def few(hs: pd.DataFrame) -> pd.DataFrame:
    """Ten schools: what is drawn of them takes a fraction of the time."""
    return hs[hs["school"].isin(hs["school"].unique()[::4])]


@pytest.fixture(scope="module")
def fit(few: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, few).reml()


@pytest.fixture(scope="module")
def written(fit: hb.PointFit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit.report(tmp_path_factory.mktemp("report") / "hs.html")


@pytest.fixture(scope="module")
def desk(written: Path, open_pages: Pages) -> Page:
    """The page on a desk, opened once."""
    return open_pages(written)


def test_tables_sort(desk: Page) -> None:
    groups = desk.locator("table", has=desk.locator("th", has_text="blup_sd")).last
    head = groups.locator("thead th", has_text="blup_sd")
    head.locator("button").press("Enter")
    place = head.evaluate("one => one.cellIndex")
    column = f"(t) => [...t.tBodies[0].rows].map(r => Number(r.cells[{place}].textContent))"
    values = groups.evaluate(column)
    assert head.get_attribute("aria-sort") == "ascending"
    assert values == sorted(values) and values[0] < values[-1]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert groups.evaluate(column) == sorted(values, reverse=True)


def test_a_phone_has_room(written: Path, opened: Pages) -> None:
    page = opened(written, PHONE)
    assert width_of(page) == PHONE
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ink, paper = page.evaluate(
            "(s => [s.color, s.backgroundColor].map(c => Number(c.match(/\\d+/)[0])))"
            "(getComputedStyle(document.body))"
        )
        assert (ink < paper) == (scheme == "light")


def test_paper_has_all_rows_and_no_controls(desk: Page) -> None:
    desk.emulate_media(media="print", color_scheme="dark")
    controls = desk.locator("nav, .controls, button.copy, button.reset, details")
    assert not any(controls.nth(k).is_visible() for k in range(controls.count()))
    cut = (
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 1)"
    )
    assert desk.evaluate(f"{cut}.length") == 0
    assert desk.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    desk.emulate_media(media="screen", color_scheme="light")


def test_whoever_hears_or_steps_through_the_page_finds_all(desk: Page) -> None:
    """Headings descend by one, all that is moved has a name, and all that scrolls takes keys."""
    levels = desk.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1 and max(np.diff(levels)) <= 1
    unnamed = desk.evaluate(
        "[...document.querySelectorAll('input,select,textarea,button,.scroll,svg[role],nav')]"
        ".filter(e => !(e.ariaLabel || e.labels?.[0]?.textContent || e.textContent).trim()).length"
    )
    assert unnamed == 0
    reached, wide = desk.evaluate(
        "(all => [all.filter(e => e.tabIndex === 0), all.filter(e => e.scrollWidth > e.clientWidth"
        " + 1 || e.scrollHeight > e.clientHeight + 1)].map(some => some.map(e => e.ariaLabel)))"
        "([...document.querySelectorAll('.scroll')])"
    )
    assert reached == wide
    assert desk.locator("html[lang='en'] main").count() == 1
    assert desk.locator("table thead th:not([scope])").count() == 0


def test_keys_go_through_the_page_in_its_order_and_move_what_moves(desk: Page) -> None:
    desk.locator("nav a").first.focus()
    kinds: list[str] = []
    stop = """(e => {
        const after = !window.last || window.last.compareDocumentPosition(e) & 4;
        window.last = e;
        const seen = e.checkVisibility() && getComputedStyle(e).outlineStyle === 'solid';
        return [e.getAttribute('class') || e.tagName, !!after && seen];
    })(document.activeElement)"""
    while "copy" not in kinds and len(kinds) < 60:
        desk.keyboard.press("Tab")
        kind, is_seen_and_after_the_last = desk.evaluate(stop)
        assert is_seen_and_after_the_last, kind
        kinds.append(kind)
    assert {"A", "SUMMARY", "BUTTON", "SELECT", "INPUT", "reset", "group chosen"} <= set(kinds)
    slider = desk.locator("input[data-part='sigma']")
    slider.focus()
    before, at = slider.get_attribute("aria-valuetext"), desk.evaluate(NUMBER % "blup-0")
    desk.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") != before
    assert desk.evaluate(NUMBER % "blup-0") != at
    desk.locator("[data-part='reset']").press("Enter")
    assert slider.get_attribute("aria-valuetext") == before


def test_equations_are_set_by_the_browser(desk: Page) -> None:
    assert desk.locator("math").count() == 3
    box = desk.locator("math").first.bounding_box()
    assert box is not None and box["height"] > 40  # two lines
    assert desk.locator("math mtext", has_text="independent between schools").count() == 1


def test_the_table_is_copied_as_it_looks(desk: Page, fit: hb.PointFit) -> None:
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.locator("button.copy").click()
    assert desk.locator("span[role='status']").inner_text() == "copied"
    copied = desk.evaluate(
        "navigator.clipboard.read().then(all => all[0].getType('text/html'))"
        ".then(part => part.text())"
    )
    assert f"{fit.fixef()['Intercept']:.3f}" in copied and "border-bottom: 1.5pt solid" in copied


def test_a_page_stands_by_itself(written: Path, fit: hb.PointFit) -> None:
    text = written.read_text(encoding="utf-8")
    assert len(text) < 3e6
    assert text.index("REML: ") < text.index("Within-school model") < text.index("<figure>")
    assert "http" not in re.sub(
        r"http://www\.w3\.org/(2000/svg|1998/Math/MathML)", "", text
    ).replace("http-equiv", "")
    assert "REML has none: its estimates maximise the likelihood alone." in text
    assert f"version {hb.__version__}" in text
    furthest = hb.plots.shrinkage_frame(fit)["moved"].abs().idxmax()
    assert f"Group {furthest} (" in text


@pytest.mark.slow
def test_the_posterior_has_priors_seed_and_draws(
    small_data: pd.DataFrame, tmp_path: Path, opened: Pages
) -> None:
    posterior = exact_posterior(hb.Model("y ~ 1 + (1 | g)", data=small_data), draws=100)
    path = posterior.report(tmp_path / "posterior.html")
    text = path.read_text(encoding="utf-8")
    assert "the largest R-hat is" in text and "seed" in text
    assert "Priors were" in text
    page = opened(path, PHONE)
    sd = np.sqrt(np.diag(posterior.G))
    assert page.evaluate(
        "Number(document.querySelector('input[data-part=\"sd-0\"]').value)"
    ) == pytest.approx(sd[0])
    assert width_of(page) == PHONE


def test_a_family_has_curves_and_quantile_residuals(
    tmp_path: Path, few: pd.DataFrame, opened: Pages
) -> None:
    binary = hb.Model("Minority ~ ses + (1 | school)", few, family="bernoulli").ml()
    path = binary.report(tmp_path / "binary.html")
    said = path.read_text(encoding="utf-8")
    assert "left out. Of a response that is not Gaussian no BLUE is shrunk to a BLUP." in said
    assert said.count("<figure>") == 4
    curve = hb.plots.effects_frame(binary, few, "ses").frame.iloc[[0, -1]]
    a, (low, high) = curve["x"].iloc[0], curve["estimate"]
    assert f"with u = 0, with pointwise limits; ML. {low:.3g} at {a:.3g}, {high:.3g} at" in said
    residuals = binary.residuals(kind="quantile", seed=1).abs()
    assert f"{(residuals > 3.0).sum()} of {len(few)} residuals are beyond ±3" in said
    page = opened(path, PHONE)
    assert page.locator("#beta-space").count() == 0
    assert width_of(page) == PHONE


def test_ordered_categories_have_a_curve_each(few: pd.DataFrame) -> None:
    grade = pd.cut(few["mathach"], 3, labels=["low", "mid", "high"])
    graded = few.assign(grade=grade.cat.as_ordered())
    fit = hb.Model("grade ~ ses * Sector + (1 | school)", graded, family="cumulative").ml()
    (curves,) = curve_pictures(fit)
    assert curves.caption.startswith("probability of each category against ses by Sector")
    titles = [panel.get_title("left") for panel in curves.draw().axes]
    assert titles == ["low", "mid", "high"]
    assert re.match(r"Likeliest: \w+ \(0\.\d\d\) at -?[\d.]+, ", curves.describe())


@pytest.mark.parametrize(
    ("formula", "pairs"),
    [
        ("mathach ~ ses * Sector + (1 | school)", [("ses", "Sector")]),
        (
            "mathach ~ Sector + Minority * Sex + (1 | school)",
            [("Sector", None), ("Minority", "Sex")],
        ),
        ("mathach ~ ses + cvar(ses, school) + (1 | school)", [("ses", None)]),
        ("mathach ~ 1 + (1 | school)", []),
    ],
)
def test_which_curves_are_shown(
    few: pd.DataFrame, formula: str, pairs: list[tuple[str, str | None]]
) -> None:
    assert shown_pairs(hb.Model(formula, few).reml(), few) == pairs


def test_correlated_errors_have_their_pictures() -> None:
    errors = hb.residuals.Unstructured("age", group="Subject")
    fit = hb.Model("distance ~ C(age) * Sex", hb.load_dataset("orthodont"), residual=errors).reml()
    drawn = {one.name: one for one in residual_pictures(fit)}
    assert list(drawn) == [
        "visit_means", "level1_residuals", "residual_acf", "residual_variogram",
        "predictive_check",
    ]  # fmt: skip
    assert "0 of 8 observed means lie outside" in drawn["visit_means"].describe()
    assert "0 of 3 means lie beyond" in drawn["residual_variogram"].describe()


def test_a_regression_has_no_parts_of_groups(tmp_path: Path, few: pd.DataFrame) -> None:
    path = hb.Model("mathach ~ ses", few).reml().report(tmp_path / "plain.html")
    said = path.read_text(encoding="utf-8")
    heads = re.findall(r'<h2 id="part-.">([^<]*)', said)
    assert heads[:4] == ["Verdict", "Model", "Estimates", "Pictures"]
    assert "Groups" not in heads and "left out" not in said and "Not drawn" not in said
    assert said.count("<math") == 1 and said.count("<figure>") == 3


@pytest.mark.slow
def test_comparisons_have_reports(
    fit: hb.PointFit, few: pd.DataFrame, tmp_path: Path, opened: Pages
) -> None:
    comparison = hb.compare(fit, hb.Model(FORMULA, few).ml(), names=["one", "two"])
    page = opened(comparison.report(tmp_path / "comparison.html"), PHONE)
    assert page.locator("h1").inner_text() == "Comparison of 2 fits: one, two"
    assert page.locator("figure").count() == 1
    assert width_of(page) == PHONE


@pytest.mark.slow
def test_studies_have_reports_with_pictures(
    small_posterior: hb.PosteriorFit, tmp_path: Path, opened: Pages
) -> None:
    grid = {"sd": {"narrow": hb.HalfNormal(3.0)}}
    study = hb.SensitivityStudy(small_posterior, grid, refit=False, progress=False)
    page = opened(study.report(tmp_path / "study.html"), PHONE)
    assert page.locator("h1").inner_text() == study.page().title
    assert page.locator("th[aria-sort]").count() == 0
    assert width_of(page) == PHONE
    refused = page.locator("h3:text('Not drawn') + ul li").count()
    drawn = page.locator("figure").count()
    assert drawn > 0 and drawn + refused == 4


@pytest.mark.slow
def test_simulations_have_reports_with_pictures(small: hb.Model, tmp_path: Path) -> None:
    truth = dict(gamma=[2.0, 0.5, -0.8], G=[[1.0, 0.0], [0.0, 0.4]], sigma=1.2)
    found = hb.calibrate(small, truth, replications=4, seed=1, progress=False)
    said = found.report(tmp_path / "calibration.html").read_text(encoding="utf-8")
    assert said.count("<figure>") == 1 and "Least often held: " in said
    needed = hb.power(small, ["x"], truth, groups=[8, 12], replications=4, seed=1, progress=False)
    said = needed.report(tmp_path / "power.html").read_text(encoding="utf-8")
    assert said.count("<figure>") == 2 and "The largest is " in said


@pytest.mark.slow
def test_the_command_line_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    data = str(shipped("data").joinpath("orthodont.csv"))
    words = ["fit", "--formula", "distance ~ age", "--data", data, "--report"]
    assert main([*words, str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out.endswith(f"Page for a browser: {tmp_path / 'page.html'}\n")
    assert (tmp_path / "page.html").is_file()
    assert main([*words, "--out", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"Page for a browser: {out / 'report.html'}\n")
    assert (out / "report.html").is_file()
    assert '"report.html"' in (out / "manifest.json").read_text(encoding="utf-8")


def test_the_table_of_a_paper(hs: pd.DataFrame) -> None:
    fit = hb.Model(FORMULA, hs).reml()
    text = fit.table()
    assert "| Intercept | 13.480 | 0.450 | 12.560 | 14.399 |" in text
    assert r"Intercept & 13.480 & 0.450 & 12.560 & 14.399 \\" in fit.table("latex")
    with pytest.raises(DataError, match="format must be one of 'markdown', 'latex', 'html'"):
        fit.table("word")


def test_the_table_of_a_paper_has_the_errors_of_all_parameters() -> None:
    wine = hb.load_dataset("wine")
    fit = hb.Model("rating ~ temp + (1 | judge)", wine, family="cumulative").ml()
    rows = [line.split(" | ") for line in fit.table().splitlines() if "3\\|4" in line]
    assert rows[0][2] == f"{dict(fit.summary().beside)['Thresholds'].loc['3|4', 'Std.Error']:.3f}"
    assert list(dict(fit.summary().beside)) == ["Thresholds"]


def test_the_table_for_a_word_processor_has_its_style_in_every_cell(fit: hb.PointFit) -> None:
    root = ElementTree.fromstring(f"<div>{fit.table('html')}</div>")
    rows = root.findall(".//tr")
    numbers = fit.intervals().loc[("gamma", "Intercept")]
    assert [cell.text for cell in rows[1]][:2] == ["Intercept", f"{numbers['estimate']:.3f}"]
    assert rows[1][4].text == f"{numbers['upper']:.3f}"
    head, last = (" ".join(cell.get("style", "") for cell in rows[k]) for k in (0, -1))
    assert head.count("border-top: 1.5pt solid") == head.count("border-bottom: 0.75pt solid") == 5
    assert last.count("border-bottom: 1.5pt solid") == 5
    assert [cell.get("style", "").count("text-align: right") for cell in rows[1]] == [0, 1, 1, 1, 1]
    assert all("padding" in cell.get("style", "") for row in rows for cell in row)
    note = root.findall("p")[-1]
    assert "".join(note.itertext()).startswith("Note. Model:")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".", "cannot write the report '.': it is a folder; name a file in it"),
        ("none/page.html", "cannot write the report 'none/page.html': there is no folder 'none'"),
        (3, "a report is written to a file, as in report('report.html'), not to 3"),
    ],
)
def test_a_path_that_takes_no_file_is_refused_before_the_page_is_made(
    fit: hb.PointFit, path: Any, said: str
) -> None:
    with pytest.raises(ResultFolderError, match=f"^{re.escape(said)}$"):
        fit.report(path)
