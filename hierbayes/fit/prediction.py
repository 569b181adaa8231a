"""Expected responses of the population or given the group's random effects, and residuals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_rows
from hierbayes.design.family_rows import offset_of
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.matrices import columns_needed, group_labels
from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers

type ByPredictor = Any  # a Series, or of several linear predictors or categories a DataFrame
_EFFECTS = ("all", "none")
RESIDUALS = ("response", "pearson")
SCALES = ("response", "linear", "probability")
_NEW_GROUPS = ("refuse", "population")
_GROUP_MEANS = ("remembered", "own")


def predict(
    fit: Fitted,
    data: pd.DataFrame | None,
    *,
    effects: str | Sequence[str],
    new_groups: str,
    group_means: str = "remembered",
) -> ByPredictor:
    """X γ + Z u (all random effects, or those of factors) or X γ, for the rows or new ones.

    With offsets where there are any: the linear predictor, or the several of each row.
    """
    counted = counted_factors(fit, effects)
    if new_groups not in _NEW_GROUPS:
        raise DataError(f"new_groups must be one of {', '.join(_NEW_GROUPS)}, not {new_groups!r}")
    if group_means not in _GROUP_MEANS:
        raise DataError(
            f"group_means must be one of {', '.join(_GROUP_MEANS)}, not {group_means!r}"
        )
    design, random = fit.design, bool(counted)
    if data is None:
        X, Z, codes, index = design.rows.X, design.rows.Z, design.rows.codes_of, design.rows.index
        offset = design.rows.offset
    else:
        if not isinstance(data, pd.DataFrame):
            raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}")
        data = _new_rows(fit, data, random=random)
        X, Z = design.columns.new_matrices(data, random=random, own_means=group_means == "own")
        index = data.index
        codes = _codes(fit, data, new_groups) if random else ()
        P = design.columns.n_predictors
        codes = tuple(np.repeat(one, P) for one in codes)
        offset = np.repeat(offset_of(design.specification, data), P)
    mean = X @ fit.gamma + offset
    if random:
        for k in counted:
            span = design.spans[k]
            u = np.vstack([fit.u_means[k], np.zeros(span.stop - span.start)])  # last: unknown
            mean = mean + (Z[:, span] * u[codes[k]]).sum(axis=1)
    return by_predictor(mean, index, design.columns.predictors)


def by_predictor(values: Floats, index: pd.Index, names: tuple[str, ...]) -> ByPredictor:
    """Values of rows (n,) as a series; those of P predictors (n P,) as a frame of P columns."""
    if not names:
        return pd.Series(values, index=index, name="predicted")
    columns = pd.Index(names, name="category")
    return pd.DataFrame(values.reshape(-1, len(names)), index=index, columns=columns)


def counted_factors(fit: Fitted, effects: str | Sequence[str]) -> tuple[int, ...]:
    """The factors whose random effects are in a prediction."""
    factors = fit.design.specification.factors
    if isinstance(effects, str) and effects in _EFFECTS:
        return tuple(range(len(factors))) if effects == "all" else ()
    named = [effects] if isinstance(effects, str) else effects
    if not isinstance(named, Sequence) or not set(named) <= set(factors):
        known = f", or grouping factors: {in_quotes(factors)}" if len(factors) > 1 else ""
        raise DataError(
            f"effects must be 'all' (given the row's own group) or 'none' (population){known}, not "
            f"{effects!r}"
        )
    return tuple(factors.index(name) for name in dict.fromkeys(named))


def residuals(fit: Fitted, eta: pd.Series, kind: str) -> pd.Series:
    """y minus its prediction, of a Gaussian response; those of Pearson divided by σ.

    Raises
    ------
    DataError
        When there is no such kind.
    """
    if kind not in RESIDUALS:
        raise DataError(
            f"there are no residuals {kind!r} of a Gaussian response; kind is one of: "
            f"{in_quotes(RESIDUALS)}"
        )
    rest = fit.design.rows.y - eta
    if kind == "pearson":
        rest = rest / fit.sigma
    return rest.rename("residual")


def refuse_foreign_words(words: Iterable[str], verb: str) -> None:
    """Refuse arguments that predictions do not take; nlme's ``level`` with what to write here.

    Raises
    ------
    DataError
    """
    for word in words:
        if word == "level":
            raise DataError(
                f"{verb}() takes no level: levels count rows as 1 and groups as 2 here; nlme's "
                "level=0 is effects='none', and its level=1 is effects='all'"
            )
        raise DataError(f"{verb}() takes no argument '{word}'")


def _new_rows(fit: Fitted, data: pd.DataFrame, *, random: bool) -> pd.DataFrame:
    spec = fit.design.specification
    needed = [*columns_needed(spec.fixed, spec.offsets)]
    if random:
        needed += [*columns_needed(*spec.random_effects), *spec.group_columns]
    groups = spec.group_columns
    names = [name for name in dict.fromkeys(needed) if name in data.columns or name in groups]
    frame, _, dropped = complete_rows(data, names)
    if dropped.rows:
        worst = next(iter(dropped.by_column))
        raise DataError(
            f"'{worst}' is missing in {dropped.by_column[worst]} of the new rows; predictions need "
            "complete rows"
        )
    return frame


def _codes(fit: Fitted, data: pd.DataFrame, new_groups: str) -> tuple[Integers, ...]:
    """By factor the position of each row's group among those of the fit; J for a new one."""
    columns_of = fit.design.specification.columns_of
    return tuple(
        _codes_of(factor, group_labels(data, columns_of[factor.name]), new_groups)
        for factor in fit.design.factors
    )


def _codes_of(factor: GroupingFactor, labels: pd.Series, new_groups: str) -> Integers:
    codes = factor.find(labels)
    if (codes < 0).any():
        first = labels.iloc[int((codes < 0).argmax())]
        if new_groups == "refuse":
            raise DataError(
                f"{factor.no_group(first)}; use effects='none', or new_groups='population' to "
                "predict it with u = 0"
            )
        codes = np.where(codes < 0, factor.J, codes)
    return codes
