"""What a family has beside η, as a summary shows it: thresholds, zeros and dispersion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import has_thresholds
from hierbayes.families.family import ResponseFamily
from hierbayes.families.zero_part import ZeroPart
from hierbayes.fit.degrees_of_freedom.tails import two_sided
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats

type TitledTables = tuple[tuple[str, pd.DataFrame], ...]

ZEROS = "Zeros (logit of their probability)"


def names_by_title(family: ResponseFamily) -> dict[str, tuple[str, ...]]:
    """The parameters beside η under the heads that they stand under.

    Examples
    --------
    >>> import hierbayes as hb
    >>> names_by_title(hb.families.ZeroInflated(hb.families.NegativeBinomial()))
    {'Dispersion': ('phi',), 'Zeros (logit of their probability)': ('logit zero',)}
    """
    names = family.dispersion
    if has_thresholds(family):
        return {"Thresholds": names}
    inside = len(family.inside.dispersion) if isinstance(family, ZeroPart) else len(names)
    found = {"Dispersion": names[:inside], ZEROS: names[inside:]}
    return {title: own for title, own in found.items() if own}


def under_their_titles(
    table: pd.DataFrame, first: str, beside: Mapping[str, tuple[str, ...]]
) -> TitledTables:
    """A table of all variance parameters as one for each head; without rows that are of none.

    Parameters
    ----------
    table : DataFrame
        Whose index, or its first level, names parameters.
    first : str
        The head of those that stand under no other.
    beside : mapping
        From each further head to the parameters under it, as `names_by_title` has them.
    """
    names = table.index.get_level_values(0)
    others = [name for own in beside.values() for name in own]
    parts = [(first, table[~names.isin(others)])]
    parts += [(title, table[names.isin(own)]) for title, own in beside.items()]
    return tuple((title, part) for title, part in parts if len(part))


def tables_of_point(fit: Fitted, errors: Floats) -> TitledTables:
    """Values and standard errors; of coefficients of zeros with their z-values.

    Parameters
    ----------
    fit : Fitted
    errors : (k,) float
        Standard errors whose last are those of the dispersion, missing on a boundary.
    """
    names = fit.problem.dispersion
    errors = errors[len(errors) - len(names) :]
    value = fit.phi_draws.mean(axis=(0, 1))
    every = pd.DataFrame({"Value": value, "Std.Error": errors}, index=list(names))
    every["z-value"] = every["Value"] / every["Std.Error"]
    every["p-value"] = two_sided(every["z-value"].to_numpy(), np.full(len(every), np.inf))
    return tuple(
        (title, every.loc[list(own)] if title == ZEROS else every.loc[list(own)].iloc[:, :2])
        for title, own in names_by_title(fit.problem.family_rows.family).items()
    )


def tables_of_draws(fit: Fitted, parameters: pd.DataFrame) -> TitledTables:
    """The rows of a table of all parameters, index (block, parameter)."""
    of_names = parameters.droplevel("block")
    return tuple(
        (title, of_names.loc[list(own)])
        for title, own in names_by_title(fit.problem.family_rows.family).items()
    )
