"""A design with fewer random effects, from the matrices of a larger one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from formulaic.parser.types import Factor

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem, summed_up
from hierbayes.design.residual_moments import residual_moments
from hierbayes.specification.formula_parser import parse_formula
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT, factors_of, join_terms, read_terms


def columns_of_terms(design: Design) -> tuple[dict[str, tuple[int, ...]], ...]:
    """Places among the random columns of each term, by block and term."""
    found = []
    places = block_slices(design.blocks)
    for at, terms, part in zip(
        places, design.specification.random_effects, design.columns.random_specs, strict=True
    ):
        if isinstance(part, tuple):
            widths = {term: 1 for term in terms}
        else:
            names = read_terms(join_terms(terms))
            widths = {
                name: len(made.columns) for name, made in zip(names, part.structure, strict=True)
            }
        ends = np.cumsum(list(widths.values())) + at.start
        found.append(
            {
                term: tuple(range(end - width, end))
                for (term, width), end in zip(widths.items(), ends.tolist(), strict=True)
            }
        )
    return tuple(found)


def can_be_written(design: Design, random: tuple[RandomTerm, ...]) -> bool:
    """Whether the formula of these terms means the columns that the design has for them.

    How a factor is coded depends on the terms beside it: next to an intercept it has one
    column less.  So a block with a factor must keep its intercept, and the factor stand alone
    in its term.
    """
    blocks = design.specification.random_effects
    for one in random:
        b, terms = _place(design, one), one.effects
        part = design.columns.random_specs[b]
        if isinstance(part, tuple) or terms == blocks[b]:
            continue
        factors = {
            name for name, (kind, _) in part.encoder_state.items()
            if kind is Factor.Kind.CATEGORICAL
        }  # fmt: skip
        coded = [term for term in terms if factors.intersection(factors_of(term))]
        if coded and (INTERCEPT not in terms or any(len(factors_of(t)) > 1 for t in coded)):
            return False
    return True


def keeps_groups_of_errors(problem: Problem, random: tuple[RandomTerm, ...]) -> bool:
    """Whether the errors of a model with these random terms have the same groups.

    Errors whose structure names no group are correlated within the innermost factor.
    """
    if problem.moments is None or problem.moments.rows.correlation is None:
        return True
    correlation = problem.moments.rows.structure.correlation
    stated = correlation is not None and correlation.group is not None
    return stated or problem.moments.rows.group in {term.factor for term in random}


def _place(design: Design, term: RandomTerm) -> int:
    """Which random term of a design holds the effects of a smaller one."""
    return next(
        k
        for k, known in enumerate(design.specification.random)
        if known.factor == term.factor and term.effects[0] in known.effects
    )


def smaller_problem(problem: Problem, random: tuple[RandomTerm, ...]) -> Problem:
    """The problem with other random terms, each of effects of one that it has.

    Parameters
    ----------
    problem : Problem
    random : tuple of RandomTerm
        A random term of the problem may be left out, thinned or split.
    """
    design, spec = problem.design, problem.design.specification
    places = columns_of_terms(design)
    columns: list[int] = []
    blocks: list[int] = []
    specs: list[Any] = []
    for one in random:
        b, terms = _place(design, one), one.effects
        chosen = [at for term in terms for at in places[b][term]]
        columns += chosen
        blocks.append(len(chosen))
        specs.append(_part(design, b, terms))
    smaller_spec = replace(spec, random=random)
    kept = [spec.factors.index(name) for name in smaller_spec.factors]
    made = replace(
        design.columns,
        specification=smaller_spec,
        effects=tuple(design.effects[k] for k in columns),
        blocks=tuple(blocks),
        random_specs=tuple(specs),
        between_of=tuple(design.columns.between_of[k] for k in kept),
    )
    codes_of = tuple(design.rows.codes_of[k] for k in kept)
    rows = replace(design.rows, Z=design.rows.Z[:, columns], codes_of=codes_of)
    factors = tuple(design.factors[k] for k in kept)
    smaller = replace(design, columns=made, factors=factors, rows=rows)
    products = summed_up(smaller)
    if problem.moments is None:
        return Problem(smaller, products)
    errors = problem.moments.rows  # of the same rows and groups
    return Problem(smaller, products, residual_moments(errors, smaller, products.basis))


def _part(design: Design, block: int, terms: tuple[str, ...]) -> Any:
    """How the columns of some terms of a block are made from new data."""
    part = design.columns.random_specs[block]
    if isinstance(part, tuple):
        known = design.specification.random_effects[block]
        return tuple(part[known.index(term)] for term in terms)
    return part.subset(parse_formula(join_terms(terms)))
