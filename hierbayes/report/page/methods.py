"""The methods paragraph of a fit, and where its numbers come from."""

from __future__ import annotations

from importlib.metadata import version

from hierbayes.design.subject import subject_of
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.fit import Fit
from hierbayes.fit.posterior import PosteriorFit

_PACKAGES = ("hierbayes", "numpy", "scipy", "pandas", "pymc", "nutpie", "arviz-stats")


def methods_text(fit: Fit, found: Diagnosis) -> str:
    """What was done, in sentences for a paper, the diagnosis of the fit among them."""
    subject = subject_of(fit.design)
    family = fit.problem.family
    response = "" if family is None else f" with a {family.name} response"
    parts = [
        f"We fitted the hierarchical model {subject.model}{response} to {subject.data}"
        f" ({fit.design.dropped})",
        f"We {subject.left_out}" if subject.left_out else "",
        _estimation(fit, found),
        _priors(fit),
        f"Computations were done with hierbayes {version('hierbayes')}",
    ]
    return " ".join(f"{part}." for part in parts if part)


def _estimation(fit: Fit, found: Diagnosis) -> str:
    if isinstance(fit, PosteriorFit):
        return _sampling(fit, found)
    limits = f"limits are at {100 * DEFAULT_PROB:g}%"
    gaussian = fit.problem.family is None
    match fit.engine:
        case "REML" if not fit.design.terms:
            return f"Variances are maximum likelihood estimates, exact; {limits}"
        case "REML":
            return (
                "Variances are restricted maximum likelihood estimates and fixed effects "
                f"generalised least squares given them; {limits}, with the degrees of freedom "
                "that the table of fixed effects has"
            )
        case "ML":
            how = "exact" if gaussian else "approximate (random effects integrated out numerically)"
            return f"All parameters are maximum likelihood estimates, {how}; {limits}"
    return f"Estimates are the mode of the marginal posterior of the variance parameters; {limits}"


def _sampling(fit: PosteriorFit, found: Diagnosis) -> str:
    chains, draws = fit.theta.sigma.shape
    evidence = fit.evidence
    how = (
        f"NUTS ({evidence.sampler}), {chains} chains of {draws} draws after {evidence.tune} of "
        "tuning"
        if evidence.k_hat is None
        else f"importance sampling, {chains * draws} draws"
    )
    table = found.table
    return (
        f"The posterior was sampled by {how} (seed {evidence.seed}); the largest R-hat is "
        f"{table['r_hat'].max():.3f} and the smallest bulk effective sample size "
        f"{table['ess_bulk'].min():.0f}. Estimates are posterior means, with "
        f"{Interval(DEFAULT_PROB)} intervals"
    )


def _priors(fit: Fit) -> str:
    if fit.priors is None:
        return ""
    frame = fit.priors.frame()
    stated = [f"{' '.join(dict.fromkeys(key))} ~ {row}" for key, row in frame["prior"].items()]
    return f"Priors were {'; '.join(stated)}"


def provenance(fit: Fit) -> tuple[str, ...]:
    """Versions and seeds, a sentence each."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    lines = [f"Versions: {versions}."]
    if isinstance(fit, PosteriorFit):
        lines.append(
            f"Seed {fit.evidence.seed}: equal seeds give equal draws on one machine and these "
            "versions; other processors round otherwise."
        )
    else:
        lines.append("No random numbers were used: the same data give the same estimates.")
    return tuple(lines)


def citation() -> str:
    """How to cite the package."""
    return (
        "The hierbayes developers. hierbayes: Bayesian hierarchical models from one collapsed "
        f"likelihood. Python package, version {version('hierbayes')}."
    )
