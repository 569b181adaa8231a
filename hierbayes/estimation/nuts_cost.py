"""How long NUTS would take, from sizes alone: equal models are sampled in the same way anywhere."""

from __future__ import annotations

from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.estimation.settings import SamplerSettings

LONG = 30.0  # seconds of NUTS from which on importance sampling, of a few, stands in for it
_GRADIENTS = 5.0  # a draw
_PROCESSORS = 2  # that the estimate counts on, so that it is one estimate everywhere
# Measured seconds: of a group and entry of its small matrices, of an entry that a panel changes,
# and of a multiplication within a dense component.
_PER_GROUP, _PER_ENTRY, _PER_PRODUCT = 5e-9, 2e-8, 5e-11


def gradient_seconds(cross: Products) -> float:
    """About how long one value with its gradient takes."""
    if isinstance(cross, SparseProducts):
        e = elimination_of(cross).elimination
        below, q = e.nodes[:, 3], e.q[e.nodes[:, 0]]
        entries = float(((below + q) ** 2 * q).sum())
        return _PER_ENTRY * entries + _PER_PRODUCT * float((e.components[:, 0] ** 3.0).sum())
    q, m = cross.R.shape[2], len(cross.W)
    return _PER_GROUP * cross.J * (q + 1) ** 2 * (q + m)


def nuts_seconds(cross: Products, settings: SamplerSettings) -> float:
    """About how long NUTS takes with these settings."""
    gradients = _GRADIENTS * settings.chains * (settings.draws + settings.tune)
    at_once = min(settings.chains, settings.cores or _PROCESSORS, _PROCESSORS)
    return gradients * gradient_seconds(cross) / at_once
