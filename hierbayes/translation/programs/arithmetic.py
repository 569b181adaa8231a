"""Expressions of columns in the arithmetic of another system, written and read."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from keyword import iskeyword

from hierbayes.errors import FormulaError
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.programs.factor_trees import (
    NUMPY,
    called,
    without_identity,
)

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a system writes arithmetic.

    Parameters
    ----------
    system : str
        Its name, for refusals.
    functions : mapping of str to str
        Its names of log, log10, exp, sqrt and abs, as far as it has them.
    power : str
        Its sign for powers.
    column : callable
        How a column is written.
    """

    system: str
    functions: Mapping[str, str]
    power: str
    column: Callable[[str], str]

    def write(self, tree: ast.expr, factor: str) -> str:
        """The tree in the system's words.

        Raises
        ------
        FormulaError
            When the factor has a function or an operator that the system lacks.
        """
        text = self._written(without_identity(tree), factor)
        return text[1:-1] if text.startswith("(") and _closes_at_end(text) else text

    def _written(self, node: ast.expr, factor: str) -> str:
        if isinstance(node, ast.Name):
            return self.column(node.id)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return str(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return f"(-{self._written(node.operand, factor)})"
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            sign = _OPERATORS[type(node.op)].replace("**", self.power)
            left, right = self._written(node.left, factor), self._written(node.right, factor)
            return f"({left} {sign} {right})"
        name = called(node)
        if isinstance(node, ast.Call) and name in self.functions and _has_one_argument(node):
            return f"{self.functions[name]}({self.write(node.args[0], factor)})"
        what = f"the function '{name}'" if name else f"'{ast.unparse(node)}'"
        raise FormulaError(
            f"{self.system} cannot say '{factor}': {what} has no counterpart there; make a column "
            "of the data from it first"
        )


def read_arithmetic(
    text: str, functions: Mapping[str, str], column: Callable[[str], str]
) -> ast.expr | None:
    """The tree of another system's expression, or None when it is no plain arithmetic.

    Parameters
    ----------
    text : str
        With ``**`` for powers.
    functions : mapping of str to str
        From the system's names of functions, in lower case, to log, log10, exp, sqrt, abs.
    column : callable
        From a name in the expression to the factor it stands for.
    """
    try:
        tree = ast.parse(_quote_keywords(text), mode="eval").body
    except SyntaxError:
        return None

    def turned(node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.Name):
            return factor_tree(column(node.id.removeprefix(_KEYWORD)))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner = turned(node.operand)
            return inner and ast.UnaryOp(node.op, inner)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = turned(node.left), turned(node.right)
            return left and right and ast.BinOp(left, node.op, right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            name = functions.get(node.func.id.lower())
            inner = turned(node.args[0]) if name else None
            function = ast.parse(NUMPY[name], mode="eval").body if name else None
            return inner and function and ast.Call(function, [without_identity(inner)], [])
        return None

    return turned(tree)


_KEYWORD = "__keyword_"


def _quote_keywords(text: str) -> str:
    """Python's keywords hidden: they may be names of columns."""
    return re.sub(r"\b[a-zA-Z]+\b", lambda m: _KEYWORD * iskeyword(m[0]) + m[0], text)


def _has_one_argument(call: ast.Call) -> bool:
    return len(call.args) == 1 and not call.keywords


def _closes_at_end(text: str) -> bool:
    """Whether the parenthesis that opens a text closes at its end."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return i == len(text) - 1
    return False
