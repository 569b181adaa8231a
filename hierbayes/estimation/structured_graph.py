r"""The PyMC graph of the marginal model where errors have a structure.

    log p(y | L, σ, z) = collapsed likelihood at cross-products weighted by R(z)⁻¹, less ½ log|R(z)|

Its slopes by the root L and σ are those of the collapsed likelihood; that by z is by Fisher's
identity, or, of several grouping factors, by differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytensor.tensor as pt

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.estimation.error_graph import error_coordinates
from hierbayes.estimation.graph import coords_of, parameters
from hierbayes.estimation.inputs import GraphInputs, graph_inputs, reading_of, rows_of
from hierbayes.estimation.python_function import PythonFunction
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.estimation.residual_posterior import refuse_other_priors
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior, flat_prior
from hierbayes.likelihood.op import CollapsedLogDensity
from hierbayes.likelihood.reading import NORMAL, REML, Reading
from hierbayes.likelihood.residual_moments import second_moments
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet
from hierbayes.pymc_import import pm

_STEP = 1e-5  # of a coordinate, where the slope is by differences


@dataclass(frozen=True, slots=True, eq=False)
class StructuredLogDensity:
    """log p(y | L, σ, z) and its slopes, γ and u integrated out.

    Parameters
    ----------
    problem : Problem
        With a residual structure, as yet without coordinates.
    inputs : GraphInputs
    reading : Reading
    prior : NormalPrior
        Of γ in the internal basis.
    """

    problem: Problem
    inputs: GraphInputs
    reading: Reading
    prior: NormalPrior

    def __call__(self, flat: Floats, sigma: Floats, z: Floats) -> tuple[float, Sequence[Floats]]:
        """At a root L as one vector (q q,), σ (1,) and z (k,): the value and its slopes by each."""
        assert self.problem.moments is not None
        value, of_root, of_sigma, products = self._at(flat, sigma, z)
        if isinstance(products, CrossProducts):
            slope = self._slope(flat, sigma, z, products)
        else:
            steps = _STEP * np.eye(len(z))
            pairs = [(self._at(flat, sigma, z + h)[0], self._at(flat, sigma, z - h)[0])
                     for h in steps]  # fmt: skip
            slope = np.array([(after - before) / (2.0 * _STEP) for after, before in pairs])
        return value, [of_root.ravel(), of_sigma, slope]

    def _at(self, flat: Floats, sigma: Floats, z: Floats) -> tuple[float, Floats, Floats, Products]:
        moments, data = self.problem.moments, self.inputs.data
        assert moments is not None
        q = round(len(flat) ** 0.5)
        weighted, scale = moments.at(z), float(data["scale"])
        native = CollapsedLogDensity(self.reading, self.inputs.several).native
        value, of_root, of_sigma, _ = native(
            np.ascontiguousarray(flat.reshape(q, q)), float(sigma[0]) / scale, self.prior.mean,
            data["to_internal"], *rows_of(weighted.products).values(), float(moments.n),
            self.prior.precision, self.prior.mean, int(self.reading),
        )  # fmt: skip
        whole = float(value) + float(data["log_jacobian"]) - weighted.half_log_det
        return whole, of_root, np.array([of_sigma / scale]), weighted.products

    def _slope(self, flat: Floats, sigma: Floats, z: Floats, products: CrossProducts) -> Floats:
        """∂/∂z (k,), by Fisher's identity."""
        q, basis = round(len(flat) ** 0.5), products.basis
        theta = Theta.of(flat.reshape(q, q), float(sigma[0]))
        prior = self.prior if self.reading == NORMAL else None
        E = second_moments(
            theta.relative(basis), float(theta.internal(basis)[1]), products, self.reading, prior
        )
        assert self.problem.moments is not None
        return -self.problem.moments.slope(z, E)


def structured_graph(problem: Problem, priors: PriorSet) -> pm.Model:
    """The marginal model of a Gaussian response whose errors have a structure.

    Free variables are those of the marginal graph for θ, and ``error_coordinates``; ``residual``
    are the parameters of the errors, ``log_likelihood`` the potential of all data.

    Raises
    ------
    ResidualError
        When γ is not integrated out, or variances follow the fitted values.
    """
    problem.refuse_fitted_variances("graph()")
    refuse_other_priors(priors)
    design, moments = problem.design, problem.moments
    assert moments is not None
    reading = reading_of(priors)
    prior = flat_prior(len(design.terms))
    if reading == NORMAL:
        prior = priors.normal_gamma(problem.products)
    z = moments.rows.inside(maximise_residual(moments, design.blocks, REML).best.z)
    inputs = graph_inputs(design, moments.at(z).products, priors).with_gamma_prior(prior)
    density = PythonFunction(StructuredLogDensity(problem, inputs, reading, prior), 0)
    with pm.Model(coords=coords_of(design), check_bounds=False) as model:
        data = {name: pt.as_tensor(value) for name, value in inputs.data.items()
                if name not in inputs.of_rows}  # fmt: skip
        root, sigma, _ = parameters(design, inputs, priors, data)
        coordinates = error_coordinates(problem, priors)
        found = density(root.ravel(), pt.stack([sigma]), coordinates)[0]
        pm.Potential("log_likelihood", found)
    return model
