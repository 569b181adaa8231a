"""Profile likelihood of every parameter: intervals that know where the boundary is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.design.problem import Problem
from hierbayes.display.blocks import Lines, Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError
from hierbayes.fit.evidence import READINGS
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.inference.accepted_fits import criterion_of, refuse_other_than_maxima
from hierbayes.inference.profiles.held import Held
from hierbayes.inference.profiles.held_latent import HeldLatent
from hierbayes.inference.profiles.held_structured import HeldStructured
from hierbayes.inference.profiles.parameter import (
    Parameter,
    choose_parameters,
    estimates_of,
    in_index_order,
    parameter_values,
    parameters_of,
    point_index,
)
from hierbayes.inference.profiles.profile_path import HeldParameter, Path, trace

CRITERIA = {"ML": "ML deviance", "REML": "REML criterion"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Profile(Printed):
    """The profile likelihood of parameters of a fit.

    Parameters
    ----------
    title : str
    table : DataFrame
        A row per point, index (block, parameter, point).  Columns: ``value`` of the held
        parameter, its signed root ``zeta``, the ``criterion`` profiled, and every parameter
        at its best given that value, under its own label; a coefficient that is called as one of
        these columns is there as ``gamma(value)``.
    limits : DataFrame
        See `intervals`.
    interval : Interval
    missing : tuple of str
        Why bounds are missing, where some are.
    """

    title: str
    table: pd.DataFrame
    limits: pd.DataFrame
    interval: Interval
    missing: tuple[str, ...] = ()

    def intervals(self) -> pd.DataFrame:
        """Bounds by block and parameter.

        Returns
        -------
        DataFrame
            ``lower``, ``estimate``, ``upper``, a bound that was not found missing; ``boundary``,
            which of the bounds is the end of the parameter's range (``""``, ``"lower"``,
            ``"upper"`` or ``"both"``); and the ``criterion``.  The frame's ``attrs["method"]``
            says what the limits are.
        """
        return self.limits.copy()

    def page(self) -> Page:
        """The limits, and how to read them."""
        return Page(self.title, blocks=(Table(self._shown()), Lines(self._notes())))

    def _shown(self) -> pd.DataFrame:
        shown = self.limits
        keep = [name for name in shown if name != "boundary" or (shown[name] != "").any()]
        return shown[keep]

    def _notes(self) -> tuple[str, ...]:
        percent = f"{100 * self.interval.prob:g}%"
        notes = [
            f"Bounds: where twice the log-likelihood lies {_wanted(self.interval) ** 2:.4f} below "
            f"its maximum ({percent}), all other parameters at their best.",
        ]
        if (self.limits["boundary"] != "").any():
            notes.append(
                "Boundary: the likelihood never falls that far on this side; the bound is the end "
                "of the range."
            )
        if self.limits["criterion"].nunique() > 1:
            notes.append("Estimates of fixed effects are those of ML, whose deviance they profile.")
        if self.missing:
            notes += _missing_text(self.missing)
        return tuple(notes)


def profile(
    fit: PointFit,
    parameters: Any = None,
    *,
    prob: float = DEFAULT_PROB,
    deviance: str | None = None,
) -> Profile:
    """Profile likelihood of fixed effects, standard deviations, correlations and σ.

    Each bound solves the profiled criterion itself, all other parameters at their best, to
    nine digits of the signed root: no spline stands between.  A bound that cannot be found, as
    where the likelihood stays flat, is missing, and a note says why.  Fixed effects are always
    profiled on the ML deviance (under REML they are integrated out), variance parameters on
    the criterion of the fit.  Of a family that is not Gaussian all are profiled on its likelihood,
    by the approximation of the fit.

    Parameters
    ----------
    fit : PointFit
        By REML or ML.
    parameters : str or sequence of str, optional
        Labels such as ``"ses"``, ``"sd(ses)"``, ``"corr(Intercept, ses)"``, ``"sigma"``, or
        blocks (``"gamma"``, ``"sd"``, ``"corr"``, ``"sigma"``, ``"residual"`` of the errors'
        structure); by default all.  Among several
        grouping factors an effect has its factor with it, as in ``"sd(ses|school)"``.
    prob : float
        Probability inside the intervals.
    deviance : {"ml", "reml"}, optional
        Criterion of the variance parameters in place of that of the fit, at a maximum of its
        own.  ``"ml"`` makes a REML fit's profile that of R's ``confint(method = "profile")``.

    Returns
    -------
    Profile

    Raises
    ------
    InferenceError
        When the fit maximises no likelihood, or a parameter or criterion does not exist.
    IntervalError
        When `prob` does not lie between 0 and 1.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), doi:10.18637/jss.v067.i01, section 5.1.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).ml()
    >>> hb.profile(fit).intervals().loc["sd", ["lower", "upper"]].to_numpy().tolist()
    [[1.5454, 2.6774]]
    """
    refuse_other_than_maxima("profile", fit, families=True, structured=True)
    fit.problem.refuse_fitted_variances("profile()")
    interval = Interval(prob)
    chosen = choose_parameters(parameters, parameters_of(fit.problem))
    if isinstance(fit, FamilyPointFit):
        refuse_deviance(fit, deviance)
    engine = fit.engine if deviance is None else _engine(deviance)
    sides = {"ML" if one.block == "gamma" else engine for one in chosen}
    maxima = {name: _maximum(fit, name) for name in sides}
    rows, limits = [], []
    missing: tuple[str, ...] = ()
    for one in chosen:
        name = "ML" if one.block == "gamma" else engine
        path = _trace(maxima[name], one, name, interval)
        rows.append(_path_frame(path, name, fit.problem))
        limits.append(_limits(path, one, name, maxima[name]))
        missing += path.missing
    index = pd.MultiIndex.from_tuples(
        [(one.block, one.name) for one in chosen], names=["block", "parameter"]
    )
    frame = pd.DataFrame(limits, index=index)
    frame.attrs["method"] = f"{100 * prob:g}% profile likelihood: " + ", ".join(
        frame["criterion"].unique()
    )
    about = f"Profile likelihood of the {criterion_of(fit)} fit of {fit.design.specification}"
    table = pd.concat(rows).set_axis(point_index(chosen, [len(path) for path in rows]))
    return Profile(about, in_index_order(table), frame, interval, missing)


def refuse_deviance(fit: FamilyPointFit, deviance: str | None) -> None:
    """Refuse another criterion than that of a family's fit.

    Raises
    ------
    InferenceError
    """
    if deviance is not None:
        raise InferenceError(
            f"the criterion of {fit.problem.family} is its likelihood by {fit.evidence.how}; leave "
            "deviance out"
        )


def _missing_text(missing: tuple[str, ...]) -> list[str]:
    """Why bounds are missing, and what helps."""
    told = [f"Missing: {text}." for text in missing]
    return [*told, "Columns centred near their data help most: an intercept stands at their zero."]


def _engine(deviance: Any) -> str:
    if not isinstance(deviance, str) or deviance.upper() not in READINGS:
        raise InferenceError(f"deviance must be 'ml' or 'reml', not {deviance!r}")
    return deviance.upper()


def _maximum(fit: PointFit, engine: str) -> PointFit:
    """The fit itself, or its model by the other criterion."""
    return fit if fit.engine == engine else maximum_likelihood(fit.problem, READINGS[engine])


def _wanted(interval: Interval) -> float:
    return float(ndtri(interval.tails[1]))


def _trace(fit: PointFit, one: Parameter, engine: str, interval: Interval) -> Path:
    best = estimates_of(fit)
    estimate = float(parameter_values((one,), best)[0])
    if np.isnan(estimate):  # a correlation with an effect that has no variance: all are alike
        estimate = 0.0
    held: HeldParameter
    if isinstance(fit, FamilyPointFit):
        held = HeldLatent(fit, one)
    elif isinstance(fit, StructuredPointFit):
        held = HeldStructured(fit, one, READINGS[engine])
    else:
        held = Held(fit.problem, one, READINGS[engine])
    wanted = _wanted(interval)
    return trace(held, estimate, best, _first_step(fit, one, estimate, wanted), wanted)


def _first_step(fit: PointFit, one: Parameter, estimate: float, wanted: float) -> float:
    """A guess at the half-width of an interval."""
    basis = fit.problem.working.basis
    match one.block:
        case "gamma":
            width = wanted * float(np.sqrt(fit.gamma_cov[one.at[0], one.at[0]]))
            return width if np.isfinite(width) else 1.0
        case "sd":
            unit = basis.scale / float(basis.z.spread[one.at[0]])
            return 0.2 * wanted * (estimate + 0.05 * unit)
        case "corr":
            return 0.3 * (1.0 - abs(estimate)) + 0.05
    if isinstance(fit, FamilyPointFit) or one.block == "residual":
        limits = fit.intervals().loc[(one.block, one.name)]
        half = float(np.min(np.abs(limits[["lower", "upper"]] - limits["estimate"])))
        return half if np.isfinite(half) and half > 0.0 else 0.2 * (abs(estimate) + 0.1)
    return wanted * estimate / float(np.sqrt(2.0 * fit.problem.products.n))


def _path_frame(path: Path, engine: str, problem: Problem) -> pd.DataFrame:
    every = parameters_of(problem)
    frame = pd.DataFrame(
        {
            "value": [point.value for point in path.points],
            "zeta": [point.zeta for point in path.points],
            "criterion": CRITERIA[engine],
        }
    )
    others = [parameter_values(every, at.best) for at in path.points]
    taken = frame.columns
    names = [f"gamma({name})" if name in taken else name for name in (p.label for p in every)]
    return frame.join(pd.DataFrame(np.array(others), columns=names))


def _limits(path: Path, one: Parameter, engine: str, fit: PointFit) -> dict[str, Any]:
    ends = {(False, False): "", (True, False): "lower", (False, True): "upper",
            (True, True): "both"}  # fmt: skip
    estimate = parameter_values((one,), estimates_of(fit))
    return {
        "lower": path.lower,
        "estimate": float(estimate[0]),
        "upper": path.upper,
        "boundary": ends[path.at_lower, path.at_upper],
        "criterion": CRITERIA[engine],
    }
