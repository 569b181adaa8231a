"""Cross-products of models with a residual structure: files, merging, refusals."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from tests.test_residual_streams import CASES, assert_same, moments_of, structure_of
from tests.test_residual_structures import ROWS, posed

PERSON = ROWS["g"].str[1:].astype(int)
CUTS = ([0, 3, 4, 5, 10], [1, 2, 6, 11, 13], [7, 8, 9, 12])
FORMULA = "y ~ x + (1 | g)"


def parts_of(formula: str, structure: hr.ResidualStructure) -> list[hb.CrossProducts]:
    rows = [ROWS[PERSON.isin(at)] for at in CUTS]
    return [hb.CrossProducts(formula, one, residual=structure) for one in rows]


@pytest.mark.parametrize(("structure", "formula"), CASES, ids=[str(one) for one, _ in CASES])
def test_files_of_parts_add_up_to_the_rows(
    structure: hr.ResidualStructure, formula: str, tmp_path: Path
) -> None:
    memory = posed(structure, formula)
    parts = parts_of(formula, structure_of(memory))
    for k, one in enumerate(parts):
        one.save(tmp_path / f"{k}.products")
    loaded = [hb.CrossProducts.load(tmp_path / f"{k}.products") for k in range(3)]
    for whole in (loaded[2] + loaded[0] + loaded[1], loaded[1].merge(loaded[2], loaded[0])):
        model = hb.Model(formula, whole)
        assert_same(moments_of(model), moments_of(memory))
    assert f"\n  errors: {structure_of(memory).text}" in str(whole)
    assert str(model.priors) == str(memory.priors)


@pytest.mark.parametrize(
    ("formula", "structure"),
    [
        (FORMULA, hr.CAR1("week") * hr.Strata("sex")),
        ("y ~ x + (1 | clinic) + (1 | g)", hr.AR1("week")),
        ("y ~ x", hr.Unstructured("week", group="g")),
        ("y ~ x", hr.Strata("sex")),
    ],
    ids=["groups", "factors", "no random part", "strata"],
)
def test_a_fit_needs_no_rows(formula: str, structure: hr.ResidualStructure) -> None:
    first, *others = parts_of(formula, structure)
    fit = hb.Model(formula, first.merge(*others)).reml()
    rows = hb.Model(formula, ROWS, residual=structure).reml()
    assert fit.loglik == pytest.approx(rows.loglik, rel=1e-10)
    pd.testing.assert_series_equal(fit.fixef(), rows.fixef(), rtol=1e-6)
    ours, theirs = (np.asarray(one.problem.z) for one in (fit, rows))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_model_without_a_random_part_or_errors_adds_up() -> None:
    first, *others = [hb.CrossProducts("y ~ x", ROWS[PERSON.isin(at)]) for at in CUTS]
    fit = hb.Model("y ~ x", first.merge(*others)).ml()
    assert fit.loglik == pytest.approx(hb.Model("y ~ x", ROWS).ml().loglik, rel=1e-12)
    assert "  random effects: none" in str(first)


def test_the_products_of_a_model_have_its_errors() -> None:
    model = hb.Model(FORMULA, ROWS, residual=hr.AR1("week"))
    again = hb.Model(FORMULA, hb.CrossProducts(model))
    assert again.reml().loglik == pytest.approx(model.reml().loglik, rel=1e-12)
    other = hb.CrossProducts(hb.CrossProducts(model), ROWS[PERSON < 4])
    assert other.specification.residual == hr.AR1("week")


def test_files_with_errors_are_of_a_format_of_their_own(tmp_path: Path) -> None:
    """An earlier version would have taken the errors for independent ones."""
    for structure, form in ((None, 1), (hr.AR1("week"), 2)):
        hb.CrossProducts(FORMULA, ROWS, residual=structure).save(tmp_path / "one.products")
        with zipfile.ZipFile(tmp_path / "one.products") as file:
            assert json.loads(file.read("manifest.json"))["format"] == form


def refusal(run: Any) -> str:
    with pytest.raises(hb.HierbayesError) as caught:
        run()
    return str(caught.value)


def test_a_group_in_two_parts_is_refused_by_name() -> None:
    late = ROWS["g"].eq("p3") & ROWS["week"].gt(3)
    halves = [ROWS[PERSON.lt(7) & ~late], ROWS[PERSON.ge(7) | late]]
    one, other = (hb.CrossProducts(FORMULA, rows, residual=hr.AR1("week")) for rows in halves)
    assert refusal(lambda: one + other) == (
        "'g' p3 has rows in several parts (1 such groups in all), and errors are "
        "correlated within them: make each part of whole groups"
    )
    one, other = (hb.CrossProducts(FORMULA, rows, residual=hr.Strata("sex")) for rows in halves)
    fit = hb.Model(FORMULA, one + other).reml()
    rows = hb.Model(FORMULA, ROWS, residual=hr.Strata("sex")).reml()
    assert fit.loglik == pytest.approx(rows.loglik, rel=1e-10)


def test_what_does_not_add_up_is_refused_by_name() -> None:
    ar1 = hb.CrossProducts(FORMULA, ROWS, residual=hr.AR1("week"))
    cases = {
        lambda: ar1 + hb.CrossProducts(FORMULA, ROWS, residual=hr.CAR1("week")): (
            r"^cross-products of 'y ~ .*residual = AR1.* do not add up: make both with one formula"
        ),
        lambda: hb.CrossProducts(FORMULA, ROWS, residual=hr.Power()): (
            r"^the variances of Power\(\) follow the fitted values of single rows, which "
            r"cross-products do not have: name a column for them, or give the rows to the model$"
        ),
        lambda: hb.CrossProducts(FORMULA, ROWS, residual=hr.StudentT(df=4)): (
            "^a family of responses needs the rows, and cross-products are of Gaussian responses$"
        ),
        lambda: hb.Model(FORMULA, ar1, residual=hr.AR1("week")): (
            r"^residual= is said where cross-products are made, as in hb.CrossProducts\(formula, "
            r"rows, residual=...\); leave it out$"
        ),
        lambda: hb.CrossProducts(ar1, ROWS, residual=hr.AR1("week")): (
            "^the model or the cross-products that are given have their residual structure"
        ),
        lambda: hb.Model(
            FORMULA, hb.CrossProducts(FORMULA, ROWS[ROWS["sex"] == "M"], residual=hr.Strata("sex"))
        ): r"^the strata sex have one level in the rows used, 'M'; leave them out$",
        lambda: hb.CrossProducts("y ~ x", ROWS, residual=hr.AR1("week")): (
            "^name the group within which errors are correlated"
        ),
    }
    for run, words in cases.items():
        assert re.search(words, refusal(run)), refusal(run)


def test_other_innermost_factors_are_refused_with_a_remedy() -> None:
    """One part has more clinics of a person than persons of a clinic, so to say."""
    frame = pd.DataFrame({"y": np.arange(12.0) ** 1.5, "x": np.arange(12) % 5})
    frame["a"], frame["b"] = np.repeat([1, 2, 3, 4, 5, 6], 2), np.repeat([1, 2, 3], 4)
    frame["t"] = np.arange(12) % 2
    other = frame.assign(a=frame["b"] + 10, b=frame["a"] + 10)
    one, two = (
        hb.CrossProducts("y ~ x + (1 | a) + (1 | b)", rows, residual=hr.AR1("t"))
        for rows in (frame, other)
    )
    assert refusal(lambda: one + two) == (
        "errors are correlated within 'a' in some of the rows, and within 'b' in others, where "
        "that factor has more groups; name the innermost one in the structure, as group='...'"
    )
