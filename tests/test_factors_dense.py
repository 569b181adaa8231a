"""Several grouping factors against matrices of all rows, on random designs."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import hierbayes as hb
from hierbayes.design.elimination import Elimination
from hierbayes.design.elimination_builder import Builder, Entries
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.sparse_products import SparseProducts, sparse_products
from hierbayes.likelihood.reading import ML, NORMAL, REML, Reading
from hierbayes.likelihood.sparse import SparseLikelihood
from hierbayes.likelihood.sparse_profile import sparse_profile
from hierbayes.likelihood.theta import Theta
from tests.dense_factors import FactorRows

FORMULAS = {
    "nested": "y ~ x + (1 + x | d) + (1 | d:s) + (1 + x | d:s:c)",
    "crossed": "y ~ x + (1 | a) + (1 | b)",
    "slopes": "y ~ x + (1 + x | a) + (1 + x | b)",
    "within": "y ~ x + (1 | d:s:c) + (1 + x | d:s:t) + (1 | d:s)",
    "three": "y ~ x + (1 + x | a) + (1 | b) + (0 + x | e)",
    "mixed": "y ~ x + (1 + x | d:s:c) + (1 | d) + (1 + x | a) + (1 | b)",
    "apart": "y ~ x + (1 + x || a) + (1 | b)",
    "large core": "y ~ x + (1 | many) + (1 + x | more)",
}


class Design:
    """A design, the same as plain matrices, and a θ."""

    def __init__(self, name: str, singular: bool = False) -> None:
        rng = np.random.default_rng(7)
        n = 240 if name == "large core" else 70
        c = rng.integers(0, 12, n)
        self.data = pd.DataFrame(
            {
                "d": c // 6, "s": (c // 3) % 2, "c": c % 3, "t": rng.integers(0, 2, n),
                "a": rng.integers(0, 8, n), "b": rng.integers(0, 5, n), "e": rng.integers(0, 4, n),
                "many": rng.integers(0, 60, n), "more": rng.integers(0, 30, n),
                "x": rng.normal(2.0, 1.5, n), "y": rng.normal(3.0, 2.0, n),
            }
        )  # fmt: skip
        self.model = hb.Model(FORMULAS[name], self.data)
        self.design, products = self.model.problem.design, self.model.problem.products
        assert isinstance(products, SparseProducts)
        self.cross = products
        rows = self.design.rows
        self.rows = FactorRows(
            rows.y,
            rows.X,
            tuple(
                (codes, rows.Z[:, span])
                for codes, span in zip(rows.codes_of, self.design.spans, strict=True)
            ),
        )
        self.root = np.zeros((len(self.design.effects),) * 2)
        start = 0
        for size in self.design.blocks:
            at = slice(start, start + size)
            self.root[at, at] = np.tril(rng.normal(0.5, 1.0, (size, size)))
            start += size
        if singular:
            self.root[-1] = 0.0
        self.theta = Theta.of(self.root, 1.3)

    def chunk(self, at: np.ndarray) -> SparseProducts:
        """Cross-products of some rows, with the levels that occur in them alone."""
        rows = self.design.rows
        codes, factors = [], []
        for one, factor in zip(rows.codes_of, self.design.factors, strict=True):
            seen, mine = np.unique(one[at], return_inverse=True)
            codes.append(mine)
            factors.append(GroupingFactor(factor.name, factor.labels[seen]))
        some = replace(
            rows,
            response=rows.y[at],
            X=rows.X[at],
            Z=rows.Z[at],
            codes_of=tuple(codes),
            index=rows.index[at],
        )
        return sparse_products(some, factors, self.design.spans, self.cross.basis)

    @property
    def roots(self) -> list[np.ndarray]:
        return [self.root[span, span] for span in self.design.spans]


@pytest.fixture(scope="module", params=[*FORMULAS, "singular"])
def made(request: pytest.FixtureRequest) -> Design:
    if request.param == "singular":
        return Design("slopes", singular=True)
    return Design(request.param)


def test_what_leads_and_what_is_core(made: Design) -> None:
    """The chain is nested; everything else stands in the core, and together they are all."""
    layout = elimination_of(made.cross)
    codes = [made.design.rows.codes_of[k] for k in layout.chain]
    for inner, outer in pairwise(codes):
        assert len(set(zip(inner, outer, strict=True))) == len(set(inner))
    places = np.concatenate([one.ravel() for one in layout.places])
    assert sorted(places) == list(range(layout.elimination.effects))


def test_an_order_that_is_remembered_is_that_of_the_numbers(made: Design) -> None:
    """Shapes place indices once, and any numbers by them, as a builder places the numbers."""
    cross = replace(made.cross, C=2.0 * made.cross.C)  # another object of the same shape
    found, levels = elimination_of(cross), cross.levels
    pairs = {(pair.first, pair.second): (pair.i, pair.j, pair.values) for pair in cross.pairs}
    J, q = tuple(one.J for one in levels), tuple(one.q for one in levels)
    A, B = tuple(one.A for one in levels), tuple(one.B for one in levels)
    built = Builder(Entries(cross.p, J, q, A, B, pairs, cross.C)).layout()
    assert found.chain == built.chain
    for mine, other in zip(found.places, built.places, strict=True):
        assert_array_equal(mine, other)
    for field in Elimination._fields:
        one, two = (np.asarray(getattr(it.elimination, field)) for it in (found, built))
        assert_array_equal(one, two, err_msg=field)
        assert one.dtype == two.dtype


@pytest.mark.parametrize("reading", [ML, REML])
def test_the_density(made: Design, reading: Reading) -> None:
    state = SparseLikelihood(made.cross, reading).at(made.theta)
    expected = made.rows.log_density(made.roots, 1.3, restricted=reading == REML)
    assert_allclose(state.value, expected, rtol=1e-12)


def test_random_effects_and_their_covariances(made: Design) -> None:
    state = SparseLikelihood(made.cross).at(made.theta)
    for k, span in enumerate(made.design.spans):
        q, J = span.stop - span.start, made.design.factors[k].J
        u, given, whole = made.rows.u(k, made.roots, 1.3)
        assert_allclose(state.u_of(k).ravel(), u, atol=1e-10)
        for cov, wanted in (
            (state.u_cov_of(k, given_gamma=True), given),
            (state.u_cov_of(k, given_gamma=False), whole),
        ):
            blocks = np.array([wanted[j * q : (j + 1) * q, j * q : (j + 1) * q] for j in range(J)])
            assert_allclose(cov, blocks, atol=1e-10)


def test_gradients_are_those_of_differences(made: Design) -> None:
    """By the root of G, σ and γ, in the internal basis; by G and σ in the user's units."""
    likelihood = SparseLikelihood(made.cross, NORMAL, None)
    root, sigma = made.theta.internal(made.cross.basis)
    gamma = np.zeros(made.cross.p)
    gradient = likelihood.search(root, float(sigma), gamma)[1]
    h = 1e-6
    for span in made.design.spans:
        for i in range(span.start, span.stop):
            for k in range(span.start, span.stop):
                step = np.zeros_like(root)
                step[i, k] = h
                up = likelihood.search(root + step, float(sigma), gamma)[0]
                down = likelihood.search(root - step, float(sigma), gamma)[0]
                assert_allclose(gradient.root[i, k], (up - down) / (2 * h), rtol=1e-5, atol=1e-5)
    up, down = (likelihood.search(root, float(sigma) * (1 + s), gamma)[0] for s in (h, -h))
    assert_allclose(gradient.sigma * float(sigma), (up - down) / (2 * h), rtol=1e-5, atol=1e-5)


