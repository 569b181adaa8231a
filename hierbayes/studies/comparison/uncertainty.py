"""What ignoring the uncertainty of θ costs: plug-in standard errors against posterior sds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.studies.comparison.decomposition import decompose
from hierbayes.studies.comparison.effect_labels import EffectLabels
from hierbayes.studies.comparison.model_difference import same_model
from hierbayes.studies.comparison.row_index import ordered_index

COLUMNS = ["plug_in", "posterior", "ratio", "given_theta", "from_theta", "share", "group"]
_INDEX = ["fit", "block", "parameter", "over"]
_PLUG_INS = ("REML", "ML", "MAP")


def plug_in_of(fits: Mapping[str, Fit], posterior: str) -> str | None:
    """The first REML fit of a posterior's model, or else its first ML or MAP fit."""
    for engine in _PLUG_INS:
        for name, fit in fits.items():
            if fit.engine == engine and same_model(fit, fits[posterior]):
                return name
    return None


def uncertainty_table(
    fits: Mapping[str, Fit],
    labels: Mapping[str, EffectLabels],
    estimates: Mapping[str, pd.DataFrame],
    groups: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Plug-in and full uncertainty of every γ, and of the groups' coefficients in summary.

    Returns
    -------
    DataFrame
        Index: posterior, block (``gamma`` or ``beta``), parameter, and for beta which of the
        groups: those with the smallest and the largest ratio (named in ``group``), and the
        median over groups of each column. Columns: ``plug_in``, the standard error given θ̂ of
        the first point fit of the same model; ``posterior``, the posterior sd; their
        ``ratio``; and the exact split of the posterior variance, as sds: ``given_theta`` is
        √E[Var(·|θ)], ``from_theta`` is √Var(E[·|θ]), and ``share`` the share of the latter.
        Without a plug-in fit the groups are ordered by share.
    """
    parts = []
    for name, fit in fits.items():
        if not fit.sampled or fit.problem.family is not None:
            continue  # of families γ and u are not normal given θ
        plug_in = plug_in_of(fits, name)
        split = decompose(fit)
        of_gamma = _rows(
            _of_gamma(estimates[name]),
            None if plug_in is None else _of_gamma(estimates[plug_in]),
            (split.gamma_given, split.gamma_theta),
        )
        parts += [(name, "gamma", term, "", row) for term, row in of_gamma.iterrows()]
        for span, of_factor in zip(fit.design.spans, split.betas, strict=True):
            for k, effect in enumerate(labels[name].effects[span]):
                of_beta = _rows(
                    groups[name].loc[effect, "se"],
                    None if plug_in is None else groups[plug_in].loc[effect, "se"],
                    (of_factor[0][:, k], of_factor[1][:, k]),
                )
                parts += [(name, "beta", effect, over, row) for over, row in _over_groups(of_beta)]
    table = pd.DataFrame([list(part[4]) for part in parts], columns=COLUMNS)
    table.index = ordered_index([part[:4] for part in parts], _INDEX)
    return table.astype(dict.fromkeys(COLUMNS[:-1], float))


def _of_gamma(table: pd.DataFrame) -> pd.Series:
    """Standard errors of the fixed effects by term; none where the fixed part is 0."""
    return table.loc[table.index.get_level_values("block") == "gamma", "se"].droplevel("block")


def _rows(full: pd.Series, plug_in: pd.Series | None, split: tuple[Floats, Floats]) -> pd.DataFrame:
    """All columns for the parameters of one block."""
    plug = np.nan if plug_in is None else plug_in.reindex(full.index)
    given, theta = split
    total = given + theta
    share = np.divide(theta, total, out=np.full(len(total), np.nan), where=total > 0.0)
    return pd.DataFrame(
        {
            "plug_in": plug,
            "posterior": full,
            "ratio": full / plug,
            "given_theta": np.sqrt(given),
            "from_theta": np.sqrt(theta),
            "share": share,
            "group": "",
        },
        index=full.index,
    )


def _over_groups(table: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    """The groups at the ends of the order, and the median of each column."""
    order = table["ratio"] if table["ratio"].notna().all() else table["share"].fillna(0.0)
    low, high = order.argmin(), order.argmax()
    middle = table.drop(columns="group").median()
    rows = [("min", table.iloc[low], table.index[low]), ("median", middle, "")]
    rows.append(("max", table.iloc[high], table.index[high]))
    return [(over, pd.concat([row.drop("group", errors="ignore"), pd.Series({"group": group})]))
            for over, row, group in rows]  # fmt: skip
