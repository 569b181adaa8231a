"""What draws of the random effects say: means, covariances and limits, of many groups by block."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.fit.effect_blocks import EffectBlocks, effect_blocks
from hierbayes.fit.effects import population_draws
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, read_only


class DrawnEffects(Fitted):
    """Of a posterior; the draws of very many groups are made when they are asked for."""

    evidence: Sampling

    @property
    def effect_blocks(self) -> EffectBlocks | None:
        """Those of very many groups, whose draws are made when they are asked for."""
        return effect_blocks(self, self.evidence.seed)

    @cached_property
    def u_means(self) -> tuple[Floats, ...]:
        """As in `Fitted`."""
        if self.effect_blocks is None:
            return tuple(read_only(u.mean(axis=(0, 1))) for u in self.us)
        return (read_only(self.effect_blocks.means),)

    @property
    def judged_effects(self) -> list[tuple[pd.Index, Floats]]:
        """As in `Fitted`; of very many groups some from all over."""
        if self.effect_blocks is None:
            return super().judged_effects
        return [self.effect_blocks.judged]

    def u_cov(self, k: int, *, given_gamma: bool) -> Floats:
        """Posterior covariance of each u_j (J, q, q); γ varies in it, whatever is asked."""
        blocks = self.effect_blocks
        return _covariance(self.us[k]) if blocks is None else blocks.joined(_covariance)

    def group_sd(self, k: int) -> Floats:
        """Posterior sd of W_jγ + u_j (J, q) of factor k."""
        spread: Floats = (population_draws(self, k) + self.us[k]).std(axis=(0, 1), ddof=1)
        return spread

    def u_limits(self, k: int, interval: Interval, *, given_gamma: bool) -> tuple[Floats, Floats]:
        """Quantiles of the draws of each u_j (J, q) of factor k; γ varies in them."""
        if self.effect_blocks is None:
            return interval.of_draws(self.us[k])
        both = self.effect_blocks.joined(lambda u: np.stack(interval.of_draws(u), axis=1))
        return both[:, 0], both[:, 1]


def _covariance(u: Floats) -> Floats:
    """Covariance over draws (m, q, q) of effects (chains, draws, m, q)."""
    flat = u.reshape(-1, *u.shape[2:])
    centred = flat - flat.mean(axis=0)
    return np.asarray(np.einsum("mjk,mjl->jkl", centred, centred, optimize=True) / (len(flat) - 1))
