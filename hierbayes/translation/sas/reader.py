"""SAS programs with PROC MIXED or PROC GLIMMIX, read step by step.

Source: the SAS/STAT User's Guide, "The MIXED Procedure" and "The GLIMMIX Procedure".
"""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.translation.dialect import StatedModel
from hierbayes.translation.programs.code_words import Cursor
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.columns import read_data_statement, read_sql_statement
from hierbayes.translation.sas.options import GLIMMIX_OPTIONS, MIXED_OPTIONS, read_options
from hierbayes.translation.sas.proc_mixed import read_proc_mixed
from hierbayes.translation.sas.statements import SYSTEM, split_statements
from hierbayes.translation.sas.tables import Tables, data_set_of, read_data_set

_ANYWHERE = {"title", "footnote", "options", "ods", "libname", "filename"}


def read_sas(text: str, columns: Sequence[str]) -> StatedModel:
    """The model that a SAS program fits with PROC MIXED or PROC GLIMMIX.

    Parameters
    ----------
    text : str
        The program: the procedure, and before it, if need be, PROC SQL and DATA steps that
        make columns.
    columns : sequence of str
        Names of the data's columns, found in any case.

    Raises
    ------
    FormulaError
        When the program cannot be read or fits what the package does not have; the message
        points at the word.

    Notes
    -----
    Columns that CLASS names stand in C() where the data hold numbers in them, if that is known.

    Examples
    --------
    >>> code = "PROC MIXED; CLASS g; MODEL y = x; RANDOM INT / SUB=g; RUN;"
    >>> print(read_sas(code, "ygx").specification)
    y ~ 1 + x + (1 | g)
    >>> code = "PROC GLIMMIX; CLASS g; MODEL y = x / DIST=POI; RANDOM INT / SUB=g; RUN;"
    >>> read_sas(code, "ygx").family
    Poisson(link='log')
    """
    tables = Tables(KnownColumns(columns, SYSTEM, ignores_case=True))
    known = tables.columns()
    step = ""
    targets: list[str] = []
    mixed: list[Cursor] = []
    for statement in split_statements(text):
        first = statement.words[0]
        if first.says("proc", "data", "run", "quit"):
            step = _begin_step(statement, mixed)
            if step == "data":
                targets = _targets(statement, tables)
            elif step == "sort":
                _read_sort(statement, tables)
            elif step == "mixed":
                known = _check_procedure(statement, tables)
        elif first.says(*_ANYWHERE):
            _refuse_some_rows(statement)
        elif step == "mixed":
            mixed.append(statement)
        elif step == "sql":
            read_sql_statement(statement, tables)
        elif step == "data":
            read_data_statement(statement, targets, tables)
        elif step != "sort" or not first.says("by"):
            raise statement.refuse(f"'{first.text}' begins no statement that is read here", first)
    if not mixed:
        raise FormulaError("cannot read the SAS code: it has no PROC MIXED or GLIMMIX")
    model = read_proc_mixed(mixed, known)
    known.checked(model.specification, "WHERE CMISS({}) = 0")
    return model


def _targets(statement: Cursor, tables: Tables) -> list[str]:
    """The data sets that a DATA step makes."""
    statement.at = 1
    names = []
    while not statement.done:
        names.append(read_data_set(statement))
        tables.put(names[-1], tables.columns(names[-1]).copy())
    return names


def _read_sort(statement: Cursor, tables: Tables) -> None:
    """PROC SORT, which may put the rows in another order and do no more."""
    statement.at = 2
    source, target = "", ""
    while not statement.done:
        option = statement.take_name("an option")
        if not option.says("data", "out"):
            raise statement.refuse(
                f"{option.text.upper()} of PROC SORT is not read, which may leave out rows", option
            )
        statement.expect("=")
        name = read_data_set(statement)
        source, target = (name, target) if option.says("data") else (source, name)
    if target:
        tables.put(target, tables.columns(source).copy())


def _refuse_some_rows(statement: Cursor) -> None:
    """Refuse OPTIONS OBS= and FIRSTOBS=, which choose rows of every data set."""
    for word in statement.words[1:] if statement.words[0].says("options") else ():
        if word.says("obs", "firstobs"):
            raise statement.refuse(
                f"{word.text.upper()}= chooses rows; choose the rows of the data instead", word
            )


def _begin_step(statement: Cursor, mixed: list[Cursor]) -> str:
    """The kind of step that a statement begins; empty after RUN and QUIT."""
    first = statement.words[0]
    if first.says("run", "quit"):
        return ""
    if first.says("data"):
        return "data"
    name = statement.words[1] if len(statement.words) > 1 else first
    if name.says("sql", "sort"):
        return name.text.lower()
    if not name.says("mixed", "glimmix"):
        raise statement.refuse(
            f"PROC {name.text.upper()} is not read; only MIXED and GLIMMIX, and before it SQL, "
            "SORT and DATA steps that make columns",
            name,
        )
    if mixed:
        raise statement.refuse(f"there are two PROC {name.text.upper()}; read one at a time", name)
    mixed.append(statement)
    return "mixed"


def _check_procedure(statement: Cursor, tables: Tables) -> KnownColumns:
    """The columns of the data set that the procedure names; GLIMMIX has methods of its own."""
    statement.at = 2
    known = tables.columns()
    others = statement.words[1].says("glimmix")
    where = f"PROC {statement.words[1].text.upper()}"
    for option in read_options(statement, GLIMMIX_OPTIONS if others else MIXED_OPTIONS, where):
        gaussian = option.name == "method" and not others
        if gaussian and option.value.upper() not in ("REML", "ML"):
            raise statement.refuse(
                f"METHOD={option.value.upper()} has no counterpart; the package has REML and ML",
                option.word,
            )
        if option.name == "data":
            known = tables.columns(data_set_of(option.words, statement))
    return known
