"""Fits that inference can start from: maxima of the likelihood, and what they are called."""

from __future__ import annotations

from typing import Any

from hierbayes.errors import InferenceError
from hierbayes.fit.fit import Fit
from hierbayes.likelihood.collapsed import ML, REML

READINGS = {"REML": REML, "ML": ML}


def refuse_other_than_maxima(verb: str, *fits: Any) -> None:
    """Refuse what is no REML or ML fit.

    Parameters
    ----------
    verb : str
        The function that was called, for the message.

    Raises
    ------
    InferenceError
        Naming the argument and what it is.
    """
    for place, fit in enumerate(fits, 1):
        which = f"argument {place}" if len(fits) > 1 else "its argument"
        if not isinstance(fit, Fit):
            raise InferenceError(
                f"{verb}() takes fits, and {which} is of type {type(fit).__name__}; use what "
                "model.reml() or model.ml() returns"
            )
        if fit.engine not in READINGS:
            raise InferenceError(
                f"{verb}() reads a maximised likelihood, and {which} is a {fit.engine} fit; use "
                "model.reml() or model.ml()"
            )


def reading_of(fit: Fit) -> int:
    """``REML`` or ``ML``, as the likelihood counts them."""
    return READINGS[fit.engine]
