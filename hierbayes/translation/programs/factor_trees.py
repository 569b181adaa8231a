"""Factors of formulas as trees, and the ways in which two of them say the same."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable

from hierbayes.specification.terms import column_name
from hierbayes.translation.expression import factor_tree

# Functions that formulas know with and without "np."; readers write them with it.
NUMPY = {"log": "np.log", "log10": "np.log10", "exp": "np.exp", "sqrt": "np.sqrt",
              "abs": "np.abs"}  # fmt: skip

CONTEXTUAL = ("cvar", "dvar")


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
            node.id = column_name(node.id)
    return ast.unparse(odd)


def put_factors(tree: ast.expr, factor_of: Callable[[str], str]) -> ast.expr:
    """The tree with every name replaced by the factor it stands for."""

    class Replace(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])

        def visit_Name(self, node: ast.Name) -> ast.AST:
            return factor_tree(factor_of(node.id))

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
        if isinstance(node, ast.Call) and called(node) in NUMPY:
            node.func = ast.parse(NUMPY[called(node)], mode="eval").body
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


def _plain(factor: str) -> str:
    tree = _with_deviations(without_identity(factor_tree(factor)))
    return re.sub(r"\bnp\.", "", ast.unparse(tree))


def _with_deviations(tree: ast.expr) -> ast.expr:
    """The tree with ``x - cvar(x, g)`` as ``dvar(x, g)``, which it is."""

    class Replace(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            mean = node.right
            if not (isinstance(node.op, ast.Sub) and isinstance(mean, ast.Call) and mean.args):
                return node
            of_left = called(mean) == "cvar" and ast.dump(mean.args[0]) == ast.dump(node.left)
            return ast.Call(ast.Name("dvar"), mean.args, []) if of_left else node

    return Replace().visit(tree)
