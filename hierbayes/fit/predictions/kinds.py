"""What is asked of predictions, in the words of their arguments."""

from __future__ import annotations

from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.predictions.response_law import ResponseLaw

SCALES = {"response": "mean", "linear": "linear", "probability": "probability"}
KINDS = ("mean", "response", "linear")
UNCERTAINTIES = ("plug-in", "theta")


def asked_kind(scale: str, kind: str | None) -> str:
    """What is predicted, from two arguments of which one is enough.

    Raises
    ------
    DataError
        When one of them has no meaning, or they contradict each other.
    """
    if scale not in SCALES:
        raise DataError(
            f"scale must be 'response', 'linear' or, of categories, 'probability', not {scale!r}"
        )
    if kind is None:
        return SCALES[scale]
    if kind not in KINDS:
        raise DataError(f"kind must be one of {in_quotes(KINDS)}, not {kind!r}")
    if scale != "response" and kind not in ("mean", SCALES[scale]):
        raise DataError(f"kind={kind!r} is not on the scale {scale!r}; leave one of them out")
    return kind if scale == "response" else SCALES[scale]


def kind_of(asked: str, law: ResponseLaw) -> str:
    """What is predicted of a response: nominal categories have no mean, but probabilities."""
    nominal = asked == "mean" and law.categories and law.predictors > 1
    return "probability" if nominal else asked


def refuse_uncertainty(uncertainty: str | None) -> None:
    """Refuse a word that has no meaning, or that nothing asks for.

    Raises
    ------
    DataError
    """
    if uncertainty is not None:
        raise DataError("uncertainty is of limits; ask for them, as in predict(..., prob=0.95)")


def refuse_unknown_uncertainty(uncertainty: str | None) -> str:
    """The uncertainty that is asked of a maximum.

    Raises
    ------
    DataError
        When it is none.
    """
    if uncertainty is None:
        return UNCERTAINTIES[0]
    if uncertainty not in UNCERTAINTIES:
        raise DataError(
            f"uncertainty must be one of {in_quotes(UNCERTAINTIES)}, not {uncertainty!r}"
        )
    return uncertainty


def refuse_unknown_errors(errors: str) -> str:
    """What is taken of the errors of new rows.

    Raises
    ------
    DataError
        When it is neither ``"new"`` nor ``"given"``.
    """
    if errors not in ("new", "given"):
        raise DataError(f"errors must be 'new' or 'given', not {errors!r}")
    return errors
