"""Prior, likelihood and posterior of each parameter: what was learnt, and whether they agree.

Contraction is 1 − (posterior IQR/prior IQR)²: near 1 the data decide, near 0 the posterior
is the prior.  For normal distributions it is 1 − var(posterior)/var(prior).

Conflict is judged by splitting the node: the posterior with the parameter's own prior
made a thousand times wider is what everything but that prior says of it; the p-value is
the probability that a draw from the prior has a density as low as there.

References
----------
Schad, Betancourt & Vasishth (2021), *Toward a principled Bayesian workflow*, for contraction;
Box (1980), doi:10.2307/2982063, and Evans & Moshonov (2006), doi:10.1214/06-BA129, for the
p-value; Presanis, Ohlssen, Spiegelhalter & De Angelis (2013), doi:10.1214/13-STS426, for
splitting the node.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.blocks import block_slices
from hierbayes.errors import PriorError
from hierbayes.fit.convergence import scalar_draws
from hierbayes.fit.fit import Fit
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import correlated_pairs, sd_corr
from hierbayes.priors.correlation_families import LKJ, UniformCorrelation
from hierbayes.priors.families import Flat, HalfT, LogNormal, Normal, Prior, StudentT, Uniform
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper
from hierbayes.priors.quantile import quantile, quantile_within
from hierbayes.priors.scale import rescaled
from hierbayes.specification.effect_name import EffectName
from hierbayes.studies.comparison.implied_prior import implied_prior
from hierbayes.studies.comparison.prior_bulk import prior_of
from hierbayes.studies.sensitivity.alternatives import read_alternatives
from hierbayes.studies.sensitivity.answers import Answerer
from hierbayes.studies.sensitivity.moments import Values
from hierbayes.studies.sensitivity.moments import quantile as weighted_quantile
from hierbayes.studies.sensitivity.weights import Weights, even

CONFLICT = 0.05
_WIDER = 1000.0
_WIDER_LOG = 10.0  # of the log of a parameter
_LEVELS = (np.arange(999) + 0.5) / 999
_LITTLE = 0.1
_WIDER_THAN_PRIOR = -0.2  # below chance
_MUCH = 0.9
_CENTRED = "centred "
_UNKNOWN = "conflict cannot be judged"
_OF_CENTRED = "conflict is judged of its centred column"
_OF_DISTANCES = "priors are those of the distances of thresholds"
_OF_SEVERAL = "its prior is a joint one, whose conflict cannot be judged"


def information(answerer: Answerer) -> pd.DataFrame:
    """Contraction and prior–data conflict, a row per parameter of γ, sd, corr, σ and the errors.

    Where priors are those of centred columns, sds and correlations of the columns as written mix
    them: their priors are drawn, and what has the priors follows in rows of blocks ``centred sd``
    and ``centred corr``.

    Returns
    -------
    DataFrame
        Quartiles of prior (``prior_25%`` ...), of what everything but the prior says
        (``rest_25%`` ...) and of the posterior; ``contraction``; ``conflict``, the
        p-value; ``reading``, in words.  Missing where a prior has no quantiles, or
        the rest alone says too little to be a distribution.
    """
    fit, priors = answerer.baseline.fit, answerer.baseline.priors
    index, draws = scalar_draws(fit, random_effects=False)
    told = ~(priors.holds_sigma & (index.get_level_values("block") == "sigma"))
    draws = draws[..., told]
    names: list[tuple[str, str]] = [(str(block), str(name)) for block, name in index[told]]
    mixed = _mixed(answerer, names)
    if mixed:
        draws = np.concatenate([draws, centred_draws(fit, priors, mixed)], axis=-1)
        names += [(f"{_CENTRED}{block}", name) for block, name in mixed]
    posterior = Values(draws)
    equal = even(posterior.flat.shape[1])
    quartiles = [weighted_quantile(posterior, equal, p) for p in (0.25, 0.5, 0.75)]
    rows = []
    for k, name in enumerate(names):
        after = np.array([of[k] for of in quartiles])
        before, rest, p_value, remark = _before(answerer, name)
        width = before[2] - before[0] or np.nan  # 0 of a φ whose digits the unit of time takes
        contraction = 1.0 - ((after[2] - after[0]) / width) ** 2
        reading = _reading(contraction, p_value, remark)
        rows.append([*before, *rest, *after, contraction, p_value, reading])
    columns = [f"{of}_{p}%" for of in ("prior", "rest", "posterior") for p in (25, 50, 75)]
    columns += ["contraction", "conflict", "reading"]
    named = pd.MultiIndex.from_tuples(names, names=index.names)
    return pd.DataFrame(rows, index=named, columns=columns)


def _before(answerer: Answerer, name: tuple[str, str]) -> tuple[Floats, Floats, float, str]:
    """Quartiles of prior and rest, the p-value, and what is to be said of its absence."""
    fit, priors = answerer.baseline.fit, answerer.baseline.priors
    block, parameter = name
    of_centred = block.startswith(_CENTRED)
    found = prior_of(fit, block.removeprefix(_CENTRED), parameter, of_centred=of_centred)
    if found is not None:
        prior, size = found
        cut = answerer.baseline.densities.limits(*name)
        before = np.array([quantile_within(prior, p, cut, size) for p in (0.25, 0.5, 0.75)])
        return before, *_split(answerer, name, prior, size), _UNKNOWN
    implied = implied_prior(fit, block, parameter)
    nothing = np.full(3, np.nan)
    if implied is None:
        why = _OF_SEVERAL if block == "residual" else _OF_DISTANCES
        return nothing, nothing, np.nan, why
    before = np.array([implied.quantile(p) for p in (0.25, 0.5, 0.75)])
    return before, np.full(3, np.nan), np.nan, _OF_SEVERAL if priors.joint else _OF_CENTRED


def _mixed(answerer: Answerer, names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sds and correlations whose priors are those of centred columns."""
    fit, priors = answerer.baseline.fit, answerer.baseline.priors
    if not priors.centring or priors.joint:
        return []
    return [
        (block, name)
        for block, name in names
        if block in ("sd", "corr") and prior_of(fit, block, name) is None
    ]


