"""Influence: what each group, or each row, does to the estimates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import chdtr

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.errors import StudyError
from hierbayes.fit.evidence import Maximum, count_covariances
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.inference.anchor import Anchor, about_lines, anchor, refuse_other_than_fit
from hierbayes.inference.case import (
    Refit,
    estimable_effects,
    refit,
    why_not,
    without_groups,
    without_rows,
)
from hierbayes.inference.case_table import (
    Changes,
    displacements,
    groups_given_theta,
    refitted,
    rows_given_theta,
)
from hierbayes.inference.influence_rules import InfluenceTables, findings, limits
from hierbayes.inference.page import Page, Printed
from hierbayes.inference.row_variances import row_variances
from hierbayes.likelihood.collapsed import ML, REML
from hierbayes.likelihood.covariance import block_mask, sd_corr

_SHOWN = 5  # cases, in print


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Influence(Printed):
    """What each case does to the estimates; a case is a group (level 2) or a row (level 1).

    Parameters
    ----------
    frame : DataFrame
        A row per case: ``n`` (rows of a group) or ``group``, ``leverage``, ``studentized``,
        ``deleted_residual`` (y less its prediction without the row, of a row); then ``cook``,
        ``covratio``, ``cook_given_theta``, ``displacement`` (twice the drop of the likelihood
        of all rows at the estimates without the case), ``region`` (the probability of the χ²
        region on whose border these lie), ``singular`` (G without the case), ``method``
        (``"refit"``, ``"given θ̂"``, or ``"none"`` where the case cannot be left out) and
        ``reason`` (why not).
    dfbetas : DataFrame
        (γ̂ − γ̂ without the case)/its standard error without the case, by case and term.
    gamma, t : DataFrame
        Estimates of γ without the case and their t-values.
    variance : DataFrame
        sd, corr and σ without the case; missing where θ was not estimated anew.
    G : DataArray
        G without the case (case, effect, effect_bis).
    full : DataFrame
        Estimates with all cases: index (block, parameter), column ``estimate``.
    limits : Series
        Of the rules, see `influence_rules`.
    about, findings : tuple of str
    """

    frame: pd.DataFrame
    dfbetas: pd.DataFrame
    gamma: pd.DataFrame
    t: pd.DataFrame
    variance: pd.DataFrame
    G: xr.DataArray
    full: pd.DataFrame
    limits: pd.Series
    about: tuple[str, ...]
    findings: tuple[str, ...]

    def page(self) -> Page:
        """The cases with the largest Cook's distances, and what was found."""
        order = np.argsort(-self.frame["cook"].fillna(-1.0).to_numpy(), kind="stable")[:_SHOWN]
        shown = self.frame.drop(columns=["singular", "reason"]).iloc[order]
        tables = (
            ("Largest Cook's distances", shown.dropna(axis="columns", how="all")),
            ("DFBETAS of these", self.dfbetas.iloc[order]),
            ("Variance parameters without them", self.variance.iloc[order]),
        )
        kept = tuple((title, table) for title, table in tables if table.notna().any(axis=None))
        kind = "groups" if "n" in self.frame else "rows"
        lists = (("Findings", self.findings),)
        return Page(f"Influence of {len(self.frame)} {kind}", self.about, kept, lists)


