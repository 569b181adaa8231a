"""SAS: the REPEATED statement of PROC MIXED, read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from itertools import pairwise

from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.specification.random_term import RandomTerm
from hierbayes.translation.error_structures import are_innermost, are_told_apart
from hierbayes.translation.expression import called, factor_tree
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.options import REPEATED_OPTIONS, Option, read_options

_ORDERED = ("ar(1)", "arh(1)", "toep", "toeph", "arma(1,1)")
_KINDS = (*_ORDERED, "un", "unr", "cs", "csh", "vc", "simple")


def read_repeated(
    statement: Cursor,
    known: KnownColumns,
    randoms: Sequence[RandomTerm],
    subject_of: Callable[[Option, KnownColumns, Cursor], list[str]],
    first: Word,
) -> ResidualStructure | None:
    """The residual structure of a REPEATED statement.

    Parameters
    ----------
    statement : Cursor
        Behind the word REPEATED.
    known : KnownColumns
    randoms : sequence of RandomTerm
    subject_of : callable
        Columns of SUBJECT=.
    first : Word

    Raises
    ------
    FormulaError
        Pointing at a structure that models here do not have.
    """
    effects = statement.part(statement.until("/"))
    given = read_options(statement, REPEATED_OPTIONS, "REPEATED") if statement.take_if("/") else []
    options = {option.name: option for option in given}
    time = None if effects.done else known.column(effects.take_name("the time"), effects)
    if not effects.done:
        raise effects.refuse("REPEATED is read with one effect, the time", effects.peek())
    kind = options.get("type")
    value = "vc" if kind is None else kind.value.lower()
    if value in ("vc", "simple"):
        return _variance(options, known, statement)
    for name in ("group", "local"):
        if name in options:
            raise statement.refuse(
                f"{name.upper()}= beside TYPE={value.upper()} is not read: errors are correlated "
                "alike in all strata here",
                options[name].word,
            )
    if "subject" not in options:
        raise statement.refuse("REPEATED has no SUBJECT=, the groups of correlated errors", first)
    subjects = subject_of(options["subject"], known, statement)
    group = _group(subjects, randoms, options, statement)
    assert kind is not None
    if value.startswith(("sp(pow)(", "sp(exp)(")):
        inner = [word for word in kind.words if word.kind == "name"]
        return CAR1(known.column(inner[-1], statement), group)
    if value not in _KINDS:
        raise statement.refuse(
            f"TYPE={kind.value.upper()} of residuals is not read; read are "
            f"{', '.join(one.upper() for one in _KINDS)} and SP(POW)(time)",
            kind.word,
        )
    alike = value in ("cs", "csh") and time is not None  # structures without occasions
    if alike and not are_told_apart(known.given, str(time), subjects):
        raise statement.refuse(
            f"REPEATED takes rows of one subject with one value of '{time}' for one, and some "
            "subjects have several; name what tells the rows of a subject apart",
            first,
        )
    if time is not None and value in _ORDERED:
        _refuse_gaps(time, known, statement, kind.word)
    return _structure(value, time, group, statement, first)


def _structure(
    value: str, time: str | None, group: str | None, statement: Cursor, first: Word
) -> ResidualStructure:
    by_time = value in ("arh(1)", "csh", "toeph", "un", "unr")
    if by_time and time is None:
        raise statement.refuse(
            f"TYPE={value.upper()} has a variance for each time; name the time, as in REPEATED "
            "visit / ...",
            first,
        )
    if value in ("un", "unr"):
        assert time is not None
        return Unstructured(time, group)
    made: dict[str, ResidualStructure] = {
        "ar": AR1(time, group),
        "cs": CompoundSymmetry(group),
        "to": Toeplitz(time, group),
    }
    found = ARMA(time, group) if value.startswith("arma") else made[value[:2]]
    return found * Strata(str(time)) if by_time else found


def _variance(
    options: dict[str, Option], known: KnownColumns, statement: Cursor
) -> ResidualStructure | None:
    """Independent errors: by stratum, or as a function of covariates."""
    group, local = options.get("group"), options.get("local")
    if group is not None and local is None:
        names = [word for word in group.words if not word.says("*")]
        return Strata(*(known.column(word, statement) for word in names))
    if local is None:
        return None
    words = local.words
    if group is not None or len(words) < 4 or not words[0].says("exp"):
        raise statement.refuse(
            "LOCAL is read as LOCAL=EXP(x) by itself, a variance that changes with x; a diagonal "
            "added to the others models here do not have",
            local.word,
        )
    parts = [_of_covariate(word, known, statement) for word in words[2:-1]]
    found: ResidualStructure = parts[0]
    for part in parts[1:]:
        found = found * part
    return found


def _of_covariate(word: Word, known: KnownColumns, statement: Cursor) -> ResidualStructure:
    """Exponential of a column; Power where the program made the log of one."""
    factor = known.factor(word, statement)
    tree = factor_tree(factor)
    if called(tree) in ("np.log", "log") and isinstance(tree, ast.Call):
        inner = tree.args[0]
        if called(inner) in ("np.abs", "abs") and isinstance(inner, ast.Call):
            inner = inner.args[0]
        if isinstance(inner, ast.Name):
            return Power(inner.id)
    return Exponential(known.column(word, statement))


def _group(
    subject: Sequence[str],
    randoms: Sequence[RandomTerm],
    options: dict[str, Option],
    statement: Cursor,
) -> str | None:
    """The groups of errors; None where they are the innermost of the random part."""
    if are_innermost(subject, randoms):
        return None
    if len(subject) == 1:
        return subject[0]
    raise statement.refuse(
        f"the groups of REPEATED, {'*'.join(subject)}, are none of the random part; make a column "
        "of them",
        options["subject"].word,
    )


def _refuse_gaps(time: str, known: KnownColumns, statement: Cursor, word: Word) -> None:
    """Refuse times whose levels are not one apart, which SAS takes as if they were."""
    try:
        values = sorted(map(float, known.levels(time)))
    except ValueError:
        values = [0.0, 0.5]
    if any(b - a != 1.0 for a, b in pairwise(values)):
        raise statement.refuse(
            f"this structure counts the levels of '{time}' in order, and they are no whole "
            "numbers one apart; make a column of their places, or write TYPE=SP(POW)(time)",
            word,
        )
