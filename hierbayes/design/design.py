"""The design of a model: its columns, its groups and its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from hierbayes.design.columns import Columns
from hierbayes.design.complete import Dropped
from hierbayes.design.group_codes import ALL_ROWS
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.rows import Rows
from hierbayes.errors import DataError, FormulaError
from hierbayes.frames.arrays import Floats
from hierbayes.specification.effect_name import EffectName
from hierbayes.specification.factor_name import factor_called
from hierbayes.specification.formula import Specification, one_factor_only
from hierbayes.specification.random_term import RandomTerm
from hierbayes.value import value


@value()
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

    @property
    def named_factors(self) -> tuple[GroupingFactor, ...]:
        """The factors that are columns of the data: none where all rows are one group."""
        return tuple(factor for factor in self.factors if factor.name != ALL_ROWS)

    def refuse_no_groups(self, what: str) -> None:
        """Refuse rows that are in no groups.

        Parameters
        ----------
        what : str
            The function that was called, for the message.

        Raises
        ------
        FormulaError
        """
        if not self.named_factors:
            raise FormulaError(
                f"{what} is made for rows in groups, and the model names none; add a term such as "
                "(1 | group)"
            )

    def refuse_no_fixed_part(self, what: str = "this") -> None:
        """Refuse a model whose fixed part is 0, which has random effects and errors alone.

        Parameters
        ----------
        what : str
            The function that was called, for the message.

        Raises
        ------
        FormulaError
        """
        if not self.specification.fixed:
            raise FormulaError(
                f"{what} is about fixed effects, and the fixed part of the model is 0"
            )

    def refuse_left_out(self, what: str) -> None:
        """Refuse a model of which fixed columns are left out, as combinations of others.

        Parameters
        ----------
        what : str
            The function that was called, for the message.

        Raises
        ------
        FormulaError
        """
        if self.columns.left_out is not None:
            raise FormulaError(
                f"{what} reads all columns of each term, and of this model "
                f"{self.columns.left_out.text.removeprefix('left out ')} are left out; write a "
                "formula without them, or combine coefficients with hb.wald()"
            )

    def of_factor(self, k: int) -> Design:
        """The design as if only factor k had random effects."""
        if len(self.factors) == 1:
            return self
        rows = self.rows.of_factor(k, self.spans[k])
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
        meant = factor_called(name, names)
        if meant is None:
            raise DataError(f"{name!r} is no grouping factor of this model; they are: {listed}")
        return names.index(meant)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Sizes of the diagonal blocks of G, summing to q."""
        return self.columns.blocks

    @property
    def groups(self) -> pd.Index:
        """Labels of the J groups."""
        return self.factor.labels

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
