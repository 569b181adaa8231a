"""Draws of the effects of very many groups, of some groups after others: they are not all kept.

Given γ and θ the effects of the groups of one factor are independent, so that each block of groups
has random numbers of its own, and its draws are the same whenever they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats, Integers, stacked
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.theta import Theta

if TYPE_CHECKING:
    from hierbayes.fit.fitted import Fitted

MOST_BYTES = 1 << 28  # of all draws, from which on they are made block by block
KEPT_BYTES = 1 << 30  # of those that are kept where what needs them can do with fewer
_OF_BLOCK = 1 << 26
_AVERAGED = 500  # draws of γ and θ over which means of effects are averaged
_JUDGED = 1000  # groups whose effects say whether chains agree
_STREAM = 1  # of random numbers, that of u


@dataclass(frozen=True, slots=True, eq=False)
class EffectBlocks:
    """Effects of the groups of the only factor at draws of γ and θ.

    Parameters
    ----------
    products : CrossProducts
    theta : Theta
        Of (chains, draws).
    gamma : (chains, draws, p) float
    seed : int
    """

    products: CrossProducts
    theta: Theta
    gamma: Floats
    seed: int

    def __iter__(self) -> Iterator[Floats]:
        """Draws (chains, draws, m, q) of a block of groups after another."""
        for number, groups in enumerate(self._groups(self.gamma[..., 0].size)):
            yield self._drawn(groups, number)

    @property
    def means(self) -> Floats:
        """E(u | y) (J, q) as the average of E(u | y, γ, θ) over some draws of γ and θ.

        Given these u varies most, so that the average of its own draws, of all of them, would
        have fewer digits.
        """
        theta, gamma = self.theta.flat, self.gamma.reshape(-1, self.gamma.shape[-1])
        some = np.linspace(0, len(gamma) - 1, min(_AVERAGED, len(gamma))).astype(np.intp)
        theta, gamma = theta[some], gamma[some]
        blocks = self._groups(len(some))
        return np.concatenate(
            [Likelihood(self._products_of(at)).u_means(theta, gamma) for at in blocks]
        )

    def joined(self, of: Callable[[Floats], Floats]) -> Floats:
        """What is found of each block, (m, ...), of all groups."""
        return np.concatenate([of(u) for u in self])

    @property
    def whole(self) -> Floats:
        """All draws (chains, draws, J, q)."""
        J, _, q = self.products.R.shape
        found, begin = np.empty((*self.gamma.shape[:2], J, q)), 0
        for u in self:
            found[:, :, begin : begin + u.shape[2]] = u
            begin += u.shape[2]
        return found

    @property
    def judged(self) -> tuple[pd.Index, Floats]:
        """Labels of some groups from all over, and draws (chains, draws, m, q) of their effects."""
        at = np.linspace(0, self.products.J - 1, _JUDGED).astype(np.intp)
        return self.products.groups[at], self._drawn(at, self.products.J)

    def _drawn(self, groups: Integers, number: int) -> Floats:
        """Draws of these groups, with the random numbers of this number."""
        generator = np.random.default_rng([self.seed, _STREAM, number])
        likelihood = likelihood_of(self._products_of(groups))
        (u,) = likelihood.draw_us(self.theta.flat, stacked(self.gamma), generator)
        drawn: Floats = u.reshape(*self.gamma.shape[:2], *u.shape[1:])
        return drawn

    def _groups(self, draws: int) -> Iterator[Integers]:
        """The groups of a block after another, so many that their draws are bounded."""
        J, _, q = self.products.R.shape
        size = max(_OF_BLOCK // (8 * q * draws), 1)
        for begin in range(0, J, size):
            yield np.arange(begin, min(begin + size, J))

    def _products_of(self, groups: Integers) -> CrossProducts:
        """The cross-products of these groups."""
        of = self.products
        return CrossProducts(of.R[groups], of.T[groups], of.W, of.rows[groups], of.groups[groups],
                             of.basis)  # fmt: skip


def effect_blocks(fit: Fitted, seed: int) -> EffectBlocks | None:
    """The blocks of a posterior; None where all draws are few enough to be kept.

    So far those of one grouping factor and of Gaussian errors that are alike.
    """
    products, problem = fit.problem.working, fit.problem
    if problem.family is not None or problem.moments is not None:
        return None
    if not isinstance(products, CrossProducts):
        return None
    draws = fit.theta.sigma.size
    J, _, q = products.R.shape
    if 8 * draws * J * q <= MOST_BYTES:
        return None
    return EffectBlocks(products, fit.theta, fit.gamma_draws, seed)
