r"""How much a model explains of a response that is not Gaussian, on two scales.

On the latent scale of the link, v being the variance over the rows of x'γ, T the mean over the
rows of z'Gz and d that of the latent response given η,

    R² marginal = v/(v + T + d),      R² conditional = (v + T)/(v + T + d).

d is π²/3 of a logit, 1 of a probit, π²/6 of a complementary log-log, σ² of log y, and of a log link
the observation-level variance ln(1 + V/λ²), V being that of a response whose mean is λ, the
expected response averaged over the rows and over u.  On the scale of observations the same shares
are of the variance of the response itself: see `response_parts`.

References
----------
Nakagawa & Schielzeth (2013), doi:10.1111/j.2041-210x.2012.00261.x; Johnson (2014),
doi:10.1111/2041-210X.12225; Nakagawa, Johnson & Schielzeth (2017), doi:10.1098/rsif.2017.0213;
de Villemereuil, Schielzeth, Nakagawa & Morrissey (2016), doi:10.1534/genetics.115.186536.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError
from hierbayes.families.counts import Counts
from hierbayes.families.positive import Gamma
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.response_shares import (
    FIXED,
    MEAN,
    RANDOM,
    RESIDUAL,
    draws_for_responses,
    response_parts,
    response_shares,
)
from hierbayes.fit.variance import between_variance, explained_variance, moment_at, shares_of
from hierbayes.frames.arrays import Floats
from hierbayes.inference.context.spread import draws_table, spread_in_words

LATENT, OBSERVATION = "latent", "observation"

type _Rows = dict[tuple[str, str], Floats]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResponseVariance(Printed):
    """R², intraclass correlations and components of variance of a response that is not Gaussian.

    Of a posterior the tables have columns ``estimate`` (the mean), ``sd``, ``lower`` and
    ``upper``; of a point fit ``estimate`` alone.  The index is by ``scale``, ``"latent"`` (where
    there is such a scale) and ``"observation"``.

    Parameters
    ----------
    shares : DataFrame
        ``icc`` (by factor ``icc[school]``), the share of what the fixed part leaves; with ``at``
        also the one there; ``R2 marginal`` and ``R2 conditional``.
    components : DataFrame
        Fixed part, random effects, residual, total.
    about, notes : tuple of str
    """

    shares: pd.DataFrame
    components: pd.DataFrame
    about: tuple[str, ...]
    notes: tuple[str, ...]

    def page(self) -> Page:
        """Both tables, and what each scale is."""
        blocks = (
            Table(self.shares, "Shares of variance"),
            Table(self.components, "Variance in the model"),
            Items(self.notes, "Notes"),
        )
        return Page("Variance explained", self.about, blocks)


def response_variance(
    fit: Fit, at: dict[str, float] | None, interval: Interval
) -> ResponseVariance:
    """What a family's model explains on the latent scale and on that of observations.

    Raises
    ------
    DataError
        When the categories are nominal, or `at` names no random column.
    """
    if fit.problem.family_rows.family.predictors:
        raise DataError(
            "nominal categories have a linear predictor each, and no one variance that a model "
            "could explain; fit a category against the first by itself, with the family Bernoulli"
        )
    observed = response_parts(fit)
    mean = observed.pop(MEAN)
    latent = _latent_parts(fit, mean)
    parts = {(LATENT, name): draws for name, draws in latent.items()}
    parts |= {(OBSERVATION, name): draws for name, draws in observed.items()}
    found: _Rows = {}
    components: _Rows = {}
    for scale in dict.fromkeys(scale for scale, _ in parts):
        own = {name: draws for (of, name), draws in parts.items() if of == scale}
        total: Floats = np.sum(list(own.values()), axis=0)
        found |= _iccs(fit, scale, own[RESIDUAL], None)
        found |= {} if at is None else _iccs(fit, scale, own[RESIDUAL], at)
        found[scale, "R2 marginal"] = own[FIXED] / total
        found[scale, "R2 conditional"] = (own[FIXED] + own[RANDOM]) / total
        components |= {(scale, name): draws for name, draws in own.items()}
        components[scale, "total"] = total
    return ResponseVariance(
        shares=draws_table(found, ("scale", "share"), fit, interval),
        components=draws_table(components, ("scale", "part"), fit, interval),
        about=subject_of(fit.design).lines(),
        notes=_notes(fit, interval, bool(latent), mean),
    )


def _latent_parts(fit: Fit, mean: Floats) -> dict[str, Floats]:
    """The parts (1, draws) on the latent scale, at the draws that stand for all; none without."""
    family, rows = fit.problem.family_rows.family, fit.design.rows
    one = draws_for_responses(fit)
    phi = fit.response_phi[one][None]
    residual = family.latent_variance(phi)
    if residual is None and family.link == "log" and isinstance(family, Counts | Gamma):
        residual = np.empty_like(mean)
        for k, level in enumerate(mean[0]):
            with np.errstate(all="ignore"):
                V = family.variance(np.log([level]), np.ones(1), phi[0, k])[0]
                residual[0, k] = np.log1p(V / level**2)
    if residual is None:
        return {}
    G, gamma = fit.theta.G[one][None], fit.gamma_draws[one][None]
    return {
        FIXED: explained_variance(gamma, rows.X - rows.X.mean(axis=0)),
        RANDOM: between_variance(G, rows.second_moment),
        RESIDUAL: residual,
    }


def _iccs(fit: Fit, scale: str, residual: Floats, at: dict[str, float] | None) -> _Rows:
    """Each factor's share on a scale, at stated values of the random columns or over the rows."""
    second = None if at is None else moment_at(fit.design, at)
    if scale == OBSERVATION:
        shares = response_shares(fit, second)
    else:
        G = fit.theta.G[draws_for_responses(fit)][None]
        second = fit.design.rows.second_moment if second is None else second
        shares = shares_of(G, residual, second, fit.design.spans)
    names = [factor.name for factor in fit.design.factors]
    labels = [f"icc[{name}]" for name in names] if len(names) > 1 else ["icc"]
    stated = ", ".join(f"{k} = {v:g}" for k, v in (at or {}).items())
    where = "" if at is None else f" at {stated or 'Intercept = 1'}"
    return {(scale, f"{label}{where}"): share for label, share in zip(labels, shares, strict=True)}


