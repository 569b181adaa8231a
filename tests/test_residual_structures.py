"""Residual structures against the maxima of nlme's models, found by a dense likelihood."""

import pickle
import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.residual_blocks import correlated, normalised
from hierbayes.estimation.residual_optimum import known
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import ML, REML
from hierbayes.likelihood.residual_moments import second_moments
from hierbayes.likelihood.theta import Theta
from hierbayes.residuals.structure import Product
from tests import residual_models
from tests.residual_models import CASES, MODELS

FITS = [(name, engine) for name in MODELS for engine in ("REML", "ML")]


@pytest.mark.parametrize(("name", "engine"), FITS)
def test_the_maximum_is_that_of_the_dense_likelihood(name: str, engine: str) -> None:
    fit, case = residual_models.fit(name, engine), CASES[name][engine]
    assert_allclose(fit.loglik, case["logLik"], atol=2e-7)
    assert_allclose(fit.sigma, _sigma(fit, case), rtol=1e-4)
    assert fit.maximum.n_parameters == case["npar"]
    assert_allclose(fit.aic, case["AIC"], atol=1e-6)
    assert_allclose(fit.bic, case["BIC_N_minus_p" if engine == "REML" else "BIC_N"], atol=1e-6)
    gamma, se = np.array([*case["fixef"].values()]), np.array([*case["se"].values()])
    assert_allclose(fit.fixef(), gamma, atol=1e-5 * se.max(), rtol=1e-4)
    assert_allclose(np.sqrt(np.diag(fit.vcov())), se, rtol=1e-4)


def _sigma(fit: Any, case: dict[str, Any]) -> float:
    """The reference's at our first stratum."""
    strata = [part for part in (case["variance"] or []) if len(part) > 1]
    first = fit.problem.moments.rows.variances
    if not strata or not first or not hasattr(first[0], "labels"):
        return float(case["sigma"])
    return float(case["sigma"] * strata[0][first[0].labels[0]])


# ---------------------------------------------------------------- beside a dense covariance


def errors_by_hand(structure: hr.ResidualStructure, frame: pd.DataFrame, at: dict[str, Any]) -> Any:
    """R (n, n) written out from the definition of each structure."""
    n = len(frame)
    s, C = np.ones(n), np.eye(n)
    for part in structure.parts:
        match part:
            case hr.Strata(by=by):
                cells = frame[list(by)].astype(str).agg(".".join, axis=1)
                s = s * cells.map({cell: at.get(f"ratio[{cell}]", 1.0) for cell in set(cells)})
            case hr.Power(x=x):
                s = s * np.abs(frame[x]) ** at["power"]
            case hr.Exponential(x=x):
                s = s * np.exp(at["rate"] * frame[x])
            case _:
                C = _correlation_by_hand(part, frame, at)
    s = np.asarray(s)
    return C * np.outer(s, s)


def _correlation_by_hand(part: Any, frame: pd.DataFrame, at: dict[str, Any]) -> Any:
    group = frame[part.group or "g"].to_numpy()
    same = group[:, None] == group
    time = getattr(part, "time", None)
    t = frame[time] if time else frame.groupby(part.group or "g").cumcount()
    lag = np.abs(np.subtract.outer(t.to_numpy(), t.to_numpy()))
    match part:
        case hr.AR1() | hr.CAR1():
            C = np.sign(at["phi"]) ** lag * np.abs(at["phi"]) ** lag
        case hr.CompoundSymmetry():
            C = np.where(np.eye(len(frame)) > 0, 1.0, at["rho"])
        case hr.Toeplitz():
            C = np.vectorize(lambda h: 1.0 if h == 0 else at[f"rho[{int(h)}]"])(lag)
        case hr.ARMA():
            phi, theta = at["phi"], at["theta"]
            first = (1 + phi * theta) * (phi + theta) / (1 + 2 * phi * theta + theta**2)
            C = np.where(lag == 0, 1.0, first * phi ** np.maximum(lag - 1, 0))
        case hr.Unstructured():
            names = sorted(set(t))
            T = np.eye(len(names))
            for a, b in np.ndindex(T.shape):
                if a < b:
                    T[a, b] = T[b, a] = at[f"corr[{names[a]},{names[b]}]"]
            size = np.array([at.get(f"ratio[{name}]", 1.0) for name in names])
            place = t.map(names.index).to_numpy()
            C = (T * np.outer(size, size))[np.ix_(place, place)]
    return np.where(same, C, 0.0)


