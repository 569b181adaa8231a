"""The same mathematics with n×n matrices: slow, plain, and written independently."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from hierbayes.likelihood.reading import GIVEN, ML, NORMAL, REML, Reading

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Raw data: y (n,), X (n, p), Z (n, q), group codes (n,)."""

    y: Array
    X: Array
    Z: Array
    codes: NDArray[np.intp]

    @property
    def same_group(self) -> NDArray[np.bool_]:
        return self.codes[:, None] == self.codes[None, :]

    def V(self, G: Array, sigma: float) -> Array:
        """Var(y | γ) (n, n)."""
        between = np.where(self.same_group, self.Z @ G @ self.Z.T, 0.0)
        return between + sigma**2 * np.eye(len(self.y))

    def cross_products(self) -> tuple[Array, Array, Array]:
        """A (J, q, q), B (J, q, p+1) and C (p+1, p+1)."""
        W = np.column_stack([self.X, self.y])
        members = [self.codes == j for j in range(self.codes.max() + 1)]
        A = np.array([self.Z[m].T @ self.Z[m] for m in members])
        B = np.array([self.Z[m].T @ W[m] for m in members])
        return A, B, W.T @ W


def nine_groups() -> pd.DataFrame:
    """Eighty rows in nine groups, x and w on scales of their own."""
    rng = np.random.default_rng(21)
    codes = np.repeat(np.arange(9), [6, 8, 9, 10, 7, 12, 9, 11, 8])
    n = len(codes)
    x, w = rng.normal(3.0, 2.0, n), rng.normal(0.0, 0.1, n)
    u = rng.normal(size=(9, 3)) @ np.array([[2.0, 0.5, 5.0], [0.0, 0.9, 4.0], [0.0, 0.0, 12.0]])
    y = 1.0 + x + u[codes, 0] + u[codes, 1] * x + u[codes, 2] * w + rng.normal(0.0, 0.8, n)
    return pd.DataFrame({"y": y, "x": x, "w": w, "g": codes})


def log_normal(r: Array, V: Array) -> float:
    """Log density of N(0, V) at r."""
    factor = cho_factor(V)
    log_det = 2.0 * np.log(np.diag(factor[0])).sum()
    return float(-0.5 * (len(r) * np.log(2.0 * np.pi) + log_det + r @ cho_solve(factor, r)))


def gls(X: Array, y: Array, V: Array) -> tuple[Array, Array]:
    """Generalised least squares: γ̂ and its covariance."""
    factor = cho_factor(V)
    cov = np.linalg.inv(X.T @ cho_solve(factor, X))
    return cov @ X.T @ cho_solve(factor, y), cov


def log_density(
    rows: Rows,
    G: Array,
    sigma: float,
    reading: Reading,
    gamma: Array | None = None,
    prior: tuple[Array, Array] | None = None,
) -> float:
    """Log density of y in each reading, from its definition.

    REML is the density of n − p orthonormal error contrasts, in the scaling in which
    γ is integrated under a density of 1; ``prior`` is the mean and covariance of γ.
    """
    V = rows.V(G, sigma)
    X, y = rows.X, rows.y
    if reading == ML:
        return log_normal(y - X @ gls(X, y, V)[0], V)
    if reading == REML:
        contrasts = np.linalg.qr(X, mode="complete")[0][:, X.shape[1] :]
        volume = np.linalg.slogdet(X.T @ X)[1]
        return log_normal(contrasts.T @ y, contrasts.T @ V @ contrasts) - 0.5 * float(volume)
    if reading == GIVEN:
        assert gamma is not None
        return log_normal(y - X @ gamma, V)
    assert reading == NORMAL and prior is not None
    mean, cov = prior
    return log_normal(y - X @ mean, V + X @ cov @ X.T)


def profile_sigma(rows: Rows, relative: Array, reading: Reading) -> float:
    """σ̂ at G = σ²·relative."""
    V = rows.V(relative, 1.0)
    r = rows.y - rows.X @ gls(rows.X, rows.y, V)[0]
    freedom = len(rows.y) - (rows.X.shape[1] if reading == REML else 0)
    return float(np.sqrt(r @ np.linalg.solve(V, r) / freedom))


def profile(rows: Rows, relative: Array, reading: Reading) -> float:
    """Log density at G = σ²·relative with σ (and γ) at their best."""
    sigma = profile_sigma(rows, relative, reading)
    return log_density(rows, sigma**2 * relative, sigma, reading)


