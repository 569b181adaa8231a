"""Level-1 residuals: a row per observation, each kind with the variance it really has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.fit.effects import estimable_groups
from hierbayes.fit.fit import Fit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.arrays import Floats, stacked
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.residuals.anchor import anchor, given
from hierbayes.inference.residuals.normal_scores import normal_scores
from hierbayes.inference.residuals.row_variances import (
    room_of,
    row_variances,
    weighed_columns,
)

FAR = 3.0  # a studentized residual beyond this is counted
_SHOWN = 5  # rows, in print
_EXACT = 1e-9  # 1 − h below this: the row fits itself
_NORMAL_TAIL = 0.0026997960632601866  # P(|N(0, 1)| > FAR)
_KINDS = ("marginal", "marginal_studentized", "conditional", "standardized", "studentized",
          "within")  # fmt: skip
_ROUNDING = 1e-10  # of a standard deviation: what is 0 but for it
_QUANTILES = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Level1Residuals(Printed):
    """Residuals of the rows of a fit.

    Parameters
    ----------
    frame : DataFrame
        A row per observation:

        ``group``
            With several grouping factors a column for each, ``group[school]``.
        ``marginal``, ``marginal_studentized``
            y − Xγ̂ in units of y, and divided by its standard deviation given θ.
        ``conditional``, ``standardized``, ``studentized``
            y − Xγ̂ − Zû, the same divided by σ, and divided by its standard deviation
            σ√(1 − h) given θ (missing where a row fits itself, h = 1).
        ``within``
            y less the least-squares fit of the group's own rows on the random columns, fixed
            columns that are no combination of these held at γ̂; missing where the group has no
            more rows than random effects or cannot estimate them.  With several grouping factors
            a column for each, ``within[school]``.
        ``normal_score``
            Of the studentized residuals.
        ``leverage``, ``leverage_marginal``
            Diagonals of the hat matrices of Xγ̂ + Zû and of Xγ̂.
        ``sd``
            Of a posterior only: sd over the draws of y − Xγ − Zu.
    sums : Series
        ``effective_parameters`` and ``fixed_parameters`` (sums of the leverages), ``rows``,
        ``sigma``.
    about, findings : tuple of str
    """

    frame: pd.DataFrame
    sums: pd.Series
    about: tuple[str, ...]
    findings: tuple[str, ...]

    def quantiles(self) -> pd.DataFrame:
        """Quantiles, mean and sd of every kind of residual."""
        rows = {}
        for kind in (name for name in self.frame if str(name).split("[")[0] in _KINDS):
            values = self.frame[kind].dropna()
            if len(values):
                cuts = np.quantile(values, list(_QUANTILES.values()))
                mean, sd = float(values.mean()), float(values.std())
                rows[kind] = [0.0 if abs(one) <= _ROUNDING * sd else one for one in (*cuts, mean)]
                rows[kind].append(sd)
        columns = [*_QUANTILES, "mean", "sd"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def page(self) -> Page:
        """Quantiles, the rows that lie farthest, and what was found."""
        far = self.frame["studentized"].abs().sort_values(ascending=False, kind="stable")
        groups = [name for name in self.frame if str(name).split("[")[0] == "group"]
        columns = [*groups, "marginal", "conditional", "studentized", "leverage"]
        blocks = (
            Table(self.quantiles(), "Quantiles"),
            Table(self.frame.loc[far.index[:_SHOWN], columns], "Largest studentized residuals"),
            Items(self.findings, "Findings"),
        )
        return Page("Level-1 residuals", self.about, blocks)


def level1_residuals(fit: Fit) -> Level1Residuals:
    """Residuals of the rows: marginal, conditional, studentized, within groups; leverages.

    Parameters
    ----------
    fit : Fit
        Of any engine. A posterior's residuals are at the posterior means of γ and u, their
        variances at the posterior means of G and σ, and ``sd`` is over the draws.

    Returns
    -------
    Level1Residuals

    Raises
    ------
    HypothesisError
        When it is no fit.

    References
    ----------
    Haslett & Hayes (1998), *Journal of the Royal Statistical Society B* 60, 201–215;
    Hilden-Minton (1995), *Multilevel Diagnostics for Mixed and Hierarchical Linear Models*.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> residuals = hb.level1_residuals(model.reml())
    >>> print(f"{residuals.sums['effective_parameters']:.1f} of {len(residuals.frame)}")
    34.8 of 1977
    """
    refuse_other_than_fit(fit, "level1_residuals", structured=True)
    fit.problem.refuse_other_families("level1_residuals()")
    design, at = fit.design, anchor(fit)
    variances = row_variances(at)
    sigma, factors, q = (
        fit.sigma * design.rows.row_sd,
        range(len(design.factors)),
        len(design.effects),
    )
    marginal = fit.residuals(effects="none").to_numpy()
    conditional = fit.residuals(effects="all").to_numpy()
    error = np.asarray(fit.problem.error_scale())
    room = room_of(variances.conditional_variance, error**2)
    spread = np.sqrt(np.maximum(variances.marginal_variance, 0.0))
    studentized = conditional / (sigma * np.sqrt(room))
    frame = pd.DataFrame(
        {
            **groups_of_rows(design),
            "marginal": marginal,
            "marginal_studentized": marginal
            / (sigma * np.where(spread > np.sqrt(_EXACT), spread, np.nan)),
            "conditional": conditional,
            "standardized": conditional / (sigma * error),
            "studentized": studentized,
            **(_by_factor("within", design, (_within(fit, k) for k in factors)) if q else {}),
            "normal_score": normal_scores(studentized),
            "leverage": variances.leverage,
            "leverage_marginal": variances.marginal_leverage,
        },
        index=design.rows.index,
    )
    if isinstance(fit, PosteriorFit):
        frame["sd"] = _sd(fit)
    sums = pd.Series(
        {
            "effective_parameters": variances.leverage.sum(),
            "fixed_parameters": variances.marginal_leverage.sum(),
            "rows": float(len(frame)),
            "sigma": fit.sigma,
        }
    )
    about = subject_of(design).lines(given(fit))
    return Level1Residuals(frame, sums, about, _findings(frame, sums, design))


def _by_factor(name: str, design: Design, columns: Iterable[Any]) -> dict[str, Any]:
    """A column for each grouping factor, called by it where there are several."""
    factors = design.named_factors
    names = [name] if len(factors) == 1 else [f"{name}[{factor.name}]" for factor in factors]
    return dict(zip(names, columns, strict=True))


def groups_of_rows(design: Design) -> dict[str, Any]:
    """The group of each row: ``group``, or ``group[school]`` and so on of several factors."""
    parts = zip(design.named_factors, design.rows.codes_of, strict=False)  # none, or all
    labels = (np.asarray(factor.labels)[codes] for factor, codes in parts)
    return _by_factor("group", design, labels)


def _within(fit: Fit, factor: int) -> Floats:
    """Residuals (n,) of the own regression of each group of a factor on its random columns."""
    design, basis = fit.design, fit.problem.holding_sigma.products.basis
    level, codes = fit.problem.holding_sigma.products.levels[factor], design.rows.codes_of[factor]
    W, Z = design.rows.internal(basis)
    Z = Z[:, design.spans[factor]]
    rest = W[:, -1] - W[:, :-1] @ basis.gamma_internal(fit.gamma)
    J, q = level.J, level.q
    own = estimable_groups(level.A) & (level.rows > q)
    Z_hat = weighed_columns(fit.problem, Z)
    Zr = np.stack([np.bincount(codes, Z_hat[:, k] * rest, minlength=J) for k in range(q)], 1)
    deviations = np.full((J, q), np.nan)
    deviations[own] = np.linalg.solve(level.A[own], Zr[own][..., None])[..., 0]
    to_user = basis.scale * design.rows.row_sd
    residual: Floats = to_user * (rest - (Z * deviations[codes]).sum(axis=1))
    return residual


def _sd(fit: PosteriorFit) -> Floats:
    """Standard deviation (n,) over the draws of y − x'γ − z'u."""
    if len(fit.design.factors) > 1:
        return _sd_draw_by_draw(fit)
    design, basis = fit.design, fit.problem.holding_sigma.products.basis
    W, Z = basis.internal_rows(design.rows.X, design.rows.Z, design.rows.response)
    X, codes = W[:, :-1], design.rows.codes
    gamma = basis.gamma_internal(stacked(fit.gamma_draws))
    T = basis.scale * basis.z.matrix
    u = np.linalg.solve(T, fit.u_draws.reshape(len(gamma), design.J, -1)[..., None])[..., 0]
    gamma, u = gamma - gamma.mean(axis=0), u - u.mean(axis=0)
    free = len(gamma) - 1
    cov_gamma = gamma.T @ gamma / free
    cov_u = np.einsum("mjk,mjl->jkl", u, u, optimize=True) / free
    cross = np.einsum("mp,mjk->jpk", gamma, u, optimize=True) / free
    variance = np.einsum("np,pr,nr->n", X, cov_gamma, X)
    variance += np.einsum("nk,nkl,nl->n", Z, cov_u[codes], Z)
    variance += 2.0 * np.einsum("np,npk,nk->n", X, cross[codes], Z)
    return basis.scale * np.sqrt(np.maximum(variance, 0.0))


def _sd_draw_by_draw(fit: PosteriorFit) -> Floats:
    """The same with several factors, whose levels meet in every row: one draw at a time."""
    rows, spans = fit.design.rows, fit.design.spans
    X = rows.X - rows.X.mean(axis=0)
    gammas = stacked(fit.gamma_draws)
    away = gammas - gammas.mean(axis=0)
    us = [u.reshape(len(gammas), *u.shape[2:]) - u.mean(axis=(0, 1)) for u in fit.us]
    centre = rows.X.mean(axis=0)
    total = np.zeros(len(X))
    for m, gamma in enumerate(away):
        moved = X @ gamma + centre @ gamma
        for u, span, codes in zip(us, spans, rows.codes_of, strict=True):
            moved += (rows.Z[:, span] * u[m][codes]).sum(axis=1)
        total += moved**2
    return np.sqrt(total / (len(gammas) - 1))


def _findings(frame: pd.DataFrame, sums: pd.Series, design: Design) -> tuple[str, ...]:
    size = frame["studentized"].abs()
    far, n = int((size > FAR).sum()), len(frame)
    traces = (
        f"the conditional hat matrix has trace {sums['effective_parameters']:.1f}, the effective "
        f"number of parameters; that of the fixed part alone has {sums['fixed_parameters']:.1f}"
    )
    found = [
        traces
        if design.effects
        else f"the hat matrix has trace {sums['fixed_parameters']:.1f}, the number of parameters",
        f"{far} of {n} studentized residuals {'lies' if far == 1 else 'lie'} beyond ±{FAR:g}; "
        f"{n * _NORMAL_TAIL:.1f} would be expected of normal errors",
    ]
    if far:
        first = size.idxmax() if frame.index.is_unique else frame.index[int(np.nanargmax(size))]
        value = frame["studentized"].to_numpy()[int(np.nanargmax(size))]
        place = int(np.nanargmax(size))
        groups = ", ".join(
            f"{factor.name} {labels[place]}"
            for factor, labels in zip(design.named_factors, _group_columns(frame), strict=True)
        )
        where = f" ({groups})" if groups else ""
        found.append(f"the farthest is row {first}{where}, at {value:+.2f}")
    found += _without_within(frame, design)
    own = int(frame["studentized"].isna().sum())
    if own:
        who = "1 row fits itself" if own == 1 else f"{own} rows fit themselves"
        have = "has" if own == 1 else "have"
        found.append(f"{who} (leverage 1) and {have} no studentized residual")
    return tuple(found)


def _group_columns(frame: pd.DataFrame) -> list[np.ndarray]:
    return [frame[name].to_numpy() for name in frame if str(name).split("[")[0] == "group"]


def _without_within(frame: pd.DataFrame, design: Design) -> list[str]:
    """How many groups have no residuals within, by factor."""
    within = [name for name in frame if str(name).split("[")[0] == "within"]
    found = []
    parts = zip(design.named_factors, within, _group_columns(frame), strict=False)
    for factor, name, groups in parts:
        missing = frame[name].isna().to_numpy()
        if missing.any():
            count = pd.Series(groups[missing]).nunique()
            of = "" if len(within) == 1 else f" of '{factor.name}'"
            found.append(
                f"{count} of {factor.J} groups{of} {'has' if count == 1 else 'have'} no residuals "
                "within: no more rows than random effects, or columns that are dependent there"
            )
    return found