def drawn_rows(seed: int = 3) -> pd.DataFrame:
    """Some weeks of 14 persons in 4 clinics, in no order."""
    rng = np.random.default_rng(seed)
    rows = [
        {"g": f"p{j}", "clinic": f"c{j % 4}", "week": week, "sex": "FM"[j % 2]}
        for j in range(14)
        for week in sorted(rng.choice(np.arange(1, 6), int(rng.integers(3, 6)), replace=False))
    ]
    frame = pd.DataFrame(rows).sample(frac=1.0, random_state=4).reset_index(drop=True)
    frame["x"] = rng.normal(size=len(frame))
    frame["dose"] = rng.uniform(0.5, 2.0, len(frame))
    effects = dict(zip(sorted(set(frame["g"])), rng.normal(size=14), strict=True))
    frame["y"] = frame["x"] + frame["g"].map(effects) + rng.normal(size=len(frame))
    return frame


ROWS = drawn_rows()
STRUCTURES = [
    hr.AR1("week"),
    hr.AR1(),
    hr.CAR1("week"),
    hr.CompoundSymmetry(),
    hr.Toeplitz("week"),
    hr.ARMA("week"),
    hr.Unstructured("week"),
    hr.Strata("sex"),
    hr.Power("dose"),
    hr.Exponential("x"),
    hr.AR1("week") * hr.Strata("sex"),
    hr.CompoundSymmetry() * hr.Power("dose"),
    hr.ARMA("week") * hr.Exponential("x") * hr.Strata("sex"),
    hr.Unstructured("week") * hr.Strata("sex"),
]
FORMULAS = ["y ~ x + (1 + x | g)", "y ~ x + (1 | clinic) + (x | g)", "y ~ x"]


def posed(structure: hr.ResidualStructure, formula: str) -> hb.Model:
    correlation = structure.correlation
    if "|" not in formula and correlation is not None:
        part: Any = correlation
        part = replace(part, group="g")
        structure = Product((part, *structure.variances))
    return hb.Model(formula, ROWS, residual=structure)


def dense_loglik(model: hb.Model, G: Any, sigma: float, R: Any, *, restricted: bool) -> float:
    design = model.problem.design
    X, Z, y = design.X, design.Z, design.rows.response
    V = sigma**2 * R
    for codes, span in zip(design.rows.codes_of, design.spans, strict=True):
        part = Z[:, span]
        V = V + (part @ G[span, span] @ part.T) * (codes[:, None] == codes)
    W = np.linalg.inv(V)
    gamma = np.linalg.solve(X.T @ W @ X, X.T @ W @ y)
    rest = y - X @ gamma
    k = len(y) - restricted * X.shape[1]
    value = k * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + rest @ W @ rest
    if restricted:
        value += np.linalg.slogdet(X.T @ W @ X)[1]
    return float(-0.5 * value)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.text)
def test_weighted_cross_products_are_those_of_the_dense_covariance(
    structure: hr.ResidualStructure, formula: str
) -> None:
    model = posed(structure, formula)
    moments, rng = model.problem.moments, np.random.default_rng(5)
    assert moments is not None
    rows = moments.rows
    z = rows.start + 0.3 * rng.normal(size=len(rows.start))
    names = [parameter.name for parameter in rows.parameters]
    at = dict(zip(names, rows.natural(z), strict=True))
    assert model.specification.residual is not None
    R = errors_by_hand(model.specification.residual, ROWS, at)
    q = len(model.problem.design.effects)
    L = np.tril(rng.normal(size=(q, q))) * (q > 0)
    blocks = model.problem.design.spans
    mask = np.zeros((q, q))
    for span in blocks:
        mask[span, span] = 1.0
    G, sigma = (L * mask) @ (L * mask).T, 0.8
    for reading in (REML, ML):
        weighted = model.problem.weighted(z)
        likelihood = likelihood_of(weighted.products, reading)
        found = likelihood.at(Theta.of_covariance(G, sigma)).value - weighted.half_log_det
        wanted = dense_loglik(model, G, sigma, R, restricted=reading == REML)
        assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.text)
