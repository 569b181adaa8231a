"""The scalar parameters of a model: γ, sd, correlations and dispersion, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.errors import InferenceError
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import correlated_pairs
from hierbayes.likelihood.theta import Theta

_OF_EFFECTS = ("sd", "corr")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a model.

    Parameters
    ----------
    block : str
        ``"gamma"``, ``"sd"``, ``"corr"``, of the dispersion its name, ``"sigma"`` or ``"phi"``, or
        ``"residual"`` of the parameters of a residual structure.
    name : str
        Term, effect, pair of effects, or the name of the dispersion.
    at : tuple of int
        Position of the fixed column, of the effect, of both effects of a pair, or in φ.
    ends : (low, high)
        Of its range, where the likelihood has a value at them; infinite elsewhere.
    """

    block: str
    name: str
    at: tuple[int, ...]
    ends: tuple[float, float] = (-np.inf, np.inf)

    @property
    def label(self) -> str:
        """The name by which it is asked for: a term, ``sd(x)``, ``corr(1, x)``, ``sigma``."""
        return f"{self.block}({self.name})" if self.block in _OF_EFFECTS else self.name


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """All parameters of a model at one point: γ (p,), θ and the dispersion φ (d,), or σ.

    Parameters of a residual structure stand behind σ.
    """

    gamma: Floats
    theta: Theta
    phi: Floats


def parameters_of(problem: Problem) -> tuple[Parameter, ...]:
    """Every parameter of a model, in the order and by the names of `Fit.intervals`."""
    design = problem.design
    effects = design.effect_labels
    rows, columns = correlated_pairs(design.blocks)
    pairs = zip(columns.tolist(), rows.tolist(), strict=True)
    names = () if design.specification.known_sd else problem.dispersion
    return (
        *(Parameter("gamma", term, (k,)) for k, term in enumerate(design.terms)),
        *(Parameter("sd", effect, (k,), (0.0, np.inf)) for k, effect in enumerate(effects)),
        *(Parameter("corr", f"{effects[a]}, {effects[b]}", (a, b), (-1.0, 1.0)) for a, b in pairs),
        *(Parameter(name, name, (k,)) for k, name in enumerate(names)),
        *_of_errors(problem, len(names)),
    )


def _of_errors(problem: Problem, first: int) -> Iterator[Parameter]:
    """Those of a residual structure, behind others of the dispersion."""
    if problem.moments is None:
        return
    rows = problem.moments.rows
    there = np.isfinite(rows.edges[0])
    ends = np.where(there, rows.natural(np.where(there, rows.edges[0], rows.start)), -np.inf)
    for k, (one, low) in enumerate(zip(rows.parameters, ends.tolist(), strict=True)):
        yield Parameter("residual", one.name, (first + k,), (low, np.inf))


def point_index(parameters: Sequence[Parameter], counts: Sequence[int]) -> pd.MultiIndex:
    """Index (block, parameter, point) with as many points for each parameter as are counted.

    Levels stand in the order of the parameters, so that pandas looks rows up by some of the
    levels without a warning.
    """
    repeated = [one for one, count in zip(parameters, counts, strict=True) for _ in range(count)]
    points = [k for count in counts for k in range(count)]
    names = [[one.block for one in repeated], [one.name for one in repeated]]
    levels: list[list[Any]] = [list(dict.fromkeys(values)) for values in names]
    codes = [
        [level.index(value) for value in values]
        for level, values in zip(levels, names, strict=True)
    ]
    levels.append(list(range(max(counts))))
    codes.append(points)
    return pd.MultiIndex(levels=levels, codes=codes, names=["block", "parameter", "point"])


def in_index_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the levels of their index; without it pandas warns at a look-up.

    One order of names cannot hold in every block, as where effects are stated in another order
    than terms.
    """
    return table.iloc[np.lexsort(list(table.index.codes)[::-1])]


def parameter_values(parameters: tuple[Parameter, ...], at: Estimates) -> Floats:
    """Values of parameters; nan for a correlation with a zero sd."""
    theta = at.theta
    source = {"gamma": at.gamma, "sd": theta.sd, "corr": theta.corr}
    return np.array([float(source.get(one.block, at.phi)[one.at]) for one in parameters])


def estimates_of(fit: PointFit) -> Estimates:
    """All parameters at the estimates of a fit with one θ."""
    phi = np.concatenate([fit.phi_draws[0, 0], fit.error_draws[1][0, 0]])
    return Estimates(fit.gamma, fit.theta[0, 0], phi)


def gaussian_estimates(gamma: Floats, theta: Theta) -> Estimates:
    """γ and θ of a Gaussian model, whose dispersion is σ."""
    return Estimates(gamma, theta, np.atleast_1d(theta.sigma))


def choose_parameters(asked: Any, known: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The parameters that were asked for, by label or by block.

    Parameters
    ----------
    asked : None, str or sequence of str
        Labels (``"ses"``, ``"sd(ses)"``, ``"corr(Intercept, ses)"``, ``"sigma"``) or blocks;
        None is all.

    Raises
    ------
    InferenceError
        When there is no such parameter, listing those there are.
    """
    if asked is None:
        return known
    names = [asked] if isinstance(asked, str) else asked
    if not isinstance(names, Sequence) or not len(names):
        raise InferenceError(f"parameters must be names of parameters or of blocks, not {asked!r}")
    found: list[Parameter] = []
    for name in names:
        matching = [one for one in known if name == one.label]
        matching = matching or [one for one in known if name == one.block]
        if not matching:
            listed = ", ".join(f"'{one.label}'" for one in known)
            raise InferenceError(f"this fit has no parameter {name!r}; they are: {listed}")
        found.extend(one for one in matching if one not in found)
    return tuple(found)
