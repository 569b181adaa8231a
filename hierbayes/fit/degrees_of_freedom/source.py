"""Degrees of freedom of any linear hypothesis on γ: Satterthwaite's unless others are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hierbayes.design.inner_outer_df import inner_outer_df
from hierbayes.errors import EstimationError, HypothesisError, in_quotes
from hierbayes.fit.degrees_of_freedom.hypothesis_df import ContrastDf
from hierbayes.fit.degrees_of_freedom.kenward_roger import KenwardRogerParts, kenward_roger_parts
from hierbayes.fit.degrees_of_freedom.sandwich import KINDS, Sandwich
from hierbayes.fit.degrees_of_freedom.satterthwaite import SatterthwaiteParts, satterthwaite_parts
from hierbayes.fit.degrees_of_freedom.structured_kenward_roger import (
    notes_of,
    structured_kenward_roger_parts,
)
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats

METHODS = {
    "satterthwaite": "Satterthwaite",
    "kenward-roger": "Kenward–Roger, covariance of γ̂ adjusted",
    "kenward-roger-observed": "Kenward–Roger by the observed information, as SAS has it, "
    "covariance of γ̂ adjusted",
    "kenward-roger-linear": "Kenward–Roger without second derivatives of V, "
    "covariance of γ̂ adjusted",
    "kenward-roger-linear-observed": "Kenward–Roger by the observed information without second "
    "derivatives of V, covariance of γ̂ adjusted",
    "inner-outer": "inner–outer, as nlme counts them",
    "none": "none (normal and χ²)",
}
_ADJUSTING = tuple(name for name in METHODS if name.startswith("kenward-roger"))
_NO_SATTERTHWAITE = (
    "Satterthwaite's degrees of freedom do not exist at this maximum, where the information on the "
    "variance parameters is not definite"
)
_STAND_IN = "those within and between groups, as nlme counts them, stand in"
_NORMAL_STANDS_IN = "those within and between groups need rows in memory: normal and χ² stand in"


@dataclass(frozen=True, slots=True, eq=False)
class DfSource:
    """A method on a fit, ready for any hypothesis.

    Parameters
    ----------
    method : str
    gamma_cov : (p, p) float
        As in `ContrastDf`.
    by_column : (p,) float
        Inner–outer degrees of freedom of each fixed column, missing where none are left;
        infinite for ``"none"``.
    parts : SatterthwaiteParts, KenwardRogerParts, Sandwich or None
    internal : (p, p) float
        Lγ of the user's units is L @ internal of the internal basis, but for a constant.
    notes : tuple of str
        What to know about these degrees of freedom.
    """

    method: str
    gamma_cov: Floats
    by_column: Floats
    parts: SatterthwaiteParts | KenwardRogerParts | Sandwich | None
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
            case KenwardRogerParts() | Sandwich() as parts:
                joint, scaling = parts.joint_df(inside)
            case None:
                joint = float(rows.min())
        return ContrastDf(self.method, rows, joint, scaling, self.gamma_cov)

    def of_each(self) -> Floats:
        """Degrees of freedom (p,) of each fixed effect by itself."""
        return self.of_rows(np.eye(len(self.by_column)))

    def of_rows(self, L: Floats) -> Floats:
        """Degrees of freedom (m,) of each row of L (m, p) by itself; rows may be dependent."""
        inside = L @ self.internal
        match self.parts:
            case SatterthwaiteParts() | Sandwich() as parts:
                rows: Floats = parts.df(inside)
            case KenwardRogerParts() as parts:
                rows = np.array([parts.joint_df(row[None])[0] for row in inside])
            case None:
                rows = np.where(L != 0.0, self.by_column, np.inf).min(axis=1, initial=np.inf)
        return rows


def refuse_unknown_method(method: Any) -> None:
    """Refuse a name that is no method.

    Raises
    ------
    HypothesisError
        Listing the methods.
    """
    if method in KINDS:
        raise HypothesisError(
            f"{method!r} is a covariance of γ̂, which has degrees of freedom of its own; write "
            f"robust={method!r} in place of df={method!r}"
        )
    if method not in tuple(METHODS):
        raise HypothesisError(
            f"there are no degrees of freedom {method!r}; df is one of: {in_quotes(METHODS)}"
        )


def usual_method(fit: Fitted) -> str:
    """The method that is meant where none is stated: Satterthwaite's, and none for a MAP fit."""
    known = fit.design.specification.known_sd
    return "none" if fit.reading is None or known else "satterthwaite"


def usual_or_stated(fit: Fitted, df: str | None) -> DfSource:
    """The method stated, or the usual one; inner–outer, and said, where Satterthwaite's fail.

    Of rows that stream, which are not counted by groups, none.

    Raises
    ------
    HypothesisError
        When the method does not exist or does not suit the fit.
    EstimationError
        When Satterthwaite's degrees of freedom were asked for and do not exist.
    """
    if df is not None:
        return df_source(fit, df)
    try:
        return df_source(fit, usual_method(fit))
    except EstimationError as error:
        why = _NO_SATTERTHWAITE if len(fit.design.factors) == 1 else str(error)
        streams = fit.design.rows.streams
        found = df_source(fit, "none" if streams else "inner-outer")
        stands_in = _NORMAL_STANDS_IN if streams else _STAND_IN
        return replace(found, notes=(f"{why}; {stands_in}", *found.notes))


