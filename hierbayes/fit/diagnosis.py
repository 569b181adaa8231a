"""Whether to trust a fit, and the conditions of a maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.near_collinear import near_combinations
from hierbayes.design.sums import left_within
from hierbayes.display.blocks import Items
from hierbayes.display.page import Page, Printed
from hierbayes.estimation.climb import VANISHED
from hierbayes.fit.about import note_on_response
from hierbayes.fit.evidence import Maximum, null_directions
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.variance import undetermined
from hierbayes.likelihood.covariance import sd_corr

GRADIENT_LIMIT = 1e-4
ASCENT_LIMIT = 1e-6
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


def diagnose_maximum(fit: Fitted, evidence: Maximum, conflicts: list[str]) -> Diagnosis:
    """Diagnose a REML, ML or MAP fit, for which conflicts of prior and data were found or not."""
    ratio = _largest_ratio(fit)
    vanished = ratio > 0.5 * VANISHED and left_within(fit.problem.products)[1] <= 0.0
    bad, good = _of_climb(evidence, vanished)
    if ratio > RATIO_LIMIT:  # first, for what else is wrong follows from it
        few = "the response has few digits of it"
        bad = [f"the random effects are {ratio:.1g} times as large as the residual: {few}", *bad]
    if vanished:
        good.append(
            "the residual variance is estimated as zero: the random effects alone reproduce the "
            "rows of every group, and the likelihood is largest where they do; fewer random "
            "effects leave a residual"
        )
    if evidence.singular:
        good.extend(_boundary_findings(fit))
    good.extend(undetermined_findings(fit, "its value means nothing"))
    good.extend(of_data(fit))
    verdict = f"The {evidence.name} maximum {_where(evidence, vanished)}"
    if bad:
        verdict = f"The {evidence.name} maximum is not certain:"
    table = pd.Series({
        "log-likelihood": evidence.value, "gradient": evidence.gradient,
        "ascent": evidence.ascent, "singular": float(evidence.singular),
        "evaluations": float(evidence.evaluations),
    }).to_frame("value")  # fmt: skip
    return Diagnosis(not bad, verdict, (*bad, *conflicts, *good), table)


def _largest_ratio(fit: Fitted) -> float:
    """The largest standard deviation of a random effect beside σ, in the internal basis."""
    relative = fit.theta.relative(fit.problem.products.basis)
    return float(np.sqrt((relative**2).sum(axis=-1)).max(initial=0.0))


def _of_climb(evidence: Maximum, vanished: bool) -> tuple[list[str], list[str]]:
    """What the slopes at the maximum say against it, and for it."""
    bad: list[str] = []
    good: list[str] = []
    steep = evidence.gradient > GRADIENT_LIMIT and not vanished
    (bad if steep else good).append(
        f"largest gradient over free entries of the relative root: {evidence.gradient:.1e}"
    )
    if evidence.name != "MAP" and np.isfinite(evidence.ascent):  # no random part has no cone
        (bad if evidence.ascent > ASCENT_LIMIT else good).append(
            f"largest relative slope of the likelihood into the cone of covariance matrices: "
            f"{evidence.ascent:.1e}"
        )
    return bad, good


def _where(evidence: Maximum, vanished: bool) -> str:
    if vanished:
        return "lies on the boundary: σ is zero."
    if evidence.singular:
        return "lies on the boundary: G is singular."
    return "is inside the parameter space."


def of_data(fit: Fitted) -> list[str]:
    """What of the data makes coefficients or priors mean little, or something else."""
    notes = [note_on_response(fit.problem), "" if fit.priors is None else fit.priors.of_origins]
    return [*(near.text for near in near_combinations(fit.problem)), *filter(None, notes)]


def undetermined_findings(fit: Fitted, what: str) -> list[str]:
    """Variances and correlations that are not in the likelihood; ``what`` is said of each."""
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
