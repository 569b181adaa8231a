"""Both sides of the thresholds at which a verdict turns, on values made for it."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from hierbayes.design.basis import Basis
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.estimation.climb import Search
from hierbayes.fit import diagnosis, sampler_diagnosis
from hierbayes.fit.convergence import objection
from hierbayes.fit.degrees_of_freedom.satterthwaite import SatterthwaiteParts
from hierbayes.inference.influence.rules import InfluenceTables, findings, limits
from hierbayes.likelihood.reading import REML
from hierbayes.studies.comparison.effect_labels import EffectLabels
from hierbayes.studies.comparison.fit_pair import Side
from hierbayes.studies.comparison.reasons import _few_groups
from hierbayes.studies.estimators.verdicts import _robust
from hierbayes.studies.sensitivity.support import _margin

# ---------------------------------------------------------------- few groups


@pytest.mark.parametrize(("df", "answer"), [(4.99, "with care"), (5.0, "yes"), (5.01, "yes")])
def test_cr2_with_few_degrees_of_freedom(df: float, answer: str) -> None:
    pooled: Any = SimpleNamespace(
        further={"Quantities with CR2": pd.DataFrame({"df": [30.0, df], "se": [1.0, 1.0]})}
    )
    found, reason = _robust(pooled)
    assert found == answer
    assert ("fewer than 5" in reason) == (answer == "with care")


@pytest.mark.parametrize(("J", "few"), [(19, True), (20, True), (21, False)])
@pytest.mark.parametrize(("skew", "long"), [(0.101, True), (0.099, False)])
def test_few_groups_as_a_reason(J: int, few: bool, skew: float, long: bool) -> None:
    """The mean lies `skew` posterior sds above the median."""
    index = pd.MultiIndex.from_tuples([("sd", "Intercept")])
    row = {"estimate": 1.0 + 0.5 * skew, "median": 1.0, "se": 0.5}
    design = SimpleNamespace(factors=[SimpleNamespace(J=J)], spans=[slice(0, 1)])
    fit: Any = SimpleNamespace(design=design)
    labels = EffectLabels(("Intercept",), ("g",), ("icc",))
    side = Side("posterior", fit, labels, pd.DataFrame(row, index=index), pd.DataFrame())
    pair: Any = SimpleNamespace(first=side, posterior=side)
    text = _few_groups(pair, "sd", "Intercept")
    assert (text is not None) == (few and long)


@pytest.mark.parametrize(
    ("blocks", "free"), [((1,), 1), ((2,), 3), ((1, 1), 2), ((3,), 6)], ids=str
)
def test_few_groups_for_one_search(blocks: tuple[int, ...], free: int) -> None:
    """Five for each free entry of λ are enough."""
    q = sum(blocks)
    for J, few in ((5 * free - 1, True), (5 * free, False)):
        R = np.tile(np.eye(q), (J, 1, 1))
        cross = CrossProducts(
            R, np.zeros((J, q, 2)), np.eye(2), np.full(J, 9.0), pd.RangeIndex(J), cast(Basis, None)
        )
        assert Search(cross, blocks, REML).of_few_groups.any() == few


# ---------------------------------------------------------------- influence


def tables(**changes: Any) -> InfluenceTables:
    """Twenty-five cases, two fixed columns, nothing remarkable but for what is changed."""
    m = 25
    frame = pd.DataFrame(
        {"cook": 0.0, "covratio": 1.0, "method": "exact", "singular": False, "reason": ""},
        index=pd.RangeIndex(m, name="case"),
    )
    dfbetas = pd.DataFrame(0.0, index=frame.index, columns=["Intercept", "x"])
    t = pd.DataFrame({"x": np.full(m, changes.get("usual_t", 5.0))}, index=frame.index)
    variance = pd.DataFrame({"sd(x)": 2.0, "corr(x, z)": 0.3}, index=frame.index)
    for name, column, value in (
        ("cook", "cook", changes.get("cook")),
        ("covratio", "covratio", changes.get("covratio")),
    ):
        if name in changes:
            frame.loc[7, column] = value
    if "dfbetas" in changes:
        frame.loc[7, "cook"] = 1.0
        dfbetas.loc[7, "x"] = changes["dfbetas"]
    if "t" in changes:
        t.loc[7, "x"] = changes["t"]
    if "sd" in changes:
        variance.loc[7, "sd(x)"] = changes["sd"]
    if "corr" in changes:
        variance.loc[7, "corr(x, z)"] = changes["corr"]
    full = pd.Series({"sd(x)": 2.0, "corr(x, z)": 0.3})
    full_t = pd.Series({"x": changes.get("usual_t", 5.0)})
    return InfluenceTables("g", frame, dfbetas, t, variance, full_t, full, False)


def said(**changes: Any) -> str:
    return "\n".join(findings(tables(**changes), limits(25, 2)))


@pytest.mark.parametrize(
    ("changes", "words", "expected"),
    [
        ({"cook": 0.161}, "1 of 25 cases (g) has a Cook's", True),  # 4/25
        ({"cook": 0.159}, "1 of 25 cases (g) has a Cook's", False),
        ({"covratio": 1.241}, ", 1 a COVRATIO off", True),  # 3·2/25
        ({"covratio": 1.239}, ", 1 a COVRATIO off", False),
        ({"covratio": 0.759}, ", 1 a COVRATIO off", True),
        ({"covratio": 0.761}, ", 1 a COVRATIO off", False),
        ({"dfbetas": 0.401}, "it moves 'x' by +0.40", True),  # 2/√25
        ({"dfbetas": -0.401}, "it moves 'x' by -0.40", True),
        ({"dfbetas": 0.399}, "no coefficient alone moves far", True),
        ({"dfbetas": -0.399}, "no coefficient alone moves far", True),
        ({"sd": 2.201}, "sd(x) answers most to g 7", True),  # a tenth of 2
        ({"sd": 2.199}, "sd(x) answers", False),
        ({"sd": 1.799}, "sd(x) answers most to g 7", True),
        ({"corr": 0.401}, "corr(x, z) answers most to g 7", True),
        ({"corr": 0.399}, "corr(x, z) answers", False),
        ({"t": 1.99}, "the t-value of 'x', +5.00, crosses 2", True),
        ({"t": 2.01}, "the t-value", False),
        ({"usual_t": 1.99, "t": 2.01}, "the t-value of 'x', +1.99, crosses 2", True),
        ({"usual_t": 1.99, "t": 1.5}, "the t-value", False),
    ],
    ids=str,
)
def test_influence(changes: dict[str, float], words: str, expected: bool) -> None:
    assert (words in said(**changes)) == expected


# ---------------------------------------------------------------- degrees of freedom


@pytest.mark.parametrize("least", [1.9, 2.0, 2.001, 2.2])
def test_joint_degrees_of_freedom_where_a_t_squared_has_no_mean(least: float) -> None:
    """Two independent contrasts with `least` and 10 degrees of freedom: df = 2/slope²."""
    slopes = np.zeros((2, 2, 2))
    slopes[0, 0, 0], slopes[1, 1, 1] = np.sqrt(2.0 / least), np.sqrt(2.0 / 10.0) * 2.0
    parts = SatterthwaiteParts(np.diag([1.0, 2.0]), slopes, np.eye(2), (1,))
    df = parts.joint_df(np.eye(2))
    if least <= 2.0:
        assert df == 2.0
    else:
        mean = least / (least - 2.0) + 10.0 / 8.0
        assert df == pytest.approx(2.0 * mean / (mean - 2.0), rel=1e-9)
        assert df > 2.0


# ---------------------------------------------------------------- a sampler


def diagnosed(
    monkeypatch: pytest.MonkeyPatch, *, r_hat: float = 1.0, bulk: float = 4000.0,
    tail: float = 4000.0, bfmi: float = 1.0, diverging: int = 0, draws: int = 1000,
) -> diagnosis.Diagnosis:  # fmt: skip
    """The verdict on four chains of so many draws with these numbers."""
    table = pd.DataFrame(
        {"r_hat": [1.0, r_hat], "ess_bulk": [4000.0, bulk], "ess_tail": [4000.0, tail]},
        index=pd.MultiIndex.from_tuples(
            [("gamma", "x"), ("sigma", "sigma")], names=["block", "name"]
        ),
    )
    monkeypatch.setattr(sampler_diagnosis, "convergence_table", lambda _fit: table)
    monkeypatch.setattr(sampler_diagnosis, "_bfmi", lambda _evidence: np.array([1.0, bfmi]))
    monkeypatch.setattr(sampler_diagnosis, "undetermined_findings", lambda _fit, _what: [])
    monkeypatch.setattr(sampler_diagnosis, "of_data", lambda _fit: [])
    names = pd.MultiIndex.from_tuples([("sd", "x"), ("sigma", "sigma")])
    every = np.arange(4 * draws)
    ranks = np.stack([every, every * 7 % len(every)], axis=-1).astype(float)
    drawn = (names, ranks.reshape(4, draws, 2))
    monkeypatch.setattr(sampler_diagnosis, "scalar_draws", lambda _fit, **_: drawn)
    z = SimpleNamespace(shift=np.zeros(1), spread=np.ones(1))
    fit: Any = SimpleNamespace(
        theta=SimpleNamespace(sigma=np.ones((4, draws))),
        design=SimpleNamespace(factors=[], spans=[]),
        problem=SimpleNamespace(working=SimpleNamespace(basis=SimpleNamespace(z=z))),
    )
    flags = every.reshape(4, draws) < diverging
    settings = SimpleNamespace(target_accept=0.9)
    evidence: Any = SimpleNamespace(stats={"diverging": flags}, settings=settings, k_hat=None)
    return sampler_diagnosis.diagnose_sampler(fit, evidence, [])


@pytest.mark.parametrize(
    ("numbers", "ok", "words"),
    [
        ({"r_hat": 1.0099}, True, "chains agree"),
        ({"r_hat": 1.01}, True, "chains agree"),
        ({"r_hat": 1.0101}, False, "chains disagree: R-hat of ('sigma', 'sigma')"),
        ({"bulk": 400.0}, True, "bulk 400, tail 4000 (wanted 400)"),
        ({"bulk": 399.0}, False, "bulk 399, tail 4000 (wanted 400)"),
        ({"tail": 400.0}, True, "bulk 4000, tail 400 (wanted 400)"),
        ({"tail": 399.0}, False, "bulk 4000, tail 399 (wanted 400)"),
        ({"bfmi": 0.301}, True, "BFMI is 0.30"),
        ({"bfmi": 0.299}, False, "BFMI is 0.30"),
        (
            {"diverging": 4},
            True,
            "4 divergences in 4000 draws, where sd(x) is small (about 1.5); "
            "sample with target_accept above 0.9",
        ),
        ({"diverging": 5}, False, "5 divergences in 4000 draws"),
        ({"diverging": 20, "draws": 5000}, True, "20 divergences in 20000 draws"),
        ({"diverging": 21, "draws": 5000}, False, "21 divergences in 20000 draws"),
        ({"diverging": 1598}, False, "1598 divergences in 4000 draws, where sd(x) is small"),
        ({"diverging": 1604}, False, "1604 divergences in 4000 draws, in no one region"),
        ({"diverging": 4000}, False, "4000 divergences in 4000 draws, in no one region"),
    ],
    ids=str,
)
def test_a_sampler(
    numbers: dict[str, Any], ok: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = diagnosed(monkeypatch, **numbers)
    assert found.ok == ok
    assert any(words in finding for finding in found.findings)


def test_few_divergences_are_a_caution(monkeypatch: pytest.MonkeyPatch) -> None:
    assert diagnosed(monkeypatch).verdict == "Sampling went well."
    few = diagnosed(monkeypatch, diverging=2).verdict
    assert few == "These draws can be used; look at this first:"
    many = diagnosed(monkeypatch, diverging=40).verdict
    assert many == "Do not use these draws before mending this:"


@pytest.mark.parametrize(
    ("r_hat", "diverging", "said"),
    [
        (1.0, 20, ""),
        (1.0, 21, "21 divergences in 20000 draws"),
        (1.0099, 0, ""),
        (1.0101, 0, "chains disagree (R-hat 1.01)"),
    ],
)
def test_draws_that_cannot_be_used(r_hat: float, diverging: int, said: str) -> None:
    assert objection(r_hat, diverging, 20_000) == said


@pytest.mark.parametrize(
    ("r_hat", "said"), [(1.0499, ""), (1.0501, "chains disagree (R-hat 1.05)")]
)
def test_draws_of_independent_proposals(r_hat: float, said: str) -> None:
    assert objection(r_hat, 0, 4000, k_hat=0.1) == said


# ---------------------------------------------------------------- a maximum


@pytest.mark.parametrize(
    ("numbers", "ok"),
    [
        ({"gradient": 0.99e-4}, True),
        ({"gradient": 1.01e-4}, False),
        ({"ascent": 0.99e-6}, True),
        ({"ascent": 1.01e-6}, False),
        ({"ascent": 1.0, "name": "MAP"}, True),
        ({"ratio": 0.99e7}, True),
        ({"ratio": 1.01e7}, False),
    ],
    ids=str,
)
def test_a_maximum(numbers: dict[str, Any], ok: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "undetermined_findings", lambda _fit, _what: [])
    monkeypatch.setattr(diagnosis, "of_data", lambda _fit: [])
    root = np.array([[[[numbers.get("ratio", 1.0)]]]])
    fit: Any = SimpleNamespace(
        theta=SimpleNamespace(relative=lambda _basis: root),
        problem=SimpleNamespace(products=SimpleNamespace(basis=None)),
    )
    monkeypatch.setattr(diagnosis, "left_within", lambda _cross: (1.0, 1.0))
    usual = {"name": "REML", "gradient": 0.0, "ascent": 0.0, "value": -1.0}
    made = usual | {key: value for key, value in numbers.items() if key != "ratio"}
    evidence: Any = SimpleNamespace(**made, singular=False, evaluations=1)
    assert diagnosis.diagnose_maximum(fit, evidence, []).ok == ok


# ---------------------------------------------------------------- rounding


def test_rounding_of_an_end_of_a_prior() -> None:
    """Of an end, or of 1 where that is smaller; an end at infinity has none."""
    assert _margin(0.0) == _margin(-0.5) == pytest.approx(2e-8)
    assert _margin(-100.0) == pytest.approx(2e-6)
    assert _margin(np.inf) == 0.0