def _notes(fit: Fit, interval: Interval, latent: bool, mean: Floats) -> tuple[str, ...]:
    """What each scale is, in words."""
    family, offsets = fit.problem.family_rows.family, fit.design.specification.offsets
    notes = spread_in_words(fit, interval)
    notes.append(
        "R2 marginal is the share of the fixed part in its variance over the rows, that of the "
        "random effects averaged over the rows, and the residual; R2 conditional counts the random "
        "effects as explained"
    )
    if latent and family.has_latent_scale:
        notes.append(
            "latent: of the response behind the link, whose variance given the linear predictor is "
            "the residual"
        )
    elif latent:
        notes.append(
            "latent: of the linear predictor, the residual being the observation-level variance "
            f"ln(1 + V/λ²) at the average expected response λ = {float(mean.mean()):.4g} "
            "(Nakagawa, Johnson and Schielzeth)"
        )
    else:
        notes.append(
            f"{family.title} with the {family.link} link has no latent response, and no "
            "observation-level variance is stated for it"
        )
    words = "of trials their share" if fit.problem.family_rows.of_trials else "of ordered " \
        "categories their number"  # fmt: skip
    known = fit.problem.family_rows.of_trials or "ordered" in family.dispersion_kinds
    notes.append(
        "observation: of the response itself" + (f", {words}" if known else "")
        + ", the random effects integrated out at each row"
        + ("; offsets count there, and not on the latent scale" if offsets and latent else "")
    )  # fmt: skip
    return tuple(notes)
