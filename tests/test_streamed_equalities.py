"""Streamed, merged, of a Dask dataframe, in memory: one fit, whatever the parts and their order."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.pieces import Pieces

FORMULAS: dict[str, tuple[str, dict[str, Any]]] = {
    "one factor": ("y ~ x + kind + (1 + x | g)", {}),
    "weights": ("y ~ x + w + (1 | g)", {"weights": "size"}),
    "nested": ("y ~ x + w + (1 + x | g) + (1 | g:h)", {}),
    "crossed": ("y ~ x + kind + (1 | g) + (1 | h)", {}),
    "learnt of all rows": ("y ~ dvar(x, g) + cvar(x, g) + poly(w, 2) + (1 | g)", {}),
}
LEVELS = {"kind": ["late", "odd"]}


def rows(rng: np.random.Generator, center: float) -> pd.DataFrame:
    n, J = int(rng.integers(150, 400)), int(rng.integers(6, 20))
    g, h = rng.integers(0, J, n), rng.integers(0, 5, n)
    x, w = center + rng.normal(size=n), center + rng.normal(size=J)[g]
    late = rng.random(n) < 0.3
    y = 1.0 + 0.5 * (x - center) + 0.4 * late + rng.normal(size=J)[g] + rng.normal(size=5)[h]
    frame = {"y": y + rng.normal(size=n), "x": x, "w": w, "g": g, "h": h, "size": rng.random(n) + 1}
    made = pd.DataFrame(frame).assign(kind=np.where(late, "late", "odd"))
    made.loc[rng.integers(0, n, 3), "x"] = np.nan
    return made


def cut(rng: np.random.Generator, n: int) -> list[int]:
    """Anywhere, some parts of one row or of none."""
    cuts = np.append(rng.integers(0, n, int(rng.integers(0, 12))), [1, 2])
    return [0, *sorted(cuts.tolist()), n]


def streamed(frame: pd.DataFrame, ends: list[int], formula: str, **words: Any) -> hb.Model:
    return hb.Model(formula, data=Pieces(frame, tuple(ends[1:-1])), **words)


def of_partitions(frame: pd.DataFrame, ends: list[int], formula: str, **words: Any) -> hb.Model:
    parts = [frame.iloc[a:b] for a, b in pairwise(ends)]
    lazy = dd.from_map(lambda k: parts[k], range(len(parts)), meta=frame.iloc[:0])
    return hb.Model(formula, data=lazy, **words)


def merged(frame: pd.DataFrame, ends: list[int], formula: str, **words: Any) -> hb.Model:
    known = LEVELS if "kind" in formula else None
    parts = [frame.iloc[a:b] for a, b in pairwise(ends)]
    used = [one for one in parts if len(one.dropna())]
    made = [hb.CrossProducts(formula, one, levels=known, **words) for one in used]
    return hb.Model(formula, data=made[0].merge(*made[1:]))


WAYS: list[Callable[..., hb.Model]] = [streamed, of_partitions, merged]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("center", [0.0, 1e6])
@pytest.mark.parametrize("name", FORMULAS)
def test_one_fit_however_the_rows_come(name: str, center: float, seed: int) -> None:
    formula, words = FORMULAS[name]
    rng = np.random.default_rng([seed, int(center)])
    frame = rows(rng, center)
    memory = hb.Model(formula, frame, **words).reml()
    shuffled = frame.iloc[rng.permutation(len(frame))]
    scale = np.sqrt(np.diag(memory.vcov()))
    with dask.config.set({"scheduler": "synchronous", "dataframe.convert-string": False}):
        for way in WAYS:
            if way is merged and name == "learnt of all rows":  # parts learn of their own
                continue
            fit = way(shuffled, cut(rng, len(frame)), formula, **words).reml()
            assert fit.loglik == pytest.approx(memory.loglik, rel=1e-10)
            assert fit.sigma == pytest.approx(memory.sigma, rel=1e-8)
            assert (np.abs(fit.fixef() - memory.fixef()) < 1e-6 * scale).all()
            np.testing.assert_allclose(np.diag(fit.vcov()), scale**2, rtol=1e-6)
