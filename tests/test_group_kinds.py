"""Groups of any kind: fitted, drawn, saved and read back, and called by one rule."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import hierbayes as hb
from hierbayes.plots.choice import chosen_groups

J, N = 8, 5
CODES = np.repeat(np.arange(J), N)
R = np.random.default_rng(0)
X = R.normal(size=J * N)
Y = 3.0 * R.normal(size=J)[CODES] + X + R.normal(size=J * N)
DAYS = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(CODES, "D"))


class Colour(enum.Enum):
    """Labels without an order."""

    A, B, C, D, E, F, G, H = range(8)


def texts(labels: list[Any]) -> list[str]:
    return [str(label) for label in labels]


MIXED = [1, "1", 2, "2", "x", 3.5, "n", 4]
KINDS: dict[str, tuple[Any, Callable[[list[Any]], list[Any]]]] = {
    "integers": (CODES, list),
    "floats": (CODES / 4, list),
    "nullable integers": (pd.Series(CODES, dtype="Int64"), list),
    "foreign byte order": (CODES.astype(">i4"), list),
    "half precision": (CODES.astype("f2"), list),
    "texts": (pd.Series([f"g{code}" for code in CODES], dtype="string"), list),
    "categories": (pd.Categorical.from_codes(CODES, list("abcdefgh"), ordered=True), list),
    "intervals": (pd.cut(CODES, np.arange(-1, J)), texts),
    "periods": (DAYS.dt.to_period("D"), texts),
    "times": (DAYS, lambda labels: [np.datetime64(label) for label in labels]),
    "zoned times": (DAYS.dt.tz_localize("Europe/Berlin"), texts),
    "dates": (DAYS.dt.date, texts),
    "durations": (DAYS - DAYS[0], texts),
    "tuples": (pd.Series([(int(code), "a") for code in CODES]), texts),
    "decimals": (pd.Series([Decimal(int(code)) / 4 for code in CODES]), list),
    "bytes": (pd.Series([b"g%d" % code for code in CODES]), texts),
    "members": (pd.Series([list(Colour)[code] for code in CODES]), texts),
    "categories of members": (pd.Categorical.from_codes(CODES, list(Colour)), texts),
    "numbers and texts": (
        pd.Categorical.from_codes(CODES, MIXED),
        lambda labels: [repr(label) for label in labels],
    ),
    "names of dimensions": (
        np.array(["chain", "draw", "group", "effect", "term", "sigma", "gamma", "u"])[CODES],
        list,
    ),
}  # fmt: skip


def data(groups: Any) -> pd.DataFrame:
    return pd.DataFrame({"y": Y, "x": X, "g": groups})


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def fit(kind: str) -> hb.PointFit:
    return hb.Model("y ~ x + (1 + x | g)", data(KINDS[kind][0])).reml()


@pytest.mark.slow
def test_estimates_do_not_depend_on_labels(fit: hb.PointFit) -> None:
    plain = hb.Model("y ~ x + (1 + x | g)", data(CODES)).reml()
    np.testing.assert_allclose(fit.loglik, plain.loglik, rtol=1e-9)
    np.testing.assert_allclose(fit.fixef(), plain.fixef(), rtol=1e-6)
    np.testing.assert_allclose(np.sort(fit.u[:, 0]), np.sort(plain.u[:, 0]), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_tables_and_pages(fit: hb.PointFit, kind: str) -> None:
    frame = data(KINDS[kind][0])
    assert len(fit.ranef()) == J
    assert fit.shrinkage().index.get_level_values("group").nunique() == J
    other = hb.Model("y ~ x + (1 | g)", frame).reml()
    for page in (fit, fit.summary(), fit.diagnose(), hb.level2_residuals(fit),
                 hb.influence(fit, refit=0), hb.compare(fit, other)):  # fmt: skip
        assert str(page)
        assert "<" in page._repr_html_()
    assert "g" in str(hb.levels(frame, "g"))


def test_one_rule_for_labels(fit: hb.PointFit, kind: str) -> None:
    labels = list(fit.design.groups)
    frame = data(KINDS[kind][0])
    np.testing.assert_allclose(fit.predict(frame), fit.predict(), rtol=1e-12)
    for place, label in enumerate(labels):
        value = hb.quantities.GroupCoefficient(label).draws(fit).item()
        np.testing.assert_allclose(value, fit.gamma[0] + fit.u[place, 0], rtol=1e-12)
    np.testing.assert_array_equal(chosen_groups(fit, labels[2:4], None), [2, 3])
    if not isinstance(labels[0], str | tuple):
        stranger = str(labels[0])
        message = re.escape(
            f"there is no group {stranger!r} in 'g': the data call it {labels[0]!r}"
        )
        if stranger not in labels:
            for call in (
                lambda: hb.quantities.GroupCoefficient(stranger).draws(fit),
                lambda: chosen_groups(fit, [stranger], None),
                lambda: fit.predict(frame.head(1).assign(g=stranger)),
            ):
                with pytest.raises(hb.HierbayesError, match=message):
                    call()


@pytest.mark.slow
def test_saved_and_read_back(fit: hb.PointFit, kind: str, tmp_path: Path) -> None:
    fit.to_datatree().to_zarr(tmp_path / "fit.zarr", consolidated=False)
    back = xr.open_datatree(tmp_path / "fit.zarr", engine="zarr", consolidated=False)
    expected = KINDS[kind][1](list(fit.design.groups))
    for group in ("posterior", "constant_data"):
        assert list(back[group]["group_g"].to_numpy()) == expected
    np.testing.assert_array_equal(back["posterior"]["u"], fit.draws("u"))


@pytest.mark.slow
def test_pictures(fit: hb.PointFit, kind: str) -> None:
    labels = list(fit.design.groups)[:3]
    frame = data(KINDS[kind][0])
    texts = list(fit.design.groups[:3].astype(str))
    caterpillar = hb.plots.plot_caterpillar(fit, groups=labels)
    caterpillar.canvas.draw()
    ticks = [tick.get_text() for tick in caterpillar.axes[0].get_yticklabels()]
    assert sorted(ticks) == sorted(texts)
    trellis = hb.plots.plot_trellis(frame, "y ~ x | g", fit=fit, groups=labels[:1])
    assert [panel.get_title() for panel in trellis.axes] == texts[:1]
    assert list(hb.plots.shrinkage_frame(fit).index) == list(fit.design.groups)
    hb.plots.plot_shrinkage(fit)


def test_true_is_not_one() -> None:
    fit = hb.Model("y ~ x + (1 | g)", data(CODES)).reml()
    with pytest.raises(hb.StudyError, match="there is no group True in 'g'; they are: 0"):
        hb.quantities.GroupCoefficient(True).draws(fit)
    one = hb.quantities.GroupCoefficient(np.float64(1.0)).draws(fit)
    np.testing.assert_array_equal(one, hb.quantities.GroupCoefficient(1).draws(fit))


def test_labels_that_are_none() -> None:
    frame = data(pd.Series([[int(code)] for code in CODES]))
    with pytest.raises(hb.DataError, match="'g' holds values that are no labels; make text of"):
        hb.Model("y ~ x + (1 | g)", frame)


# ---------------------------------------------------------------- names of columns


NAMES = ["obs", "group", "term", "effect", "chain", "draw", "sigma", "gamma", "u", "G", "X", "sd",
         "group_of", "posterior", "y hat", "__index", "n"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_any_name_of_the_response(name: str, tmp_path: Path) -> None:
    frame = data(CODES).rename(columns={"y": name})
    formula = f"`{name}` ~ x + (1 | g)"
    fit = hb.Model(formula, frame).reml()
    fit.to_datatree().to_zarr(tmp_path / "fit.zarr", consolidated=False)
    back = xr.open_datatree(tmp_path / "fit.zarr", engine="zarr", consolidated=False)
    (held,) = back["observed_data"].data_vars.values()
    np.testing.assert_array_equal(held, Y)
    assert name in held.attrs["long_name"]
    assert str(fit.summary())


@pytest.mark.slow
@pytest.mark.parametrize("response", ["log(y + 20)", "I(y / 2)"])
def test_a_response_that_is_computed(response: str, tmp_path: Path) -> None:
    fit = hb.Model(f"{response} ~ x + (1 | g)", data(CODES)).reml()
    tree = fit.to_datatree()
    tree.to_zarr(tmp_path / "fit.zarr", consolidated=False)
    (held,) = tree["observed_data"].data_vars.values()
    np.testing.assert_array_equal(held, fit.design.rows.y)
    assert held.attrs["long_name"] == response


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_any_name_of_groups_and_variables(name: str) -> None:
    plain = hb.Model("y ~ x + (1 + x | g)", data(CODES)).reml()
    for renamed in ("g", "x"):
        frame = data(CODES).rename(columns={renamed: name})
        new = {renamed: f"`{name}`"}
        x, g = new.get("x", "x"), new.get("g", "g")
        fit = hb.Model(f"y ~ {x} + (1 + {x} | {g})", frame).reml()
        np.testing.assert_allclose(fit.loglik, plain.loglik, rtol=1e-10)
        np.testing.assert_allclose(fit.predict(frame), plain.predict(), rtol=1e-5)
        assert len(fit.var_corr()) == len(plain.var_corr())
        assert fit.shrinkage().shape == plain.shrinkage().shape
        assert len(fit.to_datatree()) == 3
        assert str(hb.influence(fit, refit=0))
        hb.plots.plot_caterpillar(fit)
