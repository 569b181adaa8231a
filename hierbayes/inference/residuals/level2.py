r"""Level-2 residuals: a row per group, each with the variance that it has over samples.

The diagnostic variance of the BLUP û_j, over y given θ, is

    Var(û_j) = GZ_j'PZ_jG = σ²(K_jA_jλλ' − K_jZ_j'X_j Q⁻¹ X_j'Z_jK_j)

(with several grouping factors G − Cov(u_j | γ, θ, y) less the second part), smaller than G, and
smaller the fewer rows a group has; its complement G − Var(û_j) is the
prediction-error variance.  It is singular where G is, or where a group has fewer rows than
random effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import chdtrc

from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.cell import p_words
from hierbayes.display.page import Page, Printed
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.residuals.anchor import (
    Anchor,
    anchor,
    given,
    sd_over_draws,
)
from hierbayes.inference.residuals.normal_scores import normal_scores
from hierbayes.likelihood.state import State

OUTLYING = 0.05  # over all groups: a p-value below OUTLYING/J is named
_RANK = 1e-9  # of an eigenvalue of Var(û_j), its effects scaled to unit sd, against the largest
_SHOWN = 5  # groups, in print


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Level2Residuals(Printed):
    """Residuals of the groups of a fit: their random effects.

    Parameters
    ----------
    frame : DataFrame
        A row per group; e runs over the random effects:

        ``n``
            Rows of the group.
        ``u[e]``, ``standardized[e]``, ``normal_score[e]``
            The BLUP, the same divided by the root of its diagnostic variance (missing where
            that is 0), and the normal score of that.
        ``mahalanobis``, ``df``, ``p``
            û_j'Var(û_j)⁻û_j, the rank of Var(û_j), and the upper tail of χ² with that many
            degrees of freedom; the last is missing where the rank is 0.
        ``sd[e]``
            Of a posterior only: sd of u over the draws.
    variance : DataArray
        Var(û_j) (group, effect, effect_bis), in the user's units.
    about, findings : tuple of str
    """

    frame: pd.DataFrame
    variance: xr.DataArray
    about: tuple[str, ...]
    findings: tuple[str, ...]

    def page(self) -> Page:
        """The groups that lie farthest, and what was found."""
        order = self.frame.sort_values("p", kind="stable").index[:_SHOWN]
        hidden = [name for name in self.frame if str(name).startswith("normal_score")]
        shown = self.frame.loc[order].drop(columns=hidden)
        blocks = (Table(shown, "Groups that lie farthest"), Items(self.findings, "Findings"))
        return Page("Level-2 residuals", self.about, blocks)


def level2_residuals(fit: Fit, factor: str | None = None) -> Level2Residuals:
    """Residuals of the groups: BLUPs, standardized, with Mahalanobis distances.

    Parameters
    ----------
    fit : Fit
        Of any engine. A posterior's u are its posterior means, their diagnostic variance is
        that at the posterior means of G and σ, and ``sd[e]`` is over the draws.
    factor : str, optional
        Whose groups, where the model has several grouping factors.

    Returns
    -------
    Level2Residuals

    Raises
    ------
    HypothesisError
        When it is no fit.
    DataError
        When there is no such factor, or there are several and none is named.

    References
    ----------
    Lange & Ryan (1989), *Annals of Statistics* 17, 624–642; Snijders & Berkhof (2008), in
    *Handbook of Multilevel Analysis*, chapter 3.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> hb.level2_residuals(model.reml()).frame.loc["8854", ["mahalanobis", "p"]].round(3).to_dict()
    {'mahalanobis': 8.333, 'p': 0.004}
    """
    refuse_other_than_fit(fit, "level2_residuals", structured=True)
    fit.problem.refuse_other_families("level2_residuals()")
    fit.design.specification.refuse_no_random_part("level2_residuals()")
    design, k = fit.design, fit.design.place_of_factor(factor)
    at, span, basis = anchor(fit), design.spans[k], fit.problem.holding_sigma.products.basis
    internal = diagnostic_variance(at, k)
    T = basis.scale * basis.z.matrix[span, span]
    variance = T @ internal @ T.T
    u, labels, names = fit.u_means[k], design.factors[k].labels, list(design.effects[span])
    root = at.any_state.theta.root[span, span]
    sd = np.sqrt(_positive(np.diagonal(variance, axis1=1, axis2=2), root))
    standardized = np.divide(u, sd, out=np.full(u.shape, np.nan), where=sd > 0.0)
    distance, rank = _mahalanobis(u @ np.linalg.inv(T).T, internal, _scale(at, span))
    level = fit.problem.holding_sigma.products.levels[k]
    table: dict[str, Floats | Integers] = {"n": level.rows.astype(np.intp)}
    for place, effect in enumerate(names):
        table[f"u[{effect}]"] = u[:, place]
        if fit.sampled:
            table[f"sd[{effect}]"] = sd_over_draws(fit.us[k][..., place])
        table[f"standardized[{effect}]"] = standardized[:, place]
        table[f"normal_score[{effect}]"] = normal_scores(standardized[:, place])
    table["mahalanobis"], table["df"] = distance, rank
    table["p"] = np.where(rank > 0, chdtrc(np.maximum(rank, 1), distance), np.nan)
    frame = pd.DataFrame(table, index=pd.Index(labels, name="group"))
    coords = {"group": np.asarray(labels), "effect": names, "effect_bis": names}
    labelled = xr.DataArray(variance, dims=tuple(coords), coords=coords, name="variance")
    about = subject_of(design).lines(given(fit))
    return Level2Residuals(frame, labelled, about, _findings(frame, at, k))


def diagnostic_variance(at: Anchor, k: int) -> Floats:
    """Var(û_j) of factor k over y given θ (J, q, q), in the internal basis."""
    state = at.any_state
    if isinstance(state, State):
        moments, root = state.moments, state.relative_root
        explained = state.K @ at.problem.cross.A @ (root @ root.T)
        symmetric = 0.5 * (explained + np.swapaxes(explained, 1, 2))
    else:
        span = state.cross.spans[k]
        moments, root = state.moments_of[k], state.relative_root[span, span]
        symmetric = root @ (np.eye(len(root)) - state.inverse_blocks_of(k)) @ root.T
    lost = moments.u_on_gamma @ moments.gamma_cov @ np.swapaxes(moments.u_on_gamma, 1, 2)
    variance: Floats = state.internal_sigma**2 * symmetric - lost
    return variance


def _internal_root(at: Anchor, span: slice) -> Floats:
    """A root of the G of a factor in the internal basis."""
    root: Floats = at.any_state.theta.internal(at.problem.products.basis)[0][span, span]
    return root


def _scale(at: Anchor, span: slice) -> Floats:
    """The internal sd of each random effect of a factor (q,); 1 where it is 0."""
    sd = np.sqrt((_internal_root(at, span) ** 2).sum(axis=1))
    return np.where(sd > 0.0, sd, 1.0)


def _positive(variance: Floats, root: Floats) -> Floats:
    """Variances, those that are 0 but for rounding made 0; in the user's units."""
    size = (root**2).sum(axis=1)
    return np.where(variance > _RANK * size, variance, 0.0)


