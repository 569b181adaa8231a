"""How HLM equations name columns: with subscripts, by level of a factor, and as group means."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from hierbayes.design.variables import Variables
from hierbayes.errors import FormulaError
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.programs.factor_coding import level_choices
from hierbayes.translation.programs.factor_trees import CONTEXTUAL, called, tree_text

_MANY = frozenset({"bs", "cc", "cr", "cs", "poly", "hashed", "C"})  # of several columns each


class ColumnNames:
    """Names of the columns of one model.

    Columns of factors are named by level, as in ``Sector[Public]``; group means and
    deviations from them by ``MEAN_x``, which is defined beneath the equations.

    Parameters
    ----------
    variables : Variables
    groups : mapping of str to str
        Subscripts by column of groups, of those that means may be taken over.
    """

    def __init__(self, variables: Variables, groups: Mapping[str, str]) -> None:
        self.variables = variables
        self.groups = groups
        self._means: dict[tuple[str, str], str] = {}

    def is_factor(self, factor: str) -> bool:
        """Whether a factor of a term holds labels."""
        column = self.variables.columns.get(factor.strip("`"))
        return column is not None and column.is_factor

    def levels(self, factor: str) -> tuple[str, ...]:
        """The labels of a factor, the reference first."""
        return self.variables.columns[factor.strip("`")].levels

    def choices(self, term: str, terms: Sequence[str]) -> list[list[tuple[str, str]]]:
        """The columns of a term among others: of each its factors with the levels they take."""
        found = level_choices(term, terms, self.is_factor, self.levels)
        return [[(factor, level) for factor, level, _ in choice] for choice in found]

    def of(self, factor: str, level: str, subscript: str) -> str:
        """A column as the equations name it.

        Raises
        ------
        FormulaError
            When a label cannot stand in brackets, or the factor makes columns without names.
        """
        tree = factor_tree(factor)
        if any(mark in level for mark in "[]=;\n"):
            raise FormulaError(f"HLM cannot name the level '{level}' of '{factor}'; rename it")
        if level:
            return f"{tree_text(tree)}[{level}]{subscript}"
        if called(tree) in _MANY:
            raise FormulaError(
                f"HLM cannot say '{factor}': it makes several columns that have no names; make "
                "columns of the data from it first"
            )
        if called(tree) in CONTEXTUAL and isinstance(tree, ast.Call):
            of, by = map(tree_text, tree.args[:2])
            if by in self.groups and by.isidentifier() and of.isidentifier():
                mean = f"{self._mean(of, by)}{self.groups[by]}"
                return mean if called(tree) == "cvar" else f"{of}{subscript} - {mean}"
        return f"{tree_text(tree)}{subscript}"

    @property
    def definitions(self) -> list[str]:
        """What the names of means stand for, a line each."""
        return [f"{name} = mean of {of} in {by}" for (of, by), name in self._means.items()]

    def _mean(self, of: str, by: str) -> str:
        first = next((group for other, group in self._means if other == of), by)
        return self._means.setdefault((of, by), f"MEAN_{of}" + (f"_{by}" if by != first else ""))


def grouped(names: Sequence[str]) -> str:
    """The names of a product in parentheses, a difference among several in its own."""
    return f"({'*'.join(names if len(names) == 1 else map(bracketed, names))})"


def bracketed(name: str) -> str:
    """A name as a factor of a product."""
    return f"({name})" if " - " in name else name


def numbered(symbol: str, index: Sequence[int]) -> str:
    """A symbol with its numbers, commas between them where one has two digits.

    Examples
    --------
    >>> numbered("γ", (0, 1)), numbered("γ", (10, 1))
    ('γ01', 'γ10,1')
    """
    return symbol + ("," if max(index) > 9 else "").join(map(str, index))


def mixed_sum(fixed: Sequence[str], random: Sequence[str]) -> str:
    """The fixed addends, of which there may be none, and on a line of their own the random ones."""
    return "\n        + ".join(" + ".join(part) for part in (fixed, random) if part)
