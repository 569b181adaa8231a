"""REML and ML where the variances of all errors are known, as a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.design.blocks import count_free_entries
from hierbayes.design.problem import Problem
from hierbayes.display.interval import Interval
from hierbayes.estimation.known_errors import maximise_known_errors
from hierbayes.estimation.reml import Optimum
from hierbayes.fit.degrees_of_freedom.source import usual_or_stated
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.intervals import interval_frame
from hierbayes.fit.point import PointFit
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.summary import Summary, summarise_maximum
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.conditional import flat_prior, log_jacobian
from hierbayes.likelihood.covariance import correlated_pairs, sd_corr
from hierbayes.likelihood.of_products import AnyLikelihood, likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML, Reading

_KNOWN = "the variances of all errors are known"


@dataclass(frozen=True, eq=False, repr=False)
class KnownErrorsFit(PointFit):
    """A maximum over G alone: rows are divided by the sd of their errors, and σ is 1 for them."""

    @property
    def _likelihood(self) -> AnyLikelihood:
        reading = NORMAL if self.reading is None else self.reading
        return likelihood_of(self.problem.working, reading, self.gamma_prior)

    def _own_parts(self) -> OwnParts:
        return OwnParts("KnownErrorsFit", self.evidence)

    def unknown_corr(self) -> Booleans:
        """No entries of G (q, q): all are in the likelihood."""
        return np.zeros_like(self.G, dtype=np.bool_)

    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame:
        source = usual_or_stated(self, df)
        half = ndtri(interval.tails[1]) * np.sqrt(np.diag(self.gamma_cov))
        frames = [
            interval_frame(
                "gamma", self.design.terms, self.gamma - half, self.gamma, self.gamma + half
            )
        ]
        sd, corr = sd_corr(self.G)
        rows, columns = correlated_pairs(self.design.blocks)
        effects = self.design.effect_labels
        pairs = tuple(f"{effects[c]}, {effects[r]}" for r, c in zip(rows, columns, strict=True))
        for block, names, values in (("sd", effects, sd), ("corr", pairs, corr[rows, columns])):
            if len(names):
                nothing = np.full(len(names), np.nan)
                frames.append(interval_frame(block, names, nothing, values, nothing))
        table = pd.concat(frames)
        table.attrs["method"] = (
            f"{interval} limits of gamma: normal, given θ̂ ({source.method}); {_KNOWN}, and G has "
            "estimates without limits"
        )
        return table

    def _summary(self, interval: Interval, df: str | None) -> Summary:
        return summarise_maximum(
            self, self.evidence, usual_or_stated(self, df), self._intervals(interval, df)
        )


def known_errors_maximum(problem: Problem, reading: Reading) -> KnownErrorsFit:
    """The maximum of the likelihood over G, the variances of all errors being known.

    Parameters
    ----------
    problem : Problem
    reading : Reading
        ``REML`` or ``ML``.
    """
    design, products = problem.design, problem.working
    optimum = maximise_known_errors(products, design.blocks, reading)
    return KnownErrorsFit(
        problem=problem,
        theta=optimum.theta[None, None],
        gamma_draws=optimum.gamma[None, None],
        gamma_prior=flat_prior(len(design.terms)),
        priors=None,
        evidence=_evidence(optimum, problem),
    )


def _evidence(optimum: Optimum, problem: Problem) -> Maximum:
    """Its maximum: σ is no parameter, and not counted."""
    products, p = problem.working, len(problem.design.terms)
    is_reml = optimum.reading == REML
    jacobian: Floats | float = log_jacobian(optimum.reading, products.basis, products.n)
    return Maximum(
        name="REML" if is_reml else "ML",
        value=optimum.value + float(jacobian) - problem.half_log_det,
        n_parameters=p + count_free_entries(problem.design.blocks),
        n_penalty=products.n - p if is_reml else products.n,
        gradient=optimum.gradient,
        ascent=optimum.ascent,
        singular=optimum.singular,
        evaluations=optimum.evaluations,
    )
