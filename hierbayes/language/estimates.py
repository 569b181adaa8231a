"""Numbers that stand in equations in place of a model's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Numbers for the parameters of a model.

    Parameters
    ----------
    gamma : (p,) float
        Fixed effects in the order of the fixed columns.
    G : (q, q) float
        Variance matrix of the random effects, in the order of Z.
    sigma : float
        Residual standard deviation.
    dispersion : (d,) float
        Of the response; of a Gaussian one σ.
    what : str
        What they are, ``"REML estimates"`` or ``"posterior means"``.
    least_squares : bool
        Whether gamma is the GLS estimate given G and sigma.
    errors : mapping of str to float
        Parameters of a residual structure by name.
    error_matrix : (m, m) float, optional
        The covariance of the errors of one group, or of its first rows in order of time.
    error_matrix_of : str
        Which they are.
    """

    gamma: Floats
    G: Floats
    sigma: float
    dispersion: Floats
    what: str
    least_squares: bool
    errors: Mapping[str, float] = field(default_factory=dict)
    error_matrix: Floats | None = None
    error_matrix_of: str = ""