def _mahalanobis(u: Floats, variance: Floats, scale: Floats) -> tuple[Floats, Integers]:
    """u'V⁻u (J,) and the rank of V (J,), by a generalised inverse; u (J, q), V (J, q, q)."""
    size, vectors = np.linalg.eigh(variance / np.outer(scale, scale))
    kept = size > _RANK * np.maximum(size[:, -1:], _RANK)
    along = np.einsum("jkl,jk->jl", vectors, u / scale)
    part = np.divide(along**2, size, out=np.zeros_like(size), where=kept)
    return part.sum(axis=1), kept.sum(axis=1)


def _findings(frame: pd.DataFrame, at: Anchor, k: int) -> tuple[str, ...]:
    span, name = at.problem.design.spans[k], at.problem.design.factors[k].name
    J, q = len(frame), span.stop - span.start
    found = []
    root = _internal_root(at, span) / _scale(at, span)[:, None]
    G_rank = int(np.linalg.matrix_rank(root, tol=1e-6))
    if G_rank == 0:
        return ("G is zero: every random effect is predicted as 0, and no group can lie far",)
    if G_rank < q:
        found.append(
            f"G is singular: the {q} random effects vary in {G_rank} "
            f"dimension{'s' if G_rank > 1 else ''} only, so distances use a generalised inverse "
            f"and have at most {G_rank} degree{'s' if G_rank > 1 else ''} of freedom, not {q}"
        )
    few = int((frame["df"] < G_rank).sum())
    if few:
        found.append(
            f"{few} of {J} groups {'has' if few == 1 else 'have'} too few rows to show all "
            f"{G_rank} dimensions, and distances with fewer degrees of freedom"
        )
    limit = OUTLYING / J
    far = frame[frame["p"] < limit].sort_values("p")
    for group, row in far.head(_SHOWN).iterrows():
        found.append(
            f"{name} {group} lies farther than a random effect should: distance "
            f"{row['mahalanobis']:.2f} on {row['df']:.0f} df, p {p_words(row['p'])}"
        )
    if far.empty:
        least = frame["p"].min()
        first = frame["p"].idxmin()
        found.append(
            f"no {name} lies farther than chance allows: the smallest of {J} p-values is "
            f"{least:.2g} ({first}), and {limit:.2g} is the limit that all together pass with "
            f"probability {1 - OUTLYING:.2f}"
        )
    return tuple(found)
