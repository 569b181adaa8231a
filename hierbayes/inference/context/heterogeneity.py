r"""What estimates of known standard errors differ by, beyond them: Q, I², H², and what explains it.

With W = diag(1/s_i²) and P = W − WX(X'WX)⁻¹X'W, the typical variance of an error is

    s² = (n − p)/tr P,

with which Q = y'Py, of n − p degrees of freedom where nothing varies, is as large as rows of one
variance would make it; I² of a factor is its share T_k/(Σ_l T_l + s²), T_k being z'G_kz averaged
over the rows, and H² is (Σ_l T_l + s²)/s².

References
----------
Cochran (1954), doi:10.2307/3001666; Higgins & Thompson (2002), doi:10.1002/sim.1186; Raudenbush
(2009), in *The Handbook of Research Synthesis and Meta-Analysis*, for the share that moderators
explain; Jackson, White & Riley (2012), doi:10.1002/sim.5453.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import qr, solve_triangular
from scipy.special import chdtrc

from hierbayes.design.problem import Problem, summed_up
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page, Printed
from hierbayes.estimation.known_errors import maximise_known_errors
from hierbayes.fit.fit import Fit
from hierbayes.fit.variance import between_variance, moment_at
from hierbayes.frames.arrays import Floats
from hierbayes.inference.context.spread import draws_table
from hierbayes.likelihood.reading import REML


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Heterogeneity(Printed):
    """How much more estimates of known standard errors differ than these errors let them.

    Of a posterior ``shares`` and ``components`` have columns ``estimate`` (the mean), ``sd``,
    ``lower`` and ``upper``; of a point fit ``estimate`` alone.

    Parameters
    ----------
    test : DataFrame
        Cochran's ``Q`` (``QE`` of a model with moderators), its ``df`` and ``p``: of no random
        effects at all.
    shares : DataFrame
        ``I2`` (with several grouping factors also of each, ``I2[study]``) and ``H2``.
    components : DataFrame
        z'Gz averaged over the rows, of each factor; the typical variance of an error; their total.
    explained : DataFrame
        Of random intercepts the share of each variance that the fixed part explains: against the
        model of a constant alone, both by REML (ML for an ML fit). Empty of a constant alone.
    about, notes : tuple of str
    """

    test: pd.DataFrame
    shares: pd.DataFrame
    components: pd.DataFrame
    explained: pd.DataFrame
    about: tuple[str, ...]
    notes: tuple[str, ...]

    def page(self) -> Page:
        """All tables, and how to read them."""
        moderators = (Table(self.explained, "Explained by the fixed part"),)
        blocks = (
            Table(self.test, "Test of no heterogeneity"),
            Table(self.shares, "Heterogeneity"),
            Table(self.components, "Variance of an estimate"),
            *(moderators if len(self.explained) else ()),
            Items(self.notes, "Notes"),
        )
        return Page("Heterogeneity", self.about, blocks)


def heterogeneity(fit: Fit, at: dict[str, float] | None, interval: Interval) -> Heterogeneity:
    """Heterogeneity of rows whose errors have known variances, z given or averaged over them."""
    design = fit.design
    typical, df = typical_variance(fit.problem), design.n - len(design.terms)
    Q = weighted_residuals(fit.problem)
    random, explained = _random_variances(fit, at), _explained(fit)
    whole = sum(random.values(), np.full(fit.theta.shape, typical))
    if random:
        shares = {"I2": 1.0 - typical / whole, "H2": whole / typical}
    else:  # nothing else varies in the model: by Q, as Higgins and Thompson have it
        H2 = np.full(fit.theta.shape, Q / df)
        shares = {"I2": 1.0 - 1.0 / np.maximum(H2, 1.0), "H2": H2}
    if len(random) > 1:
        shares |= {f"I2[{name}]": part / whole for name, part in random.items()}
    components = random | {"errors, typical": np.full_like(whole, typical), "total": whole}
    return Heterogeneity(
        test=pd.DataFrame({"Q": [Q], "df": [df], "p": [chdtrc(df, Q)]}, index=["Q"]),
        shares=draws_table(shares, "share", fit, interval),
        components=draws_table(components, "part", fit, interval),
        explained=explained,
        about=subject_of(design).lines(),
        notes=_notes(fit, at, explained),
    )


def _random_variances(fit: Fit, at: dict[str, float] | None) -> dict[str, Floats]:
    """z'Gz (chains, draws) of each factor, z given or averaged over the rows."""
    design = fit.design
    if not design.effects:
        return {}
    second = design.rows.second_moment if at is None else moment_at(design, at)
    return {
        factor.name: between_variance(fit.theta.G[..., span, span], second[span, span])
        for factor, span in zip(design.factors, design.spans, strict=True)
    }


