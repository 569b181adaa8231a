"""The maximum of a Gaussian model for cross-products in place of its own, σ known or not."""

from __future__ import annotations

from hierbayes.design.design import Design
from hierbayes.design.products import Products
from hierbayes.estimation.climb import Optimum
from hierbayes.estimation.known_errors import maximise_known_errors
from hierbayes.estimation.reml import maximise, maximise_near
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading


def optimum_of(
    design: Design, cross: Products, reading: Reading, near: Floats | None = None
) -> Optimum:
    """The maximum for cross-products of the columns of a design, whatever the response.

    Parameters
    ----------
    design : Design
        Says which effects there are, and whether the variances of all errors are known.
    cross : CrossProducts or SparseProducts
    reading : Reading
        ``REML`` or ``ML``.
    near : (q, q) float, optional
        A root λ to look from.

    Raises
    ------
    EstimationError
        When no search ends at a maximum.
    """
    if design.specification.known_sd:
        return maximise_known_errors(cross, design.blocks, reading)
    if near is None:
        return maximise(cross, design.blocks, reading)
    return maximise_near(cross, design.blocks, reading, near)
