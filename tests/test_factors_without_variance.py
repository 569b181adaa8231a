"""Several factors that nothing varies by, and what is made for one factor, by name."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb


@pytest.fixture(scope="module")
def flat() -> hb.PointFit:
    """Two crossed factors whose groups have means that are alike."""
    at = np.arange(200)
    y = np.random.default_rng(3).normal(size=200)
    rows = pd.DataFrame({"y": y, "g": at % 10, "h": at // 20})
    fit = hb.Model("y ~ 1 + (1 | g) + (1 | h)", rows).reml()
    assert (fit.var_corr()["sd"].iloc[:2] == 0.0).all()
    return fit


def test_no_variance_shrinks_to_nothing(flat: hb.PointFit) -> None:
    assert (flat.shrinkage(factor="g")["shrinkage[Intercept]"] == 0.0).all()
    assert (hb.variance_explained(flat).reliability["estimate"] == 0.0).all()


def test_a_correlation_of_one_shrinks_onto_a_line() -> None:
    """Shrinkage ends where G has a direction, and is that of a dense matrix."""
    r = np.random.default_rng(4)
    g, h, x = r.integers(0, 9, 240), r.integers(0, 6, 240), r.normal(size=240)
    u = r.normal(size=9)
    y = u[g] * (1.0 + 0.3 * x) + r.normal(size=6)[h] + r.normal(size=240)
    rows = pd.DataFrame({"y": y, "x": x, "g": g, "h": h})
    fit = hb.Model("y ~ x + (1 + x | g) + (1 | h)", rows).reml()
    assert fit.maximum.singular
    table = fit.var_corr()
    G = fit.G[:2, :2]
    Z = np.zeros((240, 18))
    Z[np.arange(240), 2 * g], Z[np.arange(240), 2 * g + 1] = 1.0, x
    same = (h[:, None] == h) * float(table.loc[("h", "Intercept"), "variance"])
    V = Z @ np.kron(np.eye(9), G) @ Z.T + same + fit.sigma**2 * np.eye(240)
    D = Z.T @ np.linalg.solve(V, Z)
    found = fit.shrinkage(factor="g").loc[0, ["shrinkage[Intercept]", "shrinkage[x]"]]
    np.testing.assert_allclose(found, G @ D[:2, :2], rtol=1e-5, atol=1e-6)


def test_a_regression_is_what_is_left(flat: hb.PointFit) -> None:
    assert hb.reduced(flat).findings[-1] == (
        "every variance is estimated as zero: 'y ~ 1', a linear regression, has the same "
        "likelihood without any random effect"
    )


WHATS = (
    "hausman() is",
    "plot_arc() is",
)


@pytest.mark.parametrize("what", WHATS)
def test_what_is_made_for_one_factor_is_refused_by_name(what: str) -> None:
    rows = hb.load_dataset("scotssec")
    model = hb.Model("attain ~ verbal + (1 | primary) + (1 | second)", rows)
    asked = {
        "hausman() is": lambda: hb.hausman(model),
        "plot_arc() is": lambda: hb.plots.plot_arc(model.reml()),
    }
    with pytest.raises(hb.FormulaError) as refusal:
        asked[what]()
    instead = {"hausman() is": "; mundlak(model, factor=...) asks the same question of one of them"}
    assert str(refusal.value) == (
        f"{what} made for models of one grouping factor, and the model has 'primary', 'second'"
        + instead.get(what, "")
    )
