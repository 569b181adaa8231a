"""The design of a model: its columns, its groups and its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.parser.types import Factor

from hierbayes.design.columns import Columns
from hierbayes.design.complete import Dropped, complete_rows
from hierbayes.design.constant_factors import constant_factors
from hierbayes.design.family_rows import (
    read_family_rows,
    refuse_counts_and_offsets,
    working_response,
)
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.matrices import columns_needed, factor_codes, materialise, one_column
from hierbayes.design.predictors import side_by_side
from hierbayes.design.rows import Rows, shared_columns
from hierbayes.design.usable_columns import (
    floats,
    refuse_neither_number_nor_factor,
    refuse_non_numeric_response,
    refuse_shared_names,
    refuse_single_levels,
    refuse_unknown_names,
)
from hierbayes.errors import DataError, FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats
from hierbayes.specification.effect_name import EffectName
from hierbayes.specification.formula import Specification, one_factor_only
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.known_functions import Functions
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import (
    INTERCEPT,
    bare_term,
    factor_text,
    is_number,
    join_terms,
    term_text,
)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A specification on data: columns, the groups they vary between, and the rows.

    Only ``rows`` grows with the data; what reads it needs the rows in memory.

    Parameters
    ----------
    columns : Columns
        What the columns are called, and how they are made.
    factors : tuple of GroupingFactor
        The groups of each grouping factor.
    rows : Rows
        Matrices of the rows used.
    dropped : Dropped
        How many rows are not used, and why.
    """

    columns: Columns
    factors: tuple[GroupingFactor, ...]
    rows: Rows
    dropped: Dropped

    @property
    def specification(self) -> Specification:
        """What was written."""
        return self.columns.specification

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the p fixed columns."""
        return self.columns.terms

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of the q random columns."""
        return self.columns.effects

    @property
    def y(self) -> Floats:
        """Response of the rows used, length n."""
        return self.rows.y

    @property
    def X(self) -> Floats:
        """Fixed columns of the rows used, n × p."""
        return self.rows.X

    @property
    def Z(self) -> Floats:
        """Random columns of the rows used, n × q."""
        return self.rows.Z

    @property
    def effect_names(self) -> tuple[EffectName, ...]:
        """The q random effects by factor and column."""
        owners = [
            term.factor
            for term, size in zip(self.random_terms, self.blocks, strict=True)
            for _ in range(size)
        ]
        return tuple(map(EffectName, owners, self.effects))

    @property
    def random_terms(self) -> tuple[RandomTerm, ...]:
        """The random term of each diagonal block of G."""
        return tuple(self.specification.random[term] for _, term in self.columns.owners)

    @property
    def factor(self) -> GroupingFactor:
        """The only grouping factor.

        Raises
        ------
        FormulaError
            When the model has several.
        """
        if len(self.factors) > 1:
            raise FormulaError(one_factor_only(self.specification.factors))
        return self.factors[0]

    @property
    def effect_labels(self) -> tuple[str, ...]:
        """What each of the q random effects is called: its column, among several factors with it.

        Examples
        --------
        >>> import hierbayes as hb
        >>> hs = hb.load_dataset("hs")
        >>> hb.Model("mathach ~ ses + (1 + ses | school)", hs).problem.design.effect_labels
        ('Intercept', 'ses')
        """
        if len(self.factors) == 1:
            return self.effects
        return tuple(f"{name.effect}|{name.factor}" for name in self.effect_names)

    def of_factor(self, k: int) -> Design:
        """The design as if only factor k had random effects."""
        if len(self.factors) == 1:
            return self
        span = self.spans[k]
        rows = replace(self.rows, Z=self.rows.Z[:, span], codes_of=(self.rows.codes_of[k],))
        return Design(self.columns.of_factor(k), (self.factors[k],), rows, self.dropped)

    @property
    def spans(self) -> tuple[slice, ...]:
        """The places of each grouping factor's effects among the q of all."""
        return self.columns.spans

    def place_of_factor(self, name: str | None) -> int:
        """Which factor is meant; None names the only one.

        Raises
        ------
        DataError
            When the model has no such factor, or several and none is named.
        """
        names = self.specification.factors
        listed = ", ".join(f"'{one}'" for one in names)
        if name is None:
            if len(names) > 1:
                raise DataError(f"the model has several grouping factors; name one: {listed}")
            return 0
        if name not in names:
            raise DataError(f"{name!r} is no grouping factor of this model; they are: {listed}")
        return names.index(name)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Sizes of the diagonal blocks of G, summing to q."""
        return self.columns.blocks

    @property
    def groups(self) -> pd.Index:
        """Labels of the J groups."""
        return self.factor.labels

    def refuse_unknown_factor(self, name: str | None) -> None:
        """Refuse the name of a grouping factor that the model does not have; None names none.

        Raises
        ------
        DataError
            Listing the factors there are.
        """
        if name is not None:
            self.place_of_factor(name)

    @property
    def J(self) -> int:
        """Number of groups."""
        return self.factor.J

    @property
    def n(self) -> int:
        """Number of rows used."""
        return self.rows.n

    def of_predictor(self, place: int) -> Design:
        """The design of one of several linear predictors: its columns, in the rows' own number."""
        if not self.columns.predictors:
            return self
        P = self.columns.n_predictors
        columns = self.columns.of_predictor(place)
        p, rows = len(columns.terms), self.rows
        rows = replace(
            rows,
            response=rows.response[place::P],
            X=rows.X[place::P, place * p : (place + 1) * p],
            Z=rows.Z[place::P, self.columns.effects_of(place)],
            codes_of=tuple(codes[place::P] for codes in rows.codes_of),
        )
        return replace(self, columns=columns, rows=rows)

    def with_rows(self, **changed: Any) -> Design:
        """The same design with other matrices, any of response, X, Z, on the same rows.

        They are then of no data.
        """
        return replace(self, rows=replace(self.rows, **{"frames": (), **changed}))


