"""Stata: options of ``mixed`` and its sisters, as far as they matter to the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hierbayes.translation.programs.code_words import Cursor, Word

_STRUCTURES = ("independent", "unstructured", "exchangeable", "identity")

# Options that leave the model as it is, each with the fewest letters that name it.
_HARMLESS = {
    "reml": 4, "mle": 2, "ml": 2, "variance": 3, "stddeviations": 3, "level": 1, "dfmethod": 3,
    "dftable": 3, "noretable": 5, "nofetable": 5, "estmetric": 6, "noheader": 4, "nogroup": 4,
    "nostderr": 5, "nolrtest": 4, "nolog": 5, "log": 3, "difficult": 3, "technique": 4,
    "iterate": 4, "tolerance": 3, "ltolerance": 4, "nrtolerance": 5, "nonrtolerance": 6,
    "emiterate": 3, "emtolerance": 4, "emonly": 5, "emlog": 5, "emdots": 4, "collinear": 3,
    "coeflegend": 5, "vce": 3, "trace": 2, "gradient": 3, "showstep": 6, "hessian": 4,
    "matsqrt": 7, "matlog": 6, "noomitted": 7, "baselevels": 4, "allbaselevels": 6,
}  # fmt: skip
# The same of commands of other responses, and options of these that say what the response is.
_OF_OTHERS = {
    "intmethod": 4, "intpoints": 4, "laplace": 3, "or": 2, "irr": 3, "eform": 5, "nocnsreport": 5,
    "startvalues": 6, "startgrid": 6, "notable": 5, "nolegend": 5, "refineopts": 6,
}  # fmt: skip
_OF_RESPONSE = {"binomial": 3, "exposure": 3, "offset": 3, "dispersion": 4, "family": 3, "link": 3}


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of one equation say.

    Parameters
    ----------
    noconstant : bool
    covariance : str
        The structure in full; Stata's default is ``"independent"``.
    covariance_word : Word or None
    response : dict of str to list of Word
        Options of what the response is, by name in full.
    residuals : tuple of (Word, list of Word) or None
        The option of the residual structure, and what stands in its parentheses.
    errors : tuple of (Word, list of Word) or None
        The same of known standard deviations of errors.
    """

    noconstant: bool = False
    covariance: str = "independent"
    covariance_word: Word | None = None
    response: dict[str, list[Word]] = field(default_factory=dict)
    residuals: tuple[Word, list[Word]] | None = None
    errors: tuple[Word, list[Word]] | None = None


def read_options(part: Cursor, *, others: bool = False) -> Options:
    """Options behind a comma, up to the end of an equation.

    Parameters
    ----------
    part : Cursor
    others : bool
        Whether they are of a command of a response that is not Gaussian.

    Raises
    ------
    FormulaError
        When one is not known, or asks for what the package does not have.
    """
    if not part.take_if(","):
        return Options()
    noconstant, covariance, place = False, "independent", None
    residuals: tuple[Word, list[Word]] | None = None
    errors: tuple[Word, list[Word]] | None = None
    response: dict[str, list[Word]] = {}
    harmless = _HARMLESS | (_OF_OTHERS if others else {})
    while not part.done:
        if part.take_if(","):
            continue
        word = part.take_name("an option")
        value = _argument(part)
        if _short(word, "noconstant", 3):
            noconstant = True
        elif _short(word, "covariance", 3):
            covariance, place = _structure(value, word, part), word
        elif _short(word, "residuals", 3):
            residuals = (word, value)
        elif _short(word, "essevariable", 3):
            errors = (word, value)
        elif others and (said := _full(word, _OF_RESPONSE)):
            response[said] = value
        elif not _full(word, harmless):
            raise part.refuse(
                f"the option '{word.text}' is not read: it is not known, or has no counterpart in "
                "the package",
                word,
            )
    return Options(noconstant, covariance, place, response, residuals, errors)


def _argument(part: Cursor) -> list[Word]:
    """Words in the parentheses behind an option."""
    if not part.take_if("("):
        return []
    words = part.until(")")
    part.expect(")")
    return words


def _full(word: Word, names: Mapping[str, int]) -> str:
    """Which of the options a word is, perhaps abbreviated; empty if none."""
    return next((name for name, least in names.items() if _short(word, name, least)), "")


def _short(word: Word, name: str, least: int) -> bool:
    """Whether a word is the name of an option or an abbreviation of it."""
    return len(word.text) >= least and name.startswith(word.text)


def _structure(value: list[Word], word: Word, part: Cursor) -> str:
    text = value[0].text if len(value) == 1 else ""
    found = [name for name in _STRUCTURES if len(text) >= 2 and name.startswith(text)]
    if not found:
        raise part.refuse(
            f"covariance({' '.join(w.text for w in value)}) is not supported: effects are "
            "correlated (unstructured) or independent, each with its own variance",
            value[0] if value else word,
        )
    return found[0]
