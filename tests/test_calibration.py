"""Calibration and power: what is counted, tested, kept and refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.likelihood.theta import Theta
from hierbayes.studies.calibration import workers
from hierbayes.studies.calibration.calibration import Calibration, wilson
from hierbayes.studies.calibration.curves import crossing, monotone
from hierbayes.studies.calibration.designs import Size, resized
from hierbayes.studies.calibration.estimates import true_values
from hierbayes.studies.calibration.new_data import DataSource
from hierbayes.studies.calibration.rank_tests import chi_square, ecdf_p, envelope, points_of
from hierbayes.studies.calibration.ranks import DRAWS, ranks_among
from hierbayes.studies.calibration.truths import Truth
from tests import family_fits

ROOT = Path(__file__).parents[1]
TRUTH: dict[str, Any] = {"gamma": [1.0, 0.5], "G": 1.0, "sigma": 1.0}
PRIORS: dict[str, Any] = {
    "gamma": hb.Normal(0, 1), "sd": hb.HalfNormal(1), "sigma": hb.HalfNormal(1),
}  # fmt: skip


def data(J: int = 8, n: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(J), n)
    w = np.repeat(np.arange(J) % 2, n)
    return pd.DataFrame({"g": g, "w": w, "x": rng.normal(size=J * n), "y": rng.normal(size=J * n)})


@pytest.fixture(scope="module")
def model() -> hb.Model:
    return hb.Model("y ~ x + (1 | g)", data=data(), priors=PRIORS)


# ---------------------------------------------------------------- tests of ranks


def test_the_probability_of_an_ecdf_is_exact_over_all_ranks() -> None:
    every = [np.array(one) for one in product(range(5), repeat=3)]
    p = np.array([ecdf_p(ranks, 4) for ranks in every])
    for value in np.unique(p):
        assert np.mean(p <= value + 1e-9) == pytest.approx(value, abs=1e-9)


def test_an_envelope_holds_uniform_ranks_as_often_as_it_says() -> None:
    low, high = envelope(3, 4, 0.8)
    points = points_of(4)
    inside = []
    for one in product(range(5), repeat=3):
        below = (np.array(one)[:, None] < points).sum(axis=0)
        inside.append(bool(((low <= below) & (below <= high)).all()))
    assert 0.8 <= np.mean(inside) < 1.0


def test_chi_square_of_ranks() -> None:
    assert chi_square(np.arange(100), 99) == (0.0, 19, 1.0)
    value, df, p = chi_square(np.repeat([0, 99], 250), 99)
    assert (value, df) == (4500.0, 19)  # 2 (250 − 25)²/25 + 18 · 25
    assert p < 1e-100
    assert chi_square(np.arange(9), 99)[1] == 0  # too few to be counted in bins


def shrunk(share: float, shift: float = 0.0) -> np.ndarray:
    """Ranks of 500 truths, evenly spread, among draws of a posterior of other width or centre."""
    truth = stats.norm.ppf((np.arange(500) + 0.5) / 500)
    return np.floor((DRAWS + 1) * stats.norm.cdf((truth - shift) / share)).astype(np.intp)


def test_wrong_samplers_are_caught_and_right_ones_are_not() -> None:
    right = shrunk(1.0)
    assert ecdf_p(right, DRAWS) > 0.999
    assert chi_square(right, DRAWS)[2] > 0.999
    for wrong in (shrunk(0.7), shrunk(1.0, 0.4)):
        assert ecdf_p(wrong, DRAWS) < 1e-6
        assert chi_square(wrong, DRAWS)[2] < 1e-6
    low, high = envelope(500, DRAWS, 0.95)
    below = np.searchsorted(np.sort(shrunk(0.7)), points_of(DRAWS))
    assert ((below < low) | (below > high)).any()


def test_ranks_count_draws_below_and_split_ties() -> None:
    draws = np.array([[1.0, 2.0], [2.0, 2.0], [3.0, 2.0]])
    found = ranks_among(draws, np.array([2.5, 2.0]), np.random.default_rng(1))
    assert found[0] == 2
    assert 0 <= found[1] <= 3


# ---------------------------------------------------------------- coverage


def test_coverage_bias_and_width_of_stated_intervals() -> None:
    index = pd.MultiIndex.from_product(
        [["as the data"], ["reml"], range(4), ["sd"], ["Intercept"]],
        names=["groups", "method", "replication", "block", "parameter"],
    )
    estimates = pd.DataFrame(
        {"truth": 1.0, "lower": [0.0, 1.5, 0.5, np.nan], "estimate": [1.0, 2.0, 1.0, 0.0],
         "upper": [2.0, 2.5, 1.5, np.nan]}, index=index,
    )  # fmt: skip
    found = Calibration((), estimates, pd.DataFrame(), pd.DataFrame(), (), 0.95, 1)
    row = found.coverage.iloc[0]
    assert row["coverage"] == pytest.approx(2 / 3)
    assert (row["bias"], row["width"], row["sets"], row["without"]) == (0.0, 4 / 3, 3, 1)
    assert row["rmse"] == pytest.approx(np.sqrt(0.5))
    assert row["bias mcse"] == pytest.approx(np.sqrt(2 / 3) / 2)
    assert "up to 1 data sets have no limits" in found.findings[-1]


def test_wilson_limits_solve_their_quadratic() -> None:
    low, high = wilson(np.array([0.8]), np.array([50]))
    z = stats.norm.ppf(0.975)
    for end in (low[0], high[0]):
        assert abs(end - 0.8) == pytest.approx(z * np.sqrt(end * (1 - end) / 50))


@pytest.mark.slow
def test_posteriors_are_calibrated_and_a_wrong_prior_is_caught(model: hb.Model) -> None:
    right = hb.calibrate(model, replications=15, seed=3, cores=1, progress=False)
    assert right.smallest_p > 1e-6
    assert set(right.engines.index.get_level_values("engine")) <= {"importance sampling", "NUTS"}
    assert right.engines["sets"].sum() == 15
    wrong = hb.Model("y ~ x + (1 | g)", data=data(), priors=PRIORS | {"gamma": hb.Normal(30, 1)})
    caught = hb.calibrate(wrong, model, replications=12, seed=3, cores=1, progress=False)
    assert caught.smallest_p < 1e-6
    assert caught.findings[0].startswith("ranks are not uniform")
    assert "ranks are not uniform" in caught._repr_html_()


def test_data_are_made_from_the_truth_on_the_same_rows(model: hb.Model) -> None:
    """With σ and G next to nothing the response is the fixed part, and u is that of the rows."""
    problem = model.problem
    truth = Truth(np.array([2.0, -1.0]), Theta.of(np.array([[3.0]]), 1e-6), np.array([1e-6]))
    drawn = DataSource(problem).draw(truth, np.random.default_rng(1))
    cross, basis = drawn.problem.cross, problem.cross.basis
    y = problem.design.rows.X @ truth.gamma + drawn.us[0][problem.design.rows.codes, 0]
    inner = (y - basis.center) / basis.scale
    columns, _ = basis.internal_rows(problem.design.rows.X, problem.design.rows.Z, y)
    assert inner.shape == y.shape
    assert pytest.approx(columns.T @ columns, rel=1e-4, abs=1e-4) == cross.C
    assert true_values(problem, truth).tolist() == [2.0, -1.0, 3.0, 1e-6]


@pytest.mark.slow
def test_families_are_calibrated() -> None:
    fit = family_fits.bernoulli()
    found = hb.calibrate(family_fits.MODEL, fit, replications=2, seed=1, progress=False)
    assert found.coverage["sets"].min() >= 0
    assert set(found.engines.index.get_level_values("method")) == {"ml"}


def test_several_factors_are_calibrated() -> None:
    rng = np.random.default_rng(2)
    two = data(6, 6).assign(h=rng.integers(0, 5, 36))
    crossed = hb.Model("y ~ x + (1 | g) + (1 | h)", data=two)
    truth = TRUTH | {"G": {"g": 1.0, "h": 0.5}}
    both = hb.calibrate(crossed, truth, replications=2, seed=1, progress=False)
    assert both.estimates["truth"].iloc[:5].tolist() == [
        1.0,
        0.5,
        1.0,
        pytest.approx(np.sqrt(0.5)),
        1.0,
    ]
    with pytest.raises(hb.StudyError, match="groups= of several grouping factors goes by factor"):
        hb.calibrate(crossed, truth, groups=[10])


# ---------------------------------------------------------------- designs


def test_designs_take_every_group_and_row_as_often() -> None:
    model = hb.Model("y ~ x + (1 | g)", data=data())
    problem = resized(model, Size(20, 6), 1)
    assert (problem.design.J, problem.design.n) == (20, 120)
    x, counts = np.unique(problem.design.rows.X[:, 1], return_counts=True)
    assert len(x) == 32
    assert set(counts) <= {2, 3, 4, 5, 6}
    assert resized(model, Size(None, None), 1) is model.problem


# ---------------------------------------------------------------- runs that stop


def test_a_run_goes_on_where_it_was(model: hb.Model, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = hb.calibrate(model, TRUTH, replications=3, seed=7, file=path, progress=False)
    with path.open("ab") as file:
        file.write(b'{"design": "as the da')  # a line that was being written
    more = hb.calibrate(model, TRUTH, replications=5, file=path, progress=False)
    whole = hb.calibrate(model, TRUTH, replications=5, seed=7, progress=False)
    assert more.seed == 7
    pd.testing.assert_frame_equal(more.estimates, whole.estimates)
    pd.testing.assert_frame_equal(first.estimates, whole.estimates.loc[first.estimates.index])
    assert len(path.read_text().splitlines()) == 6
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_files_of_other_runs_are_refused(model: hb.Model, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    hb.calibrate(model, TRUTH, replications=1, seed=7, file=path, progress=False)
    before = path.read_bytes()
    asked: list[tuple[Callable[[], Any], str]] = [
        (lambda: hb.calibrate(model, TRUTH, prob=0.9, file=path), "its prob is not the same"),
        (lambda: hb.calibrate(model, TRUTH, seed=8, file=path), "its seed is not the same"),
        (lambda: hb.calibrate(model, TRUTH | {"sigma": 2.0}, file=path), "its truth is not"),
        (lambda: hb.power(model, ["x"], TRUTH, file=path), "its test is not the same"),
    ]
    for ask, words in asked:
        with pytest.raises(hb.StudyError, match=words):
            ask()
    assert path.read_bytes() == before
    foreign = tmp_path / "notes.txt"
    foreign.write_text("mine")
    with pytest.raises(hb.StudyError, match=r"notes\.txt is no file of such a run"):
        hb.calibrate(model, TRUTH, file=foreign)
    assert foreign.read_text() == "mine"
    path.write_bytes(before + b"nothing\n")
    with pytest.raises(hb.StudyError, match="damaged at line 3"):
        hb.calibrate(model, TRUTH, file=path)
    with pytest.raises(hb.StudyError, match="cannot write"):
        hb.calibrate(model, TRUTH, file=tmp_path / "no" / "run.jsonl")


KILLED = """
import os, sys
import hierbayes as hb
from hierbayes.studies.calibration import run_file
from tests.test_calibration import TRUTH, data
append = run_file.RunFile.append
def killed(self, name, place, found):
    append(self, name, place, found)
    if len(self.found) == 3:
        os.kill(os.getpid(), 9)
