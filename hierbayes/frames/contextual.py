"""Contextual variables in a formula: the group mean of x, latent or not, and the deviation from it.

``cvar(x, g)`` is the mean of x in the row's group, the contextual variable;
``dvar(x, g) = x − cvar(x, g)`` is x centred within groups; ``lvar(x, g)`` is an estimate of the
mean that the group would have if more rows were drawn from it.  The groups a model was fitted on
are remembered: in new data a known group keeps its mean, and an unknown group gets that of its
own new rows.

Source: the lecture slides *Mixed Models with R*, "Contextual effects".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from formulaic.transforms import stateful_transform

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.grouping import variance_components
from hierbayes.frames.native_numbers import native_numbers

MEANS, _LEVELS, _LATENT = "means", "levels", "latent"  # what a state remembers
_LEARNS = "learns"  # whether it remembers the groups of new data, too


@stateful_transform
def cvar(x: Any, group: Any, _state: Any = None) -> pd.Series:
    """Group mean of x, one value a row: the contextual variable.

    Parameters
    ----------
    x : (n,) numbers, booleans or a factor with two levels (a proportion)
    group : (n,) group labels

    Returns
    -------
    (n,) Series
    """
    values, labels = numbers_of(x, _state), group_labels_of(group)
    return _remembered(x, values, labels, _means, _state)


@stateful_transform
def dvar(x: Any, group: Any, _state: Any = None) -> pd.Series:
    """Deviation of x from its group mean, one value a row: x centred within groups."""
    means = cvar(x, group, _state=_state)
    return pd.Series(numbers_of(x, _state) - means.to_numpy(), index=means.index)


@stateful_transform
def lvar(x: Any, group: Any, _state: Any = None) -> pd.Series:
    r"""Latent group mean of x, one value a row: the sample mean, corrected for its unreliability.

    The rows of a group are taken for a sample from it, x_ij = ξ_j + e_ij; then
    E(ξ_j | x̄_j) = μ + λ_j(x̄_j − μ) with the reliability λ_j = τ²/(τ² + σ²/n_j).  τ² and σ² are
    moments (one-way analysis of variance for groups of unequal size) and μ is the mean of the
    x̄_j weighted by 1/(τ² + σ²/n_j).

    Beside x itself, its coefficient estimates the contextual effect of ξ_j (regression
    calibration), which that of ``cvar(x, g)`` understates where groups are small.  This is
    approximate: τ², σ² and μ are plugged in, the uncertainty of ξ_j is left out of standard
    errors, and other variables of the groups do not help to predict ξ_j.  In simulations with 200
    groups (``tests/benchmarks/latent_means.py``) 95% intervals covered 93% of the time at a
    reliability of 0.9 and 82% at 0.5, where standard errors were 0.6 of what they should be.

    Parameters
    ----------
    x : (n,) numbers, booleans or a factor with two levels
    group : (n,) group labels

    Returns
    -------
    (n,) Series

    Raises
    ------
    DataError
        When the group means differ by no more than sampling explains, or no group has two rows.

    References
    ----------
    Croon & van Veldhoven (2007), doi:10.1037/1082-989X.12.1.45; Lüdtke, Marsh, Robitzsch,
    Trautwein, Asparouhov & Muthén (2008), doi:10.1037/a0012869.
    """
    values, labels = numbers_of(x, _state), group_labels_of(group)
    if _LATENT not in _state:
        name = getattr(x, "name", None) or "x"
        _state[_LATENT] = _latent_means(values, _groups_of(labels), name)
    latent: LatentMeans = _state[_LATENT]
    return _remembered(x, values, labels, latent.of, _state)


CONTEXT = {"cvar": cvar, "dvar": dvar, "lvar": lvar}


class Groups(NamedTuple):
    """Groups of rows.

    Parameters
    ----------
    codes : (n,) int
        The place of each row's group, −1 where its label is missing.
    labels : (J,) Index
        Of the groups, in order of appearance.
    """

    codes: Integers
    labels: pd.Index

    @property
    def sizes(self) -> pd.Series:
        """Rows of each group, by label."""
        known = self.codes[self.codes >= 0]
        return pd.Series(np.bincount(known, minlength=len(self.labels)) * 1.0, self.labels)

    def of_rows(self, values: Floats) -> Floats:
        """What each row's group has (n,) of values (J,); missing where it has no label."""
        found: Floats = np.append(values, np.nan)[self.codes]
        return found


def _groups_of(labels: Any) -> Groups:
    codes, found = pd.factorize(labels)
    return Groups(codes, pd.Index(found))


@dataclass(frozen=True, slots=True, eq=False)
class LatentMeans:
    """What `lvar` plugs in.

    Parameters
    ----------
    mean : float
        μ.
    between, within : float
        τ² of the latent means and σ² of rows about them.
    reliability : (J,) Series
        λ_j of the groups of the fit.
    """

    mean: float
    between: float
    within: float
    reliability: pd.Series

    def of(self, values: Floats, groups: Groups) -> pd.Series:
        """E(ξ_j | x̄_j) of each group, by label."""
        means, rows = _means(values, groups), groups.sizes
        return self.mean + self.between / (self.between + self.within / rows) * (means - self.mean)


