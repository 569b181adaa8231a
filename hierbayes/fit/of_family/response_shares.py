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

import numpy as np

from hierbayes.design.family_rows import FamilyRows
from hierbayes.errors import DataError
from hierbayes.families.categorical import Categorical
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats

_NODES = 40
_MOST_ROWS = 5000  # of a model, spread evenly over its rows
_MOST_DRAWS = 200  # of a posterior


def response_shares(fit: Fitted, phi: Floats, second: Floats | None) -> tuple[Floats, ...]:
    """Each factor's share (chains, draws) of the variance of the response.

    Of a posterior evenly spread draws stand for all: (1, draws).

    Parameters
    ----------
    fit : Fitted
    phi : (chains, draws, d) float
        Dispersion as η is computed.
    second : (q, q) float, optional
        zz' at which u counts; by default that of each row.

    Raises
    ------
    DataError
        When the categories are nominal, which have no variance.
    """
    rows, design = fit.problem.family_rows, fit.design
    if isinstance(rows.family, Categorical):
        raise DataError(
            "nominal categories have no variance that could be shared out; var_corr() has those on "
            "the scale of the linear predictors"
        )
    at = np.unique(np.linspace(0, design.n - 1, min(design.n, _MOST_ROWS)).round().astype(int))
    chains, draws = fit.theta.shape
    total = chains * draws
    places = np.unique(np.linspace(0, total - 1, min(total, _MOST_DRAWS)).round().astype(int))
    found = []
    for place in places:
        one = int(place) // draws, int(place) % draws
        G, Z = fit.theta.G[one], design.rows.Z[at]
        eta = design.rows.X[at] @ fit.gamma_draws[one] + rows.offset[at]
        parts = [
            np.einsum("nk,kl,nl->n", Z[:, span], G[span, span], Z[:, span])
            if second is None
            else np.full(len(at), float((G[span, span] * second[span, span]).sum()))
            for span in design.spans
        ]
        found.append(_shares(rows, at, eta, phi[one], parts))
    return tuple(np.array(share)[None] for share in zip(*found, strict=True))


def _shares(
    rows: FamilyRows, at: np.ndarray, eta: Floats, phi: Floats, parts: list[Floats]
) -> list[float]:
    """Each factor's share at one draw."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    m, whole = rows.m[at], np.sqrt(np.maximum(sum(parts), 0.0))
    steps = np.stack([eta + whole * t for t in nodes])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.stack([rows.family.mean(one, m, phi) for one in steps])
        spread = np.stack([rows.family.variance(one, m, phi) for one in steps])
    middle = weights @ mean
    total = float((weights @ (mean - middle) ** 2 + weights @ spread).mean())
    if not np.isfinite(total):
        return [0.0 if total == np.inf else float("nan")] * len(parts)
    if len(parts) == 1:
        return [float((weights @ (mean - middle) ** 2).mean()) / total]
    shares = []
    for own in parts:
        rest = np.sqrt(np.maximum(sum(parts) - own, 0.0))
        given = np.stack([
            sum(w * rows.family.mean(eta + np.sqrt(own) * t + rest * s, m, phi)
                for s, w in zip(nodes, weights, strict=True))
            for t in nodes
        ])  # fmt: skip
        shares.append(float((weights @ (given - weights @ given) ** 2).mean()) / total)
    return shares
