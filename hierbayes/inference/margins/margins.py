"""Margins as a table with its page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page, Printed
from hierbayes.fit.about import about_fit
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.frames.arrays import Floats
from hierbayes.inference.margins.delta_method import NODES, delta_method
from hierbayes.inference.margins.dispersion_errors import counts_dispersion
from hierbayes.inference.margins.expected_rows import ExpectedRows
from hierbayes.inference.margins.limits_in_range import limits_in_range, scale_of_limits
from hierbayes.inference.margins.margin_draws import NODES as NODES_OF_DRAWS
from hierbayes.inference.margins.margin_draws import margin_draws
from hierbayes.inference.margins.quantity import Quantity

_DRAWS_WITH_THETA = 2000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Margins(Printed):
    """Predictions, comparisons or slopes.

    Parameters
    ----------
    title : str
    about : tuple of str
        Lines on the model, the data, what is averaged and what the limits are.
    table : DataFrame
        ``term`` and ``contrast`` (of comparisons and slopes), columns that say which rows,
        ``category`` where the response has several, ``estimate``, ``se``, ``lower``, ``upper``; of
        a posterior, whose estimates are means and whose ``se`` are standard deviations of draws,
        also ``above``, the probability of more than 0, or than 1 of a ratio.  ``attrs`` say in
        words what they are ``of``, what is ``averaged``, which ``effects`` and what ``limits``, and
        ``null``, what a comparison is where nothing changes.
    notes : tuple of str
    """

    title: str
    about: tuple[str, ...]
    table: pd.DataFrame
    notes: tuple[str, ...]

    def page(self) -> Page:
        """The table; P(> 0) is spelt out."""
        shown = self.table.rename(columns={"above": self.table.attrs.get("above", "")})
        return Page(self.title, self.about, (Table(shown, index=False), Items(self.notes)))


@dataclass(frozen=True, slots=True)
class Request:
    """What limits are wanted.

    Parameters
    ----------
    interval : Interval
    uncertainty : str or None
    seed : int or None
    """

    interval: Interval
    uncertainty: str | None
    seed: int | None


def margins_of(
    fit: Fit, title: str, quantities: list[Quantity], request: Request, effects: str
) -> Margins:
    """The table of some quantities.

    Parameters
    ----------
    fit : Fit
    title : str
    quantities : list of Quantity
    request : Request
    effects : str
        Which random effects, in words.
    """
    draws = _draws(fit, request)
    parts = [_rows(fit, one, draws, request.interval) for one in quantities]
    table = pd.concat(parts, ignore_index=True)
    if not any(one.term for one in quantities):
        table = table.drop(columns=["term", "contrast"])
    first = quantities[0]
    said = {
        "of": _of(fit, first.sides[0]),
        "averaged": first.averages.words,
        "effects": effects + _by_quadrature(fit, first.sides[0]),
        "limits": _limits(fit, first, request, draws),
    }
    null = first.combination.null
    table.attrs |= {**said, "null": null, "above": f"P(> {null:g})"}
    lines = {"Of": "of", "Mean": "averaged", "Groups": "effects", "Limits": "limits"}
    about = about_fit(fit, *((label, said[key]) for label, key in lines.items()))
    return Margins(f"{title}, {fit.engine}", about, table, _notes(fit, first, table))


def _draws(fit: Fit, request: Request) -> ParameterDraws | None:
    """Joint draws of a posterior, or of a maximum whose θ is not held; otherwise none."""
    if isinstance(fit, PointFit):
        if request.uncertainty is None or request.uncertainty == "plug-in":
            return None
        seed = fit.seed_or_new(request.seed)
        return fit.parameter_draws(_DRAWS_WITH_THETA, request.uncertainty, seed)
    return fit.parameter_draws(None, request.uncertainty, fit.seed_or_new(request.seed))


def _rows(
    fit: Fit, quantity: Quantity, draws: ParameterDraws | None, interval: Interval
) -> pd.DataFrame:
    """A row of the table for each average and category."""
    columns: dict[str, Floats] = {}
    if isinstance(fit, PointFit):
        estimate, se, _ = delta_method(fit, quantity)
        z = float(ndtri(interval.tails[1]))
        lower, upper = limits_in_range(fit, quantity, estimate, se, z)
        columns = {"estimate": estimate, "se": se, "lower": lower, "upper": upper}
    if draws is not None:
        drawn = margin_draws(draws, quantity)
        lower, upper = np.quantile(drawn, interval.tails, axis=0)
        columns = {"estimate": drawn.mean(axis=0), **columns}
        columns |= {"se": drawn.std(axis=0, ddof=1), "lower": lower, "upper": upper}
        if not isinstance(fit, PointFit):
            columns["above"] = (drawn > quantity.combination.null).mean(axis=0)
    C = columns["estimate"].shape[1]
    table = quantity.averages.labels.loc[np.repeat(np.arange(quantity.averages.K), C)]
    table = table.reset_index(drop=True)
    names = _categories(fit, quantity.sides[0])
    if names:
        table["category"] = np.tile(np.array(names, dtype=object), quantity.averages.K)
    table.insert(0, "term", quantity.term)
    table.insert(1, "contrast", quantity.contrast)
    for name, values in columns.items():
        table[name] = values.ravel()
    return table


def _categories(fit: Fit, side: ExpectedRows) -> tuple[str, ...]:
    if side.kind == "probability":
        return side.law.categories
    return fit.design.columns.predictors if side.kind == "linear" else ()


def _of(fit: Fit, side: ExpectedRows) -> str:
    name = fit.design.specification.response.strip("`")
    if side.kind == "linear" and fit.problem.family is not None:
        return f"the linear predictor of {name} ({fit.problem.family.link} scale)"
    if side.kind == "probability":
        return f"the probability of each category of {name}"
    share = (
        "share of " if fit.problem.family is not None and fit.problem.family_rows.of_trials else ""
    )
    return f"the expected {share}{name}"


def _by_quadrature(fit: Fit, side: ExpectedRows) -> str:
    if side.new is None:
        return ""
    return f", by quadrature ({NODES if isinstance(fit, PointFit) else NODES_OF_DRAWS} nodes)"


def _limits(fit: Fit, quantity: Quantity, request: Request, draws: ParameterDraws | None) -> str:
    if draws is not None:
        return f"{request.interval}, {draws.source}: quantiles of draws"
    held = "θ" if fit.problem.family is None else "variances and dispersion"
    held = "variances" if counts_dispersion(quantity) else held
    scale = scale_of_limits(quantity)
    on = f" on the {scale} scale" * bool(scale)
    return (
        f"{100 * request.interval.prob:g}%, normal{on}, standard errors by the delta method given "
        f"the {fit.what} of {held}"
    )


def _notes(fit: Fit, quantity: Quantity, table: pd.DataFrame) -> tuple[str, ...]:
    notes = [fit.objection] if fit.objection else []
    side = quantity.sides[0]
    if isinstance(fit, PointFit) and len(quantity.sides) > 1 and not side.is_linear:
        notes.append(
            "limits are symmetric about the estimate, by the delta method, and may leave the range "
            "of a difference of responses"
        )
    if table["se"].isna().any():
        notes.append("a coefficient has no finite maximum, so that there are no standard errors")
    return tuple(notes)