def influence(fit: Fit, *, level: int = 2, refit: int | None = None) -> Influence:
    """What each group, or each row, does to γ, G, σ and the likelihood.

    Parameters
    ----------
    fit : Fit
        By REML or ML.
    level : int
        2 leaves out each group, 1 each row.
    refit : int, optional
        For how many cases, those with the largest Cook's distance given θ̂, all is estimated
        anew; the others hold G and σ at their estimates. By default every group and no row.

    Returns
    -------
    Influence

    Raises
    ------
    StudyError
        When it is no fit by REML or ML, or level or refit have no meaning.

    References
    ----------
    Cook (1986), doi:10.1111/j.2517-6161.1986.tb01398.x; Christensen, Pearson & Johnson (1992),
    doi:10.1080/00401706.1992.10484853; Belsley, Kuh & Welsch (1980), *Regression Diagnostics*;
    Nieuwenhuis, te Grotenhuis & Pelzer (2012), doi:10.32614/RJ-2012-011.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> hb.influence(model.reml()).frame["cook"].nlargest(2).round(3).to_dict()
    {'8854': 0.106, '5762': 0.095}
    """
    refuse_other_than_fit(fit, "influence")
    reading = _reading(fit)
    _refuse_wrong_counts(level, refit)
    if fit.design.J < 3 and level == 2:
        raise StudyError(
            f"leaving out one of {fit.design.J} groups leaves one, and a hierarchical model needs "
            "two; use level=1"
        )
    at = anchor(fit)
    reasons, given = _held(at, level)
    possible = np.flatnonzero([not reason for reason in reasons])
    wanted = (len(reasons) if level == 2 else 0) if refit is None else refit
    by_cook = possible[np.argsort(-given.cook[possible], kind="stable")]
    chosen = np.sort(by_cook[:wanted])
    fits = _refits(at, level, chosen, reading)
    return _assemble(fit, at, level, given, chosen, fits, reasons, reading)


def _reading(fit: Fit) -> int:
    if fit.engine == "REML":
        return REML
    if fit.engine == "ML":
        return ML
    raise StudyError(
        f"influence() maximises the likelihood anew, and a {fit.engine} fit does not maximise one; "
        "use model.reml(), or hb.SensitivityStudy(posterior).deletion() for a posterior"
    )


def _refuse_wrong_counts(level: object, refit: object) -> None:
    if isinstance(level, bool) or not isinstance(level, int | np.integer) or level not in (1, 2):
        raise StudyError(f"level must be 1 (rows) or 2 (groups), not {level!r}")
    whole = isinstance(refit, int | np.integer) and not isinstance(refit, bool)
    if refit is not None and not (whole and int(refit) >= 0):  # type: ignore[call-overload]
        raise StudyError(f"refit must be a whole number of cases, 0 or more, not {refit!r}")


def _held(at: Anchor, level: int) -> tuple[list[str], Changes]:
    """Why each case cannot be left out (empty where it can), and its changes given θ̂."""
    problem = at.problem
    if level == 2:
        effects = estimable_effects(problem.cross.A)
        reasons = [
            why_not(cross, problem, np.delete(effects, j, axis=0))
            for j, cross in enumerate(without_groups(problem))
        ]
        possible = np.flatnonzero([not reason for reason in reasons])
        return reasons, groups_given_theta(at, possible)
    rows = row_variances(at)
    given = rows_given_theta(at, rows, _conditional(at))
    itself = "it alone carries a coefficient, which fits it exactly"
    return ["" if known else itself for known in np.isfinite(given.cook)], given


def _conditional(at: Anchor) -> Floats:
    """y − Xγ̂ − Zû (n,) in the internal basis."""
    design = at.problem.design
    W, Z = at.problem.cross.basis.internal_rows(design.X, design.Z, design.y)
    u = at.moments.u[design.codes]
    rest: Floats = W[:, -1] - W[:, :-1] @ at.moments.gamma - (Z * u).sum(axis=1)
    return rest


def _refits(at: Anchor, level: int, chosen: Integers, reading: int) -> list[Refit]:
    problem = at.problem
    left: Iterable[CrossProducts]
    if level == 2:
        wanted = set(chosen.tolist())
        left = (one for j, one in enumerate(without_groups(problem)) if j in wanted)
    else:
        left = without_rows(problem, chosen)
    return [refit(one, problem, reading, at.root) for one in left]


