"""What the log density of a model with a family is made of: rows, pseudo-data and priors.

The random effects are sampled, through the map of `hierbayes.likelihood.panel_map`; γ is, too.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.design.weight_blocks import WeightBlocks
from hierbayes.estimation.density import compiled_beside
from hierbayes.estimation.inputs import (
    GraphInputs,
    block_parameters,
    prior_parameters,
    shared_prior,
)
from hierbayes.estimation.pseudo_data import NormalRows, PseudoData, pseudo_data
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood import transported
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.laplace import Mode
from hierbayes.likelihood.reading import GIVEN
from hierbayes.likelihood.theta import Theta
from hierbayes.likelihood.transported_rows import Panels, family_rows
from hierbayes.priors.column_priors import ColumnPriors, column_priors
from hierbayes.priors.prior_set import PriorSet

_SMALLEST_START = 0.2  # of what the data resolve of an sd: where a chain starts when its mode is 0
_LEAST_SD = 0.1  # of effects on the scale of η: where the mode has them at 0
_FURTHEST = 8.0  # of a coefficient in the internal basis, where chains start under separation
_RIDGE = 1e-3  # added to the information on γ°, so that it has an inverse under separation


@dataclass(frozen=True, slots=True, eq=False)
class FamilyStart:
    """An estimate, about which chains start.

    Parameters
    ----------
    theta : Theta
        G and, in the place of σ, the first φ.
    gamma, gamma_error : (p,) float
        In the user's columns; how far chains may start from it.
    more : (e,) float
        The φ behind the first.
    center : (p,) float
        What γ is less where γ° is 0.
    """

    theta: Theta
    gamma: Floats
    gamma_error: Floats
    more: Floats
    center: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FamilyInputs(GraphInputs):
    """Numbers and structure of a model with a family.

    In ``theta`` φ stands in the place of σ.

    Parameters
    ----------
    start : FamilyStart
    pseudo : PseudoData
        What the map of the random effects is made of.
    priors : PriorSet
        Of the coordinates.
    of_columns : ColumnPriors, optional
        What turns the last of them into coefficients of columns beside η.
    """

    start: FamilyStart
    pseudo: PseudoData
    priors: PriorSet
    of_columns: ColumnPriors | None = None

    @property
    def address(self) -> float:
        """As in `GraphInputs`."""
        return transported.address()

    @property
    def likelihood(self) -> str:
        """As in `GraphInputs`."""
        return transported.__name__

    @property
    def is_compiled(self) -> bool:
        """As in `GraphInputs`."""
        return transported.is_compiled()

    @property
    def of_rows(self) -> tuple[str, str, str]:
        """As in `GraphInputs`."""
        return ("family_rows", "nothing", "nothing")


@dataclass(frozen=True, slots=True, eq=False)
class FamilyRows:
    """The rows of a model with a family.

    Parameters
    ----------
    family : ResponseFamily
        With at most one dispersion parameter.
    y, m, offset : (n,) float
        As the family reads them; what is added to η.
    X : (n, p) float
        Fixed columns in a basis of their own, X°.
    to_internal : (p, p) float
        γ° = to_internal @ γ, so that X°γ° = Xγ.
    at : (n,) int
        For each the first row of the design that is like it.
    log_constant : float
        What of the log density depends on the responses alone.
    """

    family: ResponseFamily
    y: Floats
    m: Floats
    offset: Floats
    X: Floats
    to_internal: Floats
    at: Integers
    log_constant: float


def family_density_beside(*, progress: bool) -> AbstractContextManager[None]:
    """Have the density of families compiled, if it is not on disk, while the block runs."""
    return compiled_beside(transported.__name__, transported.is_compiled(), progress=progress)


def normal_rows(design: Design, rows: FamilyRows, eta: Floats, phi: Floats) -> NormalRows:
    """The Gaussian rows that those of a family are like at η (n,) and φ (d,)."""
    kappa = rows.family.weights(rows.y, rows.m, eta, phi)
    slope = rows.family.derivatives(rows.y, rows.m, eta, phi)[1]
    weights = WeightBlocks(len(eta), max(len(rows.family.predictors), 1))
    return NormalRows(
        kappa,
        weights.weighted(kappa, eta - rows.offset) + slope,
        rows.X,
        tuple(design.rows.kinds.Z[rows.at, span] for span in design.spans),
        tuple(codes[rows.at] for codes in design.rows.kinds.codes_of),
        tuple(factor.J for factor in design.factors),
    )


def family_inputs(
    design: Design,
    priors: PriorSet,
    rows: FamilyRows,
    pseudo: PseudoData,
    start: FamilyStart,
    gamma_prior: tuple[NormalPrior, float],
) -> FamilyInputs:
    """Numbers of the log density of a model with a family.

    Parameters
    ----------
    design : Design
    priors : PriorSet
    rows : FamilyRows
    pseudo : PseudoData
    start : FamilyStart
    gamma_prior : (NormalPrior, float)
        Of γ°, what its terms have together, and its constant; terms with a prior of their own are
        in ``priors``.
    """
    q, p, kinds = len(design.effects), len(design.terms), design.rows.kinds
    panels = [
        Panels(kinds.Z[rows.at, span], codes[rows.at], A, B, weights)
        for span, codes, A, B, weights in zip(
            design.spans,
            design.rows.kinds.codes_of,
            pseudo.A,
            pseudo.B,
            pseudo.weights,
            strict=True,
        )
    ]
    family, (normal, constant) = rows.family, gamma_prior
    anchored, e = has_thresholds(family), len(priors.extra)
    d = len(family.dispersion) - anchored
    numbers = (family.rows_address(), d, anchored, rows.log_constant)
    inside = slice(0, p), slice(0, p)
    to_internal, precision = np.eye(p + e), np.zeros((p + e, p + e))
    to_internal[inside], precision[inside] = rows.to_internal, normal.precision
    data = {
        "family_rows": family_rows(
            numbers, rows.y, rows.m, rows.offset, rows.X, panels, pseudo.order
        ),
        "nothing": np.zeros(0),
        "n": np.array(design.n),
        "scale": np.ones(()),
        "log_jacobian": np.zeros(()),
        "to_internal": np.eye(q),
        "gamma_to_internal": to_internal,
        "gamma_center": np.concatenate([start.center, np.zeros(e)]),
        "gamma_mean": np.concatenate([normal.mean, np.zeros(e)]),
        "gamma_precision": precision,
        "gamma_log_constant": np.array(constant),
        "dispersion_start": start.more,
    }
    data |= _of_sd(pseudo, priors.columns(q), start.theta) | prior_parameters(design, priors)
    data |= block_parameters("gamma", [prior for _, prior, _ in priors.gamma])
    latent = sum(A.shape[0] * A.shape[1] for A in pseudo.A)
    structure = (GIVEN.value, p + e, q, design.blocks, bool(priors.centring), family)
    return FamilyInputs(
        data,
        structure,
        start.theta,
        len(panels) > 1,
        latent,
        start=start,
        pseudo=pseudo,
        priors=priors,
    )


def inputs_at_mode(problem: Problem, priors: PriorSet, mode: Mode) -> FamilyInputs:
    """The numbers of the log density, mapped by the rows at a mode of the random effects.

    Parameters
    ----------
    problem : Problem
    priors : PriorSet
    mode : Mode
        At an approximate maximum, in the internal basis.
    """
    design, basis, rows, point = problem.design, problem.working.basis, mode.rows, mode.point
    root = basis.root(_inside(point.root))
    to_internal = np.linalg.inv(basis.x.matrix) / basis.scale
    of_columns, m, phi = column_priors(priors, problem), rows.m, point.phi
    if of_columns is not None:
        priors, m = of_columns.priors, of_columns.beside(m)
        phi = of_columns.coordinates(phi)
    family_rows = FamilyRows(
        rows.family, rows.y, m, rows.offset, rows.X, to_internal, rows.at, rows.log_constant
    )
    normal = normal_rows(design, family_rows, mode.eta, phi)
    pseudo = pseudo_data(normal, [root[span, span] for span in design.spans])
    phi = np.diff(phi) if has_thresholds(rows.family) else phi
    information = rows.X.T @ normal.blocks.weighted(normal.kappa, rows.X)
    to_user = basis.scale * basis.x.matrix
    cov = to_user @ np.linalg.inv(information + _RIDGE * np.eye(len(information))) @ to_user.T
    start = FamilyStart(
        theta=Theta.of(root, phi[0] if len(phi) else np.ones(())),
        gamma=basis.gamma(np.clip(point.gamma, -_FURTHEST, _FURTHEST)),
        gamma_error=np.sqrt(np.diagonal(cov)),
        more=phi[1:],
        center=basis.origin,
    )
    gamma_prior = shared_prior(priors, problem.working)
    inputs = family_inputs(design, priors, family_rows, pseudo, start, gamma_prior)
    return replace(inputs, of_columns=of_columns)


def _inside(root: Floats) -> Floats:
    """A root of G whose effects all have some variance."""
    G = root @ root.T + _LEAST_SD**2 * np.eye(len(root)) * (np.diagonal(root) < _LEAST_SD)
    return np.asarray(np.linalg.cholesky(G + 1e-12 * np.eye(len(root))))


def _of_sd(pseudo: PseudoData, columns: Floats, theta: Theta) -> dict[str, Floats]:
    """The columns Z M that sds are of, what the data resolve of an sd, and where chains start."""
    resolved, at = [], 0
    for A in pseudo.A:
        q = A.shape[1]
        M = columns[at : at + q, at : at + q]
        resolved.append(np.diagonal(M.T @ A.mean(axis=0) @ M))
        at += q
    information = np.concatenate(resolved)
    unit = 1.0 / np.sqrt(np.maximum(information, np.finfo(float).tiny))
    estimate = np.linalg.norm(np.linalg.solve(columns, theta.root), axis=1)
    start = np.maximum(estimate, _SMALLEST_START * unit)
    return {"columns": columns, "sd_unit": unit, "sd_start": start}
