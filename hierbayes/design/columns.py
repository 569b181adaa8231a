"""The columns of a model: what they are called, and how they are made from any data.

Formulaic makes them and remembers how (codings, spline knots, group means), so that new
data get the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby, product

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.parser.types import Factor

from hierbayes.design.blocks import block_slices
from hierbayes.design.fitted_kinds import as_fitted
from hierbayes.design.left_out import LeftOut
from hierbayes.design.matrices import columns_needed, materialise
from hierbayes.design.predictors import column_name, side_by_side
from hierbayes.design.usable_columns import floats
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.frames.contextual import forget_groups, learning_groups
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import factors_of
from hierbayes.value import value


@value(slots=False)
class Columns:
    """The p fixed and q random columns of a model, not their values.

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
    between_of : sequence of frozenset of str
        For each grouping factor those factors of the terms, columns or expressions, that are
        constant within every group.
    predictors : tuple of str
        Names of the linear predictors of a row, where it has several: every column is there once
        for each, see `predictors`.
    left_out : LeftOut, optional
        Columns that ``fixed_spec`` makes and that are no fixed columns, as combinations of others.
    """

    specification: Specification
    terms: tuple[str, ...]
    effects: tuple[str, ...]
    term_of: tuple[str, ...]
    blocks: tuple[int, ...]
    fixed_spec: ModelSpec
    random_specs: tuple[ModelSpec | tuple[int, ...], ...]
    between_of: Sequence[frozenset[str]]
    predictors: tuple[str, ...] = ()
    left_out: LeftOut | None = None

    @property
    def n_predictors(self) -> int:
        """P, how many linear predictors a row has."""
        return max(len(self.predictors), 1)

    @cached_property
    def owners(self) -> tuple[tuple[int, int], ...]:
        """Of each diagonal block of G its predictor, and which random term makes its columns."""
        found: list[tuple[int, int]] = []
        terms = enumerate(self.specification.random)  # those of a factor stand together
        if not self.predictors:
            return tuple([(0, place) for place, _ in terms])
        for _, own in groupby(terms, key=lambda one: one[1].factor):
            found += product(range(self.n_predictors), [place for place, _ in own])
        return tuple(found)

    def kept[T](self, every: Iterable[T]) -> list[T]:
        """Of something for each column that ``fixed_spec`` makes, that of the fixed columns."""
        found = list(every)
        return found if self.left_out is None else [found[k] for k in self.left_out.kept]

    def effects_of(self, place: int) -> Booleans:
        """Which of the q random columns (q,) are those of one linear predictor."""
        own = np.array([owner == place for owner, _ in self.owners], dtype=bool)
        mine: Booleans = np.repeat(own, np.array(self.blocks, dtype=np.intp))
        return mine

    @property
    def between(self) -> frozenset[str]:
        """What is constant within every group of the only grouping factor (level 2)."""
        _ = self.specification.group  # refuses several
        return self.between_of[0]

    def of_factor(self, k: int) -> Columns:
        """The columns as if only factor k had random effects."""
        spec, span = self.specification, self.spans[k]
        mine = [i for i, term in enumerate(spec.random) if term.factor == spec.factors[k]]
        sizes = [
            size for size, (_, term) in zip(self.blocks, self.owners, strict=True) if term in mine
        ]
        return replace(
            self,
            specification=replace(spec, random=tuple(spec.random[i] for i in mine)),
            effects=self.effects[span],
            blocks=tuple(sizes),
            random_specs=tuple(self.random_specs[i] for i in mine),
            between_of=(self.between_of[k],),
        )

    def of_predictors(self, names: tuple[str, ...]) -> Columns:
        """The columns of one linear predictor once for each of several."""
        if not names:
            return self
        several, own = replace(self, predictors=names), list(block_slices(self.blocks))
        return replace(
            several,
            terms=tuple(column_name(one, term) for one in names for term in self.terms),
            effects=tuple(
                column_name(names[predictor], effect)
                for predictor, term in several.owners
                for effect in self.effects[own[term]]
            ),
            term_of=tuple(column_name(one, term) for one in names for term in self.term_of),
            blocks=tuple(self.blocks[term] for _, term in several.owners),
        )

    def of_predictor(self, place: int) -> Columns:
        """The columns of one of several linear predictors, as if it were the only one."""
        p = len(self.terms) // self.n_predictors
        head = len(column_name(self.predictors[place], ""))
        names = [
            (owner, name)
            for (owner, _), at in zip(self.owners, block_slices(self.blocks), strict=True)
            for name in self.effects[at]
        ]
        mine = slice(place * p, (place + 1) * p)
        return replace(
            self,
            terms=tuple(name[head:] for name in self.terms[mine]),
            effects=tuple(name[head:] for owner, name in names if owner == place),
            term_of=tuple(name[head:] for name in self.term_of[mine]),
            blocks=tuple(
                size
                for size, (owner, _) in zip(self.blocks, self.owners, strict=True)
                if owner == place
            ),
            predictors=(),
        )

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """The places of each grouping factor's effects among the q of all."""
        if not self.owners:
            return (slice(0, 0),)
        if len(self.blocks) == len(self.specification.factors):  # of one term each
            return tuple(block_slices(self.blocks))
        widths = dict.fromkeys(self.specification.factors, 0)
        for (_, term), size in zip(self.owners, self.blocks, strict=True):
            widths[self.specification.random[term].factor] += size
        return tuple(block_slices(widths.values()))

    @property
    def made_by(self) -> tuple[ModelSpec, ...]:
        """What the columns are made by: of the fixed part, then of random terms that have any."""
        random = (part for part in self.random_specs if isinstance(part, ModelSpec))
        return self.fixed_spec, *random

    @property
    def coded_factors(self) -> frozenset[str]:
        """Factors of the terms that are coded by columns of levels, as terms write them."""
        coded = {
            name
            for spec in self.made_by
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
        data = as_fitted(data, self.made_by)

        def made(spec: ModelSpec) -> Floats:
            spec = _without_groups(spec) if own_means else spec
            return floats(materialise(spec, data, self.specification.functions))

        X = made(self.fixed_spec)
        X = X if self.left_out is None else self.left_out.of(X, data.index)
        fixed = side_by_side([(k, X) for k in range(self.n_predictors)], self.n_predictors)
        if not random:
            return fixed, np.empty((0, len(self.effects)))
        if not self.owners:
            return fixed, np.empty((len(fixed), 0))
        parts = [
            X[:, part] if isinstance(part, tuple) else made(part) for part in self.random_specs
        ]
        placed = [(predictor, parts[term]) for predictor, term in self.owners]
        return fixed, side_by_side(placed, self.n_predictors)

    def learning(self, data: pd.DataFrame) -> tuple[Columns, Floats, Floats]:
        """These columns, the means of whose groups include those that are new here; X and Z.

        Parameters and errors are those of `new_matrices`.
        """

        def made(learns: bool) -> Callable[[ModelSpec], ModelSpec]:
            return lambda spec: spec.update(
                transform_state=learning_groups(spec.transform_state, learns=learns)
            )

        learner = self._of_specs(made(True))
        X, Z = learner.new_matrices(data, random=True)
        return learner._of_specs(made(False)), X, Z

    def _of_specs(self, changed: Callable[[ModelSpec], ModelSpec]) -> Columns:
        return replace(
            self,
            fixed_spec=changed(self.fixed_spec),
            random_specs=tuple(
                part if isinstance(part, tuple) else changed(part) for part in self.random_specs
            ),
        )


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
        as_fitted(data, columns.made_by),
        columns.specification.functions,
    )
    return floats(made), tuple(spec.column_names)


def _without_groups(spec: ModelSpec, *, certain: bool = False) -> ModelSpec:
    """The same specification, remembering no group."""
    return spec.update(transform_state=forget_groups(spec.transform_state, certain=certain))
