"""Both sides of the thresholds at which a sentence on data, priors or a posterior turns."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import hierbayes as hb
from hierbayes.fit.of_family.diagnosis import _boundless, diagnose_latent
from hierbayes.frames.factor_pairs import FactorPair, factor_pair
from hierbayes.inference.checks.statistics import Groups, Slopes, usual_statistics
from hierbayes.inference.evidence.integral import Points
from hierbayes.inference.evidence.marginal_likelihood import MarginalLikelihood
from hierbayes.inference.model_choice.verdict import advice
from hierbayes.priors.prior_set import PriorSet
from hierbayes.studies.comparison.disagreement import _judged
from hierbayes.studies.comparison.effect_labels import EffectLabels
from hierbayes.studies.comparison.fit_pair import FitPair, Side
from hierbayes.studies.sensitivity.verdict import VerdictBasis, flips, verdict

# ---------------------------------------------------------------- what a prior moves


def basis(
    distance: float = 0.5,
    mcse: float = 0.01,
    movement: float | None = None,
    power: float = 0.0,
    above: float = 0.9,
) -> VerdictBasis:
    """One quantity under one alternative."""
    one = ("alternative",)
    cells = xr.Dataset(
        {
            "block": (one, ["sd"]),
            "distance": (one, [distance]),
            "mcse": (one, [mcse]),
            "movement": (one, [distance if movement is None else movement]),
            "above": (one, [above]),
            "above_mcse": (one, [0.01]),
            "decision": (one, [0.0]),
        },
        coords={"alternative": ["wide"]},
        attrs={"tail": 0.025},
    )
    before = xr.Dataset({"sd": 1.0, "mean": 0.0, "decision": 0.0, "lower": -2.0, "upper": 2.0})
    scaled = pd.Series({"sd": power, "all priors": 1.0, "likelihood": 1.0, "diagnosis": "-"})
    return VerdictBasis(cells, before, scaled, pd.Series({"REML": 0.0}), None)


@pytest.mark.parametrize(
    ("of", "start"),
    [
        (basis(0.249), "robust: no prior tried moves it by more than 0.25 sd"),
        (basis(0.251), "depends on the prior of sd: 'wide' moves it by +0.25 ± 0.01 sd"),
        (basis(0.999), "depends on the prior of sd"),
        (basis(1.001), "decided by the prior of sd"),
        (basis(0.26, mcse=0.08), "depends on"),  # 3 × 0.08 = 0.24
        (basis(0.26, mcse=0.09), "cannot tell: the Monte Carlo error under 'wide' is 0.09 sd"),
        (basis(0.1, mcse=0.083), "robust: no prior tried moves it beyond Monte Carlo error"),
        (basis(0.1, mcse=0.084), "cannot tell"),
        (basis(0.1, power=0.049), "robust"),
        (basis(0.1, power=0.051), "no prior tried moves it by more than 0.10 sd, but near the "),
    ],
)
def test_a_quantity_under_other_priors(of: VerdictBasis, start: str) -> None:
    assert verdict(of).startswith(start)


@pytest.mark.parametrize(("movement", "said"), [(0.251, False), (0.249, True)])
def test_a_change_of_spread_is_said_where_it_is_noticeable(movement: float, said: bool) -> None:
    assert ("changes its spread" in verdict(basis(0.5, movement=movement))) == said


@pytest.mark.parametrize(("above", "flipped"), [(0.9451, False), (0.9449, True)])
def test_a_decision_within_three_errors_of_its_turn_stays(above: float, flipped: bool) -> None:
    """It turns at 0.975; P(> reference) has a standard error of 0.01."""
    of = basis(above=above)
    before = of.before.assign(decision=1.0)
    assert bool(flips(of.cells, before).item()) == flipped


# ---------------------------------------------------------------- two fits


@pytest.mark.parametrize(
    ("difference", "mcse", "differs"),
    [(0.31, 0.1, True), (0.29, 0.1, False), (0.101, 0.001, True), (0.099, 0.001, False)],
)
def test_two_estimates_differ(difference: float, mcse: float, differs: bool) -> None:
    """By more than three errors and a tenth of a standard error, which is 1."""
    index = pd.MultiIndex.from_tuples([("gamma", "x")], names=["block", "parameter"])

    def side(name: str, estimate: float, error: float) -> Side:
        table = pd.DataFrame({"estimate": estimate, "mcse": error, "se": 1.0}, index=index)
        labels = EffectLabels(("x",), ("g",), ("icc",))
        fit: Any = object.__new__(hb.PointFit)
        return Side(name, fit, labels, table, table)

    a, b = side("a", 0.0, np.nan), side("b", difference, mcse)
    judged = _judged(FitPair(a, b), {"a": a, "b": b}, "estimates")
    assert bool(judged["differs"].item()) == differs


@pytest.mark.parametrize(("J", "few"), [(49, True), (50, False)])
def test_few_groups_make_a_likelihood_ratio_of_fixed_effects_small(J: int, few: bool) -> None:
    point = SimpleNamespace(singular=False)
    design = SimpleNamespace(
        factors=[SimpleNamespace(J=J)], specification=SimpleNamespace(residual=None)
    )
    problem = SimpleNamespace(design=design)
    big = SimpleNamespace(maximum=point, design=design, problem=problem)
    same = SimpleNamespace(ends=())
    nesting: Any = SimpleNamespace(
        small=big, big=big, effects_gained=0, fixed_gained=1, family=same
    )
    said = advice(nesting, None, 0)
    assert said.startswith("use the p-value of χ²")
    assert (f"with {J} groups it is somewhat too small" in said) == few


# ---------------------------------------------------------------- an integral


@pytest.mark.parametrize(
    ("error", "k_hat", "trusted"),
    [(0.049, np.nan, True), (0.051, np.nan, False), (0.01, 0.69, True), (0.01, 0.71, False)],
)
def test_evidence(error: float, k_hat: float, trusted: bool) -> None:
    problem: Any = None
    priors: PriorSet = problem
    points: Points = problem
    found = MarginalLikelihood(
        -1.0, error, "quadrature", k_hat, pd.DataFrame(), problem, priors, points, np.zeros(1)
    )
    assert found.trusted == trusted


# ---------------------------------------------------------------- data


@pytest.mark.parametrize(("zeros", "shown"), [(10, False), (11, True)])
def test_zeros_are_looked_at_from_two_in_a_hundred(zeros: int, shown: bool) -> None:
    row = np.arange(500)
    data = pd.DataFrame({"y": np.where(row < zeros, 0, 1 + row % 7), "g": row % 10})
    problem = hb.Model("y ~ 1 + (1 | g)", data, family="poisson").problem
    names = [one.name for one in usual_statistics(problem)]
    assert ("share of zeros" in names) == shown


def test_a_group_has_a_slope_from_three_rows_on() -> None:
    codes = np.repeat([0, 1], [2, 3])
    x = np.array([0.0, 1.0, 0.0, 1.0, 2.0])
    assert np.isnan(Slopes.of_column(Groups(codes, 2), x).square).tolist() == [True, False]


@pytest.mark.parametrize(
    ("J", "varies", "suspected"),
    [(100, 5, True), (100, 6, False), (5, 1, True), (4, 1, False), (10, 1, True)],
)
def test_a_variable_of_few_groups_is_suspected(J: int, varies: int, suspected: bool) -> None:
    """Of a twentieth of the groups, or one, where there are five or more."""
    group = np.repeat(np.arange(J), 2)
    x = np.where(np.arange(2 * J) % 2 * (group < varies), 100.0, group)
    found = hb.levels(pd.DataFrame({"g": group, "x": x}), "g")
    note = f"'x' varies in {varies} of {J} groups only"
    assert any(text.startswith(note) for text in found.notes) == suspected


def pair_of(combinations: list[tuple[int, int]], rows: int) -> FactorPair:
    """Of the groups of an inner and an outer factor, whose labels are numbers from 1 on."""
    at = np.array(sorted(set(combinations))).T
    labels = tuple(pd.RangeIndex(1, int(codes.max()) + 2) for codes in at)
    return factor_pair(("class", "school"), (labels[0], labels[1]), (at[0], at[1]), rows)


@pytest.mark.parametrize(("plain", "anew"), [(8, True), (7, False)])
def test_classes_that_most_schools_number_from_one(plain: int, anew: bool) -> None:
    """Eight or seven of ten schools use the first labels, the others the third alone as well."""
    combinations = [(k, j) for j in range(10) for k in ((0, 1) if j < plain else (0, 2))]
    assert bool(pair_of(combinations, 100).anew) == anew


@pytest.mark.parametrize(("rows", "anew"), [(30, True), (29, False)])
def test_labels_of_rows_are_no_classes(rows: int, anew: bool) -> None:
    """Twenty combinations of one and a half rows each, or fewer."""
    combinations = [(k, j) for j in range(10) for k in range(2)]
    assert bool(pair_of(combinations, rows).anew) == anew


@pytest.mark.parametrize(("moved", "named"), [(5, tuple("12345")), (6, ())])
def test_pupils_that_changed_school(moved: int, named: tuple[str, ...]) -> None:
    """Five of a hundred are a twentieth."""
    combinations = [(k, k % 4) for k in range(100)] + [(k, (k + 1) % 4) for k in range(moved)]
    assert pair_of(combinations, 1000).moved == named


# ---------------------------------------------------------------- approximate maxima


@pytest.mark.parametrize(("phi", "boundless"), [(0.99e4, False), (1.01e4, True)])
def test_a_dispersion_without_bound(phi: float, boundless: bool) -> None:
    rows = SimpleNamespace(family=SimpleNamespace(dispersion_kinds=("positive",)))
    problem = SimpleNamespace(family_rows=rows, dispersion=("phi",))
    fit: Any = SimpleNamespace(problem=problem, phi_draws=np.full((1, 1, 1), phi))
    assert bool(_boundless(fit)) == boundless


@pytest.mark.parametrize(("rows", "said"), [(4.9, True), (5.1, False)])
def test_small_groups_and_laplace(rows: float, said: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "hierbayes.fit.of_family.diagnosis"
    monkeypatch.setattr(f"{module}.near_combinations", lambda _problem: ())
    design = SimpleNamespace(n=100.0 * rows, factors=[SimpleNamespace(J=100)], effects=("1",))
    problem = SimpleNamespace(
        family_rows=SimpleNamespace(
            family=SimpleNamespace(dispersion_kinds=()), outcomes=(), is_whole=True
        ),
        dispersion=(),
    )
    fit: Any = SimpleNamespace(design=design, problem=problem, phi_draws=np.zeros((1, 1, 0)))
    evidence: Any = SimpleNamespace(
        name="ML", how="Laplace's approximation", curvature=1.0, gradient=0.0, singular=False,
        nodes=1, evaluations=1, value=-1.0, how_of_effects="u is integrated out",
    )  # fmt: skip
    found = diagnose_latent(fit, evidence, [], np.zeros(0))
    assert any(f"groups have {rows} rows" in text for text in found.findings) == said
