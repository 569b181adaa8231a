"""A design with fewer random effects, from the matrices of a larger one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hierbayes.design.basis import choose_basis
from hierbayes.design.crossproducts import cross_products
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.specification.terms import join_terms, read_terms


def columns_of_terms(design: Design) -> tuple[dict[str, tuple[int, ...]], ...]:
    """Places among the random columns of each term, by block and term."""
    found = []
    start = 0
    for size, terms, part in zip(
        design.blocks, design.specification.random, design.random_specs, strict=True
    ):
        if isinstance(part, tuple):
            widths = {term: 1 for term in terms}
        else:
            names = read_terms(join_terms(terms))
            widths = {
                name: len(made.columns) for name, made in zip(names, part.structure, strict=True)
            }
        ends = np.cumsum(list(widths.values())) + start
        found.append(
            {
                term: tuple(range(end - width, end))
                for (term, width), end in zip(widths.items(), ends.tolist(), strict=True)
            }
        )
        start += size
    return tuple(found)


def smaller_problem(problem: Problem, random: tuple[tuple[str, ...], ...]) -> Problem:
    """The problem with other blocks of random terms, each of terms of one block it has.

    Parameters
    ----------
    problem : Problem
    random : tuple of tuple of str
        Terms by block; a block of the problem may be left out, thinned or split.
    """
    design = problem.design
    places = columns_of_terms(design)
    columns: list[int] = []
    blocks: list[int] = []
    specs: list[Any] = []
    for terms in random:
        b = next(k for k, known in enumerate(places) if terms[0] in known)
        chosen = [at for term in terms for at in places[b][term]]
        columns += chosen
        blocks.append(len(chosen))
        specs.append(_part(design, b, terms))
    smaller = replace(
        design,
        specification=replace(design.specification, random=random),
        Z=design.Z[:, columns],
        effects=tuple(design.effects[k] for k in columns),
        blocks=tuple(blocks),
        random_specs=tuple(specs),
    )
    basis = choose_basis(smaller.X, smaller.Z, smaller.y, smaller.blocks)
    rows = (smaller.X, smaller.Z, smaller.y)
    return Problem(smaller, cross_products(rows, smaller.codes, smaller.groups, basis))


def _part(design: Design, block: int, terms: tuple[str, ...]) -> Any:
    """How the columns of some terms of a block are made from new data."""
    part = design.random_specs[block]
    if isinstance(part, tuple):
        known = design.specification.random[block]
        return tuple(part[known.index(term)] for term in terms)
    return part.subset(join_terms(terms))
