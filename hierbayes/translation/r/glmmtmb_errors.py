"""Residual structures as glmmTMB has them, written.

A correlation of errors is a random effect of each row, with ``dispformula = ~ 0`` in place of a
residual variance; standard deviations without one are ``dispformula``, on a logarithmic scale.
``ar1`` takes the levels of its factor for times one apart, whichever of them a group has; ``cs``,
``toep`` and ``us`` have a variance for each level, and ``homtoep`` and ``hetar1``, of later
versions, one or several where the others have not.

References
----------
Kristensen & McGillycuddy, *Covariance structures with glmmTMB*, a vignette of the package.
"""

from __future__ import annotations

from hierbayes.design.error_columns import ErrorTimes
from hierbayes.errors import FormulaError
from hierbayes.residuals.autoregression import CAR1
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.structure import Correlation, ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.error_structures import refuse_repeated
from hierbayes.translation.r.glmmtmb_rows import log_sd_offsets
from hierbayes.translation.r.variance_terms import log_sd_terms
from hierbayes.translation.r.words import r_name

WORDS = {
    "AR1": ("ar1", "hetar1"),
    "CAR1": ("ou", ""),
    "CompoundSymmetry": ("", "cs"),
    "Toeplitz": ("homtoep", "toep"),
    "Unstructured": ("us", ""),
}  # of one variance, and of a variance for each time
STRUCTURES = frozenset([*WORDS, "Strata", "Power", "Exponential"])


def error_terms(model: ModelToWrite) -> tuple[list[str], str]:
    """The term of the correlation, and ``dispformula``; empty where it is left out.

    Raises
    ------
    FormulaError
        For a product of which glmmTMB has no word, and times that it would take for others.
    """
    structure, times = model.specification.residual, model.variables.times
    offsets = log_sd_offsets(model)
    if structure is None or structure.correlation is None or times is None:
        terms = [*(log_sd_terms(structure) or ["1"] * bool(offsets)), *offsets]
        return [], f"~ {' + '.join(terms)}" if terms else ""
    if offsets:
        raise FormulaError(
            f"glmmTMB has no weights beside correlated errors, as those of {structure.text} are; "
            "nlme has them"
        )
    return [_term(structure, structure.correlation, times)], "~ 0"


def rows_with_times(model: ModelToWrite) -> str:
    """The statement that leaves out rows without a time, where numFactor() stops at them."""
    structure = model.specification.residual
    part = None if structure is None else structure.correlation
    if not isinstance(part, CAR1):
        return ""
    times = f"{model.data}${r_name(part.time)}"
    return f"{model.data} <- {model.data}[!is.na({times}), ]  # numFactor() takes no missing time\n"


def _term(structure: ResidualStructure, part: Correlation, times: ErrorTimes) -> str:
    name, group = type(part).__name__, ":".join(map(r_name, times.columns))
    by_time = _time_of_variances(structure, part)
    refuse_repeated(structure.text, by_time, times, "glmmTMB's cs()")
    word = WORDS[name][1 if by_time else 0]
    if not word:
        raise FormulaError(_without_word(structure, part))
    time = by_time or getattr(part, "time", None)
    if time is None:
        raise FormulaError(
            f"glmmTMB has the errors of {part!r} at occasions, and none is named; make a column "
            f"of the places of rows, and name it, as in {name}('place')"
        )
    return f"{word}(0 + {_occasions(time, name, times)} | {group})"


def _occasions(time: str, name: str, times: ErrorTimes) -> str:
    """The factor of occasions."""
    if name == "CAR1":
        return f"numFactor({r_name(time)})"
    if name in ("Unstructured", "CompoundSymmetry") or times.every:
        return f"factor({r_name(time)})"
    if not times.whole:
        raise FormulaError(
            f"glmmTMB takes the levels of '{time}' for times one apart, and its values are no "
            "whole numbers; hb.residuals.CAR1 is its ou(), of any times"
        )
    return f"factor({r_name(time)}, levels = {times.labels[0]}:{times.labels[-1]})"


def _time_of_variances(structure: ResidualStructure, part: Correlation) -> str:
    """The time of a variance for each; empty where there is one variance."""
    if not structure.variances:
        return ""
    (*more, one) = structure.variances
    by = one.by if isinstance(one, Strata) and not more else ()
    if len(by) == 1 and (isinstance(part, CompoundSymmetry) or getattr(part, "time", "") == by[0]):
        return by[0]
    raise FormulaError(_without_word(structure, part))


def _without_word(structure: ResidualStructure, part: Correlation) -> str:
    if isinstance(part, CompoundSymmetry) and not structure.variances:
        return (
            f"glmmTMB has no word for {part!r}, whose rows have no occasions: its cs() is of them, "
            "with a variance for each, as in CompoundSymmetry() * Strata('visit'); nlme has it"
        )
    own = "" if isinstance(part, Unstructured) else " but one for each of its own times"
    return (
        f"glmmTMB cannot say {structure.text}: beside a correlation of errors it has no variances"
        f"{own}; nlme has them"
    )
