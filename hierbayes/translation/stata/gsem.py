"""Stata: ``gsem`` of nominal categories, written.

An equation for each category but the first, with random effects of its own as latent variables:

    gsem (2.y <- x M1[g]@1 c.x#M2[g]@1) (3.y <- x M3[g]@1 c.x#M4[g]@1), mlogit covariance(...)

Latent variables of one level are correlated unless a covariance is held at 0.

Source: the Stata Structural Equation Modeling Reference Manual, ``gsem``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, count
from textwrap import wrap

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.nested_levels import nested_levels
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.stata.data_steps import codes_of
from hierbayes.translation.stata.random_part import random_columns


@dataclass(frozen=True, slots=True)
class _Latent:
    """A random effect of a category as a latent variable.

    Parameters
    ----------
    name : str
        With its level, ``M1[school]``.
    column : str
        What it multiplies; empty of an intercept.
    level : str
    block : tuple of int
        Effects of equal blocks are correlated.
    """

    name: str
    column: str
    level: str
    block: tuple[int, ...]

    @property
    def path(self) -> str:
        """As a term of an equation."""
        return f"{f'c.{self.column}#' if self.column else ''}{self.name}@1"


def gsem_command(model: ModelToWrite, plan: ColumnPlan, fixed: Sequence[str]) -> str:
    """The command, with the columns that it needs planned.

    Parameters
    ----------
    model : ModelToWrite
        Of the family Categorical.
    plan : ColumnPlan
    fixed : sequence of str
        Terms of the fixed part.

    Raises
    ------
    FormulaError
        When grouping factors cross, or the first category has not the lowest number.
    """
    spec = model.specification
    response = plan.column(spec.response)
    constant = "" if INTERCEPT in spec.fixed else ", noconstant"
    latent = [list(one) for one in _latent_variables(model, plan)]
    lines = []
    for code, own in zip(_codes(model, plan)[1:], latent, strict=True):
        terms = " ".join([*fixed, *(one.path for one in own)])
        lines.append(f"({code}.{response} <- {terms}{constant})")
    held = [
        f"{a.name}*{b.name}@0"
        for a, b in combinations([one for own in latent for one in own], 2)
        if a.level == b.level and a.block != b.block
    ]
    options = ["mlogit", *([f"covariance({' '.join(held)})"] if held else []), "intmethod(laplace)"]
    wrapped = wrap(" ".join(options), width=90, break_long_words=False, break_on_hyphens=False)
    return " ///\n    ".join(["gsem", *lines[:-1], f"{lines[-1]},", *wrapped])


def _codes(model: ModelToWrite, plan: ColumnPlan) -> Sequence[int]:
    """The numbers of the categories; Stata compares with the lowest of them."""
    name, labels = model.specification.response, model.outcomes
    known = plan.levels(name) if plan.is_factor(name) else labels
    numbers = codes_of(known)
    if numbers is None and not plan.is_factor(name):
        raise FormulaError(
            f"Stata takes whole numbers from 0 on for categories, and '{name}' holds "
            f"{in_quotes(labels)}; make others of them"
        )
    numbers = numbers or tuple(range(1, len(known) + 1))
    found = [numbers[known.index(label)] for label in labels]
    if min(found) != found[0]:
        raise FormulaError(
            f"Stata compares categories of '{name}' with the lowest number, {min(found)}, and "
            f"this model with {found[0]}; put the lowest first"
        )
    return found


def _latent_variables(model: ModelToWrite, plan: ColumnPlan) -> Iterator[Iterator[_Latent]]:
    """The latent variables of each category but the first, named in order."""
    levels = nested_levels(model, "gsem of Stata")
    numbers = count(1)
    paths = [">".join(level.columns[0] for level in levels[: k + 1]) for k in range(len(levels))]

    def of_category(category: int) -> Iterator[_Latent]:
        for k, (level, path) in enumerate(zip(levels, paths, strict=True)):
            for place, block in enumerate(level.blocks):
                for column in random_columns(block, plan):
                    name = f"{plan.fresh(f'M{next(numbers)}')}[{path}]"
                    yield _Latent(name, column, path, (category, k, place))

    return (of_category(category) for category in range(1, len(model.outcomes)))
