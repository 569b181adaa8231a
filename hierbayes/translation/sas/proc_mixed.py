"""The statements of PROC MIXED and PROC GLIMMIX, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierbayes.families.categorical import Categorical
from hierbayes.families.family import ResponseFamily
from hierbayes.specification.response import ResponseTerm
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.dialect import StatedModel
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.effect_terms import specify
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.effects import copied, read_effect
from hierbayes.translation.sas.families import read_response
from hierbayes.translation.sas.known_errors import read_parms
from hierbayes.translation.sas.options import (
    GLIMMIX_MODEL_OPTIONS,
    MODEL_OPTIONS,
    read_options_behind,
)
from hierbayes.translation.sas.random_statement import RandomStatement, read_random, read_subject
from hierbayes.translation.sas.repeated import read_repeated

_AFTER_MODEL = {"estimate", "contrast", "lsmeans", "lsmestimate", "slice", "store", "id", "code",
                "covtest", "nloptions", "output"}  # fmt: skip
_LACKING = {
    "by": "one model is one fit; choose the rows of the data instead",
    "weight": "those of PROC GLIMMIX the package has not",
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
    weights, weight, parms = "", statements[0], None
    procedure = statements[0].words[1].text.upper()
    randoms: list[RandomStatement] = []
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
            randoms.append(
                read_random(statement, known, classes, first, others=procedure == "GLIMMIX")
            )
        elif keyword == "repeated" and procedure == "MIXED":
            repeated.append((statement, first))
        elif keyword == "weight" and procedure == "MIXED":
            weights = known.factor(statement.take_name("a variable"), statement)
            weight = statement
        elif keyword == "parms" and procedure == "MIXED":
            parms = read_parms(statement, first)
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
    terms = [term for random in randoms for term in random.terms]
    _refuse_other_groups(randoms, model, known)
    errors = None
    for statement, first in repeated[-1:]:
        if len(repeated) > 1:
            raise statement.refuse("there are two REPEATED statements", first)
        errors = read_repeated(statement, known, terms, read_subject, first)
    known_sd = parms.known_sd(weights) if parms is not None and parms.held else ""
    weights = "" if known_sd else _weights(weights, weight)
    found = specify(model.response, model.terms, terms, "MODEL statement")
    found = replace(
        found, trials=model.trials, offsets=model.offsets, residual=errors, weights=weights,
        known_sd=known_sd,
    )  # fmt: skip
    return StatedModel(found, model.family)


def _refuse_other_groups(
    randoms: Sequence[RandomStatement], model: _Stated, known: KnownColumns
) -> None:
    """Refuse GROUP= but of nominal categories, whose effects are each a category's own by it.

    PROC GLIMMIX stops where a RANDOM statement of theirs has none.

    Raises
    ------
    FormulaError
    """
    nominal = isinstance(model.family, Categorical)
    for random in randoms:
        words = [] if random.group is None else list(random.group.words)
        named = known.factor(words[0], random.statement) if len(words) == 1 else ""
        if nominal and named != model.response:
            raise random.statement.refuse(
                "effects of nominal categories (LINK=GLOGIT) are of each category; write "
                f"GROUP={model.response.strip('`')}",
                random.word,
            )
        if random.group is not None and not nominal:
            raise random.statement.refuse(
                "the option 'GROUP' of RANDOM is not read: G is the same in all groups",
                random.group.word,
            )


def _weights(factor: str, statement: Cursor) -> str:
    """The column w of rows whose errors have the variance σ²/w; empty without one."""
    if "(" in factor:
        raise statement.refuse(
            "weights are read as a column of the data; make one of them", statement.words[1]
        )
    return factor.strip("`")


def _read_class(statement: Cursor, known: KnownColumns) -> set[str]:
    """Names of the classification variables; a reference level does not change the model."""
    found = set()
    while not statement.done and not statement.take_if("/"):
        word = statement.take_name("a variable")
        factor = known.factor(word, statement)
        copy = copied(word, known)
        found |= {copy} if copy else {factor, known.as_labels(factor)}
        if statement.take_if("("):
            statement.until(")")
            statement.expect(")")
    return found


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
    given = {option.name: option for option in read_options_behind(statement, table, "MODEL")}
    terms = [] if "noint" in given else [INTERCEPT]
    while not effects.done:
        if effects.sees("intercept", "int") and known.made(effects.words[effects.at].text) is None:
            raise effects.refuse("MODEL has its intercept by itself; leave the word out")
        terms += read_effect(effects, known, classes)
    if stated is None:
        return _Stated(response, terms)
    offsets = (
        [known.factor(word, statement) for word in given["offset"].words]
        if ("offset" in given)
        else []
    )
    family = stated.family(given, known, statement)
    return _Stated(response, terms, stated.counts(known, statement), tuple(offsets), family)
