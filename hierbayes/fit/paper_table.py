"""The table of a fit for a paper: estimates with their limits, in a format that pastes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page
from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.convergence import scalar_draws
from hierbayes.fit.fitted import Fitted

FORMATS = ("markdown", "latex", "html")


def paper_frame(fit: Fitted, limits: pd.DataFrame, interval: Interval) -> pd.DataFrame:
    """Estimate, standard error and limits, a row for each parameter.

    `limits` are the fit's intervals; standard errors are those of γ given θ̂ of a point fit, of all
    parameters of a family's maximum, and standard deviations of all draws of a posterior.
    """
    blocks = limits.index.get_level_values(0)
    names = [
        parameter if block in ("gamma", parameter) else f"{block}({parameter})"
        for block, parameter in limits.index
    ]
    errors = np.full(len(limits), np.nan)
    errors[blocks == "gamma"] = np.sqrt(np.diag(fit.gamma_cov))
    if len(fit.variance_errors):
        errors[blocks != "gamma"] = fit.variance_errors
    if fit.sampled:
        index, draws = scalar_draws(fit, random_effects=False)
        errors = pd.Series(draws.std(axis=(0, 1), ddof=1), index)[limits.index].to_numpy()
    share = f"{100 * interval.prob:g}%"
    return pd.DataFrame(
        {
            "Estimate": limits["estimate"].to_numpy(),
            "SD" if fit.draws_text else "SE": errors,
            f"{share} lower": limits["lower"].to_numpy(),
            f"{share} upper": limits["upper"].to_numpy(),
        },
        index=pd.Index(names, name="parameter"),
    )


def paper_page(fit: Fitted, limits: pd.DataFrame, interval: Interval) -> Page:
    """The table and the lines beneath which it stands in a paper."""
    frame = paper_frame(fit, limits, interval)
    about = subject_of(fit.design).lines(("Values", fit.what), dropped=fit.design.dropped)
    return Page("", about, (Table(frame, decimals=3),))


def in_format(page: Page, format: str) -> str:
    """A page as text of one of `FORMATS`."""
    if format not in FORMATS:
        raise DataError(f"format must be one of {in_quotes(FORMATS)}, not {format!r}")
    return {"markdown": page.markdown, "latex": page.latex, "html": page.word}[format]()
