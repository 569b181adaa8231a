"""What predictions, comparisons and slopes read of their arguments."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from hierbayes.design.matrices import columns_needed
from hierbayes.errors import DataError
from hierbayes.fit.fit import Fit
from hierbayes.frames.named_columns import require_frame
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.margins.averages import RESERVED
from hierbayes.inference.margins.expected_rows import Asked, refuse_unknown_words

type Effects = str | Sequence[str]


def asked_of_call(fit: Fit, verb: str, effects: Effects, kind: str, group_means: str) -> Asked:
    """What is expected of rows, or a refusal.

    Raises
    ------
    DataError, InferenceError
        When it is no fit, or a word has no meaning.
    """
    refuse_other_than_fit(fit, verb, structured=True)
    named = effects if isinstance(effects, str) else tuple(dict.fromkeys(effects))
    asked = Asked(named, kind, group_means)
    refuse_unknown_words(fit, asked)
    return asked


def needed_rows(newdata: pd.DataFrame | None, role: str) -> pd.DataFrame:
    """Rows with their columns.

    Raises
    ------
    DataError
        When there are none.
    """
    if newdata is None:
        raise DataError(
            f"{role} needs the columns of the rows, and a fit keeps none of its data; hand over "
            "newdata=, the data of the fit or a grid made by datagrid()"
        )
    require_frame(newdata, "newdata")
    return newdata


def shown_columns(fit: Fit, rows: pd.DataFrame | None, term: str | None) -> list[str]:
    """Columns that the model reads, but for the one that is varied."""
    if rows is None:
        return []
    spec = fit.design.specification
    names = columns_needed(spec.fixed, *spec.random_effects, spec.offsets)
    names = tuple(dict.fromkeys((*names, *spec.group_columns)))
    return [n for n in names if n in rows.columns and n != term and n not in RESERVED]


def effects_in_words(fit: Fit, asked: Asked) -> str:
    """Which random effects are in what is expected."""
    if not fit.design.specification.random:
        return "none: the model has no random effects"
    if asked.effects == "all":
        return "all: given the effects of each row's own groups"
    if asked.effects == "none":
        return "none: of groups whose u is 0"
    if asked.effects == "new":
        words = "new: averaged over new groups, u ~ N(0, G)"
        exact = fit.problem.family is None or asked.kind == "linear"
        return words + ", which is at u = 0" * exact
    names = (asked.effects,) if isinstance(asked.effects, str) else asked.effects
    return f"given those of {', '.join(names)}, others 0"
