"""Influence: what each group, or each row, does to the estimates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import chdtr

from hierbayes.design.subject import subject_of
from hierbayes.errors import InferenceError
from hierbayes.fit.evidence import count_variances
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.influence.case_results import CaseResults, leave_out
from hierbayes.inference.influence.influence_tables import Influence
from hierbayes.inference.influence.of_family import family_influence
from hierbayes.inference.influence.rules import InfluenceTables, findings, limits
from hierbayes.inference.influence.whitened import whitened
from hierbayes.inference.residuals.anchor import Anchor, anchor
from hierbayes.inference.residuals.level1 import groups_of_rows
from hierbayes.inference.residuals.row_variances import (
    room_of,
    row_variances,
    weighed_residuals,
)
from hierbayes.likelihood.covariance import block_mask, sd_corr
from hierbayes.likelihood.reading import ML, Reading
from hierbayes.specification.counts import is_whole


def influence(
    fit: Fit,
    factor: str | None = None,
    *,
    level: int = 2,
    refit: int | None = None,
    progress: bool = True,
) -> Influence:
    """What each group, or each row, does to γ, G, σ and the likelihood.

    With a group its rows leave, and with them the groups of other factors that had no other rows:
    with a school its classes.  Columns made of all rows, such as group means, stay as they are.
    Parameters of a residual structure are held at their estimates.  Cook's distance of a case is
    (γ̂ − γ̂₍₋₎)' V⁻¹ (γ̂ − γ̂₍₋₎)/p, with γ̂₍₋₎ the estimates without it, V the covariance of γ̂ with
    all cases given θ̂, and p the number of fixed columns.

    Parameters
    ----------
    fit : Fit
        By REML or ML.
    factor : str, optional
        Whose groups are left out, where the model has several grouping factors.
    level : int
        2 leaves out each group, 1 each row.
    refit : int, optional
        For how many cases, those with the largest Cook's distance given θ̂, all is estimated
        anew; the others hold G and σ at their estimates. By default every group and no row.
        Of a family that is not Gaussian the others take one Newton step of the likelihood without
        them (without a row, with the curvature of all rows); V is then the covariance of γ̂ with
        all else estimated.
    progress : bool
        Whether to show progress, where there are many cases to refit.

    Returns
    -------
    Influence

    Raises
    ------
    HypothesisError
        When it is no fit.
    InferenceError
        When it is no fit by REML or ML, or level or refit have no meaning.
    FormulaError
        When the fixed part is 0.
    DataError
        When there is no such factor, or there are several and none is named.

    References
    ----------
    Cook (1986), *Journal of the Royal Statistical Society B* 48, 133–169; Christensen, Pearson &
    Johnson (1992), *Technometrics* 34, 38–45; Belsley, Kuh & Welsch (1980), *Regression
    Diagnostics*; Nieuwenhuis, te Grotenhuis & Pelzer (2012), doi:10.32614/RJ-2012-011.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> hb.influence(model.reml()).frame["cook"].nlargest(2).round(3).to_dict()
    {'7688': 0.124, '5619': 0.11}
    """
    refuse_other_than_fit(fit, "influence", structured=True)
    fit.design.refuse_no_fixed_part("influence()")
    _refuse_wrong_counts(level, refit)
    if level == 1 and refit:
        fit.problem.refuse_residual_structure("influence(level=1, refit=)")
    if isinstance(fit, FamilyPointFit) and fit.engine == "ML":
        return family_influence(fit, _place(fit, level, factor), refit, progress=progress)
    reading = _reading(fit)
    k = _place(fit, level, factor)
    at = anchor(fit)
    cases = at if k is None else replace(at, problem=whitened(at.problem))
    results = leave_out(cases, k, refit, reading, progress=progress)
    return _assemble(fit, at, k, results, reading)


def _place(fit: Fit, level: int, factor: str | None) -> int | None:
    """The factor whose groups are left out; None where rows are."""
    if level == 1:
        if factor is not None:
            raise InferenceError(
                f"level=1 leaves out rows, and factor={factor!r} says whose groups are left out; "
                "state one of the two"
            )
        return None
    fit.design.refuse_no_groups("influence()")
    k = fit.design.place_of_factor(factor)
    J = fit.design.factors[k].J
    if J < 3:
        raise InferenceError(
            f"leaving out one of {J} groups leaves one, and a hierarchical model needs two; "
            "use level=1"
        )
    return k


def _reading(fit: Fit) -> Reading:
    if fit.reading is not None:
        return fit.reading
    verb = "reml" if fit.problem.family is None else "ml"
    raise InferenceError(
        f"influence() maximises the likelihood anew, and a {fit.engine} fit does not maximise one; "
        f"use model.{verb}(), or hb.SensitivityStudy(posterior).deletion() for a posterior"
    )


def _refuse_wrong_counts(level: int, refit: int | None) -> None:
    if not is_whole(level) or level not in (1, 2):
        raise InferenceError(f"level must be 1 (rows) or 2 (groups), not {level!r}")
    if refit is not None and not (is_whole(refit) and refit >= 0):
        raise InferenceError(f"refit must be a whole number of cases, 0 or more, not {refit!r}")


def _assemble(
    fit: Fit, at: Anchor, k: int | None, results: CaseResults, reading: Reading
) -> Influence:
    design = fit.design
    index = design.rows.index if k is None else pd.Index(design.factors[k].labels, name="group")
    terms = pd.Index(design.terms, name="term")
    changes, p = results.changes, len(terms)
    frame = _frame(fit, at, k, results, reading).set_axis(index)
    full_gamma, full_se = fit.fixef(), np.sqrt(np.diag(fit.vcov()))
    names, values = _variance(fit, results.G, results.sigma)
    _, full_values = _variance(fit, fit.G[None], np.array([fit.sigma]))
    dfbetas = (full_gamma.to_numpy() - changes.gamma) / changes.se
    tables = InfluenceTables(
        kind="row" if k is None else design.factors[k].name,
        frame=frame,
        dfbetas=pd.DataFrame(dfbetas, index=index, columns=terms),
        t=pd.DataFrame(changes.gamma / changes.se, index=index, columns=terms),
        variance=pd.DataFrame(values, index=index, columns=names),
        full_t=full_gamma / full_se,
        full_variance=pd.Series(full_values[0], index=names),
        full_singular=fit.singular,
    )
    limit = limits(len(index), p)
    effects = list(design.effect_labels)
    coords = {"case": np.asarray(index), "effect": effects, "effect_bis": effects}
    return Influence(
        frame=frame,
        dfbetas=tables.dfbetas,
        gamma=pd.DataFrame(changes.gamma, index=index, columns=terms),
        t=tables.t,
        variance=tables.variance,
        G=xr.DataArray(results.G, dims=tuple(coords), coords=coords, name="G"),
        full=pd.concat(
            {"gamma": full_gamma, "variance": tables.full_variance}, names=["block", "parameter"]
        ).to_frame("estimate"),
        limits=limit,
        about=subject_of(design).lines(("Method", _method(fit, len(index), results.refits))),
        findings=findings(tables, limit),
    )


def _frame(
    fit: Fit, at: Anchor, k: int | None, results: CaseResults, reading: Reading
) -> pd.DataFrame:
    """The frame of `Influence`, its rows in the order of the cases."""
    p = len(fit.design.terms)
    moving = replace(fit.problem, moments=None)  # parameters of the errors are held
    free = count_variances(moving) + (p if reading == ML else 0)
    return pd.DataFrame(
        {
            **_about_cases(fit, at, k),
            "cook": results.changes.cook,
            "covratio": results.changes.covratio,
            "cook_given_theta": results.cook_given_theta,
            "displacement": results.displacement,
            "region": chdtr(free, np.maximum(results.displacement, 0.0)),
            "singular": results.singular,
            "method": results.method,
            "reason": results.reasons,
        }
    )


def _about_cases(fit: Fit, at: Anchor, k: int | None) -> dict[str, object]:
    """What is known of each case beside its changes."""
    if k is not None:
        return {"n": fit.problem.holding_sigma.products.levels[k].rows.astype(np.intp)}
    rows, rest = row_variances(at), fit.residuals(effects="all").to_numpy()
    sd = fit.design.rows.row_sd
    own = room_of(rows.conditional_variance, np.asarray(fit.problem.error_scale()) ** 2)
    room = room_of(rows.precision, rows.own_precision)
    return {
        **groups_of_rows(fit.design),
        "leverage": rows.leverage,
        "studentized": rest / (fit.sigma * sd * np.sqrt(own)),
        "deleted_residual": sd * weighed_residuals(at, rest / sd) / room,
    }


def _variance(fit: Fit, G: Floats, sigma: Floats) -> tuple[list[str], Floats]:
    """Names of sd, corr and σ, and their values (m, k)."""
    effects = fit.design.effect_labels
    sd, corr = sd_corr(G)
    inside: Booleans = np.tril(block_mask(fit.design.blocks), -1)
    rows, columns = np.nonzero(inside)
    names = [f"sd({effect})" for effect in effects]
    names += [f"corr({effects[c]}, {effects[r]})" for r, c in zip(rows, columns, strict=True)]
    values = np.column_stack([sd, corr[:, rows, columns], sigma])
    if fit.design.specification.known_sd:
        return names, values[:, :-1]
    return [*names, "sigma"], values


def _method(fit: Fit, total: int, refits: int) -> str:
    held = "" if fit.problem.moments is None else "; the parameters of the errors held"
    if refits == total:
        return f"{fit.engine} anew without each case; with each case less without it{held}"
    return (
        f"{refits} of {total} cases refitted by {fit.engine}, θ̂ held for the others; with "
        f"each case less without it{held}"
    )