def _assemble(
    fit: Fit,
    at: Anchor,
    level: int,
    given: Changes,
    chosen: Integers,
    fits: list[Refit],
    reasons: list[str],
    reading: int,
) -> Influence:
    design = fit.design
    index = pd.Index(design.groups, name="group") if level == 2 else design.index
    m, q, p = len(index), len(design.effects), len(design.terms)
    gamma, se, cook, ratio = (one.copy() for one in
                              (given.gamma, given.se, given.cook, given.covratio))  # fmt: skip
    G, sigma, drop = np.full((m, q, q), np.nan), np.full(m, np.nan), np.full(m, np.nan)
    singular = np.zeros(m, dtype=np.bool_)
    if fits:
        anew = refitted(at, fits)
        gamma[chosen], se[chosen] = anew.gamma, anew.se
        cook[chosen], ratio[chosen] = anew.cook, anew.covratio
        G[chosen], sigma[chosen] = [one.G for one in fits], [one.sigma for one in fits]
        singular[chosen] = [one.optimum.singular for one in fits]
        drop[chosen] = displacements(at, fits, reading)
    free = count_covariances(design.blocks) + 1 + (p if reading == ML else 0)
    method = np.full(m, "given θ̂", dtype=object)
    method[chosen] = "refit"
    method[[bool(reason) for reason in reasons]] = "none"
    frame = pd.DataFrame(
        {
            **_about_cases(fit, at, level),
            "cook": cook,
            "covratio": ratio,
            "cook_given_theta": given.cook,
            "displacement": drop,
            "region": chdtr(free, np.maximum(drop, 0.0)),
            "singular": singular,
            "method": method,
            "reason": reasons,
        },
        index=index,
    )
    terms = pd.Index(design.terms, name="term")
    full_gamma, full_se = fit.fixef(), np.sqrt(np.diag(fit.vcov()))
    names, values = _variance(fit, G, sigma)
    _, full_values = _variance(fit, fit.G_draws[0], fit.sigma_draws[0])
    tables = InfluenceTables(
        kind=design.specification.group if level == 2 else "row",
        frame=frame,
        dfbetas=pd.DataFrame((full_gamma.to_numpy() - gamma) / se, index=index, columns=terms),
        t=pd.DataFrame(gamma / se, index=index, columns=terms),
        variance=pd.DataFrame(values, index=index, columns=names),
        full_t=full_gamma / full_se,
        full_variance=pd.Series(full_values[0], index=names),
        full_singular=isinstance(fit.evidence, Maximum) and fit.evidence.singular,
    )
    limit = limits(m, p)
    effects = list(design.effects)
    return Influence(
        frame=frame,
        dfbetas=tables.dfbetas,
        gamma=pd.DataFrame(gamma, index=index, columns=terms),
        t=tables.t,
        variance=tables.variance,
        G=xr.DataArray(
            G,
            dims=("case", "effect", "effect_bis"),
            coords={"case": np.asarray(index), "effect": effects, "effect_bis": effects},
            name="G",
        ),
        full=pd.concat(
            {"gamma": full_gamma, "variance": tables.full_variance}, names=["block", "parameter"]
        ).to_frame("estimate"),
        limits=limit,
        about=(*about_lines(design), _given(fit, level, len(fits))),
        findings=findings(tables, limit),
    )


def _about_cases(fit: Fit, at: Anchor, level: int) -> dict[str, object]:
    """What is known of each case beside its changes."""
    design = fit.design
    if level == 2:
        return {"n": fit.problem.cross.rows.astype(np.intp)}
    rows, rest = row_variances(at), fit.residuals(level=1).to_numpy()
    room = np.where(rows.leverage < 1.0 - 1e-9, 1.0 - rows.leverage, np.nan)
    return {
        "group": np.asarray(design.groups)[design.codes],
        "leverage": rows.leverage,
        "studentized": rest / (fit.sigma * np.sqrt(room)),
        "deleted_residual": rest / room,
    }


def _variance(fit: Fit, G: Floats, sigma: Floats) -> tuple[list[str], Floats]:
    """Names of sd, corr and σ, and their values (m, k)."""
    effects = fit.design.effects
    sd, corr = sd_corr(G)
    inside: Booleans = np.tril(block_mask(fit.design.blocks), -1)
    rows, columns = np.nonzero(inside)
    names = [f"sd({effect})" for effect in effects]
    names += [f"corr({effects[c]}, {effects[r]})" for r, c in zip(rows, columns, strict=True)]
    return [*names, "sigma"], np.column_stack([sd, corr[:, rows, columns], sigma])


def _given(fit: Fit, level: int, refits: int) -> str:
    total = fit.design.J if level == 2 else len(fit.design.y)
    if refits == total:
        return f"Method: {fit.engine} anew without each case; changes are with it less without it"
    return (
        f"Method: {refits} of {total} cases refitted by {fit.engine}, θ̂ held for the others; "
        "changes are with the case less without it"
    )
