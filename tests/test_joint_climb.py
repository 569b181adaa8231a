"""The likelihood over λ and the parameters of the errors together: values, slopes, maxima."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hierbayes.design.blocks import free_entries
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.estimation.joint_climb import climb_together
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.profiled import profile_at
from hierbayes.likelihood.reading import ML, REML, Reading
from hierbayes.likelihood.residual_moments import moments_of_profile
from hierbayes.likelihood.structured_point import StructuredPoint, structured_point
from hierbayes.residuals.coordinates import derivative
from tests import residual_models
from tests.test_residual_structures import STRUCTURES, posed

NAMES = ["BodyWeight_CAR1", "MMRM_unstructured", "Soybean_CAR1_varIdent", "RatPup_varIdent_two"]


def at_random(problem: Any) -> tuple[Any, Any]:
    """A root λ (q, q) and z."""
    rng = np.random.default_rng(3)
    q, moments = sum(problem.design.blocks), problem.moments
    rows, columns = free_entries(problem.design.blocks)
    root = np.zeros((q, q))
    root[rows, columns] = 0.5 * rng.normal(size=len(rows))
    return root, moments.rows.start + 0.1 * rng.normal(size=len(moments.rows.start))


def point(problem: Any, root: Any, z: Any, reading: Reading) -> tuple[StructuredPoint, Any, Any]:
    moments, blocks = problem.moments, problem.design.blocks
    weights, slopes = moments.rows.with_slopes(z, moments.classes)
    cells = (moments.cells, moments.atoms, moments.class_of, moments.atom_codes.shape[1])
    found = structured_point(
        cells, weights[:-1], root, free_entries(blocks), block_mask(blocks), float(moments.n),
        restricted=reading == REML,
    )  # fmt: skip
    return found, weights, slopes


@pytest.mark.parametrize("reading", [REML, ML])
@pytest.mark.parametrize("name", NAMES)
def test_one_pass_is_the_profile_with_its_curvature(name: str, reading: Reading) -> None:
    problem = residual_models.model(name).problem
    assert problem.moments is not None
    root, z = at_random(problem)
    found, _, slopes = point(problem, root, z, reading)
    products = problem.moments.at(z).products
    assert isinstance(products, CrossProducts)
    profile = profile_at(root, products, reading)
    assert_allclose(found.value, profile.value, rtol=1e-12)
    wanted = problem.moments.slope(z, moments_of_profile(profile))
    assert_allclose(0.5 * (slopes[-1] + found.totals @ slopes[:-1]), wanted, rtol=1e-9, atol=1e-9)
    if len(root):
        curvature, mask = profile.curvature(), block_mask(problem.design.blocks)
        M = np.where(mask, curvature.score, 0.0)
        assert_allclose(found.score, M, rtol=1e-9, atol=1e-9 * np.abs(M).max())
        rows, columns = free_entries(problem.design.blocks)
        half = np.zeros((len(rows), *root.shape))
        half[np.arange(len(rows)), rows] = root.T[columns]
        bend = 2.0 * M[np.ix_(rows, rows)] * (columns[:, None] == columns)
        own = curvature.observed(half + half.swapaxes(1, 2)) - bend
        assert_allclose(found.information, own, rtol=1e-9, atol=1e-9 * np.abs(own).max())


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_coefficients_come_with_their_slopes(structure: Any) -> None:
    moments = posed(structure, "y ~ x").problem.moments
    assert moments is not None
    rows, classes = moments.rows, moments.classes
    for size in (-0.4, 0.0, 0.3):
        z = rows.start + size * np.linspace(0.5, 1.0, len(rows.start))
        found, slopes = rows.with_slopes(z, classes)
        assert_allclose(found, rows.coefficients(z, classes), rtol=1e-12, atol=1e-12)
        wanted = derivative(lambda at: rows.coefficients(at, classes), z)
        assert_allclose(slopes, wanted, rtol=1e-10, atol=1e-10 * np.abs(wanted).max())


@pytest.mark.parametrize("name", NAMES)
def test_a_climb_ends_where_no_slope_is_left(name: str) -> None:
    problem = residual_models.model(name).problem
    moments, blocks = problem.moments, problem.design.blocks
    assert moments is not None
    found = climb_together(moments, blocks, REML)
    assert found is not None
    assert found.converged
    at, weights, slopes = point(problem, found.root, found.z, REML)
    of_z = -0.5 * (slopes[-1] + at.totals @ slopes[:-1])
    errors = np.sqrt(np.diag(np.linalg.inv(found.information)))
    assert (np.abs(of_z) * errors).max() < 1e-4  # in standard errors
    best = maximise_residual(moments, blocks, REML).best
    assert_allclose(found.z, best.z, atol=1e-4 * errors.max())
    assert_allclose(at.value - 0.5 * weights[-1], best.value, rtol=0, atol=1e-8)
