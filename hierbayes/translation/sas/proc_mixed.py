"""The statements of PROC MIXED and PROC GLIMMIX, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierbayes.families.family import ResponseFamily
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.response import ResponseTerm
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.dialect import StatedModel
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.effect_terms import (
    bar_expansion,
    product_term,
    specify,
    varying_over,
)
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.families import read_response
from hierbayes.translation.sas.options import (
    GLIMMIX_MODEL_OPTIONS,
    MODEL_OPTIONS,
    RANDOM_OPTIONS,
    Option,
    is_unstructured,
    read_options,
)
from hierbayes.translation.sas.repeated import read_repeated

_AFTER_MODEL = {"estimate", "contrast", "lsmeans", "lsmestimate", "slice", "store", "id", "code",
                "covtest", "nloptions", "output"}  # fmt: skip
_LACKING = {
    "by": "one model is one fit; choose the rows of the data instead",
    "weight": "the package has no weights",
    "parms": "the package chooses its own starting values and holds no parameter fixed",
    "prior": "priors are given in Python, with priors={...}",
    "where": "choose the rows of the data instead",
}


def read_proc_mixed(statements: Sequence[Cursor], known: KnownColumns) -> StatedModel:
    """The model of the statements of one step, that which begins it first.

    Raises
    ------
    FormulaError
        Pointing at the word that cannot be read, or says what the package does not have.
    """
    classes: set[str] = set()
    model: _Stated | None = None
    procedure = statements[0].words[1].text.upper()
    randoms: list[RandomTerm] = []
    repeated: list[tuple[Cursor, Word]] = []
    for statement in statements[1:]:
        first = statement.take("a statement")
        keyword = first.text.lower()
        if keyword in ("class", "classes"):
            classes |= _read_class(statement, known)
        elif keyword == "model":
            if model is not None:
                raise statement.refuse("there are two MODEL statements", first)
            model = _read_model(statement, known, classes, procedure)
        elif keyword == "random":
            randoms.extend(_read_random(statement, known, classes, first))
        elif keyword == "repeated" and procedure == "MIXED":
            repeated.append((statement, first))
        elif keyword in _LACKING:
            raise statement.refuse(
                f"the statement {keyword.upper()} is not read: {_LACKING[keyword]}", first
            )
        elif keyword not in _AFTER_MODEL:
            raise statement.refuse(f"'{first.text}' is no statement of PROC {procedure}", first)
    if model is None:
        raise statements[0].refuse(
            f"PROC {procedure} has no MODEL statement", statements[0].words[0]
        )
    errors = None
    for statement, first in repeated[-1:]:
        if len(repeated) > 1:
            raise statement.refuse("there are two REPEATED statements", first)
        errors = read_repeated(statement, known, randoms, _read_subject, first)
    if not randoms and errors is None:
        raise statements[0].refuse(
            f"PROC {procedure} has no RANDOM statement; a hierarchical model needs one, as in "
            "RANDOM INTERCEPT / SUBJECT=group",
            statements[0].words[0],
        )
    found = specify(model.response, model.terms, randoms, "MODEL statement")
    found = replace(found, trials=model.trials, offsets=model.offsets, residual=errors)
    return StatedModel(found, model.family)


def _read_class(statement: Cursor, known: KnownColumns) -> set[str]:
    """Names of the classification variables; a reference level does not change the model."""
    found = set()
    while not statement.done and not statement.take_if("/"):
        word = statement.take_name("a variable")
        factor = known.factor(word, statement)
        found |= {copied} if (copied := _copy(word, known)) else {factor, known.as_labels(factor)}
        if statement.take_if("("):
            statement.until(")")
            statement.expect(")")
    return found


def _copy(word: Word, known: KnownColumns) -> str:
    """A column that the program made equal to one of the data, by its own name; empty of others.

    As a class it says nothing of the column that it is a copy of.
    """
    made = known.made(word.text)
    plain = made is not None and not made.indicates and made.factor.strip("`") in known.columns
    return f"copy {word.text.lower()}" if plain else ""


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a MODEL statement says."""

    response: str
    terms: list[str]
    trials: ResponseTerm | None = None
    offsets: tuple[str, ...] = ()
    family: ResponseFamily | None = None


def _read_model(
    statement: Cursor, known: KnownColumns, classes: set[str], procedure: str
) -> _Stated:
    """Response and fixed terms; of PROC GLIMMIX also what it says of the response."""
    others = procedure == "GLIMMIX"
    stated = read_response(statement) if others else None
    name = stated.name if stated else statement.take_name("the response")
    response = known.factor(name, statement)
    statement.expect("=")
    effects = statement.part(statement.until("/"))
    table = GLIMMIX_MODEL_OPTIONS if others else MODEL_OPTIONS
    given = {option.name: option for option in _options(statement, table, "MODEL")}
    terms = [] if "noint" in given else [INTERCEPT]
    while not effects.done:
        if effects.sees("intercept", "int") and known.made(effects.words[effects.at].text) is None:
            raise effects.refuse("MODEL has its intercept by itself; leave the word out")
        terms += _read_effect(effects, known, classes)
    if stated is None:
        return _Stated(response, terms)
    offsets = (
        [known.factor(word, statement) for word in given["offset"].words]
        if ("offset" in given)
        else []
    )
    family = stated.family(given, known, statement)
    return _Stated(response, terms, stated.counts(known, statement), tuple(offsets), family)


