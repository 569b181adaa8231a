r"""Whether a posterior under flat priors is proper, of responses that are not Gaussian.

As a row's η goes to −∞ or +∞, its likelihood falls to 0, or it keeps a positive limit, as that of a
success does above and that of a count of 0 below.  Directions (g, v) of (γ, u) along which no row
falls make a cone

    C = {a_i(x_i'g + z_i'v) ≥ 0 in rows with one limit,  x_i'g + z_i'v = 0 in rows with none}.

Where C has a direction of γ alone whose prior is flat, the posterior is improper: separation.  As
the standard deviations of a set S of random effects grow together by a factor s, the likelihood
with γ and u integrated out falls like s^−e, e = Σ_j rank(Z_jS) − r, over the rows that C holds at
x_i'g + z_i'v = 0 everywhere, r being the dimension of the flat γ that their own columns absorb.
Flat priors on S need e > |S|.  Of a Gaussian response no row has a limit, and this is `propriety`.

References
----------
Albert & Anderson (1984), doi:10.1093/biomet/71.1.1; Speckman, Lee & Sun (2009),
doi:10.1214/08-AOS618.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import FamilyRows
from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError, in_quotes
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.priors.foreign_prior import is_flat
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.recession_cone import by_group, loosened

_FAR = 30.0  # of η, where a limit is reached
_LARGE = 1e8  # of a dispersion parameter, likewise
_SAME = 1e-6  # of log likelihoods
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Conditions on directions: ``sign`` (r,) ±1 of an inequality ≥ 0, 0 of an equation."""

    X: Floats
    Z: Floats
    codes_of: tuple[Integers, ...]
    sign: Floats


def refuse_improper_response(problem: Problem, priors: PriorSet) -> None:
    """Refuse flat priors that the responses do not make a proper posterior of.

    Raises
    ------
    PriorError
        Naming the parameters that nothing keeps in bounds.
    """
    _refuse_dispersion(problem, priors)
    flat = [k for k, (_, prior, _) in enumerate(priors.sd) if is_flat(prior)]
    terms = {name for name, prior, _ in priors.gamma if is_flat(prior)}
    free = np.array([term in terms for term in problem.design.terms])
    if not flat and not free.any():
        return
    rows = _conditions(problem)
    X = _comparable(rows.X[:, free])
    if free.any():
        names = [term for term, one in zip(problem.design.terms, free, strict=True) if one]
        _refuse_separation(X, rows.sign, names)
    for k, some in _sets(problem, flat):
        Z, codes = _comparable(rows.Z[:, list(some)]), rows.codes_of[k]
        held = ~loosened(by_group(X, Z, codes), rows.sign)[0]
        informed, lost = _exponent(X[held], Z[held], codes[held])
        if informed - lost <= len(some):
            which = in_quotes(problem.design.effect_labels[at] for at in some)
            raise PriorError(
                f"the posterior is improper: with a flat prior the sd of {which} has no upper "
                f"limit, for the responses keep {informed} coefficients of the groups in bounds "
                f"and the fixed part takes {lost} of them (more than {len(some)} must be left); "
                "state a proper prior, such as HalfNormal or HalfT"
            )


def separated_terms(problem: Problem) -> tuple[str, ...]:
    """Fixed terms along which no row's likelihood falls, by one direction of them all.

    Complete and quasi-complete separation; of ordered responses that of the first category or
    the last.
    """
    rows = _conditions(problem)
    loose, direction = loosened(_comparable(rows.X), rows.sign)
    return tuple(_moved(problem.design.terms, direction)) if loose.any() else ()


def separated_effects(problem: Problem) -> tuple[str, ...]:
    """Random effects with whose standard deviations, together, the likelihood does not fall.

    As where each group has successes alone, or failures alone.
    """
    every = list(range(len(problem.design.effects)))
    rows = _conditions(problem) if every else None
    for k, some in _sets(problem, every):
        assert rows is not None
        Z, codes = _comparable(rows.Z[:, list(some)]), rows.codes_of[k]
        X = _comparable(rows.X)
        held = ~loosened(by_group(X, Z, codes), rows.sign)[0]
        informed, lost = _exponent(X[held], Z[held], codes[held])
        if informed <= lost:
            return tuple(problem.design.effect_labels[at] for at in some)
    return ()


def separated_zeros(problem: Problem) -> tuple[str, ...]:
    """Coefficients of a probability of zeros whose columns tell zeros from the rest."""
    rows = problem.family_rows
    if not rows.family.further_terms:
        return ()
    columns = rows.m[:, 1:]
    loose, direction = loosened(_comparable(columns), np.where(rows.y == 0.0, 1.0, -1.0))
    names = problem.dispersion[-columns.shape[1] :]
    return tuple(_moved(names, direction)) if loose.any() else ()


def _moved(names: Sequence[str], direction: Floats) -> list[str]:
    """Those that a direction moves."""
    size = np.abs(direction)
    return [name for name, one in zip(names, size, strict=True) if one > _SAME * size.max()]


