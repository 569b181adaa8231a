r"""What draws of θ, γ and φ imply of a response that is not Gaussian.

Responses of new groups are drawn at rows of the design drawn at random, some hundred for each draw
of the parameters: a row's η = x'γ + offset + z'u with u ~ N(0, G) of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.design.design import Design
from hierbayes.design.family_rows import FamilyRows, has_thresholds
from hierbayes.frames.arrays import Floats
from hierbayes.studies.prior_predictive.implications import (
    extreme_rows,
    icc_by_factor,
    limits_table,
    mean_table,
    percent,
    quantities_of,
    response_name,
    spread_rows,
)
from hierbayes.studies.prior_predictive.new_responses import RESPONSE

if TYPE_CHECKING:
    from hierbayes.priors.draws import PriorDraws

CERTAIN = 0.01  # of a probability: nearer 0 or 1 than this
FAR = 10.0  # times the largest response
_FURTHEST = 40.0  # of η, beyond which responses overflow
_ROWS = 200  # drawn for the responses of one draw


def family_quantities(draws: PriorDraws, design: Design, seed: int) -> xr.Dataset:
    """Everything the tables are made of, by draw.

    Returns
    -------
    Dataset
        By ``draw``: ``sd``, ``corr``, ``G``, ``gamma``; ``icc`` on the latent scale of the link,
        where it has one; ``line_spread`` on the scale of η; dispersion by its names, thresholds as
        fits tell them; ``mean``, the average response, ``response``, the ends (``end``) of the
        central 95% of new ones, ``outside`` the share of them outside the observed range, and
        ``extreme``: of probabilities the share within 0.01 of 0 or 1, of others that of responses
        beyond ten times the largest one; of categories ``share``, that of each ``category``.
    """
    rows = _family_rows(design)
    names, phi = rows.family.dispersion, draws.phi
    if has_thresholds(rows.family):  # as fits tell them, less the intercept
        phi = phi - draws.gamma[:, [design.terms.index("Intercept")]]
    further: dict[str, tuple[Any, Floats]] = {
        name: (("draw",), phi[:, k]) for k, name in enumerate(names)
    }
    further |= _responses(draws, design, rows, seed)
    return quantities_of(draws, design, rows.family.latent_variance(draws.phi), further)


def _responses(
    draws: PriorDraws, design: Design, rows: FamilyRows, seed: int
) -> dict[str, tuple[Any, Floats]]:
    """``mean``, ``response``, ``outside`` and ``extreme``."""
    rng, observed = np.random.default_rng([seed, 1]), observed_responses(rows)
    low, high = float(observed.min()), float(observed.max())
    found, shares = np.empty((len(draws.gamma), 5)), np.zeros((len(draws.gamma), 0))
    P = design.columns.n_predictors
    if are_categories(rows):
        shares = np.zeros((len(draws.gamma), len(rows.outcomes)))
    with np.errstate(over="ignore", invalid="ignore"):
        for k, (root, gamma, phi) in enumerate(
            zip(draws.theta.root, draws.gamma, draws.phi, strict=True)
        ):
            drawn_rows = rng.integers(design.n, size=_ROWS)
            at = (P * drawn_rows[:, None] + np.arange(P)).ravel()
            u = np.repeat(rng.standard_normal((_ROWS, root.shape[1])) @ root.T, P, axis=0)
            eta = design.rows.X[at] @ gamma + rows.offset[at] + (design.rows.Z[at] * u).sum(axis=1)
            drawn, extreme = _drawn(rows, at, eta, phi, high, rng)
            ends = np.quantile(drawn, RESPONSE.tails)
            outside = np.mean((drawn < low) | (drawn > high))
            found[k] = drawn.mean(), *ends, outside, extreme
            if shares.shape[1]:
                shares[k] = np.bincount(drawn.astype(int), minlength=shares.shape[1]) / _ROWS
    return {
        "share": (("draw", "category"), shares),
        "mean": (("draw",), found[:, 0]),
        "response": (("draw", "end"), found[:, 1:3]),
        "outside": (("draw",), found[:, 3]),
        "extreme": (("draw",), found[:, 4]),
    }


def _drawn(
    rows: FamilyRows, at: Any, eta: Floats, phi: Floats, high: float, rng: np.random.Generator
) -> tuple[Floats, float]:
    """Responses (rows,) and the share of them that is extreme; of trials shares."""
    m, family = rows.m[at], rows.family
    limit = np.clip(eta, -_FURTHEST, _FURTHEST)
    drawn = rows.as_observed(family.draw(rng, m, limit, phi))
    if rows.of_trials:
        drawn = drawn / np.maximum(m, 1.0)
    if are_probabilities(rows):
        p = family.mean(limit, m, phi)
        return drawn, float(np.mean(np.minimum(p, 1.0 - p) < CERTAIN))
    return drawn, float(np.mean(drawn > FAR * high))


def family_implications(quantities: xr.Dataset, design: Design) -> pd.DataFrame:
    """Median and 90% limits of every implied quantity, and what was observed."""
    rows, name = _family_rows(design), responses_in_words(design)
    table: dict[str, Floats] = {}
    if "icc" in quantities:
        found = icc_by_factor(quantities, design)
        table |= {f"{label}, latent": values for label, values in found.items()}
    table |= spread_rows(quantities, design)
    table |= {one: quantities[one].to_numpy() for one in rows.family.dispersion}
    low, high = (f"{100 * tail:g}%" for tail in RESPONSE.tails)
    if are_categories(rows):
        labels = [f"share of '{label}'" for label in rows.outcomes]
        there = np.bincount(rows.observed.astype(int), minlength=len(labels)) / design.n
        table |= dict(zip(labels, quantities["share"].to_numpy().T, strict=True))
        return limits_table(table, dict(zip(labels, there.tolist(), strict=True)))
    mean = f"mean of {name}"
    ends = [f"new {name}, {low} quantile", f"new {name}, {high} quantile"]
    table[mean] = quantities["mean"].to_numpy()
    table |= dict(zip(ends, quantities["response"].to_numpy().T, strict=True))
    y = observed_responses(rows)
    observed = dict(zip((mean, *ends), (y.mean(), y.min(), y.max()), strict=True))
    return limits_table(table, {label: float(value) for label, value in observed.items()})


def family_probabilities(quantities: xr.Dataset, design: Design) -> pd.DataFrame:
    """Probability of every extreme, with its Monte Carlo standard error."""
    rows, name = extreme_rows(quantities, design), responses_in_words(design)
    family_rows = _family_rows(design)
    if are_categories(family_rows):
        for k, label in enumerate(family_rows.outcomes):
            certain = quantities["share"].to_numpy()[:, k] > 1.0 - CERTAIN
            rows[f"P(share of '{label}' > {1 - CERTAIN:g})"] = certain
        return mean_table(rows)
    if are_probabilities(family_rows):
        words = f"P(probability of {response_name(design)} < {CERTAIN:g} or > {1 - CERTAIN:g})"
        rows[words] = quantities["extreme"].to_numpy()
        return mean_table(rows)
    rows[f"P(new {name} outside the observed range)"] = quantities["outside"].to_numpy()
    if family_rows.family.link == "log":
        rows[f"P(new {name} > {FAR:g} times the largest)"] = quantities["extreme"].to_numpy()
    return mean_table(rows)


def family_finding(quantities: xr.Dataset, design: Design) -> str:
    """What the priors imply of responses, in a sentence."""
    rows, name = _family_rows(design), response_name(design)
    if are_probabilities(rows):
        share = float(quantities["extreme"].mean())
        weak = "wide on the scale of probabilities: " if share > 0.5 else ""
        return (
            f"{weak}{percent(share)} of the rows that the priors imply have a probability of "
            f"{name} below {CERTAIN:g} or above {1 - CERTAIN:g}"
        )
    if are_categories(rows):
        most = quantities["share"].to_numpy().max(axis=1)
        one = percent(float(np.mean(most > 1.0 - CERTAIN)))
        return f"in {one} of the draws from the priors nearly all rows are of one category"
    share, y = float(quantities["outside"].mean()), observed_responses(rows)
    weak = f"weak on the scale of {name}: " if share > 0.5 else ""
    return (
        f"{weak}{percent(share)} of the responses that the priors imply lie outside the observed "
        f"range, {y.min():.4g} to {y.max():.4g}"
    )


def observed_responses(rows: FamilyRows) -> Floats:
    """The responses (n,), of trials their share."""
    return rows.y / np.maximum(rows.sizes, 1.0) if rows.of_trials else rows.observed


def are_categories(rows: FamilyRows) -> bool:
    """Whether the response is one of several categories, ordered or not."""
    return has_thresholds(rows.family) or bool(rows.family.predictors)


def are_probabilities(rows: FamilyRows) -> bool:
    """Whether the mean of the response is the probability of a success."""
    return rows.of_trials or rows.family.name == "Bernoulli"


def responses_in_words(design: Design) -> str:
    """The response as the tables call it; of trials it is a share."""
    name = response_name(design)
    return f"share of {name}" if _family_rows(design).of_trials else name


def _family_rows(design: Design) -> FamilyRows:
    rows = design.rows.family
    assert rows is not None
    return rows
