"""Wald tests of linear hypotheses on γ, and their posterior counterpart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page, Printed
from hierbayes.errors import HypothesisError
from hierbayes.fit.about import about_fit
from hierbayes.fit.degrees_of_freedom.cluster_robust import refuse_unknown_kind, robust_source
from hierbayes.fit.degrees_of_freedom.hypothesis_df import ContrastDf
from hierbayes.fit.degrees_of_freedom.source import (
    METHODS,
    DfSource,
    refuse_unknown_method,
    usual_or_stated,
)
from hierbayes.fit.degrees_of_freedom.tails import f_tail, t_quantile, two_sided
from hierbayes.fit.effects import fixef, vcov
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.hypotheses.hypothesis import Hypothesis, read_hypothesis
from hierbayes.inference.hypotheses.posterior_mass import (
    mass_note,
    posterior_mass,
    probability_above,
)

BEYOND = (
    "beyond is the posterior probability of a γ that is farther from the posterior mean "
    "than the null (every row 0), in the Mahalanobis metric of the draws; distance is that of the "
    "null, squared and divided by the number of rows"
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WaldTest(Printed):
    """A linear hypothesis Lγ = 0 on a fit: jointly, and row by row.

    Parameters
    ----------
    title : str
        Engine and hypothesis in words.
    about : tuple of str
        Lines on the model, the data and the method.
    joint : DataFrame
        One row. REML, ML and MAP: ``numDF``, ``denDF``, ``F``, ``p``. Posterior: ``rows``,
        ``distance`` (Mahalanobis, squared, by row), ``beyond`` (posterior mass farther from
        the centre than the null) and its ``mcse``.
    rows : DataFrame
        A row per row of L. REML, ML and MAP: ``estimate``, ``se``, ``df``, ``t``, ``p``,
        ``lower``, ``upper``. Posterior: ``estimate`` (mean), ``sd``, ``lower``, ``upper``
        (equal-tailed), ``above`` (P(row > 0)) and the ``mcse`` of ``above``.
    L : DataFrame
        Rows by terms.
    vcov : DataFrame
        Covariance of the fixed effects that the tests rest on, terms by terms.
    df : str or None
        The method of the degrees of freedom, or the kind of a cluster-robust covariance, which
        has its own; None for a posterior.
    notes : tuple of str
        What to know about the numbers.
    """

    title: str
    about: tuple[str, ...]
    joint: pd.DataFrame
    rows: pd.DataFrame
    L: pd.DataFrame
    vcov: pd.DataFrame
    df: str | None
    notes: tuple[str, ...]

    def page(self) -> Page:
        """The joint test and the rows; P(row > 0) is spelt out."""
        joint = self.joint.set_axis([""], axis="index")
        rows = self.rows.rename(columns={"above": "P(> 0)"})
        return Page(self.title, self.about, (Table(joint), Table(rows), Items(self.notes)))


def wald(
    fit: Fit,
    hypothesis: Any = None,
    *,
    df: str | None = None,
    robust: str | None = None,
    prob: float = DEFAULT_PROB,
) -> WaldTest:
    """Test linear hypotheses on the fixed effects, jointly and row by row.

    Parameters
    ----------
    fit : Fit
        Of any engine. For a posterior the same call says where the null lies in it; it has no
        degrees of freedom, and ``df`` does not matter.
    hypothesis : optional
        What is 0; by default every fixed effect.

        * a text: every term it occurs in as it stands; if there is none, every term it matches
          as a regular expression. ``"ses"`` tests ``ses`` and ``ses:Sector[T.Public]``,
          ``"^ses$"`` the first alone.
        * a list of texts: the terms of exactly these names, as in ``["ses"]``.
        * a mapping from terms to weights: one contrast.
        * a mapping from names to contrasts, each a mapping of weights or a text, as in
          ``{"Public": "ses + ses:Sector[T.Public]"}``.
        * a matrix, rows by terms in the order of the fit; or a DataFrame or Series whose
          columns are terms, which may leave out terms of weight 0.
    df : str, optional
        ``"satterthwaite"``, ``"kenward-roger"`` (REML only; also adjusts the standard errors),
        ``"kenward-roger-observed"`` (by the observed information, as SAS has it with
        ``DDFM=KR``), ``"kenward-roger-linear"`` and ``"kenward-roger-linear-observed"`` (without
        second derivatives of V, which matter where V is linear in no parameters of the errors;
        ``DDFM=KR(FIRSTORDER)``, mmrm's ``"Kenward-Roger-Linear"``),
        ``"inner-outer"`` (nlme's; of a combination the smallest) or ``"none"`` (normal and χ²;
        the only one for a MAP fit). By default, here and wherever a fit of REML or ML has t or F:
        Satterthwaite's, and where they do not exist inner–outer, which is said.
    robust : str, optional
        ``"CR2"`` for standard errors of a REML or ML fit that need not trust its variances, only
        that the groups of the outermost factor are independent (Bell and McCaffrey; Pustejovsky
        and Tipton), whatever weights, known errors or residual structure it has; ``"CR0"`` and
        ``"CR1"`` are the older ones without its correction.  They have their own degrees of
        freedom: Satterthwaite's of this covariance, were the variances of the fit right.
    prob : float
        Probability inside the limits.

    Returns
    -------
    WaldTest

    Raises
    ------
    HypothesisError
        When the hypothesis cannot be read, its rows are dependent, or ``df`` or ``robust`` does
        not suit.
    EstimationError
        When Satterthwaite's degrees of freedom do not exist.
    IntervalError
        When ``prob`` does not lie between 0 and 1.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hs).reml()
    >>> hb.wald(fit, "ses").joint.round(4)
           numDF    denDF       F    p
    joint      2  37.9302  67.591  0.0
    >>> hb.wald(fit, ["ses"], robust="CR2").rows[["estimate", "se", "df"]].round(4)
         estimate      se       df
    row
    ses    1.8053  0.3061  19.4743
    """
    refuse_other_than_fit(fit, "wald", structured=True)
    if df is not None:
        refuse_unknown_method(df)
    if robust is not None:
        _refuse_unsuited_robust(robust, df)
    interval = Interval(prob)
    scale = np.sqrt(np.diag(vcov(fit)))
    stated = read_hypothesis(hypothesis, fit.design.terms, scale)
    if robust is not None:
        robustly = robust_source(fit, robust)
        source = robustly.judged(stated.L, stated.labels)
        return _point_test(fit, stated, source, interval, *robustly.about)
    if isinstance(fit, PointFit):
        source = usual_or_stated(fit, df)
        return _point_test(fit, stated, source, interval, ("df", METHODS[source.method]))
    return _posterior_test(fit, stated, interval)


def f_statistic(estimate: Floats, cov: Floats, scaling: float) -> float:
    """Scaled F of m estimates (m,) with covariance (m, m); missing where that is singular."""
    try:
        return float(scaling * estimate @ np.linalg.solve(cov, estimate) / len(estimate))
    except np.linalg.LinAlgError:  # of as few clusters as estimates, or fewer
        return np.nan


def covariance_of_rows(L: Floats, V: Floats) -> Floats:
    """L V L' of rows L (m, p), whatever is missing of V (p, p) where L has no weight."""
    used = L.any(axis=0)
    found: Floats = L[:, used] @ V[np.ix_(used, used)] @ L[:, used].T
    return found


