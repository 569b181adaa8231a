"""A model on data as the equations of its levels."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.design.problem import Problem
from hierbayes.errors import FormulaError
from hierbayes.specification.equation_coding import refuse_uneven_equations
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.split_levels import split_levels, split_nested_levels


def equations_at_levels(problem: Problem) -> Multilevel:
    """Columns split by which of them vary within groups.

    Raises
    ------
    FormulaError
        When there is no random part, when factors cross, or when a factor of level 1 is coded
        otherwise in one equation than in another.
    """
    design, spec = problem.design, problem.design.specification
    spec.refuse_no_random_part("multilevel()")
    constant = [found.__contains__ for found in design.columns.between_of]
    if len(constant) == 1:
        equations = split_levels(spec, constant[0])
    else:
        by_factor = dict(zip(spec.factors, constant, strict=True))
        chain = problem.nesting.chain
        if not chain:
            raise FormulaError(
                "equations at levels are of nested factors, and these are not: "
                f"{problem.nesting.text}; equations() writes the model in symbols"
            )
        named = [(name, by_factor[name]) for name in chain]
        equations = split_nested_levels(spec, named)
    refuse_uneven_equations(equations, design.columns.coded_factors.__contains__)
    return replace(equations, has_errors=problem.family is None)