def build_design(
    specification: Specification, data: pd.DataFrame, family: ResponseFamily | None = None
) -> Design:
    """Make the design of a specification on data.

    Parameters
    ----------
    specification : Specification
    data : DataFrame
    family : ResponseFamily, optional
        Of the response, where it is not Gaussian.

    Raises
    ------
    DataError
        When the data cannot carry the model; the message names the column.
    FormulaError
        When a term cannot be computed from the data.
    """
    spec = specification
    if not all(spec.random_effects or [()]):
        raise FormulaError("the random part has no effects; name at least '1', the intercept")
    left = (spec.response,) if spec.trials is None else (spec.response, spec.trials.other)
    beside = () if family is None else family.further_terms
    needed = columns_needed(left, spec.offsets, spec.fixed, *spec.random_effects, beside)
    refuse_unknown_names(needed, data)
    used = [name for name in needed if name in data.columns]
    names = list(dict.fromkeys([*used, *spec.group_columns]))
    frame, kept, dropped = complete_rows(data, names)
    if family is None:
        refuse_non_numeric_response(spec.response, frame)
        refuse_counts_and_offsets(spec)
    of_family = None if family is None else read_family_rows(family, spec, frame)
    refuse_neither_number_nor_factor(used, frame, spec)
    found = [factor_codes(frame, name, columns) for name, columns in spec.columns_of.items()]
    codes_of = tuple(codes for codes, _ in found)
    made = materialise(parse_formula(spec.fixed_formula), frame, spec.functions)
    X, fixed = floats(made), made.model_spec
    owners = [s.term for s in fixed.structure for _ in s.columns]
    alone = tuple(factor_text(*t.factors) if len(t.factors) == 1 else "" for t in owners)
    parts = [_random_part(block, fixed, X, frame, spec.functions) for block in spec.random_effects]
    refuse_single_levels((fixed, *(part for _, _, part in parts if not isinstance(part, tuple))))
    refuse_shared_names(_names_by_term(fixed), *map(_names_by_term, (p for _, _, p in parts)))
    columns = Columns(
        specification=spec,
        terms=tuple(fixed.column_names),
        effects=tuple(name for _, names, _ in parts for name in names),
        term_of=tuple(map(str, owners)),
        blocks=tuple(len(names) for _, names, _ in parts),
        fixed_spec=fixed,
        random_specs=tuple(part for _, _, part in parts),
        between_of=tuple(constant_factors(spec, frame, (X, alone), codes) for codes in codes_of),
    )
    if of_family is not None:
        columns = columns.of_predictors(of_family.family.predictors)
    P = columns.n_predictors
    rows = Rows(
        response=_response(spec, frame) if of_family is None else working_response(of_family),
        X=side_by_side([(k, X) for k in range(P)], P),
        Z=side_by_side([(predictor, parts[term][0]) for predictor, term in columns.owners], P),
        codes_of=tuple(np.repeat(codes, P) for codes in codes_of) if P > 1 else codes_of,
        index=frame.index,
        kept=kept,
        family=of_family,
        frames=(shared_columns(frame, names),),
    )
    factors = tuple(map(GroupingFactor, spec.factors, (labels for _, labels in found)))
    return Design(columns, factors, rows, dropped)


def _random_part(
    block: tuple[str, ...],
    fixed: ModelSpec,
    X: Floats,
    frame: pd.DataFrame,
    functions: Functions,
) -> tuple[Floats, tuple[str, ...], ModelSpec | tuple[int, ...]]:
    """Columns of a block of random effects, their names, and how they are made.

    A term that is one fixed column already (a number or an expression of numbers; the
    columns of a factor have other names) is taken from there.
    """
    own = _own_columns(fixed)
    if own.keys() >= set(block):
        places = tuple(own[term] for term in block)
        names = ("Intercept" if term == INTERCEPT else bare_term(term) for term in block)
        return X[:, places], tuple(names), places
    made = materialise(parse_formula(join_terms(block)), frame, functions)
    return floats(made), tuple(made.model_spec.column_names), made.model_spec


def _names_by_term(
    part: ModelSpec | tuple[int, ...],
) -> list[tuple[str, tuple[str, ...]]]:
    """Names of columns with the factors of their term; none of columns that stand elsewhere.

    A number that scales a term is not in its names, and not here.
    """
    if isinstance(part, tuple):
        return []
    return [
        (name, tuple(text for text in map(factor_text, row.term.factors) if not _scales(text)))
        for row in part.structure
        for name in row.columns
    ]


def _scales(factor: str) -> bool:
    return is_number(factor) and factor != INTERCEPT


def _own_columns(fixed: ModelSpec) -> dict[str, int]:
    """Places of the fixed terms that are one column of numbers, by term as it is written."""
    found, place = {}, 0
    for part in fixed.structure:
        states = (fixed.encoder_state.get(factor.expr) for factor in part.term.factors)
        kinds = {state[0] for state in states if state}  # a number that scales has none
        if len(part.columns) == 1 and Factor.Kind.CATEGORICAL not in kinds:
            found[term_text(part.term)] = place
        place += len(part.columns)
    return found


def _response(spec: Specification, frame: pd.DataFrame) -> Floats:
    """The response (n,): a column as it is, or an expression of columns computed."""
    return one_column(spec.response, frame, spec.functions, "response")
