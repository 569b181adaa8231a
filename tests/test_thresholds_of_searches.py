"""Both sides of the thresholds that a search for a maximum turns at, on values made for it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hierbayes.estimation.joint_climb import JointMaximum
from hierbayes.estimation.latent_start import _without_far
from hierbayes.estimation.near_climb import _learnt
from hierbayes.estimation.residual_search import ResidualSearch
from hierbayes.likelihood.reading import REML


@pytest.mark.parametrize(("least", "lost"), [(1.9e-3, True), (2.1e-3, False)])
def test_a_direction_is_lost_below_a_thousandth_of_the_largest_and_one(
    least: float, lost: bool
) -> None:
    none = np.zeros(0)
    found = JointMaximum(none, np.diag([1.0, least]), 1, True, True, 0.0, none, none)
    assert found.on_face is lost


def test_far_responses_begin_ten_widths_of_the_middle_half_away() -> None:
    each = np.r_[np.full(10, -1.0), np.full(10, 1.0), 20.9, -20.9, 21.1, -21.1, 1e6]
    assert_allclose(_without_far(each), [*each[:22], 21.0, -21.0, 21.0])


@pytest.mark.parametrize(("groups", "width"), [(0, 1.0), (1000, 2.0), (500, 1.5)])
def test_a_gain_is_near_a_quadratic_by_the_thousand_groups(groups: int, width: float) -> None:
    moments: Any = SimpleNamespace(atom_codes=np.zeros((1, groups)))
    assert ResidualSearch(moments, (1,), REML).width == width


@pytest.mark.parametrize(("along", "learns"), [(0.021, True), (0.019, False), (-0.021, True)])
def test_secants_learn_of_errors_that_are_not_across_the_step(along: float, learns: bool) -> None:
    B, step = np.eye(2), np.array([1.0, 0.0])
    found = _learnt(B, step, B @ step + [along, 1.0])
    assert_allclose(found @ step, B @ step + [along, 1.0] if learns else B @ step)
