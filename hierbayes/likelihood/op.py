"""The collapsed likelihood as a PyTensor operation, for use in a PyMC graph.

The operation and its gradient are one call of `collapsed_native`; with
PyTensor's numba backend the compiled function is called directly, without
Python and without the GIL, and is cached on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from hierbayes.likelihood import native, sparse_native
from hierbayes.likelihood.reading import Reading


class CollapsedLogDensity(Op):
    """log p(y | L, σ[, γ]) with u (and γ) integrated out, and its gradient.

    Inputs are those of `collapsed_native` without the reading: root L (q, q),
    sigma, gamma (p,), to_internal (q, q), R (J, q, q), T (J, q, p+1),
    W (p+1, p+1), n, precision (p, p), mean (p,); with several grouping factors
    those of `sparse_native`.

    Outputs are the value, ∂/∂L (q, q), ∂/∂σ and ∂/∂γ;
    only the value is meant for use in a model, the others are its gradient.

    Parameters
    ----------
    reading : Reading
        One of the constants of `hierbayes.likelihood.collapsed`.
    several : bool
        Whether there are several grouping factors.
    """

    __props__ = ("reading", "several")
    _differentiable = 3  # root, sigma, gamma

    def __init__(self, reading: Reading, several: bool = False) -> None:
        self.reading, self.several = int(reading), several
        (sparse_native if several else native).provide()  # compiled graphs call it

    @property
    def native(self) -> Any:
        """The compiled function that this is."""
        return sparse_native.sparse_native if self.several else native.collapsed_native

    def make_node(self, *inputs: Any) -> Apply:
        tensors = [pt.as_tensor_variable(value, dtype="float64") for value in inputs]
        outputs = [
            pt.dscalar("log_density"),
            pt.dmatrix("d_root"),
            pt.dscalar("d_sigma"),
            pt.dvector("d_gamma"),
        ]
        return Apply(self, tensors, outputs)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        arrays = [np.ascontiguousarray(value, dtype=np.float64) for value in inputs]
        root, sigma, gamma, change, R, T, W, n, precision, mean = arrays
        results = self.native(
            root, sigma.item(), gamma, change, R, T, W, n.item(), precision, mean, self.reading
        )
        for storage, result in zip(output_storage, results, strict=True):
            storage[0] = np.asarray(result, dtype=np.float64)

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        return [(), shapes[0], (), shapes[2]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        first = [True, False, False, False]
        none = [False] * 4
        return [first if i < self._differentiable else none for i in range(len(node.inputs))]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        along = cotangents[0]
        gradients = [along * output for output in outputs[1:]]
        rest = [DisconnectedType()() for _ in inputs[self._differentiable :]]
        return gradients + rest


@register_funcify_default_op_cache_key(CollapsedLogDensity)
def _numba_collapsed(op: CollapsedLogDensity, node: Apply, **_: Any) -> Any:
    reading, density = op.reading, op.native

    @numba_njit
    def collapsed_log_density(root, sigma, gamma, to_internal, R, T, W, n, precision, mean):
        value, d_root, d_sigma, d_gamma = density(
            np.ascontiguousarray(root),
            sigma.item(),
            np.ascontiguousarray(gamma),
            np.ascontiguousarray(to_internal),
            np.ascontiguousarray(R),
            np.ascontiguousarray(T),
            np.ascontiguousarray(W),
            n.item(),
            np.ascontiguousarray(precision),
            np.ascontiguousarray(mean),
            reading,
        )
        return np.asarray(value), d_root, np.asarray(d_sigma), d_gamma

    return collapsed_log_density, (sparse_native if op.several else native).VERSION
