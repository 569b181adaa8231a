"""Whether to trust a fit: convergence of a sampler, or the conditions of a maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.near_collinear import near_combinations
from hierbayes.design.sums import left_within
from hierbayes.display.blocks import Items
from hierbayes.display.page import Page, Printed
from hierbayes.estimation.climb import VANISHED
from hierbayes.estimation.importance import K_HAT_LIMIT
from hierbayes.fit.about import note_on_response
from hierbayes.fit.convergence import (
    FEW_DIVERGENCES,
    convergence_table,
    r_hat_limit,
    scalar_draws,
)
from hierbayes.fit.evidence import Maximum, Sampling, null_directions
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.variance import undetermined
from hierbayes.likelihood.covariance import sd_corr

ESS_PER_CHAIN = 100
_ONE_SIDED = 0.3  # from the middle, of the mean rank of the draws that diverged
BFMI_LIMIT = 0.3
GRADIENT_LIMIT = 1e-4
ASCENT_LIMIT = 1e-6
FAR_ENOUGH_TO_TELL = 5.0  # spreads between a random column's data and its zero
RATIO_LIMIT = 1e7  # of a random effect's sd to σ, above which y has few digits of the residual


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Diagnosis(Printed):
    """A verdict and what it rests on.

    Parameters
    ----------
    ok : bool
        Whether nothing was found that should keep one from using the fit.
    verdict : str
        In one line.
    findings : tuple of str
        One sentence each: what was checked, what was found, what to do.
    table : DataFrame
        The numbers behind the findings.
    """

    ok: bool
    verdict: str
    findings: tuple[str, ...]
    table: pd.DataFrame

    def page(self) -> Page:
        """The verdict and what it rests on; the table has a row for every u."""
        return Page(self.verdict, blocks=(Items(self.findings),))


def _judged(fit: Fitted, table: pd.DataFrame) -> str:
    """The random effects that are among the parameters looked at."""
    looked = int((table.index.get_level_values("block") == "u").sum())
    spans = zip(fit.design.factors, fit.design.spans, strict=True)
    there = sum(factor.J * (span.stop - span.start) for factor, span in spans)
    return "every random effect" if looked == there else f"{looked:,} of {there:,} random effects"


def diagnose_sampler(fit: Fitted, evidence: Sampling, conflicts: list[str]) -> Diagnosis:
    """Diagnose a posterior, for which conflicts of prior and data were found or not."""
    table = convergence_table(fit)
    chains, draws = fit.theta.sigma.shape
    r_hat, bulk, tail = table["r_hat"].max(), table["ess_bulk"].min(), table["ess_tail"].min()
    wanted, limit = ESS_PER_CHAIN * chains, r_hat_limit(evidence.k_hat)
    diverging = int(evidence.stats["diverging"].sum())
    bfmi = _bfmi(evidence)
    findings: list[str] = []
    bad: list[str] = []
    cautions: list[str] = []
    if chains < 2:
        bad.append("one chain cannot show that chains agree: sample at least two")
    elif r_hat <= limit:
        findings.append(f"chains agree: the largest R-hat is {r_hat:.3f} (limit {limit})")
    else:
        bad.append(
            f"chains disagree: R-hat of {table['r_hat'].idxmax()} is {r_hat:.3f} "
            f"(limit {limit}); use more tune and draws"
        )
    text = f"smallest ESS, {_judged(fit, table)} included: bulk {bulk:.0f}, tail {tail:.0f}"
    enough = min(bulk, tail) >= wanted
    (findings if enough else bad).append(f"{text} (wanted {wanted})")
    if evidence.k_hat is not None:
        findings.append(
            f"importance sampling of θ in place of NUTS: Pareto k̂ of the weights "
            f"{evidence.k_hat:.2f} (limit {K_HAT_LIMIT})"
        )
    elif diverging:
        few = diverging <= FEW_DIVERGENCES * chains * draws
        (cautions if few else bad).append(_of_divergences(fit, evidence))
    else:
        findings.append("no divergences")
    if bfmi.size:
        low = float(bfmi.min())
        (findings if low > BFMI_LIMIT else bad).append(
            f"energy: the smallest BFMI is {low:.2f} (limit {BFMI_LIMIT})"
        )
    far = np.abs(fit.problem.working.basis.z.shift / fit.problem.working.basis.z.spread)
    if bad and far.max(initial=0.0) > FAR_ENOUGH_TO_TELL:
        name = fit.design.effect_labels[int(far.argmax())]
        bad.append(
            f"'{name}' = 0, where the random intercept is, lies {far.max():.0f} spreads away from "
            "the data; centring it would let the chains move"
        )
    findings.extend(_undetermined_findings(fit, "it is the prior"))
    findings.extend(_of_data(fit))
    cautions.extend(conflicts)
    verdict = "Sampling went well."
    if cautions:
        verdict = "These draws can be used; look at this first:"
    if bad:
        verdict = "Do not use these draws before mending this:"
    return Diagnosis(not bad, verdict, (*bad, *cautions, *findings), table)


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


def diagnose_maximum(fit: Fitted, evidence: Maximum, conflicts: list[str]) -> Diagnosis:
    """Diagnose a REML, ML or MAP fit, for which conflicts of prior and data were found or not."""
    findings: list[str] = list(conflicts)
    bad: list[str] = []
    relative = fit.theta.relative(fit.problem.products.basis)
    ratio = float(np.sqrt((relative**2).sum(axis=-1)).max(initial=0.0))
    if ratio > RATIO_LIMIT:  # first, for what else is wrong follows from it
        bad.append(
            f"the random effects are {ratio:.1g} times as large as the residual: the response has "
            "few digits of it"
        )
    vanished = ratio > 0.5 * VANISHED and left_within(fit.problem.products)[1] <= 0.0
    steep = evidence.gradient > GRADIENT_LIMIT and not vanished
    (bad if steep else findings).append(
        f"largest gradient over free entries of the relative root: {evidence.gradient:.1e}"
    )
    if evidence.name != "MAP" and np.isfinite(evidence.ascent):  # no random part has no cone
        rising = evidence.ascent > ASCENT_LIMIT
        (bad if rising else findings).append(
            f"largest relative slope of the likelihood into the cone of covariance matrices: "
            f"{evidence.ascent:.1e}"
        )
    if vanished:
        findings.append(
            "the residual variance is estimated as zero: the random effects alone reproduce the "
            "rows of every group, and the likelihood is largest where they do; fewer random "
            "effects leave a residual"
        )
    if evidence.singular:
        findings.extend(_boundary_findings(fit))
    findings.extend(_undetermined_findings(fit, "its value means nothing"))
    findings.extend(_of_data(fit))
    if bad:
        verdict = f"The {evidence.name} maximum is not certain:"
    elif vanished:
        verdict = f"The {evidence.name} maximum lies on the boundary: σ is zero."
    elif evidence.singular:
        verdict = f"The {evidence.name} maximum lies on the boundary: G is singular."
    else:
        verdict = f"The {evidence.name} maximum is inside the parameter space."
    table = pd.DataFrame(
        {
            "value": [
                evidence.value,
                evidence.gradient,
                evidence.ascent,
                float(evidence.singular),
                float(evidence.evaluations),
            ]
        },
        index=["log-likelihood", "gradient", "ascent", "singular", "evaluations"],
    )
    return Diagnosis(not bad, verdict, (*bad, *findings), table)


def _of_data(fit: Fitted) -> list[str]:
    """What of the data makes coefficients or priors mean little, or something else."""
    notes = [note_on_response(fit.problem), "" if fit.priors is None else fit.priors.of_origins]
    return [*(near.text for near in near_combinations(fit.problem)), *filter(None, notes)]


def _undetermined_findings(fit: Fitted, what: str) -> list[str]:
    names, unknown = fit.design.effect_labels, undetermined(fit.problem)
    alone = np.diag(unknown)
    found = [
        f"the variance of '{names[k]}' is not in the likelihood by itself, for in every group "
        f"'{names[k]}' is a multiple of the other random columns: {what}; a factor without the "
        "constant, as in ~ 0 + f, has a variance for each of its levels"
        for k in np.flatnonzero(alone)
    ]
    return found + [
        f"the correlation of '{names[c]}' and '{names[r]}' is not in the likelihood, for no group "
        f"has rows of both: {what}"
        for r, c in zip(*np.nonzero(np.tril(unknown, -1)), strict=True)
        if not (alone[r] or alone[c])
    ]


def _boundary_findings(fit: Fitted) -> list[str]:
    """The degenerate directions of G in words, and the smaller model they imply."""
    G = fit.G
    scale = 1.0 / np.asarray(fit.problem.products.basis.z.spread)
    sd, corr = sd_corr(G)
    findings = []
    names = fit.design.effect_labels
    absent = sd <= 1e-6 * scale * fit.problem.products.basis.scale
    for k in np.flatnonzero(absent):
        findings.append(
            f"the variance of '{names[k]}' is estimated as zero: without its random effect the "
            "likelihood is the same"
        )
    for r, c in zip(*np.nonzero(np.tril(np.abs(corr) > 1 - 1e-6, -1)), strict=True):
        if absent[r] or absent[c]:
            continue
        findings.append(
            f"the correlation of '{names[c]}' and '{names[r]}' is estimated as {corr[r, c]:+.0f}: "
            f"each group's deviation in '{names[r]}' is {sd[r] / sd[c] * np.sign(corr[r, c]):+.4g} "
            f"times its deviation in '{names[c]}', one dimension of variation and not two"
        )
    if not findings:
        for direction in null_directions(G, scale):
            parts = " ".join(
                f"{w / s:+.3g}·u[{n}]"
                for w, s, n in zip(direction.weights, scale, names, strict=True)
                if abs(w) > 0.05
            )
            findings.append(f"the combination {parts} has no variance between groups")
    findings.append(
        f"this is what the {'density' if fit.engine == 'MAP' else 'likelihood'} says, not a "
        "failure; model.sample() shows how uncertain it is, and fewer random effects give the "
        "same maximum"
    )
    return findings
