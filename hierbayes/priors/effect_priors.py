"""Priors of random effects as they are stated: by effect, or by factor and effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hierbayes.errors import PriorError, in_quotes
from hierbayes.specification.effect_name import EffectName
from hierbayes.specification.factor_name import factor_called


def by_effect(
    block: str, stated: Mapping[Any, Any], names: Sequence[EffectName]
) -> dict[EffectName, Any]:
    """What is stated for each random effect of a model.

    Parameters
    ----------
    block : str
        ``"sd"``, for messages.
    stated : mapping
        From an effect, as ``"ses"`` or its `EffectName`, to a prior; or from a grouping factor
        to such a mapping, or to the one prior of all its effects.
    names : sequence of EffectName
        The effects of the model.

    Raises
    ------
    PriorError
        When an effect or a factor does not exist, is one of several, or is stated twice.

    Examples
    --------
    >>> names = [EffectName("school", "Intercept"), EffectName("school", "ses")]
    >>> found = by_effect("sd", {"school": {"1": "a"}, "ses": "b"}, names)
    >>> [(str(name), prior) for name, prior in found.items()]
    [('Intercept', 'a'), ('ses', 'b')]
    """
    found: dict[EffectName, Any] = {}
    for name, prior in _each(block, stated, names):
        if name in found:
            raise PriorError(
                f"the prior of '{block}' for '{name}' of '{name.factor}' is stated twice; leave "
                "one of them out"
            )
        found[name] = prior
    return found


def refuse_intercept_twice(block: str, stated: Mapping[Any, Any]) -> None:
    """Refuse a mapping that names the intercept by both its names.

    Raises
    ------
    PriorError
    """
    if {"1", "Intercept"} <= set(map(str, stated)):
        raise PriorError(
            f"the prior of '{block}' for 'Intercept' is stated twice; '1' is its name too"
        )


def parameter_name(stated: object) -> str:
    """The name of a parameter; '1' is the intercept."""
    return {"1": "Intercept"}.get(str(stated), str(stated))


def _each(
    block: str, stated: Mapping[Any, Any], names: Sequence[EffectName]
) -> Iterator[tuple[EffectName, Any]]:
    """Every effect that is meant, with its prior."""
    refuse_intercept_twice(block, stated)
    for key, prior in stated.items():
        factors = tuple(dict.fromkeys(name.factor for name in names))
        meant_factor = factor_called(key, factors)
        of_factor = [name for name in names if name.factor == meant_factor]
        if isinstance(prior, Mapping):
            if not of_factor:
                raise PriorError(
                    f"there are priors of '{block}' for the effects of '{key}', which is no "
                    "grouping factor of this model; they are: "
                    f"{_listed(name.factor for name in names)}"
                )
            yield from _each(block, prior, of_factor)
            continue
        meant = [key] if key in names else _called(block, parameter_name(key), names)
        if not meant and not of_factor:
            raise PriorError(
                f"there is a prior of '{block}' for '{parameter_name(key)}', which does not exist; "
                f"valid names are: {_listed((*names, *(factors if len(factors) > 1 else ())))}"
            )
        for name in meant or of_factor:
            yield name, prior


def _called(block: str, effect: str, names: Sequence[EffectName]) -> list[EffectName]:
    """The effect of that name, if there is one, refused where several factors have it."""
    labelled = [name for name in names if f"{name.effect}|{name.factor}" == effect]
    found = labelled or [name for name in names if name.effect == effect]
    if len(found) > 1:
        raise PriorError(
            f"there is a prior of '{block}' for '{effect}', which varies over several grouping "
            f"factors, {_listed(name.factor for name in found)}; name one, as in "
            f"{block}={{'{found[0].factor}': {{'{effect}': ...}}}}"
        )
    return found


def _listed(names: Any) -> str:
    return in_quotes(dict.fromkeys(map(str, names)))
