"""Places where nothing can be written, numbers of other machines, strict arithmetic."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.errors import DataError
from hierbayes.frames.native_numbers import native_numbers

ROOT = Path(__file__).parents[1]

NO_CACHE = """
import numba.core.caching as caching
def refuse(self):
    raise OSError("read-only file system")
for one in list(vars(caching).values()):
    if isinstance(one, type) and issubclass(one, caching._CacheLocator):
        one.ensure_cache_path = refuse
"""
FIT = """
import numpy as np, pandas as pd
import hierbayes as hb
r = np.random.default_rng(0)
d = pd.DataFrame(dict(y=r.normal(size=40), x=r.normal(size=40), g=np.repeat(range(8), 5)))
model = hb.Model("y ~ x + (1 | g)", d)
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTENSOR_FLAGS"}
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True,
        check=False, env=kept | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip


# Numba refuses when a function is made, if at all; each module makes its own.
COMPILED = """
from importlib import import_module
from pathlib import Path
import numpy as np
import hierbayes
for path in sorted(Path(hierbayes.__file__).parent.rglob("*.py")):
    if "import compiled" in path.read_text(encoding="utf-8"):
        import_module("hierbayes." + ".".join(path.parts[path.parts.index("hierbayes") + 1 :])[:-3])
from hierbayes.estimation.normalised_rows import correlation_root
print(*correlation_root(np.array([0.75]), 2)[0].ravel())
"""


@pytest.mark.slow
def test_no_cache_can_be_written() -> None:
    done = run(NO_CACHE + COMPILED)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.fromstring(done.stdout, sep=" "), [1.0, 0.0, 0.6, 0.8])
    assert done.stderr == ""


def test_only_one_module_asks_for_a_cache() -> None:
    """``cache=True`` of numba refuses functions where nothing can be written."""
    asking = [
        path.name
        for path in (ROOT / "hierbayes").rglob("*.py")
        if "cache=True" in path.read_text(encoding="utf-8")
    ]
    assert asking == []


@pytest.mark.slow
def test_no_home_for_pytensor(tmp_path: Path) -> None:
    home = tmp_path / "no folder"
    home.write_text("a file stands where the home would be")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code = (
        FIT + "model.graph(); import pytensor as p; x = p.tensor.dscalar()\n"
        "print((2.0 * x).eval({x: 1.0}), p.config.compiledir)"
    )
    done = run(code, HOME=str(home), TMPDIR=str(temporary), MPLCONFIGDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"2.0 {temporary}")
    assert list(temporary.glob("hierbayes-*")) == []


# ---------------------------------------------------------------- numbers of other machines