def centred_draws(fit: Fitted, priors: PriorSet, names: list[tuple[str, str]]) -> Floats:
    """Draws (chains, draws, k) of sds and correlations of centred columns, by block and name."""
    root = np.linalg.solve(priors.columns(len(fit.design.effects)), fit.theta.root)
    sd, corr = sd_corr(root @ np.swapaxes(root, -1, -2))
    labels = fit.design.effect_labels
    rows, columns = correlated_pairs(fit.design.blocks)
    found = {("sd", label): sd[..., k] for k, label in enumerate(labels)} | {
        ("corr", f"{labels[c]}, {labels[r]}"): corr[..., r, c]
        for r, c in zip(rows, columns, strict=True)
    }
    return np.stack([found[name] for name in names], axis=-1)


def _split(
    answerer: Answerer, at: tuple[str, str], prior: Prior, size: int
) -> tuple[Floats, float]:
    """Quartiles of what everything but a prior says, and the p-value of the conflict."""
    block, parameter = at[0].removeprefix(_CENTRED), at[1]
    found = _without(answerer, block, parameter, prior)
    if found is None:
        return np.full(3, np.nan), np.nan
    fit, weights = found
    if at[0].startswith(_CENTRED):
        values = Values(centred_draws(fit, answerer.baseline.priors, [(block, parameter)]))
    else:
        index, draws = scalar_draws(fit, random_effects=False)
        values = Values(draws[..., [index.tolist().index(at)]])
    rest = np.array([weighted_quantile(values, weights, p)[0] for p in (0.25, 0.5, 0.75)])
    cut = answerer.baseline.densities.limits(block, parameter)
    return rest, _p_value(prior, size, cut, values.flat[0], weights)


