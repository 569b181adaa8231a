"""The prior of a parameter that follows from priors of others, by draws.

So it is with sds and correlations of the columns as written where priors are those of centred
columns, and with whatever a joint prior covers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.errors import PriorError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import correlated_pairs
from hierbayes.priors.families import Flat, Normal

if TYPE_CHECKING:
    from hierbayes.priors.draws import PriorDraws

_DRAWS, _SEED = 20_000, 0  # quartiles to a percent of their distance


@dataclass(frozen=True, eq=False)
class ImpliedPrior:
    """What the priors of a fit imply of one parameter.

    Parameters
    ----------
    fit : Fitted
    block, parameter : str
        As the design calls it.
    said : str
        Of which priors, in words.
    """

    fit: Fitted
    block: str
    parameter: str
    said: str

    def __str__(self) -> str:
        return f"implied by {self.said}"

    @cached_property
    def draws(self) -> Floats:
        """Draws of the parameter, in order; none where a prior is flat."""
        drawn = draws_of_priors(self.fit, _SEED, _DRAWS)
        if drawn is None:
            return np.empty(0)
        labels = self.fit.design.effect_labels
        if self.block == "gamma":
            values = drawn.gamma[:, self.fit.design.terms.index(self.parameter)]
        elif self.block == "sd":
            values = drawn.theta.sd[:, labels.index(self.parameter)]
        else:
            pairs = zip(*correlated_pairs(self.fit.design.blocks), strict=True)
            r, c = next((r, c) for r, c in pairs if f"{labels[c]}, {labels[r]}" == self.parameter)
            values = drawn.theta.corr[:, r, c]
        return np.sort(values)

    def quantile(self, p: float) -> float:
        """The p-quantile; missing where a prior is flat."""
        return float(np.quantile(self.draws, p)) if len(self.draws) else np.nan


def implied_prior(
    fit: Fitted, block: str, parameter: str, effects: tuple[str, ...] | None = None
) -> ImpliedPrior | None:
    """What the priors of a fit imply of a parameter; None without priors, or of another kind.

    ``effects`` are what the random effects are called, where not as the design calls them.
    """
    if fit.priors is None or block not in ("gamma", "sd", "corr"):
        return None
    labels = fit.design.effect_labels
    called = dict(zip(labels if effects is None else effects, labels, strict=True))
    names = {one: label for one, label in called.items()} | {
        f"{a}, {b}": f"{called[a]}, {called[b]}" for a in called for b in called if a != b
    }
    own = parameter if block == "gamma" else names.get(parameter, "")
    if not own or (block == "gamma" and parameter not in fit.design.terms):
        return None
    return ImpliedPrior(fit, block, own, _said(fit, own))


def _said(fit: Fitted, parameter: str) -> str:
    """The priors that it follows from."""
    priors = fit.priors
    assert priors is not None
    if priors.joint:
        return ", ".join(f"{block} ~ {prior}" for block, prior, _ in priors.joint)
    labels, at_corr = fit.design.effect_labels, 0
    for at in block_slices(fit.design.blocks):
        several = at.stop - at.start > 1
        if any(label in parameter for label in labels[at]):
            stated = [str(prior) for _, prior, _ in priors.sd[at]]
            stated += [str(priors.corr[at_corr][1])] if several else []
            return f"{', '.join(stated)} of centred columns"
        at_corr += several
    return "priors of several parameters"


def draws_of_priors(fit: Fitted, seed: int, draws: int) -> PriorDraws | None:
    """Draws from all priors, those of γ made proper; None where σ or an sd has a flat one.

    Every parameter has a stream of its own, so that what γ is drawn from leaves G and σ alone.
    """
    from hierbayes.priors.draws import draw_priors

    if fit.priors is None:
        return None
    gamma = tuple(
        (name, Normal(0.0, 1.0) if isinstance(prior, Flat) else prior, source)
        for name, prior, source in fit.priors.gamma
    )
    try:
        return draw_priors(replace(fit.priors, gamma=gamma), fit.problem, draws, seed)
    except PriorError:
        return None
