"""What formulaic's memory of some columns says of them: names, terms, places."""

from __future__ import annotations

from dataclasses import dataclass, replace

from formulaic import ModelSpec
from formulaic.parser.types import Factor

from hierbayes.frames.arrays import Integers
from hierbayes.specification.terms import INTERCEPT, factor_text, is_number, term_text


@dataclass(frozen=True, slots=True, eq=False)
class ColumnStructure:
    """Columns without their values.

    Parameters
    ----------
    spec : formulaic.ModelSpec
        Remembers how they are made.
    names, term_of : tuple of str
        Of each column its name, and the formula term it belongs to.
    alone : tuple of str
        Of each column the factor that is its whole term; empty where there are several.
    places : dict of str to int
        Places of the terms that are one column of numbers, by term as it is written.
    factors : tuple of (str, tuple of str)
        Names of columns with the factors of their term.  A number that scales a term is not in its
        names, and not here.
    """

    spec: ModelSpec
    names: tuple[str, ...]
    term_of: tuple[str, ...]
    alone: tuple[str, ...]
    places: dict[str, int]
    factors: tuple[tuple[str, tuple[str, ...]], ...]

    def some(self, kept: Integers) -> ColumnStructure:
        """That of some of the columns, in their order; the specification makes all."""
        new = {old: k for k, old in enumerate(kept.tolist())}
        return replace(
            self,
            names=tuple(self.names[k] for k in new),
            term_of=tuple(self.term_of[k] for k in new),
            alone=tuple(self.alone[k] for k in new),
            places={term: new[k] for term, k in self.places.items() if k in new},
        )


def structure_of(spec: ModelSpec) -> ColumnStructure:
    """That of columns that are made so."""
    owners = [part.term for part in spec.structure for _ in part.columns]
    own = (factor_text(*term.factors) if len(term.factors) == 1 else "" for term in owners)
    named = (
        (name, tuple(text for text in map(factor_text, part.term.factors) if not _scales(text)))
        for part in spec.structure
        for name in part.columns
    )
    names = tuple(spec.column_names)
    return ColumnStructure(
        spec, names, tuple(map(str, owners)), tuple(own), _places(spec), tuple(named)
    )


def _scales(factor: str) -> bool:
    return is_number(factor) and factor != INTERCEPT


def _places(spec: ModelSpec) -> dict[str, int]:
    found, place = {}, 0
    for part in spec.structure:
        states = (spec.encoder_state.get(factor.expr) for factor in part.term.factors)
        kinds = {state[0] for state in states if state}  # a number that scales has none
        if len(part.columns) == 1 and Factor.Kind.CATEGORICAL not in kinds:
            found[term_text(part.term)] = place
        place += len(part.columns)
    return found
