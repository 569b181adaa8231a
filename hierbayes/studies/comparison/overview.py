"""What is compared: the fits, their data and criteria, and how to read the tables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.errors import in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.studies.comparison.fit_pair import Side

_LIKELIHOODS = ("REML", "ML")


def overview(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """A row per fit: engine, model, family where not Gaussian, draws and stated priors."""
    rows = []
    for fit in fits.values():
        chains, draws = fit.theta.sigma.shape
        sampled = fit.sampled
        rows.append(
            {
                "engine": fit.engine,
                "model": str(fit.design.specification),
                "family": "" if fit.problem.family is None else str(fit.problem.family),
                "draws": f"{chains} × {draws}" if sampled else "",
                "priors": _priors_text(fit),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(fits, name="fit"))


def _priors_text(fit: Fit) -> str:
    """The priors that were stated."""
    if fit.priors is None:
        return ""
    table = fit.priors.frame()
    stated = table[table["source"] == "stated"].reset_index()
    texts = []
    for block, rows in stated.groupby("block", sort=False):
        if rows["prior"].nunique() == 1 and len(rows) == len(table.loc[[block]]):
            texts.append(f"{block} {rows['prior'].iloc[0]}")
        else:
            texts += [f"{block}[{n}] {p}" for n, p in zip(rows["parameter"], rows["prior"],
                                                          strict=True)]  # fmt: skip
    return ", ".join(texts) or "defaults"


def criteria(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Log-likelihood, AIC, BIC and number of parameters of REML and ML fits."""
    points = {name: fit.maximum for name, fit in fits.items() if fit.engine in _LIKELIHOODS}
    return pd.DataFrame(
        {
            "loglik": [maximum.value for maximum in points.values()],
            "AIC": [maximum.aic for maximum in points.values()],
            "BIC": [maximum.bic for maximum in points.values()],
            "parameters": [maximum.n_parameters for maximum in points.values()],
        },
        index=pd.Index(points, name="fit"),
    )


def notes(sides: Mapping[str, Side], interval: Interval) -> tuple[str, ...]:
    """How to read the tables: what is conditional, missing, or not to be compared."""
    kinds = {side.fit.engine for side in sides.values()}
    of_family = any(side.fit.problem.family is not None for side in sides.values())
    lines = [f"limits enclose {100 * interval.prob:g}%"]
    if kinds - {"posterior"}:
        lines[0] += "; standard errors and limits of points are " + (
            "from the full Hessian" if of_family else "given θ̂"
        )
    if "posterior" in kinds:
        lines[0] += "; estimate and se of a posterior are its mean and sd"
    left = (side.fit.design.columns.left_out for side in sides.values())
    lines += dict.fromkeys(one.text for one in left if one is not None)
    known = any(side.fit.design.specification.known_sd for side in sides.values())
    singular = [
        f"'{name}'" for name, side in sides.items()
        if not known and side.fit.design.specification.random and side.fit.engine in _LIKELIHOODS
        and bool(side.estimates.loc[["sd"], "se"].isna().all())
    ]  # fmt: skip
    if singular:
        structured = any(side.fit.problem.moments is not None for side in sides.values())
        of_errors = ", or the errors are at a limit" if structured else ""
        lines.append(
            f"no standard errors of variance parameters for {', '.join(singular)}: G is singular "
            f"at the maximum{of_errors}, or nearly so, and the likelihood has no quadratic "
            "approximation there"
        )
    if known and kinds & set(_LIKELIHOODS):
        lines.append(
            "the variances of all errors are known: a standard deviation has limits by its profile "
            "where it is the only one, and Wald's where there are several"
        )
    lines += _notes_on_shares(sides)
    if len(kinds & set(_LIKELIHOODS)) == 2:
        lines.append("a REML criterion and an ML criterion are not comparable with each other")
    fixed = [set(side.fit.design.terms) for side in sides.values() if side.fit.engine == "REML"]
    if any(terms != fixed[0] for terms in fixed):
        lines.append(
            "REML criteria are comparable only between models with the same fixed part, and these "
            "have not: use model.ml() to compare them"
        )
    return tuple(f"{note}." for note in lines)


def _notes_on_shares(sides: Mapping[str, Side]) -> list[str]:
    """Of which rows an icc is where variances of errors differ, and why there is none."""
    lines: list[str] = []
    with_effects = {
        name: side.fit.problem
        for name, side in sides.items()
        if side.fit.design.specification.random and side.fit.problem.family is None
    }
    known = [name for name, one in with_effects.items() if one.design.specification.known_sd]
    unequal = [
        name
        for name, one in with_effects.items()
        if one.moments is not None and one.moments.rows.structure.has_unequal_variances
    ]
    if known:
        lines.append(
            f"no icc of {in_quotes(known)}: each row has an error variance of its own, and "
            "fit.icc(data=...) is that of stated rows"
        )
    if unequal:
        lines.append(
            f"the icc of {in_quotes(unequal)} is of the mean of the variances of errors over the "
            "rows; fit.icc(by=..., data=...) has that of each stratum"
        )
    return lines
