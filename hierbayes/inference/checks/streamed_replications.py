"""Replications of rows that stream: statistics are added up, a part of the rows at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.row_cases import row_cases
from hierbayes.design.rows import Rows
from hierbayes.errors import DataError
from hierbayes.fit.fit import Fit
from hierbayes.fit.predictions.simulation import drawn_effects, effects_at, spread_draws
from hierbayes.frames.arrays import Floats
from hierbayes.inference.checks.group_summary import GroupSummary, spread_of_slopes
from hierbayes.inference.checks.replications import comparable
from hierbayes.inference.checks.statistics import (
    MOMENTS,
    NUMBERS,
    ROWS,
    numbers_of_rows,
    usable_squares,
)

_EFFECTS, _ERRORS = 24, 25  # streams of random numbers
_MOST_BYTES = 1 << 31
_PIECE = 1 << 16  # rows


@dataclass(frozen=True, slots=True, eq=False)
class StreamedReplications:
    """Statistics of a response and of replications of it.

    Parameters
    ----------
    labels : list of (str, str)
        The level of each statistic and what it is called.
    seen : (k,) float
        Of the data.
    kept, new : (n, k) float
        Of replications whose groups keep their effects, and of those with new groups.
    factors, sizes : tuple of GroupingFactor and of (J,) float
        Those that have groups of more than a row, and how many each has.
    seen_means, kept_means : tuple of (J,) and of (n, J) float
        Means of the groups of each factor.
    """

    labels: list[tuple[str, str]]
    seen: Floats
    kept: Floats
    new: Floats
    factors: tuple[GroupingFactor, ...]
    sizes: tuple[Floats, ...]
    seen_means: tuple[Floats, ...]
    kept_means: tuple[Floats, ...]


def streamed_replications(fit: Fit, n: int, seed: int) -> StreamedReplications:
    """Read the rows once more, and replicate their responses part by part.

    Parameters
    ----------
    fit : Fit
    n : int
        Replications, of each kind.
    seed : int
    """
    sums = _Sums(fit, 1 + 2 * n)
    places = spread_draws(fit, n, np.random.default_rng(seed))
    for number, part in enumerate(row_cases(fit.design)):
        for piece, rows in enumerate(part.each(_PIECE)):
            of_rows = replace(fit, problem=fit.problem.of_rows(rows))
            sums.begin(rows)
            sums.add(0, comparable(of_rows, rows.observed))
            for r, at in enumerate(places):
                effects = np.random.default_rng([seed, _EFFECTS, r])
                errors = np.random.default_rng([seed, _ERRORS, r, number, piece])
                fixed = rows.X @ fit.gamma_draws[at] + rows.offset
                for kind, u in enumerate((effects_at(fit, at), drawn_effects(fit, at, effects))):
                    y = of_rows.draw_response(errors, fixed + _random(fit, rows, u), at)
                    sums.add(1 + kind * n + r, comparable(of_rows, y))
    values = sums.values()
    means = sums.means()
    return StreamedReplications(
        sums.labels,
        values[0],
        values[1 : 1 + n],
        values[1 + n :],
        tuple(sums.factors),
        tuple(sums.sizes),
        tuple(one[0] for one in means),
        tuple(one[1 : 1 + n] for one in means),
    )


def _random(fit: Fit, rows: Rows, u: tuple[Floats, ...]) -> Floats:
    """Zu (n,) of some rows."""
    total = np.zeros(len(rows.response))
    for part, codes, span in zip(u, rows.codes_of, fit.design.spans, strict=True):
        total += (rows.Z[:, span] * part[codes]).sum(axis=1)
    return total


class _Sums:
    """Sums over the rows of several responses, by the groups of every factor."""

    def __init__(self, fit: Fit, responses: int) -> None:
        design = fit.design
        head = design.rows.head
        self.n, self.origin, self.names = 0, 0.0, _names(design)
        if design.rows.family is None:
            self.origin = float(np.mean(head.response))
        self.factors = [factor for factor in design.named_factors if design.n > factor.J]
        self.slopes = [
            [c for c in range(span.start, span.stop) if len(np.unique(head.Z[:, c])) > 2]
            for span in design.spans[: len(self.factors)]
        ]
        self.effects, self.z_origin = design.effects, head.Z.mean(axis=0)
        arrays = sum(one.J * (1 + len(own)) for one, own in
                     zip(self.factors, self.slopes, strict=True))  # fmt: skip
        _refuse_too_many(responses, arrays)
        self.rows = np.zeros((responses, 5))
        self.rows[:, 2], self.rows[:, 3] = np.inf, -np.inf
        self.sizes = [np.zeros(one.J) for one in self.factors]
        self.of_y = [np.zeros((responses, one.J)) for one in self.factors]
        shapes = [(len(own), one.J) for one, own in zip(self.factors, self.slopes, strict=True)]
        self.of_z = [np.zeros((2, *shape)) for shape in shapes]
        self.of_zy = [np.zeros((responses, *shape)) for shape in shapes]

    def begin(self, rows: Rows) -> None:
        """Some rows, whose responses are added next."""
        self._codes, self.n = rows.codes_of, self.n + len(rows.response)
        self._z = [[rows.Z[:, c] - self.z_origin[c] for c in own] for own in self.slopes]
        for k, (sizes, of_z) in enumerate(zip(self.sizes, self.of_z, strict=True)):
            sizes[:] += np.bincount(self._codes[k], minlength=len(sizes))
            for s, z in enumerate(self._z[k]):
                of_z[0, s] += np.bincount(self._codes[k], z, len(sizes))
                of_z[1, s] += np.bincount(self._codes[k], z**2, len(sizes))

    def add(self, response: int, y: Floats) -> None:
        """A response (n,) of these rows."""
        away, of_rows = y - self.origin, self.rows[response]
        of_rows[:2] += away.sum(), (away**2).sum()
        of_rows[2] = min(of_rows[2], float(y.min()))
        of_rows[3] = max(of_rows[3], float(y.max()))
        of_rows[4] += np.count_nonzero(y == 0.0)
        for k, codes in enumerate(self._codes[: len(self.factors)]):
            J = len(self.sizes[k])
            self.of_y[k][response] += np.bincount(codes, away, J)
            for s, z in enumerate(self._z[k]):
                self.of_zy[k][response, s] += np.bincount(codes, z * away, J)

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Levels and names of the statistics."""
        found = [(ROWS, name) for name in self.names]
        for factor, own in zip(self.factors, self.slopes, strict=True):
            found += [(factor.name, name) for name in _OF_GROUPS]
            found += [(factor.name, f"sd of slopes of {self.effects[c]}") for c in own]
        return found

    def values(self) -> Floats:
        """The statistics (responses, k)."""
        return np.array([self._values(r) for r in range(len(self.rows))])

    def _values(self, r: int) -> list[float]:
        total, square, low, high, zeros = self.rows[r]
        spread = float(np.sqrt(max(square - total**2 / self.n, 0.0) / (self.n - 1)))
        of_rows = (self.origin + total / self.n, spread, low, high, zeros / self.n)
        named = dict(zip(NUMBERS, of_rows, strict=True))
        found = [named[name] for name in self.names]
        for k, sizes in enumerate(self.sizes):
            sums = self.of_y[k][r]
            inside = max(float(square - (sums**2 / sizes).sum()), 0.0)
            one = GroupSummary(self.origin + sums / sizes, sizes, inside)
            found += [one.spread, one.smallest, one.largest, one.within, one.icc]
            for s in range(len(self.slopes[k])):
                z, z2 = self.of_z[k][:, s]
                c = self.z_origin[self.slopes[k][s]]
                whole = float(z2.sum() + 2.0 * c * z.sum() + self.n * c**2)
                own = usable_squares(z2 - z**2 / sizes, sizes, whole)
                found.append(spread_of_slopes((self.of_zy[k][r, s] - z * sums / sizes) / own))
        return found

    def means(self) -> list[Floats]:
        """Means (responses, J) of the groups of each factor."""
        both = zip(self.of_y, self.sizes, strict=True)
        return [self.origin + of_y / sizes for of_y, sizes in both]


_OF_GROUPS = (
    "sd of means",
    "smallest mean",
    "largest mean",
    "sd within",
    "intraclass correlation",
)


def _names(design: Design) -> tuple[str, ...]:
    """What is looked at in the responses of rows."""
    if design.rows.family is None:
        return MOMENTS
    (part,) = row_cases(design)
    assert part.rows.family is not None
    return numbers_of_rows(part.rows.family, part.times)


def _refuse_too_many(responses: int, numbers: int) -> None:
    needed = 8 * responses * numbers
    if needed > _MOST_BYTES:
        raise DataError(
            f"the means of all groups in {responses // 2} replications of each kind take "
            f"{needed / 1e9:.1f} GB, of at most {_MOST_BYTES / 1e9:.1f}: ask for fewer, n=..."
        )
