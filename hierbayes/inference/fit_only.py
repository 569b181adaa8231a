"""Refusal of what is no fit."""

from __future__ import annotations

from hierbayes.errors import HypothesisError
from hierbayes.fit.fit import Fit


def refuse_other_than_fit(fit: object, caller: str) -> None:
    """Refuse what is no fit.

    Raises
    ------
    HypothesisError
        Naming the type.
    """
    if not isinstance(fit, Fit):
        raise HypothesisError(
            f"{caller}() takes a fit, and this is of type {type(fit).__name__}; fits are what "
            "model.reml(), ml(), map() and sample() return"
        )
