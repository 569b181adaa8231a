"""What a search of random parts starts from: a model, the block that grows, and candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.errors import InferenceError, in_quotes
from hierbayes.specification.factor_name import factor_called
from hierbayes.specification.formula import Specification, read_combined


@runtime_checkable
class Specified(Protocol):
    """A model that says what it is and on which data; `hierbayes.Model` is one."""

    specification: Specification

    @property
    def problem(self) -> Problem:
        """What is to be fitted."""

    @property
    def data(self) -> pd.DataFrame:
        """The data."""


def start_of_search(model: Any, data: pd.DataFrame | None) -> tuple[Specification, pd.DataFrame]:
    """The specification and the data that a search starts from.

    Raises
    ------
    InferenceError
        When it is neither a model nor a formula with its data.
    """
    if isinstance(model, str):
        if data is None:
            raise InferenceError(f"the formula '{model}' needs its data; add data=...")
        spec = read_combined(model)
    elif isinstance(model, Specified):
        if data is not None:
            raise InferenceError("the model has its data; leave out data=...")
        model.problem.refuse_other_families("build_random()")
        spec, data = model.specification, model.data
    else:
        raise InferenceError(
            f"build_random() starts from a model or a formula, not from {type(model).__name__}"
        )
    return spec, data


def block_that_grows(spec: Specification, factor: str | None) -> int:
    """Which random term the candidates are added to.

    Raises
    ------
    InferenceError
        When no factor is named of several, there is none of that name, or it has several blocks.
    """
    if factor is None and len(spec.factors) > 1:
        raise InferenceError(
            "the model has several grouping factors; name the one that candidates vary over, "
            f"factor= one of {in_quotes(spec.factors)}"
        )
    name = spec.factors[0] if factor is None else factor_called(factor, spec.factors)
    if name is None:
        raise InferenceError(
            f"{factor!r} is no grouping factor of this model; they are: {in_quotes(spec.factors)}"
        )
    places = [k for k, term in enumerate(spec.random) if term.factor == name]
    if len(places) > 1:
        raise InferenceError(
            f"build_random() adds to one block of correlated effects, and this model has "
            f"{len(places)}; start from one, such as (1 | {name})"
        )
    return places[0]


def candidate_terms(candidates: Any, block: tuple[str, ...], frame: pd.DataFrame) -> list[str]:
    """The candidates, each once.

    Raises
    ------
    InferenceError
        When there are none, or one is no column or stands in the block already.
    """
    listed = [candidates] if isinstance(candidates, str) else candidates
    if not isinstance(listed, Sequence) or not all(isinstance(term, str) for term in listed):
        raise InferenceError(f"candidates must be terms by name, as in ['x', 'z'], not {listed!r}")
    if not listed:
        raise InferenceError("candidates are none; name the terms to try, as in ['x', 'z']")
    for term in listed:
        if term in block:
            raise InferenceError(f"'{term}' stands in the random part already; leave it out")
        for name in term.split(":"):
            if name.strip().isidentifier() and name.strip() not in frame:
                raise InferenceError(
                    f"the candidate '{term}' is no column of the data; its columns are: "
                    + ", ".join(str(column) for column in frame)
                )
    return list(dict.fromkeys(listed))
