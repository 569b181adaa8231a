"""Whether the family of a model is a special case of another's, and where in its range.

A family of counts whose variance is larger than another's holds that other one at the end of the
range of its dispersion: under the smaller model the parameter lies on the boundary of what it can
be, as a variance of zero does, and its estimate stays there about half of the time.

References
----------
Self & Liang (1987), *Asymptotic Properties of Maximum Likelihood Estimators and Likelihood
Ratio Tests Under Nonstandard Conditions*, case 5; Lawless (1987), *Negative Binomial and Mixed
Poisson Regression*.
"""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.design.problem import Problem
from hierbayes.errors import InferenceError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.student_t import StudentT
from hierbayes.families.zero_part import ZeroPart
from hierbayes.specification.terms import read_terms


@dataclass(frozen=True, slots=True)
class FamilyGain:
    """What the family of a larger model has more.

    Parameters
    ----------
    parameters : int
        How many.
    ends : tuple of str
        What each of them that lies at the end of its range is in the smaller model, in words.
    lost : str
        Parameters of the larger model that the smaller one says nothing of, in words.
    """

    parameters: int = 0
    ends: tuple[str, ...] = ()
    lost: str = ""


def family_gain(small: Problem, big: Problem) -> FamilyGain:
    """What the family of the larger model has more; nothing of equal ones.

    Raises
    ------
    InferenceError
        When the family of the smaller model is no special case of the other.
    """
    if small.family is None or big.family is None or str(small.family) == str(big.family):
        return FamilyGain()
    gain = _gain(small.family, big.family)
    if gain is not None:
        return gain
    turned = _gain(big.family, small.family) is not None
    why = "the first, of the model with no more parameters, is not" if turned else "neither is made"
    raise InferenceError(
        f"the models have different families, {small.family} and {big.family}, and {why} a special "
        "case of the other; compare them by AIC or BIC, see model_table()"
    )


def refuse_unknown_law(gain: FamilyGain, effects: int, simulations: int) -> None:
    """Refuse a test whose statistic has no law that is known, unless it is simulated.

    Parameters
    ----------
    gain : FamilyGain
    effects : int
        Random effects that the larger model has more, whose variances are zero too.
    simulations : int

    Raises
    ------
    InferenceError
    """
    if simulations or has_known_law(gain, effects):
        return
    zero = f"{effects} variance{'s are' if effects > 1 else ' is'} zero"
    at = [*gain.ends, *((zero,) if effects else ())]
    why = gain.lost or "what is on the boundary together has a mixture of χ² without simple weights"
    raise InferenceError(
        f"under the smaller model {' and '.join(at)}, and {why}: give simulations=1000, or compare "
        "the models by AIC or BIC, see model_table()"
    )


def has_known_law(gain: FamilyGain, effects: int) -> bool:
    """Whether the statistic has a law that is known, as far as the family matters."""
    return not gain.lost and (not gain.ends or len(gain.ends) + effects == 1)


def _gain(small: ResponseFamily, big: ResponseFamily) -> FamilyGain | None:
    """What the larger family has more; None where the other is no special case of it."""
    if str(small) == str(big):
        return FamilyGain()
    if isinstance(small, StudentT) and isinstance(big, StudentT):
        return FamilyGain(1) if big.df is None else None
    for one, words in big.limits:
        if str(one) == str(small):
            return FamilyGain(1, (words,))
    if isinstance(big, ZeroPart):
        return _with_zeros(small, big)
    return None


def _with_zeros(small: ResponseFamily, big: ZeroPart) -> FamilyGain | None:
    """The same of a family with a probability of zeros."""
    ours = read_terms(big.zeros.removeprefix("~ "), "zeros")
    if type(small) is type(big) and isinstance(small, ZeroPart):
        inside = _gain(small.inside, big.inside)
        theirs = read_terms(small.zeros.removeprefix("~ "), "zeros")
        if inside is None or not set(theirs) <= set(ours):
            return None
        more = len(big.columns or (1,)) - len(small.columns or (1,))
        return FamilyGain(inside.parameters + more, inside.ends, inside.lost)
    inside = _gain(small, big.inside) if big.holds_inside else None
    if inside is None:
        return None
    lost = "the coefficients of its columns say nothing there" if big.further_terms else ""
    ends = (*inside.ends, big.no_zeros)
    return FamilyGain(inside.parameters + len(big.columns or (1,)), ends, lost)
