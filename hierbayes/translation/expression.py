"""Factors of a term as Python expressions: read, checked and rewritten for other systems."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping

from hierbayes.design.variables import Variables
from hierbayes.errors import FormulaError
from hierbayes.specification.terms import column_name, without_braces
from hierbayes.translation.columns import look_like_numbers

_BACKTICKS = re.compile(r"`([^`]*)`")
_MARK = "quoted_name_"
CONTEXTUAL = ("cvar", "dvar")
_OF_NUMPY = ("log", "log10", "log2", "exp", "exp2")  # of formulas here, as Python has them
_TRUTHS = {
    "np.isnan", "np.isfinite", "np.isinf", "np.logical_and", "np.logical_or", "np.logical_not",
    "np.isin", "np.signbit",
}  # fmt: skip


def factor_tree(factor: str) -> ast.expr:
    """A factor as a syntax tree whose names are names of columns, odd ones included.

    Python in braces is a call of ``I``, which says the same.

    Examples
    --------
    >>> ast.unparse(factor_tree("I(x ** 2)")), ast.unparse(factor_tree("{x ** 2}"))
    ('I(x ** 2)', 'I(x ** 2)')
    """
    quoted: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        quoted.append(found[1])
        return f"{_MARK}{len(quoted) - 1}"

    text = _BACKTICKS.sub(put_aside, factor).strip()
    try:
        tree = ast.parse(without_braces(text), mode="eval").body
    except SyntaxError as error:
        raise FormulaError(f"cannot read '{factor}' in the formula: {error.msg}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id.startswith(_MARK):
            node.id = quoted[int(node.id.removeprefix(_MARK))]
    in_braces = text.startswith("{") and not isinstance(tree, ast.Name | ast.Call)
    return ast.Call(ast.Name("I"), [tree], []) if in_braces else tree


def parse_factor(factor: str) -> ast.expr:
    """A factor of a term as a syntax tree: a column or a call.

    Raises
    ------
    FormulaError
        When it is an expression outside of a call, which a formula would read as terms.
    """
    tree = factor_tree(factor)
    if not isinstance(tree, ast.Name | ast.Call):
        raise FormulaError(
            f"the term '{factor}' is no column and no call of a function; write I({factor})"
        )
    return tree


def called(tree: ast.expr) -> str:
    """Dotted name of the function of a call, ``"np.log"``; empty if it is no such call."""
    if not isinstance(tree, ast.Call):
        return ""
    owner = tree.func
    if isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name):
        return f"{owner.value.id}.{owner.attr}"
    return owner.id if isinstance(owner, ast.Name) else ""


def is_truth(tree: ast.expr, booleans: Collection[str]) -> bool:
    """Whether a factor's values are true and false: 0 and 1 here, labels in R and patsy.

    Examples
    --------
    >>> is_truth(parse_factor("I(x > 0)"), ()), is_truth(parse_factor("I(b * x)"), {"b"})
    (True, False)
    """
    match tree:
        case ast.Name(id=name):
            return name in booleans
        case ast.Compare() | ast.BoolOp():
            return True
        case ast.UnaryOp(op=ast.Invert() | ast.Not(), operand=inner):
            return is_truth(inner, booleans)
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() | ast.BitXor(), right=right):
            return is_truth(left, booleans) and is_truth(right, booleans)
        case ast.Call(args=[inner]) if called(tree) == "I":
            return is_truth(inner, booleans)
    return called(tree) in _TRUTHS


def functions_in(factors: tuple[str, ...]) -> frozenset[str]:
    """Names of the functions that these factors call."""
    return frozenset(
        called(node) for factor in factors for node in ast.walk(parse_factor(factor))
        if isinstance(node, ast.Call)
    )  # fmt: skip


def spelled_factor(
    factor: str,
    variables: Variables,
    functions: frozenset[str],
    name: Callable[[str], str],
    system: str,
) -> str:
    """A factor as Python code that a formula of another Python package can hold.

    Parameters
    ----------
    factor : str
    variables : Variables
    functions : frozenset of str
        Functions beside numpy's that mean the same there; ``contr`` for formulaic's contrasts.
        Logarithms and exponentials that are not among them are written as numpy's.
    name : callable
        How a column is written there.
    system : str
        Its name, for refusals.

    Raises
    ------
    FormulaError
        When a function is called that the system does not have, or has with another meaning.
    """
    tree = parse_factor(factor)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if called(node) in _OF_NUMPY and called(node) not in functions:
            node.func = ast.Attribute(ast.Name("np"), called(node))
        function = called(node)
        unknown = [] if function in functions or function[:3] == "np." else [node.func]
        if function == "C" and "contr" not in functions:
            unknown += node.args[1:]
        if unknown:
            raise FormulaError(
                f"{system} cannot say '{factor}': '{ast.unparse(unknown[0])}' is not known there "
                "with the same meaning; make a column of it"
            )
    return _Spelling(variables, name).written(tree)


def plain_contextual(factor: str, levels: Mapping[str, tuple[str, ...]]) -> str:
    """A factor with ``cvar(f == 'high', g)`` as ``cvar(f, g)``, the same for a two-level f.

    Examples
    --------
    >>> plain_contextual("cvar(Sex == 'Male', school)", {"Sex": ("Female", "Male")})
    'cvar(Sex, school)'
    """
    tree = parse_factor(factor)
    if called(tree) not in CONTEXTUAL:
        return factor
    match tree:
        case ast.Call(args=[ast.Compare(ast.Name(name), [ast.Eq()], [ast.Constant(high)]), group]):
            if len(levels.get(name, ())) == 2 and levels[name][1] == high:
                parts = [column_name(name), column_name(ast.unparse(group))]
                return f"{called(tree)}({', '.join(parts)})"
    return factor


class _Spelling(ast.NodeTransformer):
    """Names as they must be written, and two-level factors inside cvar and dvar as numbers."""

    def __init__(self, variables: Variables, name: Callable[[str], str]) -> None:
        self.variables = variables
        self.name = name
        self.texts: list[str] = []

    def written(self, tree: ast.expr) -> str:
        text = ast.unparse(self.visit(tree))
        return re.sub(rf"{_MARK}(\d+)_", lambda found: self.texts[int(found[1])], text)

    def visit_Call(self, node: ast.Call) -> ast.Call:  # a name that ast asks for
        first = node.args[0] if node.args else None
        if called(node) in CONTEXTUAL and isinstance(first, ast.Name):
            column = self.variables.columns.get(first.id)
            if column is not None and column.is_factor:
                if look_like_numbers(column.levels):
                    raise FormulaError(
                        f"the labels of '{first.id}' look like numbers ({', '.join(column.levels)}"
                        f"), and code cannot tell which they are; make a column of numbers of it"
                    )
                high = ast.Constant(column.levels[-1])
                node.args[0] = ast.Compare(self.visit(first), [ast.Eq()], [high])
                node.args[1:] = [self.visit(one) for one in node.args[1:]]
                return node
        node.args = [self.visit(one) for one in node.args]
        node.keywords = [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Truth values between & and |, which are numbers by then."""
        if isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor):
            node.left, node.right = self._truth(node.left), self._truth(node.right)
        return self.generic_visit(node)

    def _truth(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and node.id in self.variables.booleans:
            return ast.Compare(node, [ast.Eq()], [ast.Constant(1)])
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id not in self.variables.columns:
            return node
        self.texts.append(self.name(node.id))
        return ast.Name(f"{_MARK}{len(self.texts) - 1}_")
