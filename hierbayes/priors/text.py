"""Priors written as text, as model files have them: ``"HalfT(3, 0, 5)"``.

The text is matched, never evaluated: the name of a family, and numbers in parentheses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields

from hierbayes.errors import PriorError
from hierbayes.priors.blocks import FAMILIES
from hierbayes.priors.families import Prior

_CALL = re.compile(r"\s*(?P<name>\w+)\s*\((?P<inside>[^()]*)\)\s*")
_ARGUMENT = re.compile(
    r"\s*(?:(?P<name>[a-z]+)\s*=\s*)?(?P<value>[+-]?[0-9.]+(?:[eE][+-]?\d+)?)\s*"
)
_BY_NAME = {family.__name__: family for family in FAMILIES}


def read_prior(text: str) -> Prior:
    """Read a prior.

    Parameters
    ----------
    text : str
        A family with its numbers in order, or by name, as in ``"Normal(mu=0, sigma=2)"``.

    Raises
    ------
    PriorError
        When the text is not of this form, no family has this name, or the numbers are not
        those it takes. The message lists the families.

    Examples
    --------
    >>> read_prior("HalfT(3, 0, 5)")
    HalfT(nu=3.0, mu=0.0, sigma=5.0)
    """
    call = _CALL.fullmatch(text)
    if call is None:
        raise PriorError(
            f"cannot read the prior '{text}': write a family with its numbers, as in "
            f"HalfNormal(10); the families are: {_listed()}"
        )
    family = _BY_NAME.get(call["name"])
    if family is None:
        raise PriorError(
            f"cannot read the prior '{text}': there is no family '{call['name']}'; "
            f"the families are: {_listed()}"
        )
    return family(**_arguments(family, call["inside"], text))


def read_priors(
    texts: Mapping[str, str | Mapping[str, str]],
) -> dict[str, Prior | dict[str, Prior]]:
    """Read the priors of a model: a text for a block, or for each name in it."""
    return {
        block: read_prior(stated)
        if isinstance(stated, str)
        else {name: read_prior(text) for name, text in stated.items()}
        for block, stated in texts.items()
    }


def _arguments(family: type[Prior], inside: str, text: str) -> dict[str, float]:
    """The numbers of a family by parameter, each given once; all that have no default."""
    names = [parameter.name for parameter in fields(family)]
    free = iter(names)
    given: dict[str, float] = {}
    for written in inside.split(",") if inside.strip() else []:
        match = _ARGUMENT.fullmatch(written)
        name = match and (match["name"] or next(free, None))
        value = _number(match["value"]) if match else None
        if name not in names or name in given or value is None:
            raise _wrong_numbers(family, text)
        given[name] = value
    needed = {one.name for one in fields(family) if one.default is MISSING}
    if not needed <= given.keys():
        raise _wrong_numbers(family, text)
    return given


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _wrong_numbers(family: type[Prior], text: str) -> PriorError:
    return PriorError(
        f"cannot read the prior '{text}': the numbers do not fit {_signature(family)}; "
        f"the families are: {_listed()}"
    )


def _signature(family: type[Prior]) -> str:
    return f"{family.__name__}({', '.join(parameter.name for parameter in fields(family))})"


def _listed() -> str:
    return ", ".join(map(_signature, FAMILIES))
