"""The log density a graph states, of the parameters themselves, as a function to maximise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytensor.tensor as pt
from pymc.pytensorf import compile as compile_pytensor
from pytensor.compile.mode import Mode

from hierbayes.estimation.compiled import join_values
from hierbayes.estimation.coordinates import Variable
from hierbayes.frames.arrays import Floats
from hierbayes.pymc_import import pm


def graph_density(
    model: pm.Model, variables: tuple[Variable, ...], blocks: tuple[int, ...]
) -> Callable[[Floats], tuple[float, Floats, Floats]]:
    """x -> the log density, its gradient, and (root, σ[, γ]) in one vector.

    PyMC counts LKJ's density per Cholesky factor L; that of the correlation matrix itself
    lacks the volume Π_i L_ii^(n−i) of each block, i = 1…n.
    """
    log_density = model.logp(jacobian=False)
    for name, size in zip(_chol_names(model), (b for b in blocks if b > 1), strict=True):
        diagonal = pt.diagonal(model[name])
        volume = (np.arange(size - 1, -1, -1) * pt.log(diagonal)).sum()
        log_density = log_density - model.replace_rvs_by_values([volume])[0]
    names = ["root", "sigma", *(["gamma"] if "gamma" in model.named_vars else [])]
    x, outputs = join_values(model, variables, log_density, names)
    # A search needs some hundred evaluations: interpreting the graph beats compiling it.
    with model:
        function = compile_pytensor([x], outputs, mode=Mode("py", "fast_compile"))

    def density(point: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, parameters = function(point)
        return float(value), np.asarray(gradient), np.asarray(parameters)

    return density


def _chol_names(model: pm.Model) -> list[str]:
    return [rv.name for rv in model.free_RVs if rv.name.startswith("corr_chol")]
