"""HLM: the equations of a model with two crossed grouping factors, as HCM2 prints them.

Rows i in the cells of a table of rows j by columns k, ``y_ijk = π_0jk + π_1jk x_ijk + e_ijk`` and

    π_0jk = θ_0 + b_00j + c_00k + γ_01 w_j + (β_01 + b_01j) z_k,

where γ weighs what is constant within the rows of the table, β what is constant within its
columns, and δ a product of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from hierbayes.specification.terms import factors_of
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.hlm.coefficient_tree import Coefficient, CoefficientTree
from hierbayes.translation.hlm.column_names import (
    ColumnNames,
    bracketed,
    grouped,
    mixed_sum,
    numbered,
)
from hierbayes.translation.hlm.families import words_of

_SYMBOLS = {"": "θ", "j": "γ", "k": "β", "jk": "δ"}


def crossed_text(model: ModelToWrite) -> str:
    """The equations of rows and of cells, followed by the mixed model.

    Parameters
    ----------
    model : ModelToWrite
        Of two grouping factors that cross; the first is called the rows, the second the columns.

    Raises
    ------
    FormulaError
        When a term has columns that have no names.
    """
    return _CrossedEquations(model).text()


class _CrossedEquations:
    """The equations of one model."""

    def __init__(self, model: ModelToWrite) -> None:
        self.spec = model.specification
        self.words = words_of(model, "e", "ijk", laplace=False)
        self.factors = self.spec.factors
        self.between = [model.variables.between_of[name] for name in self.factors]
        means = {
            columns[0]: subscript
            for name, subscript in zip(self.factors, "jk", strict=True)
            if len(columns := self.spec.columns_of[name]) == 1
        }
        tree = CoefficientTree(ColumnNames(model.variables, means), self._level_of)
        self.tree = tree.grow(self.spec, 2, self._depth_of)

    def text(self) -> str:
        """All of it."""
        rows, columns = self.factors
        left, residual = self.words.left, self.words.residual
        within = [self._called(one) + self._weighed(one) for one in self.tree.root.terms]
        lines = ["Level-1 model", *(f"    {line}" for line in self.words.head)]
        lines += [f"    {left} = {' + '.join([*within, *residual])}", ""]
        lines += [f"Level-2 model (rows: {rows}, columns: {columns})"]
        lines += [*map(self._equation, self.tree.root.terms), ""]
        lines += ["Mixed model", f"    {left} = {self._mixed()}", ""]
        lines += self.words.estimation
        lines += [f"Cov({first}, {second}) = 0" for first, second in self._uncorrelated()]
        return "\n".join([*lines, *self.tree.names.definitions])

    def _level_of(self, factor: str) -> tuple[int, str]:
        for among, subscript in zip(self.between, "jk", strict=True):
            if factor in among:
                return 1, subscript
        return 0, "ijk"

    def _depth_of(self, name: str, effect: str) -> int:
        """An effect on what is constant within the other factor stands by its coefficient."""
        own, other = self.between if name == self.factors[0] else self.between[::-1]
        factors = factors_of(effect)
        on_other = any(f in other for f in factors) and not any(f in own for f in factors)
        return 2 if on_other else 1

    def _called(self, one: Coefficient) -> str:
        if len(one.index) == 1:
            return numbered("π", one.index) + "jk"
        side = "".join(s for s in "jk" if any(name.endswith(s) for name in one.names))
        return numbered(_SYMBOLS[side], one.index if side else one.index[:1])

    def _effect(self, one: Coefficient, factor: str) -> str:
        symbol, group = ("b", "j") if factor == self.factors[0] else ("c", "k")
        return numbered(symbol, (*one.index, 0)[:2]) + group

    def _weighed(self, one: Coefficient) -> str:
        return f"*{grouped(one.names)}" if one.names else ""

    def _equation(self, one: Coefficient) -> str:
        """The constant and what varies, then what is weighed."""
        constant = [self._called(below) for below in one.terms if not below.names]
        parts = [*constant, *(self._effect(one, factor) for factor in one.factors)]
        for below in one.terms:
            if below.names:
                weights = [self._called(below)] if below.fixed else []
                weights += [self._effect(below, factor) for factor in below.factors]
                weight = " + ".join(weights)
                parts.append((f"({weight})" if len(weights) > 1 else weight) + self._weighed(below))
        return f"    {self._called(one)} = {' + '.join(parts)}"

    def _mixed(self) -> str:
        """The combined form, its terms and their factors in the order of the model."""
        fixed = [
            "*".join([self._called(c.coefficient), *map(bracketed, c.names)])
            for c in self.tree.fixed
        ]
        random = [
            "*".join([self._effect(c.coefficient, c.factor), *map(bracketed, c.names)])
            for c in self.tree.random
        ]
        return mixed_sum(fixed, [*random, *self.words.residual])

    def _uncorrelated(self) -> Iterator[tuple[str, str]]:
        """Effects over one factor in two blocks."""
        for a, b in combinations(self.tree.random, 2):
            if a.factor == b.factor and a.block != b.block:
                yield self._effect(a.coefficient, a.factor), self._effect(b.coefficient, b.factor)
