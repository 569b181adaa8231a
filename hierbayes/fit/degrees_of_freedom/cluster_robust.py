r"""Cluster-robust covariance of the γ̂ of a fit; its working covariance is that of the fit.

A cluster is a group of the factor in which all others are nested.  Whatever is asked of its rows
[ZL X e] does not change when an orthogonal matrix turns them, and so few rows stand for many:
those of one grouping factor are the roots of cross-products, those of several a triangle of
each cluster's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hierbayes.design.crossproducts import CrossProducts, within_totals
from hierbayes.design.design import Design
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.errors import HypothesisError, in_quotes
from hierbayes.fit.degrees_of_freedom.sandwich import KINDS, Sandwich, sandwich
from hierbayes.fit.degrees_of_freedom.source import DfSource
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers

_AT_ONCE = 4096  # clusters
_UNBIASED = 1.0 - 1e-6  # of the variance of a row, under Φ: what CR2 is expected to be
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

    def refuse_one_cluster(self, L: Floats, labels: Sequence[str]) -> None:
        """Refuse rows L (m, p) that one cluster determines, of which no residual tells.

        Raises
        ------
        HypothesisError
            Naming the first.
        """
        inside = L @ self.df.internal
        size = (inside**2).sum(axis=1)
        expected = np.diag(self.unbiased.expected(inside))
        for label, one, whole in zip(labels, expected, size, strict=True):
            if one < _UNBIASED * whole:
                raise HypothesisError(
                    f"'{label}' rests on one group alone, at least in part, and a cluster-robust "
                    "standard error tells only what differs between groups; test other rows, or "
                    "without robust="
                )


def robust_source(fit: Fitted, kind: str) -> RobustSource:
    """The cluster-robust covariance of γ̂ of a REML or ML fit, with its degrees of freedom.

    Raises
    ------
    HypothesisError
        When the fit is neither, or grouping factors cross.
    FormulaError
        When the response is not Gaussian.
    """
    fit.problem.refuse_other_families("a cluster-robust covariance")
    if fit.reading is None:
        raise HypothesisError(
            f"cluster-robust standard errors are those of an estimator, and this is a {fit.engine} "
            "fit; use model.reml() or model.ml()"
        )
    fit.design.rows.refuse_weights("a cluster-robust covariance")
    if fit.problem.moments is not None:
        raise HypothesisError(
            "cluster-robust standard errors are made for errors that are alike and independent "
            "given the random effects, and this fit has a residual structure; leave out robust="
        )
    basis, state = fit.problem.products.basis, fit.any_state
    F = np.linalg.cholesky(state.internal_gamma_cov / state.internal_sigma**2)
    clusters = [(B, X @ F, e) for B, X, e in _clusters(fit)]
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
    return RobustSource(source, unbiased, fit.design.factors[_cluster_factor(fit.design)])


def _joined(kind: str, clusters: Sequence[tuple[Floats, Floats, Floats]]) -> Sandwich:
    """The sandwich of all clusters."""
    parts = [sandwich(kind, *rows) for rows in clusters]
    names = ("scores", "own", "shared")
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Sandwich(*joined).inflated(kind)


def _cluster_factor(design: Design) -> int:
    """The factor in which all others are nested.

    Raises
    ------
    HypothesisError
        When there is none.
    """
    if len(design.factors) == 1:
        return 0
    for k, (factor, codes) in enumerate(zip(design.factors, design.rows.codes_of, strict=True)):
        pairs = [np.unique(other * factor.J + codes) for other in design.rows.codes_of]
        if all(len(p) == f.J for p, f in zip(pairs, design.factors, strict=True)):
            return k
    raise HypothesisError(
        f"the grouping factors {in_quotes(design.specification.factors)} cross: no factor has all "
        "others nested in it, so that there are no independent clusters for robust standard errors"
    )


def _clusters(fit: Fitted) -> Iterator[tuple[Floats, Floats, Floats]]:
    """B (c, m, q) with Φ = I + BB', X (c, m, p) and e (c, m) of some clusters at a time."""
    products, outer = fit.problem.products, _cluster_factor(fit.design)
    if isinstance(products, CrossProducts):
        return _of_products(fit, products)
    return _of_rows(fit, fit.design.rows.codes_of[outer])


def _of_products(fit: Fitted, cross: CrossProducts) -> Iterator[tuple[Floats, Floats, Floats]]:
    """One grouping factor: [R_j T_j] over a root of what group j adds to W."""
    state = fit.any_state
    totals = within_totals(fit.design.rows, cross)
    away = np.append(-state.internal_gamma, 1.0)
    q = cross.R.shape[2]
    for start in range(0, cross.J, _AT_ONCE):
        at = slice(start, start + _AT_ONCE)
        values, vectors = np.linalg.eigh(totals[at])
        below = np.sqrt(np.clip(values, 0.0, None))[:, :, None] * np.swapaxes(vectors, 1, 2)
        columns = np.concatenate([cross.T[at], below], axis=1)
        B = np.zeros((*columns.shape[:2], q))
        B[:, : cross.R.shape[1]] = cross.R[at] @ state.relative_root
        yield B, columns[:, :, :-1], columns @ away


def _of_rows(fit: Fitted, clusters: Integers) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Several factors: the rows of one cluster, or a triangle of them where it is smaller."""
    rows, state, products = fit.design.rows, fit.any_state, fit.problem.products
    columns, Z = rows.internal(products.basis)
    e = columns[:, -1] - columns[:, :-1] @ state.internal_gamma
    order = np.argsort(clusters, kind="stable")
    ends = np.cumsum(np.bincount(clusters))
    roots = [state.relative_root[span, span] for span in products.spans]
    parts = [Z[:, span] @ root for span, root in zip(products.spans, roots, strict=True)]
    for mine in np.split(order, ends[:-1]):
        B = _side_by_side(parts, [codes[mine] for codes in rows.codes_of], mine)
        stack = np.column_stack([B, columns[mine, :-1], e[mine]])
        if len(stack) > stack.shape[1]:
            stack = np.linalg.qr(stack, mode="r")
        q = B.shape[1]
        yield stack[None, :, :q], stack[None, :, q:-1], stack[None, :, -1]


def _side_by_side(parts: Sequence[Floats], codes_of: Sequence[Integers], mine: Integers) -> Floats:
    """The columns of every level of every factor in the rows of a cluster."""
    wide = []
    for part, codes in zip(parts, codes_of, strict=True):
        levels, place = np.unique(codes, return_inverse=True)
        block = np.zeros((len(mine), len(levels), part.shape[1]))
        block[np.arange(len(mine)), place] = part[mine]
        wide.append(block.reshape(len(mine), -1))
    return np.concatenate(wide, axis=1)
