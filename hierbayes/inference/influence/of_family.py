"""What each group, or row, does to the maximum of a family's likelihood: the case left out.

The rows of a group leave; u of the others, and every column, stay as they are.  The estimates
without it are first those of one Newton step from the estimates with it,

    x − H₍ⱼ₎⁻¹ g₍ⱼ₎,

g and H being those of the likelihood of the other rows at the estimates with all, and then those of
that likelihood maximised.  Without a single row H is that with all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import chdtr

from hierbayes.design.blocks import free_entries
from hierbayes.design.subject import subject_of
from hierbayes.display.steps import steps
from hierbayes.errors import InferenceError
from hierbayes.estimation.laplace_search import ascent_step, newton_step, refine
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of
from hierbayes.fit.of_family.dispersion_tables import names_by_title
from hierbayes.fit.of_family.evidence import is_singular
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.of_family.response import dispersion_at_point
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.influence.family_cases import Cases, group_cases, row_cases
from hierbayes.inference.influence.influence_tables import Influence
from hierbayes.inference.influence.rules import InfluenceTables, findings, limits
from hierbayes.inference.profiles.parameter import Estimates, parameter_values, parameters_of
from hierbayes.likelihood.laplace import LatentPoint
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.theta import Theta

_OWN = 1e-11  # smallest eigenvalue of the scaled X'X that is not 0
_MANY = 20  # refits, from which on progress is shown
_LEAST = 0.05  # a pivot of the root where a search begins
ONE_STEP = "one step"


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Estimates without a group.

    Parameters
    ----------
    x : (k,) float
        Coordinates of the search; missing where the group cannot be left out.
    cov : (p, p) float
        Covariance of γ.
    reason : str
        Why it cannot.
    """

    x: Floats
    cov: Floats
    reason: str = ""


class Deletion:
    """Leaves out cases of a fit.

    Parameters
    ----------
    fit : FamilyPointFit
    cases : Cases
    """

    def __init__(self, fit: FamilyPointFit, cases: Cases) -> None:
        self.fit, self.cases, self.rows = fit, cases, cases.rows
        self.lower = free_entries(fit.design.blocks)
        self.whole = self._criterion(self.rows)
        self.x = self.whole.coordinates(fit.optimum.mode.point)
        size = np.abs(np.diag(fit.optimum.hessian))
        self.scale = np.clip(1.0 / np.sqrt(np.maximum(size, 1e-8)), 1e-3, 1.0)

    def _criterion(self, rows: LatentRows) -> LatentCriterion:
        found = curvature_of(self.fit.problem, rows)
        return LatentCriterion(rows, self.lower, found, self.fit.evidence.nodes)

    def without(self, j: int, *, anew: bool) -> LeftOut:
        """The estimates without case j: of one step, or maximised anew."""
        rows = _only(self.rows, self.cases.kept(j))
        reason = self._why_not(rows)
        p = self.whole.p
        if reason:
            return LeftOut(np.full(len(self.x), np.nan), np.full((p, p), np.nan), reason)
        criterion = self._criterion(rows)
        if anew:
            x, hessian = refine(criterion, self._off_zero(self.x), self.scale)
        elif self.cases.are_rows:
            hessian = self.fit.optimum.hessian
            x = self.x + ascent_step(hessian, criterion(self.x)[1], self.scale)
        else:
            x, hessian = newton_step(criterion, self.x, self.scale)
        return LeftOut(x, self._covariance(hessian))

    def _off_zero(self, x: Floats) -> Floats:
        """A pivot at 0 would not see that it should grow."""
        p, (rows, columns) = self.whole.p, self.lower
        moved = x.copy()
        for place in np.flatnonzero(rows == columns) + p:
            if abs(moved[place]) < _LEAST:
                moved[place] = _LEAST
        return moved

    def _why_not(self, rows: LatentRows) -> str:
        sizes = rows.m if rows.m.ndim == 1 else rows.m[:, 0]  # without columns of zeros
        if not len(rows.y) or np.ptp(rows.y / np.maximum(sizes, 1.0)) == 0.0:
            return "all other responses are alike"
        size = np.sqrt((rows.X**2).sum(axis=0))
        scaled = rows.X / np.maximum(size, 1e-300)
        if len(size) == 0:
            return ""
        if size.min() == 0.0 or np.linalg.eigvalsh(scaled.T @ scaled)[0] < _OWN:
            return "the others do not tell the fixed coefficients apart"
        return ""

    def _covariance(self, hessian: Floats) -> Floats:
        """Covariance of γ in the user's units; a pivot at 0 is held."""
        p = self.whole.p
        flat = np.abs(np.diag(hessian)) < 1e-8
        inside = np.flatnonzero(~flat)
        inverse = np.linalg.pinv(-hessian[np.ix_(inside, inside)], hermitian=True)
        cov = np.zeros_like(hessian)
        cov[np.ix_(inside, inside)] = inverse
        return np.asarray(self.fit.scale @ cov[:p, :p] @ self.fit.scale.T)

    def is_singular(self, left: LeftOut) -> bool:
        """Whether G without the group is singular."""
        return not left.reason and is_singular(self.whole.point(left.x).root)

    def estimates(self, x: Floats) -> Estimates:
        """All parameters at coordinates."""
        point: LatentPoint = self.whole.point(x)
        basis = self.fit.problem.working.basis
        gamma = basis.gamma(point.gamma)
        phi = dispersion_at_point(self.fit, gamma, point.phi)
        return Estimates(gamma, Theta.of(basis.root(point.root), np.ones(())), phi)


def _only(rows: LatentRows, kept: Integers) -> LatentRows:
    """Some of the rows; groups without any keep their place."""
    return replace(
        rows,
        y=rows.y[kept], m=rows.m[kept], offset=rows.offset[kept],
        X=np.ascontiguousarray(rows.X[kept]), Z=np.ascontiguousarray(rows.Z[kept]),
        codes_of=tuple(codes[kept] for codes in rows.codes_of), at=rows.at[kept],
    )  # fmt: skip


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
