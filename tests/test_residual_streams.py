"""Moments of residual structures of rows that stream, or that come in parts, as of all rows."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design import streamed_moments
from hierbayes.design.joined_moments import joined_moments
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import REML
from hierbayes.likelihood.theta import Theta
from tests.pieces import Pieces, in_pieces
from tests.test_residual_structures import FORMULAS, ROWS, STRUCTURES, posed

CASES = [(one, FORMULAS[k % len(FORMULAS)]) for k, one in enumerate(STRUCTURES)]


def structure_of(model: hb.Model) -> hr.ResidualStructure:
    structure = model.problem.design.specification.residual
    assert structure is not None
    return structure


def moments_of(model: hb.Model) -> ResidualMoments:
    assert model.problem.moments is not None
    return model.problem.moments


def loglik(moments: ResidualMoments, z: Any, q: int) -> float:
    """The restricted log-likelihood at some parameters, in the user's units."""
    root = np.tril(np.random.default_rng(5).normal(size=(q, q)))
    for a, b in np.ndindex(q, q):
        blocks = np.repeat(np.arange(len(moments.design.blocks)), moments.design.blocks)
        root[a, b] *= blocks[a] == blocks[b]
    weighted = moments.at(z)
    state = likelihood_of(weighted.products, REML).at(Theta.of(root, 0.8))
    return float(state.value) - weighted.half_log_det


def assert_same(one: ResidualMoments, other: ResidualMoments) -> None:
    """The same law of errors, and the same likelihood of it, at several z."""
    names = [parameter.name for parameter in one.rows.parameters]
    assert names == [parameter.name for parameter in other.rows.parameters]
    assert one.n == other.n
    q, rng = sum(one.design.blocks), np.random.default_rng(2)
    for size in (0.0, 0.2):
        z = one.rows.start + size * rng.normal(size=len(one.rows.start))
        assert_allclose(one.half_log_det(z), other.half_log_det(z), rtol=1e-12, atol=1e-12)
        assert_allclose(one.rows.natural(z), other.rows.natural(z), rtol=1e-12, atol=1e-12)
        assert_allclose(loglik(one, z, q), loglik(other, z, q), rtol=1e-12, atol=1e-10)


def pieces_of(structure: hr.ResidualStructure, seed: int) -> Pieces:
    """The rows in another order, unless the order of rows is that of time."""
    of_order = getattr(structure.correlation, "time", "") is None
    return Pieces(ROWS, (5, 5, 31)) if of_order else in_pieces(ROWS, seed)


@pytest.mark.parametrize(("structure", "formula"), CASES)
def test_order_and_chunks_do_not_matter(structure: hr.ResidualStructure, formula: str) -> None:
    memory = posed(structure, formula)
    stream = hb.Model(formula, data=pieces_of(structure, 3), residual=structure_of(memory))
    assert_same(moments_of(stream), moments_of(memory))
    assert str(stream) == str(memory)


def parts_of(structure: hr.ResidualStructure, formula: str) -> list[ResidualMoments]:
    """Moments of three sets of persons, each in a basis of its own."""
    own = structure_of(posed(structure, formula))
    person = ROWS["g"].str[1:].astype(int)
    cuts = ([0, 3, 4, 5, 10], [1, 2, 6, 11, 13], [7, 8, 9, 12])
    return [moments_of(hb.Model(formula, ROWS[person.isin(at)], residual=own)) for at in cuts]


@pytest.mark.parametrize(
    "structure", [one for one in STRUCTURES if "Unstructured" not in one.text], ids=str
)
def test_parts_add_up_in_any_order(structure: hr.ResidualStructure) -> None:
    formula = FORMULAS[1]
    parts = parts_of(structure, formula)
    whole = moments_of(posed(structure, formula))
    for order in (parts, parts[::-1], [*parts[1:], parts[0]]):
        assert_same(joined_moments(order), whole)
    one, two, three = parts
    left = joined_moments([joined_moments([one, two]), three])
    right = joined_moments([one, joined_moments([two, three])])
    for joined in (left, right):
        assert_same(joined, whole)
    for name in ("cells", "atoms", "classes", "class_of", "atom_codes"):
        assert_allclose(getattr(left, name), getattr(right, name), rtol=1e-12, atol=1e-12)


