"""In what two models of the same data differ, in words."""

from __future__ import annotations

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.fit.fitted import Fitted
from hierbayes.specification.effect_name import EffectName

_SAME = 1e-8


def model_difference(first: str, a: Fitted, second: str, b: Fitted) -> str | None:
    """What makes two fits fits of different models; None where they are of one.

    Terms are compared by name, whatever their order, and blocks of random effects as sets;
    columns of one name are compared by value too (a centred variable may have kept its name).
    """
    if a.problem is b.problem:
        return None
    left, right = a.design, b.design
    several = len(left.factors) > 1 or len(right.factors) > 1
    parts = []
    if a.problem.family != b.problem.family:
        families = (str(one.problem.family or "Gaussian") for one in (a, b))
        parts.append(f"the families differ, {' and '.join(families)}")
    structures = [_errors(one.problem) for one in (a, b)]
    if structures[0] != structures[1]:
        parts.append(f"the errors differ, {' and '.join(structures)}")
    for what, ours, theirs in (
        ("fixed", set(left.terms), set(right.terms)),
        ("random", _blocks(left, several), _blocks(right, several)),
    ):
        if ours != theirs:
            parts.append(
                f"the {what} parts differ"
                + _only(first, left, what, theirs, several)
                + _only(second, right, what, ours, several)
            )
    changed = [name for name in left.terms if name in right.terms and not _equal(name, left, right)]
    if changed:
        parts.append(f"the column '{changed[0]}' has other values in '{second}'")
    return ", and ".join(parts) or None


def _errors(problem: Problem) -> str:
    """The residual structure as it is written."""
    return (
        "alike and independent" if problem.moments is None else problem.moments.rows.structure.text
    )


def same_model(a: Fitted, b: Fitted) -> bool:
    """Whether two fits are of one model, whatever their engines and priors."""
    return model_difference("", a, "", b) is None


type _Effects = tuple[EffectName | str, ...]  # with their factor where there are several


def _blocks(design: Design, several: bool) -> set[frozenset[EffectName | str]]:
    """The effects of each block of G."""
    return {frozenset(block) for block in _ordered_blocks(design, several)}


def _only(
    name: str,
    design: Design,
    what: str,
    others: set[str] | set[frozenset[EffectName | str]],
    several: bool,
) -> str:
    """What of one model's part the other has not, as the end of a sentence."""
    if what == "fixed":
        own = [f"'{term}'" for term in design.terms if term not in others]
    else:
        blocks = (frozenset(block) for block in _ordered_blocks(design, several))
        terms = zip(design.specification.random, blocks, strict=True)
        own = [str(term) for term, block in terms if block not in others]
    return f"; only '{name}' has {', '.join(own)}" if own else ""


def _ordered_blocks(design: Design, several: bool) -> list[_Effects]:
    names: _Effects = design.effect_names if several else design.effects
    return [names[at] for at in block_slices(design.blocks)]


def _equal(name: str, a: Design, b: Design) -> bool:
    x, other = a.rows.X[:, a.terms.index(name)], b.rows.X[:, b.terms.index(name)]
    return bool(np.abs(x - other).max() <= _SAME * max(np.abs(x).max(), 1e-300))
