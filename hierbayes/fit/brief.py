"""A fit in a few lines: what it is, and its main numbers."""

from __future__ import annotations

from hierbayes.design.subject import subject_of
from hierbayes.fit.effects import fixef
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.fitted import Fitted

_MANY = 6  # numbers from which on the rest is counted


def brief(fit: Fitted, found: str) -> str:
    """Engine, model, sizes, what was found, columns left out, and estimates, a line each."""
    subject = subject_of(fit.design)
    sd = fit.theta.sd.mean(axis=(0, 1))
    fixed = [f"{term} {value:.4g}" for term, value in fixef(fit).items()]
    random = [
        f"{name} {value:.4g}" for name, value in zip(fit.design.effect_labels, sd, strict=True)
    ]
    effects = f"random effects ({len(random)}), sd: {_listed(random)}" if random else "no groups"
    return "\n".join(
        [
            f"{fit.engine} fit of {subject.model}",
            f"  {subject.data}; {found}",
            *([f"  {subject.left_out}"] if subject.left_out else []),
            f"  fixed effects ({len(fixed)}): {_listed(fixed)}",
            f"  {effects}{_dispersion(fit)}",
        ]
    )


def _dispersion(fit: Fitted) -> str:
    if fit.design.specification.known_sd:
        return "; errors of known standard deviations"
    values = fit.phi_draws.mean(axis=(0, 1)).tolist()
    named = zip(fit.problem.dispersion, values, strict=True)
    return "".join(f"; {name} {value:.4g}" for name, value in named)


def maximum_text(maximum: Maximum) -> str:
    """The value of a maximum in a few words."""
    what = "log posterior" if maximum.name == "MAP" else "log-likelihood"
    return f"{what} {maximum.value:.2f}{', G singular' if maximum.singular else ''}"


def _listed(texts: list[str]) -> str:
    rest = len(texts) - _MANY
    return ", ".join(texts[:_MANY]) + (f", and {rest} more" if rest > 0 else "")
