"""The arc from within through pooled to between, against least squares on the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.errors import StudyError
from tests.drawn import fits_in, legend_of, shows

pytestmark = pytest.mark.slow

FORMULA = "mathach ~ ses + Minority + Sector + (1 | school)"


@pytest.fixture(scope="module")
def fit(hs: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, data=hs).reml()


@pytest.fixture(scope="module")
def arc(fit: hb.PointFit) -> hb.plots.Arc:
    return hb.plots.arc_frame(fit, prob=0.9)


class Rows:
    """Columns and their group means, by pandas."""

    def __init__(self, hs: pd.DataFrame) -> None:
        table = pd.DataFrame(
            {
                "one": 1.0,
                "Sector": (hs["Sector"] == "Public").astype(float),
                "ses": hs["ses"],
                "Minority": (hs["Minority"] == "Yes").astype(float),
                "y": hs["mathach"],
            }
        )
        self.all = table.to_numpy()
        self.means = table.groupby(hs["school"], observed=True).transform("mean").to_numpy()
        self.rest = self.all - self.means


@pytest.fixture(scope="module")
def rows(hs: pd.DataFrame) -> Rows:
    return Rows(hs)


def squares(M: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(M[:, :-1], M[:, -1], rcond=None)[0]


def test_its_ends_and_its_middle(arc: hb.plots.Arc, rows: Rows, fit: hb.PointFit) -> None:
    assert arc.effects == ("ses", "Minority[T.Yes]")
    within = squares(rows.rest[:, 2:])
    assert_allclose(arc.points.loc["within"], within, rtol=1e-8)
    assert_allclose(arc.points.loc["pooled"], squares(rows.all)[2:], rtol=1e-8)
    between = squares(rows.means)[2:]
    assert_allclose(arc.points.loc["between"], between, rtol=1e-8)
    assert_allclose(arc.points.loc["model"], fit.fixef()[list(arc.effects)], rtol=1e-12)
    path = arc.path.set_index("kappa")
    assert_allclose(path.iloc[0], within, rtol=1e-8)
    assert_allclose(path.loc[np.inf], between, rtol=1e-8)
    middle = path.iloc[60]
    assert path.index[60] == pytest.approx(1.0)
    assert_allclose(middle, arc.points.loc["pooled"], rtol=1e-8)


def test_every_weight_is_weighted_least_squares(arc: hb.plots.Arc, rows: Rows) -> None:
    for place in (1, 30, 90):
        kappa, *found = arc.path.iloc[place]
        both = np.vstack([rows.rest, np.sqrt(kappa) * rows.means])
        assert_allclose(found, squares(both)[2:], rtol=1e-6)


def test_random_intercepts_of_equal_groups_lie_on_it() -> None:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(20), 6)
    x, w = rng.normal(size=120) + rng.normal(size=20)[g], rng.normal(size=120)
    y = x + 0.5 * w + 2.0 * rng.normal(size=20)[g] + rng.normal(size=120)
    fit = hb.Model("y ~ x + w + (1 | g)", data=pd.DataFrame(dict(y=y, x=x, w=w, g=g))).reml()
    arc = hb.plots.arc_frame(fit)
    kappa = fit.sigma**2 / (fit.sigma**2 + 6 * fit.G[0, 0])
    path = arc.path.iloc[:-1]
    for axis in "xy":
        near = np.interp(np.arctan(kappa), np.arctan(path["kappa"]), path[axis])
        assert near == pytest.approx(arc.points.loc["model", axis], abs=1e-3)


def test_with_a_residual_structure_ends_are_generalised_least_squares() -> None:
    """Within a column for each group; the model lies on the arc at κ = 1/(1 + c'cτ²/σ²)."""
    k = np.arange(120.0)
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 6), "t": np.tile(np.arange(6), 20)})
    data["x"], data["w"] = (
        np.sin(1.3 * k**1.2) + data["g"] % 3,
        np.cos(2.1 * k**1.1) - data["g"] % 4,
    )
    data["y"] = data["x"] + 0.5 * data["w"] + 3.0 * np.sin(5.0 * data["g"]) + np.sin(0.9 * k**1.4)
    fit = hb.Model("y ~ x + w + (1 | g)", data, residual=hb.residuals.CAR1("t")).reml()
    arc = hb.plots.arc_frame(fit)
    t = data["t"].to_numpy(dtype=float)
    C = float(fit.intervals().loc[("residual", "phi"), "estimate"]) ** np.abs(t[:, None] - t)
    W = np.linalg.inv(np.where(data["g"].to_numpy()[:, None] == data["g"].to_numpy(), C, 0.0))
    X = np.column_stack([data[["x", "w"]], pd.get_dummies(data["g"]).to_numpy(dtype=float)])
    within = np.linalg.solve(X.T @ W @ X, X.T @ W @ data["y"])[:2]
    assert_allclose(arc.points.loc["within"], within, rtol=1e-7)
    X = np.column_stack([data[["x", "w"]], np.ones(120)])
    pooled = np.linalg.solve(X.T @ W @ X, X.T @ W @ data["y"])[:2]
    assert_allclose(arc.points.loc["pooled"], pooled, rtol=1e-7)
    kappa = 1.0 / (1.0 + W[:6, :6].sum() * fit.G[0, 0] / fit.sigma**2)
    path = arc.path.iloc[:-1]
    for axis in "xy":
        near = np.interp(np.arctan(kappa), np.arctan(path["kappa"]), path[axis])
        assert near == pytest.approx(arc.points.loc["model", axis], abs=1e-3)
    test = hb.hausman(fit)
    assert_allclose(test.estimates["fixed"], within, rtol=1e-7)
    assert_allclose(test.estimates["random"], fit.fixef()[["x", "w"]], rtol=1e-5)
    assert_allclose(test.estimates["se_random"], np.sqrt(np.diag(fit.vcov()))[1:], rtol=1e-5)
    assert "errors CAR1('t') are held at their estimates" in str(test)
    of_model = hb.hausman(hb.Model("y ~ x + w + (1 | g)", data, residual=hb.residuals.CAR1("t")))
    assert_allclose(of_model.tests, test.tests, rtol=1e-8)