def test_the_slope_by_fishers_identity_is_that_of_differences(
    structure: hr.ResidualStructure,
) -> None:
    model = posed(structure, FORMULAS[0])
    moments, rng = model.problem.moments, np.random.default_rng(6)
    assert moments is not None
    z = moments.rows.start + 0.3 * rng.normal(size=len(moments.rows.start))
    L = np.tril(rng.normal(size=(2, 2)))
    basis = model.problem.products.basis
    theta = Theta.of_covariance(L @ L.T, 0.8)

    def value(at: Any, reading: Any) -> float:
        weighted = model.problem.weighted(at)
        state = likelihood_of(weighted.products, reading).at(theta)
        return float(state.value) - weighted.half_log_det

    for reading in (REML, ML):
        products = moments.at(z).products
        assert isinstance(products, CrossProducts)
        sigma = float(theta.internal(basis)[1])
        E = second_moments(theta.relative(basis), sigma, products, reading)
        steps = 1e-5 * np.eye(len(z))
        wanted = [(value(z + h, reading) - value(z - h, reading)) / 2e-5 for h in steps]
        assert_allclose(-moments.slope(z, E), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.text)
def test_errors_in_order_of_time_have_the_root_of_that_covariance(
    structure: hr.ResidualStructure,
) -> None:
    moments = posed(structure, FORMULAS[0]).problem.moments
    assert moments is not None
    rows = moments.rows
    z = rows.start + 0.3 * np.random.default_rng(7).normal(size=len(rows.start))
    names = [parameter.name for parameter in rows.parameters]
    R = errors_by_hand(structure, ROWS, dict(zip(names, rows.natural(z), strict=True)))
    root = np.stack([correlated(rows, z, one) for one in np.eye(len(ROWS))], axis=1)
    assert_allclose(root @ root.T, R, atol=1e-12)
    assert_allclose(rows.row_sd(z), np.sqrt(np.diag(R)), rtol=1e-12)
    back = np.stack([normalised(rows, z, one) for one in root.T], axis=1)
    assert_allclose(back, np.eye(len(ROWS)), atol=1e-10)
    if not any(getattr(part, "time", 0) is None for part in structure.parts):
        assert_allclose(rows.row_sd_of(ROWS, z), rows.row_sd(z), rtol=1e-12)


# ---------------------------------------------------------------- what is said of them


def limits(table: pd.DataFrame, called: str, fit: Any) -> Any:
    """Our limits of a parameter as the reference calls it."""
    block, name = "residual", called
    if called == "sigma":
        block = "sigma"
    elif match := re.match(r"sd\[\w+\]\((.*)\)", called):
        block, name = "sd", match[1].replace("(Intercept)", "Intercept")
    elif re.match(r"cor\[", called):
        return table.loc["corr"].iloc[0]
    elif match := re.match(r"var1\.\((.*)\)", called):
        name = f"ratio[{match[1]}]"
    elif called.startswith("var1."):
        name = {"var1.power": "power", "var1.exp": "rate"}[called]
    elif match := re.fullmatch(r"cor(\d*)", called):
        names = [one for one in table.loc["residual"].index if re.match("phi|rho|corr", one)]
        by_column = sorted(names)  # nlme goes down the columns, ours along the rows
        name = by_column[int(match[1] or 1) - 1]
    return table.loc[(block, name)]


@pytest.mark.parametrize(("name", "engine"), FITS)
def test_limits_are_those_of_the_exact_hessian(name: str, engine: str) -> None:
    case = CASES[name][engine]
    if "intervals" not in case:  # the maximum is singular
        assert name == "Soybean_CAR1_varIdent"
        return
    fit = residual_models.fit(name, engine)
    table, wanted = fit.intervals(), case["intervals"]
    for called, *two in zip(wanted["names"], wanted["lower"], wanted["upper"], strict=True):
        found = limits(table, called, fit)
        of_fisher = "CS" in name and called == "cor"  # on the scale log((1 + ρ)/(1 − ρ))
        lower, upper = above_the_least(two, found["estimate"], -1.0 / 3.0) if of_fisher else two
        width = upper - lower
        assert_allclose(found["lower"], lower, atol=1e-3 * width, err_msg=called)
        assert_allclose(found["upper"], upper, atol=1e-3 * width, err_msg=called)


