"""Stata: the commands before ``mixed`` that make columns, read."""

from __future__ import annotations

import re

from hierbayes.specification.terms import column_name
from hierbayes.translation.programs.code_words import (
    NAME,
    NUMBER,
    STRING,
    Cursor,
    Word,
    blank,
    split_words,
)
from hierbayes.translation.programs.known_columns import KnownColumns

SYSTEM = "Stata"

_FUNCTIONS = {"ln": "log", "log": "log", "log10": "log10", "exp": "exp", "sqrt": "sqrt",
              "abs": "abs"}  # fmt: skip
_QUIET = {"quietly", "qui", "noisily", "capture", "cap"}
_HARMLESS = (
    "version", "clear", "set", "use", "sysuse", "import", "insheet", "estimates", "estat",
    "predict", "lrtest", "test", "lincom", "margins", "describe", "summarize", "list", "sort",
    "gsort", "display", "log", "cd", "save", "tabulate", "exit", "more",
)  # fmt: skip
_SOURCES = ("use", "sysuse", "webuse", "import", "insheet")
_TYPES = ("byte", "int", "long", "float", "double")


def split_commands(source: str) -> list[Cursor]:
    r"""Commands of a do-file, one a line; ``///`` continues a line.

    Examples
    --------
    >>> [c.words[0].text for c in split_commands("* note\nuse hs // data\nmixed y ///\n x")]
    ['use', 'mixed']
    """
    source = source.replace("\t", " ")
    text = re.sub(r"/\*.*?\*/", lambda found: blank(found[0]), source, flags=re.DOTALL)
    text = re.sub(r"///[^\n]*\n", lambda found: " " * len(found[0]), text)
    text = re.sub(r"(?m)(^|\s)//[^\n]*", lambda found: blank(found[0]), text)
    commands, start = [], 0
    for line in text.split("\n"):
        words = split_words(text, start, start + len(line))
        start += len(line) + 1
        if words and words[0].text != "*":
            commands.append(Cursor(words, source, SYSTEM))
    return commands


def drop_prefix(command: Cursor) -> tuple[Cursor, Word | None]:
    """The command without ``quietly`` and ``by group:``; the group, where there is one."""
    command.take_if(".")
    while command.sees(*_QUIET):
        command.take("a prefix")
        command.take_if(":")
    if not command.sees("by", "bysort", "bys"):
        return command.part(command.words[command.at :]), None
    command.take("by")
    group = command.take_name("a column")
    if command.take_if(","):
        command.expect("sort")
    if not command.sees(":"):
        raise command.refuse("the prefix by is read with one group, as in bysort school:")
    command.expect(":")
    return command.part(command.words[command.at :]), group


def read_command(command: Cursor, group: Word | None, known: KnownColumns) -> None:
    """A command other than ``mixed``: one that makes a column, or one that changes nothing.

    Raises
    ------
    FormulaError
        When it does anything else, such as choosing rows.
    """
    first = command.take("a command")
    if first.text == "encode":
        _read_encode(command, known)
    elif first.text in ("rename", "ren"):
        old, new = command.take_name("a column"), command.take_name("its new name")
        known.rename(old, new.text, command)
    elif first.text == "label":
        _read_label(command, known)
    elif first.text == "egen":
        _read_egen(command, group, known)
    elif first.text in ("generate", "generat", "gener", "gene", "gen", "ge", "g"):
        _read_generate(command, known)
    elif first.text == "drop":
        _read_drop(command, known, first)
    elif first.text in _SOURCES or (first.text == "set" and command.sees("obs")):
        _refuse_some_rows(command, first)
    elif not _is_harmless(first.text):
        raise command.refuse(
            f"the command '{first.text}' is not read; make its columns and choose its rows in "
            "the data",
            first,
        )


def _is_harmless(name: str) -> bool:
    """Whether a command, perhaps abbreviated, leaves the data and the model as they are."""
    if name in ("cd", "su"):
        return True
    return any(len(name) >= 3 and whole.startswith(name) for whole in _HARMLESS)


