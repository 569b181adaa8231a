"""Families of responses: log densities and derivatives, draws, responses read and refused."""

import json
import pickle
from ctypes import CFUNCTYPE, POINTER, c_double, c_int64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit

import hierbayes as hb
from hierbayes.design.family_rows import FamilyRows, common_predictor
from hierbayes.families.family import ResponseFamily
from hierbayes.families.links import logit_sided
from hierbayes.families.response import FAILURES, PLAIN, TRIALS, Response
from hierbayes.families.text import read_text
from hierbayes.frames.arrays import Floats

B = hb.families
REFERENCE = json.loads((Path(__file__).parent / "reference/families.json").read_text("utf-8"))
FAMILIES: dict[str, ResponseFamily] = {
    **{f"Binomial {link}": B.Binomial(link) for link in B.Binomial.links},
    "Poisson log": B.Poisson(),
    **{f"BetaBinomial {link}": B.BetaBinomial(link) for link in B.BetaBinomial.links},
    "NegativeBinomial log": B.NegativeBinomial(),
    "NegativeBinomial1 log": B.NegativeBinomial1(),
    "Gamma log": B.Gamma(),
    "Lognormal identity": B.Lognormal(),
    "Beta logit": B.Beta(),
    "StudentT identity": B.StudentT(),
    "StudentT estimated": B.StudentT(df=None),
    **{f"Cumulative {link}": B.Cumulative(link) for link in B.Cumulative.links},
    "ZeroInflated Poisson": B.ZeroInflated(),
    "ZeroInflated NegativeBinomial": B.ZeroInflated(B.NegativeBinomial()),
    "ZeroInflated BetaBinomial": B.ZeroInflated(B.BetaBinomial()),
    "Hurdle Poisson": B.Hurdle(),
    "Hurdle NegativeBinomial": B.Hurdle(B.NegativeBinomial()),
    "Hurdle NegativeBinomial1": B.Hurdle(B.NegativeBinomial1()),
    "Hurdle Gamma": B.Hurdle(B.Gamma()),
    "Hurdle Lognormal": B.Hurdle(B.Lognormal()),
}
NONE = np.empty(0)


def phi_of(name: str, positive: float = 3.0) -> Floats:
    """A dispersion of a family: three thresholds, a logit among others, or positive numbers."""
    family = FAMILIES[name]
    if isinstance(family, B.Cumulative):
        return np.array([-1.0, 0.5, 0.75])
    kinds = np.array(family.dispersion_kinds)
    return np.where(kinds == "real", -0.4, positive) if len(kinds) else NONE


def is_of_trials(family: ResponseFamily) -> bool:
    return isinstance(getattr(family, "inside", family), B.Binomial)


def points(name: str) -> tuple[Floats, Floats, Floats, list[Floats], list[Floats]]:
    """The reference's y, m, η (n,), φ (d,) of each row, and numbers (4 + 3d,) of each row."""
    rows = REFERENCE[name]
    y, m, eta = np.array([row[:3] for row in rows], dtype=float).T
    return y, m, eta, [np.array(row[3]) for row in rows], [np.array(row[4]) for row in rows]


