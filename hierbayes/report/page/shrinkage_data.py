"""What a page needs to answer how shrinkage depends on G, σ and the number of rows.

The page computes Λ_j = G A_j(G A_j + σ²I)⁻¹ with A_j = Z_j'Z_j and a group's BLUP from
r_j = Z_j'(y_j − X_jγ), in the user's units; γ is held at its estimate.  With several grouping
factors G, A_j and Z_j are those of one, and y_j is less the effects of the others, held where they
are: at the estimates this is the BLUP of all, for it solves the equations of each given the others.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from hierbayes.design.level_products import LevelProducts
from hierbayes.errors import StudyError
from hierbayes.fit.effects import estimable_groups, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.plots.choice import chosen_groups

MOST_GROUPS = 400  # shown of a factor, spread over their numbers of rows
_MOST_ROWS = 20_000  # drawn; of more every second, third, ... of each group
_DIGITS = 6  # of rows, which are only drawn


def shrinkage_data(fit: Fitted) -> dict[str, Any]:
    """Factors and groups with their products and rows, and where the sliders start.

    Returns
    -------
    dict
        ``response``, ``sigma`` and ``factors``: ``name``, ``effects`` (q), ``sd`` (q,), ``corr``
        (q, q), ``constant`` (the place of the effect that is 1 in every row, or None), ``left_out``
        (how many groups are not shown) and ``groups``: ``label``, ``n``, ``A`` (q, q), ``r`` (q,),
        ``blue`` (None where it does not exist), ``population`` and ``rows``, each the values of the
        other effects' columns and y less what the group's coefficients have no part in.

    Raises
    ------
    StudyError
        When the model is none whose shrinkage has such a formula.
    """
    refuse_other_shrinkage(fit)
    return {
        "response": str(fit.design.specification.response),
        "sigma": float(fit.sigma),
        "factors": [_factor(fit, k) for k in range(len(fit.design.factors))],
    }


def refuse_other_shrinkage(fit: Fitted) -> None:
    """Refuse models whose shrinkage is no matter of G, one σ and cross-products.

    Raises
    ------
    StudyError
        With the reason.
    """
    design = fit.design
    design.specification.refuse_no_random_part()
    if fit.problem.family is not None:
        raise StudyError("of a response that is not Gaussian no BLUE is shrunk to a BLUP")
    if fit.problem.moments is not None or design.specification.known_sd:
        raise StudyError("the errors of this model have no single σ that could be moved")


def _factor(fit: Fitted, k: int) -> dict[str, Any]:
    design, level = fit.design, fit.problem.products.levels[k]
    span, factor = design.spans[k], design.factors[k]
    A, r = _in_users_units(fit, k, level)
    population = population_draws(fit, k).mean(axis=(0, 1))
    estimable = estimable_groups(level.A)
    sd, corr = _sd_corr(fit.G[span, span])
    shown = chosen_groups(fit, None, MOST_GROUPS, k)
    constant, rows = _rows(fit, k, population, shown)
    return {
        "name": factor.name,
        "effects": list(design.effects[span]),
        "sd": sd.tolist(),
        "corr": corr.tolist(),
        "constant": constant,
        "left_out": factor.J - len(shown),
        "groups": [
            {
                "label": str(factor.labels[j]),
                "n": int(level.rows[j]),
                "A": A[j].tolist(),
                "r": r[j].tolist(),
                "blue": (population[j] + np.linalg.solve(A[j], r[j])).tolist()
                if estimable[j]
                else None,
                "population": population[j].tolist(),
                "rows": rows.get(j, []),
            }
            for j in shown.tolist()
        ],
    }


def _in_users_units(fit: Fitted, k: int, level: LevelProducts) -> tuple[Floats, Floats]:
    """A_j (J, q, q) and r_j (J, q) of a factor, the effects of the others taken out."""
    products = fit.problem.products
    basis, spans = products.basis, fit.design.spans
    r = level.B[:, :, -1] - level.B[:, :, :-1] @ basis.gamma_internal(fit.gamma)
    for pair in getattr(products, "pairs", ()):
        if k not in (pair.first, pair.second):
            continue
        other = pair.second if k == pair.first else pair.first
        here, there, values = (
            (pair.i, pair.j, pair.values)
            if k == pair.first
            else (pair.j, pair.i, pair.values.swapaxes(1, 2))
        )
        # u = s M u°, y = s y°
        inner = np.linalg.inv(basis.z.matrix[spans[other], spans[other]])
        effects = fit.u_means[other] @ inner.T / basis.scale
        np.subtract.at(r, here, np.einsum("mab,mb->ma", values, effects[there]))
    inverse = np.linalg.inv(basis.z.matrix[spans[k], spans[k]])  # Z = Z° M⁻¹
    return inverse.T @ level.A @ inverse, basis.scale * r @ inverse


def _sd_corr(G: Floats) -> tuple[Floats, Floats]:
    """Standard deviations (q,) and correlations (q, q); 0 with an effect that does not vary."""
    sd = np.sqrt(np.diagonal(G))
    by = np.where(sd > 0.0, sd, 1.0)
    corr = np.clip(G / np.outer(by, by), -1.0, 1.0)
    np.fill_diagonal(corr, 1.0)
    return sd, corr


def _rows(
    fit: Fitted, k: int, population: Floats, shown: Integers
) -> tuple[int | None, dict[int, list[list[float]]]]:
    """The place of the constant effect, and by group its rows; none without such an effect.

    Of rows that stream none are at hand to be drawn.
    """
    rows, span = fit.design.rows, fit.design.spans[k]
    if rows.streams:
        names = fit.design.effects[span]
        return (names.index("Intercept") if "Intercept" in names else None), {}
    codes, Z = rows.codes_of[k], rows.Z[:, span]
    ones = np.flatnonzero(np.isclose(Z, 1.0).all(axis=0))
    if not len(ones) or Z.shape[1] < 2:
        return (int(ones[0]) if len(ones) else None), {}
    constant = int(ones[0])
    y = rows.response - rows.X @ fit.gamma + (Z * population[codes]).sum(axis=1)
    for other, place in enumerate(fit.design.spans):
        if other != k:
            y = y - (rows.Z[:, place] * fit.u_means[other][rows.codes_of[other]]).sum(axis=1)
    of = np.column_stack([np.delete(Z, constant, axis=1), y])
    step = max(1, ceil(np.isin(codes, shown).sum() / _MOST_ROWS))
    found = {}
    for j in shown.tolist():
        own = of[codes == j][::step]
        found[j] = [[_short(value) for value in row] for row in own]
    return constant, found


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
