"""What transforms of a formula remember of all rows, learnt of rows that come a few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
from formulaic.transforms import TRANSFORMS

from hierbayes.design.evaluation import Evaluation
from hierbayes.design.group_coder import GroupCoder
from hierbayes.frames.arrays import Floats
from hierbayes.frames.contextual import MEANS, group_labels_of, numbers_of
from hierbayes.frames.seen_columns import frame_of
from hierbayes.specification.expression import Call, Constant
from hierbayes.specification.known_functions import CONTEXTUAL

_OPTIONS = {
    "center": (),
    "scale": ("center", "scale", "ddof"),
    "standardize": ("center", "rescale", "ddof"),
    "poly": ("degree", "raw"),
    "bs": ("df", "knots", "degree"),
}  # arguments by position, after x
_SPLINES = ("cr", "cs", "cc")


class StateLearner(Protocol):
    """Learns what one call of a transform remembers, in one pass over the rows or several."""

    def add(self, evaluation: Evaluation, times: Floats | None, place: str) -> None:
        """Add rows, each as often as ``times`` says (n,)."""

    def join(self, other: Any) -> None:
        """Add what another learner of the same call has seen of other rows, in the same pass."""

    def state(self) -> dict[str, Any] | None:
        """What is remembered, after a pass; None where another one is needed."""

    @property
    def ends(self) -> list[pd.DataFrame]:
        """Rows without which others do not show what there is; none where any do."""


def learner_of(call: Call) -> StateLearner | None:
    """What learns the state of a call; None where it is made of all rows at once."""
    said = constants_of(call)
    if call.function in CONTEXTUAL:
        return None if call.function == "lvar" else _GroupMeans(call)
    if call.function in ("center", "scale", "standardize"):
        return _Scale(call, said)
    if call.function == "poly":
        return _Polynomials(call, int(said.get("degree", 1)))
    given = said.get("knots") is not None and said.get("constraints") is None
    return _Knots(call) if given and (call.function in ("bs", *_SPLINES)) else None


def constants_of(call: Call) -> dict[str, Any]:
    """Constants of a call by their names."""
    names = _OPTIONS.get(call.function, ("df", "knots"))
    found = {name: one.value for name, one in zip(names, call.rest, strict=False)
             if isinstance(one, Constant)}  # fmt: skip
    return found | {name: one.value for name, one in call.options if isinstance(one, Constant)}


class _Values:
    """Values of the first argument of a call, and the rows of the least and the largest."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.low, self.high = np.inf, -np.inf
        self._ends = [pd.DataFrame(), pd.DataFrame()]

    def of(self, evaluation: Evaluation) -> Floats:
        """Those (n,) of some rows."""
        data = frame_of(evaluation.data)
        x: Floats = np.zeros(len(data)) + evaluation.numbers(self.call.values[0])
        least, largest = int(x.argmin()), int(x.argmax())
        if x[least] < self.low:
            self.low, self._ends[0] = float(x[least]), data.iloc[[least]].copy()
        if x[largest] > self.high:
            self.high, self._ends[1] = float(x[largest]), data.iloc[[largest]].copy()
        return x

    def join_ends(self, other: _Values) -> None:
        """The least and the largest value of both."""
        if other.low < self.low:
            self.low, self._ends[0] = other.low, other._ends[0]
        if other.high > self.high:
            self.high, self._ends[1] = other.high, other._ends[1]

    @property
    def ends(self) -> list[pd.DataFrame]:
        return self._ends


class _GroupMeans:
    """Means of ``cvar`` and ``dvar``, those of equal values their value."""

    def __init__(self, call: Call) -> None:
        self._call, self._coder = call, GroupCoder("the group")
        self._numbers: dict[str, Any] = {}  # the levels of a factor of two
        self._origin = 0.0
        self._own = np.zeros((0, 4))  # of a group: rows, sum from the origin, least, largest

    def add(self, evaluation: Evaluation, times: Floats | None, place: str) -> None:
        x, group = (evaluation.value(part) for part in self._call.values)
        values, labels = numbers_of(x, self._numbers), group_labels_of(group)
        codes = self._coder.codes(pd.Series(labels), place)
        if not len(self._own):
            self._origin = float(values[0])
        new = np.tile([0.0, 0.0, np.inf, -np.inf], (self._coder.J - len(self._own), 1))
        self._own = np.concatenate([self._own, new])
        away = values - self._origin
        counted = away if times is None else times * away
        self._own[:, 0] += np.bincount(codes, times, len(self._own))
        self._own[:, 1] += np.bincount(codes, counted, len(self._own))
        np.minimum.at(self._own[:, 2], codes, values)
        np.maximum.at(self._own[:, 3], codes, values)

    def join(self, other: _GroupMeans) -> None:
        codes = self._coder.codes(pd.Series(other._coder.labels), "another part")
        new = np.tile([0.0, 0.0, np.inf, -np.inf], (self._coder.J - len(self._own), 1))
        self._own = np.concatenate([self._own, new])
        rows, total, low, high = other._own.T
        self._own[codes, 0] += rows
        self._own[codes, 1] += total + rows * (other._origin - self._origin)
        self._own[codes, 2] = np.minimum(self._own[codes, 2], low)
        self._own[codes, 3] = np.maximum(self._own[codes, 3], high)
        self._numbers |= other._numbers

    def state(self) -> dict[str, Any]:
        rows, total, low, high = self._own.T
        means = np.where(high > low, self._origin + total / rows, low)
        return self._numbers | {MEANS: pd.Series(means, self._coder.labels)}

    @property
    def ends(self) -> list[pd.DataFrame]:
        return []


