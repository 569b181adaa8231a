"""Each row left out, the others of its group staying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.row_cases import row_cases
from hierbayes.design.rows import Rows
from hierbayes.design.subject import subject_of
from hierbayes.errors import InferenceError
from hierbayes.fit.convergence import relative_efficiency
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.thinned_draws import thinned
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.predictive.case_totals import CaseSums, CaseTotals
from hierbayes.inference.predictive.criterion import BY_ROW, PredictiveCriterion, in_words
from hierbayes.inference.predictive.left_out_rows import densities_given_estimates
from hierbayes.inference.predictive.pareto_smoothing import FEWEST, k_hat_limit
from hierbayes.inference.predictive.rows_given_draws import AT_ONCE, EXACT, RowsGivenDraws

_PLUG_IN = "exact given θ̂"


def loo(fit: Fit, *, progress: bool = True) -> PredictiveCriterion:
    """Expected log predictive density of each row given all others: conditional, by row.

    The group of the row keeps its other rows, so that this is about further rows of the groups that
    are there; `logo` is about new groups.  Of a posterior the density of each row given γ, u and
    θ is weighted to what it would be without the row, by Pareto-smoothed importance sampling.
    Where k̂ says that the weights cannot be trusted, and the response is Gaussian, the density is
    computed again with u integrated out, exactly, given each draw of γ and θ.  A Gaussian REML, ML
    or MAP fit leaves each row out exactly given θ̂, which is that of all rows.  Where errors are
    correlated, a row is given the errors of the others of its group too.  Rows that stream are read
    once more (of a family the distinct ones that were kept), and their numbers added up.

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
    def left_out(rows: Rows) -> pd.DataFrame:
        elpd, whole = densities_given_estimates(fit, rows)
        columns = {"elpd": elpd, "p": whole - elpd, "k_hat": np.nan, "method": _PLUG_IN}
        return pd.DataFrame(columns, index=rows.index)

    frame, totals, found = _by_row(fit, left_out, np.nan, AT_ONCE)
    notes = [
        f"θ̂ by {fit.engine} is that of all rows, γ and u are integrated out given it: with few "
        "groups the numbers are a little too large."
    ]
    if len(found.lost):
        notes.append(
            f"{len(found.lost)} rows alone carry a coefficient, and nothing predicts them: "
            f"{in_words(found.lost)}."
        )
    return _criterion(fit, frame, np.nan, "each row left out exactly given θ̂", notes, totals)


def _of_draws(fit: PosteriorFit, *, progress: bool) -> PredictiveCriterion:
    fit, why = thinned(fit)
    draws = fit.parameter_draws(None, None, fit.evidence.seed)
    refuse_few_draws("loo", draws.M)
    limit, efficiency = k_hat_limit(draws.M), relative_efficiency(fit)
    given = RowsGivenDraws(fit, draws, limit, efficiency, progress)
    frame, totals, found = _by_row(fit, given.of, limit, given.at_once)
    notes = _notes(given, found, len(frame) if totals is None else totals.cases)
    notes += [why] * bool(why)
    return _criterion(fit, frame, limit, given.how, notes, totals)


@dataclass(slots=True)
class _Found:
    """Labels of rows that notes name: computed anew, not to be trusted, not predicted by others."""

    again: pd.Index
    bad: pd.Index
    lost: pd.Index

    @classmethod
    def of(cls, frame: pd.DataFrame, limit: float, times: Floats | None = None) -> _Found:
        each = np.ones(len(frame), dtype=int) if times is None else times.astype(int)
        kinds = (frame["method"] == EXACT, frame["k_hat"] > limit, ~np.isfinite(frame["elpd"]))
        masks = [one.to_numpy() for one in kinds]
        return cls(*(frame.index[at].repeat(each[at]) for at in masks))

    def with_others(self, other: _Found) -> _Found:
        return _Found(
            self.again.append(other.again), self.bad.append(other.bad), self.lost.append(other.lost)
        )


def _by_row(
    fit: Fit, left_out: Callable[[Rows], pd.DataFrame], limit: float, at_once: int
) -> tuple[pd.DataFrame, CaseTotals | None, _Found]:
    """A frame of all rows; or of rows that stream the worst, and sums over all."""
    if not fit.design.rows.streams:
        frame = left_out(fit.design.rows)
        return frame, None, _Found.of(frame, limit)
    sums, found = CaseSums(limit), None
    for part in row_cases(fit.design):
        for piece in part.pieces(at_once):
            frame = left_out(piece.rows)
            sums.add(frame, piece.times)
            here = _Found.of(frame, limit, piece.times)
            found = here if found is None else found.with_others(here)
    assert found is not None
    totals, worst = sums.found()
    return worst, totals, found


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


def _notes(given: RowsGivenDraws, found: _Found, n: int) -> list[str]:
    """Which rows were computed again, and which cannot be trusted."""
    fit, limit, notes = given.fit, given.limit, []
    if len(found.again) and given.is_closed:
        notes.append(
            f"Of {len(found.again)} of {n} rows k̂ was above {limit:.2f} given u, and they were "
            f"computed exactly given γ and θ: {in_words(found.again)}."
        )
    if len(found.bad):
        why = "" if fit.problem.family is None else ", and this family has no closed form without u"
        notes.append(
            f"Of {len(found.bad)} of {n} rows k̂ is above {limit:.2f}, and the numbers cannot be "
            f"trusted{why}: {in_words(found.bad)}."
        )
    if fit.objection:
        notes.append(f"The draws cannot be used: {fit.objection}.")
    return notes


def _criterion(
    fit: Fit,
    frame: pd.DataFrame,
    limit: float,
    how: str,
    notes: list[str],
    totals: CaseTotals | None,
) -> PredictiveCriterion:
    errors = ", and their errors" if fit.problem.has_correlated_errors else ""
    about = subject_of(fit.design).lines(("Given", f"the other rows, of its own group too{errors}"),
                                         ("Method", how))  # fmt: skip
    return PredictiveCriterion(BY_ROW, frame, limit, fit, "", about, tuple(notes), totals)