def _sets(problem: Problem, flat: list[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Sets of flat sds of one factor, with its place."""
    for k, span in enumerate(problem.design.spans):
        own = [at for at in flat if span.start <= at < span.stop]
        for size in range(1, len(own) + 1):
            yield from ((k, some) for some in combinations(own, size))


def _conditions(problem: Problem) -> _Rows:
    """What keeps directions of (γ, u) in bounds, each condition once."""
    kinds, rows = problem.design.rows.kinds, problem.family_rows
    X, Z, codes_of = kinds.X, kinds.Z, kinds.codes_of
    if rows.family.predictors:
        at, other = _compared(rows, len(rows.family.predictors))
        X = X[at] - np.where(other[:, None] >= 0, X[other], 0.0)
        Z = Z[at] - np.where(other[:, None] >= 0, Z[other], 0.0)
        turn = np.where((other < 0) & (rows.y[at] == 0.0), -1.0, 1.0)
        found = _Rows(X, Z, tuple(codes[at] for codes in codes_of), turn)
    else:
        one = problem.design.rows.merged or rows  # alike, as one
        below, above = _limits(rows.family, one.y, one.m)
        known = ~(below & above)
        sign = np.where(above, 1.0, np.where(below, -1.0, 0.0))
        found = _Rows(X[known], Z[known], tuple(codes[known] for codes in codes_of), sign[known])
    whole = np.column_stack([found.X, found.Z, *found.codes_of, found.sign])
    first = ~pd.DataFrame(whole).duplicated().to_numpy()
    codes = tuple(one[first] for one in found.codes_of)
    return _Rows(found.X[first], found.Z[first], codes, found.sign[first])


def _compared(rows: FamilyRows, P: int) -> tuple[Integers, Integers]:
    """Of nominal categories the linear predictors whose difference is to grow, −1 for the first.

    The predictor of a row's category stands before each other one; of a row of the first category
    each predictor is to fall.
    """
    at, other = [], []
    for row, own in enumerate(rows.observed.astype(int).tolist()):
        start = row * P
        if own == 0:
            at += list(range(start, start + P))
            other += [-1] * P
            continue
        at += [start + own - 1] * P
        other += [-1, *(start + k for k in range(P) if k != own - 1)]
    return np.array(at), np.array(other)


def _limits(family: ResponseFamily, y: Floats, m: Floats) -> tuple[Booleans, Booleans]:
    """Of which rows the likelihood keeps a positive limit as η goes to −∞, and to +∞."""
    phi = family.dispersion_start(y, m)

    def keeps(side: float) -> Booleans:
        with np.errstate(all="ignore"):
            near, far = (
                family.derivatives(y, m, np.full(len(y), at), phi)[0]
                for at in (side * _FAR, 2.0 * side * _FAR)
            )
            return np.asarray(np.abs(far - near) < _SAME)

    return keeps(-1.0), keeps(1.0)


def _refuse_dispersion(problem: Problem, priors: PriorSet) -> None:
    """Refuse a flat prior of a dispersion parameter at whose end the likelihood does not fall."""
    rows, kinds = problem.family_rows, problem.family_rows.family.dispersion_kinds
    flat = {name for name, prior, _ in priors.dispersion if is_flat(prior)}
    if not flat:
        return
    eta = rows.family.start(rows.y, rows.m)
    eta = np.full(len(eta), eta.mean())
    for k, (name, kind) in enumerate(zip(problem.dispersion, kinds, strict=True)):
        if name not in flat or kind not in ("positive", "real"):
            continue
        ends = (1.0,) if kind == "positive" else (-1.0, 1.0)
        for end in ends:
            found = []
            for size in (_LARGE, 2.0 * _LARGE):
                phi = rows.family.dispersion_start(rows.y, rows.m)
                phi[k] = end * size
                with np.errstate(all="ignore"):
                    found.append(rows.family.derivatives(rows.y, rows.m, eta, phi)[0].sum())
            if abs(found[1] - found[0]) < _SAME * len(eta):
                raise PriorError(
                    f"the posterior is improper: with a flat prior '{name}' has no limit, for the "
                    f"likelihood does not fall as it goes to {'−' if end < 0 else ''}infinity; "
                    "state a proper prior"
                )


def _refuse_separation(X: Floats, sign: Floats, names: list[str]) -> None:
    """Refuse flat priors of γ where the responses are told for certain, or say nothing of it."""
    loose, direction = loosened(X, sign)
    if np.linalg.matrix_rank(X, tol=_TOLERANCE * max(1.0, np.abs(X).max())) < X.shape[1]:
        raise PriorError(
            f"the posterior is improper: the priors of {in_quotes(names)} are flat, and the "
            "responses that depend on them do not tell them apart; state proper priors"
        )
    if loose.any():
        raise PriorError(
            f"the posterior is improper: the priors of {in_quotes(_moved(names, direction))} are "
            "flat, and along "
            f"them {int(loose.sum())} kinds of rows have responses that are told for certain "
            "(separation), so that nothing keeps the coefficients in bounds; state a proper prior, "
            "such as Normal or StudentT"
        )


def _exponent(X: Floats, Z: Floats, codes: Integers) -> tuple[int, int]:
    """Σ_j rank(Z_j), and how many fixed columns the groups' own columns absorb."""
    informed, left = 0, np.zeros((X.shape[1],) * 2)
    for j in np.unique(codes):
        U, size, _ = np.linalg.svd(Z[codes == j], full_matrices=False)
        U = U[:, size > _TOLERANCE * max(1.0, float(size.max(initial=0.0)))]
        rest = X[codes == j] - U @ (U.T @ X[codes == j])
        informed, left = informed + U.shape[1], left + rest.T @ rest
    if not X.shape[1]:
        return informed, 0
    scale = max(1.0, float((X**2).sum(axis=0).max(initial=0.0)))
    return informed, X.shape[1] - int(np.linalg.matrix_rank(left, tol=_TOLERANCE * scale))


def _comparable(columns: Floats) -> Floats:
    """Columns of one size, the others centred where one is constant: of the same span."""
    size = np.abs(columns).max(axis=0, initial=0.0)
    constant = np.ptp(columns, axis=0) == 0.0 if len(columns) else np.zeros(len(size), bool)
    if constant.any():
        columns = np.where(constant, columns, columns - columns.mean(axis=0))
        size = np.abs(columns).max(axis=0, initial=0.0)
    return columns / np.where(size > 0.0, size, 1.0)
