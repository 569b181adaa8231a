"""Means by visit, against means of the rows themselves."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb

plots = hb.plots


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    return hb.load_dataset("orthodont")


def model(data: pd.DataFrame, formula: str = "distance ~ C(age) * Sex") -> hb.Model:
    return hb.Model(formula, data, residual=hb.residuals.Unstructured("age", group="Subject"))


def test_a_model_of_every_mean_has_the_means_that_were_observed(visits: pd.DataFrame) -> None:
    """Of complete visits: no covariance of errors weighs them otherwise."""
    found = plots.visit_means_frame(model(visits).reml())
    assert (found.time, found.by, found.along) == ("age", "Sex", True)
    frame = found.frame.set_index(["by", "visit"])
    wanted = visits.groupby(["Sex", "age"], observed=True)["distance"].mean()
    assert_allclose(frame["observed"], wanted.loc[frame.index], rtol=1e-12)
    assert_allclose(frame["fitted"], frame["observed"], rtol=1e-9)
    assert (frame["n"] == visits.groupby(["Sex", "age"], observed=True).size()[frame.index]).all()
    assert ((frame["lower"] < frame["fitted"]) & (frame["fitted"] < frame["upper"])).all()


def test_fitted_means_are_of_the_rows_there_are(visits: pd.DataFrame) -> None:
    short = visits.drop(index=visits.index[[1, 2, 3, 50, 51]]).assign(
        w=lambda rows: rows.index % 7, add=0.5
    )
    errors = hb.residuals.AR1("age", group="Subject")
    formula = "distance ~ age + w + offset(add) + (1 | Subject)"
    fit = hb.Model(formula, short, residual=errors).reml()
    found = plots.visit_means_frame(fit)
    assert found.by is None
    expected = fit.predict(effects="none").groupby(short["age"]).mean()
    assert_allclose(found.frame["fitted"], expected, rtol=1e-10)
    narrow = plots.visit_means_frame(fit, prob=0.5).frame
    assert (narrow["upper"] < found.frame["upper"]).all()


def test_the_drawn_means_are_those_of_the_frame(visits: pd.DataFrame) -> None:
    fit = model(visits).reml()
    frame = plots.visit_means_frame(fit).frame
    (panel,) = plots.plot_visit_means(fit).axes
    fitted, observed, *_ = panel.get_lines()
    own = frame[frame["by"] == frame["by"].iloc[0]]
    assert_allclose(np.asarray(fitted.get_ydata()), own["fitted"])
    assert_allclose(np.asarray(observed.get_ydata()), own["observed"])
    assert panel.get_xticks().tolist() == [8, 10, 12, 14]


def test_what_has_no_visits(visits: pd.DataFrame, hs: pd.DataFrame) -> None:
    plain = hb.Model("distance ~ age + (1 | Subject)", visits).reml()
    with pytest.raises(hb.StudyError, match="no column of this model says which visit rows are of"):
        plots.visit_means_frame(plain)
    assert len(plots.visit_means_frame(plain, "age").frame) == 4
    with pytest.raises(hb.StudyError, match="the model reads no column 'when'; its columns are:"):
        plots.visit_means_frame(plain, "when")
    with pytest.raises(hb.StudyError, match="means are shown of at most 30 visits"):
        plots.visit_means_frame(hb.Model("mathach ~ ses", hs).reml(), "ses")
