"""The usual alternatives to a set of priors, block by block, on the baseline's own scales."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hierbayes.design.problem import Problem
from hierbayes.priors.chosen_priors import choose_priors, kind_of
from hierbayes.priors.correlation_families import LKJ, UniformCorrelation, UniformPartials
from hierbayes.priors.families import (
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    LogNormal,
    Normal,
    Prior,
    StudentT,
    Uniform,
)
from hierbayes.priors.joint_families import Beta
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.scale import rescaled
from hierbayes.specification.effect_name import EffectName

SEVERAL = "several"
CAUTIONARY = "cautionary"
_USUAL_RATES = {"df": 0.05}
_ETAS = (1.0, 2.0, 4.0, 10.0)


def default_grid(problem: Problem, baseline: PriorSet) -> dict[str, dict[str, Any]]:
    """The usual alternatives.

    The scale of an sd is that of its prior in the baseline where the family has one, and
    that of its default prior otherwise.  The gamma prior, with shape 2.5 and mean twice the
    scale, keeps away from 0 (after Chung and others, doi:10.1007/s11336-013-9328-2, who use
    it for modes).  The inverse-gamma prior of the sd is there as a caution: no verdict
    rests on it.
    """
    usual = choose_priors(None, problem)
    grid: dict[str, dict[str, Any]] = {}
    if baseline.gamma and not baseline.explains_gamma:
        grid["gamma"] = _of_gamma(baseline)
    if baseline.joint:
        grid["sd"] = {"sd, corr by default": {}}
    elif baseline.sd:
        grid |= _of_random_part(problem, baseline, usual)
    if baseline.own_corr:
        names = [name for name, _, _ in baseline.own_corr]
        present = {prior for _, prior, _ in baseline.own_corr}
        etas = [LKJ(eta) for eta in _ETAS if {LKJ(eta)} != present]
        every = not baseline.joint  # beside a prior of a block of G, which stays
        grid["corr"] = {
            f"corr {prior}": prior if every else dict.fromkeys(names, prior) for prior in etas
        }
    return grid | _of_dispersion(problem, baseline, usual) | _of_errors(baseline)


def _of_random_part(
    problem: Problem, baseline: PriorSet, usual: PriorSet
) -> dict[str, dict[str, Any]]:
    """Of sds, and of their share where errors have one variance that is estimated."""
    found: dict[str, dict[str, Any]] = {
        "sd": {
            title: {name: baseline.as_stated(name, prior) for name, prior in priors.items()}
            for title, priors in _of_sd(_scales(baseline.sd, usual.sd)).items()
        }
    }
    of_one_factor = len(problem.design.factors) == 1 and problem.family is None
    if of_one_factor and problem.moments is None and not baseline.holds_sigma:
        found["icc"] = {"icc uniform": Beta(1, 1)}
    return found | {CAUTIONARY: {"sd inverse-gamma": {"sd": InverseGamma(0.001, 0.001)}}}


def _of_dispersion(
    problem: Problem, baseline: PriorSet, usual: PriorSet
) -> dict[str, dict[str, Any]]:
    """Of σ, or of what a family has in its place, block by block."""
    grid: dict[str, dict[str, Any]] = {}
    if baseline.holds_sigma:
        return grid
    scales = _scales(baseline.dispersion, usual.dispersion)
    for name, prior, _ in baseline.dispersion:
        block = baseline.block_of(name)
        if kind_of(problem, block) != "sigma":
            if isinstance(prior, Normal):
                widths = (("/2", 0.5), ("×2", 2.0))
                grid[block] = {
                    f"{block} width{said}": {name: replace(prior, sigma=by * prior.sigma)}
                    for said, by in widths
                }
            continue
        scale = scales[name]
        own: dict[str, Prior] = {"half-normal": HalfNormal(scale)} if scale else {}
        own["exponential"] = Exponential(1.0 / scale if scale else _USUAL_RATES.get(block, 1.0))
        if not scale:  # a concentration, or degrees of freedom: it has no unit
            own["gamma"] = Gamma(0.01, 0.01) if block != "df" else Gamma(2, 0.5)
        grid[block] = {f"{block} {said}": one for said, one in own.items()}
    return grid


def _of_errors(baseline: PriorSet) -> dict[str, dict[str, Any]]:
    """Priors of the parameters of the errors half and twice as wide, where families have widths."""
    grid: dict[str, dict[str, Any]] = {}
    for said, by in (("narrower", 0.5), ("wider", 2.0)):
        changed = {name: _wider(prior, by) for name, prior, _ in baseline.residual}
        own = {name: prior for name, prior in changed.items() if prior is not None}
        if own:
            grid.setdefault("residual", {})[f"residual {said}"] = own
    return grid


def _wider(prior: Prior, by: float) -> Prior | None:
    """A prior of a parameter of the errors so many times as wide; None where there is no such.

    A uniform one has normal ones inside it, cut at its ends, and nothing outside.  Of a correlation
    over a gap it is uniform over half the gap or twice that, so that φ is nearer 0 or farther.
    """
    match prior:
        case Normal() | LogNormal() | StudentT():
            return replace(prior, sigma=by * prior.sigma)
        case Uniform(lower, upper):
            inside = Normal((lower + upper) / 2.0, (upper - lower) / 4.0)
            return inside if by < 1.0 else None
        case UniformCorrelation(gap):
            return UniformCorrelation(by * gap)
        case Beta(alpha, beta):
            return Beta(alpha / by**2, beta / by**2)
        case LKJ(eta):
            return LKJ(2.0 * eta) if by < 1.0 else LKJ(eta / 2.0) if eta > 1.0 else None
        case UniformPartials() | Flat():
            return None
    return rescaled(prior, by)


def _of_gamma(baseline: PriorSet) -> dict[str, Any]:
    """Flat, default, and narrower than normal priors of the baseline."""
    normal = {n: p for n, p, _ in baseline.gamma if isinstance(p, Normal)}
    if len(normal) < len(baseline.gamma):
        return {"gamma flat": Flat(), "gamma by default": {}}
    narrower = {
        f"gamma width/{by}": {n: replace(p, sigma=p.sigma / by) for n, p in normal.items()}
        for by in (2, 5)
    }
    return {"gamma flat": Flat(), **narrower}


def _of_sd(scale: dict[EffectName, float]) -> dict[str, dict[EffectName, Prior]]:
    return {
        "sd half-normal": {n: HalfNormal(s) for n, s in scale.items()},
        "sd half-normal/4": {n: HalfNormal(s / 4) for n, s in scale.items()},
        "sd half-Cauchy": {n: HalfCauchy(s) for n, s in scale.items()},
        "sd exponential": {n: Exponential(1 / s) for n, s in scale.items()},
        "sd uniform": {n: Uniform(0, 10 * s) for n, s in scale.items()},
        "sd gamma(2.5)": {n: Gamma(2.5, 1.25 / s) for n, s in scale.items()},
    }


def _scales[Name: (str, EffectName)](
    entries: tuple[tuple[Name, Prior, str], ...], usual: tuple[tuple[Name, Prior, str], ...]
) -> dict[Name, float]:
    """The scale on which alternatives to each prior are put."""
    defaults = {name: prior for name, prior, _ in usual}
    return {name: _scale(prior) or _scale(defaults[name]) for name, prior, _ in entries}


def _scale(prior: Prior) -> float:
    """The scale of a prior, 0 where its family has none."""
    if isinstance(prior, Gamma | InverseGamma):
        return 0.0
    parameters = prior.parameters
    for name, power in (("sigma", 1), ("beta", 1), ("lam", -1), ("upper", 1)):
        if name in parameters:
            return float(parameters[name] ** power)
    return 0.0