def c_rows(family: ResponseFamily, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
    """What the C function fills in, by its address alone."""
    double = POINTER(c_double)
    function = CFUNCTYPE(None, c_int64, c_int64, *[double] * 5)(family.rows_address())
    out = np.full(1 + len(phi) + len(y), np.nan)
    arrays = [np.ascontiguousarray(one, dtype=float) for one in (y, m, eta, phi)]
    function(len(y), len(phi), *[one.ctypes.data_as(double) for one in (*arrays, out)])
    return out


# ---------------------------------------------------------------- log densities


def test_every_reference_has_its_family() -> None:
    assert list(REFERENCE) == list(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.slow
def test_density_and_derivatives_are_those_of_the_reference(name: str) -> None:
    family = FAMILIES[name]
    for y, m, eta, phi, wanted in zip(*points(name), strict=True):
        row = np.array([y]), np.array([m]), np.array([eta]), phi
        found = family.derivatives(*row)[:, 0]
        # The log density is a sum of parts that may cancel; without φ its tails have all digits.
        constant = family.log_constant(*row[:2])
        size = abs(found[0]) + abs(constant) + (len(phi) > 0)
        said = f"{name}: y={y}, m={m}, η={eta}, φ={phi}"
        assert abs(found[0] + constant - wanted[0]) <= 2e-13 * size, said
        atol = 1e-13 if name.startswith("Cumulative") else 1e-15 if len(phi) else 0.0
        assert_allclose(found[1:], wanted[1:4], rtol=2e-11, atol=atol, err_msg=said)
        by_phi = family.dispersion_derivatives(*row)[:, :, 0].ravel()
        assert_allclose(by_phi, wanted[4:], rtol=2e-11, atol=atol, err_msg=said)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.slow
def test_the_c_function_sums_the_rows(name: str) -> None:
    family = FAMILIES[name]
    y, m, eta, phis, _ = points(name)
    for phi in {tuple(one): one for one in phis}.values():
        at = [k for k, one in enumerate(phis) if np.array_equal(one, phi)]
        rows = y[at], m[at], np.clip(eta[at], -30, 30), phi
        found = c_rows(family, *rows)
        by_row, by_phi = family.derivatives(*rows), family.dispersion_derivatives(*rows)
        d = len(phi)
        assert_allclose(found[0], by_row[0].sum(), rtol=1e-13)
        assert_allclose(found[1 : 1 + d], by_phi[0].sum(axis=1), rtol=1e-12, atol=1e-12)
        assert_allclose(found[1 + d :], by_row[1], rtol=1e-13)


@pytest.mark.parametrize("family", [B.Bernoulli(), B.Binomial(), B.Poisson()])
def test_rows_at_once_are_those_one_by_one(family: ResponseFamily) -> None:
    """Of many rows and few, with small η and large, of one trial and several."""
    rng = np.random.default_rng(8)
    for n in (0, 1, 2, 513, 1030):
        eta = rng.normal(0.0, 3.0, n)
        eta[::7] *= 40.0 if isinstance(family, B.Binomial) else 1.0
        m = np.where(np.arange(n) < 512, 1.0, 1.0 if isinstance(family, B.Bernoulli) else 6.0)
        y = np.minimum(rng.integers(0, 7, n), m)
        found, wanted = c_rows(family, y, m, eta, NONE), family.derivatives(y, m, eta, NONE)
        assert_allclose(found[0], wanted[0].sum(), rtol=1e-12)
        assert_allclose(found[1:], wanted[1], rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("furthest", [3.0, 690.0, 750.0, np.inf, np.nan])
def test_derivatives_of_rows_at_once_are_those_one_by_one(furthest: float) -> None:
    """Whatever η another row has."""
    rng, family = np.random.default_rng(5), B.Binomial()
    for n in (1, 3, 60, 513):
        eta, m = rng.normal(0.0, 3.0, n), rng.integers(1, 9, n).astype(float)
        y, eta[n // 2] = rng.integers(0, m + 1).astype(float), -furthest
        found = family.derivatives(y, m, eta, NONE)
        each = zip(y.tolist(), (m - y).tolist(), eta.tolist(), strict=True)
        wanted = np.array([logit_sided.py_func(*one) for one in each]).T
        assert_allclose(found, wanted, rtol=1e-12, atol=1e-290)


@pytest.mark.parametrize(
    ("family", "y", "m", "eta"),
    [
        (B.Poisson(), 3.0, 1.0, 800.0),
        (B.Poisson(), 3.0, 1.0, np.inf),
        (B.Binomial("cloglog"), 1.0, 2.0, 800.0),
        (B.Binomial("probit"), 1.0, 2.0, 1e200),
        (B.Binomial("logit"), 1.0, 2.0, np.nan),
        (B.NegativeBinomial1(), 3.0, 1.0, 800.0),
        (B.Gamma(), 3.0, 1.0, -800.0),
        (B.Beta(), 0.5, 1.0, np.inf),
        (B.StudentT(), 3.0, 4.0, 1e200),
    ],
)
def test_overflow_is_minus_infinity(family: ResponseFamily, y: float, m: float, eta: float) -> None:
    ys, ms, etas = np.array([y, y]), np.array([m, m]), np.array([0.0, eta])
    phi = np.full(len(family.dispersion), 2.0)
    assert c_rows(family, ys, ms, etas, phi)[0] == -np.inf
    assert abs(c_rows(family, ys[:1], ms[:1], etas[:1], phi)[0]) < np.inf


def test_certain_outcomes_do_not_overflow() -> None:
    y = np.array([1.0, 0.0])
    for family in (B.Bernoulli(link) for link in B.Bernoulli.links):
        found = family.derivatives(y, np.ones(2), np.array([1e4, -1e4]), NONE)
        assert np.array_equal(found, np.zeros((4, 2)))


def test_log_densities_are_those_of_scipy() -> None:
    k, m, eta = np.array([0.0, 3.0, 9.0]), np.array([4.0, 7.0, 9.0]), np.array([-1.3, 0.2, 2.0])
    y, phi, mu, p = np.array([0.1, 0.5, 0.97]), np.array([1.7]), np.exp(eta), expit(eta)
    df = np.full(3, 4.0)
    wanted = {
        B.Binomial(): (k, m, stats.binom.logpmf(k, m, p)),
        B.Binomial("probit"): (k, m, stats.binom.logpmf(k, m, stats.norm.cdf(eta))),
        B.Binomial("cloglog"): (k, m, stats.binom.logpmf(k, m, -np.expm1(-mu))),
        B.BetaBinomial(): (k, m, stats.betabinom.logpmf(k, m, 1.7 * p, 1.7 * (1 - p))),
        B.Poisson(): (k, m, stats.poisson.logpmf(k, mu)),
        B.NegativeBinomial(): (k, m, stats.nbinom.logpmf(k, 1.7, 1.7 / (1.7 + mu))),
        B.NegativeBinomial1(): (k, m, stats.nbinom.logpmf(k, mu / 1.7, 1 / 2.7)),
        B.Gamma(): (y, m, stats.gamma.logpdf(y, 1.7, scale=mu / 1.7)),
        B.Lognormal(): (y, m, stats.lognorm.logpdf(y, 1.7, scale=mu)),
        B.Beta(): (y, m, stats.beta.logpdf(y, 1.7 * p, 1.7 * (1 - p))),
        B.StudentT(df=4.0): (y, df, stats.t.logpdf(y, 4.0, eta, 1.7)),
    }
    for family, (response, size, density) in wanted.items():
        found = family.derivatives(response, size, eta, phi[: len(family.dispersion)])[0]
        found += family.log_constants(response, size)
        assert_allclose(found, density, rtol=1e-12, err_msg=repr(family))


# ---------------------------------------------------------------- moments, draws, starts


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_have_the_mean_and_the_variance(name: str) -> None:
    family, n = FAMILIES[name], 40_000
    rng = np.random.default_rng(5)
    phi, of_trials = (
        phi_of(name, 0.6 if "Lognormal" in name else 3.0),
        is_of_trials(family),
    )
    m = np.full(n, 3.0 if of_trials else 9.0 if name.startswith("StudentT") else 1.0)
    for value in (-1.2, 0.6):
        eta = np.full(n, value)
        y = family.draw(rng, m, eta, phi)
        shares = y / m if of_trials else y
        mean, variance = family.mean(eta, m, phi)[0], family.variance(eta, m, phi)[0]
        squares = (shares - mean) ** 2
        assert abs(shares.mean() - mean) < 6 * np.sqrt(variance / n)
        assert abs(squares.mean() - variance) < 6 * squares.std() / np.sqrt(n)


@pytest.mark.parametrize("name", FAMILIES)
def test_where_the_mean_is_one_of_the_predictor_alone_it_is_found_again(name: str) -> None:
    """Of φ and m it may depend otherwise, and then nothing is said."""
    family, phi = FAMILIES[name], phi_of(name)
    for eta in (-3.0, -0.2, 0.0, 1.7):
        mean = family.mean(np.array([eta]), np.array([9.0]), phi).item()
        found = family.predictor_of_mean(mean)
        assert found is None or found == pytest.approx(eta, rel=1e-12, abs=1e-14)
    is_told = isinstance(family, B.Binomial | B.Poisson | B.NegativeBinomial | B.NegativeBinomial1)
    assert (family.predictor_of_mean(0.3) is not None) == is_told


@pytest.mark.parametrize("offset", [(0.0, 0.0, 0.0), (0.7, 0.7, 0.7), (-0.5, 0.0, 1.0)])
@pytest.mark.parametrize("name", ["Binomial logit", "Poisson log", "ZeroInflated Poisson"])
def test_one_predictor_gives_all_rows_together_their_mean(
    name: str, offset: tuple[float, ...]
) -> None:
    family, y, m = FAMILIES[name], np.array([1.0, 0.0, 4.0]), np.array([3.0, 9.0, 5.0])
    added, of_trials = np.array(offset), is_of_trials(FAMILIES[name])
    rows = FamilyRows(family, y, m, added, of_trials, ())
    counts = m if of_trials else np.ones(3)
    phi = family.dispersion_start(y, m)
    expected = counts @ family.mean(common_predictor(rows) + added, m, phi)
    assert expected == pytest.approx(y.sum(), rel=1e-13)
    assert common_predictor(replace(rows, y=0.0 * y)) == pytest.approx(-40.0, rel=1e-12)


def test_starts_are_near_the_response() -> None:
    k, m, y = np.array([0.0, 20.0, 40.0]), np.full(3, 40.0), np.array([0.2, 0.5, 0.9])
    for family in (*(B.Binomial(link) for link in B.Binomial.links), B.BetaBinomial("probit")):
        assert_allclose(family.mean(family.start(k, m), m, NONE), (k + 0.5) / 41, rtol=1e-12)
    for counts in (B.Poisson(), B.NegativeBinomial(), B.NegativeBinomial1()):
        assert_allclose(counts.mean(counts.start(k, m), m, NONE), k + 0.5, rtol=1e-12)
    for other in (B.Gamma(), B.Beta(), B.StudentT()):
        assert_allclose(other.mean(other.start(y, m), m, NONE), y, rtol=1e-12)
    assert_allclose(B.Lognormal().start(y, m), np.log(y))


@pytest.mark.parametrize(
    "name", [name for name in FAMILIES if FAMILIES[name].dispersion_kinds == ("positive",)]
)
def test_the_dispersion_starts_near_its_estimate(name: str) -> None:
    """Within a factor of four of the truth, where η does not vary; positive where nothing does."""
    family, truth = FAMILIES[name], np.array([4.0])
    rng = np.random.default_rng(9)
    m = np.full(4000, family.constant if family.constant > 1 else 5.0)
    y = family.draw(rng, m, np.full(4000, 0.7), truth)
    for response in (y, y[:1].repeat(3)):
        start = family.dispersion_start(response, m[: len(response)])
        assert start.shape == (1,) and 0 < start[0] < np.inf
        assert len(response) == 3 or truth[0] / 4 < start[0] < truth[0] * 4


def test_weights_are_the_curvature_and_positive() -> None:
    y, m, eta = np.array([0.0, 1.0, 1.0]), np.ones(3), np.array([0.3, -2.0, 800.0])
    for family in (B.Bernoulli("logit"), B.Bernoulli("probit"), B.Bernoulli("cloglog")):
        weights = family.weights(y, m, eta, NONE)
        assert np.array_equal(weights[:2], -family.derivatives(y, m, eta, NONE)[2, :2])
        assert weights[2] > 0


def test_weights_are_the_expected_curvature_where_it_changes_its_sign() -> None:
    n = 40_000
    for family, phi in ((B.Beta(), 0.7), (B.StudentT(df=3.0), 0.7)):
        eta, m, at = np.full(n, 0.6), np.full(n, family.constant), np.array([phi])
        y = family.draw(np.random.default_rng(3), m, eta, at)
        curvature = -family.derivatives(y, m, eta, at)[2]
        weights = np.broadcast_to(family.weights(y, m, eta, at), n)
        assert abs(curvature.mean() - weights[0]) < 6 * curvature.std() / np.sqrt(n)


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_are_positive_everywhere(name: str) -> None:
    family = FAMILIES[name]
    eta = np.array([-600.0, -30.0, 0.0, 30.0, 600.0])
    y, m = np.full(5, 0.5 if name.startswith("Beta ") else 1.0), np.full(5, 2.0)
    weights = family.weights(y, m, eta, phi_of(name))
    if name.startswith("ZeroInflated"):
        assert np.all(family.weights(0 * y, m, eta, phi_of(name)) > 0)
    assert np.all(weights > 0) and np.all(weights < np.inf)


def test_probabilities_of_categories_are_those_of_the_rows() -> None:
    eta, phi = np.array([-1.3, 0.2, 2.0]), np.array([-1.0, 0.5, 0.75])
    for link in B.Cumulative.links:
        family = B.Cumulative(link)
        found = family.probabilities(eta, phi)
        for k in range(4):
            row = family.derivatives(np.full(3, float(k)), np.full(3, 4.0), eta, phi)[0]
            assert_allclose(np.exp(row), found[:, k], rtol=1e-13)
        assert_allclose(found @ np.arange(4.0), family.mean(eta, np.full(3, 4.0), phi), rtol=1e-13)


def test_thresholds_start_at_the_shares_of_categories() -> None:
    y, m = np.array([0.0] * 5 + [1.0] * 12 + [3.0] * 3), np.full(20, 4.0)
    for link in B.Cumulative.links:
        family = B.Cumulative(link)
        thresholds, eta = family.dispersion_start(y, m), family.start(y, m)
        found = family.probabilities(np.zeros(1), thresholds)[0]
        assert_allclose(found, (np.array([5, 12, 0, 3]) + 0.5) / 22, rtol=1e-12)
        assert eta[0] < thresholds[0] < eta[5] < thresholds[1] < thresholds[2] < eta[19]


def test_thresholds_out_of_order_are_impossible() -> None:
    row = np.array([1.0]), np.array([4.0]), np.zeros(1), np.array([1.0, 0.5, 2.0])
    assert c_rows(B.Cumulative(), *row)[0] == -np.inf


def test_counts_above_0_start_from_those_and_are_never_0() -> None:
    family, y = B.Hurdle(), np.array([0.0, 3.0, 3.0, 0.0, 0.0])
    assert_allclose(family.start(y, np.ones(5)), np.log(3.5))
    assert_allclose(expit(family.dispersion_start(y, np.ones(5))), [0.6])
    rng, eta, phi = np.random.default_rng(1), np.full(400, -12.0), np.array([-30.0])
    for inside in (B.Poisson(), B.NegativeBinomial()):
        rare = np.append(np.full(len(inside.dispersion), 0.7), phi)
        assert set(B.Hurdle(inside).draw(rng, np.ones(400), eta, rare)) == {1.0}
        assert_allclose(B.Hurdle(inside).mean(eta, np.ones(400), rare), 1.0, rtol=1e-4)
    p = 0.7 / 1.7  # the counts above 0 of a rare NegativeBinomial1 are a logarithmic series
    series = -p / ((1.0 - p) * np.log1p(-p))
    rare = B.Hurdle(B.NegativeBinomial1()).mean(eta, np.ones(400), np.append(0.7, phi))
    assert_allclose(rare, series, rtol=1e-4)


def test_zeros_of_columns_are_those_row_by_row() -> None:
    family = B.ZeroInflated(zeros="~ a").of_columns(("Intercept", "a"), np.eye(2))
    assert family.dispersion == ("zero: Intercept", "zero: a")
    y, eta, a = np.array([0.0, 2.0, 0.0]), np.array([0.3, -1.0, 1.2]), np.array([0.5, -2.0, 3.0])
    m, phi = np.column_stack([np.ones(3), np.ones(3), a]), np.array([-0.4, 0.7])
    found = family.derivatives(y, m, eta, phi)
    by_phi = family.dispersion_derivatives(y, m, eta, phi)
    summed = c_rows(family, y, m, eta, phi)
    for k in range(3):
        row = y[k : k + 1], np.ones(1), eta[k : k + 1], np.array([-0.4 + 0.7 * a[k]])
        assert_allclose(found[:, k], B.ZeroInflated().derivatives(*row)[:, 0], rtol=1e-13)
        by_logit = B.ZeroInflated().dispersion_derivatives(*row)[:, 0, 0]
        assert_allclose(by_phi[:, :, k], by_logit[:, None] * m[k, 1:], rtol=1e-13)
        assert_allclose(family.mean(eta, m, phi)[k], B.ZeroInflated().mean(*row[2:0:-1], row[3])[0])
    assert_allclose(summed[0], found[0].sum(), rtol=1e-13)
    assert_allclose(summed[1:3], by_phi[0].sum(axis=1), rtol=1e-12)
    assert_allclose(summed[3:], found[1], rtol=1e-13)


def test_a_zero_whose_count_overflows_is_a_further_zero() -> None:
    family, phi = B.ZeroInflated(), np.array([0.4])
    found = c_rows(family, np.zeros(1), np.ones(1), np.array([800.0]), phi)
    assert_allclose(found, [-np.log1p(np.exp(-0.4)), expit(-0.4), 0.0], rtol=1e-13)
    start = family.dispersion_start(np.array([0.0, 0, 0, 5]), np.ones(4))
    assert_allclose(expit(start), [0.375], rtol=1e-13)


# ---------------------------------------------------------------- the value


def test_families_are_values() -> None:
    assert B.Binomial("probit") == B.Binomial(link="probit") != B.Binomial()
    assert B.Bernoulli() != B.Binomial()
    assert repr(B.Binomial("probit")) == "Binomial(link='probit')"
    assert B.StudentT(df=3.0) != B.StudentT() == B.StudentT(df=4)
    for df in (3, 3.0, np.float64(3)):  # one type, and so one text
        assert repr(B.StudentT(df=df)) == "StudentT(link='identity', df=3.0)"
    mixed = B.ZeroInflated(B.NegativeBinomial(), "~1")
    assert mixed == pickle.loads(pickle.dumps(mixed)) != B.ZeroInflated()
    assert repr(mixed) == ("ZeroInflated(inside=NegativeBinomial(link='log'), zeros='~ 1')")
    assert mixed.dispersion == ("phi", "logit zero")
    assert mixed.dispersion_kinds == ("positive", "real")
    assert {B.Poisson(): 1}[pickle.loads(pickle.dumps(B.Poisson()))] == 1


def test_machine_code_is_kept_under_the_family() -> None:
    family = B.Poisson()
    family.rows_address()
    family.derivatives(np.ones(1), np.ones(1), np.zeros(1), NONE)
    assert family.is_compiled()
    assert family.rows_address() == B.Poisson().rows_address()
    assert family.rows_address() != B.Bernoulli().rows_address()


def test_rows_add_up_where_their_sum_has_the_same_distribution() -> None:
    adding = {name for name, family in FAMILIES.items() if family.adds_up}
    assert adding == {"Poisson log", *(f"Binomial {link}" for link in B.Binomial.links)}


def test_latent_variances() -> None:
    found = [B.Bernoulli(link).latent_variance(NONE) for link in B.Bernoulli.links]
    assert found == [np.pi**2 / 3, 1.0, np.pi**2 / 6]
    one, two = np.array([0.5]), np.array([[0.5, 4.0], [0.5, 1.5]])
    assert B.Poisson().latent_variance(NONE) is B.BetaBinomial().latent_variance(one) is None
    assert B.Lognormal().latent_variance(one) == 0.25
    assert B.StudentT(df=3.0).latent_variance(one) == pytest.approx(0.75)
    np.testing.assert_allclose(np.asarray(B.StudentT(df=None).latent_variance(two)), [0.5, np.inf])
    assert B.StudentT(df=None).has_latent_scale and not B.Gamma().has_latent_scale


def test_unknown_links_and_words_are_refused() -> None:
    with pytest.raises(hb.FamilyError) as link:
        B.Binomial("cauchit")
    assert str(link.value) == "Binomial has no link 'cauchit'; it has: logit, probit, cloglog"
    with pytest.raises(hb.FamilyError) as df:
        B.StudentT(df=-1.0)
    assert str(df.value) == (
        "StudentT: df must be a positive number, or None to estimate it, not -1.0"
    )
    with pytest.raises(hb.FamilyError) as place:
        B.StudentT(5.0)  # type: ignore[arg-type]  # what is refused
    assert str(place.value) == (
        "StudentT: name the degrees of freedom, df=5.0; the link stands first"
    )
    with pytest.raises(hb.FamilyError) as inside:
        B.ZeroInflated(B.Bernoulli())
    assert str(inside.value) == (
        "zeros are inflated in families of counts (Poisson, NegativeBinomial, NegativeBinomial1, "
        "Binomial, BetaBinomial), not in Bernoulli(link='logit')"
    )
    with pytest.raises(hb.FamilyError) as hurdle:
        B.Hurdle(B.Beta())
    assert str(hurdle.value) == (
        "a hurdle stands before families of counts and of positive numbers (Poisson, "
        "NegativeBinomial, NegativeBinomial1, Gamma, Lognormal), not in Beta(link='logit')"
    )
    assert B.ZeroInflated(zeros="~x").zeros == "~ 1 + x"
    for zeros, said in {
        "x": "what zeros depend on is a formula such as '~ 1' or '~ x', not 'x'",
        "~ 1 + (1 | g)": "what zeros depend on has no random effects: '~ 1 + (1 | g)'",
    }.items():
        with pytest.raises(hb.FamilyError) as inflation:
            B.ZeroInflated(B.Poisson(), zeros)
        assert str(inflation.value) == said
    with pytest.raises(
        hb.FamilyError, match="zeros that depend on columns, '~ 1 \\+ x', need data"
    ):
        B.Hurdle(zeros="~ x").mean(NONE, NONE, NONE)
    with pytest.raises(hb.FamilyError) as word:
        B.by_word("quasi")
    listed = (
        "bernoulli, binomial, betabinomial, poisson, negativebinomial, negativebinomial1, gamma, "
        "lognormal, beta, studentt, cumulative, categorical, zeroinflated, hurdle"
    )
    assert str(word.value) == f"there is no family 'quasi'; there are: gaussian, {listed}"
    assert all(B.by_word(one).name.lower() == one for one in listed.split(", "))


TEXTS = {
    "Binomial('probit')": B.Binomial("probit"),
    "student_t(df=5)": B.StudentT(df=5.0),
    "StudentT('identity', None)": B.StudentT(df=None),
    'ZeroInflated(Poisson(), "~ x")': B.ZeroInflated(B.Poisson(), "~ x"),
    "hurdle(gamma, zeros='~ log(`a b`)')": B.Hurdle(B.Gamma(), "~ log(`a b`)"),
    "hb.families.Hurdle(hb.families.NegativeBinomial1())": B.Hurdle(B.NegativeBinomial1()),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_family_is_read_from_text_and_written_back(text: str) -> None:
    family = read_text(text)
    assert family == TEXTS[text]
    assert read_text(str(family)) == family


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_family_prints_is_its_text(name: str) -> None:
    assert read_text(str(FAMILIES[name])) == FAMILIES[name]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("StudentT(dof=5)", "StudentT takes link, df, not 'dof=5'"),
        ("StudentT('identity', link='identity')", "StudentT takes link, df, not "
         "'link='identity'' twice"),
        ("Poisson('log', 2)", "Poisson takes link, not 2 arguments"),
        ("Categorical(categories='a')", "Categorical takes link, not 'categories='a''"),
        ("StudentT(df=2+3)", "'2 + 3' is no number and no text in quotes"),
        ("StudentT(df=open('x'))", "'open('x')' is no number and no text in quotes"),
        ("(lambda: 1)()", "'lambda: 1' is no name of a family"),
        ("os.Poisson()", "'os.Poisson' is no name of a family"),
        ("ZeroInflated(Poisson(), '~ x'", "'(' was never closed"),
        ("ZeroInflated('poisson')", "''poisson'' is no name of a family"),
    ],
)  # fmt: skip
def test_texts_of_no_family_are_refused(text: str, why: str) -> None:
    with pytest.raises(hb.FamilyError) as refused:
        read_text(text)
    assert str(refused.value) == (
        f"cannot read the family '{text}': {why}; write a word, 'poisson', or its arguments, as in "
        "'StudentT(df=5)' or 'ZeroInflated(Poisson(), \"~ x\")'"
    )


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="y, m and eta differ in shape"):
        B.Poisson().derivatives(np.ones(2), np.ones(2), np.ones(3), NONE)


# ---------------------------------------------------------------- responses


def read(
    family: ResponseFamily, *columns: ArrayLike, form: str = PLAIN
) -> tuple[list[float], list[float]]:
    y, m = family.read(Response("y", columns, form))
    return y.tolist(), m.tolist()


def test_responses_are_read() -> None:
    k = pd.Series([1, 0, 3])
    assert read(B.Binomial(), k, [2, 1, 0], form=FAILURES) == ([1, 0, 3], [3, 1, 3])
    assert read(B.Binomial(), k, [2, 1, 3], form=TRIALS) == ([1, 0, 3], [2, 1, 3])
    assert read(B.Poisson(), k) == ([1, 0, 3], [1, 1, 1])
    assert read(B.StudentT(df=3.0), k) == ([1, 0, 3], [3, 3, 3])
    assert read(B.Gamma(), k + 0.5) == read(B.Lognormal(), k + 0.5) == ([1.5, 0.5, 3.5], [1, 1, 1])
    assert read(B.Beta(), [0.25, 0.5]) == ([0.25, 0.5], [1, 1])
    for trial in ([0, 1, 1], [0.0, 1.0, 1.0], [False, True, True], pd.Series(["n", "y", "y"]),
                  pd.Categorical(["b", "a", "a"], categories=["b", "a"])):  # fmt: skip
        assert read(B.Bernoulli(), trial) == ([0, 1, 1], [1, 1, 1])


def test_outcomes_are_named() -> None:
    text = Response("use", (pd.Series(["Y", "N"]),))
    turned = Response("use", (pd.Categorical(["Y", "N"], categories=["Y", "N"]),))
    assert B.Bernoulli().outcomes(text) == ("N", "Y")
    assert B.Bernoulli().outcomes(turned) == ("Y", "N")
    assert B.Bernoulli().outcomes(Response("use", ([0, 1],))) == ()


def test_ordered_categories_are_read() -> None:
    order = ["low", "none", "mid", "high"]
    given = pd.Categorical(["mid", "low", "high", "low"], categories=order, ordered=True)
    assert read(B.Cumulative(), given) == ([1, 0, 2, 0], [3, 3, 3, 3])
    assert read(B.Cumulative(), [5, 1, 2, 1]) == ([2, 0, 1, 0], [3, 3, 3, 3])
    family = B.Cumulative("probit").of_response(Response("y", (given,)))
    assert family.categories == ("low", "mid", "high")
    assert family.dispersion == ("low|mid", "mid|high")
    assert family.dispersion_kinds == ("ordered", "ordered")
    assert repr(family) == "Cumulative(link='probit')"
    assert read(family, given[:1]) == ([1], [3])
    assert B.Cumulative().of_response(Response("y", ([5.0, 1.0, 2.0, 1.0],))).dispersion == (
        "1|2",
        "2|5",
    )


LABELLED = pd.Series([0.0, 2.0, 0.25, 7.0], index=["a", "b", "c", "d"])
NO_FIT = "the response 'y' does not fit the family "
REFUSED = {
    "counts with decimals": (
        B.Poisson(), (LABELLED,), PLAIN,
        "Poisson: row c has 0.25, 1 of 4 rows are so; counts are 0, 1, 2, …",
    ),
    "negative counts": (
        B.Poisson(), ([3, -1, -2],), PLAIN,
        "Poisson: row 1 has -1, 2 of 3 rows are so; counts are 0, 1, 2, …",
    ),
    "missing counts": (
        B.Poisson(), ([3, np.nan],), PLAIN,
        "Poisson: row 1 has nan, 1 of 2 rows are so; counts are 0, 1, 2, …",
    ),
    "missing whole numbers": (
        B.Poisson(), (pd.Series([3, None], dtype="Int64"),), PLAIN,
        "Poisson: row 1 has nan, 1 of 2 rows are so; counts are 0, 1, 2, …",
    ),
    "infinite counts": (
        B.Poisson(), ([3.0, np.inf],), PLAIN,
        "Poisson: row 1 has inf, 1 of 2 rows are so; counts are 0, 1, 2, …",
    ),
    "more whole successes than trials": (
        B.Binomial(), ([1, 2], [3, 1]), TRIALS,
        "Binomial: row 1 has 2 of 1, 1 of 2 rows are so; there are no more successes than trials",
    ),
    "missing failures": (
        B.Binomial(), ([1, 2], pd.Series([None, 3], dtype="Int64")), FAILURES,
        "Binomial: row 0 has nan failures, 1 of 2 rows are so; failures are counted 0, 1, 2, …",
    ),
    "more successes than trials": (
        B.Binomial(), (LABELLED.round(), [1, 1, 1, 9]), TRIALS,
        "Binomial: row b has 2 of 1, 1 of 4 rows are so; there are no more successes than trials",
    ),
    "negative failures": (
        B.Binomial(), ([1, 2], [1, -1]), FAILURES,
        "Binomial: row 1 has -1 failures, 1 of 2 rows are so; failures are counted 0, 1, 2, …",
    ),
    "trials with decimals": (
        B.Binomial(), ([1, 2], [1.5, 3]), TRIALS,
        "Binomial: row 0 has 1.5 trials, 1 of 2 rows are so; trials are counted 0, 1, 2, …",
    ),
    "nothing positive": (
        B.Gamma(), (LABELLED,), PLAIN,
        "Gamma: row a has 0, 1 of 4 rows are so; it takes numbers above 0",
    ),
    "an infinite number": (
        B.Lognormal(), ([1.0, np.inf],), PLAIN,
        "Lognormal: row 1 has inf, 1 of 2 rows are so; it takes numbers above 0",
    ),
    "a missing number": (
        B.StudentT(), ([1.0, np.nan],), PLAIN,
        "StudentT: row 1 has nan, 1 of 2 rows are so; it takes finite numbers",
    ),
    "a whole share": (
        B.Beta(), ([0.5, 1.0],), PLAIN,
        "Beta: row 1 has 1, 1 of 2 rows are so; shares are above 0 and below 1; counts of "
        "successes have the family Binomial or BetaBinomial",
    ),
    "two ordered categories": (
        B.Cumulative(), ([0, 1, 1],), PLAIN,
        "Cumulative: 2 ordered categories occur, and it takes three or more; two have the family "
        "Bernoulli",
    ),
    "categories with decimals": (
        B.Cumulative(), (LABELLED,), PLAIN,
        "Cumulative: row c has 0.25, 1 of 4 rows are so; ordered categories are whole numbers or "
        "an ordered categorical",
    ),
    "categories in no order": (
        B.Cumulative(), (pd.Categorical(["u", "v", "w"]),), PLAIN,
        "Cumulative: its categories have no order; make it an ordered categorical, "
        "pd.Categorical(…, categories=[…], ordered=True)",
    ),
    "categories as text": (
        B.Cumulative(), (["u", "v", "w"],), PLAIN,
        "Cumulative: it is text, which has no order; make it an ordered categorical, "
        "pd.Categorical(…, categories=[…], ordered=True)",
    ),
    "a category that is new": (
        B.Cumulative(categories=("1", "2", "3")), ([1, 4],), PLAIN,
        "Cumulative: row 1 has 4, 1 of 2 rows are so; the categories are '1', '2', '3'",
    ),
    "a level that is new": (
        B.Cumulative(categories=("a", "b", "c")),
        (pd.Categorical(["c", "d", "a", "d"], ["d", "c", "b", "a"], ordered=True),), PLAIN,
        "Cumulative: row 1 has d, 2 of 4 rows are so; the categories are 'a', 'b', 'c'",
    ),
    "a category that is missing": (
        B.Categorical(categories=("a", "b", "c")),
        (pd.Categorical(["c", None, "a"], ["c", "b", "a"]),), PLAIN,
        "Categorical: row 1 has nan, 1 of 3 rows are so; the categories are 'a', 'b', 'c'",
    ),
    "inflated counts with decimals": (
        B.ZeroInflated(), (LABELLED,), PLAIN,
        "Poisson: row c has 0.25, 1 of 4 rows are so; counts are 0, 1, 2, …",
    ),
    "negative numbers behind a hurdle": (
        B.Hurdle(B.Gamma()), ([0.0, -1.0],), PLAIN,
        "Hurdle Gamma: row 1 has -1, 1 of 2 rows are so; it takes 0 and numbers above 0",
    ),
    "zeros alone": (
        B.Hurdle(), ([0, 0],), PLAIN,
        "Hurdle Poisson: row 0 has 0, 2 of 2 rows are so; some must be above 0, for η is of those",
    ),
    "ones alone behind a hurdle": (
        B.Hurdle(), ([0, 1],), PLAIN,
        "Hurdle Poisson: row 0 has 0, 2 of 2 rows are so; none is above 1, and ones alone say "
        "nothing of a mean of what is above 0: take the family Bernoulli",
    ),
    "single trials of a probability that varies": (
        B.BetaBinomial(), ([0, 1],), PLAIN,
        "BetaBinomial: every row is a single trial, which any precision leaves a Bernoulli one; "
        "take the family Bernoulli",
    ),
    "single trials that say so": (
        B.BetaBinomial(), ([0, 1], [1, 1]), TRIALS,
        "BetaBinomial: every row is a single trial, which any precision leaves a Bernoulli one; "
        "take the family Bernoulli",
    ),
    "single trials with further zeros": (
        B.ZeroInflated(B.Binomial()), ([True, False],), PLAIN,
        "ZeroInflated Binomial: every row is a single trial, of which a further zero cannot be "
        "told from a failure; take the family Bernoulli",
    ),
    "not a single trial": (
        B.Bernoulli(), (LABELLED,), PLAIN,
        "Bernoulli: row b has 2, 3 of 4 rows are so; single trials are 0 or 1, False or True, or a "
        "categorical of two levels; counts out of several trials have the family Binomial",
    ),
    "three levels": (
        B.Bernoulli(), (pd.Series(["u", "v", "w"]),), PLAIN,
        "Bernoulli: it has 3 levels, 'u', 'v', 'w'; single trials have two, of which the second is "
        "the success",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_responses_are_refused_at_their_first_bad_row(case: str) -> None:
    family, columns, form, message = REFUSED[case]
    with pytest.raises(hb.DataError) as refused:
        family.read(Response("y", columns, form))
    assert str(refused.value) == NO_FIT + message


def test_what_is_given_otherwise_is_refused() -> None:
    def refusal(family: ResponseFamily, *columns: ArrayLike, form: str = PLAIN) -> str:
        with pytest.raises(hb.DataError) as refused:
            read(family, *columns, form=form)
        return str(refused.value)

    assert refusal(B.Binomial(), [0.25, 0.5]) == (
        "the response 'y' does not say of how many trials it counts: a share needs its trials: "
        "write 'k | trials(size)' with k = share × size"
    )
    assert refusal(B.Binomial(), [2, 5]) == (
        "the response 'y' does not say of how many trials it counts: write 'cbind(k, failures)' or "
        "'k | trials(size)'; single trials are 0 or 1, False or True, or a categorical of two "
        "levels"
    )
    assert refusal(B.Poisson(), [2, 5], [3, 5], form=TRIALS) == (
        "the response 'y' has trials, which the family Poisson does not take: give one column, or "
        "the family Binomial or BetaBinomial"
    )
    assert refusal(B.Poisson(), ["two", "five"]) == (
        "the response 'y' holds 'two' where this family takes numbers: make it a column of numbers"
    )


def test_categories_that_occur_are_in_their_order_and_found_once() -> None:
    levels = ["z", "none", "m", 3, "a"]
    values = pd.Categorical(["a", "m", None, "z", "m", "a"], levels, ordered=True)
    response = Response("y", (values,))
    family = B.Cumulative().of_response(response)
    assert family.categories == ("z", "m", "a") == family.outcomes(response)
    y, m = family.read(Response("y", (values.dropna(),)))
    assert y.tolist() == [2.0, 1.0, 0.0, 1.0, 2.0] and m.tolist() == [3.0] * 5
