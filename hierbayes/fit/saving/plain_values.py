"""Values as JSON, each with what it is: read back as it was, and nothing is ever run.

Only the classes listed here are written and read, field by field.  A change of their fields is a
new number of the format.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.complete import Dropped
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.evidence import Maximum
from hierbayes.fit.of_family.evidence import LatentMaximum
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.blocks import FAMILIES
from hierbayes.priors.correlation_families import UniformPartials
from hierbayes.priors.elsewhere import CorrOfMatrix, SdOfMatrix
from hierbayes.priors.families import Centred, Known
from hierbayes.priors.prior_set import PriorSet
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.residuals.text import read_residual_text
from hierbayes.specification.effect_name import EffectName
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.response import ResponseTerm

_CLASSES: Mapping[str, type[Any]] = {
    one.__name__: one
    for one in (
        *FAMILIES, BlockMatrices, SdOfMatrix, CorrOfMatrix, Centred, Known, UniformPartials,
        PriorSet, EffectName, Specification, RandomTerm, ResponseTerm, Dropped, Maximum,
        LatentMaximum, SamplerSettings,
    )
}  # fmt: skip


class NotPlainError(TypeError):
    """A value of a class that no file holds; its text names the class."""


def as_plain(value: Any) -> Any:
    """A value as JSON holds it: truth values, whole numbers and texts bare, all else by kind.

    Raises
    ------
    NotPlainError
        When it is of none of the kinds that are known here.

    Examples
    --------
    >>> as_plain((1, "a", 0.5, float("inf")))
    {'tuple': [1, 'a', 0.5, {'float': 'inf'}]}
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else {"float": str(number)}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [as_plain(one) for one in value]}
    if isinstance(value, ResidualStructure):
        return {"residual": value.text}
    if isinstance(value, dict):
        return {"dict": [[as_plain(key), as_plain(one)] for key, one in value.items()]}
    return _time(value) or _of_class(value)


def _time(value: Any) -> Any:
    match value:
        case pd.Interval():
            return {"interval": [as_plain(value.left), as_plain(value.right), value.closed]}
        case pd.Period():
            return {"period": [str(value), value.freqstr]}
        case pd.Timestamp():
            return {"timestamp": [value.isoformat(), str(value.tz or ""), value.unit]}
        case datetime.date() if type(value) is datetime.date:
            return {"date": value.isoformat()}
    return None


def _of_class(value: Any) -> Any:
    name = type(value).__name__
    if _CLASSES.get(name) is not type(value):
        raise NotPlainError(name)
    return {"is": name, "has": {f.name: as_plain(getattr(value, f.name)) for f in fields(value)}}


def from_plain(plain: Any) -> Any:
    """The value that JSON holds.

    Raises
    ------
    ValueError, TypeError, KeyError
        When it was not written by `as_plain`.

    Examples
    --------
    >>> from_plain(as_plain((1, "a", 0.5, float("inf"))))
    (1, 'a', 0.5, inf)
    """
    if not isinstance(plain, dict):
        if isinstance(plain, list):
            raise ValueError("a bare list")
        return plain
    if "is" in plain:
        made = _CLASSES[plain["is"]]
        return made(**{name: from_plain(one) for name, one in plain["has"].items()})
    ((kind, inside),) = plain.items()
    match kind:
        case "tuple":
            return tuple(from_plain(one) for one in inside)
        case "list":
            return [from_plain(one) for one in inside]
        case "dict":
            return {from_plain(key): from_plain(one) for key, one in inside}
        case "float":
            return float(inside)
        case "residual":
            return read_residual_text(inside)
        case "interval":
            left, right, closed = inside
            return pd.Interval(from_plain(left), from_plain(right), closed)
        case "period":
            return pd.Period(*inside)
        case "timestamp":
            moment, zone, unit = inside
            return pd.Timestamp(moment, tz=zone or None).as_unit(unit)
        case "date":
            return datetime.date.fromisoformat(inside)
    raise ValueError(f"a value of kind {kind!r}")
