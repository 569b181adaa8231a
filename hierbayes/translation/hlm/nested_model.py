"""Equations of nested grouping factors as far as they are read, and the model they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hierbayes.design.between_equations import refuse_varying_between
from hierbayes.specification.equation_coding import refuse_uneven_equations
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import join_terms
from hierbayes.translation.columns import Columns
from hierbayes.translation.hlm.addends import term_of
from hierbayes.translation.hlm.column_names import numbered
from hierbayes.translation.hlm.combined_form import ReadEffect, blocks_by_factor, combined_form
from hierbayes.translation.hlm.level_symbols import EFFECT, has_index, letter
from hierbayes.translation.hlm.names import HlmNames
from hierbayes.translation.hlm.text import HlmText
from hierbayes.translation.programs.stated_columns import Variable


@dataclass(slots=True, eq=False)
class ReadCoefficient:
    """A coefficient, and what its own equation says.

    Parameters
    ----------
    symbol : str
    index : tuple of int
    path : tuple of tuple of Variable
        What it multiplies in its own equation and in those of the levels below.
    below : list of ReadCoefficient or None
        The coefficients of its equation; None where it has none.
    effect : str
        The letter of the random effect of its equation; empty where there is none.
    """

    symbol: str = ""
    index: tuple[int, ...] = ()
    path: tuple[tuple[Variable, ...], ...] = ()
    below: list[ReadCoefficient] | None = None
    effect: str = ""

    @property
    def called(self) -> str:
        """Its name in messages."""
        return numbered(self.symbol, self.index)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All that it multiplies in the end."""
        return tuple(variable for part in self.path for variable in part)

    @property
    def term(self) -> str:
        """The term that it multiplies in the end."""
        return term_of(self.variables)

    def ends(self) -> Iterator[ReadCoefficient]:
        """The coefficients its equation, and theirs, lead to in the end."""
        if self.below is None:
            yield self
        for one in self.below or ():
            yield from one.ends()


@dataclass(slots=True)
class NestedModel:
    """The equations as far as they are read.

    Parameters
    ----------
    levels : list of list of ReadCoefficient
        By the number of their subscripts, from none.
    """

    text: HlmText
    names: HlmNames
    root: ReadCoefficient = field(default_factory=ReadCoefficient)
    response: str = ""
    levels: list[list[ReadCoefficient]] = field(default_factory=list)

    @property
    def varying(self) -> list[ReadCoefficient]:
        """What has a random effect, the highest level first."""
        return [one for level in reversed(self.levels) for one in level if one.effect]

    def named(self, name: str) -> ReadCoefficient | None:
        """The coefficient whose equation has a random effect of this name."""
        found = EFFECT.match(name)
        for one in self.varying if found else ():
            if found and one.effect == letter(found) and has_index(one.index, found):
                return one
        return None

    def effect_of(self, one: ReadCoefficient, variables: tuple[Variable, ...]) -> ReadEffect:
        """The random effect of a coefficient, its variables in the order of the mixed model."""
        columns = self.names.factors[len(one.index) - 1]
        return ReadEffect(numbered(one.effect, one.index), columns, variables, term_of(variables))

    def specification(
        self, terms: Sequence[str], effects: Sequence[ReadEffect], columns: Columns
    ) -> Specification:
        """The combined model.

        Parameters
        ----------
        terms : sequence of str
        effects : sequence of ReadEffect
            In order.
        columns : Columns

        Raises
        ------
        FormulaError
            When terms would have other columns than the equations.
        DataError
            When a variable varies within groups at whose level it stands.
        """
        by_name = {one.name: one for one in effects}

        def found(name: str) -> ReadEffect | None:
            one = self.named(name)
            return by_name[numbered(one.effect, one.index)] if one else None

        blocks = blocks_by_factor(effects, self.text.uncorrelated, found)
        stated = [end.variables for end in self.root.ends()]
        spec = combined_form(self.response, terms, stated, effects, blocks, columns.levels)
        equations = self._equations(blocks)
        if columns.data is not None:
            refuse_varying_between(equations, columns.data)
        whole = {v.factor for one in stated for v in one if not v.level}
        refuse_uneven_equations(
            equations, lambda factor: factor in whole and factor.strip("`") in columns.levels
        )
        return spec

    def _equations(self, blocks: Sequence[Sequence[ReadEffect]]) -> Multilevel:
        """The equations of terms, level by level."""
        groups = [columns[-1] for columns in self.names.factors]
        between: dict[str, dict[str, str]] = {}
        for level, group in zip(self.levels[1:], groups, strict=True):
            below: dict[str, dict[str, None]] = {}
            for one in level:
                terms = below.setdefault(one.term, {})
                terms.update((term_of(other.path[-1]), None) for other in one.below or ())
                if one.below is None:
                    terms["1"] = None
            for term, found in below.items():
                between.setdefault(term, {})[group] = join_terms(tuple(found))
        random: dict[str, list[list[str]]] = {group: [] for group in groups}
        for block in blocks:
            at = self.names.factors.index(block[0].columns)
            random[groups[at]].append(list(dict.fromkeys(one.term for one in block)))
        first = dict.fromkeys(one.term for one in self.levels[1])
        within = f"{self.response} ~ {join_terms(tuple(first))}"
        return Multilevel(within, between, tuple(reversed(groups)), random)
