"""Expressions of columns: read from a formula, written in another system's arithmetic, and back."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from keyword import iskeyword

from hierbayes.errors import FormulaError

_BACKTICKS = re.compile(r"`([^`]*)`")
_FUNCTIONS = {"log": "np.log", "log10": "np.log10", "exp": "np.exp", "sqrt": "np.sqrt",
              "abs": "np.abs"}  # fmt: skip
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}

CONTEXTUAL = ("cvar", "dvar")


def parse_factor(factor: str) -> ast.expr:
    """A factor of a formula as a tree; the ids of its names are names of columns.

    Examples
    --------
    >>> ast.unparse(parse_factor("I(x ** 2)"))
    'I(x ** 2)'
    """
    quoted: list[str] = []

    def hide(found: re.Match[str]) -> str:
        quoted.append(found[1])
        return f"__quoted{len(quoted) - 1}__"

    try:
        tree = ast.parse(_BACKTICKS.sub(hide, factor).strip(), mode="eval").body
    except SyntaxError as error:
        raise FormulaError(f"cannot read '{factor}' in the formula: {error.msg}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id.startswith("__quoted"):
            node.id = quoted[int(node.id.strip("_").removeprefix("quoted"))]
    return tree


def factor_text(tree: ast.expr) -> str:
    """The factor that a tree of plain arithmetic makes in a formula.

    Examples
    --------
    >>> factor_text(ast.parse("x**2", mode="eval").body)
    'I(x ** 2)'
    """
    bare = _with_deviations(without_identity(tree))
    text = tree_text(bare)
    return text if isinstance(bare, ast.Name | ast.Call) else f"I({text})"


def tree_text(tree: ast.expr) -> str:
    """A tree as formulas write it: names that are no identifiers in backticks."""
    odd = copy.deepcopy(tree)
    for node in ast.walk(odd):
        if isinstance(node, ast.Name):
            node.id = quoted(node.id)
    return ast.unparse(odd)


def quoted(name: str) -> str:
    """A name of a column as formulas write it.

    Examples
    --------
    >>> quoted("x"), quoted("a b")
    ('x', '`a b`')
    """
    return name if name.isidentifier() and not iskeyword(name) else f"`{name}`"


def put_factors(tree: ast.expr, factor_of: Callable[[str], str]) -> ast.expr:
    """The tree with every name replaced by the factor it stands for."""

    class Replace(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])

        def visit_Name(self, node: ast.Name) -> ast.AST:
            return parse_factor(factor_of(node.id))

    return Replace().visit(tree)


def without_identity(tree: ast.expr) -> ast.expr:
    """The tree with every I(...) opened."""

    class Open(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            return node.args[0] if called(node) == "I" and len(node.args) == 1 else node

    return Open().visit(copy.deepcopy(tree))


def usual_functions(tree: ast.expr) -> ast.expr:
    """The tree with log, log10, exp, sqrt and abs as numpy's, as readers spell them."""
    renamed = copy.deepcopy(tree)
    for node in ast.walk(renamed):
        if isinstance(node, ast.Call) and called(node) in _FUNCTIONS:
            node.func = ast.parse(_FUNCTIONS[called(node)], mode="eval").body
    return renamed


def same_factor(first: str, second: str) -> bool:
    """Whether two factors say the same: ``log`` and ``np.log``, with and without ``I``.

    Examples
    --------
    >>> same_factor("log(x)", "np.log(x)"), same_factor("x", "I(x)"), same_factor("x", "z")
    (True, True, False)
    """
    return _plain(first) == _plain(second)


def called(node: ast.expr) -> str:
    """Name of the function a node calls, without ``np.``; empty when it calls none."""
    if not isinstance(node, ast.Call):
        return ""
    return ast.unparse(node.func).removeprefix("np.")


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
            return parse_factor(column(node.id.removeprefix(_KEYWORD)))
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
            function = ast.parse(_FUNCTIONS[name], mode="eval").body if name else None
            return inner and function and ast.Call(function, [without_identity(inner)], [])
        return None

    return turned(tree)


_KEYWORD = "__keyword_"


def _quote_keywords(text: str) -> str:
    """Python's keywords hidden: they may be names of columns."""
    return re.sub(r"\b[a-zA-Z]+\b", lambda m: _KEYWORD * iskeyword(m[0]) + m[0], text)


def _plain(factor: str) -> str:
    tree = _with_deviations(without_identity(parse_factor(factor)))
    return re.sub(r"\bnp\.", "", ast.unparse(tree))


def _with_deviations(tree: ast.expr) -> ast.expr:
    """The tree with ``x - cvar(x, g)`` as ``dvar(x, g)``, which it is."""

    class Replace(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            mean = node.right
            if not (isinstance(node.op, ast.Sub) and isinstance(mean, ast.Call)):
                return node
            of_left = called(mean) == "cvar" and ast.dump(mean.args[0]) == ast.dump(node.left)
            return ast.Call(ast.Name("dvar"), mean.args, []) if of_left else node

    return Replace().visit(tree)


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
