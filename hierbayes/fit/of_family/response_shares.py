r"""Shares of the variance of a response, on its own scale, that groups make.

Of a row with η = x'γ + offset + Σ_k z_k'u_k, whose parts have the variances v_k = z_k'G_kz_k, the
expected response μ and the variance V given η are functions of η, and

    total = Var μ(η) + E V(η),      share of k = Var(E[μ | u_k])/total,

both averaged over the rows.  The expectations over u are integrals of one or two normal numbers,
by Gauss–Hermite quadrature: what simulation of u has in the limit, without its noise.

References
----------
Goldstein, Browne & Rasbash (2002), *Understanding Statistics* 1, 223–231; Nakagawa, Johnson &
Schielzeth (2017), doi:10.1098/rsif.2017.0213.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from hierbayes.design.family_rows import FamilyRows
from hierbayes.errors import DataError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers

type _Draw = tuple[FamilyRows, Integers, Floats, Floats, list[Floats]]

_NODES = 40
_MOST_ROWS = 5000  # of a model, spread evenly over its rows
_MOST_DRAWS = 200  # of a posterior
FIXED, RANDOM, RESIDUAL, MEAN = "fixed part", "random effects", "residual", "mean"


def response_shares(fit: Fitted, second: Floats | None) -> tuple[Floats, ...]:
    """Each factor's share (1, draws) of the variance of the response that is not the fixed part's.

    Of a posterior evenly spread draws stand for all.

    Parameters
    ----------
    fit : Fitted
    second : (q, q) float, optional
        zz' at which u counts; by default that of each row.

    Raises
    ------
    DataError
        When the categories are nominal, which have no variance.
    """
    found = [_shares(*one) for one in _draws(fit, second)]
    return tuple(np.array(share)[None] for share in zip(*found, strict=True))


def response_parts(fit: Fitted) -> dict[str, Floats]:
    """Variances (1, draws) that make the response's, and its mean over rows and u.

    ``FIXED`` is the variance over the rows (over n − 1) of E μ, u integrated out, ``RANDOM`` that
    of μ over u and ``RESIDUAL`` that of the response given u, both averaged over the rows.

    Raises
    ------
    DataError
        When the categories are nominal, which have no variance.
    """
    found = [_moments(*one) for one in _draws(fit, None)]
    with np.errstate(over="ignore", invalid="ignore"):
        each = [
            (float(a.var(ddof=1)), float(b.mean()), float(c.mean()), float(a.mean()))
            for a, b, c in found
        ]
    names = (FIXED, RANDOM, RESIDUAL, MEAN)
    return {
        name: np.array(row)[None] for name, row in zip(names, zip(*each, strict=True), strict=True)
    }


def draws_for_responses(fit: Fitted) -> tuple[Integers, Integers]:
    """Chain and draw of those that stand for all."""
    total = int(np.prod(fit.theta.shape))
    places = np.unique(np.linspace(0, total - 1, min(total, _MOST_DRAWS)).round().astype(int))
    chain, draw = np.unravel_index(places, fit.theta.shape)
    return chain, draw


def _draws(fit: Fitted, second: Floats | None) -> Iterator[_Draw]:
    """At each draw that stands for all: the rows, η at u = 0, φ and z_k'G_kz_k by factor."""
    rows, design = fit.problem.family_rows, fit.design
    if rows.family.predictors:
        raise DataError(
            "nominal categories have no variance that could be shared out; var_corr() has those on "
            "the scale of the linear predictors"
        )
    at = np.unique(np.linspace(0, design.n - 1, min(design.n, _MOST_ROWS)).round().astype(int))
    for one in zip(*draws_for_responses(fit), strict=True):
        G, Z = fit.theta.G[one], design.rows.Z[at]
        eta = design.rows.X[at] @ fit.gamma_draws[one] + rows.offset[at]
        parts = [
            np.einsum("nk,kl,nl->n", Z[:, span], G[span, span], Z[:, span])
            if second is None
            else np.full(len(at), float((G[span, span] * second[span, span]).sum()))
            for span in design.spans
        ]
        yield rows, at, eta, fit.response_phi[one], parts


def _moments(
    rows: FamilyRows, at: Integers, eta: Floats, phi: Floats, parts: list[Floats]
) -> tuple[Floats, Floats, Floats]:
    """E μ and Var μ over u, and E V, of each row (n,)."""
    nodes, weights = _rule()
    m, whole = rows.m[at], np.sqrt(np.maximum(sum(parts), 0.0))
    steps = np.stack([eta + whole * t for t in nodes])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.stack([rows.family.mean(one, m, phi) for one in steps])
        spread = np.stack([rows.family.variance(one, m, phi) for one in steps])
        middle = weights @ mean
        between = np.where(whole > 0.0, weights @ (mean - middle) ** 2, 0.0)
        return middle, between, weights @ spread


@cache
def _rule() -> tuple[Floats, Floats]:
    """Nodes and weights of expectations over a standard normal number."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()


def _shares(
    rows: FamilyRows, at: Integers, eta: Floats, phi: Floats, parts: list[Floats]
) -> list[float]:
    """Each factor's share at one draw."""
    _, between, within = _moments(rows, at, eta, phi, parts)
    total = float((between + within).mean())
    if not np.isfinite(total):
        return [0.0 if total == np.inf else float("nan")] * len(parts)
    if len(parts) == 1:
        return [float(between.mean()) / total]
    (nodes, weights), shares = _rule(), []
    every = np.concatenate([rows.m[at]] * len(nodes))  # with columns beside sizes, too
    for own in parts:
        if not own.any():
            shares.append(0.0)
            continue
        rest = np.sqrt(np.maximum(sum(parts) - own, 0.0)) * nodes[:, None]
        given = np.stack([
            weights @ rows.family.mean((eta + np.sqrt(own) * t + rest).ravel(), every, phi).reshape(
                rest.shape)
            for t in nodes
        ])  # (nodes, n): E[μ | u_k at the node]  # fmt: skip
        shares.append(float((weights @ (given - weights @ given) ** 2).mean()) / total)
    return shares