def above_the_least(limits: list[float], rho: float, least: float) -> list[float]:
    """Limits of a correlation on nlme's scale log((ρ − least)/(1 − ρ)), from those on Fisher's."""
    half = (np.arctanh(limits[1]) - np.arctanh(limits[0])) / 2.0 * (1.0 - rho**2)
    half *= (1.0 - least) / ((rho - least) * (1.0 - rho))
    middle = np.log((rho - least) / (1.0 - rho))
    odds = np.exp([middle - half, middle + half])
    return [float(one) for one in (least + odds) / (1.0 + odds)]


def test_limits_of_a_negative_correlation_are_correlations_that_can_be() -> None:
    """ρ > −1/3 of groups of four; ρ̂ and limits as nlme's, whose information is by differences."""
    k = np.arange(48.0)
    errors = np.sin(1.7 * k**1.3).reshape(12, 4)
    errors -= 0.6 * errors.mean(axis=1, keepdims=True)
    data = pd.DataFrame({"y": errors.ravel(), "g": np.repeat(np.arange(12), 4)})
    data["x"] = np.cos(2.9 * k)
    fit = hb.Model("y ~ x", data, residual=hr.CompoundSymmetry(group="g")).reml()
    row = fit.intervals().loc[("residual", "rho")]
    assert_allclose(row.to_numpy(), [-0.263533, -0.165620, 0.030133], atol=5e-5)


def test_a_likelihood_ratio_of_errors() -> None:
    frame = residual_models.data("sim_AR1_varIdent_slope")
    formula = MODELS["sim_AR1_varIdent_slope"][0]
    both = residual_models.fit("sim_AR1_varIdent_slope", "ML")
    alike = hb.Model(formula, frame).ml()
    test = hb.likelihood_ratio(alike, both)
    assert_allclose(test.chisq, 2.0 * (both.loglik - alike.loglik), rtol=1e-12)
    assert test.df == 2
    assert test.mixture is None
    assert test.tested == "tested: 2 parameters of the errors that the larger model has more"
    rows = residual_models.fit("sim_AR1_row_order", "ML")
    message = (
        "the errors AR1() of the model with fewer parameters are no special case of "
        "AR1('t') * Strata('sex'); compare them by AIC or BIC, see model_table()"
    )
    with pytest.raises(hb.InferenceError, match=f"^{re.escape(message)}$"):
        hb.likelihood_ratio(rows, both)
    assert list(hb.model_table(alike, both).table["parameters"]) == [8, 10]


def test_a_correlation_at_the_limit_of_its_range_is_said() -> None:
    frame = residual_models.data("BodyWeight_CAR1")
    alike = hb.Model("weight ~ Time * Diet + (Time | Rat)", frame).reml()
    test = hb.likelihood_ratio(alike, residual_models.fit("BodyWeight_CAR1", "REML"))
    assert test.advice == (
        "under the smaller model the correlation of CAR1 is 0, the limit of its φ: the p-value of "
        "χ² is too large, of this one parameter alone twice"
    )
    assert (
        "nothing that is tested lies on a boundary"
        in hb.likelihood_ratio(
            hb.Model("y ~ t * sex + (t | id)", residual_models.data("sim_AR1_row_order")).reml(),
            residual_models.fit("sim_AR1_row_order", "REML"),
        ).advice
    )


def test_new_responses_of_rows_have_the_variance_of_their_stratum() -> None:
    fit = residual_models.fit("RatPup_varIdent", "REML")
    assert isinstance(fit, StructuredPointFit)
    frame = residual_models.data("RatPup_varIdent").iloc[[0, 100, 200]]
    mean = fit.predict(frame, prob=0.9)
    new = fit.predict(frame, prob=0.9, kind="response")
    ratio = {"Control": 1.0} | {
        level: fit.error_parameters[f"ratio[{level}]"] for level in ("Low", "High")
    }
    sd = fit.sigma * frame["Treatment"].astype(str).map(ratio)
    assert_allclose(new["se"], np.hypot(mean["se"], sd), rtol=1e-12)
    pearson = fit.residuals(kind="pearson").loc[frame.index]
    assert_allclose(pearson, fit.residuals().loc[frame.index] / sd, rtol=1e-12)


# ---------------------------------------------------------------- refused


