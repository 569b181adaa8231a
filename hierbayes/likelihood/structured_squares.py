"""Sums over groups, side by side, of which −∂²ℓ of a root is made: see `Curvature`."""

from __future__ import annotations

from hierbayes.compilation import lent
from hierbayes.likelihood.side_by_side import sums


@sums
def add_products(D_hat, w, terms, integrated, many, products, squares):
    """Add lower triangles of Σ D̂_j ⊗ [v_jv_j', D̂_j − 2P_j] and Σ w_jw_j', v_j the first of w_j.

    ``terms`` (2, q, q, groups) is room for both right hand sides.
    """
    q, m = w.shape[0], w.shape[1]
    for i in range(q):
        for a in range(m):
            for e in range(i + 1):
                for b in range(m if e < i else a + 1):
                    total = 0.0
                    for g in range(many):
                        total += w[i, a, g] * w[e, b, g]
                    squares[i * m + a, e * m + b] += total
        for e in range(i + 1):
            for g in range(many):
                terms[0, i, e, g] = w[i, 0, g] * w[e, 0, g]
                terms[1, i, e, g] = D_hat[i, e, g]
            for c in range(1, m if integrated else 1):
                for g in range(many):
                    terms[1, i, e, g] -= 2.0 * w[i, c, g] * w[e, c, g]
    for i in range(q):
        for e in range(i + 1):
            for k in range(2):
                for a in range(q):
                    for b in range(a + 1):
                        total = 0.0
                        for g in range(many):
                            total += D_hat[i, e, g] * terms[k, a, b, g]
                        products[i * q + e, k, a * q + b] += total


@lent
def clear_products(products, squares):
    """Write zeros."""
    for i in range(len(squares)):
        for e in range(len(squares)):
            squares[i, e] = 0.0
    for i in range(len(products)):
        for e in range(len(products)):
            products[i, 0, e] = products[i, 1, e] = 0.0


@lent
def complete_products(q, products, squares):
    """Write what stands above the diagonals of symmetric matrices."""
    for i in range(len(squares)):
        for e in range(i):
            squares[e, i] = squares[i, e]
    for i in range(q):
        for e in range(i + 1):
            for k in range(2):
                for a in range(q):
                    for b in range(a + 1):
                        total = products[i * q + e, k, a * q + b]
                        products[i * q + e, k, b * q + a] = total
                        products[e * q + i, k, a * q + b] = total
                        products[e * q + i, k, b * q + a] = total
