"""The readings of the collapsed likelihood: what is done with the fixed effects γ."""

from __future__ import annotations

from enum import IntEnum


class Reading(IntEnum):
    """What is done with γ; the random effects are integrated out in all of them.

    Examples
    --------
    >>> Reading["REML"] is REML
    True
    """

    ML = 0
    """γ profiled out (maximised)."""
    REML = 1
    """γ integrated out under a flat prior."""
    NORMAL = 2
    """γ integrated out under a normal prior, flat where its precision is singular."""
    GIVEN = 3
    """γ stated (its prior is not normal)."""


ML, REML, NORMAL, GIVEN = Reading
VALUE_ONLY = 8  # added to a reading where a C function is called: no derivatives are wanted
