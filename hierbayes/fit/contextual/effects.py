"""Slopes within and between groups, and the contextual effect, of a fit of any engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.inner_outer_df import dimension_df
from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError
from hierbayes.fit.about import about_fit
from hierbayes.fit.contextual.slopes import ContextualSlopes, contextual_slopes
from hierbayes.fit.degrees_of_freedom.source import METHODS, DfSource
from hierbayes.fit.degrees_of_freedom.tails import t_quantile, two_sided
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.frames.contextual import latent_means

SLOPES = ("within", "between", "contextual")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ContextualEffects(Printed):
    """The slopes of x within and between groups, and what the group's mean adds.

    To read the slope between groups as one within them is Robinson's paradox, the ecological
    fallacy; all rows together may have another sign than those within groups, Simpson's.

    Parameters
    ----------
    title : str
    about : tuple of str
        Lines on the model, the data, the group mean and what is conditional.
    table : DataFrame
        Rows ``within`` (β_W), ``between`` (β_B) and ``contextual`` (β_B − β_W); where the slopes
        depend on other variables, these three at each setting, index (``at``, ``slope``).
        REML and ML: ``estimate``, ``se``, ``df``, ``t``, ``p``, ``lower``, ``upper``; MAP: the
        same without ``t`` and ``p``; posterior: ``estimate`` (mean), ``sd``, ``lower``, ``upper``
        and ``above``, the probability that it is positive.
    differences : DataFrame
        The same of each setting less the first; without rows where there is one setting.
    weights : DataFrame
        Rows of ``table`` by fixed terms: each is a linear combination of γ, for `wald` with
        other degrees of freedom, as in ``hb.wald(fit, effects.weights.loc[["contextual"]])``.
    notes : tuple of str
    """

    title: str
    about: tuple[str, ...]
    table: pd.DataFrame
    differences: pd.DataFrame
    weights: pd.DataFrame
    notes: tuple[str, ...]

    def page(self) -> Page:
        """Slopes and their differences; P(> 0) is spelt out."""
        shown = [(self.table, "Slopes")]
        if len(self.differences):
            shown.append((self.differences, "Differences between settings"))
        tables = (Table(frame.rename(columns={"above": "P(> 0)"}), title) for frame, title in shown)
        return Page(self.title, self.about, (*tables, Items(self.notes)))


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which slopes is asked.

    Parameters
    ----------
    x : str
    at : mapping or None
        Values of what the slopes depend on.
    factor : str or None
        The grouping factor.
    """

    x: str
    at: Mapping[str, Any] | None
    factor: str | None


def effects_given_theta(
    fit: Fitted, asked: Asked, source: DfSource, interval: Interval
) -> ContextualEffects:
    """The slopes of x of a point fit; see `hierbayes.fit.fit.Fit.contextual`."""
    given = f"θ̂ by {fit.engine}; {100 * interval.prob:g}% limits; df: {_df_words(source)}"
    table = partial(_table_given_theta, fit, source, interval)
    return _effects(fit, asked, given, table, source.notes)


def _df_words(source: DfSource) -> str:
    if source.method == "inner-outer":
        return "those within groups (within) and between them"
    return METHODS[source.method]


def effects_of_draws(fit: Fitted, asked: Asked, interval: Interval) -> ContextualEffects:
    """The slopes of x of a posterior; see `hierbayes.fit.fit.Fit.contextual`."""
    given = f"nothing, marginal over θ; limits: {interval}"
    return _effects(fit, asked, given, partial(_table_of_draws, fit, interval))


def _effects(
    fit: Fitted,
    asked: Asked,
    given: str,
    table: Callable[[pd.DataFrame], pd.DataFrame],
    notes: tuple[str, ...] = (),
) -> ContextualEffects:
    """Made of the table that a kind of fit has for rows of weights."""
    if not isinstance(asked.x, str):
        raise DataError(f"a variable is named by text, as in 'ses', not {asked.x!r}")
    slopes = contextual_slopes(fit.design, asked.x, asked.at, asked.factor)
    weights = _weights(slopes, fit.design.terms)
    groups = "groups" if len(fit.design.factors) == 1 else f"groups of '{slopes.factor}'"
    return ContextualEffects(
        title=f"Slopes of '{asked.x}' within and between {groups}, {fit.engine}",
        about=_about(fit, slopes, given),
        table=table(weights),
        differences=table(_differences(slopes, fit.design.terms)),
        weights=weights,
        notes=(*_notes(fit, slopes), *notes),
    )


def _weights(slopes: ContextualSlopes, terms: tuple[str, ...]) -> pd.DataFrame:
    """The three slopes at each setting, rows by terms."""
    parts = np.stack([slopes.within, slopes.between, slopes.contextual], axis=1)
    labels = [setting.label for setting in slopes.settings]
    index: pd.Index = pd.MultiIndex.from_product([labels, SLOPES], names=["at", "slope"])
    if labels == [""]:
        index = index.droplevel("at")
    return _frame(parts, index, terms)


