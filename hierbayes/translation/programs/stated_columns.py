"""The columns that a text names one by one, against those that the terms of a formula make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hierbayes.errors import FormulaError
from hierbayes.specification.terms import factors_of
from hierbayes.translation.programs.factor_coding import level_choices

type _Column = frozenset[tuple[str, str]]  # factors, each with its level


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is named: a factor of a formula, and the level an indicator marks."""

    factor: str
    level: str = ""


@dataclass(slots=True)
class StatedColumns:
    """The products that a text has coefficients for, level by level.

    Parameters
    ----------
    stated : list of tuple of Variable
    text : str
        What they stand in, for messages.
    """

    stated: list[tuple[Variable, ...]] = field(default_factory=list)
    text: str = "HLM equations"

    def add(self, variables: tuple[Variable, ...]) -> None:
        """One more product."""
        self.stated.append(variables)

    def refuse_others(self, terms: Sequence[str], levels: Mapping[str, tuple[str, ...]]) -> None:
        """Refuse terms that would have other columns than the text names.

        A factor that is named without a level stands for all its columns.

        Parameters
        ----------
        terms : sequence of str
        levels : mapping of str to tuple of str
            Levels of each factor of the data; where they are not known nothing is refused.

        Raises
        ------
        FormulaError
            Naming the term, the columns in the text and those of the term.
        """

        def is_factor(factor: str) -> bool:
            return factor.strip("`") in levels

        for term in terms:
            found = [v for v in self.stated if {one.factor for one in v} == set(factors_of(term))]
            if not any(is_factor(one.factor) for v in found for one in v):
                continue
            if any(is_factor(one.factor) and not one.level for v in found for one in v):
                continue
            named = {frozenset((one.factor, one.level) for one in v): None for v in found}
            choices = level_choices(term, terms, is_factor, lambda f: levels[f.strip("`")])
            made = [frozenset((factor, level) for factor, level, _ in c) for c in choices]
            if set(named) != set(made):
                raise FormulaError(
                    f"cannot read the {self.text}: of '{term}' they have {_listed(named, term)}, "
                    f"and its columns are {_listed(made, term)}; write all of them, or make "
                    "columns of numbers of the levels"
                )


def _listed(columns: Sequence[_Column] | Mapping[_Column, None], term: str) -> str:
    """Columns by name, each as a product in the order of the term."""
    return ", ".join(
        "*".join(
            f"{factor}[{level}]" if level else factor
            for factor, level in sorted(column, key=lambda pair: factors_of(term).index(pair[0]))
        )
        for column in columns
    )
