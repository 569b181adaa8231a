"""Proposals that learn: densities against scipy, and an integral that is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from hierbayes.estimation.importance import FREEDOM
from hierbayes.estimation.proposals import Kernels, Proposals
from hierbayes.frames.arrays import Floats

SHAPE = np.array([[1.3, 0.0], [0.4, 0.7]])


def mixture() -> Proposals:
    centres = np.array([[0.0, 1.0], [2.0, -1.0]])
    return Proposals(
        (
            Kernels(centres, np.log([0.5, 0.3]), SHAPE),
            Kernels(np.array([[-1.0, 0.5]]), np.log([0.2]), 2.0 * SHAPE),
        )
    )


def test_the_density_is_that_of_a_mixture_of_t() -> None:
    w = np.random.default_rng(1).normal(scale=5.0, size=(50, 2))
    expected = sum(
        share * stats.multivariate_t(centre, scale**2 * SHAPE @ SHAPE.T, df=FREEDOM).pdf(w)
        for share, centre, scale in (
            (0.5, [0.0, 1.0], 1.0),
            (0.3, [2.0, -1.0], 1.0),
            (0.2, [-1.0, 0.5], 2.0),
        )
    )
    assert_allclose(mixture().log_density(w), np.log(expected), rtol=1e-10)


def test_proposals_are_drawn_from_their_density() -> None:
    """Coordinates have the distribution function of the mixture, by Kolmogorov and Smirnov."""
    w = mixture().draw(np.random.default_rng(2), 20_000)
    sd = np.sqrt(np.diag(SHAPE @ SHAPE.T))

    def cdf(x: Floats, i: int) -> Floats:
        parts = ((0.5, [0.0, 1.0], 1.0), (0.3, [2.0, -1.0], 1.0), (0.2, [-1.0, 0.5], 2.0))
        return np.asarray(
            sum(p * stats.t.cdf((x - at[i]) / (k * sd[i]), df=FREEDOM) for p, at, k in parts)
        )

    for i in (0, 1):
        assert stats.kstest(w[:, i], lambda x, i=i: cdf(x, i)).pvalue > 1e-6


def bent(w: Floats) -> Floats:
    """Log density of a standard normal number, and of another about 2(x² − 1)."""
    x, y = w.T
    return np.asarray(stats.norm.logpdf(x) + stats.norm.logpdf(y - 2.0 * (x**2 - 1.0), scale=0.5))


def worth(log_weights: Floats) -> float:
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum() / len(weights))


@pytest.mark.slow
def test_proposals_learn_a_bent_density_and_keep_its_integral() -> None:
    generator = np.random.default_rng(3)
    first = Proposals.at_mode(np.array([0.0, -2.0]), np.diag([1.0, 0.5]))
    at = first.draw(generator, 2000)
    learnt = first
    for _ in range(2):
        w = learnt.draw(generator, 2000)
        learnt = learnt.learnt(w, bent(w), generator)
    later = learnt.draw(generator, 20_000)
    log_weights = bent(later) - learnt.log_density(later)
    assert worth(log_weights) > 2.0 * worth(bent(at) - first.log_density(at))
    weights = np.exp(log_weights)
    error = weights.std() / np.sqrt(len(weights))
    assert weights.mean() == pytest.approx(1.0, abs=6.0 * error)
    assert error < 0.1


def test_kernels_keep_mean_and_covariance_of_what_they_are_learnt_from() -> None:
    """Of normal proposals with their own density as target: up to the choice of 300 centres."""
    generator = np.random.default_rng(4)
    first = Proposals.at_mode(np.array([1.0, -1.0]), SHAPE)
    w = first.draw(generator, 4000)
    learnt = first.learnt(w, first.log_density(w), generator)
    kernels, kept = learnt.parts
    assert np.exp(kernels.log_shares).sum() == pytest.approx(0.9)
    assert np.exp(kept.log_shares).sum() == pytest.approx(0.1)
    assert kept.centres is first.parts[0].centres
    width = (4.0 / (4.0 * 4000.0)) ** (1.0 / 6.0)  # all weights are equal
    assert_allclose(kernels.root @ kernels.root.T, width**2 * np.cov(w.T, bias=True), rtol=1e-8)
    inside = (kernels.centres - w.mean(axis=0)) / np.sqrt(1.0 - width**2) + w.mean(axis=0)
    assert all(np.abs(w - point).sum(axis=1).min() < 1e-12 for point in inside)


def test_nothing_is_learnt_where_no_proposal_has_a_density() -> None:
    first = Proposals.at_mode(np.zeros(2), np.eye(2))
    w = first.draw(np.random.default_rng(5), 10)
    assert first.learnt(w, np.full(10, -np.inf), np.random.default_rng(6)) is first
