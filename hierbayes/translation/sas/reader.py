"""SAS: PROC MIXED, read.

Source: the SAS/STAT User's Guide, "The MIXED Procedure".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.programs.code_words import NAME, Cursor, Word
from hierbayes.translation.programs.effect_terms import bar_expansion, product_term, specify
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.columns import read_data_statement, read_sql_statement
from hierbayes.translation.sas.options import (
    MIXED_OPTIONS,
    MODEL_OPTIONS,
    RANDOM_OPTIONS,
    Option,
    is_unstructured,
    read_options,
)
from hierbayes.translation.sas.statements import SYSTEM, split_statements
from hierbayes.translation.sas.tables import Tables, data_set_of, read_data_set

_ANYWHERE = {"title", "footnote", "options", "ods", "libname", "filename"}
_AFTER_MODEL = {"estimate", "contrast", "lsmeans", "lsmestimate", "slice", "store", "id", "code"}
_LACKING = {
    "repeated": "the package has independent residuals with one variance",
    "by": "one model is one fit; choose the rows of the data instead",
    "weight": "the package has no weights",
    "parms": "the package chooses its own starting values and holds no parameter fixed",
    "prior": "priors are given in Python, with priors={...}",
    "where": "choose the rows of the data instead",
}


@dataclass(frozen=True, slots=True)
class _Random:
    """A RANDOM statement: its blocks and its subject."""

    blocks: list[list[str]]
    subject: str
    word: Word


def read_sas(text: str, columns: Sequence[str]) -> Specification:
    """The model that a SAS program fits with PROC MIXED.

    Parameters
    ----------
    text : str
        The program: PROC MIXED, and before it, if need be, PROC SQL and DATA steps that
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
    >>> print(read_sas("PROC MIXED; CLASS g; MODEL y = x; RANDOM INT / SUB=g; RUN;", "ygx"))
    y ~ 1 + x + (1 | g)
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
        raise FormulaError("cannot read the SAS code: it has no PROC MIXED")
    model = _read_mixed(mixed, known)
    return known.checked(model, "WHERE CMISS({}) = 0")


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
    if not name.says("mixed"):
        raise statement.refuse(
            f"PROC {name.text.upper()} is not read; only MIXED, and before it SQL, SORT and DATA "
            "steps that make columns",
            name,
        )
    if mixed:
        raise statement.refuse("there are two PROC MIXED; read one at a time", name)
    mixed.append(statement)
    return "mixed"


def _read_mixed(statements: Sequence[Cursor], known: KnownColumns) -> Specification:
    classes: set[str] = set()
    model: tuple[str, list[str]] | None = None
    randoms: list[_Random] = []
    for statement in statements[1:]:
        first = statement.take("a statement")
        keyword = first.text.lower()
        if keyword in ("class", "classes"):
            classes |= _read_class(statement, known)
        elif keyword == "model":
            if model is not None:
                raise statement.refuse("there are two MODEL statements", first)
            model = _read_model(statement, known, classes)
        elif keyword == "random":
            randoms.append(_read_random(statement, known, classes, first))
        elif keyword in _LACKING:
            raise statement.refuse(
                f"the statement {keyword.upper()} is not read: {_LACKING[keyword]}", first
            )
        elif keyword not in _AFTER_MODEL:
            raise statement.refuse(f"'{first.text}' is no statement of PROC MIXED", first)
    if model is None:
        raise statements[0].refuse("PROC MIXED has no MODEL statement", statements[0].words[0])
    if not randoms:
        raise statements[0].refuse(
            "PROC MIXED has no RANDOM statement; a hierarchical model needs one, as in RANDOM "
            "INTERCEPT / SUBJECT=group",
            statements[0].words[0],
        )
    for random in randoms[1:]:
        if random.subject != randoms[0].subject:
            raise statements[0].refuse(
                f"there are several subjects ('{randoms[0].subject}', '{random.subject}'); models "
                "with crossed or nested groups are not supported",
                random.word,
            )
    blocks = [block for random in randoms for block in random.blocks]
    return specify(*model, blocks, randoms[0].subject, "MODEL statement")


def _check_procedure(statement: Cursor, tables: Tables) -> KnownColumns:
    """The columns of the data set that PROC MIXED names."""
    statement.at = 2
    known = tables.columns()
    for option in read_options(statement, MIXED_OPTIONS, "PROC MIXED"):
        if option.name == "method" and option.value.upper() not in ("REML", "ML"):
            raise statement.refuse(
                f"METHOD={option.value.upper()} has no counterpart; the package has REML and ML",
                option.word,
            )
        if option.name == "data":
            known = tables.columns(data_set_of(option.words, statement))
    return known


