"""The likelihood of a family with its random effects behind a map, against dense formulas."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import block_diag

from hierbayes.likelihood.transported import provide
from hierbayes.likelihood.transported_rows import Panels, family_rows
from tests.family_rows import address, log_density

Array = NDArray[np.float64]
SHAPES = {
    "q = 1": [(1, 5)],
    "q = 2": [(2, 6)],
    "crossed": [(2, 5), (1, 4), (1, 6)],
    "q = 3": [(3, 4)],
}
CONSTANT = 0.3


@dataclass(frozen=True, eq=False)
class Point:
    """Rows, pseudo-data and where the likelihood is asked for."""

    y: Array
    offset: Array
    X: Array
    panels: list[Panels]
    change: Array
    root: Array
    gamma: Array
    phi: float | None
    z: Array

    @property
    def rows(self) -> Array:
        family = (address(), int(self.phi is not None), False, CONSTANT)
        order = sorted(range(len(self.panels)), key=lambda k: len(self.panels[k].A))
        return family_rows(family, self.y, np.ones(1), self.offset, self.X, self.panels, order)

    @property
    def flat(self) -> Array:
        """φ, L, γ and z, one after the other."""
        phi = [] if self.phi is None else [self.phi]
        return np.concatenate([phi, self.root.ravel(), self.gamma, self.z])


def make(sizes: list[tuple[int, int]], *, dispersed: bool, n: int = 40, p: int = 2) -> Point:
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    q = sum(size for size, _ in sizes)
    change, root, panels, at = np.zeros((q, q)), np.zeros((q, q)), [], 0
    for size, J in sizes:
        within = slice(at, at + size)
        change[within, within] = np.eye(size) + 0.3 * rng.normal(size=(size, size))
        root[within, within] = 0.4 * np.tril(rng.normal(size=(size, size)))
        half = rng.normal(size=(J, size, size))
        A, B = half @ half.transpose(0, 2, 1), rng.normal(size=(J, size, p + 1))
        Z, codes = rng.normal(size=(n, size)), rng.integers(0, J, n)
        panels.append(Panels(Z, codes, A, B, rng.uniform(size=n)))
        at += size
    return Point(
        rng.poisson(1.5, n).astype(float), 0.1 * rng.normal(size=n), X, panels, change, root,
        0.3 * rng.normal(size=p), 1.3 if dispersed else None,
        rng.normal(size=sum(size * J for size, J in sizes)),
    )  # fmt: skip


def compiled(point: Point, rows: Array, flat: Array) -> tuple[float, Array]:
    """Value and derivatives of the C function, by φ (where there is one), L, γ and z."""
    d, q, p, m = point.phi is not None, len(point.root), len(point.gamma), len(point.z)
    phi = flat[0] if d else 1.0
    root, gamma, z = np.split(flat[int(d) :], [q * q, q * q + p])
    out, zero = np.empty(2 + q * q + p + m), np.zeros((p, p))
    arrays = [root, gamma, z, point.change, rows, rows, rows, zero, zero, out]
    pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in arrays]
    provide().ctypes(len(rows), q, p, m, 3, phi, float(len(point.y)), *pointers)
    return float(out[0]), out[1 if d else 2 :]


def map_of(point: Point, z: Array) -> tuple[Array, list[Array]]:
    """All b, one after the other, and u (J, q) of each factor."""
    bs, us, L_all = {}, {}, point.change @ point.root
    sizes = [panel.A.shape[:2] for panel in point.panels]
    places = np.cumsum([0, *(J * q for J, q in sizes)])
    starts = np.cumsum([0, *(q for _, q in sizes)])
    effects = np.zeros(len(point.y))  # of the factors before
    for k in sorted(range(len(sizes)), key=lambda k: sizes[k][0]):
        (_, q), panel, at = sizes[k], point.panels[k], places[k]
        L = L_all[starts[k] : starts[k] + q, starts[k] : starts[k] + q]
        found = []
        for j, (A, B) in enumerate(zip(panel.A, panel.B, strict=True)):
            rows = panel.codes == j
            e = panel.Z[rows].T @ (panel.weights * effects)[rows]
            M = np.eye(q) + L.T @ A @ L
            mean = np.linalg.solve(M, L.T @ (B[:, -1] - B[:, :-1] @ point.gamma - e))
            found.append(mean + np.linalg.solve(np.linalg.cholesky(M).T, z[at : at + q]))
            at += q
        bs[k] = np.ravel(found)
        us[k] = np.array(found) @ L.T
        effects += (panel.Z * us[k][panel.codes]).sum(axis=1)
    every = range(len(sizes))
    return np.concatenate([bs[k] for k in every]), [us[k] for k in every]


def differences(function: Callable[[Array], Array], x: Array, step: float) -> Array:
    """Central differences; the coordinates of x along the last axis."""
    columns = [(function(x + e) - function(x - e)) / (2.0 * step) for e in step * np.eye(len(x))]
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("dispersed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_value_is_that_of_the_rows_and_of_the_change_of_variables(
    shape: str, dispersed: bool
) -> None:
    point = make(SHAPES[shape], dispersed=dispersed)
    b, us = map_of(point, point.z)
    eta = point.offset + point.X @ point.gamma
    for panel, u in zip(point.panels, us, strict=True):
        eta = eta + (panel.Z * u[panel.codes]).sum(axis=1)
    jacobian = differences(lambda z: map_of(point, z)[0], point.z, 1e-4)
    expected = log_density(point.y, eta, point.phi) + CONSTANT - 0.5 * b @ b
    expected += np.linalg.slogdet(jacobian)[1] - 0.5 * len(b) * math.log(2.0 * math.pi)
    found, _ = compiled(point, point.rows, point.flat)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dispersed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_in_every_coordinate(shape: str, dispersed: bool) -> None:
    point = make(SHAPES[shape], dispersed=dispersed)
    rows, flat = point.rows, point.flat
    _, found = compiled(point, rows, flat)
    numeric = differences(lambda x: np.array(compiled(point, rows, x)[0]), flat, 1e-5)
    inside = np.ones(len(flat), bool)
    within = block_diag(*(np.ones((size, size)) for size, _ in SHAPES[shape])) > 0.0
    inside[int(dispersed) : int(dispersed) + within.size] = within.ravel()
    np.testing.assert_allclose(found[inside], numeric[inside], rtol=1e-6, atol=1e-6)


def test_of_normal_rows_z_is_standard_normal_whatever_the_parameters_are() -> None:
    """The pseudo-data of normal rows are their own cross-products."""
    point = make([(2, 6)], dispersed=True)
    (panel,), phi = point.panels, point.phi
    assert phi is not None
    W = np.column_stack([point.X, point.y - point.offset])
    groups = [panel.codes == j for j in range(6)]
    A = np.array([panel.Z[rows].T @ panel.Z[rows] for rows in groups]) / phi**2
    B = np.array([panel.Z[rows].T @ W[rows] for rows in groups]) / phi**2
    own = Point(
        point.y, point.offset, point.X, [Panels(panel.Z, panel.codes, A, B, panel.weights)],
        point.change, point.root, point.gamma, phi, point.z,
    )  # fmt: skip
    for root, gamma in ((point.root, point.gamma), (5.0 * point.root, point.gamma - 2.0)):
        flat = np.concatenate([[phi], root.ravel(), gamma, point.z])
        at_mode = np.concatenate([[phi], root.ravel(), gamma, 0.0 * point.z])
        value, gradient = compiled(own, own.rows, flat)
        top, _ = compiled(own, own.rows, at_mode)
        assert value - top == pytest.approx(-0.5 * point.z @ point.z, rel=1e-10)
        np.testing.assert_allclose(gradient[-len(point.z) :], -point.z, rtol=1e-9, atol=1e-11)


def test_rows_may_stand_in_any_order() -> None:
    point = make(SHAPES["crossed"], dispersed=False)
    order = np.random.default_rng(5).permutation(len(point.y))
    panels = [
        Panels(one.Z[order], one.codes[order], one.A, one.B, one.weights[order])
        for one in point.panels
    ]
    other = Point(
        point.y[order], point.offset[order], point.X[order], panels, point.change, point.root,
        point.gamma, point.phi, point.z,
    )  # fmt: skip
    value, gradient = compiled(point, point.rows, point.flat)
    found, slope = compiled(other, other.rows, other.flat)
    assert found == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(slope, gradient, rtol=1e-10, atol=1e-11)


def test_what_overflows_has_density_zero_and_raises_nothing() -> None:
    point = make(SHAPES["q = 2"], dispersed=False)
    for at, far in ((len(point.flat) - 1, 1e6), (4, 1e4), (4, np.nan), (0, 1e200)):
        flat = point.flat
        flat[at] = far
        value, gradient = compiled(point, point.rows, flat)
        assert value == -np.inf
        assert not gradient.any()