run_file.RunFile.append = killed
model = hb.Model("y ~ x + (1 | g)", data=data())
hb.calibrate(model, TRUTH, replications=6, seed=7, file=sys.argv[1], progress=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
def test_a_killed_run_keeps_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is done in a process of its own, and is the same."""
    path = tmp_path / "run.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(path.read_text().splitlines()) == 4
    model = hb.Model("y ~ x + (1 | g)", data=data())
    whole = hb.calibrate(model, TRUTH, replications=6, seed=7, cores=1, progress=False)
    began: list[int] = []
    start = workers._start

    def counted(task: Any, todo: Any, lines: Any) -> Any:
        began.append(len(todo))
        return start(task, todo, lines)

    monkeypatch.setattr(workers, "_first_ones", lambda task, todo, *_, **__: todo)
    monkeypatch.setattr(workers, "_start", counted)
    again = hb.calibrate(model, TRUTH, replications=6, file=path, cores=1, progress=False)
    assert began == [3]
    pd.testing.assert_frame_equal(again.estimates, whole.estimates)


def test_an_error_in_a_replication_is_told(
    model: hb.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> dict[str, Any]:
        raise hb.EstimationError("no start with a finite density")

    monkeypatch.setattr("hierbayes.studies.calibration.estimates.maximum_likelihood", fails)
    found = hb.calibrate(model, TRUTH, replications=2, seed=1, progress=False)
    assert found.failures == ("reml failed: no start with a finite density",)
    assert found.engines["failed"].tolist() == [2]
    assert "no start with a finite density" in str(found)


# ---------------------------------------------------------------- power


@pytest.mark.slow
def test_power_of_a_balanced_design_is_that_of_its_t() -> None:
    """Between groups, with groups that differ much, REML's test is the t of group means."""
    model = hb.Model("y ~ w + (1 | g)", data=data(16, 4))
    truth = dict(gamma=[0.0, 3.5], G=4.0, sigma=1.0)
    found = hb.power(model, ["w"], truth, replications=150, seed=1, cores=1, progress=False)
    shift, df = 3.5 / np.sqrt((4.0 + 1.0 / 4) * (2 / 8)), 14
    limit = stats.t.ppf(0.975, df)
    exact = stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift)
    row = found.table.iloc[0]
    assert abs(row["power"] - exact) < 5.0 * np.sqrt(exact * (1.0 - exact) / 150)
    assert row["rows in all"] == 64
    assert f"power {row['power']:.3f}" in str(found)


