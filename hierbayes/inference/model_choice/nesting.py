"""Whether one model is a special case of another, by the spaces its columns span."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.errors import InferenceError
from hierbayes.fit.point import PointFit
from hierbayes.fit.resampling.simulation import Simulator, simulator
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import partition, reading_of
from hierbayes.inference.model_choice.nested_errors import refuse_other_errors
from hierbayes.inference.model_choice.nested_families import FamilyGain, family_gain
from hierbayes.inference.model_choice.nesting_by_name import fixed_by_name, random_by_name
from hierbayes.likelihood.reading import REML

_OUTSIDE = 1e-7  # of a column's size, left over beside the columns that should span it


@dataclass(frozen=True, slots=True, eq=False)
class Nesting:
    """A model within another.

    Parameters
    ----------
    small, big : PointFit
        Of the same data, by the same criterion.
    X : (p, p₀) float
        The smaller model's fixed columns as combinations of the larger's, both internal.
    Z : (q, q₀) float
        The same of the random columns.
    family : FamilyGain
        What the larger model's family has more.
    """

    small: PointFit
    big: PointFit
    X: Floats
    Z: Floats
    family: FamilyGain

    @property
    def fixed_gained(self) -> int:
        """Fixed effects that the larger model has more."""
        return self.X.shape[0] - self.X.shape[1]

    @property
    def effects_gained(self) -> int:
        """Random effects that the larger model has more."""
        return self.Z.shape[0] - self.Z.shape[1]

    @property
    def factors_gained(self) -> tuple[str, ...]:
        """Grouping factors of the larger model by which nothing varies in the smaller."""
        design = self.big.design
        return tuple(
            factor.name
            for factor, span in zip(design.factors, design.spans, strict=True)
            if not self.Z[span].any()
        )

    @property
    def df(self) -> int:
        """Parameters that the larger model has more."""
        return self.big.maximum.n_parameters - self.small.maximum.n_parameters

    def smaller(self, cross: CrossProducts) -> CrossProducts:
        """Cross-products of the smaller model's columns from those of the larger's.

        Under REML the fixed columns stay those of the larger model: they span the same
        space, and so the likelihoods of both need no correction for the units of X.
        """
        X = np.eye(len(self.X)) if reading_of(self.big) == REML else self.X
        M = np.zeros((X.shape[0] + 1, X.shape[1] + 1))
        M[:-1, :-1], M[-1, -1] = X, 1.0
        M[:-1, -1] = -self._moved  # a model without a constant is one of y as it is, not centred
        own, basis = _cross_of(self.small).basis, cross.basis
        if reading_of(self.big) != REML:
            basis = replace(basis, x=own.x, constant=own.constant)
        taken = own.taken if reading_of(self.big) != REML else self.X @ own.taken
        return replace(
            cross.turned(M),
            R=cross.R @ self.Z,
            basis=replace(basis, z=own.z, center=own.center, taken=taken),
        )

    def null_simulator(self) -> Simulator:
        """Simulates cross-products of the larger model's columns from the smaller model."""
        theirs, ours = (
            _cross_of(self.small).basis,
            self.big.problem.holding_sigma.cross,
        )
        sigma = self.small.sigma / ours.basis.scale
        # a root of G of the smaller model's internal effects, in the larger model's units of y
        root = self.small.state.relative_root * sigma
        gamma = theirs.gamma_internal(self.small.gamma)
        at = self.X @ gamma * (theirs.scale / ours.basis.scale) + self._moved
        return simulator(ours, at, self.Z @ root, sigma)

    @property
    def _moved(self) -> Floats:
        """What taking the centre out of y in the larger model alone takes from γ° (p,).

        Both centre y at its mean where they have a constant, and the smaller may have none.
        """
        ours, theirs = (
            self.big.problem.holding_sigma.cross.basis,
            _cross_of(self.small).basis,
        )
        moved: Floats = self.X @ np.linalg.solve(theirs.x.matrix, theirs.origin)
        moved = moved - np.linalg.solve(ours.x.matrix, ours.origin)
        return moved / ours.scale


