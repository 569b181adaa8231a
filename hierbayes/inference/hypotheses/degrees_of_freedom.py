"""Degrees of freedom of any linear hypothesis on γ, by the method of one's choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.fit.intervals import denominator_df
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.hypotheses.contrast_text import counted, spell_contrast
from hierbayes.inference.hypotheses.hypothesis import refuse_deficient
from hierbayes.inference.hypotheses.kenward_roger import KenwardRogerParts, kenward_roger_parts
from hierbayes.inference.hypotheses.satterthwaite import SatterthwaiteParts, satterthwaite_parts

METHODS = {
    "satterthwaite": "Satterthwaite",
    "kenward-roger": "Kenward–Roger, covariance of γ̂ adjusted",
    "inner-outer": "inner–outer, as nlme counts them",
    "none": "none (normal and χ²)",
}


@dataclass(frozen=True, slots=True, eq=False)
class ContrastDf:
    """Degrees of freedom of the m rows of a hypothesis, and what belongs to them.

    Parameters
    ----------
    method : str
        A key of `METHODS`.
    rows : (m,) float
        Of the t of each row; infinite for a normal distribution.
    joint : float
        Denominator degrees of freedom of the F of all rows; missing where Kenward and
        Roger's do not exist.
    scaling : float
        What F is multiplied with; 1 but for Kenward–Roger, missing where ``joint`` is.
    gamma_cov : (p, p) float
        The covariance of γ̂ the method goes with, in the user's units.
    """

    method: str
    rows: Floats
    joint: float
    scaling: float
    gamma_cov: Floats

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know about the joint test."""
        if not np.isnan(self.joint):
            return ()
        return (
            f"no F has the moments Kenward and Roger find for these {len(self.rows)} rows "
            "together: there are too few groups; test them one by one, or with "
            "df='satterthwaite'",
        )


@dataclass(frozen=True, slots=True, eq=False)
class DfSource:
    """A method on a fit, ready for any hypothesis.

    Parameters
    ----------
    method : str
    gamma_cov : (p, p) float
        As in `ContrastDf`.
    by_column : (p,) float
        Inner–outer degrees of freedom of each fixed column; infinite for ``"none"``.
    parts : SatterthwaiteParts, KenwardRogerParts or None
    internal : (p, p) float
        Lγ of the user's units is L @ internal of the internal basis, but for a constant.
    notes : tuple of str
        What to know about these degrees of freedom.
    """

    method: str
    gamma_cov: Floats
    by_column: Floats
    parts: SatterthwaiteParts | KenwardRogerParts | None
    internal: Floats
    notes: tuple[str, ...]

    def of(self, L: Floats) -> ContrastDf:
        """Degrees of freedom of the rows of L (m, p), of full rank."""
        scaling = 1.0
        inside = L @ self.internal
        rows = self.of_rows(L)
        match self.parts:
            case SatterthwaiteParts() as parts:
                joint = parts.joint_df(inside)
            case KenwardRogerParts() as parts:
                joint, scaling = parts.joint_df(inside)
            case None:
                joint = float(rows.min())
        return ContrastDf(self.method, rows, joint, scaling, self.gamma_cov)

    def of_rows(self, L: Floats) -> Floats:
        """Degrees of freedom (m,) of each row of L (m, p) by itself; rows may be dependent."""
        inside = L @ self.internal
        match self.parts:
            case SatterthwaiteParts() as parts:
                rows: Floats = parts.df(inside)
            case KenwardRogerParts() as parts:
                rows = np.array([parts.joint_df(row[None])[0] for row in inside])
            case None:
                rows = np.where(L != 0.0, self.by_column, np.inf).min(axis=1)
        return rows


