"""Random intercepts with residuals far below them, in 60 digits: makes small_residuals.json.

Needs mpmath, which the tests do not.  Run from the root of the project:
python -m tests.reference.small_residuals
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tests.small_residuals import CASES, make

mp = import_module("mpmath")
mp.mp.dps = 60


def solve(name: str, reml: bool) -> dict[str, object]:
    """The maximum over log(sd(u)²/σ²), where its derivative is zero."""
    data, columns = make(name)
    codes = data["g"].to_numpy()
    groups = [np.flatnonzero(codes == j) for j in range(codes.max() + 1)]
    W = mp.matrix(np.column_stack([*columns(data), data["y"]]).tolist())
    m, n = W.cols, W.rows
    p = m - 1
    sums, within = [], mp.zeros(m)
    for at in groups:
        t = [mp.fsum(W[int(i), c] for i in at) for c in range(m)]
        sums.append((len(at), t))
        for c in range(m):
            for d in range(m):
                within[c, d] += mp.fsum(
                    (W[int(i), c] - t[c] / len(at)) * (W[int(i), d] - t[d] / len(at)) for i in at
                )

    def parts(log_ratio: Any) -> tuple[Any, Any, Any, Any]:
        ratio = mp.exp(log_ratio)
        S = within.copy()
        log_det = mp.mpf(0)
        for size, t in sums:
            log_det += mp.log(1 + size * ratio)
            for c in range(m):
                for d in range(m):
                    S[c, d] += t[c] * t[d] / size / (1 + size * ratio)
        gamma = mp.lu_solve(S[:p, :p], S[:p, p])
        left = S[p, p] - mp.fsum(S[p, c] * gamma[c] for c in range(p))
        freedom = n - p if reml else n
        value = freedom * (mp.log(2 * mp.pi * left / freedom) + 1) + log_det
        if reml:
            value += mp.log(mp.det(S[:p, :p]))
        return -value / 2, left / freedom, gamma, S[:p, :p] ** -1

    start = 2 * mp.log(1 / mp.mpf(CASES[name].sigma))
    best = mp.findroot(lambda t: mp.diff(lambda s: parts(s)[0], t), start)
    value, variance, gamma, inverse = parts(best)
    return {
        "loglik": float(value), "sigma": float(mp.sqrt(variance)),
        "sd": float(mp.sqrt(variance * mp.exp(best))), "gamma": [float(g) for g in gamma],
        "se": [float(mp.sqrt(variance * inverse[c, c])) for c in range(p)],
    }  # fmt: skip


if __name__ == "__main__":
    found = {name: {"REML": solve(name, True), "ML": solve(name, False)} for name in CASES}
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
