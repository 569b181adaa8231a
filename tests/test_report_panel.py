"""Beta space in a page: what scripts compute is what the package computes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page

import hierbayes as hb
from hierbayes.errors import StudyError
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.theta import Theta
from hierbayes.report.page.document import Section, document_html
from hierbayes.report.page.shrinkage_data import shrinkage_data
from hierbayes.report.page.shrinkage_panel import panel_html
from tests.browsing import NUMBER, PHONE, Pages, choose, move, width_of

Shown = Callable[[hb.PointFit], Page]


@pytest.fixture
def shown(opened: Pages, tmp_path: Path) -> Callable[..., Page]:
    """A page of a panel alone."""

    def show(fit: hb.PointFit, width: int = 1400) -> Page:
        data = shrinkage_data(fit)
        section = Section("Beta space", panel_html(data, fit.prediction, fit.what))
        path = tmp_path / "panel.html"
        path.write_text(document_html("panel", (), [section], {"beta_space": data}), "utf-8")
        return opened(path, width)

    return show


@pytest.fixture(scope="module")
def fit(hs: pd.DataFrame) -> hb.PointFit:
    return hb.Model("mathach ~ ses * Sector + (1 + ses | school)", hs).reml()


@pytest.fixture(scope="module")
def three(hs: pd.DataFrame) -> hb.PointFit:
    """Three effects whose G is positive definite."""
    formula = "mathach ~ ses + I(ses**2) + Sector + (1 + ses + I(ses**2) || school)"
    return hb.Model(formula, hs, priors={"sd": hb.Gamma(2.0, 0.5)}).map()


@pytest.fixture(scope="module")
def nested() -> hb.PointFit:
    eg = hb.load_dataset("egsingle")
    eg = eg[eg["school"].isin(eg["school"].unique()[:6])]
    return hb.Model("math ~ year + lowinc + (1 + year | school/child)", data=eg).reml()


def correlated(sd: Any, corr: Any) -> Any:
    return np.outer(sd, sd) * np.asarray(corr)


def expected(fit: hb.PointFit, j: int, G: Any, sigma: float, f: float = 1.0) -> Any:
    """Λ_j and the BLUP of a group at a θ, as the package computes them; f times its rows."""
    # f times the rows of a group are its products at the variance σ²/f
    theta = Theta.of_covariance(G, sigma / np.sqrt(f)).flat
    matrix = likelihood_of(fit.problem.products).shrinkage_of(0, theta)[0][j]
    table = fit.shrinkage().loc[fit.design.factor.labels[j]]
    own, population = table["blue"].to_numpy(), table["population"].to_numpy()
    return matrix, population + matrix @ (own - population)


def read(page: Page, q: int = 2) -> tuple[Any, Any]:
    """Λ and BLUP of the chosen group, as the page has them."""
    places = range(q)
    matrix = [[page.evaluate(NUMBER % f"matrix-{k}{m}") for m in places] for k in places]
    return np.array(matrix), np.array([page.evaluate(NUMBER % f"blup-{k}") for k in places])


def same(page: Page, wanted: Any) -> None:
    matrix, blup = read(page, len(wanted[1]))
    assert matrix == pytest.approx(wanted[0], abs=1e-10)
    assert blup == pytest.approx(wanted[1], abs=1e-10)


def test_shrinkage_in_the_page_is_the_fit_s(fit: hb.PointFit, shown: Shown) -> None:
    page = shown(fit)
    table = fit.shrinkage()
    for j in (0, 7, 39):
        choose(page, "choice", j)
        own = table.loc[fit.design.factor.labels[j]]
        same(page, (own.filter(like="shrinkage[").to_numpy(), own["blup"].to_numpy()))
        assert page.evaluate(NUMBER % "n") == own["n"].iloc[0]
        for k in (0, 1):
            assert page.evaluate(NUMBER % f"blue-{k}") == pytest.approx(own["blue"].iloc[k])
    assert page.locator("select[data-part='factor'], select[data-part='axis-0']").count() == 0


def test_sliders_do_what_the_formula_says(fit: hb.PointFit, shown: Shown) -> None:
    page = shown(fit)
    choose(page, "choice", 3)
    before = page.locator("g.group circle.blup").nth(5).get_attribute("cx")
    sd, corr, sigma = [2.75, 0.8125], -0.375, 4.5
    for slider, value in zip(("sd-0", "sd-1", "corr", "sigma"), (*sd, corr, sigma), strict=True):
        move(page, slider, value)
    G = correlated(sd, [[1.0, corr], [corr, 1.0]])
    same(page, expected(fit, 3, G, sigma))
    assert page.locator("g.group circle.blup").nth(5).get_attribute("cx") != before

    n = page.evaluate(NUMBER % "n")
    move(page, "rows", 2 * n - 5)
    same(page, expected(fit, 3, G, sigma, (2 * n - 5) / n))

    page.locator("[data-part='reset']").click()
    own = fit.shrinkage().loc[fit.design.factor.labels[3]]
    assert read(page)[1] == pytest.approx(own["blup"].to_numpy(), abs=1e-10)


def test_a_group_is_chosen_by_pointer_and_by_keys(fit: hb.PointFit, shown: Shown) -> None:
    page = shown(fit)
    label = page.locator("[data-part='label']")
    hovered = page.locator("g.group").nth(4)
    hovered.locator("circle.blup").hover(force=True)
    chosen = page.locator("g.chosen")
    assert chosen.count() == 1
    said = chosen.get_attribute("aria-label")
    assert said is not None and said.split(",")[0] == label.inner_text()
    own = fit.shrinkage().loc[said.split(",")[0].removeprefix("school ")]
    assert read(page)[1] == pytest.approx(own["blup"].to_numpy(), abs=1e-10)
    chosen.focus()
    page.keyboard.press("ArrowRight")
    assert label.inner_text() != said.split(",")[0]
    assert page.evaluate("document.activeElement.classList.contains('chosen')")


def test_of_three_effects_two_are_shown(three: hb.PointFit, shown: Shown) -> None:
    page = shown(three)
    j = 1
    choose(page, "choice", j)
    own = three.shrinkage().loc[three.design.factor.labels[j]]
    matrix, blup = read(page, 3)
    assert matrix == pytest.approx(own.filter(like="shrinkage[").to_numpy(), abs=1e-10)
    assert blup == pytest.approx(own["blup"].to_numpy(), abs=1e-10)

    choose(page, "axis-0", 1)
    choose(page, "axis-1", 2)
    assert page.evaluate("document.activeElement.dataset.part") == "axis-1"
    assert page.locator("svg[data-part='data']").is_hidden()  # no line without an intercept
    move(page, "sd-0", 1.5)
    move(page, "corr", 0.6)
    G = three.G.copy()
    G[0, 0] = 1.5**2
    G[1, 2] = G[2, 1] = 0.6 * np.sqrt(G[1, 1] * G[2, 2])
    wanted, _ = expected(three, j, G, float(three.sigma))
    assert read(page, 3)[0] == pytest.approx(wanted, abs=1e-10)

    choose(page, "axis-0", 0)  # a correlation goes as far as the others let it
    move(page, "corr", 1.0)
    assert page.evaluate(
        "Number(document.querySelector('input[data-part=\"corr\"]').value)"
    ) == pytest.approx(np.sqrt(1.0 - 0.6**2), abs=1e-6)


def test_one_effect_is_shown_by_numbers_of_rows(hs: pd.DataFrame, shown: Shown) -> None:
    one = hb.Model("mathach ~ ses + Sector + (1 | school)", hs).reml()
    page = shown(one)
    choose(page, "choice", 5)
    own = one.shrinkage().loc[one.design.factor.labels[5]]
    same(page, (own.filter(like="shrinkage[").to_numpy(), own["blup"].to_numpy()))
    assert page.locator("svg[data-part='plane'] text", has_text="rows").count() == 1
    assert page.locator("input[data-part='corr']").count() == 0
    move(page, "sd-0", 0.0)
    assert read(page, 1)[1] == pytest.approx(own["population"].to_numpy(), abs=1e-12)


def test_each_of_several_factors_is_shown_given_the_others(
    nested: hb.PointFit, shown: Callable[..., Page]
) -> None:
    page = shown(nested, PHONE)
    assert width_of(page) == PHONE
    for k, name in enumerate(nested.design.specification.factors):
        choose(page, "factor", k)
        assert page.evaluate("document.activeElement.dataset.part") == "factor"
        for j in (0, 3):
            choose(page, "choice", j)
            label = nested.design.factors[k].labels[j]
            own = nested.shrinkage(name).loc[label]
            assert read(page)[1] == pytest.approx(own["blup"].to_numpy(), abs=1e-8)
            Z = nested.design.rows.Z[:, nested.design.spans[k]]
            Z = Z[nested.design.rows.codes_of[k] == j]
            G = nested.G[nested.design.spans[k], nested.design.spans[k]]
            GA = G @ Z.T @ Z
            given = GA @ np.linalg.inv(GA + nested.sigma**2 * np.eye(2))
            assert read(page)[0] == pytest.approx(given, abs=1e-10)


def test_rows_that_stream_are_not_drawn(
    hs: pd.DataFrame, tmp_path: Path, shown: Callable[..., Page]
) -> None:
    """The page says nothing on its console, and has beside beta space no picture of rows."""
    hs[["mathach", "ses", "school"]].to_parquet(tmp_path / "rows.parquet")
    page = shown(hb.Model("mathach ~ ses + (1 + ses | school)", tmp_path / "rows.parquet").reml())
    assert page.locator("svg[data-part='plane'] g.group").count() == 40
    assert page.locator("svg[data-part='data']").is_hidden()
    assert page.locator("[data-part='legend']").is_hidden()


def test_many_groups_and_rows_are_thinned(
    fit: hb.PointFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hierbayes.report.page.shrinkage_data.MOST_GROUPS", 10)
    monkeypatch.setattr("hierbayes.report.page.shrinkage_data._MOST_ROWS", 200)
    data = shrinkage_data(fit)
    (factor,) = data["factors"]
    assert len(factor["groups"]) == 10 and factor["left_out"] == 30
    assert sum(len(group["rows"]) for group in factor["groups"]) < 220
    assert "Of school 10 groups are shown" in panel_html(data, "BLUP", "REML estimates")


def test_what_has_no_such_formula_is_refused(hs: pd.DataFrame) -> None:
    known = hb.Model("mathach ~ ses + (1 | school)", hs.assign(se=6.0), known_sd="se").reml()
    with pytest.raises(StudyError, match="have no single σ that could be moved"):
        shrinkage_data(known)
