"""Data frames of an R program: what each expression makes of the rows and columns of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hierbayes.translation.columns import Columns, booleans_among
from hierbayes.translation.prepared_data import PreparedData
from hierbayes.translation.r.syntax import Node

_SAME = {
    "as.data.frame", "data.frame", "as_tibble", "tibble", "as.data.table", "data.table", "copy",
    "droplevels", "arrange", "group_by", "ungroup", "as_data_frame", "groupedData",
}  # fmt: skip  # the same rows and columns, perhaps in another order
_SOURCES = {
    "read.csv", "read.csv2", "read.table", "read.delim", "read_csv", "read_csv2", "read_tsv",
    "read_delim", "read_table", "readRDS", "read_rds", "read.dta", "read_dta", "read_sas",
    "read.sas7bdat", "read_sav", "read.spss", "read.xport", "read_excel", "read_xlsx", "fread",
    "read_parquet", "read_feather", "get",
}  # fmt: skip  # the data themselves
_OF_SOME_ROWS = {"nrows", "n_max", "nrow", "skip", "range", "select", "drop"}
_CHANGING = ("mutate", "transform")


def frame_of(
    node: Node, frames: Mapping[str, PreparedData], columns: Sequence[str]
) -> PreparedData:
    """What an expression makes of the data.

    Parameters
    ----------
    node : Node
        Without pipes.
    frames : mapping of str to PreparedData
        What the names of the program hold; any other name holds the data as they are.
    columns : sequence of str
    """
    values = node.parts[1:] if node.kind in ("call", "index") else ()
    match node.kind:
        case "name":
            return frames.get(node.text, PreparedData())
        case "paren":
            return frame_of(node.parts[0], frames, columns)
        case "infix" if node.text in ("::", ":::"):
            return PreparedData()
        case "infix" if node.text in ("$", "@") and node.parts[0].kind == "name":
            inside = frames.get(node.parts[0].text, PreparedData())
            return inside.troubled(_may_choose(node), node.place) if inside.changed else inside
        case "index":
            return _indexed(node, frame_of(node.parts[0], frames, columns), columns)
        case "call" if node.function in _SOURCES and not _OF_SOME_ROWS & set(node.names):
            return PreparedData()
        case "call" if values and not node.names[0] and node.function not in _SOURCES:
            return _called(node, frame_of(values[0], frames, columns), columns)
    return PreparedData().troubled(_may_choose(node), node.place)


_FACTORS = ("factor", "as.factor", "ordered")


def column_made(
    frame: PreparedData, name: str, value: Node, columns: Sequence[str]
) -> PreparedData:
    """The frame after a whole column is given a value.

    A column of truth values may be made a number; labels may be made a factor of the same
    levels with the same reference.  Anything else changes the column.
    """
    if name not in columns:
        return frame
    levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
    if _is_number_of(value, name) and name in booleans_among(columns):
        return frame.with_numbers(name)
    of = value.parts[1] if value.kind == "call" and len(value.parts) > 1 else None
    if of is not None and _is_column(of, name):
        numeric = value.function in ("as.numeric", "as.integer", "as.double")
        if numeric and name in booleans_among(columns) and len(value.parts) == 2:
            return frame.with_numbers(name)
        if numeric and not levels and len(value.parts) == 2:
            return frame
        if value.function == "droplevels" and len(value.parts) == 2:
            return frame
        if value.function in _FACTORS and _same_levels(value, name, columns):
            return frame.with_ordered(name, value.place) if _is_ordered(value) else frame
        if value.function == "relevel" and levels:
            given = dict(value.arguments).get("ref", value.parts[-1])
            if given.kind == "string" and given.text[1:-1] == levels[0]:
                return frame
        if value.function == "as.character" and list(levels) == sorted(levels):
            return frame
    return frame.with_changed(name, value.place)


def _is_number_of(value: Node, name: str) -> bool:
    """``1 * x`` or ``x + 0``."""
    if value.kind != "infix" or value.text not in "*+":
        return False
    unit = {"*": "1", "+": "0"}[value.text]
    left, right = value.parts
    return (left.text == unit and _is_column(right, name)) or (
        right.text == unit and _is_column(left, name)
    )


def _same_levels(value: Node, name: str, columns: Sequence[str]) -> bool:
    """Whether ``factor(x, levels = c(...))`` keeps every row, and the reference."""
    given = dict(zip(value.names[1:], value.parts[2:], strict=True))
    given.pop("ordered", None)
    if not given:
        return True
    if len(given) > 1 or set(given) - {"levels", ""}:
        return False
    data = columns.data if isinstance(columns, Columns) else None
    stated = strings_of(next(iter(given.values())))
    if data is None or stated is None:
        return stated is not None
    levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
    wanted = levels or sorted(set(map(str, data[name].dropna().unique())))
    plain = [level.removesuffix(".0") for level in wanted]
    if _is_ordered(value):
        return [level for level in stated if level in plain] == plain
    return set(plain) <= set(stated) and (not levels or _first(stated, plain) == plain[0])


def _is_ordered(value: Node) -> bool:
    """Whether a call makes an ordered factor."""
    given = dict(zip(value.names[1:], value.parts[2:], strict=True)).get("ordered")
    return value.function == "ordered" or (given is not None and given.text in ("TRUE", "T"))


def _first(stated: Sequence[str], among: Sequence[str]) -> str:
    return next(level for level in stated if level in among)


def strings_of(node: Node) -> tuple[str, ...] | None:
    """The texts or numbers in ``c(...)``, or the only one; None where there is something else."""
    while node.kind == "paren":
        node = node.parts[0]
    parts = node.parts[1:] if node.function == "c" else (node,)
    if not all(part.kind in ("string", "number") for part in parts):
        return None
    quoted = (part.text[1:-1] if part.kind == "string" else part.text for part in parts)
    return tuple(text.replace('\\"', '"').replace("\\\\", "\\") for text in quoted)


def _is_column(node: Node, name: str) -> bool:
    """``x``, ``d$x`` or ``d[["x"]]``."""
    if node.kind == "infix" and node.text == "$":
        return node.parts[1].text.strip("\"'") == name
    if node.kind == "index" and len(node.parts) == 2:
        return strings_of(node.parts[1]) == (name,)
    return node.kind == "name" and node.text == name


def _called(node: Node, frame: PreparedData, columns: Sequence[str]) -> PreparedData:
    """A function of a data frame."""
    function, rest = node.function, node.parts[2:]
    given = tuple(zip(node.names[1:], rest, strict=True))
    if function in _SAME:
        named = function in ("data.frame", "tibble") and bool(rest)
        return frame.troubled(_may_choose(node), node.place) if named else frame
    if function == "na.omit" and not rest:
        return frame.without_missing()
    if function == "drop_na" and all(part.kind == "name" for part in rest):
        return _without_missing(node, [part.text for part in rest], frame, columns)
    if function in ("filter", "subset"):
        return _filtered(node, given, frame, columns)
    if function == "select" and all(not name and part.kind == "name" for name, part in given):
        return replace(frame, chosen=tuple(part.text for part in rest))
    if function in _CHANGING and all(name for name, _ in given):
        for name, value in given:
            frame = column_made(frame, name, value, columns)
        return frame
    return frame.troubled(_may_choose(node), node.place)


def _without_missing(
    node: Node, names: Sequence[str], frame: PreparedData, columns: Sequence[str]
) -> PreparedData:
    """The rows where none of these is missing; a trouble where one is no column."""
    if set(names) <= set(columns):
        return frame.without_missing(names)
    return frame.troubled(_may_choose(node), node.place)


def _filtered(
    node: Node,
    given: Sequence[tuple[str, Node]],
    frame: PreparedData,
    columns: Sequence[str],
) -> PreparedData:
    """Rows that are not missing, or others, which is a trouble."""
    names: list[str] = []
    for name, condition in given:
        found = _not_missing(condition)
        if name not in ("", "subset") or found is None:
            return frame.troubled(_may_choose(node), node.place)
        names += found
    return _without_missing(node, names, frame, columns) if names else frame


def _not_missing(node: Node) -> list[str] | None:
    """The columns of ``!is.na(x) & !is.na(y)``; None of another condition."""
    if node.kind == "infix" and node.text in ("&", "&&"):
        left, right = map(_not_missing, node.parts)
        return None if left is None or right is None else left + right
    if node.kind == "prefix" and node.text == "!" and node.parts[0].function == "is.na":
        return _column_names(node.parts[0].parts[1:])
    if node.function == "complete.cases":
        return _column_names(node.parts[1:])
    return None


def _column_names(nodes: Sequence[Node]) -> list[str] | None:
    names = []
    for node in nodes:
        if node.kind == "infix" and node.text == "$":
            names.append(node.parts[1].text)
        elif node.kind == "name":
            names.append(node.text)
        else:
            return None
    return names or None


def _indexed(node: Node, frame: PreparedData, columns: Sequence[str]) -> PreparedData:
    """``d[c("x", "y")]``, ``d[, c("x", "y")]``, ``d[complete.cases(d), ]``, ``d[order(x), ]``."""
    inside = node.parts[1:]
    rows, chosen = (inside[0], inside[1]) if len(inside) == 2 else (None, inside[0])
    if len(inside) > 2:
        return frame.troubled(_may_choose(node), node.place)
    if rows is not None and rows.kind != "empty" and rows.function != "order":
        frame = _indexed_rows(node, rows, frame, columns)
    if chosen.kind == "empty":
        return frame
    names = strings_of(chosen)
    if names is None or any(name.isdigit() for name in names):
        return frame.troubled(_may_choose(node), node.place)
    return replace(frame, chosen=names)


def _indexed_rows(
    node: Node, rows: Node, frame: PreparedData, columns: Sequence[str]
) -> PreparedData:
    """The rows of ``d[complete.cases(d[c("x")]), ]`` or ``d[!is.na(d$x), ]``."""
    of = rows.parts[1] if rows.function == "complete.cases" and len(rows.parts) == 2 else None
    if of is not None and of.kind == "name":
        return frame.without_missing()
    if of is not None and of.kind == "index" and (names := strings_of(of.parts[-1])):
        return _without_missing(node, names, frame, columns)
    found = _not_missing(rows)
    if not found:
        return frame.troubled(_may_choose(node), node.place)
    return _without_missing(node, found, frame, columns)


def _may_choose(node: Node) -> str:
    what = f"{node.function}(...)" if node.function else {"index": "[...]"}.get(node.kind, "this")
    return (
        f"{what} makes other data, with rows chosen or columns changed, which is not read; do it "
        "in the data, and leave it out of the code"
    )
