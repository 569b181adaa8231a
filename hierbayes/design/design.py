"""The design of a model: response, fixed and random matrices, and groups.

Formulaic makes the columns and remembers how (codings, spline knots, group
means), so that new data get the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.parser.types import Factor
from pandas.api.types import (
    is_bool_dtype,
    is_numeric_dtype,
)

from hierbayes.design.columns import (
    floats,
    refuse_equal_names,
    refuse_neither_number_nor_factor,
    refuse_non_numeric_response,
    refuse_single_levels,
    refuse_unknown_names,
)
from hierbayes.design.complete import Dropped, complete_rows
from hierbayes.design.constant_factors import constant_factors
from hierbayes.design.matrices import columns_needed, formula_of, group_codes, materialise
from hierbayes.errors import DataError, FormulaError
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.frames.contextual import forget_groups
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import (
    INTERCEPT,
    bare,
    bare_term,
    factor_text,
    factors_of,
    join_terms,
)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Matrices of a model on its data, in the user's units.

    Parameters
    ----------
    specification : Specification
        What was written.
    y, X, Z : (n,), (n, p), (n, q) float
        Response, fixed columns, random columns.
    terms, effects : tuple of str
        Names of the p fixed and q random columns.
    term_of : tuple of str
        For each fixed column the formula term it belongs to.
    blocks : tuple of int
        Sizes of the diagonal blocks of G, summing to q.
    codes : (n,) int
        Position of each row's group in ``groups``.
    groups : pandas.Index
        Labels of the J groups.
    index : pandas.Index
        Labels of the rows used.
    kept : (rows of the data,) bool
        Which rows of the data are used.
    dropped : Dropped
        How many rows are not, and why.
    fixed_spec : formulaic.ModelSpec
        Remembers how the fixed columns are made from data.
    random_specs : tuple
        The same for each block of G: a ModelSpec, or the places of its columns among
        the fixed ones where they all stand there.
    between : frozenset of str
        Factors of the terms, columns or expressions, that are constant within every
        group (level 2).
    """

    specification: Specification
    y: Floats
    X: Floats
    Z: Floats
    terms: tuple[str, ...]
    effects: tuple[str, ...]
    term_of: tuple[str, ...]
    blocks: tuple[int, ...]
    codes: Integers
    groups: pd.Index
    index: pd.Index
    kept: Booleans
    dropped: Dropped
    fixed_spec: ModelSpec
    random_specs: tuple[ModelSpec | tuple[int, ...], ...]
    between: frozenset[str]

    @property
    def J(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @property
    def factors(self) -> frozenset[str]:
        """Factors of the terms that are coded by columns of levels, as terms write them."""
        specs = [
            self.fixed_spec,
            *(part for part in self.random_specs if isinstance(part, ModelSpec)),
        ]
        coded = {
            name
            for spec in specs
            for name, (kind, _) in spec.encoder_state.items()
            if kind is Factor.Kind.CATEGORICAL
        }
        terms = (*self.specification.fixed, *sum(self.specification.random_effects, ()))
        written = {factor for term in terms for factor in factors_of(term)}
        return frozenset(factor for factor in written if factor.strip("`") in coded)

    def new_matrices(
        self, data: pd.DataFrame, *, random: bool, own_means: bool = False
    ) -> tuple[Floats, Floats]:
        """X and Z for new data, with the codings of this design.

        Parameters
        ----------
        data : DataFrame
            New rows; every column the fixed part needs, and, when ``random``, the
            random part and the group as well.  No missing values.
        random : bool
            Whether Z is wanted; otherwise it has no rows.
        own_means : bool
            Whether ``cvar``, ``dvar`` and ``lvar`` take the means of the new rows for every
            group; otherwise a group of the fit keeps the mean it had there.

        Raises
        ------
        DataError
            When a column is missing, or a factor has a level the fit has not seen.
        """
        needed = set(columns_needed(self.specification.fixed))
        if random:
            needed |= set(columns_needed(*self.specification.random_effects))
        absent = sorted(needed - set(data.columns))
        if absent:
            raise DataError(f"the new data have no column '{absent[0]}', which the model needs")
        data = self._as_fitted(data)

        def made(spec: ModelSpec) -> Floats:
            return floats(materialise(_without_groups(spec) if own_means else spec, data))

        X = made(self.fixed_spec)
        if not random:
            return X, np.empty((0, self.Z.shape[1]))
        parts = [
            X[:, part] if isinstance(part, tuple) else made(part) for part in self.random_specs
        ]
        return X, np.hstack(parts)

    def _as_fitted(self, data: pd.DataFrame) -> pd.DataFrame:
        """New data with every factor and number of the same kind as in the data of the fit."""
        changed = {}
        specs = [part for part in self.random_specs if not isinstance(part, tuple)]
        for spec in (self.fixed_spec, *specs):
            for name, (kind, state) in spec.encoder_state.items():
                if name not in data.columns or name in changed:
                    continue
                column = data[name]
                if kind is Factor.Kind.CATEGORICAL:
                    levels = pd.Index(state["categories"])
                    codes = levels.get_indexer(pd.Index(np.asarray(column)))
                    if (codes < 0).any():
                        raise DataError(
                            f"'{name}' has the level '{column.iloc[int((codes < 0).argmax())]}', "
                            "which the data of the fit do not have"
                        )
                    changed[name] = pd.Categorical.from_codes(codes, levels)
                elif not (is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype)):
                    raise DataError(
                        f"'{name}' is of type {column.dtype} in the new data; in the data of the "
                        "fit it is a number"
                    )
        return data.assign(**changed)


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
    return Design(
        specification=spec,
        y=_response(spec.response, frame),
        X=X,
        Z=np.hstack([Z for Z, _, _ in parts]),
        terms=tuple(fixed.column_names),
        effects=tuple(name for _, names, _ in parts for name in names),
        term_of=tuple(map(str, owners)),
        blocks=tuple(len(names) for _, names, _ in parts),
        codes=codes,
        groups=groups,
        index=frame.index,
        kept=kept,
        dropped=dropped,
        fixed_spec=fixed,
        random_specs=tuple(part for _, _, part in parts),
        between=constant_factors(spec, frame, (X, alone), codes),
    )


def term_columns(
    design: Design, terms: tuple[str, ...], data: pd.DataFrame
) -> tuple[Floats, tuple[str, ...]]:
    """Fixed columns of some terms on new groups whose means are certain, and their names.

    Parameters
    ----------
    design : Design
    terms : tuple of str
        Some of ``design.term_of``.
    data : DataFrame
        The columns these terms need; every group counts as new, and a latent mean is that of
        its rows.
    """
    parts = [part.term for part in design.fixed_spec.structure if str(part.term) in terms]
    spec = design.fixed_spec.subset(parts)
    made = materialise(_without_groups(spec, certain=True), design._as_fitted(data))
    return floats(made), tuple(spec.column_names)


def _without_groups(spec: ModelSpec, *, certain: bool = False) -> ModelSpec:
    """The same specification, remembering no group."""
    return spec.update(transform_state=forget_groups(spec.transform_state, certain=certain))


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