def foreign(frame: pd.DataFrame) -> pd.DataFrame:
    """The same numbers in the other byte order."""
    swapped = {
        name: column.astype(column.dtype.newbyteorder())
        for name, column in frame.items()
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"
    }
    return frame.assign(**swapped)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Numbers of both levels, integers, and a factor."""
    r = np.random.default_rng(3)
    codes = np.repeat(np.arange(8), 5)
    return pd.DataFrame(
        {
            "y": 3.0 * r.normal(size=8)[codes] + r.normal(size=40),
            "x": r.normal(size=40),
            "w": r.normal(size=8)[codes],
            "g": codes,
            "t": np.tile(np.arange(5), 8),
            "f": r.choice(["a", "b"], 40),
        }
    )


@pytest.mark.slow
def test_foreign_byte_orders_in_a_model(rows: pd.DataFrame) -> None:
    formula = "y ~ x * w + I(x**2) + t + f + cvar(x, g) + (1 + x | g)"
    other = foreign(rows)
    assert not other["x"].dtype.isnative
    one, two = hb.Model(formula, rows).reml(), hb.Model(formula, other).reml()
    np.testing.assert_array_equal(one.design.rows.X, two.design.rows.X)
    np.testing.assert_allclose(one.fixef(), two.fixef(), rtol=1e-12)
    np.testing.assert_allclose(one.predict(rows), one.predict(other), rtol=1e-12)
    hb.plots.plot_effects(two, other, "x").canvas.draw()
    hb.plots.plot_trellis(other, "y ~ x | g", fit=two).canvas.draw()


@pytest.mark.parametrize(
    "describe",
    [
        lambda d: hb.levels(d, "g").table,
        lambda d: hb.capply(d["x"], d["g"], "mean"),
        lambda d: hb.up(d, "g"),
        lambda d: hb.tab(d, ["f", "t"]),
        lambda d: hb.some(d, seed=1),
        lambda d: hb.group_labels(d, "g", order_by="x"),
        lambda d: hb.to_levels(d, "g")[0],
        lambda d: hb.to_short(d[["g", "t", "y"]], "g", "t"),
        lambda d: hb.cvar(d["x"], d["g"]),
        lambda d: hb.composition(d["f"], d["g"], "a"),
        lambda d: hb.merge_levels(
            foreign(hb.to_levels(d, "g")[0]), foreign(hb.to_levels(d, "g")[1]), on="g"
        ),
        lambda d: hb.estimators("y ~ x", group="g", data=d).table,
    ],
)
def test_foreign_byte_orders_in_descriptions(describe: object, rows: pd.DataFrame) -> None:
    expected, found = describe(rows), describe(foreign(rows))  # type: ignore[operator]
    if isinstance(expected, pd.Series):
        expected, found = expected.to_frame(), found.to_frame()
    pd.testing.assert_frame_equal(expected, found, check_dtype=False, check_index_type=False)


def test_native_numbers_stay() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert native_numbers(frame) is frame
    changed = native_numbers(frame.assign(a=frame["a"].astype(">i8"), c=frame["a"].astype("f2")))
    assert [str(dtype) for dtype in changed.dtypes[["a", "c"]]] == ["int64", "float64"]


# ---------------------------------------------------------------- strict arithmetic


@pytest.mark.parametrize("unit", [1e-135, 1e150])
def test_strict_arithmetic_in_an_extreme_unit(unit: float, rows: pd.DataFrame) -> None:
    usual = hb.Model("y ~ x + (1 | g)", rows)
    with np.errstate(all="raise"):
        model = hb.Model("y ~ x + (1 | g)", rows.assign(y=rows["y"] * unit))
        found, test = model.reml(), hb.hausman(model)
    np.testing.assert_allclose(found.fixef() / unit, usual.reml().fixef(), rtol=1e-9)
    np.testing.assert_allclose(
        test.tests.to_numpy(float), hb.hausman(usual).tests.to_numpy(float), rtol=1e-6
    )


@pytest.mark.parametrize("unit", [1e-320, 1e-150, 1e200])
def test_a_unit_without_squares_is_refused_by_name(unit: float, rows: pd.DataFrame) -> None:
    small = rows.assign(y=np.resize([0.0, 1.0, 3.0, 7.0], len(rows)) * unit)
    with np.errstate(all="raise"), pytest.raises(DataError, match=r"'y' has a spread of .* unit"):
        hb.Model("y ~ x + (1 | g)", small)


@pytest.mark.slow
def test_strict_arithmetic(rows: pd.DataFrame) -> None:
    """What underflows on purpose does so under any settings of NumPy."""
    with np.errstate(all="raise"):
        model = hb.Model("y ~ x + (1 + x | g)", rows)
        fit = model.reml()
        assert str(fit.summary())
        assert str(fit.diagnose())
        assert str(hb.influence(fit, refit=0))
        assert str(hb.profile(fit))
        assert str(hb.anova(fit))
        assert str(hb.estimators("y ~ x", group="g", data=rows))
        assert str(model.map())
        hb.plots.plot_caterpillar(fit).canvas.draw()


@pytest.mark.slow
def test_strict_arithmetic_while_pymc_is_imported() -> None:
    strict = "np.seterr(all='raise')\nprint(model.prior_predictive(50, seed=1))"
    done = run(FIT + strict)
    assert done.returncode == 0, done.stderr
