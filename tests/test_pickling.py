"""Results can be stored and sent to other processes: each is read back as it was."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests import family_fits

FORMULA = "mathach ~ ses * Sector + (1 | school)"


def fitted(formula: str, data: pd.DataFrame) -> hb.PointFit:
    return hb.Model(formula, data=data).reml()


RESULTS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "Multilevel": lambda hs: hb.Model(FORMULA, data=hs).multilevel(),
    "Equations": lambda hs: hb.Model(FORMULA, data=hs).equations(),
    "Meanings": lambda hs: hb.Model(FORMULA, data=hs).meanings(),
    "Equivalence": lambda hs: hb.equivalence(*[hb.Model(FORMULA, data=hs)] * 2),
    "Notation": lambda hs: hb.notation(),
    "Catalog": lambda hs: hb.catalog(),
    "Levels": lambda hs: hb.levels(hs, "school"),
    "Fit": lambda hs: fitted(FORMULA, hs),
    "FitOfOccasions": lambda hs: hb.Model(
        "distance ~ C(age) * Sex",
        hb.load_dataset("orthodont"),
        residual=hb.residuals.Unstructured("age", group="Subject"),
    ).reml(),
    "FitOfARMA": lambda hs: hb.Model(
        "distance ~ age + (1 | Subject)",
        hb.load_dataset("orthodont"),
        residual=hb.residuals.ARMA("age"),
    ).reml(),
    "Summary": lambda hs: fitted(FORMULA, hs).summary(),
    "Diagnosis": lambda hs: fitted(FORMULA, hs).diagnose(),
    "ContextualEffects": lambda hs: fitted(
        "mathach ~ ses * Sector + cvar(ses, school) + (1 | school)", hs
    ).contextual("ses"),
    "WaldTest": lambda hs: hb.wald(fitted(FORMULA, hs), "ses"),
    "Anova": lambda hs: hb.anova(fitted(FORMULA, hs)),
    "Hausman": lambda hs: hb.hausman(fitted("mathach ~ ses + (1 | school)", hs)),
    "Mundlak": lambda hs: hb.mundlak(fitted("mathach ~ ses + (1 | school)", hs)),
    "InterceptWeights": lambda hs: hb.intercept_weights(fitted("mathach ~ ses + (1 | school)", hs)),
    "VarianceExplained": lambda hs: hb.variance_explained(fitted(FORMULA, hs)),
    "Heterogeneity": lambda hs: hb.variance_explained(
        hb.Model("ses ~ 1 + (1 | school)", hs.assign(s=0.5), known_sd="s").reml()
    ),
    "ResponseVariance": lambda hs: hb.variance_explained(family_fits.bernoulli()),
    "Influence": lambda hs: hb.influence(fitted(FORMULA, hs)),
    "Level1Residuals": lambda hs: hb.level1_residuals(fitted(FORMULA, hs)),
    "Level2Residuals": lambda hs: hb.level2_residuals(fitted(FORMULA, hs)),
    "ResidualAcf": lambda hs: hb.residual_acf(fitted(FORMULA, hs)),
    "ResidualVariogram": lambda hs: hb.residual_variogram(fitted(FORMULA, hs), max_distance=2),
    "Profile": lambda hs: hb.profile(fitted(FORMULA, hs), ["sigma"]),
    "ModelTable": lambda hs: hb.model_table(fitted(FORMULA, hs)),
    "Comparison": lambda hs: hb.compare(
        {"one": fitted(FORMULA, hs), "two": hb.Model(FORMULA, data=hs).ml()}
    ),
    "Estimators": lambda hs: hb.estimators("mathach ~ ses", group="school", data=hs),
    "Dialects": lambda hs: hb.dialects(),
    "PredictiveCheck": lambda hs: hb.predictive_check(
        fitted(FORMULA, hs), n=5, seed=1, progress=False
    ),
    "PredictiveCriterion": lambda hs: hb.loo(fitted(FORMULA, hs)),
    "PredictiveComparison": lambda hs: hb.compare_predictive(
        *(hb.loo(fitted(f"mathach ~ {x} + (1 | school)", hs)) for x in ("1", "ses"))
    ),
    "Margins": lambda hs: hb.comparisons(fitted(FORMULA, hs), hs, by="Sector"),
    "Calibration": lambda hs: hb.calibrate(
        (model := hb.Model(FORMULA, data=hs)), model.reml(), replications=2, seed=1, progress=False
    ),
    "PowerStudy": lambda hs: hb.power(
        (model := hb.Model(FORMULA, data=hs)),
        ["ses"],
        model.reml(),
        replications=2,
        seed=1,
        progress=False,
    ),
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.slow
def test_results_are_read_back_as_they_were(name: str, hs: pd.DataFrame) -> None:
    result = RESULTS[name](hs)
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert type(again) is type(result)
        assert str(again) == str(result)


def test_models_and_fits_of_every_engine_are_read_back(
    small: hb.Model, small_posterior: hb.PosteriorFit
) -> None:
    for model in (small, family_fits.MODEL, family_fits.COUNTS):
        for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert repr(again) == repr(model)
            assert str(again.priors) == str(model.priors)
    of_family = family_fits.MODEL.map()
    fits = (small.map(), small_posterior, family_fits.counts(), family_fits.posterior(), of_family)
    for fit in fits:
        for other in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit)):
            assert repr(other) == repr(fit)
            assert other.predict().equals(fit.predict())
            assert other.intervals().equals(fit.intervals())


@pytest.mark.parametrize(
    ("formula", "residual"),
    [("y ~ x + (1 + x | a) + (1 | b)", None), ("y ~ x + (1 | a)", hb.residuals.AR1())],
)
def test_models_are_fitted_to_arrays_that_cannot_be_written_to(formula: str, residual: Any) -> None:
    """As they come from a file that is mapped into memory, or are shared by processes."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"x": rng.normal(size=300), "a": rng.integers(0, 8, 300),
                         "b": rng.integers(0, 10, 300)})  # fmt: skip
    u, v = rng.normal(size=8), rng.normal(size=10)
    data["y"] = data["x"] + u[data["a"]] + v[data["b"]] + rng.normal(size=300)
    model = hb.Model(formula, data, residual=residual)
    fit = model.reml()
    buffers: list[pickle.PickleBuffer] = []
    code = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    again = pickle.loads(code, buffers=[bytes(one.raw()) for one in buffers])
    assert not again.problem.design.rows.X.flags.writeable
    assert again.reml().loglik == fit.loglik
