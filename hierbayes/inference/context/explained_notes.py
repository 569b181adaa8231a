"""How tables of variance explained are read."""

from __future__ import annotations

from hierbayes.design.levels import is_outer
from hierbayes.display.interval import Interval
from hierbayes.errors import in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.inference.context.spread import spread_in_words, spread_table


def notes_of_errors(fit: Fit) -> list[str]:
    """What stands for σ² where errors are not alike, and in the null model."""
    notes, spec = [], fit.design.specification
    if spec.weights:
        notes.append(f"σ² is the variance of an error of weight 1 (of '{spec.weights}')")
    if fit.problem.moments is not None:
        structure = fit.problem.moments.rows.structure
        notes.append(
            f"errors: {structure.text}"
            + (", their variances averaged over the rows, see icc(by=, data=)"
               if structure.has_unequal_variances else "")
            + "; in both models of what is explained they are independent and of one variance"
        )  # fmt: skip
    if spec.offsets:
        notes.append("the response is less its offset")
    return notes


def notes_of_one_factor(fit: Fit, interval: Interval) -> tuple[str, ...]:
    """How the tables of a model of one grouping factor are read."""
    design = fit.design
    engine = "ML" if fit.engine == "ML" else "REML"
    notes = [
        *spread_in_words(fit, interval),
        "R2 marginal is the share of the fixed part in its variance over the rows, z'Gz averaged "
        "over the rows and σ²; R2 conditional counts z'Gz as explained",
        *notes_of_errors(fit),
        f"explained against the null model: both models with a random intercept alone, by {engine}"
        + ("" if fit.reading is not None else ", not from the fit's own θ")
        + "; such reductions can be negative",
        "reliability: near 1 the groups' own coefficients can be told apart, near 0 they are "
        "mostly error",
    ]
    if len(design.effects) > 1:
        notes.append(
            "reliability weighs all coefficients of a group together; own_variance is the ratio of "
            "variances of one coefficient alone, as HLM prints it, the mean of λ_j in by_group"
        )
    outer = is_outer(design.rows.X, design.rows.codes, design.J)
    mixed = [
        term
        for term, share in spread_table(design)["share_between"].iloc[1:].items()
        if 0.05 < share < 0.999 and not outer[design.terms.index(str(term))]
    ]
    if mixed:
        listed = in_quotes(mixed)
        notes.append(
            "varying both within and between groups, so that one coefficient mixes two slopes: "
            f"{listed}; see mundlak()"
        )
    return tuple(notes)
