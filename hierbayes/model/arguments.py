"""The arguments of a model, read or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypedDict

import pandas as pd

from hierbayes import families
from hierbayes.design.between_equations import refuse_varying_of_stream
from hierbayes.design.left_out import DROP, REFUSE
from hierbayes.design.problem import Problem, pose_problem
from hierbayes.design.streamed_families import pose_streamed_family
from hierbayes.design.streamed_problem import pose_streamed
from hierbayes.errors import DataError, FormulaError, PriorError, ResidualError
from hierbayes.families.family import ResponseFamily
from hierbayes.model.by_row import (
    Given,
    columns_by_row,
    refuse_unsuited_weights,
    with_columns,
    with_named_offset,
    with_offset,
)
from hierbayes.residuals.heavy_tails import StudentT
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.sources.opened import is_table, opened
from hierbayes.sources.source import Source
from hierbayes.specification.equation_coding import refuse_uneven_equations
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.known_functions import read_functions


class ModelWords(TypedDict, total=False):
    """Arguments of `Model` that have names only."""

    priors: Mapping[str, Any] | None
    functions: Mapping[str, Callable[..., Any]] | None
    family: str | ResponseFamily | None
    residual: ResidualStructure | None
    weights: Given | None
    counts: Given | None
    offset: Given | None
    known_sd: Given | None
    aliased: str
    client: Any


def random_and_data(
    random: object, data: object
) -> tuple[str | Mapping[str, str] | None, pd.DataFrame | Source]:
    """The random part and the data, which may stand second in its place."""
    if data is not None and isinstance(random, list | tuple):
        raise FormulaError(
            "random= is one text, '~ 1 | g', or a mapping of nested factors, not a "
            f"{type(random).__name__}; write several terms in the formula, as in "
            "'y ~ x + (1 | g) + (1 | h)'"
        )
    if is_table(random):
        if data is not None:
            raise DataError("the data are given twice; keep one, as in hb.Model(formula, data)")
        return None, opened(random)
    if data is None and not _may_be_random(random):
        return None, opened(random)
    if data is None:
        raise DataError("there are no data; give them, as in hb.Model(formula, data)")
    return random, opened(data)  # type: ignore[return-value]  # read with the formula


def _may_be_random(given: object) -> bool:
    """Whether something is a random part, or none, and no data: a text without '|' names files."""
    if isinstance(given, Mapping):
        return all(isinstance(value, str) for value in given.values())
    return given is None or (isinstance(given, str) and bool({"|", "~"} & set(given)))


def pose(
    formula: object,
    random: object,
    data: pd.DataFrame,
    functions: Mapping[str, Callable[..., Any]] | None,
    family: ResponseFamily | None,
    residual: ResidualStructure | None,
    *,
    weights: object,
    known_sd: object,
    offset: object,
    aliased: str,
) -> tuple[Problem, pd.DataFrame]:
    """The problem that a formula or equations state on data, and the data with all its columns.

    Raises
    ------
    FormulaError, DataError
        Naming the offender and the remedy.
    """
    equations = formula if isinstance(formula, Multilevel) else None
    specification = _specification(formula, random, residual, may_be_fixed=True)
    data, names = with_columns(data, weights=weights, known_sd=known_sd)
    refuse_unsuited_weights(specification, family, names)
    if functions is not None or names:
        specification = replace(
            specification,
            functions=read_functions(functions),
            weights=names.get("weights", ""),
            known_sd=names.get("known_sd", ""),
        )
    specification, data = with_offset(specification, data, offset)
    if aliased != REFUSE:
        specification = replace(specification, aliased=aliased)
    return pose_problem(specification, data, equations, family), data


def pose_stream(
    formula: object,
    random: object,
    source: Source,
    functions: Mapping[str, Callable[..., Any]] | None,
    family: ResponseFamily | None,
    residual: ResidualStructure | None,
    **by_row: Given | None,
) -> Problem:
    """The problem that a formula states on rows that stream.

    Raises
    ------
    FormulaError, DataError
        When it needs the rows in memory, naming what does.
    """
    spec, counts = streamed_specification(
        formula, random, source, functions, residual, may_be_fixed=family is None, **by_row
    )
    if family is not None:
        problem = pose_streamed_family(spec, source, family, counts)
    else:
        problem = pose_streamed(spec, source, counts)
    if isinstance(formula, Multilevel):
        refuse_other_equations(formula, problem)
    return problem


def refuse_other_equations(equations: Multilevel, problem: Problem) -> None:
    """Refuse equations that rows that were summed up are not of.

    Raises
    ------
    DataError, FormulaError
        When what stands between groups varies within them, or equations are uneven.
    """
    refuse_varying_of_stream(equations, problem.design)
    refuse_uneven_equations(equations, problem.design.columns.coded_factors.__contains__)


def streamed_specification(
    formula: object,
    random: object,
    source: Source,
    functions: Mapping[str, Callable[..., Any]] | None,
    residual: ResidualStructure | None = None,
    *,
    may_be_fixed: bool = False,
    **by_row: Given | None,
) -> tuple[Specification, str]:
    """What a formula states on rows that stream, and the column of counts; empty without one.

    Raises
    ------
    FormulaError, DataError
        When it cannot be read, or what is given row by row is no column.
    """
    spec = _specification(formula, random, residual, may_be_fixed=may_be_fixed)
    names = columns_by_row(source.columns, source.text, **by_row)
    counts, offset = names.pop("counts", ""), names.pop("offset", None)
    refuse_unsuited_weights(spec, None, names)
    spec = replace(
        spec,
        functions=read_functions(functions),
        weights=names.get("weights", ""),
        known_sd=names.get("known_sd", ""),
    )
    if offset is not None:
        spec = with_named_offset(spec, offset, source.columns)
    return spec, counts


def read_errors(
    residual: object, family: ResponseFamily | None
) -> tuple[ResponseFamily | None, ResidualStructure | None]:
    """The family of the responses and the structure of their errors, where there is one.

    Errors with heavy tails are a family.

    Raises
    ------
    ResidualError
        When it is something else, or the response is not Gaussian.
    """
    if residual is None:
        return family, None
    if not isinstance(residual, ResidualStructure):
        raise ResidualError(
            "residual is a structure of hb.residuals, such as hb.residuals.AR1('week'), not "
            f"{residual!r}{_meant(residual)}"
        )
    if family is not None:
        raise ResidualError(
            f"residual structures are of Gaussian responses, and the family is {family}; leave "
            "one of them out"
        )
    if isinstance(residual, StudentT):
        return families.StudentT(df=residual.df), None
    return None, residual


def _meant(residual: object) -> str:
    """What to do with what is no structure, where that is plain."""
    if isinstance(residual, type) and issubclass(residual, ResidualStructure):
        return f"; name its columns, as in {residual.__name__}('week')"
    if isinstance(residual, list | tuple):
        return "; several are multiplied, as in AR1('week') * Strata('sex')"
    if isinstance(residual, str) and "(" in residual:
        return "; leave out the quotes around it"
    return ""


def _specification(
    formula: object, random: object, residual: ResidualStructure | None, *, may_be_fixed: bool
) -> Specification:
    if isinstance(formula, Multilevel):
        if random is not None:
            raise FormulaError("the equations state the random part; leave out random='...'")
        specification = formula.specification()
        if not specification.random:
            raise FormulaError("the random part has no effects; name at least '1', the intercept")
        return replace(specification, residual=residual)
    if not isinstance(formula, str):
        raise FormulaError(
            f"the model must be a formula (text) or a Multilevel, not {type(formula).__name__}"
        )
    if random is not None and not isinstance(random, str | Mapping):
        raise FormulaError(
            "random must be text such as '~ 1 + x | group', or a mapping from nested groups to "
            f"effects, not {type(random).__name__}"
        )
    if isinstance(random, Mapping):
        return read_combined(formula, random, residual, may_be_fixed=may_be_fixed)
    return _read_once(formula, random, residual, may_be_fixed)


@lru_cache(maxsize=256)
def _read_once(
    formula: str, random: str | None, residual: ResidualStructure | None, may_be_fixed: bool
) -> Specification:
    """What texts state, read once; a residual structure is made of texts."""
    return read_combined(formula, random, residual, may_be_fixed=may_be_fixed)


def refuse_unsuited_aliased(aliased: object, data: object) -> None:
    """Refuse a word that says nothing of columns, and columns of rows that are not in memory.

    Raises
    ------
    FormulaError
    """
    if aliased not in (REFUSE, DROP):
        raise FormulaError(f"aliased is '{REFUSE}' or '{DROP}', not {aliased!r}")
    if aliased == DROP and not isinstance(data, pd.DataFrame):
        raise FormulaError(
            f"aliased='{DROP}' finds out which columns are combinations of others of rows in "
            "memory, and these stream or were summed up; name the columns in the formula that are "
            "none, as hb.Model(formula, some_rows, aliased='drop').aliased says"
        )


def refuse_no_mapping(priors: object) -> None:
    """Refuse priors that are not stated by block.

    Raises
    ------
    PriorError
        Naming what they are.
    """
    if priors is not None and not isinstance(priors, Mapping):
        raise PriorError(
            "priors must be a mapping from blocks to priors, such as "
            f"dict(sd=HalfNormal(5)), not {type(priors).__name__}"
        )
