"""Priors of effects at an origin that lies far outside the data."""

from __future__ import annotations

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.design import Design
from hierbayes.errors import PriorError
from hierbayes.priors.prior_set import PriorSet

FAR = 1000.0  # spreads between the data of a random column and its zero


def refuse_far_origin(design: Design, basis: Basis, priors: PriorSet) -> None:
    """Refuse to sample where a prior is of a random intercept far outside the data.

    Priors on sd and corr that are stated refer to the point where the random columns are 0.  When
    that lies thousands of spreads away, every correlation is ±1 to the last digit
    and no sampler can move.

    Raises
    ------
    PriorError
        Naming the column to centre.
    """
    distance = np.abs(basis.z.shift / basis.z.spread)
    distance[list(priors.centred) or np.zeros(len(distance), bool)] = 0.0
    if not len(distance):
        return
    worst = int(distance.argmax())
    if distance[worst] > FAR:
        name, center = design.effects[worst], float(f"{basis.z.shift[worst]:.3g}")
        raise PriorError(
            f"priors on sd and corr refer to '{name}' = 0, which is {distance[worst]:.1g} spreads "
            f"away from its data, and no sampler can work there: centre it, for instance as "
            f"I({name} - {center:g}); reml() and ml() do not mind"
        )
