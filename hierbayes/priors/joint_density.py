r"""Densities of the joint priors: of G, and of the intraclass correlation.

The sampler works with the standard deviations and the correlation matrix R, so each
density is one of those, the volume of the change of variables included:

* G = D R D with D = diag(sd): p(sd, R) = p(G) 2^q Π_k sd_k^q; of each block of G by itself.
* icc = T/(T + σ²) with T = tr(GM), M = Z'Z/n.  With v_k = sd_k² M_kk and S = Σ v_k,
  given R and σ, T is S times a function of the shares v/S, which are uniform on the
  simplex: p(sd | R, σ) = p(icc) σ²T/(T + σ²)² (q − 1)! S^{−q} Π_k 2 sd_k M_kk.  On the latent
  scale of a family σ is ``known``, and 1 in the units of M.  With several grouping factors the
  sums are over the effects of all of them, and what M has between two of them meets 0 in G.

They are PyTensor expressions of a lower-triangular root of G (..., q, q), sd (..., q) and
σ (...), with any leading axes, and of parameters that are data, constants included.
The density at a singular G is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.tensor.variable import TensorVariable

from hierbayes.design.design import Design
from hierbayes.frames.arrays import Floats
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.families import Prior
from hierbayes.priors.joint_parameters import joint_parameters, matrix_parameters
from hierbayes.priors.prior_set import Entry


def joint_log_density(
    prior: Prior,
    parameters: Mapping[str, Any],
    root: TensorVariable,
    sd: TensorVariable,
    sigma: TensorVariable,
) -> TensorVariable:
    """Log density (...) of (sd, R) under a prior of G; of sd given R and σ under one of the icc.

    Parameters
    ----------
    prior : Prior
        One that ``has_density``; only its family is read.
    parameters : mapping
        As `joint_parameters` names them, arrays or variables.
    root : (..., q, q)
        Lower-triangular root of G in the user's units; rows may have either sign.
    sd : (..., q)
        Standard deviations, the lengths of the rows of ``root``.
    sigma : (...)
        Residual standard deviation.
    """
    plain = {name.partition("_")[2]: value for name, value in parameters.items()}
    if not isinstance(prior, BlockMatrices):
        return _DENSITIES[prior.distribution](plain, root, sd, sigma)
    total = pt.zeros(())
    for k, one in prior.stated.items():
        at = prior.places[k]
        own = {name.removeprefix(f"{k}_"): value for name, value in plain.items()}
        density = _DENSITIES[one.distribution](own, root[..., at, at], sd[..., at], sigma)
        total = total + density
    return total


def joint_density_at(entry: Entry, design: Design, roots: Floats, sigmas: Floats) -> Floats:
    """`joint_log_density` at many draws.

    Parameters
    ----------
    entry : (block, prior, source)
        One of `PriorSet.joint` whose prior ``has_density``.
    design : Design
    roots : (M, q, q) float
        Lower-triangular roots of G in the user's units, as a posterior has them.
    sigmas : (M,) float

    Returns
    -------
    (M,) float
    """
    _, prior, _ = entry
    if isinstance(prior, BlockMatrices):
        total: Floats = np.zeros(len(roots))
        for k, one in prior.stated.items():
            at = prior.places[k]
            numbers = matrix_parameters(one, one.scale_matrix(design.effects[at]))
            evaluate = _evaluator(one.distribution)
            total = total + evaluate(roots[:, at, at], sigmas, *numbers.values())
        return total
    parameters = joint_parameters(entry, design)
    values: Floats = _evaluator(prior.distribution)(roots, sigmas, *parameters.values())
    return values


@lru_cache
def _evaluator(distribution: str) -> Callable[..., Floats]:
    """Roots (M, q, q), sigmas (M,) and parameters -> log densities (M,)."""
    roots, sigmas = pt.dtensor3("roots"), pt.dvector("sigmas")
    parameters = {
        name: pt.dmatrix(name) if name in _MATRICES else pt.dscalar(name)
        for name in _PARAMETERS[distribution]
    }
    sd = pt.sqrt((roots**2).sum(axis=-1))
    density = _DENSITIES[distribution](parameters, roots, sd, sigmas)
    return pytensor.function(
        [roots, sigmas, *parameters.values()],
        density,
        mode=Mode("py", "fast_compile"),
        on_unused_input="ignore",  # a prior of G says nothing of σ
    )


def _inverse_wishart(
    given: Mapping[str, Any], root: TensorVariable, sd: TensorVariable, sigma: TensorVariable
) -> TensorVariable:
    q = sd.shape[-1]
    regular, root, sd = _regular(root, sd)
    scale_root = given["scale_root"] + pt.zeros_like(root)
    trace = (pt.linalg.solve_triangular(root, scale_root, lower=True) ** 2).sum(axis=(-2, -1))
    value = -0.5 * (given["nu"] + q + 1) * _log_det(root) - 0.5 * trace
    return pt.switch(regular, given["log_constant"] + value + q * pt.log(sd).sum(axis=-1), -np.inf)


def _wishart(
    given: Mapping[str, Any], root: TensorVariable, sd: TensorVariable, sigma: TensorVariable
) -> TensorVariable:
    q = sd.shape[-1]
    regular, root, sd = _regular(root, sd)
    scale_root = given["scale_root"] + pt.zeros_like(root)
    trace = (pt.linalg.solve_triangular(scale_root, root, lower=True) ** 2).sum(axis=(-2, -1))
    value = 0.5 * (given["nu"] - q - 1) * _log_det(root) - 0.5 * trace
    return pt.switch(regular, given["log_constant"] + value + q * pt.log(sd).sum(axis=-1), -np.inf)


def _beta(
    given: Mapping[str, Any], root: TensorVariable, sd: TensorVariable, sigma: TensorVariable
) -> TensorVariable:
    q = sd.shape[-1]
    regular, root, sd = _regular(root, sd)
    second = given["second_moments"]
    sigma = pt.switch(pt.neq(given["known"], 0.0), 1.0, sigma)
    between = (root * pt.matmul(second, root)).sum(axis=(-2, -1))
    parts = (sd**2 * pt.diagonal(second)).sum(axis=-1)
    value = (
        given["alpha"] * pt.log(between)
        + 2.0 * given["beta"] * pt.log(sigma)
        - (given["alpha"] + given["beta"]) * pt.log(between + sigma**2)
        - q * pt.log(parts)
        + pt.log(sd).sum(axis=-1)
    )
    return pt.switch(regular, given["log_constant"] + value, -np.inf)


def _regular(
    root: TensorVariable, sd: TensorVariable
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Where G is not singular (...), and root and sd with the identity in place where it is.

    Nothing infinite is then computed there, neither a value nor a derivative.
    """
    regular = pt.all(pt.neq(pt.diagonal(root, axis1=-2, axis2=-1), 0.0), axis=-1)
    safe = pt.switch(regular[..., None, None], root, pt.eye(root.shape[-1]))
    return regular, safe, pt.switch(regular[..., None], sd, 1.0)


def _log_det(root: TensorVariable) -> TensorVariable:
    return 2.0 * pt.log(pt.abs(pt.diagonal(root, axis1=-2, axis2=-1))).sum(axis=-1)


_DENSITIES: dict[str, Callable[..., TensorVariable]] = {
    "InverseWishart": _inverse_wishart,
    "Wishart": _wishart,
    "Beta": _beta,
}
_MATRICES = ("scale_root", "second_moments")
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "InverseWishart": ("nu", "scale_root", "log_constant"),
    "Wishart": ("nu", "scale_root", "log_constant"),
    "Beta": ("alpha", "beta", "known", "second_moments", "log_constant"),
}
