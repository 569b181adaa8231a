"""Whether two models are one: the same columns, or columns that are combinations of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats
from hierbayes.inference.model_choice.nesting import combined_from, internal_columns
from hierbayes.model.model import Model
from hierbayes.model.same_rows import groupings, same_errors, same_groups, same_responses

_SAME = 1e-8
_ROUNDING = 1e-10  # of the largest entry of a matrix: what solving leaves where there is 0


@dataclass(frozen=True, slots=True, eq=False)
class Equivalence:
    r"""The proof, or refutation, that two models are the same.

    A model with the fixed columns X₂ = X₁T and the random columns Z₂ = Z₁S says the same of the
    response as one with X₁ and Z₁, for γ₁ = Tγ₂, u₁ = Su₂ and G₁ = SG₂S'.  Its ML likelihood is
    the same; its REML likelihood is the same but for -log|T|, for that of the second is of the
    response given another unit of volume of γ.

    Parameters
    ----------
    same_rows : bool
        Same response, its family, groups and residual structure, row by row.  A Gaussian response
        counts less its offsets.  Of several grouping factors those count that put the same rows
        together, whatever they and their groups are called.
    same_fixed, same_random : bool
        Same columns by value (in any order), and for the random part the same
        blocks of G.
    fixed : DataFrame or None
        T (p, p): rows are the terms of the first model, columns those of the second; None where
        the fixed columns span different spaces.
    random : DataFrame or None
        S (q, q), the same of the random effects; None where the blocks of G span different
        spaces, in rows of all groups at once.
    loglik_difference : float
        REML log-likelihood of the second minus that of the first (of other families than the
        Gaussian that of ML by Laplace's approximation); nan when the rows differ, for then it
        means nothing.
    reml_constant : float
        What it should be: -log|T|, and 0 of ML; nan where there is no T.
    tolerance : float
        How far apart they may be for rounding.
    engine : str
        ``"REML"`` or ``"ML"``.
    """

    same_rows: bool
    same_fixed: bool
    same_random: bool
    fixed: pd.DataFrame | None
    random: pd.DataFrame | None
    loglik_difference: float
    reml_constant: float
    tolerance: float
    engine: str = "REML"

    @property
    def identical(self) -> bool:
        """Whether the models have the same columns, and the same fit."""
        return self.holds and self.same_fixed and self.same_random

    @property
    def holds(self) -> bool:
        """Whether the models are the same, in the same columns or in others."""
        if not self.same_rows or self.fixed is None or self.random is None:
            return False
        return abs(self.loglik_difference - self.reml_constant) < self.tolerance

    def __str__(self) -> str:
        if not self.same_rows:
            return (
                "not equivalent: different rows (their responses, groups or errors are not the "
                "same, and nothing further is compared)"
            )
        fixed = _said(self.same_fixed, self.fixed, "fixed")
        random = _said(self.same_random, self.random, "random")
        by = f", -log|T| = {self.reml_constant:.2g}" if self._differs else ""
        return (
            f"{'equivalent' if self.holds else 'not equivalent'}: same rows, {fixed}, {random}, "
            f"{self.engine} log-likelihoods differ by {self.loglik_difference:.2g}{by} (priors are "
            "not compared)"
        )

    __repr__ = __str__

    @property
    def _differs(self) -> bool:
        return self.engine == "REML" and self.fixed is not None and not self.same_fixed


def equivalence(first: Model, second: Model) -> Equivalence:
    """Compare two models on their data, however each was written.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> combined = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs)
    >>> hb.equivalence(combined, hb.Model(combined.multilevel(), data=hs)).identical
    True

    One model in other columns, and how its coefficients become those of the first:

    >>> within = hb.Model("mathach ~ cvar(ses, school) + dvar(ses, school) + (1 | school)", data=hs)
    >>> raw = hb.Model("mathach ~ cvar(ses, school) + ses + (1 | school)", data=hs)
    >>> proof = hb.equivalence(within, raw)
    >>> proof.holds, proof.identical
    (True, False)
    >>> print(proof.fixed.round(6))
                       Intercept  cvar(ses, school)  ses
    Intercept                1.0                0.0  0.0
    cvar(ses, school)        0.0                1.0  1.0
    dvar(ses, school)        0.0                0.0  1.0
    """
    a, b = first.problem.design, second.problem.design
    same_rows = a.n == b.n and same_responses(a, b) and same_groups(a, b)
    same_rows = same_rows and same_errors(first.problem, second.problem)
    nan = float("nan")
    if not same_rows:
        return Equivalence(False, False, False, None, None, nan, nan, nan)
    of_family = first.problem.family is not None
    logliks = [(one.ml() if of_family else one.reml()).loglik for one in (first, second)]
    T, constant = _fixed(first.problem, second.problem)
    return Equivalence(
        same_rows=True,
        same_fixed=_match(a.rows.X, b.rows.X),
        same_random=_same_blocks(a, b),
        fixed=_framed(T, a.terms, b.terms),
        random=_framed(_random(first.problem, second.problem), a.effect_labels, b.effect_labels),
        loglik_difference=logliks[1] - logliks[0],
        reml_constant=0.0 if of_family and T is not None else constant,
        tolerance=1e-7 + 1e-10 * abs(logliks[0]),
        engine="ML" if of_family else "REML",
    )


def _said(same: bool, matrix: pd.DataFrame | None, part: str) -> str:
    if same:
        return f"same {part} columns"
    if matrix is not None:
        return f"{part} columns that are combinations of each other"
    return f"different {part} columns"


def _blocks(design: Design) -> list[tuple[slice, np.ndarray]]:
    """Each block of G, and which rows its factor puts together."""
    every = groupings(design)
    return [
        (at, grouping)
        for span, grouping in zip(design.spans, every, strict=True)
        for at in block_slices(design.blocks)
        if span.start <= at.start < span.stop
    ]


def _same_blocks(a: Design, b: Design) -> bool:
    """Whether the blocks of G have the same columns, in any order of blocks."""
    left = _blocks(b)
    for at, grouping in _blocks(a):
        alike = (
            k
            for k, (place, other) in enumerate(left)
            if np.array_equal(grouping, other) and _match(a.rows.Z[:, at], b.rows.Z[:, place])
        )
        k = next(alike, None)
        if k is None:
            return False
        del left[k]
    return not left


def _match(a: Floats, b: Floats) -> bool:
    """Whether two matrices have the same columns, in any order."""
    if a.shape != b.shape:
        return False
    left = list(range(b.shape[1]))
    for column in a.T:
        scale = max(float(np.abs(column).max(initial=0.0)), 1e-300)
        found = [k for k in left if np.abs(b[:, k] - column).max(initial=0.0) <= _SAME * scale]
        if not found:
            return False
        left.remove(found[0])
    return True


def _fixed(first: Problem, second: Problem) -> tuple[Floats | None, float]:
    """T of X₂ = X₁T in the user's units, and -log|T|; None and nan where there is none.

    In the internal columns X₂° = X₁°K, and so T = M₁KM₂⁻¹ where X° = XM.
    """
    ours, theirs = internal_columns(first)[0], internal_columns(second)[0]
    K = _combination(ours, theirs)
    if K is None:
        return None, float("nan")
    M = first.working.basis.x.matrix, second.working.basis.x.matrix
    volumes = [float(np.linalg.slogdet(part)[1]) for part in (M[0], K, M[1])]
    constant = volumes[2] - volumes[1] - volumes[0]
    return _in_units(K, *M), constant if abs(constant) > _ROUNDING else 0.0


def _random(first: Problem, second: Problem) -> Floats | None:
    """S of Z₂ = Z₁S in the user's units, block by block of G; None where there is none."""
    ours, theirs = internal_columns(first)[1], internal_columns(second)[1]
    left = _blocks(first.design)
    K = np.zeros((ours.shape[1], theirs.shape[1]))
    if len(left) != len(second.design.blocks):
        return None
    for place, grouping in _blocks(second.design):
        found = (
            (k, _combination(ours[:, at], theirs[:, place]))
            for k, (at, other) in enumerate(left)
            if np.array_equal(grouping, other)
        )
        k, part = next(((k, part) for k, part in found if part is not None), (-1, None))
        if part is None:
            return None
        K[left.pop(k)[0], place] = part
    return _in_units(K, first.working.basis.z.matrix, second.working.basis.z.matrix)


def _combination(columns: Floats, wanted: Floats) -> Floats | None:
    """The square matrix that makes the wanted columns of others; None where there is none."""
    if columns.shape != wanted.shape:
        return None
    weights, outside = combined_from(columns, wanted)
    return None if outside.any() else weights


def _in_units(K: Floats, first: Floats, second: Floats) -> Floats:
    """M₁KM₂⁻¹, without what rounding leaves of zeros."""
    T: Floats = np.linalg.solve(second.T, (first @ K).T).T
    return np.where(np.abs(T) > _ROUNDING * np.abs(T).max(initial=0.0), T, 0.0)


def _framed(
    matrix: Floats | None, rows: Sequence[object], columns: Sequence[object]
) -> pd.DataFrame | None:
    if matrix is None:
        return None
    return pd.DataFrame(matrix, list(map(str, rows)), list(map(str, columns)))
