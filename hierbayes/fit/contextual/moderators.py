"""Settings of the variables that a slope depends on: levels of factors, values of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import isfinite
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np
from formulaic.parser.types import Factor

from hierbayes.design.design import Design
from hierbayes.errors import DataError, in_quotes
from hierbayes.specification.terms import names_in, without_braces


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for each variable that a slope depends on.

    Parameters
    ----------
    values : mapping
        From columns to a level or a number; empty where the slope depends on nothing.
    """

    values: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self.values),)

    @property
    def label(self) -> str:
        """The levels, and the numbers with the names of their columns."""
        parts = [
            f"{name} = {value:.4g}" if isinstance(value, Real) else str(value)
            for name, value in self.values.items()
        ]
        return ", ".join(parts)


def choose_settings(
    design: Design,
    x: str,
    factors: tuple[str, ...],
    at: Mapping[str, Any],
    *,
    on_itself: bool = False,
) -> tuple[Setting, ...]:
    """Every combination of the values at which slopes are wanted.

    Parameters
    ----------
    design : Design
    x : str
        Whose slopes; for messages.
    factors : tuple of str
        Factors of formula terms the slopes are multiplied with.
    at : mapping
        From columns to a value or a list of values.
    on_itself : bool
        Whether the slopes depend on x as well.

    Raises
    ------
    DataError
        When `at` names another column or holds an impossible value, or a number has neither a
        value nor a known mean.
    """
    group = design.specification.group
    if group in (factor.strip("`") for factor in factors):
        raise DataError(
            f"the slopes of '{x}' differ from one '{group}' to the next by fixed coefficients; "
            "slopes between groups do not exist beside them"
        )
    _refuse_shares(design, x, factors)
    levels = _levels(design, factors)
    names = [name for factor in factors for name in sorted(factor_names(factor)) if name != group]
    names = list(dict.fromkeys([*names, x] if on_itself else names))
    if not isinstance(at, Mapping):
        raise DataError(f"at must map columns to values, as in {{'w': 0}}, not {at!r}")
    for name in at:
        if name not in names:
            listed = in_quotes(names) or "no other variable"
            raise DataError(f"the slopes of '{x}' do not depend on '{name}' but on {listed}")
    values = [
        _chosen(name, at[name], levels.get(name))
        if name in at
        else levels.get(name) or [_mean(design, name, x)]
        for name in names
    ]
    return tuple(Setting(dict(zip(names, some, strict=True))) for some in product(*values))


def _refuse_shares(design: Design, x: str, factors: tuple[str, ...]) -> None:
    for factor in factors:
        if design.columns.fixed_spec.transform_state.get(without_braces(factor), {}).get("levels"):
            raise DataError(
                f"the slopes of '{x}' depend on '{factor}', the share of a level; make a column of "
                "0 and 1 of that factor, whose mean can be set"
            )


def factor_names(factor: str) -> frozenset[str]:
    """Names a factor reads values from; a single column may lack its backticks.

    Examples
    --------
    >>> sorted(factor_names("big w")), sorted(factor_names("np.log(size)"))
    (['big w'], ['size'])
    >>> sorted(factor_names("{size / ses}"))
    ['ses', 'size']
    """
    is_code = "(" in factor or factor[:1] in ("{", "`") or factor.isidentifier()
    return names_in(factor) if is_code else frozenset({factor})


def _levels(design: Design, factors: tuple[str, ...]) -> dict[str, list[Any]]:
    """Levels of the columns that stand in the factors as labels, by themselves or in ``C()``."""
    found = {}
    for factor in factors:
        kind, state = design.columns.fixed_spec.encoder_state.get(_key(factor), (None, {}))
        inside = factor.removeprefix("C(").rstrip(")").split(",")[0].strip().strip("`")
        if kind is Factor.Kind.CATEGORICAL and factor_names(factor) == {inside}:
            found[inside] = list(state["categories"])
    return found


def _key(factor: str) -> str:
    """What formulaic remembers a factor under."""
    name = without_braces(factor)
    return name.strip("`") if name.count("`") == 2 and name[0] == name[-1] == "`" else name


def _chosen(name: str, given: Any, levels: list[Any] | None) -> list[Any]:
    """The values given for a column, as a list."""
    values = list(given) if isinstance(given, list | tuple | np.ndarray) else [given]
    if not values:
        raise DataError(f"at gives no value of '{name}'")
    for value in values:
        if levels is not None and value not in levels:
            listed = ", ".join(map(str, levels))
            raise DataError(f"at: {value!r} is no level of '{name}'; they are: {listed}")
        if levels is None and not (isinstance(value, Real) and isfinite(value)):
            raise DataError(f"at: '{name}' is a number, and {value!r} is none")
    return values if levels is not None else [float(value) for value in values]


def _mean(design: Design, name: str, x: str) -> float:
    """Mean of a column over the rows, where the column or its group mean is in the model."""
    for term in (name, f"cvar({name}, {design.specification.group})"):
        if term in design.terms:
            return float(design.rows.X[:, design.terms.index(term)].mean())
    raise DataError(
        f"the slopes of '{x}' depend on '{name}', which is no fixed column of its own; say where "
        f"they are wanted, as in at={{'{name}': 0}}"
    )
