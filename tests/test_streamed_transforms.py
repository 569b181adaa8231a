"""Transforms that remember all rows, of rows that stream: what they remember, and fits."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.sources.source import Batch
from tests.pieces import Pieces, in_pieces

FORMULAS: dict[str, tuple[str, dict[str, Any]]] = {
    "scale": ("y ~ scale(x) * w + (1 + scale(x) | g)", {}),
    "group means": ("y ~ cvar(x, g) + dvar(x, g) + (1 + dvar(x, g) | g)", {}),
    "means of texts": ("y ~ cvar(x, h) + cvar(two, h) + (1 | g) + (1 | h)", {"counts": "times"}),
    "given parts": (
        "y ~ center(log(size)) * two + standardize(w, center=False) + scale(x, 2.5, ddof=0) +(1|g)",
        {"counts": "times"},
    ),
    "polynomials": ("y ~ poly(x, 3) + (1 | g)", {"counts": "times", "weights": "size"}),
    "raw polynomials": ("y ~ poly(x, 2, raw=True) + (1 | g)", {}),
    "splines": ("y ~ bs(x, knots=[999, 1001]) + (1 | g)", {}),
    "natural splines": ("y ~ 0 + cr(x, knots=[997.5, 1002.5]) + (1 | g)", {}),
    "one in another": ("y ~ scale(cvar(x, g)) + center(dvar(x, h)) + (1 | g)", {}),
    "the caller's": ("y ~ far(x) + (1 | g)", {"functions": {"far": lambda x: (x - 999.0) ** 2}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    n, J = 500, 10
    g = rng.integers(0, J, n)
    x = 1000.0 + rng.normal(size=J)[g] + rng.normal(size=n)
    y = np.sin(x) + rng.normal(size=J)[g] + rng.normal(size=n)
    made = pd.DataFrame(
        {
            "y": y, "x": x, "w": rng.normal(size=J)[g], "g": g, "size": rng.gamma(4.0, 0.25, n),
            "h": np.array(list("fedcba"))[rng.integers(0, 6, n)], "two": np.where(x > 1e3, *"ba"),
            "times": rng.integers(0, 3, n),
        }
    )  # fmt: skip
    made.loc[[3, 400], "x"] = np.nan
    return made.sort_values("x", ignore_index=True)  # the first rows are alike


def states_of(model: hb.Model) -> dict[str, Any]:
    states: dict[str, Any] = model.problem.design.columns.fixed_spec.transform_state
    return states


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("name", FORMULAS)
def test_fits_are_those_of_the_frame(frame: pd.DataFrame, name: str, seed: int | None) -> None:
    formula, words = FORMULAS[name]
    memory = hb.Model(formula, frame, **words)
    data = Pieces(frame, (100, 101, 400)) if seed is None else in_pieces(frame, seed)
    stream = hb.Model(formula, data=data, **words)
    assert str(stream) == str(memory)
    assert states_of(stream).keys() == states_of(memory).keys()
    for text, state in states_of(memory).items():
        for key, known in state.items():
            assert_same(states_of(stream)[text][key], known)
    a, b = memory.reml(), stream.reml()
    assert b.loglik == pytest.approx(a.loglik, rel=1e-10)
    between = (tuple(fit.design.columns.between_of) for fit in (a, b))
    assert next(between) == next(between)
    new = frame.dropna().head(7).drop(columns="y")
    np.testing.assert_allclose(b.predict(new), a.predict(new), rtol=1e-7, atol=1e-8)


def assert_same(found: Any, known: Any) -> None:
    if isinstance(known, pd.Series):
        assert set(found.index) == set(known.index)
        np.testing.assert_allclose(found[known.index], known, rtol=1e-12)
    elif isinstance(known, dict):
        assert_same([found[key] for key in known], list(known.values()))
    elif known is None or isinstance(known, bool) or (known and isinstance(known, list | str)):
        if isinstance(known, list) and not isinstance(known[0], str):
            np.testing.assert_allclose(found, known, rtol=1e-9)
        else:
            assert found == known
    else:
        assert found == pytest.approx(known, rel=1e-9)


class Counting(Pieces):
    """Counts how often the rows are read."""

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        readings.append(tuple(labels))
        return super().batches(names, labels)


readings: list[tuple[str, ...]] = []


@pytest.mark.parametrize(
    ("formula", "whole"),
    [
        ("y ~ x + (1 | g)", 1),
        ("y ~ x + h + (1 | g)", 2),  # levels
        ("y ~ cvar(x, g) + dvar(x, g) + scale(w) + (1 | g)", 2),  # all transforms at once
        ("y ~ scale(cvar(x, g)) + h + (1 | g)", 4),
        ("y ~ poly(x, 2) + (1 | g)", 4),
    ],
)
def test_rows_are_read_no_more_often_than_needed(
    frame: pd.DataFrame, formula: str, whole: int
) -> None:
    readings.clear()
    hb.Model(formula, data=Counting(frame.sample(frac=1.0, random_state=1), (250,)))
    assert len(readings) == whole + 2  # a batch is read for names, and one for a basis


def test_a_mean_of_equal_values_is_their_value(frame: pd.DataFrame) -> None:
    data = frame.assign(v=np.array([0.1, 0.7, 1e9 + 0.1])[frame["g"] % 3])
    stream = hb.Model("y ~ cvar(v, g) + (1 | g)", data=in_pieces(data, 2))
    means = states_of(stream)["cvar(v, g)"]["means"]
    assert set(means) == {0.1, 0.7, 1e9 + 0.1}


def refusal(frame: object, formula: str) -> str:
    with pytest.raises((hb.DataError, hb.FormulaError)) as refused:
        hb.Model(formula, data=frame)
    return str(refused.value)


def test_what_no_passes_find_is_refused_in_words(frame: pd.DataFrame) -> None:
    pieces = Pieces(frame, (100,))
    start = "is made of all rows at once, and those of the pieces stream: "
    assert refusal(pieces, "y ~ bs(x, df=5) + (1 | g)") == (
        f"'bs(x, df=5)' {start}state its knots, as in knots=[1, 2, 3], compute it beforehand as a "
        "column, or give a frame as data"
    )
    assert start in refusal(pieces, "y ~ cc(x, knots=[1000], constraints='center') + (1 | g)")
    assert start in refusal(pieces, "y ~ lvar(x, g) + (1 | g)")
    assert refusal(pieces, "scale(y) ~ x + (1 | g)").startswith(f"'scale(y)' {start}")
    assert refusal(pieces, "y ~ x + offset(center(w)) + (1 | g)").startswith("'center(w)' ")
    assert refusal(pieces, "y ~ cvar(h, g) + (1 | g)").startswith(
        "rows from 0: cvar, dvar and lvar need numbers or a factor with two levels"
    )
