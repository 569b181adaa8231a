"""SAS: options of PROC MIXED, GLIMMIX and their statements, as far as they matter to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.translation.programs.code_words import NAME, Cursor, Word

# Options that leave the model as it is: output, numerics, tests.  Those that matter are read
# by name; any other is refused.
MIXED_OPTIONS = frozenset({
    "absolute", "alpha", "anovaf", "asycorr", "asycov", "cl", "convf", "convg", "convh",
    "covtest", "data", "dfbw", "empirical", "ic", "info", "itdetails", "lognote", "maxfunc",
    "maxiter", "method", "mmeq", "mmeqsol", "namelen", "noclprint", "noinfo", "noitprint",
    "noprofile", "ord", "order", "plots", "ranks", "ratio", "scoring", "sigiter", "update",
})  # fmt: skip
MODEL_OPTIONS = frozenset({
    "alpha", "alphap", "chisq", "cl", "contain", "corrb", "covb", "covbi", "ddf", "ddfm", "e",
    "e1", "e2", "e3", "fullx", "htype", "influence", "intercept", "lcomponents", "nocontain",
    "noint", "notest", "outp", "outpm", "outpred", "outpredm", "residual", "s", "singchol",
    "singres", "singular", "solution", "vciry", "xpvix", "xpvixi", "zeta",
})  # fmt: skip
RANDOM_OPTIONS = frozenset({
    "alpha", "cl", "g", "gc", "gci", "gcorr", "gi", "nofullz", "s", "solution", "subject", "type",
    "v", "vc", "vci", "vcorr", "vi",
})  # fmt: skip
REPEATED_OPTIONS = frozenset({
    "group", "local", "r", "rc", "rci", "rcorr", "ri", "subject", "type",
})  # fmt: skip
GLIMMIX_OPTIONS = MIXED_OPTIONS | {
    "abspconv", "asycorr", "gradient", "hessian", "initglm", "inititer", "noinitglm",
    "noitprint", "nobsdetail", "pconv", "singchol", "startglm", "qpoints", "initgrid", "inner",
}  # fmt: skip
GLIMMIX_MODEL_OPTIONS = MODEL_OPTIONS | {
    "dist", "link", "offset", "oddsratio", "stdcoef", "reflinp", "dfcontrast",
}  # fmt: skip
_SHORT = {
    "sub": "subject",
    "grp": "group",
    "noi": "noint",
    "d": "dist",
    "distribution": "dist",
    "error": "dist",
    "or": "oddsratio",
}
_LACKING = {
    "nobound": "variances are never negative here",
    "group": "G is the same in all groups",
}
_UNSTRUCTURED = ("un", "unr", "fa0")
_INDEPENDENT = ("vc", "un(1)")


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its name in full, and the words of its value."""

    name: str
    word: Word
    words: Sequence[Word]

    @property
    def value(self) -> str:
        """The value as text."""
        return "".join(word.text for word in self.words)


def read_options(statement: Cursor, known: frozenset[str], where: str) -> list[Option]:
    """Options up to the end of a statement.

    Raises
    ------
    FormulaError
        When one is not among the known.
    """
    options = []
    while not statement.done:
        word = statement.take("an option")
        name = _SHORT.get(word.text.lower(), word.text.lower())
        if word.kind != NAME or name not in known:
            why = _LACKING.get(name, "it is not known, or has no counterpart in the package")
            raise statement.refuse(f"the option '{word.text}' of {where} is not read: {why}", word)
        value: list[Word] = []
        if statement.take_if("="):
            value = _value(statement)
        elif statement.sees("("):
            _parenthesis(statement)
        options.append(Option(name, word, value))
    return options


def read_options_behind(statement: Cursor, known: frozenset[str], where: str) -> list[Option]:
    """The same behind a slash; none without one."""
    return read_options(statement, known, where) if statement.take_if("/") else []


def is_unstructured(option: Option, words: int, statement: Cursor) -> bool:
    """Whether TYPE= correlates all effects; False where they are independent.

    Parameters
    ----------
    option : Option
        TYPE=.
    words : int
        Words of the effects: the q with which FA0(q) is unstructured.
    statement : Cursor

    Raises
    ------
    FormulaError
        For a structure that the package does not have.
    """
    value = option.value.lower()
    if value in _UNSTRUCTURED or (value.startswith("fa0(") and value == f"fa0({words})"):
        return True
    if value in _INDEPENDENT:
        return False
    raise statement.refuse(
        f"TYPE={option.value.upper()} is not supported: a block of G is unstructured (TYPE=UN), "
        "and blocks are independent (TYPE=VC)",
        option.words[0] if option.words else option.word,
    )


def _value(statement: Cursor) -> list[Word]:
    """A value: a word, with a two-level name, a parenthesis or a product behind it."""
    words: list[Word] = []
    if not statement.sees("("):
        words.append(statement.take("a value"))
    while statement.sees(".", "*", ","):
        words += [statement.take("a mark"), statement.take("a name")]
    while statement.sees("("):
        words += _parenthesis(statement)
    return words


def _parenthesis(statement: Cursor) -> list[Word]:
    words = [statement.take("'('"), *statement.until(")"), statement.expect(")")]
    return words
