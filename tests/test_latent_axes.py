"""How a log-likelihood bends at a maximum: scales, eigenvalues, and the covariance they give."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from hierbayes.estimation.laplace_search import LatentOptimum
from hierbayes.estimation.latent_axes import axes_of, inverse_of, size_of
from hierbayes.fit.of_family.natural import FLAT, bend_of


def _hessian(k: int, least: float = 0.0) -> np.ndarray:
    """Of a scale for each coordinate, and where ``least`` is not 0 with that eigenvalue in them."""
    rng = np.random.default_rng(k)
    root, scale = rng.normal(size=(k, k)) + 2.0 * np.eye(k), 10.0 ** rng.uniform(-4, 4, k)
    square = root @ root.T
    square /= np.sqrt(np.outer(square.diagonal(), square.diagonal()))
    if least:
        values, vectors = np.linalg.eigh(square)
        square += (least - values[0]) * np.outer(vectors[:, 0], vectors[:, 0])
        square /= np.sqrt(np.outer(square.diagonal(), square.diagonal()))
    return np.asarray(-square * np.outer(scale, scale))


def _optimum(hessian: np.ndarray, root: np.ndarray) -> LatentOptimum:
    """What `bend_of` reads of a maximum."""
    mode = SimpleNamespace(point=SimpleNamespace(root=root))
    return cast(LatentOptimum, SimpleNamespace(mode=mode, hessian=hessian, size=len(hessian)))


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_inverse_is_that_of_minus_the_hessian(k: int) -> None:
    hessian = _hessian(k)
    size, values, vectors = axes_of(hessian)
    np.testing.assert_allclose(size, np.sqrt(-np.diag(hessian)), rtol=1e-15)
    np.testing.assert_allclose(size_of(hessian), size, rtol=0.0)
    scaled, unit = -hessian / np.outer(size, size), np.outer(size, size)
    np.testing.assert_allclose(vectors * values @ vectors.T, scaled, atol=1e-14)
    inverse, least = inverse_of(hessian)
    np.testing.assert_allclose(inverse * unit, np.linalg.inv(scaled), rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(inverse, inverse.T)
    assert values[0] / k * (1.0 - 1e-10) <= least <= values[0] * (1.0 + 1e-10)


@pytest.mark.parametrize("least", [3e-5, 3e-6, 1.2e-6, 0.8e-6, 1e-9, -1e-3])
def test_directions_that_hardly_bend_are_left_out(least: float) -> None:
    """Those of too little curvature in scales, also where it is upwards; none above the limit."""
    hessian = _hessian(4, least)
    size, values, vectors = axes_of(hessian)
    is_flat = values[0] < FLAT
    bend = bend_of(_optimum(hessian, np.eye(1)), 3, (1,))
    kept = (vectors / size[:, None])[:, is_flat * 1 :]
    wanted = kept / values[is_flat * 1 :] @ kept.T
    unit = np.outer(size, size)
    np.testing.assert_allclose(bend.covariance * unit, wanted * unit, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(bend.flat[:, :1], (vectors / size[:, None])[:, : is_flat * 1])
    assert bend.flat.shape == (4, is_flat)


def test_a_column_of_the_root_that_is_0_is_held() -> None:
    """The rows of its entries are missing, and the rest is the inverse without them."""
    hessian = _hessian(5)  # two of γ, and L_00, L_10, L_11
    optimum = _optimum(hessian, np.array([[0.5, 0.0], [0.3, 0.0]]))
    bend = bend_of(optimum, 2, (2,))
    assert np.isnan(bend.covariance[4]).all() and bend.flat.shape == (5, 0)
    np.testing.assert_allclose(bend.covariance[:4, :4], np.linalg.inv(-hessian[:4, :4]), rtol=1e-7)


def test_what_does_not_bend_has_the_least_scale() -> None:
    hessian = np.array([[-4.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(size_of(hessian), [2.0, 1e-150])
    assert inverse_of(hessian)[1] == 0.0 == inverse_of(np.full((2, 2), np.nan))[1]
    assert np.isnan(axes_of(np.full((2, 2), np.nan)).values).all()