def _options(statement: Cursor, table: frozenset[str], where: str) -> list[Option]:
    return read_options(statement, table, where) if statement.take_if("/") else []


def _read_effect(
    effects: Cursor, known: KnownColumns, classes: set[str], *, nested: bool = False
) -> list[str]:
    """The terms of one effect: ``a*b``, or ``a | b @ 2`` with all products."""
    parts = [_read_product(effects, known, classes, nested)]
    while effects.take_if("|"):
        parts.append(_read_product(effects, known, classes, nested))
    most = None
    if effects.take_if("@"):
        word = effects.take("a number")
        if not word.text.isdigit() or int(word.text) < 1:
            raise effects.refuse(f"'@' takes a whole number, not '{word.text}'", word)
        most = int(word.text)
    return [product_term(factors, classes) for factors in bar_expansion(parts, most)]


def _read_product(
    effects: Cursor, known: KnownColumns, classes: set[str], nested: bool
) -> list[str]:
    """The factors of a product; of a random effect ``b(a)`` is one, that of a and b."""
    factors: list[str] = []
    while True:
        word = effects.take_name("a column")
        factor = known.factor(word, effects)
        labelled = known.as_labels(factor) if (_copy(word, known) or factor) in classes else factor
        if effects.sees("(") and not nested:
            raise effects.refuse(
                f"the nested effect '{word.text}(...)' is not read; write the interaction with '*'",
                word,
            )
        if effects.take_if("("):
            inside = effects.part(effects.until(")"))
            effects.expect(")")
            while not inside.done:
                factors += _read_product(inside, known, classes, nested)
        factors.append(labelled)
        if not effects.take_if("*"):
            return factors


def _read_random(
    statement: Cursor, known: KnownColumns, classes: set[str], first: Word
) -> list[RandomTerm]:
    """One RANDOM statement; without TYPE= its effects are independent, as in SAS."""
    effects = statement.part(statement.until("/"))
    options = {o.name: o for o in _options(statement, RANDOM_OPTIONS, "RANDOM")}
    subject = _read_subject(options["subject"], known, statement) if "subject" in options else []
    terms: dict[str, Word] = {}
    while not effects.done:
        word = effects.words[effects.at]
        if word.says("intercept", "int"):
            effects.take("INTERCEPT")
            terms[INTERCEPT] = word
        else:
            for term in _read_effect(effects, known, classes, nested=True):
                terms.setdefault(term, word)
    if not terms:
        raise statement.refuse("the RANDOM statement has no effects; write INTERCEPT", first)
    kind = options.get("type")
    if kind is not None and is_unstructured(kind, len(effects.words), statement):
        if not subject:
            raise statement.refuse(
                f"TYPE={kind.value.upper()} without SUBJECT= ties the levels of a factor to each "
                "other, which has no counterpart; name the subject",
                kind.word,
            )
        return list(varying_over(subject, [list(terms)]))
    return [
        _independent(term, subject, known, classes, statement, word) for term, word in terms.items()
    ]


def _independent(
    term: str,
    subject: Sequence[str],
    known: KnownColumns,
    classes: set[str],
    statement: Cursor,
    word: Word,
) -> RandomTerm:
    """An effect by itself; one of CLASS has one variance for all levels, which are groups."""
    factors = [] if term == INTERCEPT else factors_of(term)
    groups = [factor for factor in factors if factor in classes]
    columns = [factor.removeprefix("C(").removesuffix(")").strip("`") for factor in groups]
    odd = [name for name in columns if name not in known.columns]
    if known.indicates(word) or odd:
        raise statement.refuse(
            f"'{term}' has several columns, and without TYPE=UN one variance for all of them, "
            "or one each, which has no counterpart; write TYPE=UN",
            word,
        )
    if not (subject or groups):
        raise statement.refuse(
            "the RANDOM statement has no SUBJECT=; write RANDOM INTERCEPT / SUBJECT=group", word
        )
    effect = ":".join(factor for factor in factors if factor not in classes) or INTERCEPT
    (random,) = varying_over(list(dict.fromkeys((*subject, *columns))), [[effect]])
    return random


def _read_subject(option: Option, known: KnownColumns, statement: Cursor) -> list[str]:
    """Columns of the groups: ``a``, ``a*b``, or ``b(a)``, which is the same as ``a*b``."""
    value = statement.part(option.words)
    columns: list[str] = []
    while not value.done:
        name = known.column(value.take_name("a column"), value)
        if value.take_if("("):
            inside = [word for word in value.until(")") if not word.says("*")]
            value.expect(")")
            columns += [known.column(word, value) for word in inside]
        columns.append(name)
        if not value.done:
            value.expect("*")
    if not columns:
        raise statement.refuse("the subject is missing after SUBJECT=", option.word)
    return list(dict.fromkeys(columns))