def test_curves_are_monotone_and_crossed_between_designs() -> None:
    groups = np.array([16.0, 36.0, 64.0])
    smooth = monotone(np.array([0.2, 0.6, 1.0]), np.ones(3), rising=True)
    assert crossing(groups, smooth, 0.4, rising=True) == pytest.approx(25.0)
    assert crossing(groups, smooth, 0.1, rising=True) == -np.inf
    assert crossing(groups, smooth, 1.1, rising=True) == np.inf
    falling = monotone(np.array([3.0, 1.0, 1.5]), np.ones(3), rising=False)
    assert falling.tolist() == [3.0, 1.25, 1.25]
    assert crossing(groups, falling, 2.125, rising=False) == pytest.approx(25.0)


def power_study() -> hb.PowerStudy:
    """Two sizes of groups, three numbers: 2, 5 and 8 (then 5, 8, 10) of ten reject."""
    counts = {(16, 5): 2, (36, 5): 5, (64, 5): 8, (16, 20): 5, (36, 20): 8, (64, 20): 10}
    parts = {
        key: pd.DataFrame({
            "truth": 1.0, "estimate": 1.0, "half width": 8.0 / np.sqrt(key[0]) + np.arange(10) % 2,
            "p": np.where(np.arange(10) < k, 0.01, 0.5), "singular": False, "failed": False,
        }).rename_axis("replication")
        for key, k in counts.items()
    }  # fmt: skip
    index = pd.MultiIndex.from_tuples(list(counts), names=["groups", "rows"])
    rows = pd.Series([J * n for J, n in counts], index=index, name="rows in all")
    frames = pd.concat(parts, names=["groups", "rows"])
    return hb.PowerStudy("Power", ("Model:  y",), frames, rows, 0.05, False, (), 1)


