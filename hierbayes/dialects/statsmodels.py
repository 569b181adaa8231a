"""mixedlm of statsmodels: a formula, the groups, and a formula of their effects.

References
----------
https://www.statsmodels.org/stable/mixed_linear.html
"""

from __future__ import annotations

import keyword

from hierbayes.dialects.coding import compact, is_one_column, refuse_other_coding
from hierbayes.dialects.dialect import Dialect
from hierbayes.dialects.expression import spelled_factor
from hierbayes.dialects.python_code import (
    complete_rows,
    definitions,
    orders_of_levels,
    quoted,
    refuse_data_name,
)
from hierbayes.dialects.subject import Subject
from hierbayes.errors import FormulaError
from hierbayes.specification.terms import INTERCEPT, factors_of, join_terms

_FUNCTIONS = frozenset(("I", "C", "center", "cvar", "dvar"))


def emit(subject: Subject) -> str:
    """The model as a call of mixedlm.

    A first block of effects is ``re_formula``; further ones, each one column, are variance
    components.

    Raises
    ------
    FormulaError
        For a second block of correlated effects, and functions that are not known there.
    """
    refuse_data_name(subject, "statsmodels")
    refuse_other_coding(subject.specification, subject.variables, "statsmodels")
    spec, data = subject.specification, subject.data
    orders = orders_of_levels(subject)
    heads = ["import numpy as np"] if "np." in str(spec) else []
    heads += ["import pandas as pd"] if orders else []
    heads += ["import statsmodels.formula.api as smf"]
    fixed = compact(spec.fixed, lambda term: _term(term, subject))
    formula = f"{_term(spec.response, subject)} ~ {fixed}"
    lines = ["\n".join(heads) + definitions(subject), ""]
    lines += [complete_rows(subject), *orders]
    lines += [
        "fit = smf.mixedlm(",
        f"    {quoted(formula)},",
        f"    {data},",
        f"    groups={data}[{quoted(spec.group)}],",
        *_random(subject),
        f").fit(reml={not subject.ml}, method={_methods(subject)})",
        "",
    ]
    return "\n".join(lines)


def _random(subject: Subject) -> list[str]:
    """The arguments that state the random part."""
    blocks = list(subject.specification.random)
    wide = [block for block in blocks if not is_one_column(block, subject.variables)]
    if len(wide) > 1:
        raise FormulaError(
            "statsmodels has one block of correlated effects, and this model has "
            f"{len(wide)}: {', '.join(map(join_terms, wide))}"
        )
    first = wide[0] if wide else (INTERCEPT,) if (INTERCEPT,) in blocks else blocks[0]
    blocks.remove(first)
    lines = [f"    re_formula={quoted(_block(first, subject))},"]
    if blocks:
        lines.append("    vc_formula={")
        lines += [f"        {quoted(_label(b))}: {quoted(_block(b, subject))}," for b in blocks]
        lines.append("    },")
    return lines


def _methods(subject: Subject) -> str:
    """Optimisers, the one that gets there first: its others stop short or at a singular G."""
    alone = len(subject.specification.random) == 1 and is_one_column(
        subject.specification.random[0], subject.variables
    )
    return '["powell", "lbfgs"]' if alone else '["lbfgs", "powell"]'


def _label(block: tuple[str, ...]) -> str:
    return "Intercept" if block == (INTERCEPT,) else block[0]


def _block(block: tuple[str, ...], subject: Subject) -> str:
    terms = [_term(term, subject) for term in block]
    return " + ".join(terms if INTERCEPT in block else ["0", *terms])


def _term(term: str, subject: Subject) -> str:
    if term == INTERCEPT:
        return term
    return ":".join(
        spelled_factor(factor, subject.variables, _FUNCTIONS, _column, "statsmodels")
        for factor in factors_of(term)
    )


def _column(name: str) -> str:
    """A name as patsy reads it, which statsmodels uses by default."""
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"Q('{name}')"


DIALECT = Dialect("statsmodels", "Python: statsmodels mixedlm", emit)
