"""A PyMC graph as two C functions that read their data through a pointer.

For models with a prior made by PyMC; what is built in has one density for all, `density`.
PyTensor's numba backend turns the graph's log density, its gradient and the
parameters of interest into one compiled function and caches it on disk.  What a
sampler needs on top, C callbacks, is generated here as source, compiled with the
same cache and the same key, and so loaded, not compiled, in a later process.  All
data of the graph travel in one flat buffer behind the callbacks' user pointer, so
one compiled structure serves every data set and every prior of that structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numba import carray, types
from pymc.pytensorf import compile as compile_pytensor
from pytensor.graph.replace import clone_replace
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS, compile_numba_function_src

from hierbayes.compilation import callback, compiled
from hierbayes.design.design import Design
from hierbayes.display.steps import announce
from hierbayes.estimation.coordinates import Variable
from hierbayes.estimation.graph import build_graph
from hierbayes.estimation.inputs import GraphInputs, Structure
from hierbayes.estimation.target import Target
from hierbayes.frames.arrays import Floats
from hierbayes.priors.prior_set import PriorSet
from hierbayes.pymc_import import pm

_CACHE_VERSION = "2"
_pointer = types.CPointer(types.float64)
_LOG_DENSITY = types.int64(types.uint64, _pointer, _pointer, _pointer, _pointer)
_EXPAND = types.int64(types.uint64, types.uint64, _pointer, _pointer, _pointer)

_SOURCE = """
def read(x, data):
    buffer = carray(data, (int(carray(data, (1,))[0]),))
{unpack}
    return inner(x, {names})


def log_density(dim, x_, gradient_, value_, data):
    try:
        value, gradient, _ = read_compiled(carray(x_, ({n_dim},)), data)
        out = carray(gradient_, ({n_dim},))
        carray(value_, (1,))[0] = value.item()
        if not np.isfinite(value.item()):
            return 4
        for i in range({n_dim}):
            out[i] = gradient[i]
            if not np.isfinite(out[i]):
                return 3
    except Exception:
        return 1
    return 0


def expand(dim, expanded, x_, out_, data):
    try:
        _, _, parameters = read_compiled(carray(x_, ({n_dim},)), data)
        out = carray(out_, ({n_out},))
        for i in range({n_out}):
            out[i] = parameters[i]
    except Exception:
        return 1
    return 0
"""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A compiled structure: callbacks, and how to feed and read them.

    Parameters
    ----------
    log_density, expand : numba CFunc
        C callbacks for a sampler.
    data_names : tuple of str
        Order of the data in the buffer.
    variables : tuple of Variable
        Free variables in the order of the unconstrained vector x.
    """

    log_density: Any
    expand: Any
    data_names: tuple[str, ...]
    variables: tuple[Variable, ...]

    def buffer(self, data: dict[str, Floats]) -> Floats:
        """The data as one flat array: total length, offset and shape of each, values."""
        arrays = [np.asarray(data[name], dtype=np.float64) for name in self.data_names]
        offset = 1 + sum(1 + array.ndim for array in arrays)
        head: list[float] = []
        for array in arrays:
            head += [offset, *array.shape]
            offset += array.size
        return np.concatenate([[offset], head, *(array.ravel() for array in arrays)])


_structures: dict[Structure, Compiled] = {}


def graph_target(
    design: Design, inputs: GraphInputs, priors: PriorSet, *, progress: bool
) -> Target:
    """A graph as a target; its structure is compiled once per process.

    Parameters
    ----------
    design, inputs, priors
        Of the model.
    progress : bool
        Whether to say so when it is compiled.
    """
    if inputs.structure not in _structures:
        if progress:
            announce(
                "compiling the log density of this structure, because a prior is a distribution "
                "of PyMC: 10 to 90 s the first time on a machine"
            )
        _structures[inputs.structure] = _compile(build_graph(design, inputs, priors), inputs)
    compiled = _structures[inputs.structure]
    _, p, q = inputs.structure[:3]
    return Target(
        compiled.log_density,
        compiled.expand,
        compiled.buffer(inputs.data),
        compiled.variables,
        q,
        p,
        np.eye(q),
    )