TEXT: Any = "AR1"
REFUSED: list[tuple[str, Any, type[Exception], str]] = [
    ("no structure", lambda: hb.Model("y ~ x + (1 | g)", ROWS, residual=TEXT), hb.ResidualError,
     "residual is a structure of hb.residuals, such as hb.residuals.AR1('week'), not 'AR1'"),
    ("two correlations", lambda: hr.AR1() * hr.CompoundSymmetry(), hb.ResidualError,
     "errors have one correlation, and these are 2: AR1(), CompoundSymmetry(); keep one"),
    ("added", lambda: hr.AR1("week") + hr.Strata("sex"), hb.ResidualError,
     "structures of errors are multiplied: AR1('week') * Strata('sex')"),
    ("no times", hr.CAR1, hb.ResidualError,
     "CAR1 takes the column of its times, as in hb.residuals.CAR1('day'); the order of rows is the "
     "time of AR1()"),
    ("twice", lambda: hr.Strata("sex") * hr.Strata("sex"), hb.ResidualError,
     "a part is there twice: Strata('sex') * Strata('sex')"),
    ("variances twice", lambda: hb.Model("y ~ x + (1 | g)", ROWS.assign(late=ROWS["week"] > 3),
                                         residual=hr.Unstructured("week") * hr.Strata("late")),
     hb.DataError,
     "Unstructured('week') has a variance for each occasion, of which Strata('late') is a function "
     "in these rows; leave it out, or name what differs between the groups, such as their"),
    ("one name twice", lambda: hb.Model("y ~ x + (1 | g)", ROWS.assign(arm=1 + (ROWS["x"] > 0)),
                                        residual=hr.Unstructured("week") * hr.Strata("arm")),
     hb.DataError,
     "two parameters of Unstructured('week') * Strata('arm') are called 'ratio[2]', for two of its "
     "columns have a level of that name; rename the levels of one"),
    ("one name of several columns", lambda: hb.Model(
        "y ~ x + (1 | g)",
        ROWS.assign(a=np.where(ROWS["x"] > 0, "p", "p.q"), b=np.where(ROWS["x"] > 0, "q.r", "r"),
                    c=ROWS["sex"]), residual=hr.Strata("c", "a", "b")), hb.DataError,
     "two parameters of Strata('c', 'a', 'b') are called 'ratio["),
    ("one name of several types", lambda: hb.Model(
        "y ~ x + (1 | g)",
        ROWS.assign(arm=pd.Categorical.from_codes(np.arange(len(ROWS)) % 3, ["a", 1, "1"])),
        residual=hr.Strata("arm")), hb.DataError,
     "two parameters of Strata('arm') are called 'ratio[1]', for two of its columns have a level"),
    ("repeated time", lambda: hb.Model("y ~ x + (1 | clinic)", ROWS, residual=hr.AR1("week")),
     hb.DataError, "'clinic' c0 has two rows with week = 5, so that they have no order in time"),
    ("fractions", lambda: hb.Model("y ~ x + (1 | g)", ROWS.assign(week=ROWS["week"] / 2),
                                   residual=hr.AR1("week")), hb.DataError,
     "the times of this structure are whole numbers, and 'week' is "),
    ("no column", lambda: hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.AR1("weak")), hb.DataError,
     "there is no column 'weak'"),
    ("text as time", lambda: hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.CAR1("sex")),
     hb.DataError, "the times of correlated errors must be numbers, and column 'sex' is "),
    ("one stratum", lambda: hb.Model("y ~ x + (1 | g)", ROWS.assign(s="a"),
                                     residual=hr.Strata("s")), hb.DataError,
     "the strata s have one level in the rows used, 'a'; leave them out"),
    ("no power of 0", lambda: hb.Model("y ~ x + (1 | g)", ROWS.assign(dose=0.0),
                                       residual=hr.Power("dose")), hb.DataError,
     "|dose|^δ has no size where dose is 0, as in row 0; move the origin, or use "
     "hb.residuals.Exponential"),
    ("gls without group", lambda: hb.Model("y ~ x", ROWS, residual=hr.AR1("week")),
     hb.FormulaError,
     "name the group within which errors are correlated, as in AR1(..., group='id'), for the model "
     "has no random part"),
    ("across groups", lambda: hb.Model("y ~ x + (1 | g)", ROWS,
                                       residual=hr.CompoundSymmetry("clinic")), hb.DataError,
     "errors are correlated within 'clinic', and its groups have rows in several groups of 'g'; "
     "name a group that is inside those of every grouping factor, or leave the correlation out"),
    ("with a family", lambda: hb.Model("y ~ x + (1 | g)", ROWS.assign(y=1), family="poisson",
                                       residual=hr.AR1("week")), hb.ResidualError,
     "residual structures are of Gaussian responses, and the family is "),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "message"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
