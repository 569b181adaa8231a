"""Data frames of a Python program: what expressions make of the rows and columns of the data."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hierbayes.translation.columns import Columns, booleans_among
from hierbayes.translation.prepared_data import PreparedData

_SAME = {
    "copy", "reset_index", "sort_values", "sort_index", "set_index", "infer_objects",
    "convert_dtypes", "to_pandas",
}  # fmt: skip  # the same rows and columns, perhaps in another order
_OF_SOME_ROWS = {
    "nrows", "skiprows", "skipfooter", "usecols", "chunksize", "iterator", "names", "converters",
}  # fmt: skip
_NUMBERS = ("float", "int", "float64", "int64", "float32", "int8", "uint8")


def frame_of(
    node: ast.expr, frames: Mapping[str, PreparedData], columns: Sequence[str]
) -> PreparedData:
    """What an expression makes of the data.

    Parameters
    ----------
    node : ast.expr
        Its place in the text is ``place``, as `programs` of Python set it.
    frames : mapping of str to PreparedData
        What the names of the program hold; any other name holds the data as they are.
    columns : sequence of str
    """
    match node:
        case ast.Name(id=name):
            return frames.get(name, PreparedData())
        case ast.Constant() | ast.Dict():
            return PreparedData()
        case ast.Attribute(value=ast.Call()):
            return frame_of(node.value, frames, columns)
        case ast.Attribute() if _root(node) not in frames:
            return PreparedData()
        case ast.Subscript():
            return _subscripted(node, frame_of(node.value, frames, columns), columns)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="pd"), attr="DataFrame"), args=[of]):
            if not node.keywords:
                return frame_of(of, frames, columns)
        case ast.Call() if _is_source(node, frames):
            return PreparedData()
        case ast.Call(func=ast.Attribute(value=of, attr=method)):
            return _method(node, method, frame_of(of, frames, columns), columns)
    return PreparedData().troubled(_may_choose(node), place_of(node))


def column_made(
    frame: PreparedData, name: str, value: ast.expr, columns: Sequence[str]
) -> PreparedData:
    """The frame after a whole column is given a value.

    A column of truth values may be made a number; labels may be made a categorical of the same
    levels with the same reference, and numbers one in their order.  Anything else changes the
    column.
    """
    if name not in columns:
        return frame
    levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
    match value:
        case ast.Call(func=ast.Attribute(value=of, attr="astype"), args=[kind]) if _is(of, name):
            said = kind.value if isinstance(kind, ast.Constant) else ast.unparse(kind)
            number = str(said).removeprefix("np.") in _NUMBERS
            if number and name in booleans_among(columns):
                return frame.with_numbers(name)
            if number and not levels:
                return frame
            if said in ("str", "category", "object", "string") and levels == tuple(sorted(levels)):
                return frame if levels else frame.with_changed(name, place_of(value))
        case (
            ast.BinOp(left=ast.Constant(value=1), op=ast.Mult(), right=of)
            | ast.BinOp(left=of, op=ast.Mult(), right=ast.Constant(value=1))
        ) if _is(of, name) and not levels:
            return frame.with_numbers(name)
        case ast.BinOp(
            left=ast.Constant(value=1),
            op=ast.Mult(),
            right=ast.Compare(left=of, ops=[ast.Eq()], comparators=[ast.Constant(value=level)]),
        ) if _is(of, name) and len(levels) == 2 and level == levels[1]:
            return frame.with_success(name, place_of(value))
        case ast.Call(func=ast.Attribute(attr="Categorical"), args=[of, stated]) if levels:
            if _is(of, name) or _is_text_of(of, name):
                return _categorical(frame, name, value, _texts(stated), levels)
        case ast.Call(func=ast.Attribute(attr="Categorical"), args=[of]) if not levels:
            if _is(of, name):
                return frame.with_categories(name, place_of(value))
    return frame.with_changed(name, place_of(value))


def _categorical(
    frame: PreparedData,
    name: str,
    value: ast.expr,
    stated: tuple[str, ...] | None,
    levels: tuple[str, ...],
) -> PreparedData:
    """``pd.Categorical(d["x"], [...])``, which must keep every level and the reference."""
    kept = stated is not None and set(levels) <= set(stated)
    if stated is not None and kept and next(s for s in stated if s in levels) == levels[0]:
        return frame
    return frame.with_changed(name, place_of(value))


def place_of(node: ast.AST) -> int:
    """Where a node stands in the text of its program."""
    return int(getattr(node, "place", 0))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_source(node: ast.Call, frames: Mapping[str, PreparedData]) -> bool:
    """Whether a call makes the data from something that is no data frame of the program."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if owner is not None and not (isinstance(owner, ast.Name | ast.Attribute)):
        return False
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    reads = method.startswith(("read_", "load")) or method == "get_rdataset"
    if owner is not None and not reads:
        return False
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    inner = (one for value in values for one in ast.walk(value))
    named = {one.id for one in inner if isinstance(one, ast.Name)}
    known = {name for name in named if name in frames and frames[name].trouble == ""}
    some = {keyword.arg for keyword in node.keywords} & _OF_SOME_ROWS
    return not some and not (known if reads else named)