def _read_encode(command: Cursor, known: KnownColumns) -> None:
    """``encode text, generate(number)``: a factor under another name."""
    old = command.take_name("a column")
    command.expect(",")
    while not command.done:
        option = command.take_name("an option")
        command.expect("(")
        value = command.until(")")
        command.expect(")")
        if "generate".startswith(option.text) and len(value) == 1:
            known.rename(old, value[0].text, command)


def _read_label(command: Cursor, known: KnownColumns) -> None:
    """``label variable name "text"``; labels of values and data say nothing new."""
    kind = command.take_name("a kind of label")
    if len(kind.text) >= 3 and "variable".startswith(kind.text):
        name = command.take_name("a column")
        text = command.take("a label")
        if text.kind == STRING:
            known.label(name.text, text.text)


def _read_egen(command: Cursor, group: Word | None, known: KnownColumns) -> None:
    """``egen name = mean(x), by(group)``, or with the prefix ``bysort group:``; ``group(a b)``."""
    name = _new_name(command)
    words = command.until(",")
    texts = [word.text for word in words]
    if texts[:2] == ["group", "("] and texts[-1:] == [")"] and group is None and command.done:
        of_data = [column for word in words[2:-1] for column in known.groups(word, command)]
        known.define_groups(name.text, list(dict.fromkeys(of_data)))
        return
    if len(words) != 4 or texts[:2] != ["mean", "("] or words[2].kind != NAME or texts[3] != ")":
        raise command.refuse(
            f"'{name.text}' is no mean(column); make the column in the data instead",
            words[0] if words else name,
        )
    if command.take_if(","):
        command.expect("by")
        command.expect("(")
        group = command.take_name("the group")
        command.expect(")")
    if group is None:
        raise command.refuse(
            f"'{name.text}' is a mean over all rows; a mean of groups needs by(group)", name
        )
    of = known.factor(words[2], command)
    known.define(name.text, f"cvar({of}, {column_name(known.column(group, command))})")


def _read_generate(command: Cursor, known: KnownColumns) -> None:
    """``generate name = expression``, or ``= (factor == number)`` for an indicator."""
    name = _new_name(command)
    words = command.until()
    bare = words
    while len(bare) > 2 and bare[0].text == "(" and bare[-1].text == ")":
        bare = bare[1:-1]
    kinds = [word.kind for word in bare]
    if kinds[:1] == [NAME] and kinds[2:] in ([NUMBER], [STRING]) and bare[1].text == "==":
        known.define_indicator(name.text, known.factor(bare[0], command))
        return
    conditions = [word for word in words if word.says("if", "in")]
    if conditions:
        raise command.refuse(
            "'if' and 'in' choose rows; make the column in the data", conditions[0]
        )
    powered = [
        Word("**", word.kind, word.start, word.end) if word.text == "^" else word for word in words
    ]
    known.define_arithmetic(name, powered, _FUNCTIONS, command)


def _new_name(command: Cursor) -> Word:
    if command.sees(*_TYPES):
        command.take("a type")
    name = command.take_name("the name of the new column")
    command.expect("=")
    return name


def _refuse_some_rows(command: Cursor, first: Word) -> None:
    """Refuse data that are read in part."""
    for word in command.words[1:]:
        if word.says("if", "in", "obs", "rowrange", "rowr", "cellrange", "cellr"):
            raise command.refuse(
                f"'{word.text}' behind {first.text} chooses rows; choose the rows of the data "
                "first",
                word,
            )


def _read_drop(command: Cursor, known: KnownColumns, first: Word) -> None:
    """``drop if missing(...)``: the package leaves such rows out by itself."""
    words = command.until()
    texts = [word.text for word in words]
    names, commas = words[3:-1:2], texts[4:-1:2]
    plain = texts[:3] in (["if", "missing", "("], ["if", "mi", "("]) and texts[-1:] == [")"]
    if plain and len(names) == len(commas) + 1 and set(commas) <= {","}:
        known.without_missing([known.column(name, command) for name in names])
    else:
        raise command.refuse(
            "'drop' is not read, other than drop if missing(...); choose the rows of the data "
            "first",
            first,
        )
