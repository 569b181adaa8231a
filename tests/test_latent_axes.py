"""How a log-likelihood bends at a maximum: scales, eigenvalues, and the covariance they give."""

import numpy as np
import pytest

from hierbayes.estimation.latent_axes import axes_of, covariance_of, size_of


def _hessian(k: int) -> np.ndarray:
    rng = np.random.default_rng(k)
    root, scale = rng.normal(size=(k, k)) + 2.0 * np.eye(k), 10.0 ** rng.uniform(-4, 4, k)
    return np.asarray(-(root @ root.T) * np.outer(scale, scale))


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_covariance_is_minus_the_inverse_of_the_hessian(k: int) -> None:
    hessian = _hessian(k)
    axes = axes_of(hessian)
    np.testing.assert_allclose(axes.size, np.sqrt(-np.diag(hessian)), rtol=1e-15)
    np.testing.assert_allclose(size_of(hessian), axes.size, rtol=0.0)
    scaled = -hessian / np.outer(axes.size, axes.size)
    np.testing.assert_allclose(axes.values, np.linalg.eigvalsh(scaled), rtol=1e-10)
    covariance, others = covariance_of(axes, 1e-9)
    unit = np.outer(axes.size, axes.size)
    assert others == 0
    np.testing.assert_allclose(covariance * unit, np.linalg.inv(scaled), rtol=1e-8, atol=1e-10)


def test_directions_that_hardly_bend_are_left_out() -> None:
    """Those of the least curvature, also where it is upwards."""
    rng, values = np.random.default_rng(0), np.array([-2.0, 1e-8, 0.7, 1.5])
    vectors = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    size = np.array([1.0, 10.0, 0.1, 3.0])
    for flat, others in ((1e-6, 2), (1.0, 3), (-3.0, 0)):
        axes = axes_of(np.eye(4))._replace(size=size, values=values, vectors=vectors)
        covariance, found = covariance_of(axes, flat)
        kept = vectors[:, others:] / size[:, None]
        np.testing.assert_allclose(covariance, kept / values[others:] @ kept.T, rtol=1e-12)
        assert found == others


def test_what_does_not_bend_has_the_least_scale() -> None:
    hessian = np.array([[-4.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(size_of(hessian), [2.0, 1e-150])
    assert axes_of(np.zeros((0, 0))).values.shape == (0,)
    assert np.isnan(axes_of(np.full((2, 2), np.nan)).values).all()
