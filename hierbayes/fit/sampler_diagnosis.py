"""Whether to trust a posterior: agreement of chains, effective sizes, divergences, energy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from hierbayes.estimation.importance import K_HAT_LIMIT
from hierbayes.fit.convergence import (
    FEW_DIVERGENCES,
    convergence_table,
    r_hat_limit,
    scalar_draws,
)
from hierbayes.fit.diagnosis import Diagnosis, of_data, undetermined_findings
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.fitted import Fitted

ESS_PER_CHAIN = 100
BFMI_LIMIT = 0.3
FAR_ENOUGH_TO_TELL = 5.0  # spreads between a random column's data and its zero
_ONE_SIDED = 0.3  # from the middle, of the mean rank of the draws that diverged


def diagnose_sampler(fit: Fitted, evidence: Sampling, conflicts: list[str]) -> Diagnosis:
    """Diagnose a posterior, for which conflicts of prior and data were found or not."""
    table = convergence_table(fit)
    said = _Said()
    _judge_agreement(said, fit, table, r_hat_limit(evidence.k_hat))
    _judge_sizes(said, fit, table)
    _judge_transitions(said, fit, evidence)
    if said.bad:
        said.bad.extend(_far_from_zero(fit))
    said.good.extend(undetermined_findings(fit, "it is the prior"))
    said.good.extend(of_data(fit))
    said.cautions.extend(conflicts)
    verdict = "Sampling went well."
    if said.cautions:
        verdict = "These draws can be used; look at this first:"
    if said.bad:
        verdict = "Do not use these draws before mending this:"
    return Diagnosis(not said.bad, verdict, (*said.bad, *said.cautions, *said.good), table)


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What was found: reasons not to use the draws, what to look at first, and the rest."""

    bad: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)
    good: list[str] = field(default_factory=list)


def _judge_agreement(said: _Said, fit: Fitted, table: pd.DataFrame, limit: float) -> None:
    r_hat = table["r_hat"].max()
    if len(fit.theta.sigma) < 2:
        said.bad.append("one chain cannot show that chains agree: sample at least two")
    elif r_hat <= limit:
        said.good.append(f"chains agree: the largest R-hat is {r_hat:.3f} (limit {limit})")
    else:
        said.bad.append(
            f"chains disagree: R-hat of {table['r_hat'].idxmax()} is {r_hat:.3f} "
            f"(limit {limit}); use more tune and draws"
        )


def _judge_sizes(said: _Said, fit: Fitted, table: pd.DataFrame) -> None:
    wanted = ESS_PER_CHAIN * len(fit.theta.sigma)
    bulk, tail = table["ess_bulk"].min(), table["ess_tail"].min()
    (said.good if min(bulk, tail) >= wanted else said.bad).append(
        f"smallest ESS, {_judged(fit, table)} included: bulk {bulk:.0f}, tail {tail:.0f} "
        f"(wanted {wanted})"
    )


def _judge_transitions(said: _Said, fit: Fitted, evidence: Sampling) -> None:
    """Of NUTS its divergences and energy, of importance sampling the weights."""
    diverging = int(evidence.stats["diverging"].sum())
    if evidence.k_hat is not None:
        said.good.append(
            f"importance sampling of θ in place of NUTS: Pareto k̂ of the weights "
            f"{evidence.k_hat:.2f} (limit {K_HAT_LIMIT})"
        )
    elif diverging:
        few = diverging <= FEW_DIVERGENCES * fit.theta.sigma.size
        (said.cautions if few else said.bad).append(_of_divergences(fit, evidence))
    else:
        said.good.append("no divergences")
    bfmi = _bfmi(evidence)
    if bfmi.size:
        low = float(bfmi.min())
        (said.good if low > BFMI_LIMIT else said.bad).append(
            f"energy: the smallest BFMI is {low:.2f} (limit {BFMI_LIMIT})"
        )


def _far_from_zero(fit: Fitted) -> list[str]:
    """The random column whose zero is far outside the data, if there is one."""
    z = fit.problem.working.basis.z
    far = np.abs(z.shift / z.spread)
    if far.max(initial=0.0) <= FAR_ENOUGH_TO_TELL:
        return []
    name = fit.design.effect_labels[int(far.argmax())]
    return [
        f"'{name}' = 0, where the random intercept is, lies {far.max():.0f} spreads away from "
        "the data; centring it would let the chains move"
    ]


def _judged(fit: Fitted, table: pd.DataFrame) -> str:
    """The random effects that are among the parameters looked at."""
    looked = int((table.index.get_level_values("block") == "u").sum())
    spans = zip(fit.design.factors, fit.design.spans, strict=True)
    there = sum(factor.J * (span.stop - span.start) for factor, span in spans)
    return "every random effect" if looked == there else f"{looked:,} of {there:,} random effects"


def _of_divergences(fit: Fitted, evidence: Sampling) -> str:
    """How many divergences, where they are, and what to do."""
    flags = np.asarray(evidence.stats["diverging"], dtype=bool)
    count = int(flags.sum())
    text = f"{'1 divergence' if count == 1 else f'{count} divergences'} in {flags.size} draws"
    index, draws = scalar_draws(fit, random_effects=False)
    chosen = [k for k, (block, _) in enumerate(index) if block != "gamma"]
    flat = draws.reshape(-1, draws.shape[-1])[:, chosen]
    at = flat[flags.ravel()]
    share = (flat[None, :, :] < at[:, None, :]).mean(axis=1).mean(axis=0)  # mean rank, 0 to 1
    worst = int(np.abs(share - 0.5).argmax())
    if np.abs(share[worst] - 0.5) >= _ONE_SIDED:
        block, name = index[chosen[worst]]
        what = block if block == name else f"{block}({name})"
        side = "small" if share[worst] < 0.5 else "large"
        text += f", where {what} is {side} (about {np.median(at[:, worst]):.3g})"
    else:
        text += ", in no one region"
    settings = evidence.settings
    return f"{text}; sample with target_accept above {settings.target_accept:g}"


def _bfmi(evidence: Sampling) -> np.ndarray:
    """Energy fraction of missing information by chain: E(ΔE²)/Var(E)."""
    if "energy" not in evidence.stats:
        return np.empty(0)
    from arviz_stats.base import array_stats

    energy = np.asarray(evidence.stats["energy"], dtype=np.float64)
    return np.atleast_1d(array_stats.bfmi(energy, chain_axis=0, draw_axis=1))
