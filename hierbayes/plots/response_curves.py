r"""Several curves of a response against one variable, each with its limits.

Of nominal categories the probability of each, of zeros whose probability depends on columns the
expected response and the probability of a zero, at u = 0.  They are functions e(η, φ) of the linear
predictors η = Lγ of averaged rows, so that of a maximum

    Var(e) ≈ J Cov(γ̂, φ̂) J′,   J = (∂e/∂η L, ∂e/∂φ),

with normal limits on the scale of log e, or of logit e where e is a probability.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.interval import Interval
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.of_family.natural import covariance_with_dispersion
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.fit.predictions.limits_between import limits_between
from hierbayes.frames.arrays import Floats, stacked
from hierbayes.plots.fit_rows import AverageRows

_STEP = 1e-5  # of η, and of φ beside its size, for a derivative


def has_several_curves(fit: Fitted) -> bool:
    """Whether one curve does not say what is expected."""
    family = fit.problem.family
    return family is not None and bool(family.predictors or family.further_terms)


def curve_names(fit: Fitted, expected: str) -> tuple[str, ...]:
    """What the curves are of; `expected` is what an expected response is called."""
    rows, name = fit.problem.family_rows, fit.design.specification.response.strip("`")
    if rows.family.predictors:
        return tuple(f"probability of {name} = {one}" for one in rows.outcomes)
    return expected, f"probability of {name} = 0"


def curve_frames(fit: Fit, rows: AverageRows, interval: Interval) -> list[pd.DataFrame]:
    """``estimate``, ``se``, ``df``, ``lower``, ``upper`` (m rows) of each of `curve_names`.

    Parameters
    ----------
    fit : Fit
    rows : AverageRows
    interval : Interval

    Raises
    ------
    StudyError
        When the fit is neither a maximum nor a posterior of a family.
    """
    values = _Values(fit, rows)
    if isinstance(fit, FamilyPosteriorFit):
        return _of_draws(fit, values, interval)
    if not isinstance(fit, FamilyPointFit):
        raise StudyError("curves of a family's response are of a maximum or of a posterior")
    estimate, J = values.with_slopes(fit.gamma, fit.phi)
    V = covariance_with_dispersion(fit.optimum, fit.bend, fit.scale, fit.unbounded)
    se = np.sqrt(np.einsum("cma,ab,cmb->cm", J, V, J))
    z = float(ndtri(interval.tails[1]))
    found = []
    for ends, e, error in zip(values.ranges, estimate, se, strict=True):
        lower, upper = limits_between(ends, e, error, z)
        found.append(_frame(e, error, np.inf, lower, upper))
    return found


class _Values:
    """Curves (C, m) as functions of γ (p,) and φ (d,).

    Parameters
    ----------
    fit : Fit
    rows : AverageRows
    """

    def __init__(self, fit: Fit, rows: AverageRows) -> None:
        seen = fit.problem.family_rows
        self.family, self.L, self.offset = seen.family, rows.X, float(seen.offset.mean())
        sizes = seen.m if seen.m.ndim == 1 else seen.m[:, 0]
        self.m: Floats = np.full(len(rows.X), np.median(sizes))
        if rows.further is not None:
            self.m = np.column_stack([self.m, rows.further])

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Between which numbers each curve lies."""
        P = len(self.family.predictors)
        return ((0.0, 1.0),) * (P + 1) if P else (self.family.mean_range, (0.0, 1.0))

    def at(self, eta: Floats, phi: Floats) -> Floats:
        """(C, m) given η (m P,)."""
        if self.family.predictors:
            return self.family.probabilities(eta, phi).T
        zero = self.family.below(np.zeros(len(eta)), self.m, eta, phi)[1]
        return np.stack([self.family.mean(eta, self.m, phi), zero])

    def of(self, gamma: Floats, phi: Floats) -> Floats:
        """(C, m)."""
        return self.at(self.L @ gamma + self.offset, phi)

    def with_slopes(self, gamma: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Curves (C, m) and their derivatives (C, m, p + d) by γ and φ."""
        eta, P = self.L @ gamma + self.offset, max(len(self.family.predictors), 1)
        by_gamma = np.zeros(())
        for k in range(P):
            step = _STEP * (np.arange(len(eta)) % P == k)
            slope = (self.at(eta + step, phi) - self.at(eta - step, phi)) / (2.0 * _STEP)
            by_gamma = by_gamma + slope[..., None] * self.L[k::P]
        slopes = [by_gamma]
        for width, step in zip(_STEP * (1.0 + np.abs(phi)), np.eye(len(phi)), strict=True):
            up, down = (self.at(eta, phi + s * width * step) for s in (1.0, -1.0))
            slopes.append(((up - down) / (2.0 * width))[..., None])
        return self.at(eta, phi), np.concatenate(slopes, axis=2)


def _of_draws(fit: FamilyPosteriorFit, values: _Values, interval: Interval) -> list[pd.DataFrame]:
    gamma = stacked(fit.gamma_draws)
    phi = fit.phi.reshape(len(gamma), -1)
    drawn = np.stack([values.of(one, own) for one, own in zip(gamma, phi, strict=True)])
    found = []
    for c in range(drawn.shape[1]):
        own = drawn[None, :, c]
        lower, upper = interval.of_draws(own)
        found.append(
            _frame(own.mean(axis=(0, 1)), own.std(axis=(0, 1), ddof=1), np.nan, lower, upper)
        )
    return found


def _frame(estimate: Floats, se: Floats, df: float, lower: Floats, upper: Floats) -> pd.DataFrame:
    table = {"estimate": estimate, "se": se, "df": df, "lower": lower, "upper": upper}
    return pd.DataFrame(table)
