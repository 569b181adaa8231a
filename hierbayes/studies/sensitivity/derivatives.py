r"""Local derivatives: how a posterior mean moves with the numbers inside a prior.

For any number η in a prior, dE(f)/dη = Cov(f, ∂ log p(θ | η)/∂η) under the posterior, so
the draws of one posterior have all of them.

References
----------
Gustafson (1996), *Local sensitivity of posterior expectations*, doi:10.1214/aos/1033066207.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from hierbayes.fit.densities import dispersion_blocks
from hierbayes.frames.arrays import Floats
from hierbayes.priors.correlation_families import LKJ, UniformCorrelation, UniformPartials
from hierbayes.priors.families import Prior, Uniform
from hierbayes.studies.sensitivity.answers import Baseline
from hierbayes.studies.sensitivity.cells import Estimands
from hierbayes.studies.sensitivity.moments import Values, mcse_of_mean


def derivatives(baseline: Baseline, estimands: Estimands, values: Values) -> xr.Dataset:
    """Derivatives of posterior means with respect to the numbers in the priors.

    Returns
    -------
    Dataset
        ``derivative`` by ``number`` and ``quantity``: change of the posterior mean, in
        posterior sds, per unit of log η (a scale, a shape) or, for a location, per scale
        of that prior; and ``mcse``.  A number is named ``block(parameter).name``.  The
        bounds of a uniform prior have no such derivative and do not appear, nor do joint
        priors of G, the ICC or R².
    """
    shape = baseline.fit.theta.sigma.shape
    centred = values.draws - values.draws.mean(axis=(0, 1))
    unit = values.draws.std(axis=(0, 1))
    names, rows, errors = [], [], []
    together = _scores_together(baseline)
    for label, prior, x in _entries(baseline):
        for number, score in (together.get(label) or _scores(prior, x)).items():
            slope = score.reshape(*shape, 1)
            product = centred * (slope - slope.mean())
            names.append(f"{label}.{number}")
            rows.append(_per_sd(product.mean(axis=(0, 1)), unit))
            errors.append(_per_sd(mcse_of_mean(product), unit))
    dims = ("number", "quantity")
    return xr.Dataset(
        {
            "derivative": (dims, np.reshape(rows, (len(names), -1))),
            "mcse": (dims, np.reshape(errors, (len(names), -1))),
        },
        coords={"number": names, "quantity": estimands.names},
    )


def _per_sd(values: Floats, unit: Floats) -> Floats:
    """Of each quantity (M,) in its posterior sd; 0 of one that is known, as R² of no predictor."""
    return np.divide(values, unit, out=np.zeros_like(values), where=unit > 0.0)


def _entries(baseline: Baseline) -> list[tuple[str, Prior, Floats]]:
    """Every prior with its name and the draws of what it is a prior of."""
    found = []
    priors = baseline.priors
    for block in ("gamma", "sd", "corr", *dispersion_blocks(priors), "residual"):
        stated = baseline.densities.stated(block, baseline.priors)
        if block == "sd":
            names = [f"sd({priors.label(name)})" for name, _, _ in priors.sd]
        elif block in ("gamma", "corr"):
            names = [f"{block}({name})" for name, _, _ in getattr(priors, block)]
        elif block == "residual":  # those that are told together have no number of their own
            alone = [n for n, p, _ in priors.residual if not isinstance(p, LKJ | UniformPartials)]
            names = [f"{block}({name})" for name in alone]
        else:
            of_block = [name for name, _, _ in priors.dispersion if priors.block_of(name) == block]
            names = [name if name == block else f"{block}({name})" for name in of_block]
        each = zip(names, stated, strict=True)
        found += [(name, *entry) for name, entry in each if not entry[0].is_elsewhere]
    return found


def _scores_together(baseline: Baseline) -> dict[str, dict[str, Floats]]:
    """The scores of terms of γ that have one prior together, by label."""
    priors, densities = baseline.priors, baseline.densities
    joint = priors.joint_gamma(densities.problem.working)
    if joint is None:
        return {}
    away = joint.deviations(densities.gamma)
    pulled = away @ joint.precision
    names = [priors.gamma[k][0] for k in joint.at]
    return {
        f"gamma({name})": {"mu": joint.sd[k] * pulled[:, k], "sigma": away[:, k] * pulled[:, k] - 1}
        for k, name in enumerate(names)
    }


def _scores(prior: Prior, x: Floats) -> dict[str, Floats]:
    """∂ log density/∂ log η, or σ ∂/∂μ for a location, by name of the number."""
    from hierbayes.priors.density import derivatives_of

    if isinstance(prior, Uniform | UniformCorrelation):
        return {}
    if isinstance(prior, LKJ):
        # the density is ∝ |R|^(η − 1), and constants drop out of a covariance
        log_det = 2.0 * np.log(np.diagonal(x, axis1=1, axis2=2)).sum(axis=1)
        return {"eta": prior.eta * log_det}
    parameters = prior.parameters
    units = {name: parameters["sigma"] if name == "mu" else parameters[name] for name in parameters}
    return {name: units[name] * slope for name, slope in derivatives_of(prior, x).items()}
