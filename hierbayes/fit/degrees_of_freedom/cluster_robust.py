"""Cluster-robust covariance of the γ̂ of a fit; its working covariance is that of the fit.

A cluster is a group of the factor in which all others are nested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.fit.degrees_of_freedom.cluster_rows import (
    ClusterRows,
    cluster_factor,
    cluster_rows,
)
from hierbayes.fit.degrees_of_freedom.sandwich import KINDS, Sandwich, sandwich
from hierbayes.fit.degrees_of_freedom.source import DfSource
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats

_UNBIASED = 1.0 - 1e-6  # of the variance of a row, under Φ: what CR2 is expected to be
_LEAST = 0.99  # of it, below which a standard error is too small to be told
_METHOD = "Satterthwaite under the fitted variances; of rows together approximate Hotelling T²"


def refuse_unknown_kind(robust: object) -> None:
    """Refuse a name of no cluster-robust covariance.

    Raises
    ------
    HypothesisError
        Listing those there are.
    """
    if robust not in KINDS:
        raise HypothesisError(
            f"there is no cluster-robust covariance {robust!r}; robust is one of: "
            f"{in_quotes(KINDS)}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class RobustSource:
    """A cluster-robust covariance with its degrees of freedom.

    Parameters
    ----------
    df : DfSource
    unbiased : Sandwich
        That of CR2, which is unbiased but for what one cluster alone determines.
    clusters : GroupingFactor
    """

    df: DfSource
    unbiased: Sandwich
    clusters: GroupingFactor

    @property
    def about(self) -> tuple[tuple[str, str], ...]:
        """Lines at the head of a test, by label and text."""
        of = f"clusters are the {self.clusters.J} groups of '{self.clusters.name}'"
        return (("Robust", f"{self.df.method}, {of}"), ("df", _METHOD))

    def judged(self, L: Floats, labels: Sequence[str]) -> DfSource:
        """The covariance for rows L (m, p), with a note where one cluster determines a little.

        Raises
        ------
        HypothesisError
            Naming the rows that one cluster determines, of which no residual tells, and the rest.
        """
        inside = L @ self.df.internal
        size = (inside**2).sum(axis=1)
        share = np.diag(self.unbiased.expected(inside)) / size
        alone = share < _LEAST
        if alone.any():
            named = [label for label, bad in zip(labels, alone, strict=True) if bad]
            rest = [label for label, bad in zip(labels, alone, strict=True) if not bad]
            other = f"test other rows ({in_quotes(rest)})" if rest else "test other rows"
            raise HypothesisError(
                f"{in_quotes(named)} {'rest' if len(named) > 1 else 'rests'} on one group alone, "
                "at least in part, and a cluster-robust standard error tells only what differs "
                f"between groups; {other}, or without robust="
            )
        notes = tuple(
            f"the CR2 of '{label}' is expected to miss {100.0 * (1.0 - one):.2g}% of its variance, "
            "which one group alone determines"
            for label, one in zip(labels, share, strict=True)
            if one < _UNBIASED
        )
        return replace(self.df, notes=(*self.df.notes, *notes))


def robust_source(fit: Fitted, kind: str) -> RobustSource:
    """The cluster-robust covariance of γ̂ of a REML or ML fit, with its degrees of freedom.

    Raises
    ------
    HypothesisError
        When the fit is neither, grouping factors cross, or clusters have too many rows.
    FormulaError
        When the response is not Gaussian, or the rows are in no groups.
    """
    fit.problem.refuse_other_families("a cluster-robust covariance")
    fit.design.refuse_no_groups("a cluster-robust covariance")
    if fit.reading is None:
        raise HypothesisError(
            f"cluster-robust standard errors are those of an estimator, and this is a {fit.engine} "
            "fit; use model.reml() or model.ml()"
        )
    k = cluster_factor(fit.design)
    basis, state = fit.problem.working.basis, fit.any_state
    F = np.linalg.cholesky(state.internal_gamma_cov / state.internal_sigma**2)
    clusters = [(Phi, X @ F, e) for Phi, X, e in cluster_rows(fit, k)]
    parts = _joined(kind, clusters)
    source = DfSource(
        method=kind,
        gamma_cov=basis.gamma_covariance(F @ parts.cov @ F.T),
        by_column=np.full(len(fit.design.terms), np.inf),
        parts=parts,
        internal=basis.x.matrix @ F,
        notes=(),
    )
    unbiased = parts if kind == "CR2" else _joined("CR2", clusters)
    return RobustSource(source, unbiased, fit.design.factors[k])


def _joined(kind: str, clusters: Sequence[ClusterRows]) -> Sandwich:
    """The sandwich of all clusters."""
    parts = [sandwich(kind, *rows) for rows in clusters]
    names = ("scores", "own", "shared")
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Sandwich(*joined).inflated(kind)
