"""What the log density of a model with a family is made of: rows, pseudo-data and priors.

The random effects are sampled, through the map of `hierbayes.likelihood.panel_map`; γ is, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.family_rows import has_thresholds
from hierbayes.estimation.inputs import GraphInputs, prior_parameters
from hierbayes.estimation.pseudo_data import NormalRows, PseudoData
from hierbayes.families.family import Family
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood import transported
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.reading import GIVEN
from hierbayes.likelihood.theta import Theta
from hierbayes.likelihood.transported import Panels, family_rows
from hierbayes.priors.prior_set import PriorSet

_SMALLEST_START = 0.2  # of what the data resolve of an sd: where a chain starts when its mode is 0


@dataclass(frozen=True, slots=True, eq=False)
class FamilyInputs(GraphInputs):
    """Numbers and structure of a model with a family.

    In ``theta`` φ stands in the place of σ.
    """

    @property
    def address(self) -> float:
        """As in `GraphInputs`."""
        return transported.address()

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
    family : Family
        With at most one dispersion parameter.
    y, m, offset : (n,) float
        As the family reads them; what is added to η.
    X : (n, p) float
        Fixed columns in a basis of their own, X°.
    to_internal : (p, p) float
        γ° = to_internal @ γ, so that X°γ° = Xγ.
    """

    family: Family
    y: Floats
    m: Floats
    offset: Floats
    X: Floats
    to_internal: Floats


def normal_rows(design: Design, rows: FamilyRows, eta: Floats, phi: Floats) -> NormalRows:
    """The Gaussian rows that those of a family are like at η (n,) and φ (d,)."""
    kappa = rows.family.weights(rows.y, rows.m, eta, phi)
    slope = rows.family.derivatives(rows.y, rows.m, eta, phi)[1]
    return NormalRows(
        kappa,
        kappa * (eta - rows.offset) + slope,
        rows.X,
        tuple(design.Z[:, span] for span in design.spans),
        design.rows.codes_of,
        tuple(factor.J for factor in design.factors),
    )


def family_inputs(
    design: Design,
    priors: PriorSet,
    rows: FamilyRows,
    pseudo: PseudoData,
    theta: Theta,
    gamma_prior: tuple[NormalPrior, float],
) -> FamilyInputs:
    """Numbers of the log density of a model with a family.

    Parameters
    ----------
    design : Design
    priors : PriorSet
    rows : FamilyRows
    pseudo : PseudoData
    theta : Theta
        An estimate, where chains start: G and, in the place of σ, φ.
    gamma_prior : (NormalPrior, float)
        Of γ°, what its terms have together, and its constant; terms with a prior of their own are
        in ``priors``.
    """
    q, p = len(design.effects), len(design.terms)
    panels = [
        Panels(design.Z[:, span], codes, A, B, weights)
        for span, codes, A, B, weights in zip(
            design.spans, design.rows.codes_of, pseudo.A, pseudo.B, pseudo.weights, strict=True
        )
    ]
    family, (normal, constant) = rows.family, gamma_prior
    anchored, e = has_thresholds(family), len(priors.extra)
    d = len(family.dispersion) - anchored
    numbers = (family.rows_address(), d, anchored, family.log_constant(rows.y, rows.m))
    inside = slice(0, p), slice(0, p)
    to_internal, precision = np.eye(p + e), np.zeros((p + e, p + e))
    to_internal[inside], precision[inside] = rows.to_internal, normal.precision
    data = {
        "family_rows": family_rows(
            numbers, rows.y, rows.m, rows.offset, rows.X, panels, pseudo.order
        ),
        "nothing": np.zeros(0),
        "n": np.array(len(rows.y)),
        "scale": np.ones(()),
        "log_jacobian": np.zeros(()),
        "to_internal": np.eye(q),
        "gamma_to_internal": to_internal,
        "gamma_center": np.zeros(p + e),
        "gamma_mean": np.concatenate([normal.mean, np.zeros(e)]),
        "gamma_precision": precision,
        "gamma_log_constant": np.array(constant),
    }
    data |= _of_sd(pseudo, priors.columns(q), theta) | prior_parameters(design, priors)
    latent = sum(A.shape[0] * A.shape[1] for A in pseudo.A)
    structure = (GIVEN.value, p + e, q, design.blocks, bool(priors.centring), family)
    return FamilyInputs(data, structure, theta, len(panels) > 1, latent=latent)


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
