r"""What draws of θ and γ imply, in the terms of the model: lines, shares, responses.

Per draw, with S = Z'Z/n the second moment of the random columns over the rows:

    T = tr(G S), the variance between groups averaged over the rows
    ICC = T/(T + σ²),   R² = var(Xγ)/(var(Xγ) + T + σ²)
    a new response of a new group:  y* ~ N(x'γ, z'Gz + σ²) at a row of the design

Responses are not simulated.  At each draw the mixture of these normals over rows
drawn at random is known, and so are its quantiles and its mass outside a range; what
is left to chance is the draw and its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtr, ndtri

from hierbayes.design.design import Design
from hierbayes.display.interval import Interval
from hierbayes.fit.variance import between_variance, share_between
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.covariance import correlated_pairs, second_moment

if TYPE_CHECKING:
    from hierbayes.priors.draws import PriorDraws

INTERVAL = Interval(0.9)
RESPONSE = Interval(0.95)  # of a new response, at one draw
FAR = 10.0  # observed sds from the observed mean
LINE_PERCENTILES = (0.1, 0.9)
_OWN = 10.0  # how much a column counts where a row near its percentile is sought
_ROWS = 200  # drawn for the responses of one draw
_DRAWS_AT_A_TIME = 1000
_HALVINGS = 20  # of the bracket of a quantile


def implied_quantities(draws: PriorDraws, design: Design, seed: int) -> xr.Dataset:
    """Everything the tables are made of, by draw.

    Parameters
    ----------
    draws : PriorDraws
        In the user's units.
    design : Design
        Its columns, and its response for the observed range and spread alone.
    seed : int
        Of the rows at which responses are looked at.

    Returns
    -------
    Dataset
        By ``draw``: ``sd``, ``corr``, ``G``, ``sigma``, ``gamma``, ``icc``, ``r2``;
        ``line_spread``, sqrt(z'Gz) by ``at``; ``total_sd``, sqrt(T + σ²); ``response``,
        the ends (``end``) of the central 95% of new responses; ``outside`` and ``far``,
        the probability that one lies outside the observed range, and farther than ten
        observed sds from the observed mean.
    """
    theta, G = draws.theta, draws.theta.G
    sd, corr = theta.sd, theta.corr
    second = second_moment(design.rows.Z)
    total = between_variance(G, second) + theta.sigma**2
    explained = _explained(draws.gamma, design.rows.X)
    at, points = line_points(design)
    lines = np.sqrt(((points[None] @ theta.root) ** 2).sum(axis=-1))
    values = {
        "sd": (("draw", "effect"), sd),
        "corr": (("draw", "effect", "effect_bis"), corr),
        "G": (("draw", "effect", "effect_bis"), G),
        "sigma": (("draw",), theta.sigma),
        "gamma": (("draw", "term"), draws.gamma),
        "icc": (("draw",), share_between(G, theta.sigma, second)),
        "r2": (("draw",), explained / (explained + total)),
        "total_sd": (("draw",), np.sqrt(total)),
        "line_spread": (("draw", "at"), lines),
    }
    coords = {
        "draw": np.arange(len(G)),
        "effect": np.array(design.effects, dtype=object),
        "effect_bis": np.array(design.effects, dtype=object),
        "term": np.array(design.terms, dtype=object),
        "at": np.array(at, dtype=object),
        "end": list(RESPONSE.tails),
    }
    return xr.Dataset(values | _responses(draws, design, seed), coords=coords)


def implication_table(quantities: xr.Dataset, design: Design) -> pd.DataFrame:
    """Median and 90% equal-tailed limits of every implied quantity, and what was observed.

    Returns
    -------
    DataFrame
        Columns ``median``, ``5%``, ``95%`` and ``observed``: the smallest and the
        largest response beside the ends of the implied range, missing elsewhere.
    """
    response, group = response_name(design), design.specification.group
    low, high = (f"{100 * tail:g}%" for tail in RESPONSE.tails)
    rows: dict[str, Floats] = {"ICC": quantities["icc"].to_numpy()}
    rows |= _columns("sd({})", quantities["sd"])
    rows |= _columns(f"sd between {group} lines at {{}}", quantities["line_spread"])
    rows[f"sd of {response} around the population line"] = quantities["total_sd"].to_numpy()
    rows["R² of the population line"] = quantities["r2"].to_numpy()
    ends = [f"new {response}, {low} quantile", f"new {response}, {high} quantile"]
    rows |= dict(zip(ends, quantities["response"].to_numpy().T, strict=True))
    values = np.stack(list(rows.values()), axis=-1)
    table = pd.DataFrame({"median": np.median(values, axis=0)}, index=pd.Index(rows))
    lower, upper = INTERVAL.of_draws(values[None])
    for tail, limit in zip(INTERVAL.tails, (lower, upper), strict=True):
        table[f"{100 * tail:g}%"] = limit
    observed = dict(zip(ends, (design.rows.y.min(), design.rows.y.max()), strict=True))
    table["observed"] = [observed.get(name, np.nan) for name in rows]
    return table


def probability_table(quantities: xr.Dataset, design: Design) -> pd.DataFrame:
    """Probability of every extreme, with its Monte Carlo standard error (``mcse``)."""
    response, icc = response_name(design), quantities["icc"].to_numpy()
    corr, sd = quantities["corr"].to_numpy(), quantities["sd"].to_numpy()
    rows: dict[str, Floats | Booleans] = {}
    for i, k in pairs(design.blocks):
        rows[f"P(|{pair_name(design, i, k)}| > 0.9)"] = np.abs(corr[:, k, i]) > 0.9
    rows["P(ICC > 0.5)"] = icc > 0.5
    rows["P(ICC < 0.01)"] = icc < 0.01
    for c in np.flatnonzero(varying(design)):
        name, change = design.effects[c], design.rows.y.std() / design.rows.Z[:, c].std()
        rows[f"P(sd({name}) > 1 sd of {response} per sd of {name})"] = sd[:, c] > change
    rows[f"P(new {response} outside the observed range)"] = quantities["outside"].to_numpy()
    rows[f"P(new {response} > {FAR:g} observed sds from the mean)"] = quantities["far"].to_numpy()
    values = np.stack(list(rows.values()), axis=-1).astype(np.float64)
    return pd.DataFrame(
        {
            "probability": values.mean(axis=0),
            "mcse": values.std(axis=0) / np.sqrt(len(values)),
        },
        index=pd.Index(rows),
    )


def response_name(design: Design) -> str:
    """The response as the tables call it."""
    return design.specification.response.strip("`")


def pairs(blocks: tuple[int, ...]) -> list[tuple[int, int]]:
    """Positions i < k of every two random effects of one block."""
    later, earlier = correlated_pairs(blocks)
    return list(zip(earlier.tolist(), later.tolist(), strict=True))


def pair_name(design: Design, i: int, k: int) -> str:
    """The correlation of two effects as the summary of a fit calls it."""
    return f"corr({design.effects[i]}, {design.effects[k]})"


def varying(design: Design) -> Booleans:
    """Which random columns (q,) are not constant."""
    several: Booleans = np.ptp(design.rows.Z, axis=0) > 0.0
    return several


def line_points(design: Design) -> tuple[list[str], Floats]:
    """Labels and rows z (k, q) at which the groups' lines are compared.

    For each random column that varies, its 10th and 90th percentile with the others at
    their means; of that point, the nearest row of the design (in sds, the column itself
    counting ten times), so that columns that depend on each other (x and x²) agree.
    The label states every other column that is not 0 there, as `Fit.icc` would have it.
    """
    columns = np.flatnonzero(varying(design))
    Z = design.rows.Z[:, columns]
    mean, sd = Z.mean(axis=0), Z.std(axis=0)
    points: dict[str, Floats] = {}
    for k, column in enumerate(columns):
        weight = np.where(np.arange(len(columns)) == k, _OWN, 1.0) / sd
        for percentile in LINE_PERCENTILES:
            target = mean.copy()
            target[k] = np.quantile(Z[:, k], percentile, method="inverted_cdf")
            z = design.rows.Z[(((Z - target) * weight) ** 2).sum(axis=1).argmin()]
            points.setdefault(_label(design, z, int(column), columns), z)
    return list(points), np.array(list(points.values())).reshape(-1, len(design.effects))


def _label(design: Design, z: Floats, k: int, columns: Integers) -> str:
    stated = [k, *(c for c in columns if c != k and z[c] != 0.0)]
    return ", ".join(f"{design.effects[c]} = {z[c]:g}" for c in stated)


def _columns(name: str, values: xr.DataArray) -> dict[str, Floats]:
    """The columns of (draw, label) by a name with the label in it."""
    labels = values[values.dims[1]].to_numpy()
    return {name.format(label): values.to_numpy()[:, k] for k, label in enumerate(labels)}


def _explained(gamma: Floats, X: Floats) -> Floats:
    """Variance of Xγ over the rows (draws,) for γ (draws, p): over n, as the prior of R² has it."""
    centred = X - X.mean(axis=0)
    variance: Floats = between_variance(gamma[:, :, None] * gamma[:, None], second_moment(centred))
    return np.maximum(variance, 0.0)


def _responses(draws: PriorDraws, design: Design, seed: int) -> dict[str, tuple[Any, Floats]]:
    """``response``, ``outside`` and ``far``, some draws at a time: each has its own rows."""
    theta, y = draws.theta, design.rows.y
    range_ = float(y.min()), float(y.max())
    near = y.mean() - FAR * y.std(), y.mean() + FAR * y.std()
    generator = np.random.default_rng([seed, 1])
    parts: list[tuple[Floats, Floats, Floats]] = []
    for start in range(0, len(theta.sigma), _DRAWS_AT_A_TIME):
        cut = slice(start, start + _DRAWS_AT_A_TIME)
        root, sigma, gamma = theta.root[cut], theta.sigma[cut], draws.gamma[cut]
        rows = generator.integers(len(y), size=(len(sigma), _ROWS))
        mean = (design.rows.X[rows] @ gamma[:, :, None])[..., 0]
        sd = np.sqrt(((design.rows.Z[rows] @ root) ** 2).sum(axis=-1) + sigma[:, None] ** 2)
        ends = np.stack([mixture_quantile(mean, sd, tail) for tail in RESPONSE.tails], axis=-1)
        parts.append((ends, _mass_outside(mean, sd, range_), _mass_outside(mean, sd, near)))
    ends, outside, far = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {
        "response": (("draw", "end"), ends),
        "outside": (("draw",), outside),
        "far": (("draw",), far),
    }


def _mass_outside(mean: Floats, sd: Floats, limits: tuple[float, float]) -> Floats:
    """Probability (draws,) outside two limits, of mixtures of normals (draws, rows)."""
    mass: Floats = ndtr((limits[0] - mean) / sd) + ndtr((mean - limits[1]) / sd)
    return mass.mean(axis=1)


def mixture_quantile(mean: Floats, sd: Floats, prob: float) -> Floats:
    """Quantile (draws,) of mixtures of normals with equal weights (draws, rows).

    It lies between the smallest and the largest quantile of the components; that
    bracket is halved until a millionth of it is left.
    """
    normal = ndtri(prob)
    component = mean + normal * sd
    low, high = component.min(axis=1), component.max(axis=1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        below = ndtr((middle[:, None] - mean) / sd).mean(axis=1) < prob
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2.0
