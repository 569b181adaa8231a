"""The shape of G: how far it extends along its principal axes, and where it is flat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import sd_corr

_FLAT = 1e-8  # of the largest eigenvalue
_ONE = 1e-6  # from a correlation of ±1


def principal_axes(fit: Fit) -> pd.DataFrame:
    """Principal axes of G, the longest first.

    Effects are counted in the response, or the linear predictor of a family, per spread of their
    random column, so that a slope per year and one per day have axes alike.  G is the
    estimate, or the posterior mean.

    Returns
    -------
    DataFrame
        A row per axis: ``variance`` (eigenvalue), ``share`` of their sum, and the weight of each
        effect, ``weight[e]``.  Of several grouping factors each has axes of its own, and the index
        is by factor and axis.
    """
    design, G = fit.design, fit.theta.G.mean(axis=(0, 1))
    spread = np.asarray(fit.problem.working.basis.z.spread)
    axes = {
        factor.name: axes_of(G[span, span], spread[span], design.effects[span])
        for factor, span in zip(design.factors, design.spans, strict=True)
    }
    if len(axes) == 1:
        return next(iter(axes.values()))
    return pd.concat(axes, names=["factor", "axis"])


def axes_of(G: Floats, spread: Floats, effects: Sequence[str]) -> pd.DataFrame:
    """Principal axes of a covariance matrix G (k, k) of effects, see `principal_axes`.

    Parameters
    ----------
    G : (k, k) float
    spread : (k,) float
        Of the random columns.
    effects : (k,) str
    """
    size, vectors = np.linalg.eigh(G * np.outer(spread, spread))
    size, vectors = np.maximum(size[::-1], 0.0), vectors[:, ::-1]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(size))]
    vectors = vectors * np.where(largest < 0.0, -1.0, 1.0)
    size = np.where(size <= _FLAT * size[0], 0.0, size)
    table = pd.DataFrame({"variance": size, "share": size / max(float(size.sum()), 1e-300)})
    for effect, weights in zip(effects, vectors, strict=True):
        table[f"weight[{effect}]"] = weights
    return table.set_axis([f"axis {k + 1}" for k in range(len(size))])


def flat_sentences(
    fit: Fit, axes: pd.DataFrame, without: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """What is flat in a singular G, in words, factor by factor.

    Parameters
    ----------
    fit : Fit
    axes : DataFrame
        See `principal_axes`.
    without : sequence of (factor, term)
        Of which no effect has any variance.
    """
    found: list[str] = []
    for k, factor in enumerate(fit.design.factors):
        own = axes if len(fit.design.factors) == 1 else axes.loc[factor.name]
        if (own["variance"] == 0.0).any():
            found += _of_factor(fit, k, own, [term for of, term in without if of == factor.name])
    return tuple(found)


def _of_factor(fit: Fit, k: int, axes: pd.DataFrame, without: list[str]) -> tuple[str, ...]:
    """The same of one factor whose G is singular."""
    q, flat = len(axes), int((axes["variance"] == 0.0).sum())
    several, name = len(fit.design.factors) > 1, fit.design.factors[k].name
    if several and flat == q:
        return (f"G of '{name}' is zero: nothing varies between its groups beyond the rest",)
    whose = f" of '{name}'" if several else ""
    found = [
        f"G{whose} has {q - flat} dimension{'s' if q - flat != 1 else ''} where the model states "
        f"{q}: a "
        f"pancake, without thickness along {', '.join(axes.index[axes['variance'] == 0.0])} "
        f"(variance 0 beside {axes['variance'].iloc[0]:.4g} along axis 1)"
    ]
    names = ", ".join(f"'{'Intercept' if term == '1' else term}'" for term in without)
    if without:
        found.append(f"{names}: no variance; left out, the likelihood is the same")
    lines = _lines(fit, k)
    if not lines and not without:
        lines = [_flat(fit, k, axes.loc[axis]) for axis in axes.index[axes["variance"] == 0.0]]
    return (*found, *lines)


def _every_group(fit: Fit, k: int) -> str:
    return f"of '{fit.design.factors[k].name}'" if len(fit.design.factors) > 1 else ""


def _flat(fit: Fit, k: int, axis: pd.Series) -> str:
    """A flat direction across several effects of a factor as an equation."""
    span = fit.design.spans[k]
    effects, spread = fit.design.effects[span], fit.problem.working.basis.z.spread[span]
    weights = [axis[f"weight[{effect}]"] * s for effect, s in zip(effects, spread, strict=True)]
    largest = max(weights, key=abs)
    terms = [
        f"{weight / largest:+.4g}·u[{effect}]"
        for effect, weight in zip(effects, weights, strict=True)
        if abs(weight) > 1e-6 * abs(largest)
    ]
    return f"{' '.join(terms)} = 0 in every group {_every_group(fit, k)}".rstrip()


def _lines(fit: Fit, k: int) -> list[str]:
    """Correlations of ±1 in a factor, and where its groups' lines then meet."""
    span, basis = fit.design.spans[k], fit.problem.working.basis
    effects = fit.design.effects[span]
    sd, corr = sd_corr(fit.G[span, span])
    unit = basis.scale / np.asarray(basis.z.spread)[span]
    alive = sd > _ONE * unit
    found = []
    for r, c in zip(*np.nonzero(np.tril(np.abs(corr) > 1.0 - _ONE, -1)), strict=True):
        if not (alive[r] and alive[c]):
            continue
        ratio = float(sd[r] / sd[c] * np.sign(corr[r, c]))
        text = (
            f"'{effects[c]}' and '{effects[r]}' are correlated {corr[r, c]:+.0f}: "
            f"u[{effects[r]}] = {ratio:.4g}·u[{effects[c]}] in every group"
        )
        text = f"{text} {_every_group(fit, k)}".rstrip()
        if effects[c] == "Intercept":
            text += f", so that the groups' deviations all meet in zero at {effects[r]} = "
            text += f"{-1.0 / ratio:.4g}; were that ratio known, one effect of the column "
            text += f"1 {'+' if ratio > 0 else '-'} {abs(ratio):.4g}·{effects[r]} would have the "
            text += "same maximum"
        found.append(text)
    return found
