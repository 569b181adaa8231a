"""Further rows that a fit is given where errors have a structure, or rows are in no groups."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML
from tests.test_residual_structures import ROWS

CASES = {
    "AR1 and strata": ("y ~ x + (1 + x | g)", hr.AR1("week") * hr.Strata("sex")),
    "unstructured": ("y ~ x", hr.Unstructured("week", group="g")),
    "power": ("y ~ x + (1 | g)", hr.Power("dose")),
}
LAST = ROWS["week"].max()


def further_rows(structure: hr.ResidualStructure) -> pd.DataFrame:
    """Rows of a new group, and, where occasions are not fixed, later ones of a known group."""
    first = ROWS[ROWS["g"] == ROWS["g"].iloc[0]]
    new = first.assign(g="zz", y=first["y"] + 2.0)
    if structure.has_occasion_variances:
        return new
    later = first.head(2).assign(week=[LAST + 1, LAST + 3], y=1.0)
    return pd.concat([new, later], ignore_index=True)


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> hb.Model:
    formula, structure = CASES[request.param]
    return hb.Model(formula, ROWS, residual=structure, priors={"gamma": hb.Normal(0, 5)})


def test_they_are_those_of_a_fit_of_all_rows_at_the_same_parameters(
    model: hb.Model, tmp_path: Path
) -> None:
    fit = model.reml()
    structure = fit.problem.moments.rows.structure  # type: ignore[union-attr]
    further = further_rows(structure)
    given = fit.given(further)
    whole = pd.concat([ROWS, further], ignore_index=True)
    of_all = hb.Model(
        next(f for f, one in CASES.values() if one == structure), whole, residual=structure
    )
    weighted = of_all.problem.moments.at(fit.problem.z)  # type: ignore[union-attr, arg-type]
    state = likelihood_of(weighted.products, REML).at(fit.theta[0, 0])
    assert_allclose(given.fixef(), state.gamma, rtol=1e-8)
    if fit.design.effects:
        order = np.argsort(given.design.factor.labels)
        assert_allclose(given.u_means[0][order], state.u_of(0), rtol=1e-6, atol=1e-9)
        assert "zz" in given.ranef().index
    given.save(tmp_path / "given")
    again = hb.load_fit(tmp_path / "given")
    assert_allclose(again.predict(further), given.predict(further), rtol=1e-12)
    copied = pickle.loads(pickle.dumps(given))
    assert_allclose(copied.predict(further), given.predict(further), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["AR1 and strata", "power"], indirect=True)
def test_draws_keep_their_parameters(model: hb.Model) -> None:
    fit = model.sample(draws=40, tune=100, chains=2, seed=2, progress=False)
    further = further_rows(fit.problem.moments.rows.structure)  # type: ignore[union-attr]
    given = fit.given(further)
    z = fit.error_coordinates[1, 7]
    products = given.problem.moments.at(z).products  # type: ignore[union-attr]
    state = likelihood_of(products, NORMAL, fit.gamma_prior).at(fit.theta[1, 7])
    sd = np.sqrt(np.diag(state.gamma_cov))
    assert (np.abs(given.gamma_draws[1, 7] - state.gamma) < 6.0 * sd).all()
    moved = given.gamma_draws[1, 7] - fit.gamma_draws[1, 7]
    assert (moved != 0.0).any()
    new = further.head(3)
    assert np.isfinite(fit.predict(new, given=further, prob=0.9)).all().all()


def test_rows_of_one_stratum_keep_the_order_of_its_levels() -> None:
    formula, errors = "y ~ x + (1 | g)", hr.Strata("sex")
    further = ROWS[ROWS["g"] == ROWS["g"].iloc[0]].assign(g="zz")
    further = further[further["sex"] == further["sex"].iloc[0]]
    order = sorted(ROWS["sex"].unique(), reverse=True)  # not that of words
    ordered = pd.CategoricalDtype(order)
    fits = [
        hb.Model(formula, ROWS.astype(one), residual=errors).reml()
        for one in ({"g": str}, {"sex": ordered})
    ]
    assert fits[0].problem.moments.rows.parameters != fits[1].problem.moments.rows.parameters  # type: ignore[union-attr]
    found = [
        fit.given(rows).ranef()
        for fit, rows in zip(fits, (further, further.astype({"sex": ordered})), strict=True)
    ]
    assert_allclose(found[0], found[1], rtol=1e-5)
    with pytest.raises(hb.DataError, match=r"a parameter that the fit has not: 'ratio\[aa\]'"):
        fits[1].given(further.assign(sex="aa"))


def test_other_parameters_of_errors_are_refused() -> None:
    fit = hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.Strata("sex")).reml()
    new = ROWS.head(3).assign(g="zz")
    with pytest.raises(hb.DataError, match=r"a parameter that the fit has not: 'ratio\[third\]'"):
        fit.given(new.assign(sex="third"))
    with pytest.raises(hb.DataError, match=r"need column 'sex', of Strata\('sex'\)"):
        fit.given(new.drop(columns="sex"))
    following = hb.Model("y ~ x + (1 | g)", ROWS.assign(y=ROWS["y"] + 50), residual=hr.Power())
    with pytest.raises(hb.ResidualError, match=r"^what further rows say of a fit is not made for"):
        following.reml().given(new)
    occasions = hb.Model("y ~ x", ROWS, residual=hr.Unstructured("week", group="g")).reml()
    with pytest.raises(hb.DataError, match=r"^the errors of these rows need column 'g'"):
        occasions.given(new.drop(columns="g"))


def test_a_regression_is_given_rows_too() -> None:
    fit = hb.Model("y ~ x", ROWS).reml()
    further = ROWS.head(4).assign(y=lambda d: d["y"] + 3.0)
    further.index = further.index + 10_000
    X = np.column_stack([np.ones(len(ROWS) + 4), np.r_[ROWS["x"], further["x"]]])
    y = np.r_[ROWS["y"], further["y"]]
    assert_allclose(fit.given(further).fixef(), np.linalg.lstsq(X, y)[0], rtol=1e-9)