class _Scale(_Values):
    """Mean and spread of ``center``, ``scale`` and ``standardize``."""

    def __init__(self, call: Call, said: Mapping[str, Any]) -> None:
        super().__init__(call)
        self._ddof = said.get("ddof", 0 if call.function == "standardize" else 1)
        self._center = said.get("center", True)
        self._scale = said.get("rescale", said.get("scale", call.function != "center"))
        self._n, self._mean, self._squares = 0.0, 0.0, 0.0

    def add(self, evaluation: Evaluation, times: Floats | None, place: str) -> None:
        x = self.of(evaluation)
        weight = np.ones(len(x)) if times is None else times
        n = float(weight.sum())
        mean = float(x[0] + weight @ (x - x[0]) / n)
        self._add(n, mean, float(weight @ (x - mean) ** 2))

    def _add(self, n: float, mean: float, squares: float) -> None:
        both, apart = self._n + n, mean - self._mean
        self._squares += squares + apart**2 * self._n * n / both
        self._mean += apart * n / both
        self._n = both

    def join(self, other: _Scale) -> None:
        self.join_ends(other)
        self._add(other._n, other._mean, other._squares)

    def state(self) -> dict[str, Any]:
        center = self._asked(self._center, self._mean)
        about = self._squares + self._n * (self._mean - (center or 0.0)) ** 2
        spread = float(np.sqrt(about / (self._n - self._ddof)))
        return {"ddof": self._ddof, "center": center, "scale": self._asked(self._scale, spread)}

    @staticmethod
    def _asked(given: Any, found: float) -> float | None:
        if isinstance(given, bool):
            return found if given else None
        return float(given)


class _Knots(_Values):
    """The range of x of a spline whose knots are stated."""

    def add(self, evaluation: Evaluation, times: Floats | None, place: str) -> None:
        self.of(evaluation)

    def join(self, other: _Knots) -> None:
        self.join_ends(other)

    def state(self) -> dict[str, Any]:
        """What it remembers of the least and the largest value, which is what it does of all."""
        found: dict[str, Any] = {}
        of = Evaluation(pd.DataFrame(), {})
        x, constants = np.array([self.low, self.high]), of.constants(self.call)
        TRANSFORMS[self.call.function](x, *constants, _state=found, **of.options(self.call))
        return found


class _Polynomials(_Values):
    """The recurrence of orthogonal polynomials, a degree with each pass."""

    def __init__(self, call: Call, degree: int) -> None:
        super().__init__(call)
        self._degree = degree
        self._alpha: dict[int, float] = {}
        self._norms: dict[int, float] = {}
        self._origin: float | None = None
        self._sums = np.zeros(2)  # of P², and of (x − origin) P²

    def add(self, evaluation: Evaluation, times: Floats | None, place: str) -> None:
        x = self.of(evaluation)
        k, P = len(self._norms), np.ones(len(x))
        before = np.zeros(len(x))
        for i in range(k):
            beta = self._norms[i] / self._norms[i - 1] if i else 0.0
            before, P = P, (x - self._alpha[i]) * P - beta * before
        if self._origin is None:
            self._origin = float(x[0])
        P2 = P**2 if times is None else times * P**2
        self._sums += np.array([P2.sum(), (x - self._origin) @ P2])

    def join(self, other: _Polynomials) -> None:
        assert self._origin is not None
        assert other._origin is not None
        self.join_ends(other)
        squares, moment = other._sums
        self._sums += np.array([squares, moment + (other._origin - self._origin) * squares])

    def state(self) -> dict[str, Any] | None:
        assert self._origin is not None
        k = len(self._norms)
        self._norms[k] = float(self._sums[0])
        self._alpha[k] = self._origin + float(self._sums[1] / self._sums[0])
        self._sums = np.zeros(2)
        if k == 0:
            self._origin = self._alpha[0]
        if k < self._degree:
            return None
        alpha = {i: self._alpha[i] for i in range(self._degree)}
        return {"alpha": alpha, "norms2": self._norms}
