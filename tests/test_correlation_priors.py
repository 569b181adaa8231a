"""The usual prior of φ, uniform in a correlation over a gap: one whatever the unit of time."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.estimation.error_axes import ErrorAxes, axes_of
from hierbayes.estimation.residual_posterior import structured_target
from hierbayes.priors.density import log_density
from hierbayes.priors.draws import draw_priors
from hierbayes.priors.error_density import error_density
from hierbayes.priors.quantile import quantile, quantile_within
from hierbayes.priors.text import read_prior
from hierbayes.residuals.correlation_kernels import chain_parts
from hierbayes.residuals.decay import (
    Decay,
    artanh_of_power,
    log_slope_of_power,
    log_tanh,
    whole_powers,
)
from hierbayes.studies.calibration.truths import read_truth
from hierbayes.studies.sensitivity.usual_grid import default_grid
from tests.test_explicit_graph import PYTHON
from tests.test_explicit_graph import _density as graph_density
from tests.test_residual_gaps import model, visits
from tests.test_residual_structures import dense_loglik

UNITS = [1e-9, 1e-3, 7.0, 1e9]
DECAYS = [Decay(1.0, True), Decay(1.0, False), Decay(2.5, False), Decay(0.02, False)]


def unequal(unit: float, phi: float = 0.6) -> pd.DataFrame:
    """Visits at gaps of 1 and 2 of a unit, of which some are lost."""
    frame = visits(phi).drop(index=[2, 9, 33, 74, 75, 121])
    return frame.assign(day=frame["day"] * unit)


def target_of(made: hb.Model) -> tuple[Any, Any]:
    found, centre, _ = structured_target(made.problem, made.priors, progress=False)
    return found, centre


def moved(centre: Any) -> Any:
    """Points about a centre, the last coordinates on both sides of 0 and far from it."""
    steps = 0.3 * np.random.default_rng(4).normal(size=(6, len(centre)))
    points = centre + steps
    points[:, -1] = [-3.0, -0.4, 0.1, 0.7, 2.0, 4.0]
    return points


# ---------------------------------------------------------------- units of time


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("formula", ["effects", "alone"])
def test_the_posterior_of_continuous_time_has_no_unit(unit: float, formula: str) -> None:
    one, other = (target_of(model(unequal(u), "CAR1", formula)) for u in (1.0, unit))
    assert_allclose(other[1], one[1], rtol=1e-6, atol=1e-6)
    for w in moved(one[1]):
        (value, slope), (same, of_same) = (at.with_gradient(w) for at in (one[0], other[0]))
        assert_allclose(same, value, rtol=1e-10)
        assert_allclose(of_same, slope, rtol=1e-7, atol=1e-7)
        assert_allclose(other[0].value(w)[0], value, rtol=1e-10)


@pytest.mark.parametrize("unit", [3, 7, 365, 99_999, 999_999_999])
@pytest.mark.parametrize("phi", [0.6, -0.5])
def test_the_posterior_of_whole_times_has_no_odd_unit(unit: int, phi: float) -> None:
    one, other = (target_of(model(unequal(u, phi))) for u in (1, unit))
    assert_allclose(other[1], one[1], rtol=1e-5, atol=1e-5)
    for w in moved(one[1]):
        (value, slope), (same, of_same) = (at.with_gradient(w) for at in (one[0], other[0]))
        assert_allclose(same, value, rtol=1e-9)
        assert_allclose(of_same, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("gap", [3, 7, 30])
def test_the_gradient_is_that_of_differences(gap: int) -> None:
    frame = visits(-0.4, gap)
    frame["day"] += np.arange(len(frame)) % 3 == 0  # gaps of several kinds
    target, centre = target_of(model(frame))
    steps = 1e-5 * np.eye(len(centre))
    for w in moved(centre)[1:5]:
        value, gradient = target.with_gradient(w)
        assert_allclose(value, target.value(w)[0], rtol=1e-12)
        wanted = [(target.value(w + h)[0] - target.value(w - h)[0]) / 2e-5 for h in steps]
        assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("unit", UNITS)
def test_the_mode_has_no_unit(unit: float) -> None:
    one, other = (model(unequal(u), "CAR1").map() for u in (1.0, unit))
    assert_allclose(other.theta.sigma, one.theta.sigma, rtol=1e-9)
    assert_allclose(other.theta.sd, one.theta.sd, rtol=1e-8)
    assert_allclose(other.error_coordinates, one.error_coordinates, rtol=1e-8)


@pytest.mark.parametrize("unit", [7, 365])
def test_the_mode_of_whole_times_has_no_odd_unit(unit: int) -> None:
    one, other = (model(unequal(u)).map() for u in (1, unit))
    phis = [float(fit.error_parameters["phi"]) for fit in (one, other)]  # type: ignore[attr-defined]
    assert_allclose(phis[1] ** unit, phis[0], rtol=1e-5)
    assert_allclose(other.theta.sigma, one.theta.sigma, rtol=1e-5)


@pytest.mark.parametrize("unit", UNITS)
def test_draws_of_the_prior_have_no_unit(unit: float) -> None:
    one, other = (model(unequal(u), "CAR1", priors=dict(gamma=hb.Normal(0, 1)))
                  for u in (1.0, unit))  # fmt: skip
    drawn = [draw_priors(of.priors, of.problem, 200, 1).phi for of in (one, other)]
    assert_allclose(drawn[1], drawn[0], rtol=1e-9, atol=1e-12)
    uniform = Decay(1.0, False).power(drawn[0][:, 1], 1.0)
    assert uniform.min() > 0.0 and uniform.max() < 1.0
    whole = model(visits(0.6, 7), priors=dict(gamma=hb.Normal(0, 1)))
    near = model(visits(0.6), priors=dict(gamma=hb.Normal(0, 1)))
    far, here = (draw_priors(of.priors, of.problem, 200, 1).phi[:, 1] for of in (whole, near))
    assert_allclose(np.tanh(far) ** 7, np.tanh(here), atol=1e-9)


def test_draws_have_no_unit() -> None:
    fits = [model(unequal(u), "CAR1").sample(draws=50, chains=2, seed=1, progress=False)
            for u in (1.0, 1e-9)]  # fmt: skip
    assert_allclose(fits[1].error_coordinates, fits[0].error_coordinates, rtol=1e-5)
    tables = [fit.summary().parameters for fit in fits]
    assert tables[1].loc[("residual", "phi"), "mean"] == 0.0
    for name in ("ess_bulk", "ess_tail"):
        assert_allclose(tables[1][name], tables[0][name], rtol=1e-3)
    assert np.isfinite(tables[1]["r_hat"]).all()


def test_a_fit_is_a_truth_in_whatever_unit() -> None:
    """Also of rows with another middle gap, where φ itself is 0 in all digits."""
    posed = model(unequal(1e-9), "CAR1")
    fit = posed.reml()
    z = np.ravel(fit.error_coordinates)[0]
    drawn = read_truth(fit, posed, "calibrate").draw(posed.problem, 3, 1)
    assert_allclose(drawn.phi[:, 1:], np.full((3, 1), z), rtol=1e-9)
    longer = model(unequal(2e-9), "CAR1").problem
    twice = read_truth(fit, posed, "calibrate").draw(longer, 3, 1).phi[:, 1]
    assert_allclose(1.0 / (1.0 + np.exp(-twice)), 1.0 / (1.0 + np.exp(-z)) ** 2, rtol=1e-9)


# ---------------------------------------------------------------- against dense formulas


def test_the_density_is_a_dense_one() -> None:
    """Of gaps 7, 14 and 15: the correlation over 7 is uniform, and so is φ^7 in the prior."""
    frame = visits(0.6, 7).drop(index=[2, 9, 33])
    frame.loc[frame.index[-1], "day"] += 1
    posed = model(frame, formula="alone", priors={"gamma": hb.Flat(), "sigma": hb.HalfNormal(2)})
    target, centre = target_of(posed)
    lags = np.abs(np.subtract.outer(frame["day"].to_numpy(), frame["day"].to_numpy()))
    same = np.equal.outer(frame["id"].to_numpy(), frame["id"].to_numpy())
    values, wanted = [], []
    for y in (-1.2, -0.3, 0.2, 0.9, 2.0):
        value, every = target.value(np.append(centre[:-1], y))
        sigma, r = float(target.target.parameters(every)[1]), np.tanh(y)
        phi = np.sign(r) * abs(r) ** (1.0 / 7.0)
        assert_allclose(np.tanh(target.coordinates(np.append(centre[:-1], y))), phi, rtol=1e-12)
        R = np.where(same, np.where(lags % 2 == 1, np.sign(phi), 1.0) * abs(phi) ** lags, 0.0)
        dense = dense_loglik(posed, np.zeros((0, 0)), sigma, R, restricted=True)
        values.append(value)
        wanted.append(dense + np.log(1.0 - r**2))
    assert_allclose(np.diff(values), np.diff(wanted), rtol=1e-7)


def test_the_density_of_phi_is_that_of_its_power() -> None:
    """g|φ|^(g − 1)/2 with a sign, gφ^(g − 1) without; each integrates to one in its coordinate."""
    at = np.linspace(-9.0, 9.0, 2001)
    for frame, structure in [
        (visits(0.4, 3), "AR1"), (visits(0.4, 4), "AR1"), (unequal(0.25), "CAR1"),
    ]:  # fmt: skip
        posed = model(frame, structure)
        rows = posed.problem.moments.rows  # type: ignore[union-attr]
        density = error_density(rows, posed.priors)
        ((_, prior, source),) = posed.priors.residual
        assert isinstance(prior, hb.UniformCorrelation) and source == "default"
        low, _ = rows.parameters[0].support
        log_p = np.array([density.of_coordinates(np.array([z])) for z in at])
        assert_allclose(np.trapezoid(np.exp(log_p), at), 1.0, atol=1e-3)
        for z in (-0.8, 0.3, 1.4):
            point = np.array([z])
            phi, slope = rows.natural(point)[0], rows.natural_slope(point)[0, 0]
            dense = np.log(prior.gap * abs(phi) ** (prior.gap - 1.0) / (1.0 - low))
            assert_allclose(density.of_coordinates(point), dense + np.log(slope), rtol=1e-9)
            assert_allclose(density.of_parameters(point), -np.log(1.0 - low), atol=1e-14)
            ends = [density.of_coordinates(np.array([z + h])) for h in (1e-5, -1e-5)]
            assert_allclose(density.slope(point), (ends[0] - ends[1]) / 2e-5, rtol=1e-6)


@pytest.mark.parametrize("formula", ["effects", "alone"])
def test_the_graph_is_the_density_that_is_sampled(formula: str) -> None:
    """In the coordinates of the sampler, its gradient too."""
    frame = visits(0.6, 7)
    frame.loc[frame.index[-1], "day"] += 1
    priors = {"gamma": hb.Normal(0, 5), **({"sd": hb.Gamma(2, 1)} if formula == "effects" else {})}
    posed = model(frame, formula=formula, priors=priors)
    graph = posed.graph()
    found, sizes = graph_density(graph)
    target, centre = target_of(posed)
    assert [name for name, _ in sizes][-1] == "error_coordinates"
    with graph:
        slope = graph.compile_dlogp(mode=PYTHON)
    for y in (-0.4, 0.2, 1.1):
        w = np.append(centre[:-1] + 0.1, y)
        assert_allclose(found(w), target.value(w)[0], rtol=1e-8)
        point, at = graph.initial_point(), 0
        for value, (_, size) in zip(graph.value_vars, sizes, strict=True):
            point[value.name] = w[at : at + size].reshape(point[value.name].shape)
            at += size
        assert_allclose(slope(point), target.with_gradient(w)[1], rtol=1e-5, atol=1e-6)


def test_a_stated_prior_of_phi_is_as_it_was() -> None:
    """Of φ itself, in whatever unit the times are, and not moved to other coordinates."""
    prior = hb.Normal(0.8, 0.1)
    for frame, structure in [(visits(0.4, 7), "AR1"), (unequal(0.5), "CAR1")]:
        posed = model(frame, structure, priors={"residual": {"phi": prior}})
        rows = posed.problem.moments.rows  # type: ignore[union-attr]
        density = error_density(rows, posed.priors)
        assert axes_of(density) == ErrorAxes()
        points = np.array([[0.2], [1.1]])
        phi = np.array([rows.natural(z)[0] for z in points])
        slope = np.array([rows.natural_slope(z)[0, 0] for z in points])
        found = [density.of_coordinates(z) for z in points]
        wanted = -0.5 * ((phi - 0.8) / 0.1) ** 2 + np.log(slope)
        assert_allclose(np.diff(found), np.diff(wanted), rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-9, 0.3, 40.0])
def test_a_beta_prior_of_phi_has_its_digits(unit: float) -> None:
    """Beta(g, 1) of φ is uniform in φ^g, though φ be 0 in all digits."""
    stated = [{"residual": {"phi": one}} if one else {} for one in (hb.Beta(unit, 1), None)]
    beta, uniform = (model(unequal(unit), "CAR1", priors=one) for one in stated)
    assert uniform.priors.residual[0][1].parameters == {"gap": unit}
    for z in (-1.0, 0.4, 3.0):
        found = [error_density(one.problem.moments.rows, one.priors) for one in (beta, uniform)]  # type: ignore[union-attr]
        at = np.array([z])
        assert_allclose(found[0].of_coordinates(at), found[1].of_coordinates(at), atol=1e-6)
        assert_allclose(found[0].slope(at), found[1].slope(at), atol=1e-6)


def test_a_prior_far_from_the_unit_of_time_is_no_certain_mode() -> None:
    """Beta(2, 2) of φ where rows are 1e-9 apart says that their errors are one.

    V is singular in all digits there; which of its derivatives are lost is a matter of rounding.
    """
    fit = model(unequal(1e-9), "CAR1", priors={"residual": {"phi": hb.Beta(2, 2)}}).map()
    diagnosis = fit.diagnose()
    assert not diagnosis.ok
    assert "maximum is not certain" in diagnosis.verdict
    assert "not certain" in " ".join(str(fit).split())


# ---------------------------------------------------------------- powers in coordinates


@pytest.mark.parametrize("decay", DECAYS, ids=str)
@pytest.mark.parametrize("gap", [1.0, 0.4, 3.0, 25.0])
def test_powers_and_their_coordinates(decay: Decay, gap: float) -> None:
    at = np.array([-2.0, -0.6, 0.3, 1.7])
    phi = decay.power(at, 1.0)
    power = decay.power(at, gap)
    assert_allclose(power, np.sign(phi) * np.abs(phi) ** gap, rtol=1e-9)
    kept = (np.abs(power) > 1e-200) & (1.0 - np.abs(power) > 1e-9)
    assert_allclose(decay.coordinate(power[kept], gap), at[kept], rtol=1e-6)
    ends = [decay.power(at + h, gap) for h in (1e-6, -1e-6)]
    slope = (ends[0] - ends[1]) / 2e-6
    assert_allclose(np.exp(decay.log_slope(at, gap)), slope, rtol=1e-6, atol=1e-12)
    moved = decay.log_slope(at + 1e-30j, gap).imag / 1e-30
    ends = [decay.log_slope(at + h, gap) for h in (1e-6, -1e-6)]
    assert_allclose(moved, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-7)


def test_limits_have_coordinates_that_are_numbers() -> None:
    for decay in DECAYS:
        z = decay.coordinate(np.array([0.0, 1.0]), 3.0)
        assert np.isfinite(z).all()
        assert_allclose(decay.power(z, 3.0), [0.0, 1.0], atol=1e-13)


def test_artanh_of_powers_is_kept_near_both_ends() -> None:
    at = np.array([-30.0, -3.0, -1e-3, 1e-5, 0.2, 5.0, 200.0])
    for power in (1 / 3, 3.0, 41.0):
        assert_allclose(artanh_of_power(artanh_of_power(at, power), 1.0 / power), at, rtol=1e-9)
    assert_allclose(artanh_of_power(at, 1.0), at, rtol=1e-12)
    assert_allclose(log_tanh(np.array([1e-5, 0.2, 0.4])), np.log(np.tanh([1e-5, 0.2, 0.4])))
    assert_allclose(log_slope_of_power(0.7, 1.0), np.log(1.0 - np.tanh(0.7) ** 2))
    axes = ErrorAxes(((1, 7.0),))
    y = np.array([0.3, -0.8, 1.0])
    assert_allclose(axes.of_sampler(axes.of_structure(y)), y, rtol=1e-12)
    volume, slope, turn = axes.log_volume(y)
    h = np.array([0.0, 1e-6, 0.0])
    ends = [axes.of_structure(y + h), axes.of_structure(y - h)]
    assert_allclose(turn, [1.0, (ends[0] - ends[1])[1] / 2e-6, 1.0], rtol=1e-8)
    assert_allclose(volume, np.log(turn[1]), rtol=1e-12)
    assert_allclose(
        slope[1], (axes.log_volume(y + h)[0] - axes.log_volume(y - h)[0]) / 2e-6, rtol=1e-7
    )


@pytest.mark.parametrize("gap", [1 / 365, 0.4, 3.0])
def test_positive_phi_is_sampled_as_the_correlation_of_its_prior(gap: float) -> None:
    axes = ErrorAxes(units=((1, gap),))
    h = np.array([0.0, 1e-5, 0.0])
    for at in (-4.0, -0.3, 0.8, 5.0):
        y = np.array([0.3, at, 1.0])
        z = axes.of_structure(y)
        assert_allclose(gap * np.logaddexp(0.0, -z[1]), np.logaddexp(0.0, -at), rtol=1e-9)
        assert_allclose(axes.of_sampler(z), y, rtol=1e-9)
        volume, slope, turn = axes.log_volume(y)
        ends = [axes.of_structure(y + h), axes.of_structure(y - h)]
        assert_allclose(turn, [1.0, (ends[0] - ends[1])[1] / 2e-5, 1.0], rtol=1e-7)
        assert_allclose(volume, np.log(turn[1]), rtol=1e-12)
        assert_allclose(
            slope[1], (axes.log_volume(y + h)[0] - axes.log_volume(y - h)[0]) / 2e-5, rtol=1e-6,
            atol=1e-8,
        )  # fmt: skip


@pytest.mark.parametrize("z", [0.4, -1.3, 3.0, -6.0])
def test_long_gaps_have_powers_by_logarithms(z: float) -> None:
    gaps = np.array([1.0, 2.0, 63.0, 64.0, 65.0, 66.0, 901.0])
    r, lost = whole_powers(z, gaps)
    wanted = np.where(gaps % 2 == 1, np.sign(z), 1.0) * np.exp(gaps * np.log(np.tanh(abs(z))))
    assert_allclose(r, wanted, rtol=1e-10)
    assert_allclose(lost, -np.expm1(2.0 * gaps * np.log(np.tanh(abs(z)))), rtol=1e-9)


@pytest.mark.parametrize("z", [0.0, -1e-200, 1e-3, -0.4, 3.0, -6.0])
def test_coefficients_over_long_gaps_are_those_of_powers(z: float) -> None:
    """Of φ whose square is 0 in all digits too, where errors are independent."""
    gaps = np.array([1.0, 65.0, 66.0, 901.0])
    own, moved, bent = chain_parts(z, gaps, np.ones(4), 1.0, False)
    r, lost = whole_powers(z, gaps)
    assert_allclose(own[1:-1:2], r * r / lost, rtol=1e-10)
    assert_allclose(own[2:-1:2], -r / lost, rtol=1e-10)
    assert_allclose(own[-1], np.log(lost).sum(), rtol=1e-10)
    assert np.isfinite(moved).all() and np.isfinite(bent).all()


# ---------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("frame", "structure", "wanted"),
    [
        (visits(0.4), "AR1", "Uniform(-1, 1)"),
        (unequal(1), "AR1", "Uniform(-1, 1)"),
        (unequal(7), "AR1", "UniformCorrelation(7)"),
        (visits(0.4, 28), "AR1", "UniformCorrelation(28)"),
        (visits(0.4), "CAR1", "UniformCorrelation(1)"),
        (unequal(1e-9), "CAR1", "UniformCorrelation(1e-09)"),
    ],
)
def test_the_default_is_said(frame: pd.DataFrame, structure: str, wanted: str) -> None:
    priors = model(frame, structure).priors
    row = priors.frame().loc[("residual", "phi")]
    assert (row["prior"], row["source"]) == (wanted, "default")
    said = " ".join(str(priors).split())
    assert (f"- {wanted}: uniform on the correlation at a gap of " in said) == ("Corr" in wanted)


@pytest.mark.parametrize(
    ("days", "wanted"),
    [([0, 1, 4, 40, 107], 1), ([0, 3, 39, 46, 113, 180], 7), ([0, 2.5, 5, 100, 200], 2.5)],
)
def test_the_default_is_of_a_short_gap(days: list[float], wanted: float) -> None:
    """That which a quarter of neighbours do not exceed, whatever the rest."""
    rows = [(i, day, 0.1 * i + (day * 7 + i * 3) % 5) for i in range(8) for day in days]
    frame = pd.DataFrame(rows, columns=["id", "day", "y"])
    priors = hb.Model("y ~ day", frame, residual=hr.CAR1("day", "id")).priors
    assert priors.frame().loc[("residual", "phi"), "prior"] == f"UniformCorrelation({wanted:g})"


@pytest.mark.parametrize("long", [36.0, 365.0])
def test_long_gaps_do_not_say_that_independent_errors_are_correlated(long: float) -> None:
    """Gaps of a day, and twice as many long ones: the posterior is that of the short ones alone."""
    rng = np.random.default_rng(5)
    days = np.concatenate([np.arange(6), 5 + long * np.arange(1, 11)])
    frame = pd.DataFrame({"id": np.repeat(np.arange(8), 16), "day": np.tile(days, 8)})
    frame["y"] = rng.normal(size=len(frame))
    posed = hb.Model("y ~ 1", frame, residual=hr.CAR1("day", "id"))
    assert posed.priors.frame().loc[("residual", "phi"), "prior"] == "UniformCorrelation(1)"
    drawn = posed.sample(draws=500, chains=2, seed=1, progress=False)
    assert drawn.diagnose().ok
    apart = frame["day"] > 5  # errors that no others are near
    alone = frame.assign(id=frame["id"].where(~apart, 100 + np.arange(len(frame))))
    short = hb.Model("y ~ 1", alone, residual=hr.CAR1("day", "id"))
    drawn_of_short = short.sample(draws=500, chains=2, seed=1, progress=False)
    found, wanted = (
        one.intervals().loc[("residual", "phi")].to_numpy() for one in (drawn, drawn_of_short)
    )
    assert_allclose(found, wanted, atol=0.03)


def test_the_page_says_it_and_a_saved_fit_keeps_it(tmp_path: Path) -> None:
    posed = model(visits(0.6, 7))
    fit = posed.sample(draws=60, chains=2, seed=1, progress=False)
    said = "priors: phi ~ UniformCorrelation(7), uniform on the correlation at a gap of 7"
    assert said in " ".join(str(fit.summary()).split())
    fit.save(tmp_path / "fit")
    again = hb.load_fit(tmp_path / "fit")
    assert again.priors is not None and fit.priors is not None
    assert again.priors.residual == fit.priors.residual
    assert again.priors.residual[0][1] == read_prior("UniformCorrelation(7)")
    assert said in " ".join(str(again.summary()).split())


@pytest.mark.parametrize(("unit", "noted"), [(1e-9, True), (0.04, True), (1, False), (365, False),
                                             (1e6, True)])  # fmt: skip
def test_phi_without_digits_is_said(unit: float, noted: bool) -> None:
    said = " ".join(str(model(unequal(unit), "CAR1").reml()).split())
    assert ("phi is the correlation of errors 1 apart in 'day'" in said) == noted
    if unit == 1e-9:
        assert (
            "and rows of a group are usually 1e-09 apart, so that it has few digits; with" in said
        )


def test_it_is_of_ar1_and_car1_alone() -> None:
    with pytest.raises(hb.PriorError) as caught:
        hb.Model("y ~ visit", visits(0.4), residual=hr.CompoundSymmetry("id"),
                 priors={"residual": {"rho": hb.UniformCorrelation(2)}})  # fmt: skip
    assert str(caught.value) == (
        "the prior UniformCorrelation(2) of 'residual' for 'rho' does not fit: it is of phi of AR1 "
        "and CAR1, whose powers are the correlations over gaps in time"
    )
    with pytest.raises(hb.PriorError, match="UniformCorrelation has no place as a prior of 'sd'"):
        hb.Model("y ~ visit + (1 | id)", visits(0.4), priors={"sd": hb.UniformCorrelation(2)})
    with pytest.raises(hb.PriorError, match="UniformCorrelation: gap must be positive, not 0"):
        hb.UniformCorrelation(0)


def test_its_quantiles_and_density() -> None:
    prior = hb.UniformCorrelation(3)
    assert_allclose([quantile(prior, p) for p in (0.1, 0.5, 0.9)], [-(0.8 ** (1 / 3)), 0.0,
                                                                    0.8 ** (1 / 3)])  # fmt: skip
    at = np.array([-1.1, -0.5, 0.2, 0.9])
    assert_allclose(np.exp(log_density(prior, at)), [0.0, *1.5 * at[1:] ** 2])
    stated = {"residual": {"phi": prior}}
    ((_, positive, source),) = model(unequal(1), "CAR1", priors=stated).priors.residual
    assert isinstance(positive, hb.UniformCorrelation) and source == "stated"
    assert str(positive) == str(prior)
    inside = [quantile_within(positive, p, (0.0, 1.0)) for p in (0.1, 0.5)]
    assert_allclose(inside, [0.1 ** (1 / 3), 0.5 ** (1 / 3)])
    assert_allclose(np.exp(log_density(positive, at)), [0.0, 0.0, *3.0 * at[2:] ** 2])
    ((_, again, _),) = model(unequal(1), priors={"residual": {"phi": positive}}).priors.residual
    assert again == prior


def test_the_study_has_half_and_twice_the_gap() -> None:
    posed = model(visits(0.4, 7))
    grid = default_grid(posed.problem, posed.priors)["residual"]
    assert grid == {
        "residual narrower": {"phi": hb.UniformCorrelation(3.5)},
        "residual wider": {"phi": hb.UniformCorrelation(14)},
    }


@pytest.mark.slow
def test_what_was_learnt_of_a_phi_without_digits_is_not_said() -> None:
    fit = model(unequal(1e-9), "CAR1", "alone").sample(draws=200, seed=1, progress=False)
    row = hb.SensitivityStudy(fit).information().loc[("residual", "phi")]
    assert np.isnan(row["contraction"]) and row["conflict"] == 1.0
    assert row["reading"] == "no prior to compare with"


def test_code_states_the_correlation() -> None:
    written = model(visits(0.4, 7)).emit("pymc")
    assert '    correlation = pm.Uniform("correlation", lower=-1, upper=1.0)  # at a gap of 7' in (
        written.splitlines()
    )
    assert (
        '    phi = pm.Deterministic("phi", pt.sign(correlation) * pt.abs(correlation) ** (1 / 7))'
    ) in written.splitlines()
    positive = model(unequal(0.5), "CAR1").emit("pymc")
    assert 'pm.Uniform("correlation", lower=0, upper=1.0)  # at a gap of 0.5' in positive
