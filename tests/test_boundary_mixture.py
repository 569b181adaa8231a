"""Weights of mixtures of χ² for variances that are zero: closed forms, information, projections."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import nnls

import hierbayes as hb
from hierbayes.design.blocks import block_slices, entry_directions
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import partition
from hierbayes.inference.model_choice.boundary_mixture import null_information
from hierbayes.inference.model_choice.chi_bar import covariance_weights, orthant_weights
from hierbayes.inference.model_choice.nesting import find_nesting, internal_columns

SIX_SD = 6.0  # a share is farther off once in 5·10⁸ times


def covariance(size: int, seed: int) -> Floats:
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T + 0.05 * np.eye(size)


def shares(V: Floats, draws: Floats) -> Floats:
    """How often the projection of a draw onto the orthant has 0, 1, ... positive entries."""
    root = np.linalg.cholesky(np.linalg.inv(V)).T  # V⁻¹ = root' root
    positive = [int((nnls(root, root @ one)[0] > 0.0).sum()) for one in draws]
    return np.bincount(positive, minlength=len(V) + 1) / len(draws)


def within_error(found: Floats, weights: Any, draws: int, more: float = 0.0) -> None:
    weights = np.asarray(weights)
    error = SIX_SD * np.sqrt(weights * (1.0 - weights) / draws) + 1.0 / draws
    assert (np.abs(found - weights) < error + more).all(), (found, weights)


@pytest.mark.parametrize(("size", "seed"), [(1, 0), (2, 1), (2, 2), (3, 3), (3, 4)])
def test_orthants(size: int, seed: int) -> None:
    V = covariance(size, seed)
    weights = orthant_weights(V)
    assert weights is not None
    assert_allclose([sum(weights), sum(weights[::2])], [1.0, 0.5])
    draws = np.random.default_rng(seed).multivariate_normal(np.zeros(size), V, 6000)
    within_error(shares(V, draws), weights, len(draws))


def test_more_than_three_have_no_closed_form() -> None:
    assert orthant_weights(np.eye(4)) is None


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_covariance_matrices(seed: int) -> None:
    """All of a draw is left within the cone, nothing within its polar one."""
    V = covariance(3, seed)
    weights = covariance_weights(V)
    assert_allclose([sum(weights), weights[0] + weights[2]], [1.0, 0.5])
    draws = np.random.default_rng(seed).multivariate_normal(np.zeros(3), V, 200_000)
    inside = (draws[:, 0] > 0) & (draws[:, 0] * draws[:, 2] > draws[:, 1] ** 2)
    dual = -draws @ np.linalg.inv(V)  # of the matrices with which every product is positive
    polar = (dual[:, 0] > 0) & (dual[:, 0] * dual[:, 2] > (0.5 * dual[:, 1]) ** 2)
    found = np.array([polar.mean(), inside.mean()])
    within_error(found, [weights[0], weights[3]], len(draws))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_weights_are_those_of_any_units(scale: float) -> None:
    V, units = covariance(3, 8), np.array([1.0, scale, scale**2])
    assert_allclose(
        covariance_weights(units * V * units[:, None]), covariance_weights(V), rtol=1e-4
    )


# ---------------------------------------------------------------- models

ROWS, GROUPS = 360, 60


@cache
def data() -> pd.DataFrame:
    """Groups of a and b that agree in five rows of six, and c, the only one with effects."""
    rng = np.random.default_rng(11)
    a, place = np.repeat(np.arange(GROUPS), 6), np.tile(np.arange(6), GROUPS)
    b = np.where(place < 5, a, (a + 7 * place) % GROUPS)
    c = rng.permutation(np.repeat(np.arange(30), ROWS // 30))
    x = rng.normal(size=ROWS)
    y = 1.0 + x + rng.normal(size=30)[c] + rng.normal(size=ROWS)
    return pd.DataFrame({"y": y, "x": x, "a": a, "b": b, "c": c})


@cache
def fit(random: str, engine: str = "reml") -> hb.PointFit:
    return getattr(hb.Model(f"y ~ x + {random}", data()), engine)()


PAIRS = {
    ("(1 | c)", "(1 | c) + (1 | a) + (1 | b)"): (2, 0),
    ("(1 | c)", "(1 | c) + (1 + x | a)"): (3, 0),
    ("(1 | c)", "(1 + x | c) + (1 | a)"): (3, 1),
    ("(1 | c)", "(1 + x + I(x**2) | c)"): (5, 2),
    ("(1 | c)", "(1 | c) + (x || a) + (1 | b)"): (3, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair", "engine"), [*((pair, "reml") for pair in PAIRS), (next(iter(PAIRS)), "ml")]
)
def test_information_and_degrees_of_freedom(pair: tuple[str, str], engine: str) -> None:
    small, big = (fit(random, engine) for random in pair)
    test = hb.likelihood_ratio(small, big)
    df, least = PAIRS[pair]
    assert test.df == df and test.mixture is not None
    assert list(test.mixture) == list(range(least, df + 1))
    assert sum(test.mixture.values()) == pytest.approx(1.0)
    assert test.p_mixture <= test.p_chi2
    nesting = find_nesting(small, big)
    found, (moved, _) = null_information(nesting), dense(nesting)
    expected = 0.5 * np.array([[(one * other.T).sum() for other in moved] for one in moved])
    size = np.sqrt(np.diag(expected))
    assert_allclose(found / np.outer(size, size), expected / np.outer(size, size), atol=1e-9)


def dense(nesting: Any) -> tuple[list[Floats], Floats]:
    """P V_i (n, n) of each variance parameter at the smaller model, W in place of P for ML; V."""
    design = nesting.big.design
    X, Z = internal_columns(nesting.big.problem)
    names = list(design.specification.factors)
    groups = [partition(design, names.index(one.factor)) for one in design.specification.random]

    def spread(S: Floats) -> Floats:
        parts = (
            (g[:, None] == g) * (Z[:, at] @ S[at, at] @ Z[:, at].T)
            for g, at in zip(groups, block_slices(design.blocks), strict=True)
        )
        return sum(parts, np.zeros((len(X), len(X))))

    root = nesting.Z @ nesting.small.any_state.relative_root
    V = spread(root @ root.T) + np.eye(len(X))
    P = np.linalg.inv(V)
    if nesting.big.engine == "REML":
        P -= P @ X @ np.linalg.solve(X.T @ P @ X, X.T @ P)
    steps = [*map(spread, entry_directions(design.blocks)), np.eye(len(X))]
    return [P @ step for step in steps], V


def test_weights_of_two_variances_from_their_information() -> None:
    """½ − p, ½, p with p the angle of the correlation of their scores, given the others."""
    pair = fit("(1 | c)"), fit("(1 | c) + (1 | a) + (1 | b)")
    mixture = hb.likelihood_ratio(*pair).mixture
    information = null_information(find_nesting(*pair))
    others = [0, 3]  # the variance of c, and σ²
    across = information[1:3][:, others]
    left = information[1:3, 1:3] - across @ np.linalg.solve(
        information[np.ix_(others, others)], across.T
    )
    correlation = left[0, 1] / np.sqrt(left[0, 0] * left[1, 1])
    p = np.arccos(correlation) / (2.0 * np.pi)
    assert correlation > 0.6  # a and b nearly agree
    assert mixture == pytest.approx({0: 0.5 - p, 1: 0.5, 2: p})


@pytest.mark.slow
def test_weights_are_the_shares_of_responses_simulated_under_the_null() -> None:
    """Each response's estimates by one step of scoring, projected; a χ²'s skewness is left over."""
    nesting = find_nesting(fit("(1 | c)"), fit("(1 | c) + (1 | a) + (1 | b)"))
    moved, V = dense(nesting)
    draws = 4000
    y = np.linalg.cholesky(V) @ np.random.default_rng(12).normal(size=(ROWS, draws))
    P = moved[-1]  # that of σ², whose step is I
    scores = [0.5 * ((y * (one @ P @ y)).sum(axis=0) - np.trace(one)) for one in moved]
    inverse = np.linalg.inv(null_information(nesting))
    estimates = (inverse @ np.array(scores))[1:3].T
    found = shares(inverse[1:3, 1:3], estimates)
    mixture = hb.likelihood_ratio(nesting.small, nesting.big).mixture
    assert mixture is not None and mixture[0] > 0.3
    within_error(found, [mixture[k] for k in range(3)], draws, more=2.0 * np.sqrt(8 / GROUPS) / 15)


def test_words() -> None:
    test = hb.likelihood_ratio(fit("(1 | c)"), fit("(1 | c) + (1 + x | a)"))
    assert test.mixture is not None
    shown = " + ".join(f"{weight:.4g} χ²({df})" for df, weight in test.mixture.items())
    assert test.table.loc["mixture", "reference"] == shown
    assert test.advice == (
        f"use the mixture {shown}: under the smaller model 2 variances are zero, on the boundary, "
        "and its weights are the chances that so many parameters are estimated inside, from the "
        "information on them there; χ² alone gives a p-value that is too large"
    )


@pytest.mark.slow
def test_where_weights_are_not_known() -> None:
    more = fit("(1 | c) + (1 + x | a) + (1 | b)")
    test = hb.likelihood_ratio(fit("(1 | c)"), more)
    assert (test.df, test.mixture) == (4, None)
    assert test.advice == (
        "3 variances are tested at once, whose mixture has no simple weights: the p-value of χ² is "
        "too large; use simulations=1000, or add one effect at a time"
    )
