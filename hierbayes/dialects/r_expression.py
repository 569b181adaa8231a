"""Factors of a term in R: from Python's expressions, and back.

Only what gives the same numbers in both is translated; the rest is refused by name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from difflib import get_close_matches
from keyword import iskeyword

from hierbayes.design.variables import Variables
from hierbayes.dialects.columns import Columns, no_such_column
from hierbayes.dialects.expression import CONTEXTUAL, called, parse_factor
from hierbayes.dialects.r_syntax import Node
from hierbayes.errors import FormulaError

_TO_R = {
    "np.log": "log", "np.log2": "log2", "np.log10": "log10", "np.log1p": "log1p",
    "np.exp": "exp", "np.expm1": "expm1", "np.sqrt": "sqrt", "np.abs": "abs",
    "np.floor": "floor", "np.ceil": "ceiling", "np.sign": "sign", "np.sin": "sin",
    "np.cos": "cos", "np.tan": "tan", "np.tanh": "tanh", "np.sinh": "sinh", "np.cosh": "cosh",
    "I": "I", "C": "factor", "poly": "poly", "scale": "scale", "cvar": "cvar", "dvar": "dvar",
}  # fmt: skip
_SYNONYMS = {"log": "log", "log2": "log2", "log10": "log10", "exp": "exp"}  # formulaic's own
_TO_PYTHON = {theirs: ours for ours, theirs in _TO_R.items()} | {"as.factor": "C"}
_RESERVED = {
    "if", "else", "repeat", "while", "function", "for", "next", "break", "TRUE", "FALSE", "NULL",
    "Inf", "NaN", "NA", "in",
}  # fmt: skip
_SYNTACTIC = re.compile(r"(?:[^\W\d_]|\.(?!\d))[\w.]*")

# Operators with R's binding powers; Python's trees carry their own grouping.
_OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.BitOr: ("|", 60), ast.BitAnd: ("&", 70), ast.Eq: ("==", 90), ast.NotEq: ("!=", 90),
    ast.Lt: ("<", 90), ast.LtE: ("<=", 90), ast.Gt: (">", 90), ast.GtE: (">=", 90),
    ast.Add: ("+", 100), ast.Sub: ("-", 100), ast.Mult: ("*", 110), ast.Div: ("/", 110),
    ast.FloorDiv: ("%/%", 120), ast.Mod: ("%%", 120), ast.Pow: ("^", 150),
}  # fmt: skip
_MARKS = {mark: kind for kind, (mark, _) in _OPERATORS.items()} | {"**": ast.Pow}


def r_name(name: str) -> str:
    """A name as R reads it, in backticks where it must be.

    Examples
    --------
    >>> r_name("ses.m"), r_name("a b"), r_name("in")
    ('ses.m', '`a b`', '`in`')
    """
    plain = _SYNTACTIC.fullmatch(name) is not None and name not in _RESERVED
    return name if plain else f"`{name}`"


def r_string(text: str) -> str:
    """A text as R reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


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
        case ast.BinOp() if type(tree.op) in _OPERATORS:
            text, own = _infix(type(tree.op), tree.left, tree.right, factor, variables)
        case ast.Compare(ops=[op]) if type(op) in _OPERATORS:
            text, own = _infix(type(op), tree.left, tree.comparators[0], factor, variables)
        case ast.Call():
            return _r_call(tree, factor, variables)
        case _:
            raise _not_in_r(factor, ast.unparse(tree))
    return text if own > power else f"({text})"


def _infix(
    op: type[ast.AST], left: ast.expr, right: ast.expr, factor: str, variables: Variables
) -> tuple[str, int]:
    mark, power = _OPERATORS[op]
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
    name = _TO_R.get(function) or _SYNONYMS.get(function)
    sizes = {"poly": (1, 2), "cvar": (2, 2), "dvar": (2, 2)}.get(function, (1, 1))
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


def _not_in_r(factor: str, part: str) -> FormulaError:
    return FormulaError(
        f"R cannot say '{factor}': '{part}' has no translation that is exactly the same; "
        "make a column of it"
    )


# ------------------------------------------------------------------ from R


def python_name(name: str) -> str:
    """A name as a formula here reads it."""
    return name if name.isidentifier() and not iskeyword(name) else f"`{name}`"


