"""BFGS from a stated inverse Hessian."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hierbayes.estimation.quasi_newton import Reached, minimise, settled

type Array = NDArray[np.float64]


def rosenbrock(x: Array) -> tuple[float, Array]:
    a, b = 1.0 - x[0], x[1] - x[0] ** 2
    return float(a * a + 100.0 * b * b), np.array([-2.0 * a - 400.0 * x[0] * b, 200.0 * b])


def test_a_quadratic_with_its_own_hessian_takes_one_step() -> None:
    A, b = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])
    asked: list[Array] = []

    def objective(x: Array) -> tuple[float, Array]:
        asked.append(x)
        return float(0.5 * x @ A @ x - b @ x), A @ x - b

    found = minimise(objective, np.array([2.0, -1.0]), np.linalg.inv(A), slope=1e-12, steps=50)
    np.testing.assert_allclose(found.x, np.linalg.solve(A, b), rtol=1e-12)
    assert len(asked) == 2


@pytest.mark.parametrize("start", [(-1.2, 1.0), (3.0, -4.0), (0.0, 0.0)])
def test_a_bent_valley_is_followed_to_its_end(start: tuple[float, float]) -> None:
    found = minimise(rosenbrock, np.array(start), np.eye(2), slope=1e-9, steps=500)
    np.testing.assert_allclose(found.x, [1.0, 1.0], rtol=1e-8)


def test_where_there_is_no_value_a_step_is_shortened() -> None:
    """x − log x, which is nothing at 0 and below."""

    def objective(x: Array) -> tuple[float, Array]:
        if not x[0] > 0.0:
            return np.inf, np.zeros(1)
        return float(x[0] - np.log(x[0])), 1.0 - 1.0 / x

    found = minimise(objective, np.array([5.0]), 100.0 * np.eye(1), slope=1e-10, steps=100)
    assert found.x[0] == pytest.approx(1.0, abs=1e-9)


def test_a_search_ends_where_nothing_is_lower_and_after_its_steps() -> None:
    """A gradient that points nowhere ends it; so does the number of steps."""

    def wrong(x: Array) -> tuple[float, Array]:
        return float(x @ x), -x - 1.0

    np.testing.assert_array_equal(
        minimise(wrong, np.zeros(2), np.eye(2), slope=1e-9, steps=50).x, np.zeros(2)
    )
    few = minimise(rosenbrock, np.array([-1.2, 1.0]), np.eye(2), slope=1e-9, steps=3).x
    assert rosenbrock(few)[0] < rosenbrock(np.array([-1.2, 1.0]))[0]
    assert np.abs(few - 1.0).max() > 0.1


def test_whole_steps_settle_where_the_value_cannot_tell_them_apart() -> None:
    def high(x: Array) -> tuple[float, Array]:
        value, slope = rosenbrock(x)
        return 1e6 + value, slope

    near = minimise(high, np.array([-1.2, 1.0]), np.eye(2), slope=1e-2, steps=500)
    assert np.abs(near.x - 1.0).max() > 1e-6
    found = settled(high, near, 1e-20)
    np.testing.assert_allclose(found.x, [1.0, 1.0], rtol=1e-9)
    assert found.gain < near.gain


def test_a_step_that_promises_next_to_nothing_is_not_made() -> None:
    asked: list[Array] = []

    def bowl(x: Array) -> tuple[float, Array]:
        asked.append(x)
        return float(0.5 * x @ x), x.copy()

    for away, steps in ((1e-7, 1), (3e-8, 0)):  # of which a step gains half the square
        asked.clear()
        x = np.full(1, away)
        settled(bowl, Reached(x, 0.5 * away**2, x, np.eye(1)), 1e-8)
        assert len(asked) == steps