def of_normal(fit: Fitted, df: str | None) -> DfSource:
    """The normal distribution of the γ̂ of a family that is not Gaussian.

    Raises
    ------
    HypothesisError
        When degrees of freedom are asked for.
    """
    if df is not None:
        refuse_unknown_method(df)
    if df not in (None, "none"):
        raise HypothesisError(
            f"degrees of freedom '{df}' are of Gaussian responses, and the family of this model is "
            f"{fit.problem.family}: its tests are normal and χ², df='none'"
        )
    p = len(fit.design.terms)
    return DfSource("none", fit.gamma_cov, np.full(p, np.inf), None, np.eye(p), ())


def _of_known_errors(fit: Fitted, method: str) -> DfSource:
    """The normal distribution of γ̂ where no residual variance is estimated."""
    refuse_unknown_method(method)
    if method != "none":
        raise HypothesisError(
            f"degrees of freedom '{method}' are of a residual variance that is estimated, and "
            "known_sd= states those of all rows: tests are normal and χ², df='none', or "
            "cluster-robust with degrees of freedom of their own, robust='CR2'"
        )
    p = len(fit.design.terms)
    return DfSource("none", fit.gamma_cov, np.full(p, np.inf), None, np.eye(p), ())


def df_source(fit: Fitted, method: str) -> DfSource:
    """A method on a fit, ready for any hypothesis.

    Raises
    ------
    HypothesisError
        When the method does not exist or does not suit the fit.
    EstimationError
        When the information on the variance parameters is not definite.
    """
    if fit.problem.family is not None:
        return of_normal(fit, method)
    if fit.design.specification.known_sd:
        return _of_known_errors(fit, method)
    refuse_unknown_method(method)
    _refuse_unsuited(fit, method)
    basis = fit.problem.products.basis
    covariance = fit.any_state.internal_gamma_cov
    by_column = np.full(len(fit.design.terms), np.inf)
    parts: SatterthwaiteParts | KenwardRogerParts | None = None
    notes: tuple[str, ...] = ()
    if method == "satterthwaite":
        parts = satterthwaite_parts(fit)
        notes = _boundary_notes(fit, parts.ranks)
    elif method in _ADJUSTING:
        parts, notes = _kenward_roger(
            fit, observed=method.endswith("observed"), linear="linear" in method
        )
        covariance = parts.adjusted * (fit.sigma / basis.scale) ** 2
    elif method == "inner-outer":
        by_column = _of_columns(fit)
        notes = _notes_of_none(fit, by_column)
    user = basis.gamma_covariance(covariance)
    return DfSource(method, user, by_column, parts, basis.x.matrix, notes)


def _kenward_roger(
    fit: Fitted, *, observed: bool, linear: bool
) -> tuple[KenwardRogerParts, tuple[str, ...]]:
    """What the formulas need, and what is to be said of them."""
    if fit.error_directions is None:
        return kenward_roger_parts(fit, observed=observed), ()
    parts = structured_kenward_roger_parts(fit, observed=observed, linear=linear)
    return parts, notes_of(fit, linear=linear)


def _boundary_notes(fit: Fitted, ranks: tuple[int, ...]) -> tuple[str, ...]:
    if not fit.maximum.singular:
        return ()
    q = len(fit.design.effects)
    return (
        f"Ĝ is singular, of rank {sum(ranks)} and not {q}: the degrees of freedom take that rank "
        "for known, because the likelihood has no normal approximation beyond the boundary; a "
        "posterior needs none",
    )


def _of_columns(fit: Fitted) -> Floats:
    """nlme's inner–outer degrees of freedom of each fixed column (p,)."""
    design = fit.design
    sizes = tuple(factor.J for factor in design.factors)
    by_term = inner_outer_df(design.rows.X, design.columns.term_of, design.rows.codes_of, sizes)
    return np.array([by_term[term] for term in design.columns.term_of])


def _notes_of_none(fit: Fitted, by_column: Floats) -> tuple[str, ...]:
    """Which columns have no degrees of freedom, because rows or groups are too few."""
    names = [fit.design.terms[k] for k in np.flatnonzero(np.isnan(by_column))]
    if not names:
        return ()
    return (
        f"no degrees of freedom are left for {in_quotes(names)}, as nlme counts them: there are "
        "too few rows or groups for so many coefficients; tests and limits of them are missing",
    )


def _refuse_unsuited(fit: Fitted, method: str) -> None:
    """Refuse a method that has no meaning for the fit."""
    if fit.engine == "posterior":
        raise HypothesisError(
            "a posterior needs no degrees of freedom: its draws are marginal over the variance "
            "parameters; degrees of freedom are those of model.reml() or model.ml()"
        )
    if fit.engine == "MAP" and method != "none":
        raise HypothesisError(
            f"a MAP fit has no degrees of freedom '{method}': its covariance of γ is given one θ "
            "that depends on priors; use df='none', or test the posterior of model.sample()"
        )
    if method in _ADJUSTING and fit.engine != "REML":
        raise HypothesisError(
            f"Kenward–Roger adjusts REML fits, and this is an {fit.engine} fit; use model.reml(), "
            "or df='satterthwaite'"
        )
    if method in _ADJUSTING and fit.maximum.singular:
        raise HypothesisError(
            "Kenward–Roger expands about a G inside the cone of covariance matrices, and Ĝ is "
            "singular; use df='satterthwaite', which takes the rank of Ĝ for known, or a smaller "
            "model, of which hb.reduced(fit) says what each loses of the likelihood"
        )
