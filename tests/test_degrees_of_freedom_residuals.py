"""Kenward and Roger's method with a residual structure, beside dense matrices of all rows."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.degrees_of_freedom import structured_kenward_roger
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.inference.hypotheses.contrast_df import contrast_df
from hierbayes.residuals.coordinates import derivative
from tests import dense, residual_models

Array = np.ndarray[Any, Any]
FIRST_ORDER = "first order: V taken as linear in the parameters of the errors"
MMRM = "y ~ visit * arm"


def assert_is_dense(
    fit: hb.PointFit,
    V: Array,
    slopes: list[Array],
    method: str = "kenward-roger",
    bends: dict[tuple[int, int], Array] | None = None,
) -> None:
    """The covariance of γ̂, df and scaling of rows by themselves and together."""
    X, Vi = fit.design.rows.X, np.linalg.inv(V)
    p = X.shape[1]
    for L in (np.eye(p)[1:], np.eye(p)[-1:], np.eye(p)[1:3] + 0.5 * np.eye(p)[-2:]):
        adjusted, df, scaling = dense.kenward_roger(X, Vi, slopes, L, bends)
        found = contrast_df(fit, L, method)
        assert_allclose(found.gamma_cov, adjusted, rtol=1e-7, atol=1e-9 * adjusted.max())
        assert_allclose((found.joint, found.scaling), (df, scaling), rtol=1e-7)


def same(codes: Any) -> Array:
    codes = np.asarray(codes)
    return np.asarray(codes[:, None] == codes)


def errors_of(fit: hb.PointFit) -> pd.Series:
    assert isinstance(fit, StructuredPointFit)
    return fit.error_parameters


def sd_of_strata(fit: hb.PointFit, strata: pd.Series) -> Array:
    ratio = errors_of(fit).filter(like="ratio").to_numpy()
    return fit.sigma * np.append(1.0, ratio)[pd.factorize(strata, sort=True)[0]]


def test_unstructured_by_the_entries_of_the_covariance() -> None:
    fit, data = residual_models.fit("MMRM_unstructured", "REML"), residual_models.data
    frame = data("MMRM_unstructured").loc[fit.design.rows.index]
    place, T = frame["visit"].cat.codes.to_numpy(), 4
    at = dict(errors_of(fit))
    sd = fit.sigma * np.array([1.0, *(at[f"ratio[{v}]"] for v in (2, 3, 4))])
    S = np.diag(sd**2)
    inside, slopes, V = same(frame["id"]), [], np.zeros((len(frame),) * 2)
    for a in range(T):
        for b in range(a + 1):
            if b < a:
                S[a, b] = at[f"corr[{b + 1},{a + 1}]"] * sd[a] * sd[b]
            here = np.logical_and.outer(place == a, place == b)
            slopes.append((inside & (here | here.T)).astype(float))
            V += S[a, b] * slopes[-1]
    assert_is_dense(fit, V, slopes)


@pytest.mark.parametrize("name", ["MMRM_AR1_het", "sim_AR1_varIdent_slope"])
def test_autoregression_with_strata(name: str) -> None:
    """By φ and the variances of strata, with and without random effects; with second derivatives.

    Without them it does not matter that the parameters are variances.
    """
    fit = residual_models.fit(name, "REML")
    frame = residual_models.data(name).loc[fit.design.rows.index]
    by, time = ("visit", "v") if name.startswith("MMRM") else ("sex", "t")
    phi, sd = errors_of(fit)["phi"], sd_of_strata(fit, frame[by])
    t = frame[time].to_numpy(dtype=float)
    lag, inside = np.abs(t[:, None] - t), same(frame["id"])
    C = np.where(inside, phi**lag, 0.0)
    V = C * np.outer(sd, sd)
    of_phi = np.where(inside & (lag > 0), lag * phi ** (lag - 1.0), 0.0)
    twice = np.where(inside & (lag > 1), lag * (lag - 1.0) * phi ** (lag - 2.0), 0.0)
    slopes, bends = [of_phi * np.outer(sd, sd)], {(0, 0): twice * np.outer(sd, sd)}
    levels = [(frame[by] == level).to_numpy(dtype=float) for level in np.unique(frame[by])]
    roots = [one / (2.0 * sd) for one in levels]  # ∂sd/∂v of a row, v the variance of a level
    for k, (one, root) in enumerate(zip(levels, roots, strict=True), start=1):
        moved = np.outer(root, sd) + np.outer(sd, root)
        slopes.append(C * moved)
        bends[0, k] = bends[k, 0] = of_phi * moved
        twice = -one / (4.0 * sd**3)
        for m, other in enumerate(roots, start=1):
            both = np.outer(root, other) + np.outer(other, root)
            bends[k, m] = C * (both + (k == m) * (np.outer(twice, sd) + np.outer(sd, twice)))
    Z = fit.design.rows.Z
    for a, b in zip(*np.tril_indices(Z.shape[1]), strict=True):
        both = np.outer(Z[:, a], Z[:, b])
        slopes.append(np.where(inside, both + both.T if a != b else both, 0.0))
        V += fit.G[a, b] * slopes[-1]
    assert_is_dense(fit, V, slopes, "kenward-roger-linear")
    assert_is_dense(fit, V, slopes, "kenward-roger", bends)


def test_variances_of_strata_are_linear_whatever_they_are_called() -> None:
    """Second derivatives by the ratios are those that the chain rule takes back."""
    fit = residual_models.fit("RatPup_varIdent", "REML")
    derivatives = structured_kenward_roger.structured_derivatives(fit)
    bent = structured_kenward_roger.bent(
        fit, derivatives, np.array([[2, 1, 0], [1, 3, 1], [0, 1, 4.0]])
    )
    assert_allclose(bent, 0.0, atol=1e-8 * np.abs(derivatives.of_gamma).max())


@pytest.mark.parametrize("method", ["kenward-roger", "kenward-roger-observed"])
def test_compound_symmetry_is_a_random_intercept(method: str) -> None:
    """V is linear in σ²(1 − ρ) and σ²ρ, whatever the parameters are called."""
    errors = residual_models.fit("MMRM_CS", "REML")
    effects = hb.Model(f"{MMRM} + (1 | id)", residual_models.data("MMRM_CS")).reml()
    one, other = (hb.wald(fit, df=method) for fit in (errors, effects))
    assert_allclose(one.vcov, other.vcov, rtol=1e-5, atol=1e-9)
    assert_allclose(one.rows["df"], other.rows["df"], rtol=1e-5)
    assert_allclose(one.joint, other.joint, rtol=1e-5)


@pytest.mark.parametrize("name", ["MMRM_unstructured", "MMRM_AR1_het", "sim_AR1_varIdent_slope"])
def test_rows_by_the_observed_information_have_satterthwaites_df(name: str) -> None:
    """2/A₂ of one row is Satterthwaite's 2v²/(g'𝒲g), 𝒲 being of G, σ² and the errors together."""
    fit = residual_models.fit(name, "REML")
    plain = hb.wald(fit, df="satterthwaite").rows
    for kind in ("kenward-roger", "kenward-roger-linear"):
        adjusted = hb.wald(fit, df=f"{kind}-observed").rows
        assert_allclose(adjusted["df"], plain["df"], rtol=1e-4)
        assert_allclose(adjusted["se"], hb.wald(fit, df=kind).rows["se"], rtol=0.05)
    assert (adjusted["se"] >= (1.0 - 1e-6) * plain["se"]).all()  # of first order


def test_complete_unstructured_is_hotelling() -> None:
    """Two arms of 8 and 9 persons: t of pooled variances at one visit, T² of all three."""
    rng, arm = np.random.default_rng(2), np.arange(17) % 2
    y = rng.normal(size=(17, 3)) @ np.array([[1.0, 0.5, 0.2], [0, 1, 0.7], [0, 0, 2]])
    frame = pd.DataFrame({"y": y.ravel(), "visit": np.tile([1, 2, 3], 17)})
    frame["arm"], frame["id"] = np.repeat(arm, 3), np.repeat(np.arange(17), 3)
    formula, errors = "y ~ 0 + C(visit) + C(visit):arm", hr.Unstructured("visit", group="id")
    test = hb.wald(hb.Model(formula, frame, residual=errors).reml(), "arm", df="kenward-roger")
    change = y[arm == 1].mean(axis=0) - y[arm == 0].mean(axis=0)
    pooled = (7 * np.cov(y[arm == 1].T) + 8 * np.cov(y[arm == 0].T)) / 15
    cov = pooled * (1 / 8 + 1 / 9)
    assert_allclose(test.rows["estimate"], change, rtol=1e-6)
    assert_allclose(test.rows["se"], np.sqrt(np.diag(cov)), rtol=1e-5)
    assert_allclose(test.rows["df"], 15.0, rtol=1e-5)
    F = change @ np.linalg.solve(cov, change) * (15 - 3 + 1) / (15 * 3)
    assert_allclose(test.joint[["numDF", "denDF", "F"]].iloc[0], [3.0, 13.0, F], rtol=1e-4)


@cache
def crossed() -> pd.DataFrame:
    """Some raters of each of 24 persons, persons in 6 clinics; rows in no order."""
    rng = np.random.default_rng(7)
    person, rater = np.divmod(np.arange(24 * 5), 5)
    frame = pd.DataFrame({"person": person, "rater": (rater + person) % 7, "x": person % 2})
    frame["w"] = rng.uniform(0.5, 2.0, len(frame))
    frame["t"] = rater
    frame["y"] = (
        frame["x"]
        + rng.normal(size=24)[person]
        + rng.normal(size=7)[frame["rater"]]
        + (1.0 + frame["x"]) * rng.normal(size=len(frame))
    )
    return frame.sample(frac=0.9, random_state=1)


def test_crossed_factors_with_weights() -> None:
    frame = crossed()
    fit = hb.Model(
        "y ~ t * x + (1 | person) + (1 | rater)", frame, residual=hr.Strata("x"), weights="w"
    ).reml()
    frame = frame.loc[fit.design.rows.index]
    variance = sd_of_strata(fit, frame["x"]) ** 2 / frame["w"]
    slopes = [np.diag(np.where(frame["x"] == x, 1.0 / frame["w"], 0.0)) for x in (0, 1)]
    slopes += [same(frame[factor]).astype(float) for factor in ("person", "rater")]
    V = np.diag(variance) + sum(g * S for g, S in zip(np.diag(fit.G), slopes[2:], strict=True))
    assert_is_dense(fit, V, slopes)


def test_units_do_not_matter() -> None:
    """Of the response, of a column, and of time."""
    fit = residual_models.fit("sim_AR1_varIdent_slope", "REML")
    formula, structure = residual_models.MODELS["sim_AR1_varIdent_slope"]
    moved = residual_models.data("sim_AR1_varIdent_slope")
    moved = moved.assign(y=1e-6 * moved["y"] + 3.0, t=moved["t"] + 100)
    other = hb.Model(formula, moved, residual=structure).reml()
    tests = [hb.wald(one, "t:sex[T.M]", df="kenward-roger").rows for one in (fit, other)]
    assert_allclose(tests[1]["df"], tests[0]["df"], rtol=1e-4)
    assert_allclose(tests[1]["se"], 1e-6 * tests[0]["se"], rtol=1e-4)


CORRELATIONS = [hr.AR1("v"), hr.CAR1("v"), hr.CompoundSymmetry(), hr.Toeplitz("v"), hr.ARMA("v"),
                hr.Unstructured("visit")]  # fmt: skip


@pytest.mark.parametrize("structure", CORRELATIONS, ids=repr)
def test_slopes_of_correlations_by_differences(structure: Any) -> None:
    grouped = type(structure)(**{**vars(structure), "group": "id"})
    model = hb.Model(MMRM, residual_models.data("MMRM_AR1_het"), residual=grouped)
    assert model.problem.moments is not None
    rows = model.problem.moments.rows
    assert rows.correlation is not None
    times, z = np.unique(rows.correlation.times[:4]), rows.start + 0.1
    exact = derivative(lambda at: rows.correlation_matrix(times, at), z)
    for i, step in enumerate(1e-5 * np.eye(len(z))):
        after, before = (rows.correlation_matrix(times, z + h) for h in (step, -step))
        assert_allclose(exact[..., i], (after - before) / 2e-5, atol=1e-9)


def test_the_first_order_is_called_so() -> None:
    for name, said in (("MMRM_unstructured", False), ("MMRM_CS", False), ("MMRM_AR1_het", True)):
        fit = residual_models.fit(name, "REML")
        texts = (
            str(hb.wald(fit, df="kenward-roger-linear")),
            str(hb.anova(fit, df="kenward-roger-linear")),
            str(fit.summary(df="kenward-roger-linear")),
            fit.intervals(df="kenward-roger-linear").attrs["method"],
        )
        assert [FIRST_ORDER in " ".join(text.split()) for text in texts] == [said] * 4
        assert FIRST_ORDER not in str(hb.wald(fit, df="kenward-roger"))


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(hb.errors.HypothesisError, match="adjusts REML fits, and this is an ML fit"):
        hb.wald(residual_models.fit("MMRM_CS", "ML"), df="kenward-roger")
    fit = residual_models.fit("MMRM_CS", "REML")
    monkeypatch.setattr(structured_kenward_roger, "MOST_ROWS", 3)
    with pytest.raises(hb.errors.HypothesisError, match=r"join 4 rows \(at most 3\)"):
        hb.wald(fit, df="kenward-roger")
    monkeypatch.setattr(structured_kenward_roger, "MOST_ROWS", 4)
    monkeypatch.setattr(structured_kenward_roger, "_MOST_NUMBERS", 300)
    with pytest.raises(hb.errors.HypothesisError, match="takes 2² matrices of the 8 fixed effects"):
        hb.wald(fit, df="kenward-roger")