def contrast_df(fit: Fit, L: Any, method: str = "satterthwaite") -> ContrastDf:
    """Degrees of freedom of Lγ for a REML or ML fit.

    Parameters
    ----------
    fit : Fit
    L : (m, p) or (p,) float
        Rows are linear combinations of the fixed columns in the order of the terms.
    method : str
        ``"satterthwaite"``, ``"kenward-roger"`` (REML only), ``"inner-outer"`` (the
        smallest of the columns that have weight) or ``"none"`` (infinite).

    Raises
    ------
    HypothesisError
        When the method does not exist or does not suit the fit, or L is no hypothesis.
    EstimationError
        When the information on the variance parameters is not definite.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> reml = hb.Model("mathach ~ Sector", random="~ 1 | school", data=hs).reml()
    >>> contrast_df(reml, [[1, 0], [1, 1]], "kenward-roger").rows.round(2).tolist()
    [37.11, 38.99]
    """
    terms = fit.design.terms
    rows = np.atleast_2d(np.asarray(L, dtype=np.float64))
    if rows.shape[1] != len(terms):
        raise HypothesisError(
            f"the hypothesis has {counted(rows.shape[1], 'column')} and the model "
            f"{counted(len(terms), 'fixed term')}: {in_quotes(terms)}"
        )
    source = df_source(fit, method)
    labels = [spell_contrast(dict(zip(terms, row, strict=True))) for row in rows.tolist()]
    refuse_deficient(rows, labels, np.sqrt(np.diag(source.gamma_cov)))
    return source.of(rows)


def refuse_unknown_method(method: Any) -> None:
    """Refuse a name that is no method.

    Raises
    ------
    HypothesisError
        Listing the methods.
    """
    if method not in tuple(METHODS):
        raise HypothesisError(
            f"there are no degrees of freedom {method!r}; df is one of: {in_quotes(METHODS)}"
        )


def df_source(fit: Fit, method: str) -> DfSource:
    """A method on a fit; refusals as in `contrast_df`."""
    refuse_unknown_method(method)
    point = _suited(fit, method)
    basis = fit.problem.cross.basis
    covariance = point.moments.gamma_cov
    by_column = np.full(len(fit.design.terms), np.inf)
    parts: SatterthwaiteParts | KenwardRogerParts | None = None
    notes: tuple[str, ...] = ()
    if method == "satterthwaite":
        parts = satterthwaite_parts(point)
        notes = _boundary_notes(fit, parts.ranks)
    elif method == "kenward-roger":
        parts = kenward_roger_parts(point)
        covariance = parts.adjusted * (fit.sigma / basis.scale) ** 2
    elif method == "inner-outer":
        by_column = denominator_df(fit)
    user = basis.gamma_covariance(covariance)
    return DfSource(method, user, by_column, parts, basis.x.matrix, notes)


def _boundary_notes(fit: Fit, ranks: tuple[int, ...]) -> tuple[str, ...]:
    if not fit.maximum.singular:
        return ()
    q = len(fit.design.effects)
    return (
        f"Ĝ is singular, of rank {sum(ranks)} and not {q}: the degrees of freedom take that rank "
        "for known, because the likelihood has no normal approximation beyond the boundary; a "
        "posterior needs none",
    )


def _suited(fit: Fit, method: str) -> PointFit:
    """The fit, refused where the method has no meaning for it."""
    if not isinstance(fit, PointFit):
        raise HypothesisError(
            "a posterior needs no degrees of freedom: its draws are marginal over the variance "
            "parameters; degrees of freedom are those of model.reml() or model.ml()"
        )
    if fit.engine == "MAP" and method != "none":
        raise HypothesisError(
            f"a MAP fit has no degrees of freedom '{method}': its covariance of γ is given one θ "
            "that depends on priors; use df='none', or test the posterior of model.sample()"
        )
    if method == "kenward-roger" and fit.engine != "REML":
        raise HypothesisError(
            f"Kenward–Roger adjusts REML fits, and this is an {fit.engine} fit; use model.reml(), "
            "or df='satterthwaite'"
        )
    if method == "kenward-roger" and fit.maximum.singular:
        raise HypothesisError(
            "Kenward–Roger expands about a G inside the cone of covariance matrices, and Ĝ is "
            "singular; use df='satterthwaite', which takes the rank of Ĝ for known, or fewer "
            "random effects"
        )
    return fit
