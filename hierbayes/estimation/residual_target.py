r"""The log density of θ and of the parameters of a residual structure.

That of (x, z), x the coordinates of θ and z those of the structure, is the compiled one of x with
the cross-products weighted at z, less ½ log|R|, and the log prior of z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.density import density_at
from hierbayes.estimation.density_layout import Head
from hierbayes.estimation.error_axes import ErrorAxes
from hierbayes.estimation.inputs import rows_of
from hierbayes.estimation.target import Target
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.reading import ML, NORMAL, VALUE_ONLY, Reading
from hierbayes.likelihood.residual_moments import second_moments
from hierbayes.likelihood.structured_blocks import class_totals, weighted_roots
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.error_density import ErrorDensity

_STEP = 1e-5  # of a coordinate, where the slope is by differences
_PLACES = (Head.AT_R, Head.AT_T, Head.AT_W)


@dataclass(frozen=True, slots=True, eq=False)
class StructuredDraws:
    """Draws of θ and of the structure.

    Parameters
    ----------
    theta : ThetaDraws
    z : (chains, draws, k) float
        Coordinates of the structure.
    """

    theta: ThetaDraws
    z: Floats


@dataclass(frozen=True, slots=True, eq=False)
class StructuredTarget:
    """The log density of (x, y), where y are coordinates of the errors' own (`ErrorAxes`).

    Parameters
    ----------
    target : Target
        That of x, at some z.
    moments : ResidualMoments
    reading : Reading
        What is done with γ.
    prior : NormalPrior
        Of γ in the internal basis.
    errors : ErrorDensity
        Of the parameters of the structure, under their priors.
    sd_unit : (q,) float
        Units of the coordinates of signed standard deviations.
    axes : ErrorAxes
        Coordinates y of the parameters of the errors, of which z are a function.
    """

    target: Target
    moments: ResidualMoments
    reading: Reading
    prior: NormalPrior
    errors: ErrorDensity
    sd_unit: Floats
    axes: ErrorAxes

    @property
    def of_theta(self) -> int:
        """How many coordinates are those of θ."""
        return self.target.n_dim

    def coordinates(self, w: Floats) -> Floats:
        """Coordinates z (..., k) of the structure at w = (x, y)."""
        return self.axes.of_structure(w[..., self.of_theta :])

    def value(self, w: Floats) -> tuple[float, Floats]:
        """Log density at w = (x, y), and what `expand` writes."""
        at = self._of_structure(w)
        if len(self.moments.design.factors) == 1:
            found, _, every = self._of_one_factor(at, gradient=False)
        else:
            found, _, every, _ = self._at(at, gradient=False)
        return found + self.axes.log_volume(w[self.of_theta :])[0], every

    def with_gradient(self, w: Floats) -> tuple[float, Floats]:
        """Log density and its gradient (n,); where R is singular but for rounding, none."""
        with np.errstate(all="ignore"):  # what overflows there is told by what comes of it
            value, gradient = self._with_slopes(self._of_structure(w))
            if self.axes.are_other:
                n = self.of_theta
                volume, slope, turn = self.axes.log_volume(w[n:])
                value += volume
                gradient = np.concatenate([gradient[:n], turn * gradient[n:] + slope])
        if np.isfinite(value) and np.isfinite(gradient).all():
            return value, gradient
        return -np.inf, np.zeros(len(w))

    def _of_structure(self, w: Floats) -> Floats:
        """(x, z) at (x, y)."""
        if not self.axes.are_other:
            return w
        return np.concatenate([w[: self.of_theta], self.coordinates(w)])

    def _with_slopes(self, w: Floats) -> tuple[float, Floats]:
        """That of (x, z), in which `_of_one_factor` and `_at` are too."""
        if len(self.moments.design.factors) == 1:
            value, gradient, _ = self._of_one_factor(w, gradient=True)
            return value, gradient
        value, of_x, every, products = self._at(w, gradient=True)
        if not np.isfinite(value):
            return value, of_x
        return value, np.concatenate([of_x, self._slope(w, every, products)])

    def _of_one_factor(self, w: Floats, *, gradient: bool) -> tuple[float, Floats, Floats]:
        """Log density, its gradient (n,) where it is asked for, and what `expand` writes."""
        n, moments = self.of_theta, self.moments
        x, z = w[:n], w[n:]
        nothing = -np.inf, np.zeros(len(w)), np.zeros(self.target.n_out)
        weights, slopes = moments.rows.with_slopes(z, moments.classes)
        if not np.isfinite(weights).all():
            return nothing
        cells, groups, class_of, J = moments.kernel_cells
        roots = weighted_roots(cells, groups, class_of, J, weights[:-1], self.target.q)
        data = self.target.data.copy()
        for place, array in zip(_PLACES, roots, strict=True):
            start = int(data[place])
            data[start : start + array.size] = array.ravel()
        data[Head.READING] += 0 if gradient else VALUE_ONLY
        value, of_x, every = density_at(x, data)
        value += self.errors.value(z) - 0.5 * float(weights[-1])
        if not np.isfinite(value):
            return nothing
        every = every[: self.target.n_out]
        if not gradient:
            return value, nothing[1], every
        root, sigma, _ = self.target.parameters(every)
        theta, basis, prior = Theta.of(root, sigma), moments.basis, self.prior
        totals = class_totals(
            cells, groups, class_of, len(moments.classes), theta.relative(basis),
            float(theta.internal(basis)[1]), roots, prior.precision,
            prior.precision @ prior.mean, 0.0 if self.reading == ML else 1.0,
        )  # fmt: skip
        of_z = self.errors.slope(z) - 0.5 * (slopes[-1] + totals @ slopes[:-1])
        return value, np.concatenate([of_x, of_z]), every

    def _at(self, w: Floats, *, gradient: bool) -> tuple[float, Floats, Floats, Products | None]:
        n = self.of_theta
        x, z = w[:n], w[n:]
        weighted = self.moments.at(z)
        nothing = np.zeros(self.target.n_out)
        if not np.isfinite(weighted.half_log_det):
            return -np.inf, np.zeros(n), nothing, None
        data = self.target.data.copy()
        for place, array in zip(_PLACES, rows_of(weighted.products).values(), strict=True):
            start = int(data[place])
            data[start : start + array.size] = array.ravel()
        data[Head.READING] += 0 if gradient else VALUE_ONLY
        value, of_x, every = density_at(x, data)
        value += self.errors.value(z) - weighted.half_log_det
        value = value if np.isfinite(value) else -np.inf
        return value, of_x, every[: self.target.n_out], weighted.products

    def _slope(self, w: Floats, every: Floats, products: Products | None) -> Floats:
        """∂/∂z (k,)."""
        z = w[self.of_theta :]
        if not isinstance(products, CrossProducts):
            return self._differences(w)
        root, sigma, _ = self.target.parameters(every)
        theta = Theta.of(root, sigma)
        basis = products.basis
        E = second_moments(
            theta.relative(basis), float(theta.internal(basis)[1]), products, self.reading,
            self.prior if self.reading == NORMAL else None,
        )  # fmt: skip
        return self.errors.slope(z) - self.moments.slope(z, E)

    def _differences(self, w: Floats) -> Floats:
        slope = np.empty(len(w) - self.of_theta)
        for i in range(len(slope)):
            step = np.zeros(len(w))
            step[self.of_theta + i] = _STEP
            ends = [self._at(w + h, gradient=False)[0] for h in (step, -step)]
            slope[i] = (ends[0] - ends[1]) / (2.0 * _STEP)
        return slope