def _differences(slopes: ContextualSlopes, terms: tuple[str, ...]) -> pd.DataFrame:
    """Each setting less the first, rows by terms."""
    parts = np.stack([slopes.within, slopes.between, slopes.contextual], axis=1)
    first, *others = [setting.label for setting in slopes.settings]
    labels = [f"{label} − {first}" for label in others]
    index = pd.MultiIndex.from_product([labels, SLOPES], names=["at", "slope"])
    return _frame(parts[1:] - parts[:1], index, terms).loc[lambda rows: (rows != 0.0).any(axis=1)]


def _frame(parts: Floats, index: pd.Index, terms: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        parts.reshape(-1, len(terms)), index=index, columns=pd.Index(terms, name="term")
    )


def _table_of_draws(fit: Fitted, interval: Interval, weights: pd.DataFrame) -> pd.DataFrame:
    """Means of combinations of γ, sds, limits, and the probability of being positive."""
    draws = fit.gamma_draws @ weights.to_numpy().T
    lower, upper = interval.of_draws(draws)
    columns = {"estimate": draws.mean(axis=(0, 1)), "sd": draws.std(axis=(0, 1), ddof=1)}
    columns |= {"lower": lower, "upper": upper, "above": (draws > 0.0).mean(axis=(0, 1))}
    return pd.DataFrame(columns, index=weights.index)


def _table_given_theta(
    fit: Fitted, source: DfSource, interval: Interval, weights: pd.DataFrame
) -> pd.DataFrame:
    """Estimates of combinations of γ given θ̂, t and its limits."""
    L = weights.to_numpy()
    estimate = L @ fit.gamma
    se = np.sqrt(np.einsum("mp,pr,mr->m", L, source.gamma_cov, L))
    df = source.of_rows(L)
    if source.method == "inner-outer":  # of columns, which mix the two levels where x is raw
        inner, outer = dimension_df(fit.design.rows.X, fit.design.rows.codes, fit.design.J)
        df = np.where(weights.index.get_level_values("slope") == "within", inner, outer)
    columns = {"estimate": estimate, "se": se, "df": df}
    if fit.reading is not None:
        columns |= {"t": estimate / se, "p": two_sided(estimate / se, df)}
    half = t_quantile(df, interval.tails[1]) * se
    columns |= {"lower": estimate - half, "upper": estimate + half}
    return pd.DataFrame(columns, index=weights.index)


def _about(fit: Fitted, slopes: ContextualSlopes, given: str) -> tuple[str, ...]:
    group, x = slopes.factor, slopes.x
    means = {
        "cvar": f"cvar({x}, {group}), the mean of the rows at hand (exact)",
        "lvar": f"lvar({x}, {group}), latent group mean (approximate)",
        "x": f"that of the rows at hand, {x} − dvar({x}, {group}) (exact)",
    }
    if slopes.own:
        means["cvar"] = f"{slopes.own}, which is cvar({x}, {group}) of these rows (exact)"
    return about_fit(fit, ("Mean", means[slopes.mean]), ("Given", given))


def _notes(fit: Fitted, slopes: ContextualSlopes) -> tuple[str, ...]:
    x, group = slopes.x, slopes.factor
    notes = [
        f"contextual = between − within: what one unit more in the mean of the {group} adds for "
        f"rows of the same '{x}'. To read the slope between groups as one within them is the "
        "ecological fallacy, the converse the atomistic one",
    ]
    if x in slopes.settings[0].values:
        notes.append(
            f"these slopes change with '{x}' itself: they are those of a row at the mean of its "
            f"{group}, at the given value"
        )
    if slopes.held:
        notes.append(
            f"{', '.join(slopes.held)} held: the slope between groups is that between groups of "
            f"'{group}' that lie in the same group of the other factor"
        )
    if slopes.mean == "lvar":
        notes.append(_latent_note(fit, x, group))
    if x in fit.design.of_factor(fit.design.place_of_factor(group)).effects:
        notes.append(
            f"the random slope is that of '{x}' itself: slopes that vary between groups then make "
            f"a {group}'s level depend on its mean; dvar({x}, {group}) in the random part keeps "
            "the two apart"
        )
    return tuple(notes)


def _latent_note(fit: Fitted, x: str, group: str) -> str:
    latent = latent_means(fit.design.columns.fixed_spec.transform_state)
    own = latent.get(f"lvar({x}, {group})") or (next(iter(latent.values())))
    reliability = own.reliability
    return (
        f"approximate: the sample means, of reliability {reliability.min():.2f} to "
        f"{reliability.max():.2f}, are replaced by predictions of the latent means, variance "
        f"components of '{x}' (by moments) taken as known. Standard errors leave out that the "
        "latent means are uncertain: they are too small, the more so the lower the reliability. "
        "Other variables of the groups do not help to predict the latent means"
    )
