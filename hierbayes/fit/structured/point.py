"""A maximum with a residual structure: what it says of the errors beside a `PointFit`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.design.blocks import free_entries
from hierbayes.design.residual_blocks import correlated, widest_block
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.display.interval import Interval
from hierbayes.errors import EstimationError
from hierbayes.estimation.information import NaturalParameters
from hierbayes.estimation.residual_maximum import looked_elsewhere
from hierbayes.estimation.residual_optimum import AtCoordinates, ResidualMaximum
from hierbayes.fit.degrees_of_freedom.error_directions import ErrorDirections
from hierbayes.fit.diagnosis import Diagnosis
from hierbayes.fit.intervals import interval_frame
from hierbayes.fit.point import PointFit
from hierbayes.fit.predictions.expected import ByPredictor
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.fit.saving.error_parts import error_arrays, error_numbers
from hierbayes.fit.saving.own_parts import OwnParts
from hierbayes.fit.structured.diagnosis import (
    are_told_apart,
    diagnosis_of_errors,
    diagnosis_without_effects,
    share_of_errors,
)
from hierbayes.fit.structured.given_errors import rows_given_errors
from hierbayes.fit.structured.limits import limits_on_scales
from hierbayes.fit.structured.normalized import normalized_residuals
from hierbayes.fit.structured.refits import draws_of_bootstraps
from hierbayes.frames.arrays import Floats
from hierbayes.language.estimates import Estimates
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import Reading

_SHOWN = 5  # rows of a group whose covariance is shown


@dataclass(frozen=True, eq=False, repr=False)
class StructuredPointFit(PointFit):
    """A maximum where errors have a structure; θ̂ includes its parameters.

    Parameters
    ----------
    errors : ResidualMaximum
        Where the likelihood stands in the coordinates of the structure.
    """

    errors: ResidualMaximum

    @property
    def error_rows(self) -> ResidualRows:
        """The structure on the rows of the design."""
        assert self.problem.moments is not None
        return self.problem.moments.rows

    @cached_property
    def error_parameters(self) -> pd.Series:
        """The parameters of the residual structure by name."""
        names = [parameter.name for parameter in self.error_rows.parameters]
        values = self.error_rows.natural(self.errors.best.z)
        return pd.Series(values, pd.Index(names, name="parameter"), name="residual")

    @property
    def error_draws(self) -> tuple[tuple[str, ...], Floats]:
        """As in `Fitted`: the estimates."""
        parameters = self.error_parameters
        return tuple(parameters.index), parameters.to_numpy()[None, None]

    @property
    def error_coordinates(self) -> Floats:
        """As in `Fitted`: the estimates."""
        return self.errors.best.z[None, None]

    def _estimates(self) -> Estimates:
        """As in `Fit`, with the parameters of the errors, and R of one group."""
        found = replace(super()._estimates(), errors=dict(self.error_parameters))
        rows = self.error_rows
        if rows.correlation is None or self.design.rows.streams:
            return found
        at, R = widest_block(rows, self.errors.best.z, _SHOWN)
        weight = np.broadcast_to(self._weighed_sd, len(rows.codes))[at]
        whole = int((rows.codes == rows.codes[at[0]]).sum()) == len(at)
        label = f"{rows.group} {rows.labels[rows.codes[at[0]]]}"
        return replace(
            found,
            error_matrix=self.sigma**2 * weight[:, None] * R * weight,
            error_matrix_of=label if whole else f"the first {len(at)} rows of {label}",
        )

    @cached_property
    def coordinate_cov(self) -> Floats:
        """Covariance (k, k) of the coordinates, 0 of one at a limit; missing if it is not told."""
        k = len(self.errors.best.z)
        if not self.errors.is_told:
            return np.full((k, k), np.nan)
        moving = self.error_rows.moving(self.errors.best.z)
        return np.linalg.inv(self.errors.information) * np.outer(moving, moving)

    def draw_response(self, rng: np.random.Generator, eta: Floats, at: tuple[int, int]) -> Floats:
        """A response (n,) at random given its linear predictor, its errors with their structure."""
        normals = rng.standard_normal(len(eta))
        errors = correlated(self.error_rows, self.errors.best.z, normals) * self._weighed_sd
        return eta + self.theta.sigma[at] * errors

    def _residuals(self, eta: ByPredictor, kind: str) -> ByPredictor:
        """Those of one kind; normalized are pearson residuals without their correlation."""
        if kind != "normalized":
            return super()._residuals(eta, kind)
        rest = super()._residuals(eta, "response")
        return normalized_residuals(self, rest, self.errors.best.z)

    def _draws_with_theta(self, reading: Reading, refits: int, M: int, seed: int) -> ParameterDraws:
        """As in `PointFit`, parameters of the errors included."""
        return draws_of_bootstraps(self, reading, refits, M, seed)

    @property
    def _weighed_sd(self) -> Floats | float:
        """Standard deviations that precision weights give the rows."""
        return self.design.rows.row_sd

    def given_errors(self, rows: PredictionRows) -> tuple[PredictionRows, ResponseLaw]:
        """As in `FittedResponses`."""
        return rows_given_errors(self.problem, self.errors.best.z, rows)

    def diagnose(self) -> Diagnosis:
        """As in `PointFit`, and of the parameters of the errors."""
        of_effects = (
            super().diagnose() if self.design.effects else diagnosis_without_effects(self.evidence)
        )
        told = are_told_apart(self)
        share, elsewhere = share_of_errors(self), self._highest
        return diagnosis_of_errors(
            of_effects, self.errors, self.error_rows, told=told, share=share, elsewhere=elsewhere
        )

    @cached_property
    def _highest(self) -> ResidualMaximum:
        """The highest maximum that is found when it is looked for elsewhere."""
        moments = self.problem.moments
        if self.reading is None or moments is None:
            return self.errors
        return looked_elsewhere(self.errors, moments, self.design.blocks, self.reading)

    def _own_parts(self) -> OwnParts:
        plain = (self.evidence, self.engine, error_numbers(self.errors))
        arrays = error_arrays(self.errors)
        if self.error_rows.fitted is not None:
            arrays["fitted"] = self.error_rows.fitted
        return OwnParts("StructuredPointFit", plain, arrays)

    # ---------------------------------------------------------------- uncertainty of θ̂

    def natural_parameters(self, reading: Reading) -> NaturalParameters:
        """Those of G and σ, whose covariance includes what is not known of the errors."""
        given = super().natural_parameters(reading)
        slopes = self._slopes(lambda at: _natural_values(at, given))
        beside = slopes.T @ self.coordinate_cov @ slopes
        return replace(given, covariance=given.covariance + beside)

    @property
    def error_se(self) -> Floats:
        """As in `Fitted`, by the delta method from the covariance of the coordinates."""
        if self.reading is None:  # no likelihood
            return np.full(len(self.error_rows.parameters), np.nan)
        slope = self.error_rows.natural_slope(self.errors.best.z)
        found: Floats = np.sqrt(np.diagonal(slope @ self.coordinate_cov @ slope.T))
        return np.where(self.error_rows.moving(self.errors.best.z), found, np.nan)

    def error_intervals(self, interval: Interval) -> list[pd.DataFrame]:
        """Wald limits of the parameters of the errors, each on its own scale."""
        rows = self.error_rows
        if not rows.parameters:
            return []
        if self.reading is None:  # no likelihood, as for G and σ
            lower = upper = np.full(len(rows.parameters), np.nan)
        else:
            lower, upper = limits_on_scales(rows, self.errors.best.z, self.coordinate_cov, interval)
        names = tuple(self.error_parameters.index)
        return [interval_frame("residual", names, lower, self.error_parameters.to_numpy(), upper)]

    @cached_property
    def error_directions(self) -> ErrorDirections | None:
        """How the covariance of γ̂ moves along the coordinates, all else at its best.

        Raises
        ------
        EstimationError
            When the information on them is not definite.
        """
        if not np.isfinite(self.coordinate_cov).all():
            raise EstimationError(
                "the information on the parameters of the errors is not positive definite at this "
                "maximum, so that degrees of freedom that rest on it do not exist; use "
                "df='inner-outer', or a structure with fewer parameters"
            )
        sigma2 = float(self.any_state.internal_sigma) ** 2
        moving = self.error_rows.moving(self.errors.best.z)
        return ErrorDirections(
            self._slopes(lambda at: self._internal_cov(at) / sigma2)[moving],
            self.coordinate_cov[np.ix_(moving, moving)],
            self._slopes(self._entries)[moving] / sigma2,
        )

    def _entries(self, at: AtCoordinates) -> Floats:
        """Free entries of the internal G, and σ², of a maximum at other coordinates."""
        root, sigma = at.optimum.theta.internal(self.problem.products.basis)
        entries: Floats = (root @ root.T)[free_entries(self.design.blocks)]
        return np.append(entries, sigma**2)

    def _internal_cov(self, at: AtCoordinates) -> Floats:
        assert self.reading is not None
        likelihood = likelihood_of(at.products, self.reading)
        return likelihood.at(at.optimum.theta).internal_gamma_cov

    def _slopes(self, value: Callable[[AtCoordinates], Floats]) -> Floats:
        """Change (k, ...) of a value along each coordinate, all else at its best."""
        step = 2.0 * self.errors.step
        found = [(value(after) - value(before)) / step for before, after in self.errors.beside]
        return np.array(found).reshape(len(found), *np.shape(value(self.errors.best)))


def _natural_values(at: AtCoordinates, given: NaturalParameters) -> Floats:
    """Log sd, log((1 + ρ)/(1 − ρ)) and log σ of a maximum at other coordinates."""
    theta = at.optimum.theta
    corr = theta.corr[given.pairs]
    with np.errstate(divide="ignore"):
        eta = np.log1p(corr) - np.log1p(-corr)
        return np.concatenate([np.log(theta.sd), eta, [np.log(theta.sigma)]])
