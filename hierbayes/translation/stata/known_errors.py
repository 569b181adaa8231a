"""Stata: known standard deviations of errors, as the commands ``meta`` have them.

``meta meregress`` is ``mixed`` of estimates with their standard errors, ``essevariable(se)``; it
has REML where nothing is said, and no ``_all``.  ``meta set y se, studylabel(study)`` and ``meta
regress x`` after it are read as its model with ``|| study:``, a row for each study.

Source: the Stata Meta-Analysis Reference Manual, ``meta set``, ``meta regress``, ``meta
meregress``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT, column_name
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.effect_terms import specify, varying_over
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.stata.terms import read_column, read_terms_of

OPTION = "essevariable"
_LIKELIHOODS = ("", "reml", "mle")


def known_errors(known_sd: str, random: str, options: Sequence[str]) -> list[str]:
    """Options of ``meta meregress`` in place of those of ``mixed``.

    Raises
    ------
    FormulaError
        When there are no groups, or they cross.
    """
    if not random or "_all" in random:
        what = "crossed groups" if random else "models without groups"
        raise FormulaError(
            f"meta meregress of Stata, which has known_sd=, has no {what}; metafor's rma.mv has "
            "them in R"
        )
    return [f"{OPTION}({column_name(known_sd).strip('`')})", *(o for o in options if o != "reml")]


def read_known_errors(
    named: tuple[Word, list[Word]] | None, command: Cursor, known: KnownColumns, first: Word
) -> str:
    """The column of standard errors; empty of other commands.

    Raises
    ------
    FormulaError
        When ``meta meregress`` does not name one, or another command does.
    """
    is_meta = first.says("meregress")
    if named is None and not is_meta:
        return ""
    if named is None:
        raise command.refuse(
            "meta meregress names standard errors of estimates here, as in essevariable(se)", first
        )
    word, value = named
    if not is_meta or len(value) != 1:
        raise command.refuse(
            "essevariable() is of meta meregress, and names one column of standard errors", word
        )
    return known.column(value[0], command)


@dataclass(frozen=True, slots=True)
class MetaSet:
    """What ``meta set`` declares: estimates, their standard errors, and the column of studies."""

    response: str
    known_sd: str
    study: str

    @classmethod
    def read(cls, command: Cursor, known: KnownColumns) -> MetaSet:
        """``meta set y se, studylabel(study)``.

        Raises
        ------
        FormulaError
            When it has other than one standard error, or names no column of studies.
        """
        first = command.take("meta")
        command.take("set")
        body = command.part(command.until(","))
        response = read_column(body, known)
        known_sd = known.column(body.take_name("the standard errors"), body)
        if not body.done:
            raise body.refuse("meta set is read with estimates and their standard errors", first)
        label = _argument_of(command, "studylabel", 8)
        if not label:
            raise command.refuse(
                "each row is a study here: name the column that tells them apart, as in meta set "
                f"{response} {known_sd}, studylabel(study)",
                first,
            )
        return cls(response, known_sd, known.column(label[0], command))

    def regress(self, command: Cursor, known: KnownColumns) -> Specification:
        """``meta regress x, random(reml)``, and ``meta summarize`` without columns.

        Raises
        ------
        FormulaError
            When the variance between studies is not estimated by a likelihood.
        """
        command.take("meta")
        word = command.take("a command")
        body = command.part(command.until(","))
        terms = [INTERCEPT, *read_terms_of(body, known, constant=True)] if not body.done else []
        named = _argument_of(command, "random", 6)
        method = "" if not named else named[0].text
        if method not in _LIKELIHOODS:
            raise command.refuse(
                f"random({method}) is no likelihood; read are random(reml) and random(mle)", word
            )
        random = varying_over((self.study,), [[INTERCEPT]])
        found = specify(self.response, terms or [INTERCEPT], random, "fixed part")
        return replace(found, known_sd=self.known_sd)


def _argument_of(command: Cursor, name: str, least: int) -> list[Word]:
    """Words in the parentheses behind one of the options; those of others are of output."""
    found: list[Word] = []
    command.take_if(",")
    while not command.done:
        word = command.take("an option")
        inside: list[Word] = []
        if command.take_if("("):
            inside = command.until(")")
            command.expect(")")
        if word.text in (
            "fixed",
            "common",
            "multiplicative",
            "subgroup",
            "cumulative",
            "tau2",
            "i2",
        ):
            raise command.refuse(f"the option '{word.text}' is not read: another model", word)
        if len(word.text) >= least and name.startswith(word.text):
            found = inside
    return found