def test_what_cannot_be_is_refused_in_words(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        make()


def test_any_covariance_of_visits_is_larger_in_one_stratum() -> None:
    """nlme 3.1: gls, corSymm and varComb(varIdent(~1 | Sex), varIdent(~1 | age))."""
    data, errors = hb.load_dataset("orthodont"), hr.Unstructured("age", group="Subject")
    model = hb.Model("distance ~ C(age) * Sex", data, residual=errors * hr.Strata("Sex"))
    fit: Any = model.reml()
    assert_allclose(fit.loglik, -202.276052106, atol=1e-7)
    found = fit.error_parameters
    names = ["corr[8,10]", "corr[12,14]", "ratio[Female]", "ratio[10]", "ratio[14]"]
    wanted = [0.66906082, 0.81858282, 0.59769829, 0.88521395, 1.03387630]
    assert_allclose(found[names], wanted, rtol=1e-4)
    assert_allclose(fit.sigma, 2.9434316, rtol=1e-4)
    assert str(fit.equations()).count("0.598 (Female)") == 2  # of the rows, and combined
    for dialect in ("nlme", "brms"):
        again = hb.read_code(dialect, model.emit(dialect, data="d"), data=data)
        assert again.specification.residual == model.specification.residual


def test_weights_stand_beside_a_structure() -> None:
    """Var e = σ²R/w: the same as a known variance function times a structure."""
    frame = ROWS.assign(w=ROWS["dose"] ** 2)
    model = hb.Model(FORMULAS[0], frame, residual=hr.AR1("week"), weights="w")
    fit = model.reml()
    assert isinstance(fit, StructuredPointFit)
    R = errors_by_hand(hr.AR1("week"), frame, dict(fit.error_parameters))
    size = 1.0 / frame["dose"].to_numpy()
    wanted = dense_loglik(model, fit.G, fit.sigma, R * np.outer(size, size), restricted=True)
    assert_allclose(fit.loglik, wanted, rtol=1e-10)


def test_the_next_occasion_given_those_before_is_that_of_one_normal_distribution() -> None:
    """Dense: (y, y*) normal given θ, γ flat; the mean and variance of y* given y."""
    structure = hr.AR1("week") * hr.Strata("sex")
    known = ROWS[ROWS["week"] < 5]
    new = ROWS[(ROWS["week"] == 5) & ROWS["g"].isin(set(known["g"]))].head(4)
    model = hb.Model("y ~ x + (1 + x | g)", known, residual=structure)
    fit = model.reml()
    assert isinstance(fit, StructuredPointFit)
    table = fit.predict(new, prob=0.9, kind="response", errors="given")
    both = pd.concat([known, new])
    R = errors_by_hand(structure, both, dict(fit.error_parameters))
    X = np.column_stack([np.ones(len(both)), both["x"]])
    g = both["g"].to_numpy()
    V = fit.sigma**2 * R + (X @ fit.G @ X.T) * (g[:, None] == g)
    n = len(known)
    W = np.linalg.inv(V[:n, :n])
    A = np.linalg.inv(X[:n].T @ W @ X[:n])
    gamma = A @ X[:n].T @ W @ known["y"].to_numpy()
    K = V[n:, :n] @ W
    mean = X[n:] @ gamma + K @ (known["y"].to_numpy() - X[:n] @ gamma)
    left = X[n:] - K @ X[:n]
    variance = V[n:, n:] - K @ V[:n, n:] + left @ A @ left.T
    assert_allclose(table["predicted"], mean, rtol=1e-9)
    assert_allclose(table["se"], np.sqrt(np.diag(variance)), rtol=1e-9)
    message = "row .* stands at a week at which its 'g' has a row of the fit"
    with pytest.raises(hb.DataError, match=f"^{message}"):
        fit.predict(known.head(1), errors="given")
    alike = hb.Model("y ~ x + (1 + x | g)", known).reml()
    with pytest.raises(
        hb.ResidualError, match=r"^errors='given' is of a fit whose errors are corr"
    ):
        alike.predict(new, errors="given")


def test_the_next_occasion_of_categories_of_which_some_do_not_occur() -> None:
    """Columns of the errors, which no term names, stay beside a factor that loses its levels."""
    known = ROWS[ROWS["week"] < 5].assign(sex=ROWS["sex"].astype("category"))
    new = ROWS[(ROWS["week"] == 5) & ROWS["g"].isin(set(known["g"]))].head(1)
    of_one = new.assign(sex=pd.Categorical(new["sex"], known["sex"].cat.categories))
    fit = hb.Model("y ~ x + sex", known, residual=hr.AR1("week", group="g")).reml()
    given = fit.predict(new, errors="given")
    pd.testing.assert_series_equal(fit.predict(of_one, errors="given"), given)
    assert abs(given - fit.predict(new)).item() > 1e-3


def test_an_occasion_that_no_row_has_is_given_by_those_before() -> None:
    """Of ARMA(1, 1) before, between and after those of the fit; of Toeplitz nothing is known."""
    frame = ROWS.assign(t=2 * ROWS["week"] + 3)
    fit = hb.Model("y ~ x", frame, residual=hr.ARMA("t", group="g")).reml()
    assert isinstance(fit, StructuredPointFit)
    at = dict(zip(fit.error_parameters.index, fit.error_parameters, strict=True))
    own = frame[frame["g"] == frame["g"].iloc[0]]
    new = own.iloc[[0, 0, 0, 0]]
    new = new.assign(t=[1, int(own["t"].iloc[0]) + 1, int(own["t"].max()) + 3, 10**6])
    both = pd.concat([own, new], ignore_index=True)
    C = _correlation_by_hand(hr.ARMA("t", group="g"), both, at)
    mean, n = both.assign(one=1.0)[["one", "x"]].to_numpy() @ fit.fixef().to_numpy(), len(own)
    left = np.linalg.solve(C[:n, :n], own["y"] - mean[:n])
    assert_allclose(fit.predict(new, errors="given"), mean[n:] + C[n:, :n] @ left, rtol=1e-8)
    with pytest.raises(hb.DataError) as caught:
        fit.predict(new.assign(t=1.5), errors="given")
    assert str(caught.value).endswith(" is 1.5; round it, or use hb.residuals.CAR1")
    full = hb.Model("y ~ x", ROWS, residual=hr.Toeplitz("week", group="g")).reml()
    with pytest.raises(hb.DataError, match=r"^the fit has no occasion week = 99; it has: "):
        full.predict(ROWS.head(1).assign(week=99), errors="given")


def test_the_next_occasion_weighs_what_it_says() -> None:
    """With weights the new error has variance σ²/w*, and covariances σ²C/√(w w*)."""
    known = ROWS[ROWS["week"] < 5].assign(w=lambda d: 1.0 + d["week"] % 2)
    new = ROWS[(ROWS["week"] == 5) & ROWS["g"].isin(set(known["g"]))].head(2).assign(w=4.0)
    fit = hb.Model("y ~ x + (1 | g)", known, residual=hr.AR1("week"), weights="w").reml()
    found = fit.predict(new, errors="given", effects="all")
    assert isinstance(fit, StructuredPointFit)
    for label, row in new.iterrows():
        mine = pd.concat([known[known["g"] == row["g"]], new.loc[[label]]])
        C = fit.error_parameters["phi"] ** np.abs(np.subtract.outer(*[mine["week"].to_numpy()] * 2))
        V = fit.G[0, 0] + fit.sigma**2 * C / np.sqrt(np.outer(mine["w"], mine["w"]))
        mean = fit.fixef()["Intercept"] + fit.fixef()["x"] * mine["x"].to_numpy()
        rest = np.linalg.solve(V[:-1, :-1], mine["y"].to_numpy()[:-1] - mean[:-1])
        assert_allclose(found[label], mean[-1] + V[-1, :-1] @ rest, rtol=1e-9)
    with pytest.raises(hb.DataError, match=r"are: give them the column of the weights, 'w'$"):
        fit.predict(new.drop(columns="w"), errors="given")


@pytest.mark.parametrize(
    ("structure", "column"),
    [
        (hr.AR1("week"), "week"), (hr.Unstructured("week"), "week"), (hr.ARMA("week"), "week"),
        (hr.Toeplitz("week"), "week"), (hr.AR1("week") * hr.Strata("sex"), "sex"),
        (hr.AR1() * hr.Strata("sex"), "sex"), (hr.AR1("week", group="g"), "week"),
    ], ids=str,
)  # fmt: skip
def test_the_next_occasion_needs_the_columns_of_its_errors(
    structure: hr.ResidualStructure, column: str
) -> None:
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=structure)
    fits: list[hb.Fit] = [model.reml()]
    if isinstance(structure.correlation, hr.AR1):
        fits.append(model.sample(draws=50, chains=2, seed=1, progress=False))
    message = f"the errors of these rows need column '{column}', of {structure.text}; add it"
    for fit in fits:
        for prob in (None, 0.9):
            with pytest.raises(hb.DataError, match=f"^{re.escape(message)}$"):
                fit.predict(ROWS.head(2).drop(columns=column), errors="given", prob=prob)


