"""How much of the variance is where, of models of several grouping factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.levels import is_outer
from hierbayes.design.sums import sum_up_factors
from hierbayes.estimation.reml import maximise
from hierbayes.fit.fit import Fit
from hierbayes.fit.variance import between_variance, explained_variance, shares_by_factor
from hierbayes.frames.arrays import Floats
from hierbayes.inference.context.group_reliability import mean_shrinkage
from hierbayes.inference.context.spread import deviations
from hierbayes.likelihood.reading import REML, Reading


def variances(fit: Fit) -> dict[str, Floats]:
    """Fixed part, random effects of each factor, residual and total (chains, draws)."""
    design, second = fit.design, fit.design.rows.second_moment
    X = design.rows.X - design.rows.X.mean(axis=0)
    parts = {"fixed part": explained_variance(fit.gamma_draws, X)}
    for factor, span in zip(design.factors, design.spans, strict=True):
        G = fit.theta.G[..., span, span]
        parts[f"random effects, {factor.name}"] = between_variance(G, second[span, span])
    parts["residual"] = fit.residual_variance
    total: Floats = np.sum(list(parts.values()), axis=0)
    return parts | {"total": total}


def shares(fit: Fit, at: dict[str, float] | None) -> dict[str, Floats]:
    """Each factor's share of the unexplained variance, R² marginal and R² conditional."""
    names = [factor.name for factor in fit.design.factors]
    found = dict(zip((f"icc[{name}]" for name in names), shares_by_factor(fit, None), strict=True))
    if at is not None:
        where = ", ".join(f"{k} = {v:g}" for k, v in at.items())
        conditional = (f"icc[{name}] at {where}" for name in names)
        found |= dict(zip(conditional, shares_by_factor(fit, at), strict=True))
    parts = variances(fit)
    total, fixed = parts["total"], parts["fixed part"]
    return found | {"R2 marginal": fixed / total, "R2 conditional": 1.0 - parts["residual"] / total}


def reliabilities(fit: Fit) -> Iterator[tuple[str, Floats]]:
    """Mean over the groups of each factor of diag Λ_j, by effect: values (1, draws)."""
    for k, span in enumerate(fit.design.spans):
        diagonal = mean_shrinkage(fit, k)
        for place, label in enumerate(fit.design.effect_labels[span]):
            yield label, diagonal[None, :, place]


def explained(fit: Fit) -> pd.DataFrame:
    """Proportional reductions of each variance against the null model.

    Both models have a random intercept of every factor, and nothing else that is random.
    """
    design = fit.design
    reading = REML if fit.reading is None else fit.reading
    X = design.rows.X
    null = _intercepts(design, np.ones((len(X), 1)), reading)
    full = np.full_like(null, np.nan)
    outer = [is_outer(X, codes, one.J).sum() < one.J
             for codes, one in zip(design.rows.codes_of, design.factors, strict=True)]  # fmt: skip
    if all(outer):
        full = _intercepts(design, X, reading)
    labels = [factor.name for factor in design.factors] + ["residual"]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(null > 0.0, 1.0 - full / null, np.nan)
    rows = {"Snijders-Bosker, level 1": 1.0 - full.sum() / null.sum()}
    rows |= {f"Raudenbush-Bryk, {one}": part for one, part in zip(labels, parts, strict=True)}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate"])
    frame.attrs["variances"] = {
        name: value for label, own, other in zip(labels, full, null, strict=True)
        for name, value in ((label, float(own)), (f"{label}, null", float(other)))
    }  # fmt: skip
    return frame.rename_axis("measure")


def _intercepts(design: Design, X: Floats, reading: Reading) -> Floats:
    """τ² of a random intercept of each factor, then σ², with fixed columns X (n, p)."""
    K = len(design.factors)
    rows = design.with_rows(X=X, Z=np.ones((len(X), K))).rows
    blocks = (1,) * K
    spans = [slice(k, k + 1) for k in range(K)]
    products = sum_up_factors(rows, design.factors, spans, blocks)
    theta = maximise(products, blocks, reading).theta
    return np.append(np.diag(theta.G), theta.sigma**2)


def spread_by_factor(design: Design) -> pd.DataFrame:
    """Variance of the response and of every fixed column, and its share between groups.

    ``share_between[f]`` is η², the correlation ratio, of the groups of f.
    """
    kept = np.ptp(design.rows.X, axis=0) > 0.0
    columns = np.column_stack([design.rows.response, design.rows.X[:, kept]])
    names = [design.specification.response]
    names += [term for term, varies in zip(design.terms, kept, strict=True) if varies]
    total = ((columns - columns.mean(axis=0)) ** 2).sum(axis=0)
    table = {"total": total / len(columns)}
    for factor, codes in zip(design.factors, design.rows.codes_of, strict=True):
        within = (deviations(columns, codes, factor.J) ** 2).sum(axis=0)
        table[f"share_between[{factor.name}]"] = 1.0 - within / total
    return pd.DataFrame(table, index=pd.Index(names, name="column"))
