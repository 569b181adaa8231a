"""NUTS on a PyMC graph that is interpreted, not compiled.

To compile a graph takes a minute, whatever is asked of it then.  PyTensor's interpreter begins at
once and needs about a millisecond for each log density with its gradient, of up to some thousand
rows: a graph that was extended by hand and is looked at once is sampled in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from pymc.pytensorf import compile as compile_pytensor
from pytensor.compile.mode import Mode

from hierbayes.errors import EstimationError
from hierbayes.estimation.compiled import join_values
from hierbayes.estimation.coordinates import Variable
from hierbayes.estimation.nutpie_chains import sample_chains
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.frames.arrays import Floats
from hierbayes.nutpie_import import from_pyfunc, nutpie
from hierbayes.pymc_import import pm

_INTERPRETED = Mode("py", "fast_compile")
_WIDTH = 0.5  # of a coordinate, to both sides of the graph's own start: where chains start


def sample_graph(
    graph: pm.Model,
    *,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 4,
    seed: int | None = None,
    target_accept: float = 0.8,
    progress: bool = True,
) -> xr.DataTree:
    """The posterior of a PyMC model by NUTS, without compiling it.

    For models that are sampled once or twice and are quick to evaluate, such as
    ``model.graph(collapse=False)`` with something added to it.  Where thousands of draws of a
    large model are wanted, ``pm.sample(nuts_sampler="nutpie")`` compiles it, which takes a minute
    or two and pays.

    Parameters
    ----------
    graph : pm.Model
        Its free variables must be continuous.
    draws, tune, chains : int
        Draws kept and draws of adaptation per chain, and chains.
    seed : int, optional
        Equal seeds give equal draws on one machine; chosen at random by default.
    target_accept : float
        Wanted acceptance rate; nearer 1 takes smaller steps.
    progress : bool

    Returns
    -------
    DataTree
        Groups ``posterior``, with free and deterministic variables under their own dimensions,
        and ``sample_stats``, as PyMC and ArviZ read them.

    Raises
    ------
    EstimationError
        When a free variable is discrete, or no start with a finite density is found.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.some(hb.load_dataset("hs"), 5, seed=1, group="school")
    >>> graph = hb.Model("mathach ~ ses + (1 | school)", data=hs).graph(collapse=False)
    >>> tree = hb.sample_graph(graph, draws=5, tune=5, chains=1, seed=1, progress=False)
    >>> tree["posterior"]["u"].dims
    ('chain', 'draw', 'group', 'effect_of')
    """
    if not isinstance(graph, pm.Model):
        raise EstimationError(
            f"sample_graph() takes a PyMC model, and this is of type {type(graph).__name__}; "
            "model.graph(collapse=False) is one"
        )
    _refuse_discrete(graph)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    one = 1  # chain at a time: what interprets the graph is one, and Python's
    settings = SamplerSettings(draws, tune, chains, seed, target_accept, "nutpie", one, progress)
    points = _Points.of(graph)
    found, stats, _ = sample_chains(_interpreted(graph, points), settings)
    kept = {"inference_library": "nutpie", "inference_library_version": nutpie.__version__}
    posterior = _labelled(graph, points.variables_at(found["x"].to_numpy()))
    return xr.DataTree.from_dict(
        {"posterior": posterior.assign_attrs(kept), "sample_stats": stats.assign_attrs(kept)}
    )


def _refuse_discrete(graph: pm.Model) -> None:
    discrete = [one.name for one in graph.free_RVs if one.type.dtype not in ("float64", "float32")]
    if discrete:
        raise EstimationError(
            f"NUTS moves along gradients, and {', '.join(discrete)} "
            f"{'is' if len(discrete) == 1 else 'are'} discrete; sum over it by hand, or use "
            "pm.sample()"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """The unconstrained coordinates of a graph, its start among them, and what they stand for.

    Parameters
    ----------
    variables : tuple of Variable
        Free values of the graph, in their order.
    start : (n,) float
    named : tuple of str
        Free and deterministic variables.
    expand : function
        Their values at values of the free ones.
    """

    variables: tuple[Variable, ...]
    start: Floats
    named: tuple[str, ...]
    expand: Callable[..., list[Floats]]

    @classmethod
    def of(cls, graph: pm.Model) -> _Points:
        point = graph.initial_point()
        values = [graph.rvs_to_values[one] for one in graph.free_RVs]
        named = [*graph.free_RVs, *graph.deterministics]
        with graph:
            expand = compile_pytensor(values, graph.replace_rvs_by_values(named), mode=_INTERPRETED)
        return cls(
            tuple(Variable(one.name, np.shape(point[one.name]), None) for one in values),
            np.concatenate([np.ravel(point[one.name]) for one in values]),
            tuple(one.name for one in named),
            expand,
        )

    def variables_at(self, x: Floats) -> dict[str, Floats]:
        """Variables (chains, draws, ...) by name at points x (chains, draws, n)."""
        ends = np.cumsum([one.size for one in self.variables])[:-1]
        found = []
        for point in x.reshape(-1, x.shape[-1]):
            pieces = zip(np.split(point, ends), self.variables, strict=True)
            found.append(self.expand(*(one.reshape(v.shape) for one, v in pieces)))
        columns = zip(self.named, zip(*found, strict=True), strict=True)
        return {
            name: np.stack(one).reshape(*x.shape[:2], *np.shape(one[0])) for name, one in columns
        }


def _interpreted(graph: pm.Model, points: _Points) -> Any:
    """The graph as nutpie takes a density that Python evaluates."""
    x, (log_density, gradient, _) = join_values(
        graph, points.variables, graph.logp(), [points.named[0]]
    )
    with graph:
        density = compile_pytensor([x], [log_density, gradient], mode=_INTERPRETED)

    def make_density() -> Callable[..., tuple[float, Floats]]:
        def at(w: Floats, **_: Any) -> tuple[float, Floats]:
            value, slope = density(np.asarray(w, dtype=np.float64))
            return float(value), np.asarray(slope)

        return at

    def make_expand(*_: Any) -> Callable[..., dict[str, Floats]]:
        return lambda w, **_: {"x": np.asarray(w, dtype=np.float64)}

    def initial_point(seed: int) -> Floats:
        away = np.random.default_rng(seed).uniform(-_WIDTH, _WIDTH, len(points.start))
        return points.start + away

    return from_pyfunc(
        len(points.start),
        make_density,
        make_expand,
        [np.dtype(np.float64)],
        [(len(points.start),)],
        ["x"],
        make_initial_point_fn=initial_point,
    )


def _labelled(graph: pm.Model, found: dict[str, Floats]) -> xr.Dataset:
    """Draws with the dimensions and coordinates of the graph."""
    arrays = {}
    for name, values in found.items():
        own = graph.named_vars_to_dims.get(name)
        dims = own or tuple(f"{name}_dim_{k}" for k in range(values.ndim - 2))
        arrays[name] = ("chain", "draw", *dims), values
    used = {dim for dims, _ in arrays.values() for dim in dims}
    coords = {k: list(v) for k, v in graph.coords.items() if k in used and v is not None}
    chains, draws = next(iter(found.values())).shape[:2]
    return xr.Dataset(arrays, coords | {"chain": range(chains), "draw": range(draws)})
