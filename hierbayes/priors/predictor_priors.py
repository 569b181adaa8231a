"""Priors of a column in every linear predictor that has it, as nominal categories do.

The columns of a model with several linear predictors bear the name of theirs, ``"bus: income"``;
what is stated of ``"income"`` is meant of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.predictors import column_name
from hierbayes.errors import PriorError
from hierbayes.priors.effect_priors import parameter_name

_COLUMNS = ("gamma", "sd", "corr")  # the blocks whose parameters are of columns


def for_every_predictor(given: Mapping[str, Any], design: Design) -> dict[str, Any]:
    """Stated priors, those of a column put under its name in each linear predictor.

    Raises
    ------
    PriorError
        When a prior is stated of a column in one of them and in all.
    """
    predictors = design.columns.predictors
    if not predictors:
        return dict(given)
    blocks = [design.effect_labels[at] for at in block_slices(design.blocks)]
    known: dict[str, list[tuple[str, ...]]] = {
        "gamma": [(term,) for term in design.terms],
        "sd": [(effect,) for effect in (*design.effects, *design.effect_labels)],
        "corr": [tuple(labels) for labels in blocks if len(labels) > 1],
    }
    return {
        block: _in_full(block, stated, known[block], predictors)
        if block in _COLUMNS and isinstance(stated, Mapping)
        else stated
        for block, stated in given.items()
    }


def _in_full(
    block: str,
    stated: Mapping[Any, Any],
    known: Sequence[tuple[str, ...]],
    predictors: Sequence[str],
) -> dict[Any, Any]:
    full = {", ".join(names): _plain(names, predictors) for names in known}
    found: dict[Any, Any] = {}
    for key, prior in stated.items():
        if isinstance(prior, Mapping):  # the effects of one grouping factor
            found[key] = _in_full(block, prior, known, predictors)
            continue
        name = parameter_name(key)
        meant = [one for one, plain in full.items() if plain == name and name not in full]
        if block == "corr" and not meant:  # a grouping factor, one of several
            meant = [one for one in full if one.partition(", ")[0].endswith(f"|{name}")]
        for one in meant or [key]:
            if one in found or (meant and one in stated):
                raise PriorError(
                    f"the prior of '{block}' for '{one}' is stated twice, the other time as that "
                    f"of '{name}' in all categories; leave one of them out"
                )
            found[one] = prior
    return found


def _plain(names: Sequence[str], predictors: Sequence[str]) -> str:
    """Names without that of their linear predictor."""
    starts = [column_name(one, "") for one in predictors]
    start = max((s for s in starts if names[0].startswith(s)), key=len, default="")
    return ", ".join(name.removeprefix(start) for name in names)
