r"""What the intercept estimates: the weight each group has in it.

Any weighted mean Σ_j w_jȲ_j with Σ_j w_j = 1 is unbiased for γ_00 of the one-way model.  The one
of least variance, which REML, ML and the posterior take given θ, has

    w_j ∝ 1/(g_00 + σ²/n_j),

between 1/J (g_00 ≫ σ²: the mean of groups) and n_j/n (g_00 ≪ σ²: the mean of rows).  Which it is
depends on g_00/σ² alone, not on what is asked.  In any model with an intercept, w_j is how much
the estimate of γ_00 rises when every response of group j rises by one,

    w_j = c'(X'V⁻¹X)⁻¹X_j'V_j⁻¹1,

the weight of the group's own intercept, β̂_0j; these sum to 1, and may be negative.

Source: the lecture slides *Mixed Models with R*, "Estimating the one-way ANOVA model" and "Mixed
model approach".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError, FormulaError, HypothesisError
from hierbayes.fit.effects import blue
from hierbayes.fit.fit import Fit
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.frames.arrays import Floats
from hierbayes.frames.constancy import varies_within
from hierbayes.frames.grouping import group_rows
from hierbayes.inference.accepted_fits import problem_of
from hierbayes.inference.context.group_coding import EQUAL, SAMPLE_SIZE, group_weights
from hierbayes.inference.context.intercept_estimate import (
    INTERCEPT,
    InterceptEstimate,
    has_common_intercept,
    intercept_estimate,
    weighted_intercept,
)
from hierbayes.likelihood.reading import REML
from hierbayes.specification.formula import one_factor_instead

_SCHEMES = {"equal": EQUAL, "sample_size": SAMPLE_SIZE}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InterceptWeights(Printed):
    """The weight of each group in the intercept, and what other weights would give.

    Parameters
    ----------
    table : DataFrame
        A row per group: ``n``, ``size`` where sizes are given, ``mean`` (Ȳ_j), and the weights
        ``equal`` (1/J), ``sample_size`` (n_j/n), ``size_share`` (s_j/Σs) and ``model``. Of a
        posterior ``model`` is averaged over the draws of θ.
    estimates : DataFrame
        A row per scheme: ``estimate``, ``se_given_groups`` (these β_0j: only the rows are a
        sample, Σ w_j²σ²/n_j) and ``se`` (the groups are a sample as well,
        Σ w_j²(g_00 + σ²/n_j)). Where the fixed part gives groups different intercepts, or
        has variables without random effect, ``model`` alone.
    about, conclusion, notes : tuple of str
    """

    table: pd.DataFrame
    estimates: pd.DataFrame
    about: tuple[str, ...]
    conclusion: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """One row per group and scheme, for pictures: ``group``, ``n``, ``scheme``, ``weight``."""
        schemes = [name for name in (*_SCHEMES, "size_share", "model") if name in self.table]
        wide = self.table[["n", *schemes]].rename_axis("group").reset_index()
        return wide.melt(["group", "n"], schemes, var_name="scheme", value_name="weight")

    def page(self) -> Page:
        """The estimates, the weights, and what they mean."""
        blocks = (
            Table(self.estimates, "Estimates"),
            Table(self.table, "Weights of the groups"),
            Items(self.conclusion, "What this says"),
            Items(self.notes, "Notes"),
        )
        return Page("What the intercept estimates", self.about, blocks)


def intercept_weights(
    source: Any, size: Any = None, *, data: pd.DataFrame | None = None
) -> InterceptWeights:
    """The weight each group has in the estimate of the intercept.

    Parameters
    ----------
    source : Model or Fit
        Of any engine; a model is fitted by REML.
    size : str, Series or mapping, optional
        Sizes of the groups in the population: a column that is constant within groups (of the
        data of the model, or of ``data``), or numbers by group.
    data : DataFrame, optional
        The data of a fit, where ``size`` names a column: a fit keeps the columns of its model
        alone.

    Returns
    -------
    InterceptWeights

    Raises
    ------
    HypothesisError
        When it is neither model nor fit, or the model has no intercept.
    FormulaError
        When the model has several grouping factors.
    DataError
        When sizes cannot be found, are not positive, or vary within a group.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ 1", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> print(hb.intercept_weights(model, "Size").estimates.round(4))
                 estimate  se_given_groups      se
    scheme
    equal         12.5835           0.1450  0.4713
    sample_size   12.7832           0.1416  0.4788
    size_share    12.5182           0.1738  0.5478
    model         12.6047           0.1443  0.4712
    """
    problem = problem_of(source, "intercept_weights")
    problem.design.specification.refuse_no_random_part("intercept_weights()")
    if len(problem.design.factors) > 1:
        raise FormulaError(
            one_factor_instead("weights of groups in an intercept", problem.design.specification)
        )
    if INTERCEPT not in problem.design.terms:
        raise HypothesisError(
            f"the fixed part '{problem.design.specification.fixed_formula}' has no intercept, so "
            "that there is none to weigh; write it with '1'"
        )
    fit = source if isinstance(source, Fit) else maximum_likelihood(problem, REML)
    sizes = _sizes(fit.design, size, data if data is not None else getattr(source, "data", None))
    intercept = intercept_estimate(fit)
    table = _table(fit, sizes, intercept.weights)
    estimates = _estimates(fit, table, intercept)
    return InterceptWeights(
        table=table,
        estimates=estimates,
        about=subject_of(fit.design).lines(("Given", _given(fit))),
        conclusion=_conclusion(fit, table, estimates),
        notes=_notes(estimates),
    )


def _sizes(design: Design, size: Any, data: pd.DataFrame | None) -> Floats | None:
    """Sizes of the groups (J,), from numbers by group or from a column."""
    if size is None:
        return None
    if isinstance(size, str):
        size = _size_column(design, size, data)
    rows = pd.Series(np.bincount(design.rows.codes, minlength=design.J), index=design.groups)
    return group_weights(rows, size)


def _size_column(design: Design, size: str, data: pd.DataFrame | None) -> pd.Series:
    group = design.specification.group
    if data is None:
        raise DataError(
            f"a fit does not keep the column '{size}': give data=..., or the sizes themselves as a "
            f"Series by {group}"
        )
    for column in (size, group):
        if column not in data.columns:
            raise DataError(f"there is no column '{column}' in the data")
    groups = group_rows(data, group)
    several = varies_within(data[size], groups)
    if several.any():
        raise DataError(
            f"'{size}' varies within {group} {groups.labels[int(several.argmax())]}; a size is one "
            f"number for each {group}"
        )
    sizes: pd.Series = data.groupby(group, observed=True)[size].first()
    return sizes


def _table(fit: Fit, sizes: Floats | None, weights: Floats) -> pd.DataFrame:
    """The table of `InterceptWeights`."""
    design = fit.design
    rows = np.bincount(design.rows.codes, minlength=design.J)
    columns: dict[str, Any] = {"n": rows}
    if sizes is not None:
        whole = (sizes == np.round(sizes)).all()
        columns["size"] = sizes.astype(int) if whole else sizes
    y = design.rows.plain_response("intercept_weights()")
    columns["mean"] = np.bincount(design.rows.codes, y, minlength=design.J) / rows
    columns |= {"equal": np.full(design.J, 1.0 / design.J), "sample_size": rows / rows.sum()}
    if sizes is not None:
        columns["size_share"] = sizes / sizes.sum()
    return pd.DataFrame(columns | {"model": weights}, index=pd.Index(design.groups, name="group"))


def _estimates(fit: Fit, table: pd.DataFrame, intercept: InterceptEstimate) -> pd.DataFrame:
    """The estimate and both standard errors under each scheme of weights."""
    rows = {}
    schemes = (*_SCHEMES, "size_share") if has_common_intercept(fit) else ()
    for scheme in schemes:
        if scheme in table:
            rows[scheme] = weighted_intercept(fit, table[scheme].to_numpy())
    rows["model"] = (
        intercept.estimate,
        float(np.sqrt(intercept.variance_given_groups)),
        float(np.sqrt(intercept.variance)),
    )
    columns = ["estimate", "se_given_groups", "se"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("scheme")


def _given(fit: Fit) -> str:
    if not fit.sampled:
        return f"θ̂ by {fit.engine}"
    return (
        "generalised least squares at every draw of θ, averaged over the draws; the prior of γ is "
        "left out"
    )


def _conclusion(fit: Fit, table: pd.DataFrame, estimates: pd.DataFrame) -> tuple[str, ...]:
    group, model, J = fit.design.specification.group, table["model"], len(table)
    value, se = estimates.loc["model", ["estimate", "se"]]
    lines = [
        f"the intercept is estimated by {value:.4f} ± {se:.4f}, in which a {group} weighs "
        f"{model.min():.4f} to {model.max():.4f}; equal weights are {1 / J:.4f}, shares of the "
        f"rows {table['sample_size'].min():.4f} to {table['sample_size'].max():.4f}"
    ]
    none = int((model == 0.0).sum())
    if none:
        lines.append(
            f"{none} of {J} have no weight: this is the intercept of the others alone, such as "
            "those of the reference level of a factor"
        )
    if len(estimates) == 1 or np.ptp(table["n"]) == 0:
        return tuple(lines)
    share, even = table["sample_size"] - 1 / J, model - 1 / J
    way = float(share @ even / (share @ share))
    lines.append(
        f"these weights are {100 * way:.0f}% of the way from equal ones (the mean of {group}s) to "
        "shares of the rows (the mean of rows). The ratio of variances between and within decides "
        f"this, not the question: for a mean of these {group}s, or of all who are in them, take "
        "the row with that name and its standard error given the groups"
    )
    own = blue(fit)[INTERCEPT].to_numpy()
    if np.isfinite(own).all():
        r = float(np.corrcoef(own, table["n"])[0, 1])
        lines.append(
            f"the groups' own intercepts correlate {r:+.2f} with their numbers of rows; the "
            "farther from 0, the less the rows of the table of estimates are about one thing"
        )
    return tuple(lines)


def _notes(estimates: pd.DataFrame) -> tuple[str, ...]:
    notes = [
        "model: by how much the estimate of the intercept rises when every response of the group "
        "rises by one; these weights sum to 1",
        "se_given_groups takes these groups as they are (only rows are sampled), se takes them for "
        "a sample; both given the variance parameters",
    ]
    if len(estimates) == 1:
        notes.append(
            "other weights are not compared: the fixed part gives groups different intercepts, or "
            "has variables without random effects, so that their mean is not the intercept"
        )
    elif estimates["estimate"].isna().any():
        notes.append(
            "other weights have no estimate: some groups have too few rows for coefficients of "
            "their own"
        )
    return tuple(notes)
