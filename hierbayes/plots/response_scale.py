"""Linear predictors on the scale of the response, for pictures of families."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import has_thresholds
from hierbayes.display.interval import Interval
from hierbayes.errors import StudyError, in_quotes
from hierbayes.families.binomial import Bernoulli
from hierbayes.families.counts import Counts
from hierbayes.families.zero_part import ZeroPart
from hierbayes.fit.fit import Fit
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.frames.arrays import Floats, stacked
from hierbayes.plots.fit_rows import AverageRows
from hierbayes.plots.response_curves import curve_frames


def of_response(
    fit: Fit, averaged: AverageRows, band: pd.DataFrame, interval: Interval
) -> pd.DataFrame:
    """A band of η = Xγ and the mean offset as one of the expected response of a group with u = 0.

    Limits of η are turned into those of the response; of a posterior the response is that of each
    draw with its own dispersion.  Thresholds keep the scale of η.

    Parameters
    ----------
    fit : Fit
    averaged : AverageRows
    band : DataFrame
        As `pointwise_band` makes it.
    interval : Interval

    Returns
    -------
    DataFrame
        ``estimate``, ``se``, ``df``, ``lower``, ``upper``; ``se`` is that of η, but where zeros
        depend on columns.
    """
    if fit.problem.family is None:
        offset = mean_offset(fit)
        return band.assign(**{name: band[name] + offset for name in ("estimate", "lower", "upper")})
    if has_thresholds(fit.problem.family):
        return band
    if averaged.further is not None:
        return curve_frames(fit, averaged, interval)[0]
    rows, L = fit.problem.family_rows, averaged.X
    m, offset = np.full(len(L), np.median(rows.m)), float(rows.offset.mean())
    if isinstance(fit, FamilyPosteriorFit):
        eta = stacked(fit.gamma_draws) @ L.T + offset
        phi = fit.phi.reshape(len(eta), -1)
        draws = np.stack(
            [rows.family.mean(one, m, own) for one, own in zip(eta, phi, strict=True)]
        )[None]
        lower, upper = interval.of_draws(draws)
        return band.assign(estimate=draws.mean(axis=(0, 1)), lower=lower, upper=upper)
    phi = fit.mean_phi
    shown = {
        name: rows.family.mean(band[name].to_numpy() + offset, m, phi)
        for name in ("estimate", "lower", "upper")
    }
    return band.assign(**shown)


def place_of_category(fit: Fitted, category: str | None) -> slice:
    """The linear predictor of a category among those of each row; of one predictor, all rows.

    Raises
    ------
    StudyError
        When a nominal response needs a category, or another response has none.
    """
    names = () if fit.problem.family is None else fit.problem.family.predictors
    if not names and category is None:
        return slice(None)
    if not names:
        raise StudyError("category= is of nominal responses, which have a linear predictor each")
    if category not in names:
        first = fit.problem.family_rows.outcomes[0]
        raise StudyError(
            "nominal categories have a linear predictor each: name one in category=, whose log "
            f"odds against '{first}' are looked at: {in_quotes(names)}; hb.comparisons() has "
            "differences in probability"
        )
    return slice(names.index(category), None, len(names))


def response_label(fit: Fitted) -> str:
    """What stands beside the axis of the response."""
    name = fit.design.specification.response.strip("`")
    if fit.problem.family is None:
        return f"expected {name}"
    if has_thresholds(fit.problem.family):
        return f"η of {name} ({fit.problem.family.link} scale)"
    return expected_label(fit) + where_u_is_zero(fit)


def where_u_is_zero(fit: Fitted) -> str:
    """Of which groups a curve on the scale of the response is; of no random effects nothing."""
    return " where u = 0" if fit.design.specification.random else ""


def expected_label(fit: Fitted) -> str:
    """What the expected response of a family is called."""
    rows, name = fit.problem.family_rows, fit.design.specification.response.strip("`")
    family = rows.family.inside if isinstance(rows.family, ZeroPart) else rows.family
    if rows.of_trials:
        return f"expected share of {name}"
    if isinstance(family, Bernoulli):
        outcome = f" = {rows.outcomes[1]}" if len(rows.outcomes) == 2 else ""
        return f"probability of {name}{outcome}"
    return f"expected count of {name}" if isinstance(family, Counts) else f"expected {name}"


def refuse_categories(verb: str, fit: Fitted) -> None:
    """Refuse ordered and nominal categories, which have no expected response.

    Raises
    ------
    StudyError
    """
    family = fit.problem.family
    if family is not None and family.has_categories:
        raise StudyError(
            f"{verb}() shows expected responses, and categories have none; "
            "predict(data, scale='probability') has their probabilities"
        )


def response_points(fit: Fitted) -> Floats:
    """The responses (n,) as numbers on the scale of their mean; of trials their shares."""
    rows = fit.design.rows
    if rows.family is None:
        return rows.observed
    observed = rows.family.observed
    return observed / np.maximum(rows.family.sizes, 1.0) if rows.family.of_trials else observed


def link_label(fit: Fitted) -> str:
    """The scale of η, beside an axis; empty for a Gaussian response."""
    family = fit.problem.family
    return "" if family is None else f" ({family.link} scale)"


def offset_in_words(fit: Fitted) -> str:
    """At what the offset is held, where there is one and it matters."""
    family = fit.problem.family
    if not fit.design.specification.offsets or (family is not None and has_thresholds(family)):
        return ""
    return f"offset = {mean_offset(fit):.3g} (mean)"


def mean_offset(fit: Fitted) -> float:
    """Of the rows, 0 without one."""
    rows = fit.design.rows
    offset = rows.offset if rows.family is None else rows.family.offset
    return float(np.mean(offset))


def difference_label(fit: Fitted, category: str | None = None) -> str:
    """What a difference of expected responses is, beside an axis: of a family, one of η."""
    name = fit.design.specification.response.strip("`")
    if fit.problem.family is None:
        return f"difference in expected {name}"
    if category is not None:
        first = fit.problem.family_rows.outcomes[0]
        return f"difference in log odds of {name} = {category} against {first}"
    return f"difference in η of {name}{link_label(fit)}"
