"""The columns of a model: what they are called, and how they are made from any data.

Formulaic makes them and remembers how (codings, spline knots, group means), so that new
data get the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.parser.types import Factor
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.matrices import columns_needed, materialise
from hierbayes.design.usable_columns import floats
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.frames.contextual import forget_groups
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import factors_of


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The p fixed and q random columns of a model; it holds no rows.

    Parameters
    ----------
    specification : Specification
        What was written.
    terms, effects : tuple of str
        Names of the fixed and of the random columns.
    term_of : tuple of str
        For each fixed column the formula term it belongs to.
    blocks : tuple of int
        Number of columns of each random term, the sizes of the diagonal blocks of G.
    fixed_spec : formulaic.ModelSpec
        Remembers how the fixed columns are made from data.
    random_specs : tuple
        The same for each random term: a ModelSpec, or the places of its columns among
        the fixed ones where they all stand there.
    between_of : tuple of frozenset of str
        For each grouping factor those factors of the terms, columns or expressions, that are
        constant within every group.
    """

    specification: Specification
    terms: tuple[str, ...]
    effects: tuple[str, ...]
    term_of: tuple[str, ...]
    blocks: tuple[int, ...]
    fixed_spec: ModelSpec
    random_specs: tuple[ModelSpec | tuple[int, ...], ...]
    between_of: tuple[frozenset[str], ...]

    @property
    def between(self) -> frozenset[str]:
        """What is constant within every group of the only grouping factor (level 2)."""
        _ = self.specification.group  # refuses several
        return self.between_of[0]

    def of_factor(self, k: int) -> Columns:
        """The columns as if only factor k had random effects."""
        spec, span = self.specification, self.spans[k]
        mine = [i for i, term in enumerate(spec.random) if term.factor == spec.factors[k]]
        return replace(
            self,
            specification=replace(spec, random=tuple(spec.random[i] for i in mine)),
            effects=self.effects[span],
            blocks=tuple(self.blocks[i] for i in mine),
            random_specs=tuple(self.random_specs[i] for i in mine),
            between_of=(self.between_of[k],),
        )

    @property
    def spans(self) -> tuple[slice, ...]:
        """The places of each grouping factor's effects among the q of all."""
        owners, sizes = [term.factor for term in self.specification.random], self.blocks
        widths = [
            sum(size for owner, size in zip(owners, sizes, strict=True) if owner == factor)
            for factor in self.specification.factors
        ]
        ends = list(accumulate(widths))
        return tuple(slice(end - width, end) for end, width in zip(ends, widths, strict=True))

    @property
    def coded_factors(self) -> frozenset[str]:
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
        """X and Z for new data, with the codings of these columns.

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
            spec = _without_groups(spec) if own_means else spec
            return floats(materialise(spec, data, self.specification.functions))

        X = made(self.fixed_spec)
        if not random:
            return X, np.empty((0, len(self.effects)))
        parts = [
            X[:, part] if isinstance(part, tuple) else made(part) for part in self.random_specs
        ]
        return X, np.hstack(parts)

    def _as_fitted(self, data: pd.DataFrame) -> pd.DataFrame:
        """New data with every factor and number of the same kind as in the data of the fit."""
        changed = {}
        specs = [part for part in self.random_specs if not isinstance(part, tuple)]
        for spec in (self.fixed_spec, *specs):
            for name in _looked_up(spec):
                if name not in data.columns or name in changed:
                    continue
                kind, state = spec.encoder_state[name]
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


def term_columns(
    columns: Columns, terms: tuple[str, ...], data: pd.DataFrame
) -> tuple[Floats, tuple[str, ...]]:
    """Fixed columns of some terms on new groups whose means are certain, and their names.

    Parameters
    ----------
    columns : Columns
    terms : tuple of str
        Some of ``columns.term_of``.
    data : DataFrame
        The columns these terms need; every group counts as new, and a latent mean is that of
        its rows.
    """
    parts = [part.term for part in columns.fixed_spec.structure if str(part.term) in terms]
    spec = columns.fixed_spec.subset(parts)
    made = materialise(
        _without_groups(spec, certain=True),
        columns._as_fitted(data),
        columns.specification.functions,
    )
    return floats(made), tuple(spec.column_names)


def _looked_up(spec: ModelSpec) -> set[str]:
    """Columns of the data that stand in terms by themselves."""
    factors = {factor for term in spec.formula for factor in term.factors}
    return {f.expr for f in factors if f.eval_method is Factor.EvalMethod.LOOKUP}


def _without_groups(spec: ModelSpec, *, certain: bool = False) -> ModelSpec:
    """The same specification, remembering no group."""
    return spec.update(transform_state=forget_groups(spec.transform_state, certain=certain))
