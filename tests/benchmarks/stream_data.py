"""A Parquet set of any size whose groups are scattered over all of it.

python -m tests.benchmarks.stream_data FOLDER --rows 100_000_000 --groups 100_000
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PART = 1_000_000  # rows of a file
GAMMA, SD, CORR, SIGMA = (2.0, 0.5, -0.3), (1.0, 0.4), 0.3, 1.5
MIDDLE = 1000.0  # of x


def write_rows(folder: Path, rows: int, groups: int, seed: int = 1) -> None:
    """Write y = γ₀ + γ₁x + γ₂w + u₀ + u₁x + r, a million rows a file; w is of groups."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.outer(SD, SD) * np.array([[1.0, CORR], [CORR, 1.0]]))
    u, of_group = rng.normal(size=(groups, 2)) @ root.T, rng.normal(50.0, 10.0, groups)
    for part, start in enumerate(range(0, rows, PART)):
        n = min(PART, rows - start)
        g, x = rng.integers(0, groups, n), rng.normal(MIDDLE, 2.0, n)
        y = GAMMA[0] + GAMMA[1] * x + GAMMA[2] * of_group[g] + u[g, 0] + u[g, 1] * (x - MIDDLE)
        y += SIGMA * rng.normal(size=n)
        table = pa.table({"y": y, "x": x, "w": of_group[g], "g": g.astype(np.int32)})
        pq.write_table(table, folder / f"part{part:04d}.parquet", compression="zstd")


def true_values() -> dict[str, float]:
    """Parameters by block and name, as intervals have them: those of effects where x is 0."""
    to_zero = np.array([[1.0, -MIDDLE], [0.0, 1.0]])
    G = to_zero @ (np.outer(SD, SD) * np.array([[1.0, CORR], [CORR, 1.0]])) @ to_zero.T
    sd = np.sqrt(np.diag(G))
    found = dict(zip(("gamma Intercept", "gamma x", "gamma w"), GAMMA, strict=True))
    found |= {"sd Intercept": float(sd[0]), "sd x": float(sd[1])}
    return found | {"corr Intercept, x": float(G[0, 1] / sd.prod()), "sigma sigma": SIGMA}


def main() -> None:
    """Write the set that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--groups", type=int, default=100_000)
    given = parser.parse_args()
    write_rows(given.folder, given.rows, given.groups)


if __name__ == "__main__":
    main()