def test_occasions_that_no_part_has_all_of_are_joined() -> None:
    rows = ROWS.assign(visit="v" + ROWS["week"].astype(str))
    structure = hr.Unstructured("visit", group="g")
    whole = moments_of(hb.Model("y ~ x", rows, residual=structure))
    early = ~rows["g"].isin(rows["g"][rows["week"] == 5])
    parts = [moments_of(hb.Model("y ~ x", rows[at], residual=structure)) for at in (early, ~early)]
    assert [len(part.rows.parameters) for part in parts] == [9, 14]
    assert_same(joined_moments(parts), whole)
    assert_same(joined_moments(parts[::-1]), whole)


def test_scattered_groups_are_gathered_in_several_readings(monkeypatch: Any) -> None:
    structure = hr.AR1("week") * hr.Strata("sex")
    memory = posed(structure, FORMULAS[0])
    monkeypatch.setattr(streamed_moments, "GATHERED", 1500)
    stream = hb.Model(FORMULAS[0], data=in_pieces(ROWS, 4), residual=structure)
    assert_same(moments_of(stream), moments_of(memory))


def test_rows_that_lie_by_group_are_read_once_more() -> None:
    frame = ROWS.sort_values("g", kind="stable")
    read = 0

    class Counted(Pieces):
        def batches(self, names: Any, labels: Any = ()) -> Any:
            nonlocal read
            read += 1
            yield from super().batches(names, labels)

    source = Counted(frame, (1, 7, 8, 20, 40, 41))
    plain = hb.Model(FORMULAS[0], data=source)
    before, read = read, 0
    stream = hb.Model(FORMULAS[0], data=source, residual=hr.AR1("week"))
    assert read == before + 1
    assert plain.problem.moments is None
    assert_same(moments_of(stream), moments_of(posed(hr.AR1("week"), FORMULAS[0])))


def test_weights_counts_and_missing_values_stream() -> None:
    rng = np.random.default_rng(1)
    frame = ROWS.assign(
        w=rng.uniform(0.5, 2.0, len(ROWS)), times=rng.integers(0, 3, len(ROWS)), off=ROWS["week"]
    )
    frame.loc[[3, 9], ["x", "sex"]] = np.nan
    words: dict[str, Any] = {"weights": "w", "counts": "times", "offset": "off"}
    memory = hb.Model(FORMULAS[0], frame, residual=hr.Strata("sex"), **words)
    stream = hb.Model(FORMULAS[0], data=in_pieces(frame, 1), residual=hr.Strata("sex"), **words)
    assert_same(moments_of(stream), moments_of(memory))
    assert_allclose(stream.reml().loglik, memory.reml().loglik, rtol=1e-10)


@pytest.fixture(scope="module")
def fits() -> tuple[Any, Any]:
    structure = hr.AR1("week") * hr.Strata("sex")
    stream = hb.Model(FORMULAS[0], data=in_pieces(ROWS, 2), residual=structure)
    return stream.reml(), posed(structure, FORMULAS[0]).reml()


def test_a_fit_of_rows_that_stream_is_that_of_a_frame(fits: tuple[Any, Any]) -> None:
    stream, memory = fits
    assert_allclose(stream.loglik, memory.loglik, rtol=1e-11)
    pd.testing.assert_frame_equal(stream.intervals(), memory.intervals(), rtol=1e-4, atol=1e-4)
    pd.testing.assert_frame_equal(stream.ranef(), memory.ranef(), rtol=1e-4, atol=1e-4)
    new = ROWS.head(3)
    pd.testing.assert_frame_equal(
        stream.predict(new, prob=0.9), memory.predict(new, prob=0.9), rtol=1e-4, atol=1e-4
    )
    first, wanted = (str(fit.equations()).split("Within")[0] for fit in fits)
    assert first == wanted


def test_rows_of_one_time_are_counted_in_all_parts() -> None:
    twice = pd.concat([ROWS, ROWS.iloc[[0, 8, 20]]]).reset_index(drop=True)
    said = []
    for data in (twice, Pieces(twice, (3, 30, len(ROWS)))):
        with pytest.raises(hb.DataError) as refused:
            hb.Model(FORMULAS[0], data=data, residual=hr.AR1("week"))
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert "(3 such rows in all)" in said[0]


