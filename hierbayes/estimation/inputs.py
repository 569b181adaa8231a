"""What a marginal model is made of: its numbers by name, and its structure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.estimation.reml import maximise, refuse_lost_residual
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior, flat_prior, log_jacobian
from hierbayes.likelihood.of_products import address_of, is_compiled, likelihood_of, module_of
from hierbayes.likelihood.reading import GIVEN, NORMAL, REML, Reading
from hierbayes.likelihood.sparse_native import packed
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.centred_effects import column_sizes
from hierbayes.priors.design_normal import internal_precision
from hierbayes.priors.families import DesignNormal, Prior
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.priors.joint_parameters import joint_parameters, log_lkj_constant
from hierbayes.priors.prior_set import PriorSet

LOG_CONSTANT_OF_G = re.compile(r"G_(\d+_)?log_constant")  # of a prior of each of its blocks

type Structure = tuple[Any, ...]
_SMALLEST_NOISE = 1e-6  # of the spread of y: σ where it is estimated as next to nothing
_SMALLEST_START = 0.05  # of the scale of an effect: where a chain starts when REML says 0


@dataclass(frozen=True, slots=True, eq=False)
class GraphInputs:
    """Everything a graph is built from: numbers by name, and its structure.

    Parameters
    ----------
    data : dict of str to array
        Cross-products, changes of basis and prior parameters.
    structure : tuple
        Equal for two graphs that differ only in ``data``.
    theta : Theta
        The REML estimate.
    several : bool
        Whether the rows are those of several grouping factors.
    latent : int
        How many random effects are sampled, as those of a family are; otherwise they are
        integrated out.
    """

    data: dict[str, Floats]
    structure: Structure
    theta: Theta
    several: bool = False
    latent: int = 0

    @property
    def address(self) -> float:
        """Address of the likelihood's C function, as the float of the same bits."""
        return address_of(self.several)

    def with_gamma_prior(self, prior: NormalPrior) -> GraphInputs:
        """The same with γ integrated out under another normal prior."""
        gamma = {"gamma_mean": prior.mean, "gamma_precision": prior.precision}
        return replace(self, data=self.data | gamma)

    @property
    def likelihood(self) -> str:
        """Name of the module that provides that function."""
        return module_of(self.several)

    @property
    def is_compiled(self) -> bool:
        """Whether the machine code of the likelihood is on disk already."""
        return is_compiled(self.several)

    @property
    def of_rows(self) -> tuple[str, str, str]:
        """What of ``data`` stands for the rows, in the order of `native.SIGNATURE`."""
        return ("index", "products", "C") if self.several else ("R", "T", "W")


def reading_of(priors: PriorSet) -> Reading:
    """What the graph does with γ: integrates it out, under a flat or normal prior, or not."""
    if not priors.collapses_gamma:
        return GIVEN
    return REML if priors.gamma_is_flat else NORMAL


def graph_inputs(design: Design, cross: Products, priors: PriorSet) -> GraphInputs:
    """Numbers and structure of the graph of a model."""
    basis, reading = cross.basis, reading_of(priors)
    p, q = len(design.terms), len(design.effects)
    data = rows_of(cross) | {
        "n": np.array(cross.n),
        "to_internal": np.linalg.inv(basis.z.matrix) / basis.scale,
        "scale": np.array(basis.scale),
        "log_jacobian": np.array(log_jacobian(reading, basis, cross.n)),
    }
    theta = maximise(cross, design.blocks).theta
    refuse_lost_residual(cross, theta, by_roots=False)
    data |= _of_sd(cross, priors.columns(q), theta)
    normal = priors.normal_gamma(cross) if reading == NORMAL else flat_prior(p)
    if reading == GIVEN:
        normal, constant = shared_prior(priors, cross)
        data["gamma_log_constant"] = np.array(constant)
        data["gamma_to_internal"] = np.linalg.inv(basis.x.matrix) / basis.scale
        data["gamma_center"] = basis.origin
        data |= block_parameters("gamma", [prior for _, prior, _ in priors.gamma])
    data |= {"gamma_mean": normal.mean, "gamma_precision": normal.precision}
    data |= prior_parameters(design, priors)
    # γ that is integrated out leaves no trace in the structure, not even its size
    sampled, gamma = (p, priors.gamma) if reading == GIVEN else (0, ())
    families = [_family(prior) for _, prior, _ in (*gamma, *priors.sd, *priors.corr, priors.sigma)]
    families += [_family(prior) for _, prior, _ in priors.joint]
    if priors.explains_gamma:
        at = place_of_constant(design, priors)
        data |= gamma_evidence(cross, theta, at)
        families.append(at)
    several = isinstance(cross, SparseProducts)
    structure = (
        reading.value, sampled, q, design.blocks, bool(priors.centring), tuple(families), several
    )  # fmt: skip
    return GraphInputs(data, structure, theta, isinstance(cross, SparseProducts))


