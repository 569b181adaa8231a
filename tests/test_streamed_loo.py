"""Rows left out of fits of rows that stream: the sums are those of the same rows in memory."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.inference.predictive import loo as loo_module
from tests.pieces import Pieces, in_pieces
from tests.test_streamed_families import made as made_of_families
from tests.test_streamed_models import made

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "weights and counts": ("y ~ x * w + (1 + x | g)", {"weights": "size", "counts": "times"}),
    "offset": ("y ~ x + kind + (1 | g)", {"offset": "x + 2 * size"}),
    "two factors": ("y ~ cvar(x, g) + (1 + x | g) + (1 | h)", {}),
    "no random part": ("y ~ x + kind", {}),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return made()


def assert_same(streamed: Any, memory: Any, rel: float = 1e-9) -> None:
    of_both = [(one.elpd, one.se, one.p) for one in (streamed, memory)]
    assert of_both[0] == pytest.approx(of_both[1], rel=rel)
    assert len(streamed.bad) == len(memory.bad)
    pd.testing.assert_frame_equal(streamed.table, memory.table, rtol=rel)
    worst = [one.frame["elpd"].min() for one in (streamed, memory)]
    assert worst[0] == pytest.approx(worst[1], rel=rel)


@pytest.mark.parametrize("name", MODELS)
def test_sums_of_maxima_are_those_of_the_frame(frame: pd.DataFrame, name: str) -> None:
    formula, words = MODELS[name]
    memory, stream = (
        hb.loo(hb.Model(formula, data=data, **words).reml())
        for data in (frame, in_pieces(frame, 3))
    )
    assert_same(stream, memory)
    if "counts" not in words:
        expected = memory.frame.sort_values("elpd")
        found = stream.frame
        np.testing.assert_allclose(found["elpd"], expected["elpd"].head(len(found)), rtol=1e-9)
    assert stream.page().text().splitlines()[0] == memory.page().text().splitlines()[0]


STRUCTURES: dict[str, tuple[str, hr.ResidualStructure, dict[str, Any]]] = {
    "scattered groups": ("y ~ x + (1 | g)", hr.AR1("week") * hr.Strata("sex"), {}),
    "occasions": ("y ~ x", hr.Unstructured("week", group="g"), {"weights": "size"}),
    "order of rows": ("y ~ x + (1 | site)", hr.AR1(group="g"), {}),
    "counts": ("y ~ x + (1 | g)", hr.Strata("sex") * hr.Power("size"), {"counts": "times"}),
}


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    """Some of six weeks of thirty groups, sites of five."""
    rng = np.random.default_rng(4)
    g, week = np.repeat(np.arange(30), 6), np.tile(np.arange(6), 30)
    x, error = rng.normal(size=180), rng.normal(size=180) * np.where(g % 2, 1.0, 2.0)
    rows = pd.DataFrame({"g": g, "week": week, "x": x, "y": x + rng.normal(size=30)[g] + error})
    rows = rows.assign(sex=np.where(g % 2, "f", "m"), site=[f"s{k // 5}" for k in g])
    rows = rows.assign(size=rng.uniform(1.0, 3.0, 180), times=rng.integers(1, 4, 180))
    return rows.drop(index=[3, 40, 41, 120])


@pytest.mark.parametrize("name", STRUCTURES)
def test_rows_with_a_structure_are_left_out_in_whole_groups(
    visits: pd.DataFrame, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula, structure, words = STRUCTURES[name]
    stream = Pieces(visits, (7, 50)) if name == "order of rows" else in_pieces(visits, 3)
    fits = [
        hb.Model(formula, data=data, residual=structure, **words).reml()
        for data in (visits, stream)
    ]
    monkeypatch.setattr(loo_module, "AT_ONCE", 20)  # rows of a piece, or a few more
    assert_same(hb.loo(fits[1]), hb.loo(fits[0]), rel=1e-7)


@pytest.mark.slow
def test_draws_with_a_structure_are_weighted_as_of_the_frame(visits: pd.DataFrame) -> None:
    settings: dict[str, Any] = {"draws": 60, "tune": 60, "chains": 2, "seed": 1}
    memory, stream = (
        hb.Model("y ~ x + (1 | g)", data=data, residual=hr.AR1("week")).sample(**settings)
        for data in (visits, in_pieces(visits, 3))
    )
    of_memory = {name: getattr(memory, name) for name in ("theta", "gamma_draws", "z")}
    found = hb.loo(replace(stream, **of_memory))
    assert_same(found, hb.loo(memory), rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights and counts", "two factors"])
def test_draws_are_weighted_and_rows_computed_anew_as_of_the_frame(
    frame: pd.DataFrame, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula, words = MODELS[name]
    memory = hb.Model(formula, frame, **words).sample(draws=60, tune=60, chains=2, seed=1)
    stream = hb.Model(formula, data=in_pieces(frame, 3), **words).sample(
        draws=60, tune=60, chains=2, seed=1
    )
    of_memory: dict[str, Any] = {"theta": memory.theta, "gamma_draws": memory.gamma_draws}
    stream = replace(stream, **of_memory)
    assert_same(hb.loo(stream), hb.loo(memory), rel=1e-7)
    monkeypatch.setattr(loo_module, "k_hat_limit", lambda M: -10.0)
    found, expected = hb.loo(stream), hb.loo(memory)
    assert_same(found, expected, rel=1e-7)
    start = f"Of {memory.design.n} of {memory.design.n} rows k̂ was above -10.00 given u, and they"
    assert all(one.notes[0].startswith(start) for one in (found, expected))


@pytest.mark.slow
def test_distinct_rows_of_a_family_are_left_out_one_at_a_time() -> None:
    data = made_of_families().dropna()
    formula = "b ~ x + kind + (1 | g)"
    settings: dict[str, Any] = {"draws": 60, "tune": 60, "chains": 2, "seed": 1}
    memory = hb.Model(formula, data, family="bernoulli").sample(**settings)
    stream = hb.Model(formula, data=in_pieces(data, 3), family="bernoulli").sample(**settings)
    named = ("theta", "gamma_draws", "u_sampled", "phi")
    of_memory: dict[str, Any] = {name: getattr(memory, name) for name in named}
    stream = replace(stream, **of_memory)
    found = hb.loo(stream)
    assert_same(found, hb.loo(memory), rel=1e-7)
    assert found.frame["times"].sum() == len(data)


def test_what_rows_that_stream_cannot_say_is_refused(frame: pd.DataFrame) -> None:
    fits = [hb.Model(f"y ~ {x} + (1 | g)", data=Pieces(frame, (50,))).reml() for x in ("x", "w")]
    with pytest.raises(hb.InferenceError) as refused:
        hb.compare_predictive(*fits)
    assert str(refused.value) == (
        "compare_predictive() needs the numbers of all rows, and those of rows that stream are "
        "added up; leave groups out, as in compare_predictive(..., by='group')"
    )
    products = hb.CrossProducts("y ~ x + (1 | g)", frame)
    with pytest.raises(hb.DataError, match="this reads the rows once more, and those of"):
        hb.loo(hb.Model("y ~ x + (1 | g)", data=products).reml())