def test_residuals_come_in_parts(fits: tuple[Any, Any]) -> None:
    stream, memory = fits
    found = pd.concat(hb.predict_parts(stream, Pieces(ROWS, (9, 30))))
    for kind, name in (("response", "residual"), ("pearson", "pearson")):
        expected = memory.residuals(kind=kind).to_numpy()
        assert_allclose(found[name].to_numpy()[~ROWS["y"].isna()], expected, rtol=1e-4, atol=1e-4)


NEEDS_ROWS: dict[str, Callable[[Any], Any]] = {
    "the errors before": lambda fit: fit.predict(ROWS.head(2), errors="given"),
    "autocorrelations": lambda fit: hb.residual_acf(fit, "week"),
}


@pytest.mark.parametrize("what", NEEDS_ROWS)
def test_what_needs_the_rows_says_so(fits: tuple[Any, Any], what: str) -> None:
    message = (
        "this needs the rows in memory, of which the errors have the structure AR1('week') * "
        "Strata('sex'), and they stream: give a frame of some of them, or of all, as data"
    )
    with pytest.raises(hb.DataError, match=re.escape(message)):
        NEEDS_ROWS[what](fits[0])


def test_parts_of_one_group_are_refused() -> None:
    whole = moments_of(posed(hr.AR1("week"), FORMULAS[0]))
    message = (
        "'g' p0 has rows in several parts (14 such groups in all), and errors are correlated within"
        " them: make each part of whole groups"
    )
    with pytest.raises(hb.DataError, match=re.escape(message)):
        joined_moments([whole, whole])
    twice = joined_moments([moments_of(posed(hr.Strata("sex"), FORMULAS[0]))] * 2)
    assert twice.n == 2 * len(ROWS)  # of independent errors rows add up, wherever they are


def test_other_structures_and_categories_are_refused() -> None:
    one, other = (moments_of(posed(s, FORMULAS[0])) for s in (hr.AR1("week"), hr.CAR1("week")))
    with pytest.raises(hb.DataError, match=re.escape("errors of AR1('week') and of CAR1('week')")):
        joined_moments([one, other])
    coded = ROWS.assign(sex=pd.Categorical(ROWS["sex"], ["M", "F"]))
    parts = [
        moments_of(hb.Model(FORMULAS[0], frame, residual=hr.Strata("sex")))
        for frame in (ROWS, coded)
    ]
    message = "the strata sex are of other types, or of other categories, in some of the rows"
    with pytest.raises(hb.DataError, match=re.escape(message)):
        joined_moments(parts)


def test_variances_of_the_fitted_mean_do_not_stream() -> None:
    message = (
        "the variances of Power() follow the fitted values of rows in memory, and those of the "
        "pieces stream: name a column, or give a frame as data"
    )
    with pytest.raises(hb.ResidualError, match=re.escape(message)):
        hb.Model(FORMULAS[0], data=in_pieces(ROWS, 1), residual=hr.Power())


def test_what_no_rows_tell_is_refused_of_all_of_them() -> None:
    alone = ROWS.assign(row=np.arange(len(ROWS)))
    with pytest.raises(hb.DataError, match="no 'row' has two rows"):
        hb.Model("y ~ x", data=in_pieces(alone, 1), residual=hr.AR1("week", group="row"))
    with pytest.raises(hb.DataError, match="the strata x2 have one level in the rows used, '1'"):
        hb.Model("y ~ x", data=in_pieces(ROWS.assign(x2=1), 1), residual=hr.Strata("x2"))


def test_a_page_without_degrees_of_freedom_stands_of_rows_that_stream() -> None:
    """Where Satterthwaite's do not exist, those by groups would need rows in memory."""
    errors = hr.CompoundSymmetry(group="g")
    fit, whole = (
        hb.Model("y ~ x + (1 | g)", data=data, residual=errors).reml()
        for data in (in_pieces(ROWS, 3), ROWS)
    )
    assert whole.summary().page() and hb.wald(whole, "x").df == "inner-outer"
    test = hb.wald(fit, "x")
    assert test.df == "none" and np.isinf(test.rows["df"]).all()
    assert test.notes == (
        "Satterthwaite's degrees of freedom do not exist at this maximum, where the information on "
        "the variance parameters is not definite; those within and between groups need rows in "
        "memory: normal and χ² stand in",
    )
    said = " ".join(str(fit.summary()).split())
    assert "df: none (normal and χ²)" in said and test.notes[0] in said
    assert_allclose(fit.intervals().loc["gamma", "estimate"], whole.gamma, rtol=1e-8)
