"""Joint draws of margins."""

from __future__ import annotations

import numpy as np

from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.frames.arrays import Floats
from hierbayes.inference.margins.expected_rows import ExpectedRows
from hierbayes.inference.margins.quantity import Quantity

NODES = 15  # of quadrature, for each draw


def margin_draws(draws: ParameterDraws, quantity: Quantity) -> Floats:
    """Draws (M, K, C) of a margin."""
    return quantity.combination.value(*(_averages(draws, quantity, one) for one in quantity.sides))


def _averages(draws: ParameterDraws, quantity: Quantity, side: ExpectedRows) -> Floats:
    """Draws (M, K, C) of the averages of a side."""
    total = np.zeros((draws.M, quantity.averages.K, side.C))
    for at, eta in draws.of_rows(side.rows, side.law, "linear"):
        if side.is_linear:
            values = eta.reshape(draws.M, -1, side.C)
        else:
            law, spread = side.part(at), side.spread(draws.root, at)
            values = np.stack([
                side.values(law, eta[m], draws.phi[m], None if spread is None else spread[m], NODES)
                for m in range(draws.M)
            ])  # fmt: skip
        quantity.averages.add(total, at, values)
    return total
