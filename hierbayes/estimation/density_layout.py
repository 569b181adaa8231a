"""Where the numbers of a model stand in the buffer that its log density reads."""

from __future__ import annotations

from enum import IntEnum, auto

from hierbayes.priors.scalar_density import WIDTH

IDENTITY, LOG, INTERVAL, ASINH = range(4)
NO_JOINT, MATRICES, ICC, SHARES = range(4)
# Of a number with a prior of its own, before the coefficients of its density: its coordinate, its
# transform, the limits of an interval (the unit of asinh in place of the lower), whether the
# volume of the transform counts, and which of the parameters (σ, sd (q,), γ (p,)) it is.
PLACE, TRANSFORM, LOWER, UPPER, VOLUME, PARAMETER = range(6)
DENSITY = 6
ROW = DENSITY + WIDTH


class Head(IntEnum):
    """Where a number of the model stands at the head of the buffer.

    Those after ``LIKELIHOOD`` are places in the buffer where an array begins.
    """

    LENGTH = 0
    COORDINATES = auto()  # how many
    LATENT = auto()  # how many of them, the last, are the likelihood's alone
    NUMBERS = auto()  # σ, then sds and γ that have priors of their own
    GROUPS = auto()  # of several grouping factors, the length of the order of elimination
    EFFECTS = auto()
    TERMS = auto()
    READING = auto()
    GIVEN = auto()  # whether γ is sampled
    BLOCKS = auto()
    JOINT = auto()
    CORR_AT = auto()  # first coordinate of the correlations
    SHARES_AT = auto()  # of R² and its shares
    XI_AT = auto()  # of the varying γ under a prior of R²
    PLACE_OF_CONSTANT = auto()  # among the terms
    ROWS = auto()
    SCALE = auto()
    CONSTANT = auto()
    LIKELIHOOD = auto()  # bits of the address of its C function, see `native.SIGNATURE`
    AT_NUMBERS = auto()
    AT_BLOCKS = auto()
    AT_JOINT = auto()
    AT_R = auto()
    AT_T = auto()
    AT_W = auto()
    AT_TO_INTERNAL = auto()
    AT_PRECISION = auto()
    AT_MEAN = auto()
    AT_GAMMA_TO_INTERNAL = auto()
    AT_GAMMA_CENTER = auto()
    AT_CENTRE = auto()  # of the other coordinates, where a sampler takes them as centre + P w; or 0
    AT_P = auto()  # lower triangular
