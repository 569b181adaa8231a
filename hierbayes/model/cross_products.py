"""Cross-products of rows as a value of its own: saved, merged, and fitted without the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Unpack

import pandas as pd

from hierbayes.design.built_design import factors_of_rows
from hierbayes.design.partial_tally import TallyTask
from hierbayes.design.problem import Problem
from hierbayes.design.tally import Tally, joined_tallies, tally_of
from hierbayes.design.tally_on_cluster import tally_on_cluster
from hierbayes.errors import DataError, FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.native_numbers import native_numbers
from hierbayes.model.arguments import (
    random_and_data,
    read_errors,
    refuse_other_equations,
    streamed_specification,
)
from hierbayes.model.by_row import ColumnWords
from hierbayes.model.cross_products_file import read_cross_products, write_cross_products
from hierbayes.model.known_levels import levels_of_model, ordered_levels, read_levels
from hierbayes.model.posed_model import PosedModel
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.sources.frames import FrameSource
from hierbayes.sources.source import Source
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification


class CrossProducts:
    """All that a Gaussian model keeps of rows: a few numbers for each group, which add up.

    A model of them (``hb.Model(formula, data=cross_products)``) has the estimates of the rows,
    which it never sees.  So sites that may not share rows can share cross-products, and rows that
    come later are added to those that are gone.

    They are no secret, though.  The cross-products of a group of one row are that row, and those of
    a group of few rows (up to the number of random effects) tell each value of the model's
    columns in it; of larger groups they tell means, spreads and correlations.  The labels of
    groups, the levels of factors, and the least and largest value of each column are in them.

    Parameters
    ----------
    formula : str, Multilevel, Model or CrossProducts
        As of `Model`; or what has the formula and the levels of factors that are meant.
    random : str, optional
        As of `Model`.
    data : DataFrame, or a source of rows
        As of `Model`, also second.  By default the frame of the model that is given.
    levels : mapping, optional
        From columns of labels to their levels in the order of coding, the reference first, where
        these rows may not have all of them: sites have one design if they have the same levels.
    functions : mapping, optional
        As of `Model`; such cross-products cannot be saved.
    client : distributed.Client, optional
        Of a Dask cluster, whose workers sum up the partitions of a Dask dataframe, or files that
        all of them can read, where they are.
    residual : ResidualStructure, optional
        As of `Model`.  Where errors are correlated each part is of whole groups; what is kept are
        products by group and by place in the structure, which tell more of single rows: with
        `Unstructured` errors of a model with random effects all that the rows say.
    weights, counts, offset, known_sd : str, optional
        As of `Model`, each a column (``offset`` also an expression).

    Raises
    ------
    EstimationError
        When the cluster is lost.
    FormulaError, DataError, ResidualError
        When the rows cannot be read, or the model has what does not add up: variances that follow
        fitted values, or a column that no passes over rows learn.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> formula = "mathach ~ ses + (1 + ses | school)"
    >>> parts = [hb.CrossProducts(formula, rows) for _, rows in hs.groupby("school")]
    >>> whole = parts[0].merge(*parts[1:])
    >>> hb.Model(formula, data=whole).reml().loglik
    -6427.887569
    """

    def __init__(
        self,
        formula: str | Multilevel | PosedModel | CrossProducts,
        random: Any = None,
        data: Any = None,
        *,
        levels: Mapping[str, Sequence[Any]] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        residual: ResidualStructure | None = None,
        client: Any = None,
        **by_row: Unpack[ColumnWords],
    ) -> None:
        known = read_levels(levels)
        if isinstance(formula, PosedModel) and random is None and data is None:
            data = _frame_of(formula)
        random, data = random_and_data(random, data)
        source = data if isinstance(data, Source) else FrameSource(native_numbers(data))
        family, errors = read_errors(residual, None)
        refuse_with_products(family, None)
        if isinstance(formula, PosedModel | CrossProducts):
            _refuse_twice(errors)
            own = formula.levels if isinstance(formula, CrossProducts) else levels_of_model(formula)
            spec, counts = formula.specification, by_row.get("counts") or ""
            known = {**own, **known}
        else:
            spec, counts = streamed_specification(
                formula, random, source, functions, errors, may_be_fixed=True, **by_row
            )
        if isinstance(source, FrameSource):
            known = {**ordered_levels(spec, source.frame), **known}
        if client is None:
            self._tally = tally_of(spec, source, known, counts)
        else:
            self._tally = tally_on_cluster(TallyTask(spec, counts, known), source, client)

    @classmethod
    def _of(cls, tally: Tally) -> CrossProducts:
        made = cls.__new__(cls)
        made._tally = tally
        return made

    @classmethod
    def load(cls, path: str | PathLike[str]) -> CrossProducts:
        """Those that `save` wrote; nothing that stands in the file is run.

        Raises
        ------
        SavedFitError
            When the file is another's, cut short, damaged or of a newer format.
        """
        return cls._of(read_cross_products(path))

    def save(self, path: str | PathLike[str]) -> None:
        """Write them to a file, whole or not at all; an earlier one of this name is replaced.

        Raises
        ------
        SavedFitError
            When the place cannot take it, or the formula calls functions of your own.
        """
        write_cross_products(self._tally, path)

    def merge(self, *others: CrossProducts) -> CrossProducts:
        """Those of all rows; a group that occurs in several is one, known by its label.

        Raises
        ------
        DataError
            When others are of another design; it says what differs.  With correlated errors when
            rows of one group are in several; it is named.
        """
        for other in others:
            if not isinstance(other, CrossProducts):
                raise DataError(
                    f"cross-products are merged with others, not with {type(other).__name__}"
                )
        return self._of(joined_tallies([one._tally for one in (self, *others)]))

    def __add__(self, other: CrossProducts) -> CrossProducts:
        return self.merge(other) if isinstance(other, CrossProducts) else NotImplemented

    def __radd__(self, other: object) -> CrossProducts:
        """``sum(parts)`` begins with 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    @property
    def specification(self) -> Specification:
        """What was written."""
        return self._tally.specification

    @property
    def formula(self) -> str:
        """The model they are made for."""
        return str(self.specification)

    @property
    def levels(self) -> dict[str, pd.Index]:
        """The levels of each column of labels, in the order of their coding."""
        return self._tally.levels

    @property
    def n(self) -> int:
        """How many rows there are."""
        return int(self._tally.found.cross.n)

    @property
    def groups(self) -> tuple[pd.Series, ...]:
        """For each grouping factor how many rows each of its groups has."""
        return tuple(
            pd.Series(one.cross.rows.astype(int), index=one.cross.groups, name="rows")
            for one in self._tally.found.factors
        )

    @property
    def nbytes(self) -> int:
        """Bytes that they take: of one factor 8 (1 + q² + q(p + 1)) for each group, and some."""
        arrays = [
            array
            for one in self._tally.found.factors
            for array in (one.cross.R, one.cross.T, one.cross.rows, one.cross.W)
        ]
        return int(sum(array.nbytes for array in arrays))

    def problem_of(self, formula: object, random: object = None) -> Problem:
        """The problem of these rows, of the formula they were made for.

        Raises
        ------
        DataError, FormulaError
            When it is another, or they cannot carry it.
        """
        own = self.specification
        read, _ = streamed_specification(
            formula, random, FrameSource(pd.DataFrame()), None, may_be_fixed=True
        )
        if (read.response, read.fixed, read.random) != (own.response, own.fixed, own.random):
            raise FormulaError(
                f"the cross-products are of '{self.formula}', and the model is '{read}': make them "
                "with its formula"
            )
        problem = self._tally.problem()
        if isinstance(formula, Multilevel):
            refuse_other_equations(formula, problem)
        return problem

    def __repr__(self) -> str:
        found, factors = self._tally.found, tuple(factors_of_rows(self.specification))
        groups = " and ".join(
            f"{len(one)} groups of '{name}'" for one, name in zip(self.groups, factors, strict=True)
        )
        levels = "".join(
            f"\n  levels of {name}: {', '.join(map(str, own))}" for name, own in self.levels.items()
        )
        residual = self.specification.residual
        errors = "" if residual is None else f"\n  errors: {residual.text}"
        return (
            f"CrossProducts: {self.formula}\n"
            f"  {self.n} rows in {groups}; {found.dropped or 'no'} rows dropped\n"
            f"  fixed terms: {', '.join(self._tally.terms) or 'none'}\n"
            f"  random effects: {', '.join(self._tally.effect_labels) or 'none'}{errors}{levels}"
        )


def refuse_with_products(
    family: ResponseFamily | None, residual: ResidualStructure | None, **given: object
) -> None:
    """Refuse arguments that only rows can answer beside cross-products.

    Raises
    ------
    FormulaError
        Naming the argument.
    """
    if family is not None:
        raise FormulaError(
            "a family of responses needs the rows, and cross-products are of Gaussian responses"
        )
    for name, one in {"residual": residual, **given}.items():
        if one is not None:
            raise FormulaError(
                f"{name}= is said where cross-products are made, as in "
                f"hb.CrossProducts(formula, rows, {name}=...); leave it out"
            )


def _refuse_twice(residual: ResidualStructure | None) -> None:
    if residual is not None:
        raise FormulaError(
            "the model or the cross-products that are given have their residual structure; leave "
            "residual= out, or give the formula"
        )


def _frame_of(model: PosedModel) -> pd.DataFrame:
    if model.problem.design.rows.streams:
        raise DataError(
            "the rows of this model stream: give them again, as in hb.CrossProducts(model, "
            "data=...)"
        )
    return model.data
