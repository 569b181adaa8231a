"""Weights of rows and known standard deviations of errors in nlme: ``varFixed``, written and read.

``varFixed(~ I(1/w))`` is σ²/w; ``varFixed(~ I(se^2))`` with σ held at 1 is se².  Held, σ changes
nothing of maximum likelihood; REML of nlme is then another criterion, whose variances are larger
by about n/(n − p), so that only the former is written.

References
----------
Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, section 5.2; ``help("lmeControl",
"nlme")``, argument ``sigma``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hierbayes.errors import FormulaError
from hierbayes.translation.dialect import ModelToWrite, pointed
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.words import r_name

_FREE = ("NULL", "0")


def fixed_variances(model: ModelToWrite) -> list[str]:
    """The varFixed of weights, or of known standard deviations; none without."""
    spec = model.specification
    if spec.known_sd:
        return [f"varFixed(~ I({r_name(spec.known_sd)}^2))"]
    return [f"varFixed(~ I(1/{r_name(spec.weights)}))"] if spec.weights else []


def held_sigma(model: ModelToWrite, function: str) -> list[str]:
    """The argument that holds σ at 1, where standard deviations are known.

    Raises
    ------
    FormulaError
        When REML is asked for.
    """
    if not model.specification.known_sd:
        return []
    if not model.ml:
        raise FormulaError(
            f"{function} of nlme has another REML where σ is held, as known_sd= does, and its "
            "variances are larger; write maximum likelihood, emit('nlme', ml=True), or for glmmtmb"
        )
    return [f"control = {function}Control(sigma = 1)"]


def take_rows(given: Mapping[str, Node], text: str) -> tuple[dict[str, Node], str, str]:
    """Arguments without varFixed and a σ held beside it; columns of weights and of known sd.

    Raises
    ------
    FormulaError
        For other fixed variances, and for a σ that is held without known ones.
    """
    rest, weights = dict(given), given.get("weights")
    held = _held(given)
    parts = [] if weights is None else [weights]
    if weights is not None and weights.function == "varComb":
        parts = [one for _, one in weights.arguments]
    fixed = [one for one in parts if one.function == "varFixed"]
    if not fixed:
        if held is not None:
            raise pointed(
                text, held.place, "sigma = ... holds σ fixed, which models here do not but beside "
                "known standard deviations, as in weights = varFixed(~ I(se^2)) and sigma = 1; "
                "leave it out to read the rest"
            )  # fmt: skip
        return rest, "", ""
    assert weights is not None
    others = tuple(one for one in parts if one.function != "varFixed")
    if others:
        rest["weights"] = replace(
            weights, parts=(weights.parts[0], *others), names=("",) * len(others)
        )
    else:
        del rest["weights"]
    if held is not None:
        del rest["control"]
    found = _of_form(fixed, known=held is not None and held.text == "1", text=text)
    return rest, *found


def _held(given: Mapping[str, Node]) -> Node | None:
    """The value that σ is held at."""
    control = given.get("control")
    arguments = control.arguments if control is not None and control.kind == "call" else ()
    values = [value for name, value in arguments if name == "sigma" and value.text not in _FREE]
    return values[0] if values else None


def _of_form(fixed: Sequence[Node], *, known: bool, text: str) -> tuple[str, str]:
    """Columns of weights and of known standard deviations that a form is of."""
    node = fixed[0].parts[1] if len(fixed[0].parts) > 1 else fixed[0]
    inner = node.parts[0] if node.kind == "prefix" and node.text == "~" else node
    inner = inner.parts[1] if inner.function == "I" and len(inner.parts) > 1 else inner
    ends = [one.text.strip("`") for one in inner.parts]
    if len(fixed) == 1 and not known and inner.text == "/" and ends[0] == "1":
        return ends[1], ""
    if len(fixed) == 1 and known and inner.text in ("^", "**") and ends[1] == "2":
        return "", ends[0]
    raise pointed(
        text, fixed[0].place, "varFixed is read as varFixed(~ I(1/w)), weights of rows, and as "
        "varFixed(~ I(se^2)) with control = lmeControl(sigma = 1), known standard deviations"
    )  # fmt: skip
