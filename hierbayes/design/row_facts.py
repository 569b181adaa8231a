"""What is known of all rows of a source, once they were summed up."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.design.group_design_of_roots import ColumnRoots
from hierbayes.frames.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class RowFacts:
    """What is known of all rows.

    Parameters
    ----------
    n : int
        How many there are.
    low, high : (p + 1,) float
        Least and largest values of the fixed columns and of the response.
    covariance : (p, p) float
        Of the fixed columns: mean products about their means.
    column_sizes : (p,) float
        Root mean squares of the fixed columns.
    second_moment : (q, q) float
        Mean of zz'.
    response_size : float
        Root mean square of the response.
    two_valued : bool
        Whether each response is 0 or 1.
    log_root_weights : float
        Sum of log √w over all rows.
    has_weights, has_offset : bool
        Whether rows have precision weights, or an offset beside Xγ.
    sizes_of : tuple of (J,) int
        For each grouping factor how many rows its groups have.
    roots_of : tuple of ColumnRoots
        For each grouping factor what stands for the columns of its groups.
    """

    n: int
    low: Floats
    high: Floats
    covariance: Floats
    column_sizes: Floats
    second_moment: Floats
    response_size: float
    two_valued: bool
    log_root_weights: float
    has_weights: bool
    has_offset: bool
    sizes_of: tuple[Integers, ...]
    roots_of: tuple[ColumnRoots, ...]