def free_variables(model: pm.Model) -> tuple[Variable, ...]:
    """The free variables of a graph, in the order of the unconstrained vector."""
    return tuple(
        Variable(
            rv.name,
            _value_shape(model, rv, model.rvs_to_values[rv]),
            _transform_name(model.rvs_to_transforms[rv]),
        )
        for rv in model.free_RVs
    )


def join_values(
    model: pm.Model, variables: tuple[Variable, ...], log_density: Any, names: list[str]
) -> tuple[Any, list[Any]]:
    """One vector x for all free variables; log density, gradient and parameters of it.

    Returns
    -------
    x : symbolic (n_dim,)
    outputs : list
        The log density, its gradient (n_dim,), and the variables ``names`` of the
        graph, raveled into one vector.
    """
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    gradients = pt.grad(log_density, values)
    gradient = pt.concatenate([g.ravel() for g in gradients])
    parameters = model.replace_rvs_by_values([model[name] for name in names])
    flat = pt.concatenate([parameter.ravel() for parameter in parameters])
    bounds = np.cumsum([0, *(variable.size for variable in variables)])
    x = pt.TensorType("float64", shape=(int(bounds[-1]),))(name="x")
    replacements = {
        value: x[bounds[i] : bounds[i + 1]].reshape(variables[i].shape)
        for i, value in enumerate(values)
    }
    return x, clone_replace([log_density, gradient, flat], replacements)


def _compile(model: pm.Model, inputs: GraphInputs) -> Compiled:
    _, p, q = inputs.structure[:3]
    variables = free_variables(model)
    names = ["root", "sigma"] + (["gamma"] if "gamma" in model.named_vars else [])
    log_density = rewrite_graph(model.logp(), include=["canonicalize", "stabilize"])
    x, outputs = join_values(model, variables, log_density, names)
    with model:
        function = compile_pytensor([x], outputs, mode="NUMBA")
    data = {variable.name: variable for variable in function.get_shared()}
    order = tuple(str(name) for name in data)
    key = f"{CACHED_SRC_FUNCTIONS[function.vm.jit_fn.py_func]}_{_CACHE_VERSION}"
    ranks = [data[name].type.ndim for name in order]
    n_dim = sum(variable.size for variable in variables)
    callbacks = _callbacks(function.vm.jit_fn, key, ranks, n_dim, q * q + 1 + p)
    return Compiled(*callbacks, order, variables)


def _callbacks(inner: Any, key: str, ranks: list[int], n_dim: int, n_out: int) -> tuple[Any, Any]:
    """C callbacks of a compiled function, cached on disk under its key."""
    source = _SOURCE.format(
        unpack="\n".join(_unpack_lines(ranks)),
        names=", ".join(f"a{i}" for i in range(len(ranks))),
        n_dim=n_dim,
        n_out=n_out,
    )
    env: dict[str, Any] = {"__name__": __name__, "carray": carray, "np": np, "inner": inner}
    read = compile_numba_function_src(source, "read", env, cache_key=f"{key}_read")
    env["read_compiled"] = compiled()(read)
    made = []
    for name, signature in (("log_density", _LOG_DENSITY), ("expand", _EXPAND)):
        function = compile_numba_function_src(source, name, env, cache_key=f"{key}_{name}")
        made.append(callback(signature)(function))
    return made[0], made[1]


def _unpack_lines(ranks: list[int]) -> list[str]:
    """Source that cuts each data array out of the flat buffer."""
    lines, at = [], 1
    for i, rank in enumerate(ranks):
        extents = [f"int(buffer[{at + 1 + k}])" for k in range(rank)]
        size = " * ".join(extents) or "1"
        shape = "".join(f"{extent}, " for extent in extents)
        start = f"int(buffer[{at}])"
        lines.append(f"    a{i} = buffer[{start} : {start} + {size}].reshape(({shape}))")
        at += 1 + rank
    return lines


def _value_shape(model: pm.Model, rv: Any, value: Any) -> tuple[int, ...]:
    """Shape of a free variable on the unconstrained scale."""
    if value.type.ndim == 0:
        return ()
    dims = model.named_vars_to_dims.get(rv.name)
    if dims:
        return tuple(len(model.coords[dim]) for dim in dims)
    return tuple(int(extent) for extent in value.type.shape)


def _transform_name(transform: Any) -> str | None:
    return None if transform is None else str(transform.name)
