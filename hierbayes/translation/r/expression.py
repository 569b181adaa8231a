"""Factors of a term in R, from Python's expressions.

Only what gives the same numbers in both is translated; the rest is refused by name.
"""

from __future__ import annotations

import ast

from hierbayes.design.variables import Variables
from hierbayes.errors import FormulaError
from hierbayes.translation.expression import CONTEXTUAL, called, is_truth, parse_factor
from hierbayes.translation.r.words import OPERATORS, SYNONYMS, TO_R, r_name, r_string

_OF_TWO = ("cvar", "dvar", "np.maximum", "np.minimum")


def to_r(factor: str, variables: Variables) -> str:
    """A factor in R.

    Raises
    ------
    FormulaError
        Naming what R does not have with the same meaning.
    """
    tree = parse_factor(factor)
    text = _r(tree, factor, variables)
    return text if isinstance(tree, ast.Name | ast.Call) else f"I({text})"


def _r(tree: ast.expr, factor: str, variables: Variables, power: int = 0) -> str:
    """R code of a tree, in parentheses if its operator binds no closer than ``power``."""
    match tree:
        case ast.Name():
            return r_name(tree.id)
        case ast.Constant(value=bool()):
            return str(tree.value).upper()
        case ast.Constant(value=int() | float()):
            return repr(tree.value)
        case ast.Constant(value=str(text)):
            return r_string(text)
        case ast.UnaryOp(op=ast.USub()):
            text, own = f"-{_r(tree.operand, factor, variables, 139)}", 140
        case ast.BinOp() if type(tree.op) in OPERATORS:
            text, own = _infix(type(tree.op), tree.left, tree.right, factor, variables)
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            text, own = _infix(type(op), tree.left, tree.comparators[0], factor, variables)
        case ast.Call():
            return _r_call(tree, factor, variables)
        case ast.Attribute(ast.Name("np"), "pi"):
            return "pi"
        case _:
            raise _not_in_r(factor, ast.unparse(tree))
    return text if own > power else f"({text})"


def _infix(
    op: type[ast.AST], left: ast.expr, right: ast.expr, factor: str, variables: Variables
) -> tuple[str, int]:
    mark, power = OPERATORS[op]
    on_right = op is ast.Pow  # the one that groups to the right
    first = _r(left, factor, variables, power if on_right else power - 1)
    second = _r(right, factor, variables, power - 1 if on_right else power)
    space = "" if mark == "^" else " "
    return f"{first}{space}{mark}{space}{second}", power


def _r_call(tree: ast.Call, factor: str, variables: Variables) -> str:
    function = called(tree)
    if isinstance(tree.func, ast.Attribute) and ast.unparse(tree).endswith(".astype(float)"):
        return f"as.numeric({_r(tree.func.value, factor, variables)})"
    if function == "center" and len(tree.args) == 1 and not tree.keywords:
        return f"scale({_r(tree.args[0], factor, variables)}, scale = FALSE)"
    if function == "I" and is_truth(tree, variables.booleans):
        return f"as.numeric({_r(_inside(tree), factor, variables)})"
    name = TO_R.get(function) or SYNONYMS.get(function)
    sizes = {"poly": (1, 2), **dict.fromkeys(_OF_TWO, (2, 2))}.get(function, (1, 1))
    named = [keyword.arg for keyword in tree.keywords]
    wrong = not sizes[0] <= len(tree.args) + len(named) <= sizes[1] or (
        named and (function, named) != ("poly", ["degree"])
    )
    if name is None or wrong:
        raise _not_in_r(factor, ast.unparse(tree))
    values = [*tree.args, *(keyword.value for keyword in tree.keywords)]
    texts = [_r(value, factor, variables) for value in values]
    if function in CONTEXTUAL and isinstance(values[0], ast.Name):
        column = variables.columns.get(values[0].id)
        if column is not None and column.is_factor:
            texts[0] = f"as.numeric({texts[0]} == {r_string(column.levels[-1])})"
    return f"{name}({', '.join(texts)})"


def _inside(tree: ast.expr) -> ast.expr:
    """What stands in I(...)."""
    while isinstance(tree, ast.Call) and called(tree) == "I":
        tree = tree.args[0]
    return tree


def _not_in_r(factor: str, part: str) -> FormulaError:
    return FormulaError(
        f"R cannot say '{factor}': '{part}' has no translation that is exactly the same; "
        "make a column of it"
    )
