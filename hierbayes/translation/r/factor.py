"""Factors of a term in Python, from R's expressions.

Only what gives the same numbers in both is translated; the rest is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from hierbayes.errors import FormulaError
from hierbayes.specification.terms import column_name
from hierbayes.translation.columns import Columns, booleans_among, no_such_column
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.words import MARKS, TO_PYTHON

_TRUTHS = ("==", "!=", "<", "<=", ">", ">=", "&", "|")


def term_factor(node: Node, columns: Sequence[str]) -> str:
    """A factor that is a term or a part of a product.

    R codes truth values there by columns of their own, as labels are.

    Raises
    ------
    FormulaError
        As `to_python`.
    """
    inner = node
    while inner.kind == "paren" or (inner.function == "I" and len(inner.parts) == 2):
        inner = inner.parts[-1]
    truth = inner.kind == "name" and inner.text in booleans_among(columns)
    truth |= inner.kind == "infix" and inner.text in _TRUTHS
    return f"C({to_python(inner, columns)})" if truth else to_python(node, columns)


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
        case "name" if node.text == "pi" and "pi" not in columns:
            return "np.pi"
        case "name" if node.text == "." and "." not in columns:
            raise FormulaError("'.' means every other column; name the columns")
        case "name":
            if node.text not in columns:
                raise FormulaError(no_such_column(node.text, columns))
            return column_name(node.text)
        case "number":
            return node.text.removesuffix("L")
        case "string":
            return node.text
        case "paren":
            return f"({to_python(node.parts[0], columns)})"
        case "prefix" if node.text in "+-":
            return f"{node.text}{to_python(node.parts[0], columns)}"
        case "infix" if node.text in MARKS:
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
    if function == "as.numeric" and len(values) == 1 and values[0].kind == "name":
        return _number(values[0], node, columns)
    if function == "log" and len(values) == 2 and values[1].text in ("2", "10"):
        return f"np.log{values[1].text}({to_python(values[0], columns)})"
    if function == "scale" and names == ("", "scale") and values[1].text in ("FALSE", "F"):
        return f"center({to_python(values[0], columns)})"
    if function == "as.numeric" and len(values) == 1 and values[0].kind == "infix":
        return f"I({to_python(values[0], columns)})"
    if function == "poly" and len(values) == 2 and names[1] in ("", "degree"):
        return f"poly({to_python(values[0], columns)}, {to_python(values[1], columns)})"
    wanted = 2 if function in ("pmax", "pmin") else 1
    if function not in TO_PYTHON or len(values) != wanted or any(names):
        raise _not_read(node)
    texts = [to_python(value, columns) for value in values]
    return f"{TO_PYTHON[function]}({', '.join(texts)})"


def _number(of: Node, node: Node, columns: Sequence[str]) -> str:
    """A column as numbers, which it must be already."""
    if isinstance(columns, Columns) and of.text in columns.levels:
        raise _not_read(node)
    return to_python(of, columns)


def _deviation(node: Node) -> tuple[Node, ...]:
    """The arguments of ave in x − ave(x, g); empty where this is something else."""
    if node.kind != "infix" or node.text != "-" or node.parts[1].function not in ("ave", "cvar"):
        return ()
    inner = node.parts[1].parts[1:]
    return inner if len(inner) == 2 and same_code(inner[0], node.parts[0]) else ()


def same_code(one: Node, other: Node) -> bool:
    """Whether two pieces of code are the same, wherever they stand."""
    same = (one.kind, one.text, len(one.parts)) == (other.kind, other.text, len(other.parts))
    return same and all(map(same_code, one.parts, other.parts))


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
    name, level = test.parts[0].text, _unescaped(test.parts[1].text)
    levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
    if levels and (len(levels) != 2 or level != levels[1]):
        raise FormulaError(
            f"the mean of '{name}' == '{level}' is not what cvar({name}, ...) is here, the "
            f"share of the second of two levels; '{name}' has: {', '.join(levels)}. Make a "
            "column of numbers of it"
        )


def _unescaped(literal: str) -> str:
    """What a string of R says."""
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def _not_read(node: Node) -> FormulaError:
    if node.function:
        near = get_close_matches(node.function, TO_PYTHON, n=1, cutoff=0.8)
        meant = f"did you mean '{near[0]}'?" if near and near[0] != node.function else ""
        what = f"{node.function}(...)"
    else:
        what, meant = f"'{node.text}'", ""
    return FormulaError(
        f"cannot translate {what} from R exactly; {meant or 'make a column of it and name that'}"
    )
