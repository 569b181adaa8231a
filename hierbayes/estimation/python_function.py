"""Functions of numpy with their derivatives, as operations of a PyMC graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op

from hierbayes.frames.arrays import Floats


class PythonFunction(Op):
    """A number or a vector that is a function of vectors, with its Jacobians.

    The first output is the value; the others are its gradient, and no part of a model.

    Parameters
    ----------
    function : function
        Of m vectors: the value, a number or (k,), and m Jacobians, (n_i,) or (k, n_i).
    ndim : int
        0 of a number, 1 of a vector.
    """

    __props__ = ()

    def __init__(self, function: Callable[..., tuple[Any, Sequence[Floats]]], ndim: int) -> None:
        self.function, self.ndim = function, ndim

    def make_node(self, *inputs: Any) -> Apply:
        tensors = [pt.as_tensor_variable(value, dtype="float64") for value in inputs]
        value = pt.TensorType("float64", (None,) * self.ndim)
        slope = pt.TensorType("float64", (None,) * (self.ndim + 1))
        return Apply(self, tensors, [value(), *(slope() for _ in tensors)])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        value, slopes = self.function(*(np.asarray(one, dtype=np.float64) for one in inputs))
        for storage, result in zip(output_storage, (value, *slopes), strict=True):
            storage[0] = np.asarray(result, dtype=np.float64)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True] + [False] * len(node.inputs) for _ in node.inputs]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        along, slopes = cotangents[0], outputs[1:]
        return [along * one if self.ndim == 0 else pt.dot(along, one) for one in slopes]
