"""The climb from the maximum of a share of the groups, in entries of the covariance."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hierbayes.estimation.joint_climb import Point
from hierbayes.estimation.joint_optimum import optimum_of
from hierbayes.estimation.near_climb import _NearClimb, climb_near
from hierbayes.likelihood.reading import REML
from tests.test_joint_climb import at_random, climbed


def test_slopes_and_curvature_by_entries_of_the_covariance_are_its_own() -> None:
    problem, moments, blocks, near = climbed()
    search = _NearClimb(moments, blocks, REML, near)
    root, z = at_random(problem)
    here = search.at(near.root + 0.3 * root, z)
    assert here is not None
    slope, h = search.slope(here), 1e-5

    def moved(step: Any) -> Point:
        found = search.at(*search.moved(here, step))
        assert found is not None
        return found

    steps = h * np.eye(len(slope))
    pairs = [(moved(-step), moved(step)) for step in steps]
    wanted = np.array([(b.value - a.value) / (2.0 * h) for a, b in pairs])
    assert_allclose(slope, wanted, rtol=0, atol=1e-6 * np.abs(slope).max())
    found = search.information(here.root, here.information, slope)
    wanted = np.array([search.slope(a) - search.slope(b) for a, b in pairs]) / (2.0 * h)
    size = np.sqrt(np.abs(np.diag(wanted)))
    assert_allclose(found / size / size[:, None], wanted / size / size[:, None], rtol=0, atol=2e-4)


def test_steps_from_nearby_lead_to_the_maximum() -> None:
    _, moments, blocks, best = climbed()
    for size, z in ((0.97, best.z + 0.01), (1.02, best.z - 0.01)):
        ended = climb_near(moments, blocks, REML, replace(best, root=size * best.root, z=z))
        assert ended is not None
        climb, found = ended
        assert found.covariance is not None
        errors = np.sqrt(np.diag(found.covariance))
        assert (np.abs(found.z - best.z) / errors).max() < 1e-2
        assert found.value == pytest.approx(best.value, abs=1e-5)
        at_end = optimum_of(climb, found, 1e-10)
        assert at_end is not None
        here, slope = at_end
        assert (np.abs(here.z - best.z) / errors).max() < 1e-4
        assert (np.abs(slope) * errors).max() < 1e-4
        assert here.optimum.gradient < 2e-5