def _without(
    answerer: Answerer, block: str, parameter: str, prior: Prior
) -> tuple[Fit, Weights] | None:
    """The posterior with one prior made very wide; None where it would be no distribution."""
    problem, priors = answerer.baseline.fit.problem, answerer.baseline.priors
    name = _entry_name(answerer, block, parameter)

    def said(one: Prior) -> Prior:
        return priors.as_stated(name, one) if block == "sd" else one

    try:
        several = block in ("gamma", "sd", "corr", "residual")  # a dispersion is its own block
        flat = {block: {"flat": {name: said(Flat())}}} if block in ("gamma", "sd") else {}
        for one in read_alternatives(flat, problem, priors) if flat else ():
            refuse_improper(problem, one.priors)
        wide = _wide(prior, answerer.baseline.densities.limits(block, parameter))
        stated = {name: said(wide)} if several else wide
        (alternative,) = read_alternatives(
            {block: {f"{block} of {name} wide": stated}}, problem, priors
        )
    except PriorError:
        return None
    answer = answerer.answer(alternative)
    return None if answer.fit is None else (answer.fit, answer.weights)


def _wide(prior: Prior, limits: tuple[float, float]) -> Prior:
    """A prior of the same kind that says next to nothing of a parameter within its limits."""
    if isinstance(prior, UniformCorrelation):
        return prior
    if np.isfinite(limits).all() and not isinstance(prior, LKJ):
        return Uniform(*limits)
    match prior:
        case LKJ():
            return LKJ(1)
        case Normal(mu, sigma):
            return Normal(mu, _WIDER * sigma)
        case StudentT(nu, mu, sigma):
            return StudentT(nu, mu, _WIDER * sigma)
        case LogNormal(mu, sigma):
            return LogNormal(mu, _WIDER_LOG * sigma)
    if np.isfinite(quantile(prior, 0.0)) and not prior.distribution.endswith("Gamma"):
        return rescaled(prior, _WIDER)
    return HalfT(3, 0, _WIDER * quantile(prior, 0.5))


def _p_value(
    prior: Prior, size: int, cut: tuple[float, float], rest: Floats, weights: Weights
) -> float:
    """P(density of the prior at a draw from it ≤ density at the rest)."""
    from hierbayes.priors.density import log_density

    if isinstance(prior, UniformCorrelation):  # the correlation has one density everywhere
        return 1.0
    drawn = np.array([quantile_within(prior, p, cut, size) for p in _LEVELS])
    if not np.isfinite(drawn).all():
        return np.nan
    if isinstance(prior, LKJ):  # of one correlation: 2b − 1, b ~ Beta(α, α)
        power = prior.eta - 2.0 + size / 2.0
        own, there = (power * np.log1p(-np.minimum(x**2, 1.0 - 1e-15)) for x in (drawn, rest))
    else:
        own, there = log_density(prior, drawn), log_density(prior, rest)
    below = np.searchsorted(np.sort(own), there + 1e-12, side="right") / len(own)
    return min(1.0, float(below @ weights.values))


def _entry_name(answerer: Answerer, block: str, parameter: str) -> str | EffectName:
    """The name under which a prior is stated: for a correlation that of its block of G."""
    design = answerer.baseline.fit.design
    if block == "sd":
        return design.effect_names[design.effect_labels.index(parameter)]
    if block == "residual":
        moments = answerer.baseline.fit.problem.moments
        assert moments is not None
        own = {one.name: one.together for one in moments.rows.parameters}
        return own[parameter] or parameter
    if block != "corr":
        return parameter
    for at in block_slices(design.blocks):
        effects = design.effect_labels[at]
        if parameter in {f"{a}, {b}" for a in effects for b in effects}:
            return ", ".join(effects)
    raise AssertionError(parameter)


def _reading(contraction: float, p_value: float, remark: str) -> str:
    """A contraction and a p-value in words; a remark where there is none."""
    if p_value < CONFLICT:
        return "prior and data are in conflict"
    if contraction > _MUCH:
        said = "much was learnt from the data"
    elif contraction < _WIDER_THAN_PRIOR:
        said = "the posterior is wider than the prior"
    elif contraction < _LITTLE:
        said = "little was learnt: the posterior is mostly prior"
    else:
        said = "something was learnt from the data"
    if np.isnan(contraction):
        said = "no prior to compare with"
    return said if np.isfinite(p_value) else f"{said}; {remark}"
