"""What a model prints: its formula, its data, its columns."""

from __future__ import annotations

from hierbayes.design.problem import Problem
from hierbayes.design.subject import subject_of


def model_in_words(problem: Problem) -> str:
    """A model in a few lines, before any fit."""
    design = problem.design
    nesting = problem.nesting
    factors = f"\n  factors: {nesting.text}" if nesting.text else ""
    effects = ", ".join(design.effect_labels) or "none, an ordinary regression"
    notes = "".join(f"\n  note: {note}" for note in nesting.notes)
    left = design.columns.left_out
    left_out = "" if left is None else f"  {left.text}\n"
    return (
        f"Model: {design.specification}\n"
        f"  {subject_of(design).data}; {design.dropped}\n"
        f"{left_out}"
        f"  fixed terms: {', '.join(design.terms) or 'none'}\n"
        f"  random effects: {effects}{factors}{notes}"
    )
