"""Linear hypotheses Lγ = 0, read from a matrix, terms, a pattern or named contrasts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.frames.arrays import Floats
from hierbayes.inference.hypotheses.contrast_text import (
    counted,
    read_contrast,
    spell_contrast,
)

_RANK = 1e-10  # of a singular value of the rows, each of unit size


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """Rows of a hypothesis on γ: every one of them is 0.

    Parameters
    ----------
    title : str
        What is tested, in words.
    labels : tuple of str
        A name for each of the m rows.
    L : (m, p) float
        Of full rank.
    """

    title: str
    labels: tuple[str, ...]
    L: Floats


def read_hypothesis(stated: Any, terms: tuple[str, ...], scale: Floats) -> Hypothesis:
    """A hypothesis in any of its spellings, see `hierbayes.inference.hypotheses.wald.wald`.

    Parameters
    ----------
    stated : None, str, sequence of str, mapping, array, Series or DataFrame
    terms : tuple of str
        Names of the p fixed columns.
    scale : (p,) float
        How large γ of each term may be: what makes weights of terms comparable.

    Raises
    ------
    HypothesisError
        When a term does not exist, nothing matches, a matrix has another width, a row is
        zero or not finite, or the rows are not linearly independent; and when there is no term.
    """
    if not terms:
        raise HypothesisError("the fixed part of the model is 0: there are no effects to be tested")
    match stated:
        case None:
            found = Hypothesis("every fixed effect", terms, np.eye(len(terms)))
        case str():
            found = _matching(stated, terms)
        case pd.DataFrame() | pd.Series():
            found = _frame(stated, terms)
        case Mapping():
            found = _contrasts(stated, terms)
        case [str(), *_]:
            weights = [{str(name): 1.0} for name in stated]
            labels = tuple(str(name) for name in stated)
            found = Hypothesis("terms by name", labels, _rows(weights, terms))
        case _:
            found = _matrix(stated, terms)
    refuse_deficient(found.L, found.labels, scale)
    return found


_LEVELS = re.compile(r"\[[^\[\]]*\]")  # of a factor, in the name of a column


def _matching(text: str, terms: tuple[str, ...]) -> Hypothesis:
    """Every term the text occurs in as it stands or without levels, or that it matches."""
    chosen, how = [text in term for term in terms], "contain"
    if not any(chosen):
        chosen = [text in _LEVELS.sub("", term) for term in terms]
    if not any(chosen):
        try:
            chosen, how = [re.search(text, term) is not None for term in terms], "match"
        except re.error as error:
            raise HypothesisError(
                f"no fixed term contains '{text}', which is no regular expression either "
                f"({error}); the terms are: {in_quotes(terms)}"
            ) from error
    if not any(chosen) or not text:
        raise HypothesisError(
            f"no fixed term contains or matches '{text}'; they are: {in_quotes(terms)}"
        )
    places = np.flatnonzero(chosen)
    labels = tuple(terms[k] for k in places)
    return Hypothesis(f"terms that {how} '{text}'", labels, np.eye(len(terms))[places])


def _contrasts(stated: Mapping[Any, Any], terms: tuple[str, ...]) -> Hypothesis:
    """Named contrasts, each a mapping of weights or a text; or one mapping of weights."""
    if stated and all(isinstance(weight, Real) for weight in stated.values()):
        label = spell_contrast(stated)
        return Hypothesis(label, (label,), _rows([stated], terms))
    weights = [_weights(name, contrast, terms) for name, contrast in stated.items()]
    labels = tuple(str(name) for name in stated)
    return Hypothesis("named contrasts", labels, _rows(weights, terms))


def _weights(name: Any, contrast: Any, terms: tuple[str, ...]) -> Mapping[str, float]:
    if isinstance(contrast, str):
        return read_contrast(contrast, terms)
    if isinstance(contrast, Mapping) and all(isinstance(w, Real) for w in contrast.values()):
        return contrast
    raise HypothesisError(
        f"the contrast '{name}' must map terms to weights, as in {{'{terms[-1]}': 1}}, or be a "
        f"text, as in '{terms[-1]}', not {contrast!r}"
    )


def _frame(stated: pd.DataFrame | pd.Series, terms: tuple[str, ...]) -> Hypothesis:
    """A table whose columns are terms; those it leaves out have weight 0."""
    if isinstance(stated, pd.Series):
        stated = stated.rename(stated.name or spell_contrast(stated)).to_frame().T
    weights = stated.to_dict(orient="records")
    if isinstance(stated.index, pd.RangeIndex):
        labels = tuple(spell_contrast(row) for row in weights)
    else:
        labels = tuple(str(name) for name in stated.index)
    return Hypothesis("rows of a matrix", labels, _rows(weights, terms))


def _matrix(stated: Any, terms: tuple[str, ...]) -> Hypothesis:
    try:
        L = np.atleast_2d(np.asarray(stated, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise HypothesisError(
            "a hypothesis is a matrix, a text, a list of terms or a mapping of contrasts, not "
            f"{stated!r}"
        ) from error
    if L.ndim != 2:
        raise HypothesisError(
            f"the hypothesis has {L.ndim} dimensions; it is a matrix, rows by terms"
        )
    if L.shape[1] != len(terms):
        raise HypothesisError(
            f"the hypothesis has {counted(L.shape[1], 'column')} and the model "
            f"{counted(len(terms), 'fixed term')}: {in_quotes(terms)}"
        )
    labels = tuple(spell_contrast(dict(zip(terms, row, strict=True))) for row in L.tolist())
    return Hypothesis("rows of a matrix", labels, L)


def _rows(weights: Sequence[Mapping[Any, Any]], terms: tuple[str, ...]) -> Floats:
    """L (m, p) of weights by term."""
    L = np.zeros((len(weights), len(terms)))
    for row, contrast in zip(L, weights, strict=True):
        for name, weight in contrast.items():
            if name not in terms:
                raise HypothesisError(
                    f"there is no fixed term '{name}'; they are: {in_quotes(terms)}"
                )
            row[terms.index(name)] = weight
    return L


def refuse_deficient(L: Floats, labels: Sequence[str], scale: Floats) -> None:
    """Refuse rows that are no hypothesis: none at all, zero, not finite, or dependent.

    A scale that is missing is that of a coefficient without a finite maximum, which no row tests.

    Raises
    ------
    HypothesisError
        Naming the first such row.
    """
    if not len(L):
        raise HypothesisError("the hypothesis has no rows; state at least one")
    for place, (label, row) in enumerate(zip(labels, L, strict=True), 1):
        name = f"the row '{label}'" if label else f"row {place}"
        if not np.isfinite(row).all():
            raise HypothesisError(f"{name} of the hypothesis is not finite")
        if not row.any():
            raise HypothesisError(f"{name} of the hypothesis has no weight but 0; leave it out")
        if row[~np.isfinite(scale)].any():
            raise HypothesisError(
                f"{name} of the hypothesis has a coefficient without a standard error, for the "
                "likelihood goes on growing along it (see diagnose()); hb.likelihood_ratio() "
                "compares the models with and without it, and priors make it finite"
            )
    sized = L * np.where(np.isfinite(scale), scale, 1.0)
    sized = sized / np.linalg.norm(sized, axis=1, keepdims=True)
    rank = _rank(sized)
    if rank < len(L):
        first = next(k for k in range(1, len(L)) if _rank(sized[: k + 1]) <= k)
        raise HypothesisError(
            f"the {len(L)} rows of the hypothesis have rank {rank}: '{labels[first]}' is a "
            "combination of the rows before it; leave it out"
        )


def _rank(rows: Floats) -> int:
    return int((np.linalg.svd(rows, compute_uv=False) > _RANK).sum())
