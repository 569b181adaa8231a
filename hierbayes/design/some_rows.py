"""A problem with some of its rows, every column, group and prior as with all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Booleans


def with_rows(problem: Problem, kept: Booleans) -> Problem:
    """The problem of a family with the rows that are kept (n,).

    Groups without any keep their place, and what stands for its responses in bases and priors is
    that of all rows.
    """
    rows, P = problem.design.rows, problem.design.columns.n_predictors
    inner = np.repeat(kept, P)
    of_family = problem.family_rows
    family = replace(
        of_family, y=of_family.y[inner], m=of_family.m[inner], offset=of_family.offset[inner]
    )
    some = replace(
        rows,
        response=rows.response[inner],
        X=rows.X[inner],
        Z=rows.Z[inner],
        codes_of=tuple(codes[inner] for codes in rows.codes_of),
        index=rows.index[kept],
        family=family,
    )
    return Problem(replace(problem.design, rows=some), problem.working)