def prior_parameters(design: Design, priors: PriorSet) -> dict[str, Floats]:
    """The parameters of the priors of sd, corr and σ, and of those of several numbers."""
    data = block_parameters("sd", [prior for _, prior, _ in priors.sd])
    data |= block_parameters("corr", [prior for _, prior, _ in priors.corr])
    data |= block_parameters("sigma", [priors.sigma[1]])
    data |= block_parameters("dispersion", [prior for _, prior, _ in priors.extra])
    for entry in priors.joint:
        data |= joint_parameters(entry, design)
        if entry[0] == "G":  # a density of (sd, R), added to a uniform one of R
            if not priors.corr:
                data["corr_eta"] = np.ones(sum(size > 1 for size in design.blocks) or 1)
            for name in [one for one in data if LOG_CONSTANT_OF_G.fullmatch(one)]:
                size = len(data[name.replace("log_constant", "scale_root")])
                data[name] = data[name] - log_lkj_constant(1.0, size)
    return data


def rows_of(cross: Products) -> dict[str, Floats]:
    """What the likelihood's C function takes for the rows."""
    if isinstance(cross, SparseProducts):
        e = elimination_of(cross).elimination
        return {"index": packed(e), "products": e.products, "C": e.C}
    return {"R": cross.R, "T": cross.T, "W": cross.W}


def shared_prior(priors: PriorSet, cross: Products) -> tuple[NormalPrior, float]:
    """The prior that some terms of a sampled γ have together, and its constant; 0 without one.

    In the internal basis, as a form of all of γ°: of precision 0 along the other terms.
    """
    joint, p = priors.joint_gamma(cross), len(cross.C) - 1
    if joint is None:
        return flat_prior(p), 0.0
    mean = np.zeros(p)
    mean[joint.at] = joint.mean
    half_log_det = 0.5 * float(np.linalg.slogdet(joint.precision)[1])
    constant = half_log_det - 0.5 * len(joint.at) * float(np.log(2.0 * np.pi))
    precision = internal_precision(joint, cross)
    return NormalPrior(cross.basis.gamma_internal(mean), precision), constant


def _of_sd(cross: Products, columns: Floats, theta: Theta) -> dict[str, Floats]:
    """The columns Z M that sds are of, what is small there, and where REML is."""
    scale = cross.basis.scale
    J = np.concatenate([np.full(level.q, level.J) for level in cross.levels])
    size = column_sizes(cross, columns)
    noise = max(float(theta.sigma), _SMALLEST_NOISE * scale)
    unit = noise * np.sqrt(J / cross.n) / size
    estimate = np.linalg.norm(np.linalg.solve(columns, theta.root), axis=1)
    start = np.maximum(estimate, np.minimum(unit, _SMALLEST_START * scale / size))
    return {"columns": columns, "sd_unit": unit, "sd_start": start}


def gamma_evidence(cross: Products, theta: Theta, at: int) -> dict[str, Floats]:
    """What REML says of γ without its element ``at``: estimates and standard errors."""
    state = likelihood_of(cross).at(theta)
    errors = np.sqrt(np.diagonal(state.gamma_cov))
    return {
        "gamma_estimate": np.delete(state.gamma, at),
        "gamma_error": np.delete(errors, at),
    }


def block_parameters(block: str, priors: list[Prior]) -> dict[str, Floats]:
    """Prior parameters of a block as arrays by name; 0 where a prior has no such parameter."""
    names = {name for prior in priors for name in prior.parameters}
    return {
        f"{block}_{name}": np.array([prior.parameters.get(name, 0.0) for prior in priors])
        for name in sorted(names)
    }


def _family(prior: Prior) -> object:
    """What of a prior is part of the structure: a PyMC distribution is all of it.

    A term that shares its prior with others is flat by itself.
    """
    if isinstance(prior, ForeignPrior):
        return prior
    if isinstance(prior, BlockMatrices):
        return tuple((k, one.distribution) for k, one in prior.stated.items())
    return "Flat" if isinstance(prior, DesignNormal) else prior.distribution


def are_one_family(priors: list[Prior]) -> bool:
    """Whether one variable of the graph can hold the parameters of all of these priors."""
    first = priors[0]
    return not isinstance(first, ForeignPrior) and all(_family(p) == _family(first) for p in priors)


def place_of_constant(design: Design, priors: PriorSet) -> int:
    """Where the constant column stands, the only one with a prior of γ beside one of R²."""
    return design.terms.index(priors.gamma[0][0])