def test_the_smallest_design_is_read_from_the_curve() -> None:
    study = power_study()
    assert study.table["power"].tolist() == [0.2, 0.5, 0.8, 0.5, 0.8, 1.0]
    found = study.smallest(power=0.65)
    assert found["groups"].tolist() == [49, 25]
    assert found["rows in all"].tolist() == [245, 500]
    assert (found["low"] <= found["groups"]).all()
    precise = study.smallest(half_width=8.0 / 6.0 + 0.5)
    assert precise["groups"].tolist() == [36, 36]
    assert study.smallest(power=0.9)["groups"].isna().tolist() == [True, False]
    assert "power 0.8 needs 36 groups, 20 rows each" in str(study)
    assert "<table" in study._repr_html_()


def test_assurance_averages_over_a_posterior(model: hb.Model, small_posterior: hb.PosteriorFit,
                                             small: hb.Model) -> None:  # fmt: skip
    found = hb.power(small, ["x"], small_posterior, replications=3, seed=1, progress=False)
    assert found.title.startswith("Assurance of a test at level 0.05, REML")
    assert found.replications["truth"].nunique() == 3
    assert np.isin(found.replications["truth"], small_posterior.gamma_draws[..., 1]).all()


# ---------------------------------------------------------------- pictures


def ranked(ranks: np.ndarray) -> Calibration:
    """A calibration of stated ranks of one quantity."""
    index = pd.MultiIndex.from_product(
        [["as the data"], range(len(ranks))], names=["groups", "replication"]
    )
    columns = pd.MultiIndex.from_tuples([("sd", "x")], names=["block", "quantity"])
    frame = pd.DataFrame(ranks[:, None], index=index, columns=columns)
    return Calibration((), pd.DataFrame(), frame, pd.DataFrame(), (), 0.95, 1)


@pytest.mark.slow
def test_the_picture_of_ranks_has_their_ecdf_less_uniform() -> None:
    frame = hb.plots.rank_ecdf_frame(ranked(shrunk(1.0)))
    assert frame.ecdf["quantity"].unique().tolist() == ["sd(x)"]
    assert frame.ecdf["difference"].abs().max() < 1e-12
    assert (frame.envelope["lower"] < 0.0).all() and (frame.envelope["upper"] > 0.0).all()
    wrong = hb.plots.rank_ecdf_frame(ranked(shrunk(0.7)))
    assert wrong.ecdf["difference"].max() > frame.envelope["upper"].max()
    assert hb.plots.plot_rank_ecdf(ranked(shrunk(0.7))).axes[0].get_title("left") == "sd(x)"
    with pytest.raises(hb.StudyError, match=r"no ranks of 'x'; they are of: 'sd\(x\)'"):
        hb.plots.rank_ecdf_frame(ranked(shrunk(1.0)), ["x"])