def _method(
    node: ast.Call, method: str, frame: PreparedData, columns: Sequence[str]
) -> PreparedData:
    """A method of a data frame."""
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg != "inplace"}
    if method in _SAME:
        return frame
    if method == "dropna" and not node.args and set(keywords) <= {"subset"}:
        names = _texts(keywords["subset"]) if keywords else ()
        if names is not None and set(names) <= set(columns):
            return frame.without_missing(names)
    if method == "assign" and not node.args:
        given = _assigned(node)
        for name, value in given.items():
            frame = column_made(frame, name, value, columns)
        if given:
            return frame
    return frame.troubled(_may_choose(node), place_of(node))


def _assigned(node: ast.Call) -> dict[str, ast.expr]:
    """The columns of ``d.assign(x=...)`` and ``d.assign(**{"x": ...})``; none where unclear."""
    found: dict[str, ast.expr] = {}
    for keyword in node.keywords:
        match keyword:
            case ast.keyword(arg=str(name), value=value):
                found[name] = value
            case ast.keyword(value=ast.Dict(keys=keys, values=values)):
                names = [key.value for key in keys if isinstance(key, ast.Constant)]
                if len(names) < len(keys):
                    return {}
                found |= dict(zip(map(str, names), values, strict=True))
            case _:
                return {}
    return found


def _subscripted(node: ast.Subscript, frame: PreparedData, columns: Sequence[str]) -> PreparedData:
    """``d[["x", "y"]]``, or ``d[d["x"].notna()]``."""
    names = _texts(node.slice) if isinstance(node.slice, ast.List) else None
    if names is not None:
        return replace(frame, chosen=names)
    match node.slice:
        case ast.Call(func=ast.Attribute(value=of, attr="notna" | "notnull"), args=[]):
            name = _column(of)
            if name in columns:
                return frame.without_missing([name])
    return frame.troubled(_may_choose(node), place_of(node))


def _texts(node: ast.expr) -> tuple[str, ...] | None:
    parts = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    found = [part.value for part in parts if isinstance(part, ast.Constant)]
    return tuple(map(str, found)) if len(found) == len(parts) else None


def _column(node: ast.expr) -> str:
    """The column that ``d["x"]`` or ``d.x`` is; empty where it is none."""
    match node:
        case ast.Subscript(value=ast.Name(), slice=ast.Constant(value=str(name))):
            return name
        case ast.Attribute(value=ast.Name(), attr=name):
            return name
    return ""


def _is(node: ast.expr, name: str) -> bool:
    return _column(node) == name


def _is_text_of(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=of, attr="astype"), args=[ast.Name(id="str")]):
            return _is(of, name)
    return False


def _may_choose(node: ast.expr) -> str:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)):
            what = f".{name}(...)"
        case ast.Call(func=ast.Name(id=name)):
            what = f"{name}(...)"
        case ast.Subscript():
            what = "[...]"
        case _:
            what = f"'{ast.unparse(node)}'"
    return (
        f"{what} makes other data, with rows chosen or columns changed, which is not read; do it "
        "in the data, and leave it out of the code"
    )
