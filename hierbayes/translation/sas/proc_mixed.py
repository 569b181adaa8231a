"""The statements of PROC MIXED, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.programs.code_words import NAME, Cursor, Word
from hierbayes.translation.programs.effect_terms import bar_expansion, product_term, specify
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.options import (
    MODEL_OPTIONS,
    RANDOM_OPTIONS,
    Option,
    is_unstructured,
    read_options,
)

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


def read_proc_mixed(statements: Sequence[Cursor], known: KnownColumns) -> Specification:
    """The model of the statements of one step, that which begins it first.

    Raises
    ------
    FormulaError
        Pointing at the word that cannot be read, or says what the package does not have.
    """
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
