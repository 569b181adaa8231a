"""The design of a model: its columns, its groups and its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from hierbayes.design.columns import Columns
from hierbayes.design.complete import Dropped, complete_rows
from hierbayes.design.constant_factors import constant_factors
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.matrices import columns_needed, formula_of, group_codes, materialise
from hierbayes.design.rows import Rows
from hierbayes.design.usable_columns import (
    floats,
    refuse_equal_names,
    refuse_neither_number_nor_factor,
    refuse_non_numeric_response,
    refuse_single_levels,
    refuse_unknown_names,
)
from hierbayes.errors import DataError, FormulaError
from hierbayes.frames.arrays import Floats
from hierbayes.specification.effect_name import EffectName
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import (
    INTERCEPT,
    bare,
    bare_term,
    factor_text,
    join_terms,
)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A specification on data: columns, the groups they vary between, and the rows.

    Only ``rows`` grows with the data; what reads it needs the rows in memory.

    Parameters
    ----------
    columns : Columns
        What the columns are called, and how they are made.
    factor : GroupingFactor
        The groups.
    rows : Rows
        Matrices of the rows used.
    dropped : Dropped
        How many rows are not used, and why.
    """

    columns: Columns
    factor: GroupingFactor
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
        return tuple(EffectName(self.factor.name, effect) for effect in self.effects)

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
        if name is not None and name != self.factor.name:
            raise DataError(
                f"{name!r} is no grouping factor of this model; they are: '{self.factor.name}'"
            )

    @property
    def J(self) -> int:
        """Number of groups."""
        return self.factor.J

    @property
    def n(self) -> int:
        """Number of rows used."""
        return self.rows.n

    def with_rows(self, **changed: Any) -> Design:
        """The same design with other matrices, any of y, X, Z, on the same rows."""
        return replace(self, rows=replace(self.rows, **changed))


def build_design(specification: Specification, data: pd.DataFrame) -> Design:
    """Make the design of a specification on data.

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
    needed = columns_needed((spec.response,), spec.fixed, *spec.random_effects)
    refuse_unknown_names(needed, data)
    used = [name for name in needed if name in data.columns]
    frame, kept, dropped = complete_rows(data, list(dict.fromkeys([*used, spec.group])))
    refuse_non_numeric_response(spec.response, frame)
    refuse_neither_number_nor_factor(used, frame, spec)
    codes, groups = group_codes(frame[spec.group])
    made = materialise(formula_of(spec.fixed_formula), frame)
    X, fixed = floats(made), made.model_spec
    owners = [s.term for s in fixed.structure for _ in s.columns]
    alone = tuple(bare(factor_text(*t.factors)) if len(t.factors) == 1 else "" for t in owners)
    parts = [_random_part(block, fixed, X, frame) for block in spec.random_effects]
    refuse_single_levels((fixed, *(part for _, _, part in parts if not isinstance(part, tuple))))
    refuse_equal_names(fixed.column_names)
    columns = Columns(
        specification=spec,
        terms=tuple(fixed.column_names),
        effects=tuple(name for _, names, _ in parts for name in names),
        term_of=tuple(map(str, owners)),
        blocks=tuple(len(names) for _, names, _ in parts),
        fixed_spec=fixed,
        random_specs=tuple(part for _, _, part in parts),
        between=constant_factors(spec, frame, (X, alone), codes),
    )
    rows = Rows(
        y=_response(spec.response, frame),
        X=X,
        Z=parts[0][0] if len(parts) == 1 else np.hstack([Z for Z, _, _ in parts]),
        codes=codes,
        index=frame.index,
        kept=kept,
    )
    return Design(columns, GroupingFactor(spec.group, groups), rows, dropped)


def _random_part(
    block: tuple[str, ...], fixed: ModelSpec, X: Floats, frame: pd.DataFrame
) -> tuple[Floats, tuple[str, ...], ModelSpec | tuple[int, ...]]:
    """Columns of a block of random effects, their names, and how they are made.

    A term that is one fixed column already (a number or an expression of numbers; the
    columns of a factor have other names) is taken from there.
    """
    names = ["Intercept" if term == INTERCEPT else bare_term(term) for term in block]
    if set(names) <= set(fixed.column_names):
        places = tuple(fixed.column_names.index(name) for name in names)
        return X[:, places], tuple(names), places
    made = materialise(formula_of(join_terms(block)), frame)
    return floats(made), tuple(made.model_spec.column_names), made.model_spec


def _response(response: str, frame: pd.DataFrame) -> Floats:
    """The response (n,): a column as it is, or an expression of columns computed."""
    name = response.strip("`")
    if name in frame.columns:
        return frame[name].to_numpy(dtype=np.float64)
    made = floats(materialise(formula_of(f"0 + {response}"), frame))
    if made.shape[1] != 1:
        raise FormulaError(
            f"the response '{response}' makes {made.shape[1]} columns; it must be one"
        )
    return made[:, 0]
