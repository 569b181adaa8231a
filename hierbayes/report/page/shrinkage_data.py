"""What a page needs to answer how shrinkage depends on G, σ and the number of rows.

The page computes Λ_j = G A_j(G A_j + σ²I)⁻¹ with A_j = Z_j'Z_j and a group's BLUP from
r_j = Z_j'(y_j − X_jγ), in the user's units; γ is held at its estimate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hierbayes.errors import StudyError
from hierbayes.fit.effects import blue, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats

_DIGITS = 6  # of points, which are only drawn


def shrinkage_data(fit: Fitted) -> dict[str, Any]:
    """Groups with their products and points, and where the sliders start.

    Returns
    -------
    dict
        ``effects``, ``group``, ``response``, ``x`` (None where the two coefficients are no line in
        data space), ``sd``, ``corr``, ``sigma``, and ``groups``: ``label``, ``n``, ``A`` (2, 2),
        ``r`` (2,), ``blue`` (None where it does not exist), ``population`` and ``points``.

    Raises
    ------
    StudyError
        When the model is none whose shrinkage is that of two coefficients of one factor.
    """
    refuse_other_shrinkage(fit)
    design, level, basis = fit.design, fit.problem.products.levels[0], fit.problem.products.basis
    inverse = np.linalg.inv(basis.z.matrix)  # Z = Z° M⁻¹, y = s y°
    residual = level.B[:, :, -1] - level.B[:, :, :-1] @ basis.gamma_internal(fit.gamma)
    A = inverse.T @ level.A @ inverse
    r = basis.scale * residual @ inverse
    own = blue(fit, 0).to_numpy()
    population = population_draws(fit, 0).mean(axis=(0, 1))
    points = _points(fit, population)
    is_line = points is not None
    sd, corr = _sd_corr(fit.G)
    groups = [
        {
            "label": str(label),
            "n": int(level.rows[j]),
            "A": A[j].tolist(),
            "r": r[j].tolist(),
            "blue": own[j].tolist() if np.isfinite(own[j]).all() else None,
            "population": population[j].tolist(),
            "points": points[j] if points is not None else [],
        }
        for j, label in enumerate(design.factor.labels)
    ]
    return {
        "effects": list(design.effects),
        "group": design.factor.name,
        "response": str(design.specification.response),
        "x": design.effects[1] if is_line else None,
        "sd": sd,
        "corr": corr,
        "sigma": float(fit.sigma),
        "groups": groups,
    }


def refuse_other_shrinkage(fit: Fitted) -> None:
    """Refuse models whose shrinkage is not of two coefficients of one factor.

    Raises
    ------
    StudyError
        With the reason.
    """
    design = fit.design
    design.specification.refuse_no_random_part()
    if fit.problem.family is not None:
        raise StudyError("of a response that is not Gaussian no BLUE is shrunk to a BLUP")
    if len(design.factors) > 1:
        raise StudyError(
            "with several grouping factors the shrinkage of one depends on effects of the others"
        )
    if len(design.effects) != 2:
        raise StudyError(
            "beta space is the plane of two random effects, and the model has "
            f"{len(design.effects)}"
        )
    if fit.problem.moments is not None or design.specification.known_sd:
        raise StudyError("the errors of this model have no single σ that could be moved")


def _sd_corr(G: Floats) -> tuple[list[float], float]:
    sd = np.sqrt(np.diagonal(G))
    product = float(sd[0] * sd[1])
    return sd.tolist(), float(np.clip(G[0, 1] / product, -1.0, 1.0)) if product > 0.0 else 0.0


def _points(fit: Fitted, population: Floats) -> list[list[list[float]]] | None:
    """By group (x, y less what other columns than the group's line contribute); None of no line."""
    rows, codes = fit.design.rows, fit.design.rows.codes_of[0]
    Z = rows.Z
    if not np.allclose(Z[:, 0], 1.0):
        return None
    others = rows.X @ fit.gamma - (Z * population[codes]).sum(axis=1)
    y = rows.response - others  # less the offset already
    pairs = [[_short(a), _short(b)] for a, b in zip(Z[:, 1], y, strict=True)]
    found: list[list[list[float]]] = [[] for _ in fit.design.factor.labels]
    for code, pair in zip(codes, pairs, strict=True):
        found[code].append(pair)
    return found


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