@pytest.mark.parametrize(
    "structure", [hr.Unstructured("week"), hr.CompoundSymmetry(), hr.Toeplitz("week")], ids=str
)
def test_errors_that_hold_the_random_intercept_are_said_not_to_be_told_from_it(
    structure: hr.ResidualStructure,
) -> None:
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=structure)
    diagnosis = model.reml().diagnose()
    assert not diagnosis.ok
    assert "the data do not tell them from each other or from the random effects" in str(
        " ".join(diagnosis.findings)
    )
    assert model.reml().intervals().loc["residual", ["lower", "upper"]].isna().to_numpy().all()
    alone = hb.Model("y ~ x + (0 + x | g)", ROWS, residual=structure).reml()
    assert "do not tell them" not in " ".join(alone.diagnose().findings)


def test_an_information_of_nothing_tells_nothing_whatever_its_rounding() -> None:
    found = residual_models.fit("RatPup_varIdent", "REML")
    assert isinstance(found, StructuredPointFit)
    assert found.errors.is_told
    for value in (1e-9, 0.0, -1e-9):
        flat = replace(found.errors, around=partial(known, np.array([[value]]), ()))
        assert not flat.is_told
    close = np.array([[4.0, 4.0 - 1e-5], [4.0 - 1e-5, 4.0]])
    assert not replace(found.errors, around=partial(known, close, ())).is_told
    apart = close + np.diag([0.0, 1.0])
    assert replace(found.errors, around=partial(known, apart, ())).is_told


