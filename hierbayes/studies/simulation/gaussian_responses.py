r"""Errors of simulated rows of a Gaussian response, with the variances of their model.

    e_i = σ s_i (R^(1/2) n)_i,   s_i = 1/√w_i, or the known standard deviation with σ = 1

R is that of the residual structure of a fit, at its estimates (of a posterior at the means of its
coordinates), on rows that need not be those of the fit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.errors import StudyError
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.correlated_draws import correlate_errors
from hierbayes.frames.arrays import Floats
from hierbayes.specification.formula import Specification


def draw_errors(
    model: object, design: Design, rows: pd.DataFrame, sigma: float, rng: np.random.Generator
) -> Floats:
    """Errors (n,) of the rows of a design.

    Parameters
    ----------
    model : object
        What is simulated from; a fit has the parameters of its residual structure.
    design : Design
    rows : DataFrame
        The columns of its n rows.
    sigma : float
    rng : Generator

    Raises
    ------
    StudyError
        For a residual structure without a fit, and variances that follow fitted values.
    """
    errors = rng.standard_normal(design.n)
    structure = design.specification.residual
    if structure is not None:
        if not isinstance(model, Fitted):
            raise StudyError(
                f"simulate(): the parameters of the residual structure {structure.text} are those "
                "of a fit; give one, such as model.reml()"
            )
        if structure.follows_fitted:
            raise StudyError(
                "simulate() draws no errors whose variances follow the fitted values, as "
                f"{structure.text} has them; fit.simulate() draws new responses of the rows of "
                "the fit"
            )
        problem = model.problem
        assert problem.moments is not None and problem.z is not None
        law = problem.moments.rows
        if law.correlation is not None:
            errors = correlate_errors(problem, rows, problem.z, errors[None])[0]
        errors = errors * law.row_sd_of(rows, problem.z)
    return np.asarray(sigma * design.rows.row_sd * errors)


def known_sigma(spec: Specification, sigma: float | None) -> float | None:
    """σ, which is 1 where the standard deviations of errors are known.

    Raises
    ------
    StudyError
        When another is stated beside known ones.
    """
    if not spec.known_sd:
        return sigma
    if sigma is not None and sigma != 1.0:
        raise StudyError(
            f"simulate(): the standard deviations of errors are known, known_sd='{spec.known_sd}'; "
            "leave sigma= out"
        )
    return 1.0
