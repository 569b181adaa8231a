"""What each group, or row, does to the maximum of a family's likelihood: distances and pages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import chdtr

from hierbayes.design.subject import subject_of
from hierbayes.display.steps import steps
from hierbayes.errors import InferenceError
from hierbayes.fit.of_family.dispersion_tables import names_by_title
from hierbayes.fit.of_family.evidence import is_singular
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.influence.family_cases import Cases, group_cases, row_cases
from hierbayes.inference.influence.family_deletion import Deletion, LeftOut
from hierbayes.inference.influence.influence_tables import Influence
from hierbayes.inference.influence.rules import InfluenceTables, findings, limits
from hierbayes.inference.profiles.parameter import Estimates, parameter_values, parameters_of

_MANY = 20  # refits, from which on progress is shown
ONE_STEP = "one step"


def family_influence(
    fit: FamilyPointFit, k: int | None, refit: int | None, *, progress: bool
) -> Influence:
    """What each group of factor k, or each row, does to the estimates.

    Parameters
    ----------
    fit : FamilyPointFit
        Of maximum likelihood.
    k : int or None
        None where rows are left out.
    refit : int, optional
        For how many cases, those with the largest Cook's distance by one step, the likelihood is
        maximised anew; by default for all groups and no row.
    progress : bool
    """
    if not np.isfinite(fit.gamma_cov).all():
        raise InferenceError(
            "influence() measures in standard errors of the fixed effects, and one of these has "
            "no finite maximum (see diagnose()); state a prior of it, and use sample()"
        )
    deletion = Deletion(fit, row_cases(fit) if k is None else group_cases(fit, k))
    first = deletion.cases.first
    J = len(first)
    own = {j: deletion.without(j, anew=False) for j in np.unique(first).tolist()}
    left = [own[j] for j in first.tolist()]
    one_step = _cook(fit, deletion, left)
    refit = 0 if k is None and refit is None else refit
    possible = np.flatnonzero([not one.reason for one in left])
    order = possible[np.argsort(-one_step[possible], kind="stable")]
    chosen = order if refit is None else order[:refit]
    with steps(len(chosen), "refits", progress=progress and len(chosen) >= _MANY) as shown:
        for j, _ in zip(chosen.tolist(), shown, strict=True):
            left[j] = deletion.without(j, anew=True)
    method = np.full(J, ONE_STEP, dtype=object)
    method[chosen] = "refit"
    method[[bool(one.reason) for one in left]] = "none"
    return _tables(fit, deletion, left, one_step, method)


def _cook(fit: FamilyPointFit, deletion: Deletion, left: list[LeftOut]) -> Floats:
    """(γ̂ − γ̂₍ⱼ₎)'Cov(γ̂)⁻¹(γ̂ − γ̂₍ⱼ₎)/p of each group."""
    moved = fit.gamma - np.array([deletion.estimates(one.x).gamma for one in left])
    precision = np.linalg.pinv(fit.gamma_cov)
    return np.asarray(np.einsum("jp,pr,jr->j", moved, precision, moved) / moved.shape[1])


def _tables(
    fit: FamilyPointFit, deletion: Deletion, left: list[LeftOut], one_step: Floats, method: Floats
) -> Influence:
    design, cases = fit.design, deletion.cases
    index, terms = cases.index, pd.Index(fit.design.terms, name="term")
    found = [deletion.estimates(one.x) for one in left]
    gamma = np.array([one.gamma for one in found])
    se = np.sqrt([np.diag(one.cov) for one in left])
    variance, full_variance = _of_variance(fit, deletion, found)
    full_gamma = fit.fixef()
    tables = InfluenceTables(
        kind=cases.kind,
        frame=_frame(fit, deletion, left, one_step, method),
        dfbetas=pd.DataFrame((fit.gamma - gamma) / se, index=index, columns=terms),
        t=pd.DataFrame(gamma / se, index=index, columns=terms),
        variance=variance,
        full_t=full_gamma / np.sqrt(np.diag(fit.vcov())),
        full_variance=full_variance,
        full_singular=fit.singular,
    )
    limit, effects = limits(len(index), len(terms)), list(design.effect_labels)
    coords = {"case": np.asarray(index), "effect": effects, "effect_bis": effects}
    refits = int((method == "refit").sum())
    return Influence(
        frame=tables.frame,
        dfbetas=tables.dfbetas,
        gamma=pd.DataFrame(gamma, index=index, columns=terms),
        t=tables.t,
        variance=variance,
        G=xr.DataArray(
            np.array([one.theta.G for one in found]), dims=tuple(coords), coords=coords, name="G"
        ),
        full=pd.concat(
            {"gamma": full_gamma, "variance": full_variance}, names=["block", "parameter"]
        ).to_frame("estimate"),
        limits=limit,
        about=subject_of(design).lines(("Method", _method(fit, cases, refits))),
        findings=findings(tables, limit),
        beside=names_by_title(fit.problem.family_rows.family),
    )  # fmt: skip


def _of_variance(
    fit: FamilyPointFit, deletion: Deletion, found: list[Estimates]
) -> tuple[pd.DataFrame, pd.Series]:
    """Variance parameters without each case, and those of all."""
    parts = tuple(one for one in parameters_of(fit.problem) if one.block != "gamma")
    labels = [one.label for one in parts]
    values = np.array([parameter_values(parts, one) for one in found])
    whole = parameter_values(parts, deletion.estimates(deletion.x))
    without = pd.DataFrame(values, index=deletion.cases.index, columns=labels)
    return without, pd.Series(whole, index=labels)


def _frame(
    fit: FamilyPointFit, deletion: Deletion, left: list[LeftOut], one_step: Floats, method: Floats
) -> pd.DataFrame:
    """A row for each case, in numbers of all parameters together."""
    cases = deletion.cases
    drop = np.array([_displacement(deletion, one) for one in left])
    volumes = np.array([np.linalg.slogdet(one.cov)[1] for one in left])
    ratio = np.exp(volumes - np.linalg.slogdet(fit.gamma_cov)[1])
    if cases.are_rows:
        ratio[method == ONE_STEP] = np.nan  # the curvature is that with all rows
    singular = [not one.reason and is_singular(deletion.whole.point(one.x).root) for one in left]
    return pd.DataFrame(
        {
            **cases.about,
            "cook": _cook(fit, deletion, left),
            "covratio": ratio,
            "cook_one_step": one_step,
            "displacement": drop,
            "region": chdtr(len(deletion.x), np.maximum(drop, 0.0)),
            "singular": singular,
            "method": method,
            "reason": [one.reason for one in left],
        },
        index=cases.index,
    )


def _displacement(deletion: Deletion, left: LeftOut) -> float:
    """Twice the drop of the likelihood of all rows at the estimates without a group."""
    if left.reason:
        return float("nan")
    return float(2.0 * (deletion.fit.loglik - deletion.whole(left.x)[0]))


def _method(fit: FamilyPointFit, cases: Cases, refits: int) -> str:
    total, noun = len(cases.index), "rows" if cases.are_rows else "groups"
    step = "one Newton step"
    if cases.are_rows:
        step += ", the curvature that with all rows"
        if not refits:
            return f"{step}, for each row; with each less without it"
    anew = f"refitting ({fit.evidence.how}) without each; with each less without it"
    if refits == total:
        return anew
    return f"{refits} of {total} {noun} left out by {anew}; the others by {step}"
