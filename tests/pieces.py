"""A frame as a source of rows, in pieces of any sizes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from hierbayes.sources.source import Batch


@dataclass(frozen=True)
class Pieces:
    """A frame in pieces of some sizes."""

    frame: pd.DataFrame
    cuts: tuple[int, ...]
    text: str = "the pieces"
    rows: None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.frame.columns)

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        ends = (0, *self.cuts, len(self.frame))
        for begin, end in pairwise(ends):
            yield Batch(self.frame.iloc[begin:end][list(names)], f"rows from {begin}")


def in_pieces(frame: pd.DataFrame, seed: int) -> Pieces:
    """The rows in another order, cut anywhere, some pieces empty."""
    rng = np.random.default_rng(seed)
    cuts = sorted(rng.integers(0, len(frame), rng.integers(0, 20)).tolist())
    return Pieces(frame.iloc[rng.permutation(len(frame))], tuple(cuts))