def forget_groups(
    states: Mapping[str, dict[str, Any]], *, certain: bool = False
) -> dict[str, dict[str, Any]]:
    """States of transformations in which no group is remembered; the given ones stay as they are.

    Parameters
    ----------
    states : mapping
        From expressions to states, as formulaic keeps them.
    certain : bool
        Whether a latent mean shall be the sample mean itself.
    """
    changed = {}
    for expression, remembered in states.items():
        state = dict(remembered)
        if MEANS in state:
            state[MEANS] = state[MEANS].iloc[:0]
        if certain and _LATENT in state:
            state[_LATENT] = replace(state[_LATENT], between=1.0, within=0.0)
        changed[expression] = state
    return changed


def learning_groups(
    states: Mapping[str, dict[str, Any]], *, learns: bool
) -> dict[str, dict[str, Any]]:
    """States of transformations that will, or will no longer, remember groups of new data."""
    return {expression: {**state, _LEARNS: learns} for expression, state in states.items()}


def latent_means(states: Mapping[str, dict[str, Any]]) -> dict[str, LatentMeans]:
    """What the latent means among these states plug in, by expression."""
    return {text: state[_LATENT] for text, state in states.items() if _LATENT in state}


def _latent_means(values: Floats, groups: Groups, name: str) -> LatentMeans:
    means, rows = _means(values, groups), groups.sizes
    n, J = len(values), len(rows)
    if J < 2 or n == J:
        raise DataError(
            f"lvar cannot tell how reliable the group means of '{name}' are: there are {J} groups "
            f"in {n} rows, and it takes two groups and one with two rows; use cvar"
        )
    sizes = rows.to_numpy(dtype=np.float64)
    inside = float(((values - groups.of_rows(means.to_numpy())) ** 2).sum())
    across = float((sizes * (means.to_numpy() - values.mean()) ** 2).sum())
    between, within = variance_components(inside, across, sizes)
    if between <= 0.0:
        raise DataError(
            f"lvar finds no latent group means of '{name}': its means differ by no more than "
            "sampling explains; leave it out, or use cvar for the means as they are"
        )
    weights = 1.0 / (between + within / sizes)
    return LatentMeans(
        mean=float(weights @ means.to_numpy() / weights.sum()),
        between=between,
        within=within,
        reliability=pd.Series(between * weights, index=means.index, name="reliability"),
    )


def group_labels_of(group: Any) -> Any:
    """Labels (n,) of groups as they are remembered."""
    return np.asarray(native_numbers(pd.Series(group)))


def _remembered(
    x: Any,
    values: Floats,
    labels: Any,
    summarise: Callable[[Floats, Groups], pd.Series],
    state: dict[str, Any],
) -> pd.Series:
    """Each row's group value: as remembered, or of the new rows for a group that is not."""
    groups, index = _groups_of(labels), x.index if isinstance(x, pd.Series) else None
    if MEANS not in state:
        state[MEANS] = summarise(values, groups)
        return pd.Series(groups.of_rows(state[MEANS].to_numpy()), index=index)
    means: pd.Series = state[MEANS]
    new = means.index.get_indexer(groups.labels) < 0
    if new.any():
        unknown = np.append(new, False)[groups.codes]
        own = summarise(values[unknown], _groups_of(labels[unknown]))
        means = pd.concat([means, own]) if len(means) else own
        if state.get(_LEARNS):
            state[MEANS] = means
    in_order = means.reindex(groups.labels).to_numpy()
    return pd.Series(groups.of_rows(in_order), index=index)


def _means(values: Floats, groups: Groups) -> pd.Series:
    """Mean of the known values in each group, by label.

    The mean of what is left of the values once a first mean is taken out is added to it.  So the
    mean of equal values is their value: what is left of each is the rounding of the first mean.
    """
    codes, J = groups.codes, len(groups.labels)
    known = (codes >= 0) & ~np.isnan(values)
    if not known.all():
        codes, values = codes[known], values[known]
    with np.errstate(all="ignore"):  # groups without values, infinite ones
        sizes = np.bincount(codes, minlength=J)
        means = np.bincount(codes, values, J) / sizes
        means += np.bincount(codes, values - means[codes], J) / sizes
    return pd.Series(means, groups.labels)


def numbers_of(x: Any, state: dict[str, Any]) -> Floats:
    """Numbers as they are; a factor with two levels as 0 and 1, its levels remembered."""
    series = pd.Series(x)
    is_factor = isinstance(series.dtype, pd.CategoricalDtype) or series.dtype.kind in "OU"
    if _LEVELS not in state:
        state[_LEVELS] = list(series.astype("category").cat.categories) if is_factor else None
        if is_factor and len(state[_LEVELS]) != 2:
            raise DataError(
                f"cvar, dvar and lvar need numbers or a factor with two levels; this one has "
                f"{len(state[_LEVELS])}: {', '.join(map(str, state[_LEVELS][:5]))}"
            )
    levels = state[_LEVELS]
    if levels is None:
        return series.to_numpy().astype(np.float64)
    codes = pd.Index(levels).get_indexer(pd.Index(np.asarray(series)))
    if (codes < 0).any():
        raise DataError(
            f"cvar, dvar and lvar: the level '{series.iloc[int((codes < 0).argmax())]}' is not "
            f"among those of the fit ({', '.join(map(str, levels))})"
        )
    return codes.astype(np.float64)