def test_ellipses(arc: hb.plots.Arc, rows: Rows, fit: hb.PointFit) -> None:
    n, J, p = len(rows.all), 40, 4
    W, y = rows.rest[:, 2:4], rows.rest[:, 4]
    left = y - W @ arc.points.loc["within"].to_numpy()
    within = left @ left / (n - J - 2) * np.linalg.inv(W.T @ W)
    B, means = rows.means[:, :4], rows.means[:, 4]
    left = means - B @ squares(rows.means)
    between = (left @ left / (J - p) * np.linalg.inv(B.T @ B))[2:, 2:]
    model = fit.vcov().loc[list(arc.effects), list(arc.effects)].to_numpy()
    for name, cov in (("within", within), ("between", between), ("model", model)):
        away = arc.ellipses.query("estimator == @name")[["x", "y"]] - arc.points.loc[name]
        square = np.einsum("ni,ij,nj->n", away, np.linalg.inv(cov), away)
        assert_allclose(square, stats.chi2(2).ppf(0.9), rtol=1e-6)


def test_it_is_drawn(fit: hb.PointFit, arc: hb.plots.Arc) -> None:
    figure = hb.plots.plot_arc(fit, prob=0.9)
    ax = figure.axes[0]
    assert shows(ax, arc.path["x"], arc.path["y"])
    for _, (x, y) in arc.points.iterrows():
        assert shows(ax, x, y)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "Coefficient of ses", "Coefficient of Minority[T.Yes]")  # fmt: skip
    assert legend_of(figure)[-1] == "ellipses: 90% confidence"
    assert fits_in(figure)


@pytest.mark.parametrize(
    ("formula", "effects", "message"),
    [
        ("mathach ~ ses + Sector + (1 | school)", None,
         "the arc is drawn of two terms that vary within groups, and these do: 'ses'; asked for: "
         "'ses'"),
        ("mathach ~ ses * Sex + (1 | school)", ["ses", "Sector"],
         "the arc is drawn of two terms that vary within groups, and these do: 'ses', "
         "'Sex[T.Male]', 'ses:Sex[T.Male]'; asked for: 'ses', 'Sector'"),
        ("mathach ~ ses + dvar(ses, school) + (1 | school)", None,
         "the deviations from the means of groups do not tell 2 fixed columns apart; use fewer "
         "terms"),
        ("mathach ~ dvar(ses, school) + Minority + (1 | school)", None,
         "the means of 40 groups do not tell 3 fixed columns apart; use fewer terms"),
    ],
)  # fmt: skip
def test_refusals(formula: str, effects: list[str] | None, message: str, hs: pd.DataFrame) -> None:
    fit = hb.Model(formula, data=hs).reml()
    with pytest.raises(StudyError) as caught:
        hb.plots.arc_frame(fit, effects=effects)
    assert str(caught.value) == message
