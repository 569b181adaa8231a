"""SAS: known standard deviations of errors in PROC MIXED, written and read.

WEIGHT w, w = 1/se², makes the variance of a row σ²/w, and PARMS holds σ² at 1:

    WEIGHT w;  RANDOM INTERCEPT / SUBJECT=study;  PARMS (1) (1) / HOLD=2;

The parameters are those of G, statement by statement, and the residual variance after them.

Source: the SAS/STAT User's Guide, "The MIXED Procedure", the statements PARMS and WEIGHT; Hox
(2010), *Multilevel Analysis*, chapter 11.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.specification.terms import column_name
from hierbayes.translation.expression import called, factor_tree
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.sas.options import read_options

_OPTIONS = frozenset({"hold", "eqcons", "lowerb", "noiter", "noprint", "ols", "ratios"})


def inverse_variance(known_sd: str, plan: ColumnPlan) -> str:
    """The column 1/se² of a WEIGHT statement."""
    return plan.column(f"I(1 / {column_name(known_sd)}**2)")


def held_parameters(sizes: Sequence[int]) -> str:
    """The PARMS statement of blocks of G of these sizes, the residual variance held at 1."""
    values: list[str] = []
    for size in sizes:
        values += [f"({int(a == b)})" for a in range(size) for b in range(a + 1)]
    return f"  PARMS {' '.join([*values, '(1)'])} / HOLD={len(values) + 1};"


@dataclass(frozen=True, slots=True)
class Parms:
    """A PARMS statement.

    Parameters
    ----------
    statement : Cursor
    first : Word
    values : list of str
    held : str
        Which are held; empty of none.
    """

    statement: Cursor
    first: Word
    values: list[str]
    held: str

    def known_sd(self, weights: str) -> str:
        """The column se whose 1/se² are the weights, where the last value is held at 1.

        Raises
        ------
        FormulaError
            When another parameter is held, or weights are no 1/se².
        """
        place = self.held.strip("()")
        if place != str(len(self.values)) or float(self.values[-1]) != 1.0:
            raise self.statement.refuse(
                "PARMS holds parameters fixed, which models here do not but σ² = 1 beside "
                "weights 1/se², as in PARMS (1) (1) / HOLD=2; leave it out to read the rest",
                self.first,
            )
        found = _of_inverse_square(weights) if weights else ""
        if not found:
            raise self.statement.refuse(
                "σ² is held at 1, and the errors are known where WEIGHT is 1/se² of a column se: "
                "make it in a DATA step, as in w = 1 / se**2",
                self.first,
            )
        return found


def read_parms(statement: Cursor, first: Word) -> Parms:
    """``PARMS (1) (1) / HOLD=2``; values alone only begin the search.

    Raises
    ------
    FormulaError
        When values come from a data set, which is not read.
    """
    body = statement.part(statement.until("/"))
    values = [word.text for word in body.words if word.text not in ("(", ")", ",")]
    given = read_options(statement, _OPTIONS, "PARMS") if statement.take_if("/") else []
    held = [option.value for option in given if option.name in ("hold", "eqcons")]
    if given and not held:
        raise statement.refuse(f"the option '{given[0].word.text}' of PARMS is not read",
                               given[0].word)  # fmt: skip
    try:
        _ = [float(value) for value in values]
    except ValueError:
        raise statement.refuse("PARMS is read with one number in each parenthesis", first) from None
    if held and not values:
        raise statement.refuse("PARMS holds parameters at values that it does not state", first)
    return Parms(statement, first, values, held[0] if held else "")


def _of_inverse_square(factor: str) -> str:
    """se of ``I(1 / se**2)`` or ``I(1 / (se * se))``; empty of anything else."""
    tree = factor_tree(factor)
    if called(tree) == "I" and isinstance(tree, ast.Call):
        tree = tree.args[0]
    match tree:
        case ast.BinOp(ast.Constant(1 | 1.0), ast.Div(), square):
            pass
        case _:
            return ""
    match square:
        case ast.BinOp(ast.Name(name), ast.Pow(), ast.Constant(2 | 2.0)):
            return str(name)
        case ast.BinOp(ast.Name(name), ast.Mult(), ast.Name(other)) if name == other:
            return str(name)
    return ""
