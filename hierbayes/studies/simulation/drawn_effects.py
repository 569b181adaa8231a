"""Random effects of a simulation, drawn, and the truth they are a part of."""

from __future__ import annotations

import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.group_design import group_design
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import cholesky_psd
from hierbayes.studies.simulation.dispersion import dispersion_names
from hierbayes.studies.simulation.parameters import Parameters
from hierbayes.studies.simulation.rows import EFFECTS, stream
from hierbayes.studies.simulation.simulated import Truth


def draw_effects(
    design: Design, parameters: Parameters, seed: int
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Draw u; and β_j = W_jγ + u_j, both by factor."""
    us, betas = {}, {}
    for k, (factor, span) in enumerate(zip(design.factors, design.spans, strict=True)):
        name = factor.name if len(design.factors) > 1 else ""
        normals = stream(seed, EFFECTS, name).standard_normal((factor.J, span.stop - span.start))
        u = normals @ cholesky_psd(parameters.G[span, span]).T
        beta = group_design(design.of_factor(k)).population(parameters.gamma) + u
        groups = pd.Index(factor.labels, name="group")
        own = pd.Index(design.effects[span], name="effect")
        us[factor.name] = pd.DataFrame(u, groups, own)
        betas[factor.name] = pd.DataFrame(beta, groups, own)
    return us, betas


def truth_of(
    design: Design,
    parameters: Parameters,
    family: ResponseFamily | None,
    effects: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]],
    residuals: Floats,
) -> Truth:
    """What data were made from, as it is shown."""
    us, betas = effects
    labels = pd.Index(design.effect_labels, name="effect")
    names = ("sigma",) if family is None else dispersion_names(family, parameters.phi)
    return Truth(
        gamma=pd.Series(parameters.gamma, pd.Index(design.terms, name="term"), name="gamma"),
        G=pd.DataFrame(parameters.G, labels, labels),
        dispersion=pd.Series(parameters.phi, pd.Index(names, dtype=object), name="dispersion"),
        us=us,
        betas=betas,
        residuals=pd.Series(residuals, design.rows.index, name="residuals"),
        family=family,
    )
