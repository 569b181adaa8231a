"""How much of the variance is where, and how much the model explains of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.levels import is_outer
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page, Printed
from hierbayes.fit.effects import estimable_groups, group_shrinkage
from hierbayes.fit.fit import Fit
from hierbayes.fit.variance import icc_draws
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.context import variance_by_factor
from hierbayes.inference.context.explained_notes import notes_of_errors, notes_of_one_factor
from hierbayes.inference.context.group_reliability import (
    group_reliability,
    mean_shrinkage,
    own_reliability,
)
from hierbayes.inference.context.heterogeneity import heterogeneity
from hierbayes.inference.context.regression_explained import regression_explained
from hierbayes.inference.context.response_variance import response_variance
from hierbayes.inference.context.spread import (
    draws_table,
    fixed_variance,
    random_variance,
    spread_in_words,
    spread_table,
)
from hierbayes.inference.context.submodel import fit_columns
from hierbayes.likelihood.reading import REML


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VarianceExplained(Printed):
    """Intraclass correlations, reliabilities, R² and decompositions of variance.

    With several grouping factors shares and components are by factor (``icc[school]``), as are
    reliabilities and what is explained, and there are no parts within and between groups.
    Of a posterior every table from draws has columns ``estimate`` (the mean), ``sd``,
    ``lower`` and ``upper``; of a point fit ``estimate`` alone.

    Parameters
    ----------
    shares : DataFrame
        ``icc`` (z'Gz averaged over the rows), ``icc at …``, ``R2 marginal`` and
        ``R2 conditional``.
    reliability : DataFrame
        A row per random effect: the mean over groups of the diagonal of G(G + σ²A_j⁻¹)⁻¹;
        ``own_variance`` is that of λ_jk = G_kk/(G_kk + σ²[A_j⁻¹]_kk), Raudenbush and Bryk's
        index, over the ``groups`` that can estimate their coefficients. With one random effect
        the two agree.
    by_group : DataFrame
        λ of each group, see `group_reliability`; it is not printed.
    components : DataFrame
        Variance of the response as the model has it: fixed part within and between groups,
        random effects, residual, total.
    explained : DataFrame
        Proportional reductions against the random-intercept null model, both models with a
        random intercept alone, by REML (ML for an ML fit): Snijders and Bosker's at level 1,
        at level 2 with the harmonic and with the arithmetic mean of the group sizes, and
        Raudenbush and Bryk's of σ² and τ². Missing where the fixed part has as many columns
        that are constant within groups as there are groups.
    spread : DataFrame
        Variance of the response and of the fixed columns within and between groups, see
        `spread.spread_table`.
    about, notes : tuple of str
    """

    shares: pd.DataFrame
    reliability: pd.DataFrame
    by_group: pd.DataFrame
    components: pd.DataFrame
    explained: pd.DataFrame
    spread: pd.DataFrame
    about: tuple[str, ...]
    notes: tuple[str, ...]

    def page(self) -> Page:
        """All tables, and how to read them."""
        blocks = (
            Table(self.shares, "Shares of variance"),
            Table(self.reliability, "Reliability of the groups' coefficients"),
            Table(self.components, "Variance of the response in the model"),
            Table(self.explained, "Explained against the null model"),
            Table(self.spread, "Variance of the columns"),
            Items(self.notes, "Notes"),
        )
        return Page("Variance explained", self.about, blocks)


def variance_explained(
    fit: Fit, *, at: dict[str, float] | None = None, prob: float = DEFAULT_PROB
) -> Any:
    """Intraclass correlation, reliability, R² and decompositions of variance.

    Of a response that is not Gaussian R² of Nakagawa, Schielzeth and Johnson and the intraclass
    correlation, on the latent scale of the link and on that of observations.

    Parameters
    ----------
    fit : Fit
        Of any engine.
    at : dict, optional
        Values of the random columns, for a conditional intraclass correlation as in
        `Fit.icc`.
    prob : float
        Probability inside the intervals of a posterior.

    Returns
    -------
    VarianceExplained, ResponseVariance, RegressionExplained or Heterogeneity
        The second of a family that is not Gaussian, the third of a model without random effects,
        the last (Q, I², H²) where the standard deviations of errors are known.

    Raises
    ------
    HypothesisError
        When it is no fit.
    DataError
        When `at` names no random column, or the response is nominal categories.
    IntervalError
        When `prob` does not lie between 0 and 1.

    References
    ----------
    Nakagawa & Schielzeth (2013), doi:10.1111/j.2041-210x.2012.00261.x; Johnson (2014),
    doi:10.1111/2041-210X.12225; Nakagawa, Johnson & Schielzeth (2017),
    doi:10.1098/rsif.2017.0213; Snijders & Bosker (1994), doi:10.1177/0049124194022003004;
    Raudenbush & Bryk (2002), *Hierarchical Linear Models*, chapters 3 and 4.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> hb.variance_explained(model.reml()).shares["estimate"].round(4).to_dict()
    {'icc': 0.1011, 'R2 marginal': 0.074, 'R2 conditional': 0.1676}
    """
    refuse_other_than_fit(fit, "variance_explained", structured=True)
    interval = Interval(prob)
    if fit.problem.family is not None:
        return response_variance(fit, at, interval)
    if fit.design.specification.known_sd:
        return heterogeneity(fit, at, interval)
    if not fit.design.effects:
        return regression_explained(fit, interval)
    if len(fit.design.factors) > 1:
        return _by_factor(fit, at, interval)
    return VarianceExplained(
        shares=draws_table(_shares(fit, at), "share", fit, interval),
        reliability=_reliability(fit, interval),
        by_group=group_reliability(fit),
        components=draws_table(_components(fit), "part", fit, interval),
        explained=_explained(fit),
        spread=spread_table(fit.design),
        about=subject_of(fit.design).lines(),
        notes=notes_of_one_factor(fit, interval),
    )


def _by_factor(fit: Fit, at: dict[str, float] | None, interval: Interval) -> VarianceExplained:
    """The same of several grouping factors."""
    found = dict(variance_by_factor.reliabilities(fit))
    notes = [
        *spread_in_words(fit, interval),
        "R2 marginal is the share of the fixed part in its variance over the rows, z'Gz of every "
        "factor averaged over the rows and σ²; R2 conditional counts every z'Gz as explained",
        *notes_of_errors(fit),
        "explained against the null model: both models with a random intercept of every factor "
        f"alone, by {'ML' if fit.engine == 'ML' else 'REML'}"
        + ("" if fit.reading is not None else ", not from the fit's own θ")
        + "; such reductions can be negative",
        "reliability: near 1 the groups' own coefficients can be told apart, near 0 they are "
        "mostly error, to which the effects of the other factors belong; it weighs all "
        "coefficients of a group together, and may leave 0 to 1 where they are correlated: "
        "by_group has λ_j of one coefficient alone",
    ]
    return VarianceExplained(
        shares=draws_table(variance_by_factor.shares(fit, at), "share", fit, interval),
        reliability=draws_table(found, "effect", fit, interval),
        by_group=group_reliability(fit),
        components=draws_table(variance_by_factor.variances(fit), "part", fit, interval),
        explained=variance_by_factor.explained(fit),
        spread=variance_by_factor.spread_by_factor(fit.design),
        about=subject_of(fit.design).lines(),
        notes=tuple(notes),
    )


def _shares(fit: Fit, at: dict[str, float] | None) -> dict[str, Floats]:
    within, between = fixed_variance(fit)
    fixed, random = within + between, random_variance(fit)
    total = fixed + random + fit.residual_variance
    shares = {"icc": icc_draws(fit, None)}
    if at is not None:
        conditional = icc_draws(fit, at)
        shares[f"icc at {', '.join(f'{k} = {v:g}' for k, v in at.items())}"] = conditional
    return shares | {"R2 marginal": fixed / total, "R2 conditional": (fixed + random) / total}


def _components(fit: Fit) -> dict[str, Floats]:
    within, between = fixed_variance(fit)
    random, residual = random_variance(fit), fit.residual_variance
    return {
        "fixed part, within groups": within,
        "fixed part, between groups": between,
        "random effects": random,
        "residual": residual,
        "total": within + between + random + residual,
    }


def _reliability(fit: Fit, interval: Interval) -> pd.DataFrame:
    """Mean over groups of diag Λ_j, and of the ratio of variances of each coefficient alone."""
    design = fit.design
    if fit.problem.moments is None:
        diagonal = np.zeros((*fit.theta.sigma.shape, len(design.effects)))
        for j in range(design.J):
            diagonal += np.diagonal(group_shrinkage(fit, j), axis1=-2, axis2=-1) / design.J
    else:
        diagonal = mean_shrinkage(fit, 0)[None]
    able = estimable_groups(fit.problem.cross.A)
    own = own_reliability(fit, 0)[able]
    table = draws_table(
        {effect: diagonal[..., k] for k, effect in enumerate(design.effects)}, "effect", fit,
        interval,
    )  # fmt: skip
    table["own_variance"] = own.mean(axis=0) if able.any() else np.nan
    table["groups"] = int(able.sum())
    return table


def _explained(fit: Fit) -> pd.DataFrame:
    """Snijders and Bosker's, and Raudenbush and Bryk's, proportional reductions of variance."""
    design = fit.design
    reading = REML if fit.reading is None else fit.reading
    X = design.rows.X
    null = fit_columns(design, np.ones((len(X), 1)), reading)
    tau2_null, sigma2_null = float(null.theta.G[0, 0]), float(null.theta.sigma) ** 2
    tau2 = sigma2 = np.nan
    if is_outer(X, design.rows.codes, design.J).sum() < design.J:
        full = fit_columns(design, X, reading)
        tau2, sigma2 = float(full.theta.G[0, 0]), float(full.theta.sigma) ** 2
    rows = fit.problem.cross.rows
    harmonic, mean = float(len(rows) / (1.0 / rows).sum()), float(rows.mean())

    def level2(n: float) -> float:
        return 1.0 - (sigma2 / n + tau2) / (sigma2_null / n + tau2_null)

    table = {
        "Snijders-Bosker, level 1": (1 - (sigma2 + tau2) / (sigma2_null + tau2_null), np.nan),
        "Snijders-Bosker, level 2, harmonic mean n": (level2(harmonic), harmonic),
        "Snijders-Bosker, level 2, mean n": (level2(mean), mean),
        "Raudenbush-Bryk, level 1": (1.0 - sigma2 / sigma2_null, np.nan),
        "Raudenbush-Bryk, level 2": (
            1.0 - tau2 / tau2_null if tau2_null > 0.0 else np.nan, np.nan),
    }  # fmt: skip
    frame = pd.DataFrame.from_dict(table, orient="index", columns=["estimate", "n"])
    frame.attrs["variances"] = {
        "tau2": tau2, "sigma2": sigma2, "tau2_null": tau2_null, "sigma2_null": sigma2_null,
    }  # fmt: skip
    return frame.rename_axis("measure")
