"""Each group left out, as a new one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.errors import InferenceError
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.influence.case import why_not, without_groups
from hierbayes.inference.predictive.criterion import BY_GROUP, PredictiveCriterion, in_words
from hierbayes.inference.predictive.left_out_groups import densities_at, refitted_groups
from hierbayes.inference.predictive.loo import refuse_few_draws
from hierbayes.inference.predictive.pareto_smoothing import k_hat_limit, log_mean, smoothed
from hierbayes.likelihood.reading import NORMAL, REML


def logo(fit: Fit, factor: str | None = None, *, progress: bool = True) -> PredictiveCriterion:
    """Expected log predictive density of each group given all others: marginal, by group.

    All rows of a group together, as of a new group: its u, and γ, are integrated out exactly given
    θ, from cross-products.  Of a posterior the draws of θ are weighted to what they would be
    without the group, by Pareto-smoothed importance sampling; θ has few dimensions, and the weights
    are good as a rule.  A REML or ML fit is refitted without each group, and the density is that at
    the θ̂ of the others, γ integrated out under a flat prior.

    Parameters
    ----------
    fit : Fit
        Of a Gaussian response: a posterior, or by REML or ML.
    factor : str, optional
        Whose groups are left out, where the model has several grouping factors.
    progress : bool
        Whether to show progress, where there are many groups to refit.

    Returns
    -------
    PredictiveCriterion

    Raises
    ------
    HypothesisError
        When it is no fit.
    FormulaError
        When the response is not Gaussian.
    InferenceError
        When it is a MAP fit, a prior of γ is not normal, or the posterior has too few draws.
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
    refuse_other_than_fit(fit, "logo")
    fit.problem.refuse_other_families()
    k = fit.design.place_of_factor(factor)
    if isinstance(fit, PosteriorFit):
        return _of_draws(fit, k)
    if not isinstance(fit, PointFit) or fit.reading is None:
        raise InferenceError(
            "logo() refits a REML or ML fit without each group, or weights a posterior, and this "
            f"is a {fit.engine} fit; use model.reml() or model.sample()"
        )
    found = refitted_groups(fit, k, fit.reading, progress=progress)
    labels, reasons = fit.design.factors[k].labels, np.array(found.reasons)
    notes = [
        f"{(reasons == reason).sum()} groups cannot be left out, {reason}: "
        f"{in_words(labels[reasons == reason])}."
        for reason in dict.fromkeys(found.reasons)
        if reason
    ]
    frame = _frame(fit, k, found.left_out, found.whole - found.left_out, np.nan, "refit")
    how = f"{fit.engine} anew without each group, γ and u integrated out at its θ̂"
    return _criterion(fit, k, frame, np.nan, how, notes)


def _of_draws(fit: PosteriorFit, k: int) -> PredictiveCriterion:
    priors = fit.priors
    if priors is None or not priors.collapses_gamma:
        raise InferenceError(
            "logo() integrates γ out, and a prior of γ here is not normal; state normal ones in "
            "priors=..., or use hb.loo()"
        )
    theta, reading = fit.theta.flat, REML if priors.gamma_is_flat else NORMAL
    M = len(theta.sigma)
    refuse_few_draws("logo", M)
    if reading == REML:
        _refuse_lost_columns(fit, k)
    values = densities_at(fit.problem, k, theta, priors.normal_gamma(fit.problem.products), reading)
    weights, k_hat = smoothed(-values)
    elpd, limit = log_mean(weights, values), k_hat_limit(M)
    whole = log_mean(np.array([[-np.log(M)]]), values)
    frame = _frame(fit, k, elpd, whole - elpd, k_hat, "importance weights")
    bad = frame.index[k_hat > limit]
    notes = []
    if len(bad):
        notes.append(
            f"{len(bad)} groups have a k̂ above {limit:.2f}, and their numbers cannot be trusted; "
            f"fit the model without them to see what they do: {in_words(bad)}."
        )
    if fit.objection:
        notes.append(f"The draws cannot be used: {fit.objection}.")
    how = f"importance weights over {M} draws of θ, γ and u integrated out given each"
    return _criterion(fit, k, frame, limit, how, notes)


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
    fit: Fit, k: int, elpd: Floats, p: Floats, k_hat: Floats | float, method: str
) -> pd.DataFrame:
    factor = fit.design.factors[k]
    n = np.bincount(fit.design.rows.codes_of[k], minlength=factor.J)
    columns = {"n": n, "elpd": elpd, "p": p, "k_hat": k_hat, "method": method}
    return pd.DataFrame(columns, index=pd.Index(factor.labels, name="group"))


def _criterion(
    fit: Fit, k: int, frame: pd.DataFrame, limit: float, how: str, notes: list[str]
) -> PredictiveCriterion:
    about = subject_of(fit.design).lines(("Given", "the other groups, as of a new one"),
                                         ("Method", how))  # fmt: skip
    name = fit.design.factors[k].name
    return PredictiveCriterion(BY_GROUP, frame, limit, fit, name, about, tuple(notes))
