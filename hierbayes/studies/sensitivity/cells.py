"""Every quantity under every alternative, as a labelled table of cells, and at the maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.display.interval import Interval
from hierbayes.fit.degrees_of_freedom.source import usual_or_stated
from hierbayes.fit.degrees_of_freedom.tails import t_quantile
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.studies.sensitivity.answers import Answer
from hierbayes.studies.sensitivity.effect_quantities import FixedCombination
from hierbayes.studies.sensitivity.moments import (
    Moments,
    Values,
    distance,
    error_of_difference,
    error_of_mean,
    moments,
)
from hierbayes.studies.sensitivity.quantities import SD, Corr, Dispersion, Quantity, Residual, Sigma
from hierbayes.studies.sensitivity.quantity import effect_of
from hierbayes.studies.sensitivity.weights import Weights, even

_PER_CELL = (
    "mean", "sd", "lower", "upper", "above", "above_mcse", "movement", "mcse", "distance",
    "decision",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Estimands:
    """What is asked of every posterior.

    Parameters
    ----------
    quantities : tuple of Quantity
    interval : Interval
    """

    quantities: tuple[Quantity, ...]
    interval: Interval

    @property
    def names(self) -> list[str]:
        """Names of the quantities."""
        return [quantity.name for quantity in self.quantities]

    @property
    def references(self) -> Floats:
        """Values that decisions turn on (K,), missing where none does."""
        return np.array(
            [np.nan if one.reference is None else one.reference for one in self.quantities]
        )

    def units(self, sd: Floats) -> Floats:
        """What movements of each quantity are measured in (K,): its posterior sd as a rule."""
        own = [np.nan if one.unit is None else one.unit for one in self.quantities]
        units = np.where(np.isnan(own), sd, own)
        return np.where(units > 0.0, units, np.nan)

    def values(self, fit: Fit) -> Values:
        """Draws of every quantity."""
        return Values(np.stack([one.draws(fit) for one in self.quantities], axis=-1))


def baseline_cells(fit: Fit, estimands: Estimands) -> xr.Dataset:
    """Each quantity under the baseline, by ``quantity``."""
    values, weights = estimands.values(fit), even(fit.theta.sigma.size)
    own = moments(values, weights, estimands.interval, estimands.references)
    columns = _columns(own) | {
        "mcse": error_of_mean(values, weights),
        "decision": decision(own, estimands.references),
    }
    return xr.Dataset(
        {name: ("quantity", column) for name, column in columns.items()},
        coords={"quantity": estimands.names},
    )


def alternative_cells(fit: Fit, answers: tuple[Answer, ...], estimands: Estimands) -> xr.Dataset:
    """Each quantity under each alternative, by ``quantity`` and ``alternative``.

    ``movement`` is the difference of posterior means in units of the baseline's
    posterior sd (of a probability in units of 0.2), ``mcse`` its Monte Carlo error,
    ``distance`` the Wasserstein distance of the two posteriors in the same units, which
    sees changes of spread as well;
    ``decision`` is +1 or −1 where the interval excludes the reference, else 0.
    ``above`` is P(quantity > reference), ``above_mcse`` its Monte Carlo error.
    """
    base = estimands.values(fit)
    known = {id(fit): base}
    cells = [_cell(base, answer, known, estimands) for answer in answers]
    coords = {
        "quantity": estimands.names,
        "alternative": [one.alternative.name for one in answers],
        "block": ("alternative", [one.alternative.block for one in answers]),
        "prior": ("alternative", [one.alternative.changed for one in answers]),
        "k_hat": ("alternative", [one.weights.k_hat for one in answers]),
        "ess": ("alternative", [one.weights.ess for one in answers]),
        "how": ("alternative", [one.how for one in answers]),
        "reason": ("alternative", [one.reason for one in answers]),
    }
    return xr.Dataset(
        {
            name: (("quantity", "alternative"), np.column_stack([cell[name] for cell in cells]))
            for name in _PER_CELL
        },
        coords=coords,
        attrs={"tail": estimands.interval.tails[0]},
    )


def decision(of: Moments, references: Floats) -> Floats:
    """+1 or −1 where the interval lies above or below the reference, 0 where it has it inside."""
    side = (of.lower > references).astype(np.float64) - (of.upper < references)
    return np.where(np.isnan(references), np.nan, side)


def _cell(
    base: Values, answer: Answer, known: dict[int, Values], estimands: Estimands
) -> dict[str, Floats]:
    """The column of one alternative."""
    if answer.fit is None:
        return {name: np.full(len(estimands.quantities), np.nan) for name in _PER_CELL}
    values = known.get(id(answer.fit))
    if values is None:
        values = estimands.values(answer.fit)
    weights, equal = answer.weights, even(base.flat.shape[1])
    own = moments(values, weights, estimands.interval, estimands.references)
    before = moments(base, equal, estimands.interval, estimands.references)
    unit = estimands.units(before.sd)
    error = error_of_difference(values, weights, base, equal, same_theta=answer.same_theta)
    return _columns(own) | {
        "movement": (own.mean - before.mean) / unit,
        "mcse": error / unit,
        "distance": distance(values, weights, base, equal) / unit,
        "decision": decision(own, estimands.references),
        "above_mcse": _error_above(values, weights, estimands.references),
    }


def _error_above(values: Values, weights: Weights, references: Floats) -> Floats:
    """Monte Carlo error (K,) of P(quantity > reference)."""
    asked = np.flatnonzero(~np.isnan(references))
    result = np.full(len(references), np.nan)
    if len(asked):
        exceeds = (values.draws[..., asked] > references[asked]).astype(np.float64)
        result[asked] = error_of_mean(Values(exceeds), weights)
    return result


def _columns(of: Moments) -> dict[str, Floats]:
    return {name: getattr(of, name) for name in ("mean", "sd", "lower", "upper", "above")}


def maximum_columns(maximum: Fit, estimands: Estimands) -> pd.DataFrame:
    """Estimate and limits of each quantity, by quantity: ``REML``, ``REML lower``, ``REML upper``.

    Of a family that is not Gaussian ``ML`` and its limits.  Linear combinations of γ have t
    limits given θ̂, with Satterthwaite's degrees of freedom (normal ones of other families);
    sd, corr, σ and dispersion have those of `Fit.intervals`.  Elsewhere, and where Ĝ is singular,
    limits are missing.
    """
    known = maximum.intervals(estimands.interval.prob)
    rows = [_row(maximum, quantity, known, estimands) for quantity in estimands.quantities]
    index = pd.Index(estimands.names, name="quantity")
    name = maximum.engine
    return pd.DataFrame(rows, columns=[name, f"{name} lower", f"{name} upper"], index=index)


def _row(
    maximum: Fit, quantity: Quantity, known: pd.DataFrame, estimands: Estimands
) -> tuple[float, float, float]:
    if not quantity.estimable():
        return np.nan, np.nan, np.nan
    estimate = float(quantity.draws(maximum).mean())
    if isinstance(quantity, FixedCombination):
        half = _half_width(maximum, quantity.coefficients(maximum), estimands)
        estimate = estimate if np.isfinite(half) else np.nan
        return estimate, estimate - half, estimate + half
    labels = maximum.design.effect_labels
    match quantity:
        case SD(effect):
            key = ("sd", labels[effect_of(effect, maximum.design)])
        case Corr(effect, other):
            pair = [labels[effect_of(one, maximum.design)] for one in (effect, other)]
            key = ("corr", ", ".join(pair))
            key = key if key in known.index else ("corr", ", ".join(reversed(pair)))
        case Sigma():
            key = ("sigma", "sigma")
        case Residual(parameter):
            key = ("residual", parameter)
        case Dispersion(parameter):
            key = (parameter, parameter)
        case _:
            return estimate, np.nan, np.nan
    return estimate, float(known.loc[key, "lower"]), float(known.loc[key, "upper"])


def _half_width(maximum: Fit, c: Floats, estimands: Estimands) -> float:
    if not c.any():
        return 0.0
    variance = float(c @ maximum.vcov().to_numpy() @ c)
    df = usual_or_stated(maximum, None).of_rows(c[None])
    return float(t_quantile(df, estimands.interval.tails[1])[0] * np.sqrt(variance))
