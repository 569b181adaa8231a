"""The blocks of Ω as they are collected."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from hierbayes.frames.arrays import Floats, Integers


@dataclass
class Blocks:
    """Blocks of Ω as they are collected."""

    kinds: list[Integers] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    end: int = 0

    def add(
        self,
        factors: tuple[int, int],
        values: Floats,
        at: Integers,
        leading: Integers | int,
        places: tuple[Integers, Integers],
    ) -> None:
        """Blocks (m, a, b) of two factors, where they begin and how far their rows are apart.

        ``places`` say where the effects of rows and columns begin; where both are one array, the
        blocks stand on the diagonal.
        """
        m, size = len(values), math.prod(values.shape[1:])
        kind = np.empty((m, 8), dtype=np.int64)
        kind[:, :2] = factors
        kind[:, 2] = self.end + size * np.arange(m)
        kind[:, 3], kind[:, 4], kind[:, 5] = at, leading, places[0] is places[1]
        kind[:, 6], kind[:, 7] = places
        self.kinds.append(kind)
        self.values.append(values.ravel())
        self.end += m * size