def profiled(rows: Rows, reading: Reading) -> Callable[[Array], float]:
    """`profile` as a function of the relative G, from the error contrasts of y made once."""
    n, p = rows.X.shape
    contrasts = np.linalg.qr(rows.X, mode="complete")[0][:, p:]
    y, freedom = contrasts.T @ rows.y, n - p if reading == REML else n
    volume = float(np.linalg.slogdet(rows.X.T @ rows.X)[1]) if reading == REML else 0.0

    def value(relative: Array) -> float:
        V = rows.V(relative, 1.0)
        of_contrasts = contrasts.T @ V @ contrasts
        form = float(y @ np.linalg.solve(of_contrasts, y))
        log_det = np.linalg.slogdet(of_contrasts if reading == REML else V)[1]
        form_and_scale = freedom * (np.log(2.0 * np.pi * form / freedom) + 1.0)
        return -0.5 * float(form_and_scale + log_det + volume)

    return value


@dataclass(frozen=True)
class Moments:
    """Conditional moments given y: of γ, of u_j, and of u_j given γ = its mean."""

    gamma: Array
    gamma_cov: Array
    u: Array
    u_cov: Array
    u_cov_marginal: Array


def moments(
    rows: Rows, G: Array, sigma: float, prior: tuple[Array, Array] | None = None
) -> Moments:
    """Moments by conditioning the joint normal of (γ, u, y); a flat prior on γ by default."""
    V, X, Z, y = rows.V(G, sigma), rows.X, rows.Z, rows.y
    if prior is None:
        gamma, gamma_cov = gls(X, y, V)
    else:
        mean, cov = prior
        gain = cov @ X.T @ np.linalg.inv(V + X @ cov @ X.T)
        gamma, gamma_cov = mean + gain @ (y - X @ mean), cov - gain @ X @ cov
    u, given, marginal = [], [], []
    V_inverse = np.linalg.inv(V)
    for j in range(rows.codes.max() + 1):
        Z_j = np.where((rows.codes == j)[:, None], Z, 0.0)
        gain = G @ Z_j.T @ V_inverse
        u.append(gain @ (y - X @ gamma))
        given.append(G - gain @ Z_j @ G)
        marginal.append(given[-1] + gain @ X @ gamma_cov @ X.T @ gain.T)
    return Moments(gamma, gamma_cov, np.array(u), np.array(given), np.array(marginal))


def gradient(f: Callable[[Array], float], at: Array, step: float = 1e-3) -> Array:
    """Richardson-extrapolated central differences of a scalar function of an array."""
    result = np.zeros_like(at)
    for index in np.ndindex(at.shape):

        def difference(h: float, index: tuple[int, ...] = index) -> float:
            up, down = at.copy(), at.copy()
            up[index] += h
            down[index] -= h
            return float((f(up) - f(down)) / (2.0 * h))

        result[index] = (4.0 * difference(step / 2.0) - difference(step)) / 3.0
    return result


def kenward_roger(
    X: Array,
    Vi: Array,
    slopes: list[Array],
    L: Array,
    bends: dict[tuple[int, int], Array] | None = None,
) -> tuple[Array, float, float]:
    """Φ_A, degrees of freedom and scaling, as the paper writes them; bends are ∂²V, 0 if none."""
    cov = np.linalg.inv(X.T @ Vi @ X)
    P = [-X.T @ Vi @ S @ Vi @ X for S in slopes]
    projector = Vi - Vi @ X @ cov @ X.T @ Vi
    k = len(P)
    W = np.empty((k, k))
    for i, j in np.ndindex(k, k):
        W[i, j] = 0.5 * np.trace(projector @ slopes[i] @ projector @ slopes[j])
    W = np.linalg.inv(W)
    middle = np.zeros_like(cov)
    theta = L.T @ np.linalg.inv(L @ cov @ L.T) @ L
    A1 = A2 = 0.0
    for i, j in np.ndindex(k, k):
        Q = X.T @ Vi @ slopes[i] @ Vi @ slopes[j] @ Vi @ X
        middle += W[i, j] * (Q - P[i] @ cov @ P[j])
        if bends and (i, j) in bends:
            middle -= 0.25 * W[i, j] * (X.T @ Vi @ bends[i, j] @ Vi @ X)
        one, other = (theta @ cov @ P[h] @ cov for h in (i, j))
        A1 += W[i, j] * np.trace(one) * np.trace(other)
        A2 += W[i, j] * np.trace(one @ other)
    m = len(L)
    B = (A1 + 6.0 * A2) / (2.0 * m)
    g = ((m + 1) * A1 - (m + 4) * A2) / ((m + 2) * A2)
    c1, c2, c3 = np.array([g, m - g, m + 2 - g]) / (3 * m + 2 * (1 - g))
    mean = 1.0 / (1.0 - A2 / m)
    variance = 2.0 / m * (1.0 + c1 * B) / ((1.0 - c2 * B) ** 2 * (1.0 - c3 * B))
    ratio = variance / (2.0 * mean**2)
    df = 4.0 + (m + 2.0) / (m * ratio - 1.0)
    return cov + 2.0 * cov @ middle @ cov, df, df / (mean * (df - 2.0))