def test_the_score_into_the_cone(made: Design) -> None:
    """∂ℓ/∂G, also where G is singular and no root has a derivative that shows it."""
    likelihood = SparseLikelihood(made.cross, ML)
    score = likelihood.at(made.theta).score
    for span in made.design.spans:
        for i in range(span.start, span.stop):
            h = 1e-5
            G = made.theta.G.copy()
            G[i, i] += h
            up = likelihood.at(Theta.of_covariance(G, 1.3)).value
            slope = (up - likelihood.at(made.theta).value) / h
            assert_allclose(score.G[i, i], slope, rtol=2e-3, atol=2e-4)


def test_draws_have_the_moments_of_the_conditional_distribution(made: Design) -> None:
    """Linear in the normal numbers: each moment follows from unit vectors, without sampling."""
    likelihood = SparseLikelihood(made.cross)
    state, m = likelihood.at(made.theta), elimination_of(made.cross).elimination.effects

    class Units:
        def standard_normal(self, shape: tuple[int, int]) -> np.ndarray:
            return np.vstack([np.zeros(m), np.eye(m)])

    theta = Theta.of(np.repeat(made.root[None], m + 1, axis=0), np.full(m + 1, 1.3))
    gammas = np.repeat(state.gamma[None], m + 1, axis=0)
    for k, drawn in enumerate(likelihood.draw_us(theta, gammas, Units())):  # type: ignore[arg-type]
        assert_allclose(drawn[0], state.u_of(k), atol=1e-10)
        away = drawn[1:] - drawn[0]
        cov = np.einsum("mja,mjb->jab", away, away)
        assert_allclose(cov, state.u_cov_of(k, given_gamma=True), atol=1e-10)


def test_shrinkage_is_what_is_resolved(made: Design) -> None:
    state = SparseLikelihood(made.cross).at(made.theta)
    for k, span in enumerate(made.design.spans):
        G = made.theta.G[span, span]
        if np.linalg.matrix_rank(G) < len(G):
            continue
        left = state.u_cov_of(k, given_gamma=True) @ np.linalg.inv(G)
        assert_allclose(state.shrinkage_of(k), np.eye(len(G)) - left, atol=1e-8)


def test_chunks_add_up_in_any_order(made: Design) -> None:
    """Levels spread over the chunks, and named by labels, become one; an order is derived after."""
    rows, root = made.design.rows, made.theta.relative(made.cross.basis)
    whole = sparse_profile(root, made.cross, REML)
    parts = np.array_split(np.random.default_rng(3).permutation(rows.n), 3)
    chunks = [made.chunk(at) for at in parts]
    for order in ((0, 1, 2), (2, 0, 1)):
        total = chunks[order[0]] + chunks[order[1]] + chunks[order[2]]
        assert_allclose(sparse_profile(root, total, REML).value, whole.value, rtol=1e-12)
