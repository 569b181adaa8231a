"""Autocorrelations and semivariograms of residuals within groups, by loops and as nlme has them."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm

import hierbayes as hb
from hierbayes import plots
from tests import residual_models

mpl.use("Agg")
# nlme 3.1-162: ACF(fit, resType = "normalized"), Variogram(fit, form = ~Time), where Time is of
# BodyWeight; and ACF(fit), Variogram(fit, form = ~age) of Orthodont
ACF = [1.0, -0.1506519786, -0.0941307865, -0.0684417855, -0.2680317529, 0.1589166973,
       -0.3610991944, -0.1418676678, 0.1010491486, -0.1026263519, 0.8169431984]  # fmt: skip
VARIOGRAM = [0.3929220781, 0.9147383960, 0.7349365631, 0.8453261803, 0.6820608402, 0.8729903598,
             1.0146037672, 1.8143847203, 1.0716968669, 1.1376891389, 0.8004977614, 0.9511688935,
             0.7776285561, 0.7956598462, 1.1330236133, 1.7634048727, 0.5740462903, 0.6662945931,
             0.3736184104]  # fmt: skip
IN_CLASSES = [0.8511309899, 1.1478740617, 0.8486679582, 0.8049959315]  # of nint = 5, the first less


@pytest.fixture(scope="module")
def rats() -> hb.PointFit:
    return residual_models.fit("BodyWeight_CAR1", "REML")


@pytest.fixture(scope="module")
def teeth() -> hb.PointFit:
    """Rows in no order, with groups of 1, 2 and more, and gaps in age."""
    data = hb.load_dataset("orthodont")
    data = data[~((data["Subject"] == "M01") & (data["age"] > 8)) & (data.index % 7 != 3)]
    data = data.sample(frac=1.0, random_state=3)
    return hb.Model("distance ~ age * Sex + (1 | Subject)", data).reml()


def by_loops(fit: hb.PointFit, time: str) -> dict[float, list[tuple[int, int]]]:
    """The pairs of rows by how far they are apart, the earlier row first."""
    t, codes = fit.design.rows.frames[0][time].to_numpy(), fit.design.rows.codes
    found: dict[float, list[tuple[int, int]]] = {}
    for i in range(len(t)):
        for k in range(len(t)):
            if codes[i] == codes[k] and t[i] < t[k]:
                found.setdefault(float(t[k] - t[i]), []).append((i, k))
    return dict(sorted(found.items()))


def test_they_are_those_of_nlme(rats: hb.PointFit) -> None:
    found = hb.residual_acf(rats)
    assert_allclose(found.table["acf"], ACF, rtol=2e-4, atol=1e-5)
    assert found.table["pairs"].tolist() == [176, *range(160, 0, -16)]
    variogram = hb.residual_variogram(rats, "Time", "pearson")
    assert_allclose(variogram.table["variogram"], VARIOGRAM, rtol=2e-4)
    table = hb.residual_variogram(rats, "Time", "pearson", bins=5, max_distance=40).table
    assert table["pairs"].tolist() == [176, 160, 144, 112, 112]
    assert table["distance"].tolist() == [7.0, 14.0, 21.0, 28.0, 35.0]
    assert_allclose(table["variogram"][1:], IN_CLASSES, rtol=2e-4)
    fit = hb.Model("distance ~ age * Sex + (1 | Subject)", hb.load_dataset("orthodont")).reml()
    assert_allclose(
        hb.residual_acf(fit).table["acf"], [1.0, -0.3189564326, -0.0787655958, -0.5761551705]
    )
    table = hb.residual_variogram(fit, "age").table
    assert_allclose(table["variogram"], [1.0027977896, 0.8208478983, 1.2017626868])


def test_autocorrelations_are_those_of_loops(teeth: hb.PointFit) -> None:
    found = hb.residual_acf(teeth, "age", max_lag=9, prob=0.9)
    r, pairs = teeth.residuals(kind="pearson").to_numpy(), by_loops(teeth, "age")
    table = found.table.iloc[1:]
    assert found.table["pairs"].tolist() == [len(r), *map(len, pairs.values())]
    assert table["lag"].tolist() == list(pairs) == [2, 4, 6]
    wanted = [np.mean([r[i] * r[k] for i, k in one]) / np.mean(r**2) for one in pairs.values()]
    assert_allclose(table["acf"], wanted, rtol=1e-12)
    assert_allclose(table["upper"], norm.ppf(0.95) / np.sqrt(table["pairs"]), rtol=1e-12)
    assert (table["lower"] == -table["upper"]).all()
    assert found.table.attrs == {"kind": "normalized", "group": "Subject", "time": "age",
                                 "prob": 0.9}  # fmt: skip
    assert hb.residual_acf(teeth, "age", max_lag=4).table["lag"].tolist() == [0, 2, 4]


def test_a_semivariogram_is_that_of_loops(teeth: hb.PointFit) -> None:
    """Its limits by the eigenvalues of each quadratic form."""
    table = hb.residual_variogram(teeth, "age", "response").table
    r, pairs = teeth.residuals().to_numpy(), by_loops(teeth, "age")
    assert table["distance"].tolist() == list(pairs)
    s2 = teeth.sigma**2
    for row, of in zip(table.itertuples(), pairs.values(), strict=True):
        assert row.pairs == len(of)
        form = np.zeros((len(r), len(r)))
        for i, k in of:
            form[[i, k], [i, k]] += 0.5 / len(of)
            form[[i, k], [k, i]] -= 0.5 / len(of)
        assert_allclose(row.variogram, r @ form @ r, rtol=1e-10)
        weights = np.linalg.eigvalsh(form)
        df = 2.0 * weights.sum() ** 2 / (2.0 * (weights**2).sum())
        assert_allclose([row.lower, row.upper], s2 * chi2.ppf([0.025, 0.975], df) / df, rtol=1e-8)


def test_times_and_groups_may_be_stated(rats: hb.PointFit, teeth: hb.PointFit) -> None:
    frame = teeth.design.rows.frames[0]
    by_name = hb.residual_acf(teeth, "age").table
    for age in (frame["age"], frame["age"].to_numpy() + 0.5, [*frame["age"]]):
        assert_allclose(hb.residual_acf(teeth, age).table, by_name)
    assert hb.residual_acf(teeth, frame["age"]).table.attrs["time"] == "age"
    sexes = hb.residual_variogram(teeth, "age", group="Sex").table
    assert (sexes["distance"].iloc[0], sexes.attrs["group"]) == (0.0, "Sex")
    by_factor = hb.residual_acf(teeth, "age").table
    codes = teeth.design.rows.codes
    for group in (frame["Subject"], frame["Subject"].tolist(), codes, pd.Categorical(codes)):
        assert_allclose(hb.residual_acf(teeth, "age", group=group).table, by_factor)
    assert hb.residual_acf(teeth, "age", group=frame["Subject"]).table.attrs["group"] == "Subject"
    # without a time rows are in that of the correlation
    half = hb.residual_acf(rats, rats.design.rows.frames[0]["Time"] * 2)
    assert_allclose(half.table["acf"], hb.residual_acf(rats, "Time").table["acf"])
    assert half.table["lag"].tolist() == [0, 2, 12, 14, 16, 26, 28, 30]
    data = residual_models.data("BodyWeight_CAR1")
    data = data.assign(Time=data["Time"].where(data.index != 5)).sample(frac=1.0, random_state=1)
    formula, structure = residual_models.MODELS["BodyWeight_CAR1"]
    fit = hb.Model(formula, data, residual=structure).ml()
    order = hb.residual_acf(fit).table
    place = data["Time"].groupby(data["Rat"]).rank()
    assert_allclose(hb.residual_acf(fit, place).table["acf"][: len(order)], order["acf"])


def test_errors_that_are_not_correlated_are_compared_within_groups_that_are_stated() -> None:
    """The model has no groups, and a row that is left out has one all the same."""
    data = hb.load_dataset("orthodont")
    data["distance"] = data["distance"].where(data.index != 3)
    fit = hb.Model("distance ~ age", data, residual=hb.residuals.Strata("Sex")).reml()
    for ask in (hb.residual_acf, hb.residual_variogram):
        with pytest.raises(
            hb.DataError,
            match=r"^the model names no groups of rows; give that of each row, as in "
            r"group=data\['id'\]$",
        ):
            ask(fit, "age")
    found = hb.residual_acf(fit, "age", group=data["Subject"]).table
    left = data[data["distance"].notna()]
    r = fit.residuals(kind="normalized").to_numpy()
    at = left.assign(r=r).pivot(index="Subject", columns="age", values="r")
    products = pd.concat([at[t] * at[t + 2] for t in (8.0, 10.0, 12.0)]).dropna()
    assert found["pairs"].tolist()[:2] == [len(r), len(products)]
    assert_allclose(found["acf"][1], products.mean() / np.mean(r**2), rtol=1e-12)


def test_what_cannot_be_compared_is_refused(teeth: hb.PointFit) -> None:
    def refused(
        words: str, *given: Any, ask: Any = hb.residual_acf, fit: Any = teeth, **more: Any
    ) -> None:
        with pytest.raises(hb.HierbayesError, match=words):
            ask(fit, *given, **more)

    age = teeth.design.rows.frames[0]["age"]
    refused(r"^there are no residuals 'deviance'; kind is one of: 'normalized'", kind="deviance")
    refused(r"^time='week' is no column that the model uses; they are: .*or give its num", "week")
    columns = "'distance', 'age', 'Sex', 'Subject'"
    refused(
        f"^group='id' is no column that the model uses; they are: {columns}; or give the group of "
        r"each row, as in group=data\['id'\]$",
        group="id",
    )
    n, left = teeth.design.n, len(teeth.design.rows.kept)
    refused(
        f"^group must be the name of a column, or a label for each of the {n} rows of the fit or "
        f"{left} rows of the data$",
        group=[1, 2],
    )
    frame = teeth.design.rows.frames[0]
    gaps = frame["Subject"].astype(object).where(frame["age"] != 10)
    row = frame.index[(frame["age"] == 10).to_numpy().argmax()]
    refused(f"^group is missing at row label {row}; every row of the fit needs one$", group=gaps)
    refused(r"^times of residuals must be numbers, and column 'Sex' is", "Sex")
    refused(r"^time must be the name of a column, or a number for each", [1, 2])
    refused(r"^time must be the name of a column, or a number for each", 3)
    refused(
        r"^lags are whole numbers, and 'age' is .*hb.residual_variogram\(\) takes",
        age / 3,
    )
    refused(r"^lags are whole numbers, and", age * 1e20)
    refused(
        r"^lags of up to 5,999,999 steps of 'age' are too many",
        age * 10**6 + age % 7,
        max_lag=10**8,
    )
    refused(r"of one group of 'Sex' have the same 'age', 8 \(", "age", group="Sex")
    refused(r"^no two rows of a group are 1 or less apart in 'age', the.* 2;", "age", max_lag=1)
    refused(r"^max_lag must be a whole number of at least 1", max_lag=0)
    refused(r"^prob must lie between", prob=95)
    variogram = hb.residual_variogram
    refused(r"^bins must be a whole number", ask=variogram, bins=0)
    refused(r"^max_distance must be a positive number", ask=variogram, max_distance=-1.0)
    refused(r"^no two rows of a group are 1 or less apart", "age", ask=variogram, max_distance=1)
    refused(r"^residual_variogram\(\) takes a fit", ask=variogram, fit="teeth")
    errors = residual_models.fit("Dialyzer_gls_exp", "REML")
    refused(r"^the model names no groups of rows; give that of each row, as in group", fit=errors)
    two = hb.residual_acf(errors, group="QB")
    assert two.table.attrs["group"] == "QB"
    assert len(two.findings) == 1  # no effects of groups are estimated


def test_they_are_drawn_in_their_bands(rats: hb.PointFit, teeth: hb.PointFit) -> None:
    acf = hb.residual_acf(rats)
    frame = plots.residual_acf_frame(acf)
    assert_allclose(frame, acf.table.iloc[1:])
    panel = plots.plot_residual_acf(acf).axes[0]
    bars = [np.asarray(one) for one in panel.collections[-1].get_segments()]  # type: ignore[attr-defined]
    assert_allclose([bar[1] for bar in bars], frame[["lag", "acf"]])
    assert_allclose(np.asarray(panel.lines[1].get_ydata()), frame["upper"])
    assert (panel.get_xlabel(), panel.get_title("left")) == (
        "lag in rows", "Residuals within Rat, 95% band of white noise",
    )  # fmt: skip
    variogram = hb.residual_variogram(teeth, "age")
    panel = plots.plot_residual_variogram(variogram).axes[0]
    table = plots.residual_variogram_frame(variogram)
    assert_allclose(np.asarray(panel.lines[3].get_xydata()), table[["distance", "variogram"]])
    assert table["area"].iloc[0] == 70.0
    assert panel.get_ylim()[0] == 0.0
    with pytest.raises(hb.StudyError, match=r"^plot_residual_acf\(\) takes what hb.residual_acf"):
        plots.residual_acf_frame(variogram)  # type: ignore[arg-type]


def test_pages_say_what_they_are_of(teeth: hb.PointFit) -> None:
    text = str(hb.residual_acf(teeth, "age"))
    assert "Errors: normalized residuals within Subject, in order of age" in text
    assert "beyond the limits of white noise" in text
    assert "half of the groups have at most 3 rows" in str(hb.residual_variogram(teeth))
    assert "<table" in hb.residual_variogram(teeth)._repr_html_()
    assert isinstance(hb.residual_acf(teeth).table, pd.DataFrame)
