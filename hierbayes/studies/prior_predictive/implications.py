r"""What draws of θ and γ imply, in the terms of the model: lines, shares, responses.

Per draw, with S = Z'Z/n the second moment of the random columns over the rows:

    T = tr(G S), the variance between groups averaged over the rows
    σ², that of errors: times the mean square of what weights or a structure make of σ
    ICC = T/(T + σ²),   R² = var(Xγ)/(var(Xγ) + T + σ²)
    ICC of factor k = T_k/(T + σ²), T = Σ_k T_k, where there are several
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.design.design import Design
from hierbayes.display.interval import Interval
from hierbayes.fit.variance import between_variance
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.covariance import correlated_pairs, second_moment
from hierbayes.studies.prior_predictive.line_points import line_points, varying
from hierbayes.studies.prior_predictive.new_responses import FAR, RESPONSE, new_responses
from hierbayes.studies.prior_predictive.row_errors import RowErrors

if TYPE_CHECKING:
    from hierbayes.priors.draws import PriorDraws

INTERVAL = Interval(0.9)


def implied_quantities(
    draws: PriorDraws, design: Design, errors: RowErrors, seed: int
) -> xr.Dataset:
    """Everything the tables are made of, by draw.

    Parameters
    ----------
    draws : PriorDraws
        In the user's units.
    design : Design
        Its columns, and its response for the observed range and spread alone.
    errors : RowErrors
        Of its rows.
    seed : int
        Of the rows at which responses are looked at.

    Returns
    -------
    Dataset
        By ``draw``: ``sd``, ``corr``, ``G``, ``sigma``, ``gamma``, ``icc``, ``r2``;
        ``line_spread``, sqrt(z'Gz) by ``at``; ``total_sd``, sqrt(T + σ²); ``response``,
        the ends (``end``) of the central 95% of new responses; ``outside`` and ``far``,
        the probability that one lies outside the observed range, and farther than ten
        observed sds from the observed mean.  Of several grouping factors ``icc`` is by
        ``factor`` too, and lines are those of one factor each.
    """
    within = draws.theta.sigma**2 * errors.mean_squares()
    total = sum(between_parts(draws, design)) + within
    explained = _explained(draws.gamma, design.rows.X)
    values = {
        "sigma": (("draw",), draws.theta.sigma),
        "r2": (("draw",), explained / (explained + total)),
        "total_sd": (("draw",), np.sqrt(total)),
    }
    responses = new_responses(draws, design, errors, seed)
    shared = None if design.specification.known_sd else within  # known errors have no share
    return quantities_of(draws, design, shared, values | responses)


def between_parts(draws: PriorDraws, design: Design) -> list[Floats]:
    """tr(G S) of each factor (draws,)."""
    second, G = second_moment(design.rows.Z), draws.theta.G
    return [between_variance(G[:, at, at], second[at, at]) for at in design.spans]


def quantities_of(
    draws: PriorDraws,
    design: Design,
    within: Floats | float | None,
    further: dict[str, tuple[Any, Floats]],
) -> xr.Dataset:
    """What every model has of θ and γ, with further quantities.

    Parameters
    ----------
    draws : PriorDraws
    design : Design
    within : (draws,) float, optional
        Variance within groups, where there is one.
    further : dict
        Dimensions and values by name.
    """
    theta, G = draws.theta, draws.theta.G
    sd, corr = theta.sd, theta.corr
    several, found = len(design.factors) > 1, line_points(design)
    points = np.array([point.z for point in found]).reshape(len(found), len(design.effects))
    lines = np.sqrt(((points[None] @ theta.root) ** 2).sum(axis=-1))
    values: dict[str, tuple[Any, Floats]] = {
        "sd": (("draw", "effect"), sd),
        "corr": (("draw", "effect", "effect_bis"), corr),
        "G": (("draw", "effect", "effect_bis"), G),
        "gamma": (("draw", "term"), draws.gamma),
        "line_spread": (("draw", "at"), lines),
    }
    if within is not None:
        parts = between_parts(draws, design)
        icc = np.stack(parts, axis=-1) / np.asarray(sum(parts) + within)[:, None]
        values["icc"] = (("draw", "factor"), icc) if several else (("draw",), icc[:, 0])
    coords = {
        "draw": np.arange(len(G)),
        "effect": np.array(design.effect_labels, dtype=object),
        "effect_bis": np.array(design.effect_labels, dtype=object),
        "term": np.array(design.terms, dtype=object),
        "at": np.array(
            [f"{one.at}|{one.factor}" if several else one.at for one in found], dtype=object
        ),
        "end": list(RESPONSE.tails),
    }
    if several:
        coords["factor"] = np.array(design.specification.factors, dtype=object)
    return xr.Dataset(values | further, coords=coords)


def implication_table(quantities: xr.Dataset, design: Design) -> pd.DataFrame:
    """Median and 90% equal-tailed limits of every implied quantity, and what was observed.

    Returns
    -------
    DataFrame
        Columns ``median``, ``5%``, ``95%`` and ``observed``: the smallest and the
        largest response beside the ends of the implied range, missing elsewhere.
    """
    response = response_name(design)
    low, high = (f"{100 * tail:g}%" for tail in RESPONSE.tails)
    rows = icc_by_factor(quantities, design) if "icc" in quantities else {}
    rows |= spread_rows(quantities, design)
    rows[f"sd of {response} around the population line"] = quantities["total_sd"].to_numpy()
    rows["R² of the population line"] = quantities["r2"].to_numpy()
    ends = [f"new {response}, {low} quantile", f"new {response}, {high} quantile"]
    rows |= dict(zip(ends, quantities["response"].to_numpy().T, strict=True))
    y = design.rows.observed
    observed = dict(zip(ends, (float(y.min()), float(y.max())), strict=True))
    return limits_table(rows, observed)


def spread_rows(quantities: xr.Dataset, design: Design) -> dict[str, Floats]:
    """Draws (draws,) of standard deviations of the effects, and between groups' lines."""
    rows = _columns("sd({})", quantities["sd"])
    lines = quantities["line_spread"].to_numpy().T
    for point, spread in zip(line_points(design), lines, strict=True):
        rows[f"sd between {point.factor} lines at {point.at}"] = spread
    return rows


def limits_table(rows: dict[str, Floats], observed: dict[str, float]) -> pd.DataFrame:
    """Median and limits of draws (draws,) by name, and what was observed of some."""
    values = np.stack(list(rows.values()), axis=-1)
    table = pd.DataFrame({"median": np.median(values, axis=0)}, index=pd.Index(rows))
    lower, upper = INTERVAL.of_draws(values[None])
    for tail, limit in zip(INTERVAL.tails, (lower, upper), strict=True):
        table[f"{100 * tail:g}%"] = limit
    table["observed"] = [observed.get(name, np.nan) for name in rows]
    return table


def probability_table(quantities: xr.Dataset, design: Design) -> pd.DataFrame:
    """Probability of every extreme, with its Monte Carlo standard error (``mcse``)."""
    response = response_name(design)
    sd, rows = quantities["sd"].to_numpy(), extreme_rows(quantities, design)
    for c in np.flatnonzero(varying(design)):
        label, name = design.effect_labels[c], design.effects[c]
        change = design.rows.observed.std() / design.rows.Z[:, c].std()
        rows[f"P(sd({label}) > 1 sd of {response} per sd of {name})"] = sd[:, c] > change
    rows[f"P(new {response} outside the observed range)"] = quantities["outside"].to_numpy()
    rows[f"P(new {response} > {FAR:g} observed sds from the mean)"] = quantities["far"].to_numpy()
    return mean_table(rows)


def extreme_rows(quantities: xr.Dataset, design: Design) -> dict[str, Floats | Booleans]:
    """Whether (draws,) correlations and intraclass correlations are at their ends."""
    corr, rows = quantities["corr"].to_numpy(), dict[str, Floats | Booleans]()
    for i, k in pairs(design.blocks):
        rows[f"P(|{pair_name(design, i, k)}| > 0.9)"] = np.abs(corr[:, k, i]) > 0.9
    iccs = icc_by_factor(quantities, design) if "icc" in quantities else {}
    for name, icc in iccs.items():
        rows[f"P({name} > 0.5)"] = icc > 0.5
        rows[f"P({name} < 0.01)"] = icc < 0.01
    return rows


def mean_table(rows: dict[str, Floats | Booleans]) -> pd.DataFrame:
    """Probabilities with their Monte Carlo standard errors, of draws (draws,) by name."""
    values = np.stack(list(rows.values()), axis=-1).astype(np.float64)
    return pd.DataFrame(
        {
            "probability": values.mean(axis=0),
            "mcse": values.std(axis=0) / np.sqrt(len(values)),
        },
        index=pd.Index(rows),
    )


def percent(share: float) -> str:
    """A share in whole percent; near 0 and 1 no more is claimed than it is."""
    if share < 0.01:
        return "less than 1%"
    return f"{share:.0%}" if share <= 0.99 else "more than 99%"


def response_name(design: Design) -> str:
    """The response as the tables call it."""
    return design.specification.response.strip("`")


def pairs(blocks: tuple[int, ...]) -> list[tuple[int, int]]:
    """Positions i < k of every two random effects of one block."""
    later, earlier = correlated_pairs(blocks)
    return list(zip(earlier.tolist(), later.tolist(), strict=True))


def pair_name(design: Design, i: int, k: int) -> str:
    """The correlation of two effects as the summary of a fit calls it."""
    return f"corr({design.effect_labels[i]}, {design.effect_labels[k]})"


def icc_by_factor(quantities: xr.Dataset, design: Design) -> dict[str, Floats]:
    """Draws (draws,) of the intraclass correlation, of each grouping factor where it says so."""
    icc, factors = quantities["icc"].to_numpy(), design.specification.factors
    if len(factors) == 1:
        return {"ICC": icc}
    return {f"ICC of {name}": icc[:, k] for k, name in enumerate(factors)}


def _columns(name: str, values: xr.DataArray) -> dict[str, Floats]:
    """The columns of (draw, label) by a name with the label in it."""
    labels = values[values.dims[1]].to_numpy()
    return {name.format(label): values.to_numpy()[:, k] for k, label in enumerate(labels)}


def _explained(gamma: Floats, X: Floats) -> Floats:
    """Variance of Xγ over the rows (draws,) for γ (draws, p): over n, as the prior of R² has it."""
    centred = X - X.mean(axis=0)
    variance: Floats = between_variance(gamma[:, :, None] * gamma[:, None], second_moment(centred))
    return np.maximum(variance, 0.0)
