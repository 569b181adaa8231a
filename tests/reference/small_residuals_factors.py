"""Two grouping factors with residuals far below them, in 60 digits: small_residuals_factors.json.

Needs mpmath, which the tests do not.  Run from the root of the project:
python -m tests.reference.small_residuals_factors
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tests.small_residuals import FACTORS, make_factors

mp = import_module("mpmath")
mp.mp.dps = 60


def solve(name: str, reml: bool) -> dict[str, object]:
    """The maximum over the logarithms of two ratios sd(u)/σ, where its derivatives are zero."""
    data, codes = make_factors(name)
    n, J = len(data), [int(of.max()) + 1 for of in codes]
    W = mp.matrix(np.column_stack([np.ones(n), data["x"], data["y"]]).tolist())
    p, m = 2, sum(J)
    of = [[codes[0][i], J[0] + codes[1][i]] for i in range(n)]
    ZZ, ZW = mp.zeros(m), mp.zeros(m, p + 1)
    for i in range(n):
        for a in of[i]:
            for b in of[i]:
                ZZ[int(a), int(b)] += 1
            for c in range(p + 1):
                ZW[int(a), c] += W[i, c]
    WW = W.T * W

    def parts(logs: Any) -> tuple[Any, Any, Any, Any]:
        lam = [mp.exp(logs[0])] * J[0] + [mp.exp(logs[1])] * J[1]
        omega, right = mp.eye(m), mp.zeros(m, p + 1)
        for a in range(m):
            for b in range(m):
                omega[a, b] += lam[a] * ZZ[a, b] * lam[b]
            for c in range(p + 1):
                right[a, c] = lam[a] * ZW[a, c]
        L = mp.cholesky(omega)
        half = mp.zeros(m, p + 1)
        for c in range(p + 1):
            for a in range(m):
                known = mp.fsum(L[a, k] * half[k, c] for k in range(a))
                half[a, c] = (right[a, c] - known) / L[a, a]
        S = WW - half.T * half
        gamma = mp.lu_solve(S[:p, :p], S[:p, p])
        left = S[p, p] - mp.fsum(S[p, c] * gamma[c] for c in range(p))
        freedom = n - p if reml else n
        value = freedom * (mp.log(2 * mp.pi * left / freedom) + 1)
        value += 2 * mp.fsum(mp.log(L[a, a]) for a in range(m))
        if reml:
            value += mp.log(mp.det(S[:p, :p]))
        return -value / 2, left / freedom, gamma, S[:p, :p] ** -1

    def slope(a: Any, b: Any) -> Any:
        step = mp.mpf(10) ** -15
        return [
            (parts([a + step, b])[0] - parts([a - step, b])[0]) / (2 * step),
            (parts([a, b + step])[0] - parts([a, b - step])[0]) / (2 * step),
        ]

    start = mp.log(1 / mp.mpf(FACTORS[name].sigma))
    best = mp.findroot(slope, (start, start), tol=1e-24)
    value, variance, gamma, inverse = parts(list(best))
    sigma = mp.sqrt(variance)
    return {
        "loglik": float(value), "sigma": float(sigma),
        "sd": [float(sigma * mp.exp(one)) for one in best], "gamma": [float(g) for g in gamma],
        "se": [float(mp.sqrt(variance * inverse[c, c])) for c in range(p)],
    }  # fmt: skip


if __name__ == "__main__":
    found = {name: {"REML": solve(name, True), "ML": solve(name, False)} for name in FACTORS}
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
