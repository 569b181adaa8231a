"""A model as the flat buffer that its compiled log density reads."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betaln, gammaln

from hierbayes.design.design import Design
from hierbayes.estimation.coordinates import (
    Variable,
    dispersion_transform,
    transform_of,
    variables_of,
)
from hierbayes.estimation.density_layout import (
    ASINH,
    DENSITY,
    ICC,
    IDENTITY,
    INTERVAL,
    LOG,
    LOWER,
    MATRICES,
    NO_JOINT,
    PARAMETER,
    PLACE,
    ROW,
    SHARES,
    TRANSFORM,
    UPPER,
    VOLUME,
    Head,
)  # fmt: skip
from hierbayes.estimation.inputs import LOG_CONSTANT_OF_G, GraphInputs, place_of_constant
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import GIVEN
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.families import Flat, Prior
from hierbayes.priors.joint_families import InverseWishart
from hierbayes.priors.joint_parameters import log_lkj_constant
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.scalar_density import coefficients

_TRANSFORMS = {None: IDENTITY, "log": LOG, "interval": INTERVAL, "asinh": ASINH}
_JOINTS = {"G": MATRICES, "icc": ICC, "r2": SHARES}
_JOINT_ARRAYS = {
    NO_JOINT: (),
    ICC: ("icc_alpha", "icc_beta", "icc_known", "icc_second_moments"),
    SHARES: ("r2_alpha", "r2_beta", "r2_concentration", "r2_spread", "gamma_estimate",
             "gamma_error"),
}  # fmt: skip


def density_data(
    design: Design, inputs: GraphInputs, priors: PriorSet, *, volumes: bool = True
) -> Floats:
    """The buffer of a model with built-in priors.

    Parameters
    ----------
    design : Design
    inputs : GraphInputs
        As `graph_inputs` makes them.
    priors : PriorSet
    volumes : bool
        Whether the density is that of the coordinates, volumes of the transforms included,
        as a sampler needs it; otherwise that of sd, of the correlation matrices, σ and γ.
    """
    data, given = inputs.data, inputs.structure[0] == GIVEN.value
    variables = variables_of(design, priors, gamma=given)
    starts = _starts(variables)
    joint = _JOINTS[priors.joint[0][0]] if priors.joint else NO_JOINT
    sizes = [size for size in design.blocks if size > 1]
    eta = data.get("corr_eta", np.ones(0))[: len(sizes)]
    rows = _rows(design, priors, data["sd_unit"], starts, given=given, volumes=volumes)
    of_rows = inputs.of_rows
    numbers = {
        Head.COORDINATES: sum(variable.size for variable in variables) + inputs.latent,
        Head.LATENT: inputs.latent,
        Head.NUMBERS: len(rows),
        Head.GROUPS: len(data[of_rows[0]]),
        Head.EFFECTS: len(design.effects),
        Head.TERMS: len(design.terms) + len(priors.extra),
        Head.READING: inputs.structure[0],
        Head.GIVEN: given,
        Head.BLOCKS: len(design.blocks),
        Head.JOINT: joint,
        Head.CORR_AT: starts.get("corr_chol", 0),
        Head.SHARES_AT: starts.get("r2", 0),
        Head.XI_AT: starts.get("gamma_z", 0),
        Head.PLACE_OF_CONSTANT: place_of_constant(design, priors) if joint == SHARES else 0,
        Head.ROWS: data["n"],
        Head.SCALE: data["scale"],
        Head.CONSTANT: data["log_jacobian"]
        + data.get("gamma_log_constant", 0.0)
        + _constant(design, data, joint, eta),
        Head.LIKELIHOOD: inputs.address,
    }
    nothing = np.zeros(0)
    arrays = {
        Head.AT_NUMBERS: rows,
        Head.AT_BLOCKS: _blocks(design.blocks, eta, volumes=volumes),
        Head.AT_JOINT: _matrices(priors, data)
        if joint == MATRICES
        else np.concatenate([[], *(data[n].ravel() for n in _JOINT_ARRAYS[joint])]),
        Head.AT_R: data[of_rows[0]],
        Head.AT_T: data[of_rows[1]],
        Head.AT_W: data[of_rows[2]],
        Head.AT_TO_INTERNAL: data["to_internal"] @ data["columns"],
        Head.AT_PRECISION: data["gamma_precision"],
        Head.AT_MEAN: data["gamma_mean"],
        Head.AT_GAMMA_TO_INTERNAL: data.get("gamma_to_internal", nothing),
        Head.AT_GAMMA_CENTER: data.get("gamma_center", nothing),
    }
    return _joined(numbers, arrays)


def along(data: Floats, centre: Floats, P: Floats) -> Floats:
    """The buffer with which a sampler's coordinates w are those of x = centre + P w.

    Parameters
    ----------
    data : (k,) float
        Of `density_data`.
    centre : (d,) float
        Of all coordinates but the latent ones, which stay as they are.
    P : (d, d) float
        Lower triangular.
    """
    changed = np.concatenate([data, centre, P.ravel()])
    changed[Head.AT_CENTRE], changed[Head.AT_P] = len(data), len(data) + len(centre)
    changed[Head.LENGTH] = len(changed)
    return changed


def _joined(numbers: dict[Head, float], arrays: dict[Head, Floats]) -> Floats:
    """Head and arrays in one."""
    head = np.zeros(len(Head))
    for place, number in numbers.items():
        head[place] = number
    end = len(head)
    for place, array in arrays.items():
        head[place] = end
        end += array.size
    head[Head.LENGTH] = end
    return np.concatenate([head, *(np.ravel(array) for array in arrays.values())])


def _starts(variables: tuple[Variable, ...]) -> dict[str, int]:
    """First coordinate of each block: of the sds, correlations, σ, γ, R² and ξ."""
    starts: dict[str, int] = {}
    at = 0
    for variable in variables:
        name = (
            variable.name.removeprefix("signed_")
            .removeprefix("centred_")
            .rstrip("0123456789")
            .removesuffix("_")
        )
        starts.setdefault("r2" if variable.name == "r2" else name, at)
        at += variable.size
    return starts


def _rows(
    design: Design,
    priors: PriorSet,
    units: Floats,
    starts: dict[str, int],
    *,
    given: bool,
    volumes: bool,
) -> Floats:
    """σ, the sds and the γ that have coordinates of their own (K, ROW)."""
    q = len(design.effects)
    sds = [(prior, transform_of(prior, "sd")) for _, prior, _ in priors.sd]
    gammas = [(prior, transform_of(prior, "gamma")) for _, prior, _ in priors.gamma if given]
    first = 1 + q
    if priors.explains_gamma:
        first += place_of_constant(design, priors)
    elif not sds:
        sds = [(Flat(), "log")] * q
    sigmas = [(priors.sigma[1], dispersion_transform(priors.sigma[1]))] * ("sigma" in starts)
    more = [(prior, dispersion_transform(prior)) for _, prior, _ in priors.extra]
    kinds = (("sigma", sigmas, 0), ("sd", sds, 1), ("gamma", gammas, first),
             ("dispersion", more, first + len(design.terms)))  # fmt: skip
    rows = []
    for block, ones, parameter in kinds:
        for k, (prior, transform) in enumerate(ones):
            row = np.zeros(ROW)
            row[PLACE], row[PARAMETER] = starts[block] + k, parameter + k
            row[TRANSFORM], row[VOLUME] = _TRANSFORMS[transform], volumes
            if transform == "interval":
                row[LOWER], row[UPPER] = prior.parameters["lower"], prior.parameters["upper"]
            elif transform == "asinh":
                row[LOWER] = units[k]
            row[DENSITY:] = coefficients(prior, signed=transform == "asinh")
            rows.append(row)
    return np.array(rows)


def _blocks(blocks: tuple[int, ...], eta: Floats, *, volumes: bool) -> Floats:
    """Size of each block of G, and what log L_ii weighs in the log prior of its correlations.

    The density of a correlation matrix ∝ |R|^(η − 1) is Π_i L_ii^(2η − 2); the volume of
    the map of coordinates to R adds n + 1 to the power.
    """
    rows, at = [], 0
    for size in blocks:
        power = 2.0 * eta[at] - 2.0 if size > 1 else 0.0
        rows.append([size, power + (size + 1.0 if volumes else 0.0)])
        at += size > 1
    return np.array(rows)


def _matrices(priors: PriorSet, data: dict[str, Floats]) -> Floats:
    """Priors of blocks of G: how many, and one behind the other as their density reads them."""
    ((_, stated, _),) = priors.joint
    ones: dict[str, tuple[int, Prior]] = {"G": (0, stated)}
    if isinstance(stated, BlockMatrices):
        places = stated.places
        ones = {f"G_{k}": (places[k].start, one) for k, one in stated.stated.items()}
    parts: list[Floats] = [np.array([float(len(ones))])]
    for name, (first, one) in ones.items():
        root = data[f"{name}_scale_root"]
        inverse = isinstance(one, InverseWishart)
        parts += [np.array([first, len(root), inverse, float(data[f"{name}_nu"])]), root.ravel()]
    return np.concatenate(parts)


def _constant(design: Design, data: dict[str, Floats], joint: int, eta: Floats) -> float:
    """Normalising constants of the priors of several numbers."""
    sizes = [size for size in design.blocks if size > 1]
    total = sum(log_lkj_constant(one, n) for one, n in zip(eta, sizes, strict=True))
    if joint == MATRICES:
        return total + sum(float(data[n]) for n in data if LOG_CONSTANT_OF_G.fullmatch(n))
    if joint == ICC:
        return total + float(data["icc_log_constant"])
    if joint == SHARES:
        m, c = len(data["r2_spread"]), data["r2_concentration"]
        total -= betaln(data["r2_alpha"], data["r2_beta"])
        total -= 0.5 * math.log(2.0 * math.pi) * len(data["gamma_error"])
        if m > 1:
            total += math.log(m) + gammaln(m * c) - m * gammaln(c)
    return float(total)