def typical_variance(problem: Problem) -> float:
    """s² = (n − p)/tr P, of rows in memory; tr P = Σ w_i (1 − h_i), h_i leverages.

    Where a row weighs far more than others, its 1 − h_i is lost beside 1.  So p rows, the largest,
    are a basis: with Z the others in terms of them and K = Z'Z, 1 − h is diag K(I + K)⁻¹ of those
    of the basis, and 1 − diag Z(I + K)⁻¹Z' of the others, which are nowhere near 0.
    """
    rows = problem.design.rows
    root = 1.0 / np.asarray(rows.row_sd)
    n, p = rows.X.shape
    R, order = qr((rows.X * root[:, None]).T, mode="r", pivoting=True)
    Z = solve_triangular(R[:, :p], R[:, p:]).T
    K = Z.T @ Z
    inside = np.linalg.inv(np.eye(p) + K)
    left = np.concatenate([np.diag(K @ inside), 1.0 - np.einsum("ij,jk,ik->i", Z, inside, Z)])
    return (n - p) / float(root[order] ** 2 @ left)


def weighted_residuals(problem: Problem) -> float:
    """y'Py: the weighted sum of squares that the fixed part leaves, γ by weighted least squares."""
    cross = problem.working
    C, p = cross.C, len(problem.design.terms)
    left = C[p, p] - C[p, :p] @ np.linalg.solve(C[:p, :p], C[:p, p])
    return float(left) * cross.basis.scale**2


def _explained(fit: Fit) -> pd.DataFrame:
    """1 − τ²/τ₀² of each factor, τ₀² being that of a constant alone."""
    design, reading = fit.design, REML if fit.reading is None else fit.reading
    frame = pd.DataFrame(columns=["estimate", "variance", "variance, null"], dtype=float)
    one_each = bool(design.effects) and all(effect == "Intercept" for effect in design.effects)
    if not (one_each and design.rows.constant_columns.any() and len(design.terms) > 1):
        return frame
    null = summed_up(design.with_rows(X=np.ones((len(design.rows.X), 1))))
    own, other = (
        np.diag(maximise_known_errors(one, design.blocks, reading).theta.G)
        for one in (fit.problem.working, null)
    )
    for factor, mine, theirs in zip(design.factors, own, other, strict=True):
        part = 1.0 - mine / theirs if theirs > 0.0 else np.nan
        frame.loc[factor.name] = [part, mine, theirs]
    return frame.rename_axis("factor")


def _notes(fit: Fit, at: dict[str, float] | None, explained: pd.DataFrame) -> tuple[str, ...]:
    """How to read it."""
    effects = fit.design.effects
    of_slopes = at is None and any(effect != "Intercept" for effect in effects)
    averaged = ("variances of random effects are z'Gz averaged over the rows",) * of_slopes
    by_Q = ("nothing varies in this model but the errors: H2 is Q/df, and I2 1 - df/Q or 0",)
    explains = ("what the fixed part explains is below 0 where variances are larger with it",)
    of_maxima = ("the share that the fixed part explains is of variances by REML, not of this fit",)
    return (
        "Q is the weighted sum of squares about the fixed part where nothing else varies, and has "
        "the distribution χ²(df) then",
        "I2 is the share of the variance of an estimate that is not its own error, whose typical "
        "variance is that of Higgins and Thompson; it grows with the precision of the estimates, "
        "and says nothing of how far they differ: that is sd, in the unit of the response, and "
        "the limits of predict(new, new_groups='sample', prob=0.95)",
        "H2 is the variance of an estimate over that of its own error",
        *(averaged if effects else by_Q),
        *(explains if len(explained) else ()),
        *(of_maxima if len(explained) and fit.reading is None else ()),
    )