def find_nesting(a: PointFit, b: PointFit) -> Nesting:
    """Which of two fits is of the smaller model, and how it stands within the larger.

    Raises
    ------
    InferenceError
        When they are of the same model, or neither stands within the other (naming a column
        or block of random effects that keeps it out).
    """
    small, big = sorted((a, b), key=lambda fit: fit.maximum.n_parameters)
    refuse_other_errors(small.problem, big.problem)
    gain = family_gain(small.problem, big.problem)
    streams = small.design.rows.streams or big.design.rows.streams
    X, outside = (fixed_by_name if streams else _fixed)(small, big)
    Z, out_of = (random_by_name if streams else _random)(small, big)
    if X is None or Z is None:
        raise InferenceError(
            f"the models are not nested: {outside or out_of} of the model with fewer parameters "
            f"({small.design.specification}) does not stand in the other "
            f"({big.design.specification}); compare them by AIC or BIC, see model_table()"
        )
    if small.maximum.n_parameters == big.maximum.n_parameters:
        raise InferenceError(
            "both fits are of the same model: their columns span the same spaces, and nothing is "
            "left to test"
        )
    return Nesting(small, big, X, Z, gain)


def _fixed(small: PointFit, big: PointFit) -> tuple[Floats | None, str]:
    """Weights of the smaller model's fixed columns, or what keeps them out."""
    ours, theirs = internal_columns(small.problem)[0], internal_columns(big.problem)[0]
    weights, outside = combined_from(theirs, ours)
    if outside.any():
        names = _names_outside(small.design.rows.X, big.design.rows.X, small.design.terms)
        return None, f"the fixed column '{names}'"
    return weights, ""


def _random(small: PointFit, big: PointFit) -> tuple[Floats | None, str]:
    """Weights of the smaller model's random columns, block within block."""
    ours, theirs = internal_columns(small.problem)[1], internal_columns(big.problem)[1]
    weights = np.zeros((theirs.shape[1], ours.shape[1]))
    terms = small.design.random_terms
    same = _same_factors(small.design, big.design)
    for term, place in zip(terms, block_slices(small.design.blocks), strict=True):
        for inside, its in _blocks_by_factor(big.design):
            if (term.factor, its) not in same:
                continue
            found, outside = combined_from(theirs[:, inside], ours[:, place])
            if not outside.any():
                weights[inside, place] = found
                break
        else:
            return None, f"the random term {term}"
    return weights, ""


def _blocks_by_factor(design: Design) -> list[tuple[slice, str]]:
    """Each block of G with the grouping factor that it is of."""
    names = (term.factor for term in design.random_terms)
    return list(zip(block_slices(design.blocks), names, strict=True))


def _same_factors(small: Design, big: Design) -> set[tuple[str, str]]:
    """Factors of both models, by their names there, that put the same rows together."""
    ours = [partition(small, k) for k in range(len(small.factors))]
    theirs = [partition(big, k) for k in range(len(big.factors))]
    return {
        (a.name, b.name)
        for a, one in zip(small.factors, ours, strict=True)
        for b, other in zip(big.factors, theirs, strict=True)
        if np.array_equal(one, other)
    }


def combined_from(columns: Floats, wanted: Floats) -> tuple[Floats, np.ndarray]:
    """Weights that make the wanted columns, and which of them cannot be made."""
    weights = np.linalg.lstsq(columns, wanted, rcond=1e-12)[0]
    left = np.sqrt(((wanted - columns @ weights) ** 2).sum(axis=0))
    return weights, left > _OUTSIDE * np.sqrt((wanted**2).sum(axis=0))


def _names_outside(small: Floats, big: Floats, terms: tuple[str, ...]) -> str:
    """The first of the smaller model's fixed columns that is none of the larger's."""
    size = np.maximum(np.abs(big).max(axis=0), 1e-300)
    _, outside = combined_from(big / size, small)
    return terms[int(outside.argmax())]


def internal_columns(problem: Problem) -> tuple[Floats, Floats]:
    """X° and Z° of the rows."""
    design = problem.design
    rows = design.rows
    W, Z = problem.working.basis.internal_rows(rows.X, rows.Z, rows.response)
    return W[:, :-1], Z


def _cross_of(fit: PointFit) -> CrossProducts:
    """The cross-products of a fit of one grouping factor."""
    return fit.problem.holding_sigma.cross
