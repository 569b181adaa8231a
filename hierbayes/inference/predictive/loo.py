"""Each row left out, the others of its group staying."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.steps import steps
from hierbayes.errors import InferenceError
from hierbayes.fit.convergence import relative_efficiency
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.predictions.densities_of_errors import given_other_errors
from hierbayes.fit.predictions.law_of_rows import law_of, observed_responses
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.predictive.criterion import BY_ROW, PredictiveCriterion, in_words
from hierbayes.inference.predictive.left_out_rows import (
    densities_given_draws,
    densities_given_estimates,
)
from hierbayes.inference.predictive.pareto_smoothing import (
    FEWEST,
    k_hat_limit,
    log_mean,
    smoothed,
)

_IMPORTANCE, _EXACT, _PLUG_IN = "importance weights", "exact given γ and θ", "exact given θ̂"
_MANY = 500  # rows computed anew, from where on they show a bar


def loo(fit: Fit, *, progress: bool = True) -> PredictiveCriterion:
    """Expected log predictive density of each row given all others: conditional, by row.

    The group of the row keeps its other rows, so that this is about further rows of the groups that
    are there; `logo` is about new groups.  Of a posterior the density of each row given γ, u and
    θ is weighted to what it would be without the row, by Pareto-smoothed importance sampling.
    Where k̂ says that the weights cannot be trusted, and the response is Gaussian, the density is
    computed again with u integrated out, exactly, given each draw of γ and θ.  A Gaussian REML, ML
    or MAP fit leaves each row out exactly given θ̂, which is that of all rows.  Where errors are
    correlated, a row is given the errors of the others of its group too.

    Parameters
    ----------
    fit : Fit
    progress : bool
        Whether to show progress, where many rows are computed again.

    Returns
    -------
    PredictiveCriterion

    Raises
    ------
    HypothesisError
        When it is no fit.
    InferenceError
        When the posterior has too few draws, or it is a maximum of a family that is not Gaussian.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), doi:10.1007/s11222-016-9696-4; Merkle, Furr & Rabe-Hesketh
    (2019), doi:10.1007/s11336-019-09679-0; Vehtari, Mononen, Tolvanen, Sivula & Winther (2016),
    JMLR 17(103); Bürkner, Gabry & Vehtari (2021), doi:10.1007/s00180-020-01045-4.

    Examples
    --------
    >>> import hierbayes as hb
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hb.load_dataset("hs")).reml()
    >>> found = hb.loo(fit)
    >>> round(found.elpd, 1), found.criterion
    (-6409.3, 'conditional, by row')
    """
    refuse_other_than_fit(fit, "loo", structured=True)
    if isinstance(fit, PosteriorFit):
        return _of_draws(fit, progress=progress)
    if isinstance(fit, FamilyPointFit) or not isinstance(fit, PointFit):
        raise InferenceError(
            f"loo() leaves rows out of a maximum where the response is Gaussian, and the family of "
            f"this model is {fit.problem.family}; use model.sample(), whose draws are weighted"
        )
    return _of_maximum(fit)


def _of_maximum(fit: PointFit) -> PredictiveCriterion:
    elpd, whole = densities_given_estimates(fit)
    frame = _frame(fit, elpd, whole - elpd, np.full(len(elpd), np.nan), np.array(_PLUG_IN))
    notes = [
        f"θ̂ by {fit.engine} is that of all rows, γ and u are integrated out given it: with few "
        "groups the numbers are a little too large."
    ]
    lost = frame.index[~np.isfinite(elpd)]
    if len(lost):
        notes.append(
            f"{len(lost)} rows alone carry a coefficient, and nothing predicts them: "
            f"{in_words(lost)}."
        )
    return _criterion(fit, frame, np.nan, "each row left out exactly given θ̂", notes)


def _of_draws(fit: PosteriorFit, *, progress: bool) -> PredictiveCriterion:
    draws = fit.parameter_draws(None, None, fit.evidence.seed)
    refuse_few_draws("loo", draws.M)
    limit, efficiency = k_hat_limit(draws.M), relative_efficiency(fit)
    elpd, k_hat, whole = _weighted(fit, draws, efficiency)
    method = np.full(len(elpd), _IMPORTANCE, dtype=object)
    again = np.flatnonzero(k_hat > limit)
    if _is_closed(fit):
        method[again] = _EXACT
        elpd[again], k_hat[again] = _anew(fit, draws, again, efficiency, progress=progress)
    frame = _frame(fit, elpd, whole - elpd, k_hat, method)
    how = f"importance weights over {draws.M} draws, each worth {efficiency:.2g}, of {draws.source}"
    return _criterion(fit, frame, limit, how, _notes(fit, frame, again, limit))


def _is_closed(fit: PosteriorFit) -> bool:
    """Whether rows are computed again with u integrated out."""
    return fit.problem.family is None and fit.problem.moments is None


def refuse_few_draws(verb: str, M: int) -> None:
    """Refuse fewer draws than a tail of weights can be fitted to.

    Raises
    ------
    InferenceError
    """
    if M < FEWEST:
        raise InferenceError(
            f"{verb}() weights the draws of a posterior, at least {FEWEST}, and this has {M}; "
            "sample more"
        )


def _weighted(
    fit: PosteriorFit, draws: ParameterDraws, efficiency: float
) -> tuple[Floats, Floats, Floats]:
    """Log density of each row without it (n,), k̂ of its weights, and the same with the row."""
    n = fit.design.n
    elpd, k_hat, whole = np.empty(n), np.empty(n), np.empty(n)
    even = np.array([[-np.log(draws.M)]])
    for at, values in _log_densities(fit, draws):
        by_row = np.ascontiguousarray(values.T)
        weights, k_hat[at] = smoothed(-by_row, efficiency)
        elpd[at], whole[at] = log_mean(weights, by_row), log_mean(even, by_row)
    return elpd, k_hat, whole


def _log_densities(fit: PosteriorFit, draws: ParameterDraws) -> Iterable[tuple[slice, Floats]]:
    """Log density (M, m) of some of the rows in turn, given those of the others that tell of it."""
    if fit.problem.has_correlated_errors:
        return [(slice(0, fit.design.n), given_other_errors(fit.problem, draws))]
    rows = rows_to_predict(fit.design, None)
    return draws.log_densities(rows, law_of(fit.problem, rows), observed_responses(fit.problem))


def _anew(
    fit: PosteriorFit,
    draws: ParameterDraws,
    again: Integers,
    efficiency: float,
    *,
    progress: bool,
) -> tuple[Floats, Floats]:
    """Log density (m,) of some rows without them and k̂, u of their groups integrated out."""
    elpd, k_hat = np.empty(len(again)), np.empty(len(again))
    with steps(len(again), "rows", progress=progress and len(again) >= _MANY) as counted:
        for (at, row), _ in zip(enumerate(again.tolist()), counted, strict=True):
            values = densities_given_draws(fit.design, draws, row)[None]
            weights, k_hat[at : at + 1] = smoothed(-values, efficiency)
            elpd[at] = log_mean(weights, values)[0]
    return elpd, k_hat


def _frame(fit: Fit, elpd: Floats, p: Floats, k_hat: Floats, method: object) -> pd.DataFrame:
    columns = {"elpd": elpd, "p": p, "k_hat": k_hat, "method": method}
    return pd.DataFrame(columns, index=fit.design.rows.index)


def _notes(fit: PosteriorFit, frame: pd.DataFrame, again: Integers, limit: float) -> list[str]:
    """Which rows were computed again, and which cannot be trusted."""
    notes, labels = [], frame.index[again]
    if len(again) and _is_closed(fit):
        notes.append(
            f"Of {len(again)} of {len(frame)} rows k̂ was above {limit:.2f} given u, and they were "
            f"computed exactly given γ and θ: {in_words(labels)}."
        )
    bad = frame.index[(frame["k_hat"] > limit).to_numpy()]
    if len(bad):
        why = "" if fit.problem.family is None else ", and this family has no closed form without u"
        notes.append(
            f"Of {len(bad)} of {len(frame)} rows k̂ is above {limit:.2f}, and the numbers cannot be "
            f"trusted{why}: {in_words(bad)}."
        )
    if fit.objection:
        notes.append(f"The draws cannot be used: {fit.objection}.")
    return notes


def _criterion(
    fit: Fit, frame: pd.DataFrame, limit: float, how: str, notes: list[str]
) -> PredictiveCriterion:
    errors = ", and their errors" if fit.problem.has_correlated_errors else ""
    about = subject_of(fit.design).lines(("Given", f"the other rows, of its own group too{errors}"),
                                         ("Method", how))  # fmt: skip
    return PredictiveCriterion(BY_ROW, frame, limit, fit, "", about, tuple(notes))
