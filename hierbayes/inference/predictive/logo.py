"""Each group left out, as a new one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.steps import steps
from hierbayes.errors import InferenceError
from hierbayes.fit.convergence import relative_efficiency
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.influence.case import why_not, without_groups
from hierbayes.inference.predictive.criterion import BY_GROUP, PredictiveCriterion, in_words
from hierbayes.inference.predictive.left_out_family_groups import (
    family_densities,
    refitted_family_groups,
)
from hierbayes.inference.predictive.left_out_groups import densities_at, refitted_groups
from hierbayes.inference.predictive.left_out_structured_groups import structured_densities
from hierbayes.inference.predictive.loo import refuse_few_draws
from hierbayes.inference.predictive.pareto_smoothing import k_hat_limit, log_mean, smoothed
from hierbayes.inference.predictive.sampled_without import sampled_without
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.specification.counts import refuse_bad_count

REFIT, WEIGHTED, SAMPLED = "refit", "importance weights", "sampled anew"


def logo(
    fit: Fit, factor: str | None = None, *, refit: int = 10, progress: bool = True
) -> PredictiveCriterion:
    """Expected log predictive density of each group given all others: marginal, by group.

    All rows of a group together, as of a new group: its u is integrated out, and of a Gaussian
    response γ too, exactly given θ, from cross-products; of other families u by quadrature about
    its mode, or by Laplace's approximation where it has more than two effects.  Of a posterior the
    draws are weighted to what they would be without the group, by Pareto-smoothed importance
    sampling; where k̂ says that the weights cannot be trusted, the others are sampled anew (not of a
    posterior with a residual structure, each of whose draws counts with its own R).  A
    REML or ML fit is refitted without each group, a residual structure held at its estimates, and
    the density is that at the estimates of the others: of a Gaussian response with γ integrated out
    under a flat prior, of other families at its maximum.

    Parameters
    ----------
    fit : Fit
        A posterior, or by REML or ML.
    factor : str, optional
        Whose groups are left out, where the model has several grouping factors.  Of a family that
        is not Gaussian the effects of the others are then those of the draws.
    refit : int
        Of a posterior: how many groups are sampled anew at most, those with the largest k̂ first.
    progress : bool
        Whether to show progress, where there are many groups to refit.

    Returns
    -------
    PredictiveCriterion

    Raises
    ------
    HypothesisError
        When it is no fit.
    InferenceError
        When it is a MAP fit, a prior of γ is not normal where it has to be integrated out, the
        posterior has too few draws, or a maximum of a family has several grouping factors.
    EstimationError
        When ``refit`` is no whole number from 0.
    DataError
        When there is no such factor, or there are several and none is named.

    References
    ----------
    Merkle, Furr & Rabe-Hesketh (2019), doi:10.1007/s11336-019-09679-0.

    Examples
    --------
    >>> import hierbayes as hb
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hb.load_dataset("hs")).reml()
    >>> found = hb.logo(fit)
    >>> len(found.frame), found.criterion
    (40, 'marginal, by group')
    """
    refuse_other_than_fit(fit, "logo", structured=True)
    fit.design.refuse_no_groups("logo()")
    k = fit.design.place_of_factor(factor)
    if isinstance(fit, PosteriorFit):
        refuse_bad_count("refit", refit, least=0)
        sampled_anew = 0 if fit.problem.moments is not None else refit
        return _of_draws(fit, k, sampled_anew, progress=progress)
    if not isinstance(fit, PointFit) or fit.priors is not None:
        raise InferenceError(
            "logo() refits a REML or ML fit without each group, or weights a posterior, and this "
            f"is a {fit.engine} fit; use model.reml(), model.ml() or model.sample()"
        )
    if isinstance(fit, FamilyPointFit):
        found = refitted_family_groups(fit, k, progress=progress)
        how = f"{fit.engine} anew without each group, u integrated out at the estimates"
    else:
        assert fit.reading is not None
        found = refitted_groups(fit, k, fit.reading, progress=progress)
        held = "" if fit.problem.moments is None else "; the parameters of the errors held"
        how = f"{fit.engine} anew without each group, γ and u integrated out at its θ̂{held}"
    labels, reasons = fit.design.factors[k].labels, np.array(found.reasons)
    notes = [
        f"{(reasons == reason).sum()} groups cannot be left out, {reason}: "
        f"{in_words(labels[reasons == reason])}."
        for reason in dict.fromkeys(found.reasons)
        if reason
    ]
    frame = _frame(fit, k, found.left_out, found.whole - found.left_out, np.nan, REFIT)
    return _criterion(fit, k, frame, np.nan, how, notes)


def _of_draws(fit: PosteriorFit, k: int, refit: int, *, progress: bool) -> PredictiveCriterion:
    M = fit.theta.sigma.size
    refuse_few_draws("logo", M)
    values = _densities(fit, k)
    limit, efficiency = k_hat_limit(M), relative_efficiency(fit)
    weights, k_hat = smoothed(-values, efficiency)
    elpd = log_mean(weights, values)
    whole = log_mean(np.array([[-np.log(M)]]), values)
    method = np.full(len(elpd), WEIGHTED, dtype=object)
    bad = np.flatnonzero(k_hat > limit)
    chosen = bad[np.argsort(-k_hat[bad], kind="stable")][:refit]
    doubts: list[str] = []
    with steps(len(chosen), "groups", progress=progress) as counted:
        for j, _ in zip(chosen.tolist(), counted, strict=True):
            found, reason = sampled_without(fit, k, j)
            if reason:
                doubts.append(f"{fit.design.factors[k].labels[j]}: {reason}")
            else:
                elpd[j], k_hat[j], method[j] = found, np.nan, SAMPLED
    frame = _frame(fit, k, elpd, whole - elpd, k_hat, method)
    integrated = "γ and u" if fit.problem.family is None else "u"
    of = "θ" if fit.problem.family is None else "all parameters"
    how = (
        f"importance weights over {M} draws of {of}, each worth {efficiency:.2g}, {integrated} "
        "integrated out given each"
    )
    return _criterion(fit, k, frame, limit, how, _notes(fit, frame, limit, doubts))


def _densities(fit: PosteriorFit, k: int) -> Floats:
    """Log density (J, M) of each group at each draw."""
    if isinstance(fit, FamilyPosteriorFit):
        return family_densities(fit, k)
    priors = fit.priors
    if priors is None or not priors.collapses_gamma:
        raise InferenceError(
            "logo() integrates γ out, and a prior of γ here is not normal; state normal ones in "
            "priors=..., or use hb.loo()"
        )
    reading = REML if priors.gamma_is_flat else NORMAL
    if reading == REML:
        _refuse_lost_columns(fit, k)
    if isinstance(fit, StructuredPosteriorFit):
        return structured_densities(fit, k, reading)
    prior = priors.normal_gamma(fit.problem.unweighted.products)
    return densities_at(fit.problem, k, fit.theta.flat, prior, reading)


def _notes(fit: PosteriorFit, frame: pd.DataFrame, limit: float, doubts: list[str]) -> list[str]:
    """Which groups were sampled anew, and which cannot be trusted."""
    notes, anew = [], frame.index[(frame["method"] == SAMPLED).to_numpy()]
    if len(anew):
        notes.append(
            f"Of {len(anew)} of {len(frame)} groups k̂ was above {limit:.2f}, and the draws without "
            f"each were made anew: {in_words(anew)}."
        )
    notes += [f"Sampling anew without a group failed, {one}." for one in doubts]
    bad = frame.index[(frame["k_hat"] > limit).to_numpy()]
    if len(bad):
        remedy = "a larger refit= samples anew without them"
        if fit.problem.moments is not None:
            remedy = "with a residual structure nothing is sampled anew"
        notes.append(
            f"Of {len(bad)} of {len(frame)} groups k̂ is above {limit:.2f}, and the numbers cannot "
            f"be trusted; {remedy}: {in_words(bad)}."
        )
    if fit.objection:
        notes.append(f"The draws cannot be used: {fit.objection}.")
    return notes


def _refuse_lost_columns(fit: PosteriorFit, k: int) -> None:
    """Refuse a flat prior of γ where the others cannot estimate it without a group."""
    labels = fit.design.factors[k].labels
    for j, left in enumerate(without_groups(fit.problem, k, np.arange(len(labels)))):
        reason = why_not(left, fit.problem)
        if reason:
            raise InferenceError(
                f"without group {labels[j]!r} of '{fit.design.factors[k].name}' {reason}, and "
                "under a flat prior of γ nothing predicts it; state a normal prior of γ"
            )


def _frame(
    fit: Fit, k: int, elpd: Floats, p: Floats, k_hat: Floats | float, method: object
) -> pd.DataFrame:
    factor = fit.design.factors[k]
    n = fit.design.rows.sizes(k, factor.J)
    columns = {"n": n, "elpd": elpd, "p": p, "k_hat": k_hat, "method": method}
    return pd.DataFrame(columns, index=pd.Index(factor.labels, name="group"))


def _criterion(
    fit: Fit, k: int, frame: pd.DataFrame, limit: float, how: str, notes: list[str]
) -> PredictiveCriterion:
    about = subject_of(fit.design).lines(("Given", "the other groups, as of a new one"),
                                         ("Method", how))  # fmt: skip
    name = fit.design.factors[k].name
    return PredictiveCriterion(BY_GROUP, frame, limit, fit, name, about, tuple(notes))