def to_python(node: Node, columns: Sequence[str]) -> str:
    """A factor in Python from R.

    Parameters
    ----------
    node : Node
        A name, or a call of a function.
    columns : sequence of str
        Names of the columns; `Columns` where levels of factors are known.

    Raises
    ------
    FormulaError
        Naming the column that does not exist, or what has no translation.
    """
    match node.kind:
        case "name" if node.text in ("TRUE", "FALSE", "T", "F") and node.text not in columns:
            return "True" if node.text.startswith("T") else "False"
        case "name":
            if node.text not in columns:
                raise FormulaError(no_such_column(node.text, columns))
            return python_name(node.text)
        case "number":
            return node.text.removesuffix("L")
        case "string":
            return node.text
        case "paren":
            return f"({to_python(node.parts[0], columns)})"
        case "prefix" if node.text in "+-":
            return f"{node.text}{to_python(node.parts[0], columns)}"
        case "infix" if node.text in _MARKS:
            return _python_infix(node, columns)
        case "call":
            return _python_call(node, columns)
    raise _not_read(node)


def _python_infix(node: Node, columns: Sequence[str]) -> str:
    """Operands in parentheses where Python would group them otherwise."""
    texts = [to_python(part, columns) for part in node.parts]
    for i, part in enumerate(node.parts):
        if part.kind == "infix" and part.text in ("==", "!=", "<", "<=", ">", ">=", "%%", "%/%"):
            texts[i] = f"({texts[i]})"
    mark = {"^": "**", "%%": "%", "%/%": "//"}.get(node.text, node.text)
    return f"{texts[0]} {mark} {texts[1]}"


def _python_call(node: Node, columns: Sequence[str]) -> str:
    function, arguments = node.function, node.arguments
    values = [value for _, value in arguments]
    names = tuple(name for name, _ in arguments)
    if function == "I" and len(values) == 1 and (inner := _deviation(values[0])):
        return _contextual("dvar", inner, columns)
    if function in ("cvar", "ave", "dvar") and len(values) == 2:
        return _contextual("dvar" if function == "dvar" else "cvar", tuple(values), columns)
    if function == "I" and len(values) == 1 and values[0].function == "as.numeric":
        return to_python(values[0], columns)
    if function == "log" and len(values) == 2 and values[1].text in ("2", "10"):
        return f"np.log{values[1].text}({to_python(values[0], columns)})"
    if function == "scale" and names == ("", "scale") and values[1].text in ("FALSE", "F"):
        return f"center({to_python(values[0], columns)})"
    if function == "as.numeric" and len(values) == 1 and values[0].kind == "infix":
        return f"I(({to_python(values[0], columns)}).astype(float))"
    if function == "poly" and len(values) == 2 and names[1] in ("", "degree"):
        return f"poly({to_python(values[0], columns)}, {to_python(values[1], columns)})"
    if function not in _TO_PYTHON or len(values) != 1 or any(names):
        raise _not_read(node)
    return f"{_TO_PYTHON[function]}({to_python(values[0], columns)})"


def _deviation(node: Node) -> tuple[Node, ...]:
    """The arguments of ave in x − ave(x, g); empty where this is something else."""
    if node.kind != "infix" or node.text != "-" or node.parts[1].function not in ("ave", "cvar"):
        return ()
    inner = node.parts[1].parts[1:]
    return inner if len(inner) == 2 and _same(inner[0], node.parts[0]) else ()


def _same(one: Node, other: Node) -> bool:
    same = (one.kind, one.text, len(one.parts)) == (other.kind, other.text, len(other.parts))
    return same and all(map(_same, one.parts, other.parts))


def _contextual(function: str, values: tuple[Node, ...], columns: Sequence[str]) -> str:
    """cvar or dvar; as.numeric(f == "high") inside is the two-level factor f itself."""
    first, group = values
    text = ""
    if first.function == "as.numeric" and len(first.parts) == 2:
        test = first.parts[1]
        if test.kind == "infix" and test.text == "==" and test.parts[1].kind == "string":
            text = to_python(test.parts[0], columns)
            _refuse_other_level(test, columns)
    return f"{function}({text or to_python(first, columns)}, {to_python(group, columns)})"


def _refuse_other_level(test: Node, columns: Sequence[str]) -> None:
    name, level = test.parts[0].text, test.parts[1].text[1:-1]
    levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
    if levels and (len(levels) != 2 or level != levels[1]):
        raise FormulaError(
            f"the mean of '{name}' == '{level}' is not what cvar({name}, ...) is here, the "
            f"share of the second of two levels; '{name}' has: {', '.join(levels)}. Make a "
            "column of numbers of it"
        )


def _not_read(node: Node) -> FormulaError:
    if node.function:
        near = get_close_matches(node.function, _TO_PYTHON, n=1, cutoff=0.8)
        meant = f"did you mean '{near[0]}'?" if near and near[0] != node.function else ""
        what = f"{node.function}(...)"
    else:
        what, meant = f"'{node.text}'", ""
    return FormulaError(
        f"cannot translate {what} from R exactly; {meant or 'make a column of it and name that'}"
    )
