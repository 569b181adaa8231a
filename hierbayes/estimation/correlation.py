r"""Unconstrained coordinates of a correlation matrix, as one compiled operation.

Row i of the Cholesky factor L of an n × n correlation matrix is the vector
(z_i1, …, z_i,i−1, 1) divided by its length, so any z in R^{n(n−1)/2} makes a valid L.
The map of z_i to the free entries of the row has the volume (1 + |z_i|²)^{−(i+1)/2}.

These are the coordinates of PyMC's default transform for `LKJCorr`, in the order of
`numpy.tril_indices`; written as one operation because the graph of some thirty
small ones takes PyTensor longer to compile than all the rest of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from hierbayes.estimation.normalised_rows import correlation_root, correlation_root_pullback

# Counts up when those kernels change: PyTensor keeps its machine code on disk under it.
VERSION = 1


class CorrelationRoot(Op):
    """z → L and the log volume of the map; see `correlation_root`."""

    __props__ = ("n",)

    def __init__(self, n: int) -> None:
        self.n = n

    def make_node(self, z: Any) -> Apply:
        root = pt.TensorType("float64", shape=(self.n, self.n))("corr_chol")
        return Apply(self, [pt.as_tensor_variable(z)], [root, pt.dscalar("log_volume")])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        root, log_volume = correlation_root(inputs[0], self.n)
        output_storage[0][0] = root
        output_storage[1][0] = np.asarray(log_volume)

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        return [(self.n, self.n), ()]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        zeros = (pt.zeros((self.n, self.n)), pt.zeros(()))
        known = [
            zero if isinstance(given.type, DisconnectedType) else given
            for given, zero in zip(cotangents, zeros, strict=True)
        ]
        return [_pull_back(inputs[0], *known)]


class CorrelationRootPullback(Op):
    """The gradient of `CorrelationRoot`; see `correlation_root_pullback`."""

    __props__ = ()

    def make_node(self, z: Any, d_root: Any, d_volume: Any) -> Apply:
        tensors = [pt.as_tensor_variable(value) for value in (z, d_root, d_volume)]
        return Apply(self, tensors, [tensors[0].type()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        z, d_root, d_volume = inputs
        output_storage[0][0] = correlation_root_pullback(z, d_root, d_volume.item())

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        return [shapes[0]]


_pull_back = CorrelationRootPullback()


@register_funcify_default_op_cache_key(CorrelationRoot)
def _numba_root(op: CorrelationRoot, node: Apply, **_: Any) -> Any:
    n = op.n

    @numba_njit
    def root_of(z):
        root, log_volume = correlation_root(z, n)
        return root, np.asarray(log_volume)

    return root_of, VERSION


@register_funcify_default_op_cache_key(CorrelationRootPullback)
def _numba_pullback(op: CorrelationRootPullback, node: Apply, **_: Any) -> Any:
    @numba_njit
    def pullback(z, d_root, d_volume):
        return correlation_root_pullback(z, d_root, d_volume.item())

    return pullback, VERSION


class NormalisedRows(Transform):
    """PyMC transform between a correlation Cholesky factor and z.

    Parameters
    ----------
    n : int
        Size of the correlation matrix.
    """

    name = "normalisedrows"  # without an underscore: PyMC cuts names of values at the last one
    ndim_supp = 1

    def __init__(self, n: int) -> None:
        self.n = n

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Z of a factor L."""
        rows, columns = np.tril_indices(self.n, -1)
        return value[rows, columns] / value[rows, rows]

    def backward(self, value: Any, *inputs: Any) -> Any:
        """L of z."""
        return CorrelationRoot(self.n)(value)[0]

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """Log volume of `backward`."""
        return CorrelationRoot(self.n)(value)[1]
