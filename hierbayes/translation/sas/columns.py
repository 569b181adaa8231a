"""SAS: the steps before PROC MIXED that make columns, read."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.specification.terms import column_name
from hierbayes.translation.programs.code_words import NAME, STRING, Cursor, Word
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.tables import Tables, read_data_set

_FUNCTIONS = {"log": "log", "log10": "log10", "exp": "exp", "sqrt": "sqrt", "abs": "abs"}
_UNREAD = "Make the column in the data instead"


def read_sql_statement(statement: Cursor, tables: Tables) -> None:
    """CREATE TABLE ... AS SELECT ... GROUP BY: group means and deviations from them.

    The means stand beside the rows they are means of, as PROC SQL merges them back where
    the SELECT has columns that are neither grouped by nor summarised.
    """
    first = statement.take("a statement")
    if not first.says("create"):
        raise statement.refuse(
            f"the statement {first.text.upper()} of PROC SQL is not read; only CREATE TABLE is",
            first,
        )
    statement.expect("table")
    target = read_data_set(statement)
    statement.expect("as")
    statement.expect("select")
    items = _items(statement)
    statement.expect("from")
    columns = tables.columns(read_data_set(statement)).copy()
    if statement.take_if("where"):
        _complete_rows(statement, columns)
    group = None
    if statement.take_if("group"):
        statement.expect("by")
        group = columns.column(statement.take_name("a column"), statement)
    if not statement.done:
        word = statement.take("the end")
        raise statement.refuse(f"'{word.text}' is not read here. {_UNREAD}", word)
    made = [_read_item(statement.part(item), group, columns) for item in items]
    if group is not None and all(made):
        raise statement.refuse(
            "the SELECT has one row a group, and the model one for each row of the data; select * "
            "as well",
            first,
        )
    tables.put(target, columns)


def _items(statement: Cursor) -> list[list[Word]]:
    items = [statement.until(",", "from")]
    while statement.take_if(","):
        items.append(statement.until(",", "from"))
    if not all(items):
        raise statement.refuse("a column is missing between the commas of SELECT")
    return items


def _complete_rows(statement: Cursor, columns: KnownColumns) -> None:
    """WHERE CMISS(...) = 0: the complete rows, which the package takes by itself."""
    word = statement.peek()
    condition = statement.until("group")
    texts = [w.text.lower() for w in condition]
    ends = texts[:2] in (["cmiss", "("], ["nmiss", "("]) and texts[-3:] == [")", "=", "0"]
    names, commas = condition[2:-3:2], texts[3:-3:2]
    if ends and len(names) == len(commas) + 1 and set(commas) <= {","}:
        columns.without_missing([columns.column(name, statement) for name in names])
    else:
        raise statement.refuse(
            "a WHERE clause that chooses rows is not read, other than CMISS(...) = 0; choose the "
            "rows of the data first",
            word,
        )


def _read_item(item: Cursor, group: str | None, columns: KnownColumns) -> bool:
    """One column of a SELECT: ``*``, a column, MEAN(x) AS name, or x - MEAN(x) AS name.

    Returns whether it is alike in all rows of a group.
    """
    value = item.until("as")
    if not value:
        raise item.refuse("there is nothing before AS")
    if item.take_if("as"):
        name = item.take_name("the name of the new column")
    elif len(value) == 1:
        return value[0].kind == NAME and columns.column(value[0], item) == group
    else:
        raise item.refuse(f"the new column has no name; write AS and a name. {_UNREAD}", value[0])
    label = None
    if item.take_if("label"):
        item.expect("=")
        label = item.take("a label").text
    texts = ["x" if w.kind == NAME and not w.says("mean", "avg") else w.text.lower() for w in value]
    shape = " ".join(texts).replace("avg", "mean")
    if shape == "mean ( x )":
        kind, of = "cvar", value[2]
    elif shape == "x - mean ( x )" and value[0].text.lower() == value[4].text.lower():
        kind, of = "dvar", value[0]
    else:
        raise item.refuse(
            f"'{name.text}' is neither MEAN(x) nor x - MEAN(x). {_UNREAD}",
            value[0] if value else name,
        )
    if group is None:
        raise item.refuse(
            f"'{name.text}' is a mean over all rows; a mean of groups needs GROUP BY", name
        )
    factor = columns.factor(of, item)
    columns.define(name.text, f"{kind}({factor}, {column_name(group)})")
    if label:
        columns.label(name.text, label)
    return kind == "cvar"


def read_data_statement(statement: Cursor, targets: Sequence[str], tables: Tables) -> None:
    """A statement of a DATA step: SET, LABEL, or an assignment."""
    first = statement.take("a statement")
    if first.says("set"):
        source = tables.columns(read_data_set(statement))
        if not statement.done:
            raise statement.refuse(f"SET is read with one data set alone. {_UNREAD}")
        for target in targets:
            tables.put(target, source.copy())
        return
    for target in targets:
        _read_data_statement(statement.part(statement.words), tables.columns(target))


def _read_data_statement(statement: Cursor, columns: KnownColumns) -> None:
    first = statement.take("a statement")
    if first.says("where"):
        _complete_rows(statement, columns)
        return
    if first.says("label"):
        while not statement.done:
            name = statement.take_name("a column")
            statement.expect("=")
            columns.label(name.text, statement.take("a label").text)
        return
    if not statement.sees("="):
        raise statement.refuse(
            f"the statement {first.text.upper()} of a DATA step is not read; only SET, LABEL, "
            f"WHERE CMISS(...) = 0 and assignments are. {_UNREAD}",
            first,
        )
    statement.expect("=")
    words = statement.until()
    indicated = _indicator(words)
    if indicated is None:
        columns.define_arithmetic(first, words, _FUNCTIONS, statement)
    else:
        columns.define_indicator(first.text, columns.factor(indicated, statement))


def _indicator(words: list[Word]) -> Word | None:
    """The factor in ``(factor = "level")``."""
    while len(words) > 2 and words[0].says("(") and words[-1].says(")"):
        words = words[1:-1]
    if len(words) != 3 or words[0].kind != NAME or words[2].kind != STRING:
        return None
    return words[0] if words[1].says("=", "==", "eq") else None
