"""Stata: the random-effects equations of ``mixed`` and its sisters, written."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.nested_levels import blocks_of, levels_of, longest_chain
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.programs.factor_coding import level_choices, refuse_unclear_coding
from hierbayes.translation.stata.data_steps import coded_columns, codes_of


class Groups:
    """Columns of groups as ``mixed`` takes them, and the commands that make those it needs.

    Parameters
    ----------
    model : ModelToWrite
    plan : ColumnPlan
    """

    def __init__(self, model: ModelToWrite, plan: ColumnPlan) -> None:
        self._model = model
        self._plan = plan
        self.commands: list[str] = []

    def level(self, columns: Sequence[str]) -> str:
        """Name of a level: a column of any kind, or one made of a combination."""
        return columns[0] if len(columns) == 1 else self._made("_".join(columns), columns)

    def numbers(self, columns: Sequence[str]) -> str:
        """Name of groups as whole numbers, as ``R.`` takes them."""
        variables = self._model.variables
        levels = {**variables.groups, **variables.errors}[columns[0]].levels
        encoded = columns[0] in coded_columns(self._model) or codes_of(levels) is not None
        if len(columns) == 1 and encoded:
            return columns[0]
        return self._made("_".join([*columns, *(["number"] if len(columns) == 1 else [])]), columns)

    def _made(self, name: str, columns: Sequence[str]) -> str:
        fresh = self._plan.fresh(name)
        self.commands.append(f"egen long {fresh} = group({' '.join(columns)})")
        return fresh


def random_part(model: ModelToWrite, plan: ColumnPlan, groups: Groups) -> str:
    """The random-effects equations: crossed intercepts, then levels, each within the one before.

    Raises
    ------
    FormulaError
        For several crossed factors with other effects than an intercept.
    """
    spec = model.specification
    kept = [name for name in spec.factors if blocks_of(name, model) != ((INTERCEPT,),)]
    chain = longest_chain(model, kept)
    if not chain:
        raise FormulaError(
            "Stata has slopes over one of several crossed factors only, and here over "
            f"{in_quotes(kept)}; lmer of lme4 has them all"
        )
    crossed = [name for name in spec.factors if name not in chain]
    parts = [f"|| _all: R.{groups.numbers(spec.columns_of[name])}" for name in crossed]
    for level in levels_of(chain, model):
        parts += _equations(groups.level(level.columns), level.blocks, plan)
    return " ".join(parts)


def _equations(group: str, blocks: Sequence[tuple[str, ...]], plan: ColumnPlan) -> list[str]:
    """The equations of one level; they are independent of each other.

    The equation of independent effects is the default of ``mixed``; here it says so.
    """
    columns = [random_columns(block, plan) for block in blocks]
    single = all(len(names) == 1 for names in columns)
    if len(columns) > 1 and single and all(names != [""] for names in columns[1:]):
        names = [name for (name,) in columns if name]
        constant = "" if columns[0] == [""] else " noconstant"
        return [f"|| {group}: {' '.join(names)}, covariance(independent){constant}"]
    return [_equation(group, names) for names in columns]


def _equation(group: str, names: Sequence[str]) -> str:
    """One equation; the empty name is the intercept."""
    effects = [name for name in names if name]
    options = ["covariance(unstructured)"] if len(names) > 1 else []
    options += [] if "" in names else ["noconstant"]
    text = f"|| {group}: {' '.join(effects)}".rstrip()
    return f"{text}, {' '.join(options)}" if options else text


def random_columns(block: tuple[str, ...], plan: ColumnPlan) -> list[str]:
    """Columns of one block.  An equation takes no factor variables, so that they are made."""
    refuse_unclear_coding(block, plan.is_factor, "Stata")
    names: list[str] = []
    for term in block:
        if term == INTERCEPT:
            names.append("")
            continue
        for column in level_choices(term, block, plan.is_factor, plan.levels):
            names.append(_made_effect(column, plan))
    return names


def _made_effect(column: Sequence[tuple[str, str, bool]], plan: ColumnPlan) -> str:
    """Name of one column of a random term: a column, an indicator, or a product of these."""
    parts = [
        plan.indicator(factor, level, full=full) if level else plan.column(factor)
        for factor, level, full in column
    ]
    if len(parts) == 1:
        return parts[0]
    marks = [f"[{'' if full else 'T.'}{level}]" if level else "" for _, level, full in column]
    term = ":".join(f"{factor}{mark}" for (factor, _, _), mark in zip(column, marks, strict=True))
    return plan.product(parts, term)
