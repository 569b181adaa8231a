"""Pages for a browser: what is in them, in files and in headless Chromium."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import hierbayes as hb
from hierbayes.cli import main
from hierbayes.errors import DataError, ResultFolderError
from hierbayes.frames.shipped import shipped
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.theta import Theta
from tests.exact import exact_posterior

FORMULA = "mathach ~ ses * Sector + (1 + ses | school)"
NUMBER = r"Number(document.querySelector('[data-part=\"%s\"]').dataset.value)"


@pytest.fixture(scope="module")
def fit(hs: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, hs).reml()


@pytest.fixture(scope="module")
def written(fit: hb.PointFit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit.report(tmp_path_factory.mktemp("report") / "hs.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("tests of pages need Chromium: tests/browser.sh installs it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


Opened = Callable[[Path, int], Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """A page in the browser, at a width; what it says or asks for that it must not, fails."""
    wrong: list[str] = []
    pages: list[Page] = []

    def open_page(path: Path, width: int = 1400) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda one: wrong.append(one.url) if _is_of_network(one.url) else None)
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert wrong == []


def _is_of_network(url: str) -> bool:
    return not url.startswith(("file:", "data:"))


def expected(fit: hb.PointFit, j: int, sd: Any, corr: float, sigma: float, f: float = 1.0) -> Any:
    """Λ_j and the BLUP of a group at a θ, as the package computes them; f times its rows."""
    G = np.outer(sd, sd) * np.array([[1.0, corr], [corr, 1.0]])
    # f times the rows of a group are its products at the variance σ²/f
    theta = Theta.of_covariance(G, sigma / np.sqrt(f)).flat
    matrix = likelihood_of(fit.problem.products).shrinkage_of(0, theta)[0][j]
    table = fit.shrinkage().loc[fit.design.factor.labels[j]]
    own, population = table["blue"].to_numpy(), table["population"].to_numpy()
    return matrix, population + matrix @ (own - population)


def read(page: Page) -> tuple[Any, Any]:
    """Λ and BLUP of the chosen group, as the page has them."""
    matrix = [[page.evaluate(NUMBER % f"matrix-{k}{m}") for m in (0, 1)] for k in (0, 1)]
    return np.array(matrix), np.array([page.evaluate(NUMBER % f"blup-{k}") for k in (0, 1)])


def move(page: Page, slider: str, value: float) -> None:
    page.locator(f"input[data-part='{slider}']").evaluate(
        "(one, v) => { one.value = v; one.dispatchEvent(new Event('input')); }", value
    )


def test_shrinkage_in_the_page_is_the_fit_s(
    fit: hb.PointFit, written: Path, opened: Opened
) -> None:
    page = opened(written, 1400)
    table = fit.shrinkage()
    for j in (0, 7, 39):
        page.locator("select[data-part='choice']").select_option(str(j))
        own = table.loc[fit.design.factor.labels[j]]
        matrix, blup = read(page)
        assert matrix == pytest.approx(own.filter(like="shrinkage[").to_numpy(), abs=1e-10)
        assert blup == pytest.approx(own["blup"].to_numpy(), abs=1e-10)
        assert page.evaluate(NUMBER % "n") == own["n"].iloc[0]
        for k in (0, 1):
            assert page.evaluate(NUMBER % f"blue-{k}") == pytest.approx(own["blue"].iloc[k])


def test_sliders_do_what_the_formula_says(fit: hb.PointFit, written: Path, opened: Opened) -> None:
    page = opened(written, 1400)
    page.locator("select[data-part='choice']").select_option("3")
    before = page.locator("g.group circle.blup").nth(5).get_attribute("cx")
    sd, corr, sigma = [2.75, 0.8125], -0.375, 4.5
    for slider, value in zip(("sd-0", "sd-1", "corr", "sigma"), (*sd, corr, sigma), strict=True):
        move(page, slider, value)
    matrix, blup = expected(fit, 3, sd, corr, sigma)
    found = read(page)
    assert found[0] == pytest.approx(matrix, abs=1e-10)
    assert found[1] == pytest.approx(blup, abs=1e-10)
    assert page.locator("g.group circle.blup").nth(5).get_attribute("cx") != before

    n = page.evaluate(NUMBER % "n")
    move(page, "rows", 2 * n - 5)
    matrix, blup = expected(fit, 3, sd, corr, sigma, (2 * n - 5) / n)
    found = read(page)
    assert found[0] == pytest.approx(matrix, abs=1e-10)
    assert found[1] == pytest.approx(blup, abs=1e-10)

    page.locator("[data-part='reset']").click()
    own = fit.shrinkage().loc[fit.design.factor.labels[3]]
    assert read(page)[1] == pytest.approx(own["blup"].to_numpy(), abs=1e-10)


def test_a_group_is_chosen_by_pointer_and_by_keys(written: Path, opened: Opened) -> None:
    page = opened(written, 1400)
    label = page.locator("[data-part='label']")
    hovered = page.locator("g.group").nth(4)
    hovered.locator("circle.blup").hover(force=True)
    chosen = page.locator("g.chosen")
    assert chosen.count() == 1
    said = chosen.get_attribute("aria-label")
    assert said is not None and said.split(",")[0] == label.inner_text()
    chosen.focus()
    page.keyboard.press("ArrowRight")
    assert label.inner_text() != said.split(",")[0]
    assert page.evaluate("document.activeElement.classList.contains('chosen')")


def test_tables_sort(written: Path, opened: Opened) -> None:
    page = opened(written, 1400)
    groups = page.locator("table", has=page.locator("th", has_text="blup_sd")).last
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_room(written: Path, opened: Opened, scheme: Any) -> None:
    page = opened(written, 390)
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    ink, paper = page.evaluate(
        "(s => [s.color, s.backgroundColor].map(c => Number(c.match(/\\d+/)[0])))"
        "(getComputedStyle(document.body))"
    )
    assert (ink < paper) == (scheme == "light")
    assert page.locator("img:not([alt]), img[alt='']").count() == 0


def test_a_page_stands_by_itself(written: Path, fit: hb.PointFit) -> None:
    text = written.read_text(encoding="utf-8")
    assert len(text) < 3e6
    assert text.index("REML: ") < text.index("Within-school model") < text.index("<figure>")
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "") and "https:" not in text
    assert "REML has none: its estimates maximise the likelihood alone." in text
    assert f"version {hb.__version__}" in text
    furthest = hb.plots.shrinkage_frame(fit)["moved"].abs().idxmax()
    assert f"Group {furthest} (" in text


def test_the_posterior_has_priors_seed_and_draws(
    hs: pd.DataFrame, tmp_path: Path, opened: Opened
) -> None:
    posterior = exact_posterior(hb.Model(FORMULA, hs), draws=100)
    path = posterior.report(tmp_path / "posterior.html")
    text = path.read_text(encoding="utf-8")
    assert "the largest R-hat is" in text and "seed" in text
    assert "Priors were" in text
    page = opened(path, 390)
    sd = np.sqrt(np.diag(posterior.G))
    assert page.evaluate(
        "Number(document.querySelector('input[data-part=\"sd-0\"]').value)"
    ) == pytest.approx(sd[0])
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_what_a_model_has_not_is_said(tmp_path: Path, hs: pd.DataFrame) -> None:
    plain = hb.Model("mathach ~ ses + (1 | school)", hs).ml().report(tmp_path / "plain.html")
    assert (
        "Shrinkage in beta space: left out. Beta space is the plane of two random effects, and the "
        "model has 1." in plain.read_text(encoding="utf-8")
    )
    binary = hb.Model("Minority ~ ses + (1 | school)", hs, family="bernoulli").ml()
    assert (
        "left out. Of a response that is not Gaussian no BLUE is shrunk to a BLUP."
        in binary.report(tmp_path / "binary.html").read_text(encoding="utf-8")
    )


def test_known_errors_and_no_groups_leave_parts_out(tmp_path: Path, hs: pd.DataFrame) -> None:
    formula = "mathach ~ ses + (1 + ses | school)"
    known = hb.Model(formula, hs.assign(se=6.0), known_sd="se").reml().report(tmp_path / "a.html")
    said = known.read_text(encoding="utf-8")
    assert "left out. The errors of this model have no single σ that could be moved." in said
    plain = hb.Model("mathach ~ ses", hs).reml().report(tmp_path / "b.html")
    said = plain.read_text(encoding="utf-8")
    for part in ("Model", "Shrinkage in beta space", "Groups"):
        assert f"{part}: left out. This is made for random effects, and the model has none" in said


def test_comparisons_have_reports(
    fit: hb.PointFit, hs: pd.DataFrame, tmp_path: Path, opened: Opened
) -> None:
    comparison = hb.compare(fit, hb.Model(FORMULA, hs).ml(), names=["one", "two"])
    page = opened(comparison.report(tmp_path / "comparison.html"), 390)
    assert page.locator("h1").inner_text() == "Comparison of 2 fits: one, two"
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_studies_have_reports(
    small_posterior: hb.PosteriorFit, tmp_path: Path, opened: Opened
) -> None:
    grid = {"sd": {"narrow": hb.HalfNormal(3.0)}}
    study = hb.SensitivityStudy(small_posterior, grid, refit=False, progress=False)
    page = opened(study.report(tmp_path / "study.html"), 390)
    assert page.locator("h1").inner_text() == study.page().title
    assert page.locator("th[aria-sort]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_command_line_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    data = str(shipped("data").joinpath("hs.csv"))
    formula = "mathach ~ ses + (1 + ses | school)"
    words = ["fit", "--formula", formula, "--data", data, "--method", "reml", "--report"]
    assert main([*words, str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out.endswith(f"Page for a browser: {tmp_path / 'page.html'}\n")
    assert (tmp_path / "page.html").is_file()
    assert main([*words, "--out", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"Page for a browser: {out / 'report.html'}\n")
    assert (out / "report.html").is_file()
    assert '"report.html"' in (out / "manifest.json").read_text(encoding="utf-8")


def test_the_table_of_a_paper(fit: hb.PointFit) -> None:
    text = fit.table()
    assert "| Intercept | 13.480 | 0.450 | 12.560 | 14.399 |" in text
    assert r"Intercept & 13.480 & 0.450 & 12.560 & 14.399 \\" in fit.table("latex")
    assert "<th>Intercept</th><td>13.480</td><td>0.450</td>" in fit.table("html")
    with pytest.raises(DataError, match="format must be one of 'markdown', 'latex', 'html'"):
        fit.table("word")


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
