"""Models with a family, posed by hand: their rows, a mode and their target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import hierbayes as hb
from hierbayes.design.design import Design
from hierbayes.estimation.family_inputs import FamilyRows, FamilyStart, family_inputs, normal_rows
from hierbayes.estimation.inputs import GraphInputs
from hierbayes.estimation.posterior import target_of
from hierbayes.estimation.pseudo_data import NormalRows, PseudoData, pseudo_data
from hierbayes.estimation.start import start_at
from hierbayes.estimation.target import Target
from hierbayes.families.family import ResponseFamily
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.families import Known
from hierbayes.priors.prior_set import PriorSet

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Posed:
    """A model with a family: what it is made of, at a mode of its random effects."""

    design: Design
    priors: PriorSet
    rows: FamilyRows
    normal: NormalRows
    pseudo: PseudoData
    inputs: GraphInputs
    gamma: Array
    error: Array

    @property
    def target(self) -> Target:
        return target_of(self.design, self.inputs, self.priors, progress=False)

    @property
    def start(self) -> tuple[Array, Array]:
        return start_at(self.target.variables, self.inputs, self.gamma, self.error)

    def roots(self, root: Array) -> list[Array]:
        return [root[..., span, span] for span in self.design.spans]


def pose(
    formula: str, data: pd.DataFrame, family: ResponseFamily, priors: dict[str, Any],
    sd: float = 0.7, phi: Array | None = None,
) -> Posed:  # fmt: skip
    """A model whose random effects are at their mode under one standard deviation for all."""
    model = hb.Model(formula, data, priors=priors)
    design, n, q = model.problem.design, model.problem.design.n, len(model.problem.design.effects)
    phi = np.zeros(0) if phi is None else phi
    offset, m = np.zeros(n), np.full(n, family.constant)
    if "trials" in data:
        m = data["trials"].to_numpy(float)
    to_internal = np.linalg.qr(design.X, "r")
    X = design.X @ np.linalg.inv(to_internal)
    constant = family.log_constant(design.y, m)
    rows = FamilyRows(family, design.y, m, offset, X, to_internal, np.arange(n), constant)
    root = sd * np.eye(q)
    eta, gamma, error = _mode(design, rows, phi, sd)
    normal = normal_rows(design, rows, eta, phi)
    pseudo = pseudo_data(normal, [root[span, span] for span in design.spans])
    theta = Theta.of(root, phi[0] if len(phi) else 1.0)
    nothing = (flat_prior(len(gamma)), 0.0)
    chosen = model.priors
    if not family.dispersion:
        chosen = replace(chosen, sigma=("dispersion", Known(1.0), "default"))
    start = FamilyStart(theta, gamma, error, phi[1:], np.zeros(len(gamma)))
    inputs = family_inputs(design, chosen, rows, pseudo, start, nothing)
    return Posed(design, chosen, rows, normal, pseudo, inputs, gamma, error)


def expanded(design: Design) -> Array:
    """Z (n, N) of all random effects, factor by factor and group by group."""
    parts = []
    for span, codes, factor in zip(design.spans, design.rows.codes_of, design.factors, strict=True):
        one = codes[:, None] == np.arange(factor.J)
        parts.append((one[:, :, None] * design.Z[:, None, span]).reshape(design.n, -1))
    return np.hstack(parts)


def _mode(design: Design, rows: FamilyRows, phi: Array, sd: float) -> tuple[Array, Array, Array]:
    """η, γ and its standard errors where γ and u ~ N(0, sd²) are likeliest."""
    W = np.hstack([design.X, expanded(design)])
    p = design.X.shape[1]
    penalty = np.diag(np.r_[np.full(p, 1e-4), np.full(W.shape[1] - p, sd**-2)])
    eta = rows.family.start(rows.y, rows.m)
    for _ in range(25):
        normal = normal_rows(design, rows, eta, phi)
        H = W.T @ (normal.kappa[:, None] * W) + penalty
        found = np.linalg.solve(H, W.T @ normal.response)
        eta = W @ found
    return eta, found[:p], np.sqrt(np.diagonal(np.linalg.inv(H))[:p])
