"""Predictive checks of rows that stream: statistics and replications are as those of the frame."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from tests.pieces import Pieces, in_pieces
from tests.test_streamed_models import made

FORMULA = "y ~ x + offset(2 * w) + (1 + x | g) + (1 | h)"
WORDS: dict[str, Any] = {"counts": "times", "weights": "size"}
N = 200


@pytest.fixture(scope="module")
def both() -> tuple[hb.PredictiveCheck, hb.PredictiveCheck]:
    frame = made()
    memory, stream = (
        hb.predictive_check(hb.Model(FORMULA, data=data, **WORDS).reml(), n=N, seed=1)
        for data in (frame, in_pieces(frame, 2))
    )
    return memory, stream


def test_what_is_observed_is_that_of_the_frame(
    both: tuple[hb.PredictiveCheck, hb.PredictiveCheck],
) -> None:
    memory, stream = both
    pd.testing.assert_series_equal(stream.observed, memory.observed, rtol=1e-9)
    for factor, groups in memory.groups.items():
        columns = ["rows", "mean"]
        pd.testing.assert_frame_equal(stream.groups[factor][columns], groups[columns], rtol=1e-10)
    assert stream.about == memory.about and stream.title == memory.title


def test_replications_are_of_the_same_law(
    both: tuple[hb.PredictiveCheck, hb.PredictiveCheck],
) -> None:
    """Means and spreads of two sets of replications, within six of their standard errors."""
    mine, theirs = (one.frame for one in both)
    error = np.sqrt((mine["sd"] ** 2 + theirs["sd"] ** 2) / N)
    assert (np.abs(mine["mean"] - theirs["mean"]) < 6.0 * error).all()
    np.testing.assert_allclose(np.log(mine["sd"] / theirs["sd"]), 0.0, atol=6.0 / np.sqrt(N))
    for factor, groups in both[0].groups.items():
        own = both[1].groups[factor]
        spread = (groups["upper"] - groups["lower"]) / 3.92
        assert (np.abs(groups["replicated"] - own["replicated"]) < 8.0 * spread / np.sqrt(N)).all()


def test_parts_do_not_matter_to_what_is_observed() -> None:
    frame = made()
    fit = hb.Model("y ~ x + (1 | g)", data=Pieces(frame, (1, 2, 300))).reml()
    kept = hb.predictive_check(fit, n=20, seed=2, groups="kept")
    again = hb.predictive_check(fit, n=20, seed=2, groups="kept")
    pd.testing.assert_frame_equal(kept.draws, again.draws)
    memory = hb.predictive_check(hb.Model("y ~ x + (1 | g)", frame).reml(), n=20, seed=2)
    pd.testing.assert_series_equal(kept.observed, memory.observed, rtol=1e-9)


def test_what_needs_all_rows_is_refused() -> None:
    frame = made()
    fit = hb.Model("y ~ x + (1 | g)", data=Pieces(frame, (300,))).reml()
    with pytest.raises(hb.InferenceError, match="these stream: leave them out, or fit a frame"):
        hb.predictive_check(fit, {"median": np.median}, n=5)
    with pytest.raises(hb.DataError, match=r"of at most 2\.1: ask for fewer, n=\.\.\."):
        hb.predictive_check(fit, n=20_000_000)


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "correlated": ("y ~ x + (1 | g)", {"residual": hr.AR1("week") * hr.Strata("kind")}),
    "unequal": ("y ~ x + (1 | g)", {"residual": hr.Strata("kind"), "counts": "times"}),
    "binary": ("yes ~ round + (1 | g)", {"family": "bernoulli", "counts": "times"}),
    "shares": ("yes | trials(times) ~ round + (1 + round | g)", {"family": "binomial"}),
    "counts": ("count ~ round + (1 | g)", {"family": "poisson"}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_errors_with_a_structure_and_other_families_are_of_the_law_of_the_frame(name: str) -> None:
    frame = made().dropna()
    rng = np.random.default_rng(1)
    frame = frame.assign(
        week=frame.groupby("g").cumcount(), round=frame["x"].round(), yes=(frame["y"] > 2) * 1,
        times=1 + frame["times"], count=rng.poisson(np.exp(0.4 * frame["x"])),
    )  # fmt: skip
    formula, words = OTHERS[name]
    models = [hb.Model(formula, data=data, **words) for data in (frame, in_pieces(frame, 2))]
    fits = [model.ml() for model in models]
    memory, stream = (hb.predictive_check(fit, n=N, seed=1) for fit in fits)
    pd.testing.assert_series_equal(stream.observed, memory.observed, rtol=1e-8)
    mine, theirs = stream.frame, memory.frame
    error = np.sqrt((mine["sd"] ** 2 + theirs["sd"] ** 2) / N)
    assert (np.abs(mine["mean"] - theirs["mean"]) <= 6.0 * error).all()
    spread = (theirs["sd"] > 0.0) & (
        ~theirs.index.get_level_values(1).isin(["smallest", "largest"])
    )
    found = np.log(mine["sd"] / theirs["sd"])[spread]
    np.testing.assert_allclose(found, 0.0, atol=6.0 / np.sqrt(N))
