"""What a result on a design is about, in names and counts."""

from __future__ import annotations

from hierbayes.design.design import Design
from hierbayes.display.about import Subject


def subject_of(design: Design) -> Subject:
    """The model and the data of a design."""
    groups = tuple((factor.J, factor.name) for factor in design.named_factors)
    left = design.columns.left_out
    return Subject(str(design.specification), design.n, groups, "" if left is None else left.text)
