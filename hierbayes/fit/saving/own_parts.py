"""What one kind of fit has beside what all have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hierbayes.frames.arrays import Floats

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True, eq=False)
class OwnParts:
    """What one kind of fit has beside problem, θ, γ and priors.

    Parameters
    ----------
    kind : str
        The name of its class.
    plain : object
        What `plain_values` can write: the evidence, or most of it.
    arrays : mapping of str to array
    stats : Dataset, optional
        Of a sampler.
    """

    kind: str
    plain: Any
    arrays: Mapping[str, Floats] = field(default_factory=dict)
    stats: xr.Dataset | None = None
