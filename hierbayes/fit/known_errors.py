"""REML and ML where the variances of all errors are known, as a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtri, ndtri

from hierbayes.design.blocks import count_free_entries
from hierbayes.design.problem import Problem
from hierbayes.display.interval import Interval
from hierbayes.estimation.climb import Optimum
from hierbayes.estimation.information import NaturalParameters, natural_parameters
from hierbayes.estimation.known_errors import limits_of_sd, maximise_known_errors
from hierbayes.fit.degrees_of_freedom.source import usual_or_stated
from hierbayes.fit.diagnosis import ASCENT_LIMIT, GRADIENT_LIMIT, Diagnosis
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.intervals import interval_frame, variance_frames
from hierbayes.fit.point import PointFit
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.summary import Summary, summarise_maximum
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.conditional import flat_prior, log_jacobian
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

    def natural_parameters(self, reading: Reading) -> NaturalParameters:
        """Those of G on nlme's scale with their approximate covariance, σ being held."""
        return natural_parameters(self.problem.holding_sigma, self.G, 1.0, reading)

    def _intervals(self, interval: Interval, df: str | None) -> pd.DataFrame:
        source = usual_or_stated(self, df)
        half = ndtri(interval.tails[1]) * np.sqrt(np.diag(self.gamma_cov))
        frames = [
            interval_frame(
                "gamma", self.design.terms, self.gamma - half, self.gamma, self.gamma + half
            )
        ]
        of_G = ""
        if len(self.G) == 1:
            lower, upper = self._sd_limits(interval)
            sd = np.sqrt(np.diag(self.G))
            frames.append(interval_frame("sd", self.design.effect_labels, lower, sd, upper))
            of_G = ", and of sd by the profile likelihood, exact"
        elif len(self.G):
            frames += variance_frames(self, self.evidence, interval)
            of_G = (
                "; Wald on log sd and log((1 + ρ)/(1 − ρ)), missing where Ĝ is singular or its "
                "Hessian is not definite; hb.profile(fit) has those of the profile likelihood"
            )
        table = pd.concat(frames)
        table.attrs["method"] = (
            f"{interval} limits of gamma: normal, given θ̂ ({source.method}); {_KNOWN}{of_G}"
        )
        return table

    def _sd_limits(self, interval: Interval) -> tuple[Floats, Floats]:
        """Limits (q,) of the standard deviations of effects; missing where there are several."""
        if len(self.G) != 1 or self.reading is None:
            nothing = np.full(len(self.G), np.nan)
            return nothing, nothing
        size = float(chdtri(1, 1.0 - interval.prob))
        lower, upper = limits_of_sd(
            self.problem.working, self.design.blocks, self.reading, self.theta[0, 0], size
        )
        return np.array([lower]), np.array([upper])

    def diagnose(self) -> Diagnosis:
        """Whether θ̂ is a maximum, and what a standard deviation of 0 means."""
        found = self.evidence
        if not self.design.effects:
            said = "weighted least squares: there are no random effects to look for"
            table = pd.Series({"log-likelihood": found.value}).to_frame("value")
            return Diagnosis(True, f"The {found.name} maximum is exact.", (said,), table)
        largest = float(self._sd_limits(Interval(0.95))[1][0])
        findings = [f"largest gradient over the entries of G: {found.gradient:.1e}"]
        if found.singular:
            rest = (
                f"; the data do not exclude one of up to {largest:.3g} (95% by the profile "
                "likelihood, not below 0)" if len(self.G) == 1 else ""
            )  # fmt: skip
            findings.append(
                "a standard deviation of random effects is estimated as 0: the groups differ no "
                f"more than their known errors let them, and all are estimated alike{rest}; a "
                "posterior averages over what it may be"
            )
        bad = found.gradient > GRADIENT_LIMIT or found.ascent > ASCENT_LIMIT
        where = "on the boundary" if found.singular else "inside the parameter space"
        verdict = (
            f"The search for the {found.name} maximum has not ended at one:" if bad
            else f"The {found.name} maximum is {where}."
        )  # fmt: skip
        values = {
            "log-likelihood": found.value, "gradient": found.gradient, "ascent": found.ascent,
            "singular": float(found.singular), "evaluations": float(found.evaluations),
        }  # fmt: skip
        return Diagnosis(not bad, verdict, tuple(findings), pd.Series(values).to_frame("value"))

    def _summary(self, interval: Interval, df: str | None) -> Summary:
        source, limits = usual_or_stated(self, df), self._intervals(interval, df)
        return summarise_maximum(self, self.evidence, source, limits).warned(self.diagnose())


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