def joint_row(L: Floats, gamma: Floats, found: ContrastDf) -> dict[str, float]:
    """``numDF``, ``denDF``, ``F`` and ``p`` of all rows of L."""
    m = len(L)
    F = f_statistic(L @ gamma, covariance_of_rows(L, found.gamma_cov), found.scaling)
    return {"numDF": m, "denDF": found.joint, "F": F, "p": f_tail(m, found.joint, F)}


def _refuse_unsuited_robust(robust: str, df: str | None) -> None:
    refuse_unknown_kind(robust)
    if df is not None:
        raise HypothesisError(
            f"robust='{robust}' has degrees of freedom of its own; leave out df='{df}'"
        )


def _point_test(
    fit: Fit, stated: Hypothesis, source: DfSource, interval: Interval, *about: tuple[str, str]
) -> WaldTest:
    L, gamma = stated.L, fixef(fit).to_numpy()
    found = source.of(L)
    estimate = L @ gamma
    se = np.sqrt(np.diag(covariance_of_rows(L, found.gamma_cov)))
    t = estimate / se
    half = t_quantile(found.rows, interval.tails[1]) * se
    rows = {"estimate": estimate, "se": se, "df": found.rows, "t": t}
    rows |= {"p": two_sided(t, found.rows), "lower": estimate - half, "upper": estimate + half}
    labels = pd.Index(stated.labels, name="row")
    return WaldTest(
        title=f"Wald test, {fit.engine}: {stated.title}",
        about=about_fit(fit, *about, ("Limits", f"{100 * interval.prob:g}%")),
        joint=pd.DataFrame([joint_row(L, gamma, found)], index=["joint"]),
        rows=pd.DataFrame(rows, index=labels),
        L=pd.DataFrame(L, index=labels, columns=pd.Index(fit.design.terms, name="term")),
        vcov=_by_term(fit, found.gamma_cov),
        df=source.method,
        notes=(*source.notes, *found.notes),
    )


def _by_term(fit: Fit, cov: Floats) -> pd.DataFrame:
    terms = pd.Index(fit.design.terms, name="term")
    return pd.DataFrame(cov, index=terms, columns=terms)


def _posterior_test(fit: Fit, stated: Hypothesis, interval: Interval) -> WaldTest:
    L = stated.L
    draws = fit.gamma_draws @ L.T
    lower, upper = interval.of_draws(draws)
    above, mcse = probability_above(draws)
    rows = {"estimate": draws.mean(axis=(0, 1)), "sd": draws.std(axis=(0, 1), ddof=1)}
    rows |= {"lower": lower, "upper": upper, "above": above, "mcse": mcse}
    mass = posterior_mass(fit, L)
    joint = {"rows": len(L), "distance": mass.distance, "beyond": mass.beyond, "mcse": mass.mcse}
    labels = pd.Index(stated.labels, name="row")
    return WaldTest(
        title=f"Posterior counterpart of a Wald test: {stated.title}",
        about=about_fit(fit, ("Joint", BEYOND), ("Limits", f"{interval}; mcse is that of P(> 0)")),
        joint=pd.DataFrame([joint], index=["joint"]),
        rows=pd.DataFrame(rows, index=labels),
        L=pd.DataFrame(L, index=labels, columns=pd.Index(fit.design.terms, name="term")),
        vcov=vcov(fit),
        df=None,
        notes=mass_note(mass, draws.shape[0] * draws.shape[1]),
    )