def _read_class(statement: Cursor, known: KnownColumns) -> set[str]:
    """Names of the classification variables; a reference level does not change the model."""
    found = set()
    while not statement.done and not statement.take_if("/"):
        factor = known.factor(statement.take_name("a variable"), statement)
        found |= {factor, known.as_labels(factor)}
        if statement.take_if("("):
            statement.until(")")
            statement.expect(")")
    return found


def _read_model(statement: Cursor, known: KnownColumns, classes: set[str]) -> tuple[str, list[str]]:
    """Response and fixed terms."""
    response = known.factor(statement.take_name("the response"), statement)
    statement.expect("=")
    effects = statement.part(statement.until("/"))
    terms = [] if _asks(statement, MODEL_OPTIONS, "MODEL", "noint") else [INTERCEPT]
    while not effects.done:
        if effects.sees("intercept", "int") and known.made(effects.words[effects.at].text) is None:
            raise effects.refuse("MODEL has its intercept by itself; leave the word out")
        terms += _read_effect(effects, known, classes)
    return response, terms


def _asks(statement: Cursor, table: frozenset[str], where: str, name: str) -> bool:
    """Whether the options after '/' hold one of these; they are all read."""
    return any([option.name == name for option in _options(statement, table, where)])


def _options(statement: Cursor, table: frozenset[str], where: str) -> list[Option]:
    return read_options(statement, table, where) if statement.take_if("/") else []


def _read_effect(effects: Cursor, known: KnownColumns, classes: set[str]) -> list[str]:
    """The terms of one effect: ``a*b``, or ``a | b @ 2`` with all products."""
    parts = [_read_product(effects, known, classes)]
    while effects.take_if("|"):
        parts.append(_read_product(effects, known, classes))
    most = None
    if effects.take_if("@"):
        word = effects.take("a number")
        if not word.text.isdigit() or int(word.text) < 1:
            raise effects.refuse(f"'@' takes a whole number, not '{word.text}'", word)
        most = int(word.text)
    return [product_term(factors, classes) for factors in bar_expansion(parts, most)]


def _read_product(effects: Cursor, known: KnownColumns, classes: set[str]) -> list[str]:
    factors = []
    while True:
        word = effects.take_name("a column")
        if effects.sees("("):
            raise effects.refuse(
                f"the nested effect '{word.text}(...)' is not read; write the interaction with '*'",
                word,
            )
        factor = known.factor(word, effects)
        factors.append(known.as_labels(factor) if factor in classes else factor)
        if not effects.take_if("*"):
            return factors


def _read_random(statement: Cursor, known: KnownColumns, classes: set[str], first: Word) -> _Random:
    """One RANDOM statement; without TYPE= its effects are independent, as in SAS."""
    effects = statement.part(statement.until("/"))
    options = {o.name: o for o in _options(statement, RANDOM_OPTIONS, "RANDOM")}
    if "subject" not in options:
        raise statement.refuse(
            "the RANDOM statement has no SUBJECT=; write RANDOM INTERCEPT / SUBJECT=group", first
        )
    subject = _read_subject(options["subject"], known, statement)
    terms: dict[str, Word] = {}
    while not effects.done:
        word = effects.words[effects.at]
        if word.says("intercept", "int"):
            effects.take("INTERCEPT")
            terms[INTERCEPT] = word
        else:
            for term in _read_effect(effects, known, classes):
                terms.setdefault(term, word)
    if not terms:
        raise statement.refuse("the RANDOM statement has no effects; write INTERCEPT", first)
    kind = options.get("type")
    if kind is not None and is_unstructured(kind, len(effects.words), statement):
        return _Random([list(terms)], subject, first)
    for term, word in terms.items():
        labelled = [f for f in classes if f in term.split(":")]
        if labelled or known.indicates(word):
            raise statement.refuse(
                f"'{term}' has several columns, and without TYPE=UN one variance for all of them, "
                "or one each, which has no counterpart; write TYPE=UN",
                word,
            )
    return _Random([[term] for term in terms], subject, first)


def _read_subject(option: Option, known: KnownColumns, statement: Cursor) -> str:
    words = option.words
    if len(words) != 1 or words[0].kind != NAME:
        raise statement.refuse(
            f"the subject '{option.value}' is a nested or crossed one; models with several "
            "grouping factors are not supported: make one column of their combination",
            option.word,
        )
    return known.column(words[0], statement)