def test_a_product_that_has_been_asked_for_its_parts_is_what_it_was() -> None:
    asked, fresh = (hr.AR1("t") * hr.Power("x") * hr.Strata("s") for _ in range(2))
    assert asked.correlation == hr.AR1("t")
    assert asked.variances == (hr.Power("x"), hr.Strata("s"))
    assert (hr.Power() * hr.AR1()).follows_fitted
    assert not asked.follows_fitted
    assert asked == fresh
    assert hash(asked) == hash(fresh)
    assert repr(asked) == repr(fresh)
    again = pickle.loads(pickle.dumps(asked))
    assert again == fresh
    assert again.variances == asked.variances


@pytest.mark.parametrize(
    ("part", "correlation", "variances"),
    [
        (hr.AR1("t"), hr.AR1("t"), ()),
        (hr.Strata("s"), None, (hr.Strata("s"),)),
        (hr.StudentT(), None, ()),
    ],
    ids=repr,
)
def test_a_part_is_a_correlation_or_a_variance_or_neither(
    part: Any, correlation: Any, variances: Any
) -> None:
    assert (part.correlation, part.variances) == (correlation, variances)
    assert part.parts == (part,)


def test_arma_has_correlations_up_to_its_limits() -> None:
    """Where φ and θ are ±1 in all digits, as in between: that of neighbours is no 0/0."""
    matrix = hr.ARMA("week").matrices(tuple("01234")).matrix
    for a, b in [(0.4, -0.7), (-1.1, 0.3), (2.0, 0.0), (0.0, 0.9)]:
        phi, theta = np.tanh(a), np.tanh(b)
        first = (1.0 + phi * theta) * (phi + theta) / (1.0 + 2.0 * phi * theta + theta**2)
        assert_allclose(matrix(np.array([a, b]))[0], [1, *first * phi ** np.arange(4)], rtol=1e-13)
    ends = {(30.0, -30.0): 0.0, (30.0, 30.0): 1.0, (-30.0, 30.0): 0.0, (-30.0, 10.0): -1.0,
            (400.0, -900.0): 0.0, (20.0, -10.0): 0.5}  # fmt: skip
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        for (a, b), wanted in ends.items():
            assert_allclose(matrix(np.array([a, b]))[0, 1], wanted, atol=1e-8)
            assert np.isfinite(matrix(np.array([a, b + 1e-30j]))).all()
