"""HLM: the equations of a model with nested grouping factors, as HLM3 and HLM4 print them.

At three levels ``y_ijk = π_0jk + π_1jk x_ijk + e_ijk``, ``π_0jk = β_00k + β_01k w_jk + r_0jk`` and
``β_00k = γ_000 + γ_001 z_k + u_00k``, and the mixed model that follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from hierbayes.errors import FormulaError
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
from hierbayes.translation.hlm.level_symbols import SYMBOLS


def nested_text(model: ModelToWrite, factors: tuple[str, ...]) -> str:
    """The equations of each level, followed by the mixed model.

    Parameters
    ----------
    model : ModelToWrite
    factors : tuple of str
        The grouping factors, the innermost first.

    Raises
    ------
    FormulaError
        When there are more levels than HLM has, or a term has columns that have no names.
    """
    if len(factors) not in SYMBOLS:
        raise FormulaError(
            f"HLM has at most four levels (HLM4), and this model has {len(factors) + 1}; "
            "equations() writes them all"
        )
    return _NestedEquations(model, factors).text()


class _NestedEquations:
    """The equations of one model."""

    def __init__(self, model: ModelToWrite, factors: tuple[str, ...]) -> None:
        self.spec, self.factors = model.specification, factors
        self.subscripts = ["ijkl"[at : len(factors) + 1] for at in range(len(factors) + 1)]
        self.symbols, self.effects, residual = SYMBOLS[len(factors)]
        self.words = words_of(model, residual, self.subscripts[0])
        means = {
            columns[0]: self.subscripts[self._level(name)]
            for name in factors
            if len(columns := self.spec.columns_of[name]) == 1
        }
        between = model.variables.between_of

        def level_of(factor: str) -> tuple[int, str]:
            at = max((self._level(k) for k in factors if factor in between[k]), default=0)
            return at, self.subscripts[at]

        tree = CoefficientTree(ColumnNames(model.variables, means), level_of)
        self.tree = tree.grow(self.spec, len(factors) + 1, lambda name, _: self._level(name))

    def text(self) -> str:
        """All of it."""
        left = self.words.left
        within = [*self._sum(self.tree.root), *self.words.residual]
        lines = ["Level-1 model", *(f"    {line}" for line in self.words.head)]
        lines += [f"    {left} = {' + '.join(within)}", ""]
        standing = self.tree.root.terms
        for level, factor in enumerate(self.factors, 1):
            lines += [f"Level-{level + 1} model ({factor})", *map(self._equation, standing), ""]
            standing = [below for one in standing for below in one.terms]
        lines += ["Mixed model", f"    {left} = {self._mixed()}", ""]
        lines += self.words.estimation
        lines += [f"Cov({first}, {second}) = 0" for first, second in self._uncorrelated()]
        return "\n".join([*lines, *self.tree.names.definitions])

    def _level(self, factor: str) -> int:
        return self.factors.index(factor) + 1

    def _sum(self, one: Coefficient) -> Iterator[str]:
        """The right side of the equation of a coefficient, without what is random."""
        for below in one.terms:
            yield self._called(below) + (f"*{grouped(below.names)}" if below.names else "")

    def _called(self, one: Coefficient) -> str:
        depth = len(one.index)
        group = self.subscripts[depth] if depth <= len(self.factors) else ""
        return numbered(self.symbols[depth - 1], one.index) + group

    def _effect(self, one: Coefficient) -> str:
        depth = len(one.index)
        return numbered(self.effects[depth - 1], one.index) + self.subscripts[depth]

    def _equation(self, one: Coefficient) -> str:
        parts = [*self._sum(one), *([self._effect(one)] if one.factors else [])]
        return f"    {self._called(one)} = {' + '.join(parts)}"

    def _mixed(self) -> str:
        """The combined form, its terms and their factors in the order of the model."""
        fixed = [
            "*".join([self._called(c.coefficient), *map(bracketed, c.names)])
            for c in self.tree.fixed
        ]
        random = [
            "*".join([self._effect(c.coefficient), *map(bracketed, c.names)])
            for c in self.tree.random
        ]
        return mixed_sum(fixed, [*random, *self.words.residual])

    def _uncorrelated(self) -> Iterator[tuple[str, str]]:
        """Effects over one factor in two blocks; those over two factors are independent anyway."""
        for a, b in combinations(self.tree.random, 2):
            if a.factor == b.factor and a.block != b.block:
                yield self._effect(a.coefficient), self._effect(b.coefficient)