def test_the_picture_of_coverage_has_its_table(model: hb.Model) -> None:
    found = hb.calibrate(model, TRUTH, replications=4, seed=2, progress=False)
    frame = hb.plots.coverage_frame(found)
    shares = found.coverage.loc[found.coverage["sets"] > 0, "coverage"]
    assert frame.table["coverage"].tolist() == shares.tolist()
    panel = hb.plots.plot_coverage(found).axes[0]
    assert [tick.get_text() for tick in panel.get_yticklabels()][:2] == ["Intercept", "x"]
    with pytest.raises(hb.StudyError, match="this calibration has no ranks"):
        hb.plots.plot_rank_ecdf(found)


def test_the_picture_of_power_has_its_curve() -> None:
    study = power_study()
    frame = hb.plots.power_curve_frame(study)
    assert frame.wanted == 0.8
    assert frame.curve["curve"].tolist() == study.curve()["curve"].tolist()
    panel = hb.plots.plot_power_curve(study, "half width", wanted=1.0).axes[0]
    assert panel.get_ylabel() == "half width of the interval"


# ---------------------------------------------------------------- what is refused


REFUSED: dict[str, tuple[Callable[[hb.Model], Any], str]] = {
    "no model": (lambda m: hb.calibrate(3), "takes a model, and this is of type int"),  # type: ignore[arg-type]
    "truth": (lambda m: hb.calibrate(m, "posterior"), "truth of calibrate"),
    "values": (lambda m: hb.calibrate(m, {"beta": 1}), "truth has 'beta'; it takes: 'gamma'"),
    "gamma": (lambda m: hb.calibrate(m, TRUTH | {"gamma": [1.0]}), "gamma must have 2 values"),
    "other": (
        lambda m: hb.calibrate(m, hb.Model("y ~ x + w + (1 | g)", data=data())),
        "truth is of a model with other terms",
    ),
    "no errors": (
        lambda m: hb.calibrate(m, TRUTH | {"residual": {"phi": 0.5}}),
        "truth has 'residual'; it takes: 'gamma', 'G', 'sigma', 'phi'",
    ),
    "method": (lambda m: hb.calibrate(m, TRUTH, methods="mcmc"), "methods are some of 'reml'"),
    "draws": (lambda m: hb.calibrate(m, draws=50), "draws must be at least 200"),
    "sampler": (lambda m: hb.calibrate(m, sampler="hmc"), "sampler must be one of 'auto'"),
    "effects": (lambda m: hb.calibrate(m, effects=-1), "effects must be a whole number"),
    "refits": (lambda m: hb.calibrate(m, TRUTH, refits=1), "refits must be at least 2"),
    "groups": (lambda m: hb.calibrate(m, TRUTH, groups=[1]), "whole numbers of at least 2"),
    "rows": (lambda m: hb.power(m, ["x"], TRUTH, rows=[0]), "rows are whole numbers of at"),
    "both": (lambda m: power_study().smallest(power=0.5, half_width=1.0), "not both"),
    "power": (lambda m: power_study().smallest(power=1.5), "power must lie between 0 and 1"),
    "width": (lambda m: power_study().smallest(half_width=-1), "must be a positive number"),
    "curve": (lambda m: power_study().curve("p"), "a curve is of 'power' or of 'half width'"),
    "bootstrap": (lambda m: hb.power(m, ["x"], TRUTH, method="bootstrap"), "method is one of"),
    "rows of a posterior": (
        lambda m: hb.power(m, None, TRUTH, method="posterior"), "asked about one contrast",
    ),
    "reml": (
        lambda m: hb.calibrate(family_fits.MODEL, methods="reml"), "this is made for Gaussian",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_sense_is_refused(what: str, model: hb.Model) -> None:
    ask, words = REFUSED[what]
    with pytest.raises(hb.StudyError, match=words):
        ask(model)


def test_an_improper_prior_has_no_truths(model: hb.Model) -> None:
    flat = hb.Model("y ~ x + (1 | g)", data=data(), priors=PRIORS | {"gamma": hb.Flat()})
    with pytest.raises(hb.PriorError, match="improper, and nothing can be drawn"):
        hb.calibrate(flat, replications=2)


def test_tasks_take_no_more_than_their_seed(model: hb.Model) -> None:
    """A replication is the same whichever others are done."""
    found = hb.calibrate(model, TRUTH, replications=4, seed=2, progress=False).estimates
    again = hb.calibrate(model, TRUTH, replications=2, seed=2, progress=False).estimates
    pd.testing.assert_frame_equal(again, found.loc[again.index])
