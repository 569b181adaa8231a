"""What a sensitivity study refuses, in what words, and what it does where there is no answer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import hierbayes as hb
from hierbayes.errors import IntervalError
from hierbayes.specification.effect_name import EffectName
from hierbayes.studies.sensitivity.quantities import (
    SD,
    Contextual,
    Contrast,
    Corr,
    Custom,
    GroupCoefficient,
    NewGroup,
    Probability,
    Rank,
    Sigma,
)
from tests.exact import exact_posterior, under
from tests.test_wrong_input import refusal

pytestmark = pytest.mark.slow

GRID = {"corr": {"lkj 3": hb.LKJ(3)}}
SCALES = "HalfNormal, HalfT, HalfCauchy, Exponential, PC, Uniform, Gamma, InverseGamma, Flat"


def study(fit: Any, grid: Any = GRID, quantities: Any = None, **how: Any) -> hb.SensitivityStudy:
    return hb.SensitivityStudy(fit, grid, quantities, progress=False, **how)


def test_a_study_starts_from_a_posterior(small: hb.Model) -> None:
    for fit, name in ((small.reml(), "REML"), (small.ml(), "ML"), (small.map(), "MAP")):
        assert refusal(hb.StudyError, partial(study, fit)) == (
            f"a study starts from a posterior, model.sample(); a fit by {name} has one θ and no "
            "draws to weight"
        )
    assert refusal(hb.StudyError, lambda: study(small)) == (
        "a study starts from a posterior, model.sample(), not from Model"
    )


Case = tuple[type[hb.HierbayesError], Any, str]
WRONG_GRIDS: dict[str, Case] = {
    "misspelt block": (
        hb.StudyError, {"sds": hb.HalfNormal(1)},
        "there is no block of priors called 'sds'; they are: 'gamma', 'sd', 'corr', 'sigma', "
        "'G', 'icc', 'r2', 'several', 'cautionary'"),
    "misspelt parameter": (
        hb.PriorError, {"sd": {"narrow": {"z": hb.HalfNormal(1)}}},
        "there is a prior of 'sd' for 'z', which does not exist; valid names are: "
        "'Intercept', 'x'"),
    "wrong prior for a block": (
        hb.PriorError, {"sd": {"normal": hb.Normal(0, 1)}},
        f"Normal has no place as a prior of 'sd'; use one of {SCALES}"),
    "no prior at all": (
        hb.PriorError, {"sigma": {"number": 3}},
        f"the prior of 'sigma' must be one of {SCALES} or a PyMC distribution, not int"),
    "empty": (
        hb.StudyError, {},
        "there is no alternative in the grid; leave it out to have the usual ones"),
    "empty blocks": (
        hb.StudyError, {"sd": {}, "corr": []},
        "there is no alternative in the grid; leave it out to have the usual ones"),
    "a name twice": (
        hb.StudyError, {"sd": {"narrow": hb.HalfNormal(1)}, "sigma": {"narrow": hb.HalfNormal(1)}},
        "two alternatives are called 'narrow'; give each a name of its own"),
    "a prior twice": (
        hb.StudyError, {"corr": [hb.LKJ(4), hb.LKJ(4)]},
        "two alternatives are called 'corr LKJ(4)'; give each a name of its own"),
    "no mapping": (
        hb.StudyError, [hb.LKJ(4)],
        "alternatives must be a mapping from blocks of priors to named priors, as in "
        "{'sd': {'narrow': hb.HalfNormal(1)}}, not list"),
    "a block that is a number": (
        hb.StudyError, {"sd": 3},
        "the alternatives of 'sd' must be a mapping from names to priors or a list of priors, "
        "not int"),
    "a block that is a text": (
        hb.StudyError, {"sd": "narrow"},
        "the alternatives of 'sd' must be a mapping from names to priors or a list of priors, "
        "not str"),
    "several without blocks": (
        hb.StudyError, {"several": {"sceptical": hb.LKJ(4)}},
        "the alternative 'sceptical' of 'several' must be a mapping from blocks to priors, "
        "not LKJ(eta=4)"),
    "several with a misspelt block": (
        hb.PriorError, {"several": {"sceptical": {"cor": hb.LKJ(4)}}},
        "there is no block of priors called 'cor'; the blocks are: 'gamma', 'sd', 'corr', "
        "'sigma', 'G', 'icc', 'r2'"),
    "a parameter as a name": (
        hb.StudyError, {"sd": {"x": hb.HalfNormal(1)}},
        "the alternatives of 'sd' need names of their own, and 'x' is a parameter; write "
        "{'sd': {'my name': {...}}} to state priors of parameters"),
    "parameters as names": (
        hb.StudyError, {"sd": {"1": hb.HalfNormal(1), "x": hb.HalfNormal(2)}},
        "the alternatives of 'sd' need names of their own, and '1', 'x' is a parameter; write "
        "{'sd': {'my name': {...}}} to state priors of parameters"),
    "the baseline's name": (
        hb.StudyError, {"sd": {"baseline": hb.HalfNormal(1)}},
        "an alternative cannot be called 'baseline'; that is what it is held to"),
    "no prior stated": (
        hb.StudyError, {"sd": {"none": None}}, "the alternative 'none' of 'sd' states no prior"),
    "several stating nothing": (
        hb.StudyError, {"several": {"none": None}},
        "the alternative 'none' of 'several' must be a mapping from blocks to priors, not None"),
    "several of no block": (
        hb.StudyError, {"several": {"empty": {}}},
        "the alternative 'empty' of 'several' must be a mapping from blocks to priors, not {}"),
    "cautionary without blocks": (
        hb.StudyError, {"cautionary": {"far": hb.LKJ(4)}},
        "the alternative 'far' of 'cautionary' must be a mapping from blocks to priors, "
        "not LKJ(eta=4)"),
    "several that cannot stand together": (
        hb.PriorError, {"several": {"both": {"G": hb.Wishart(4, 1), "sd": hb.HalfNormal(1)}}},
        "the prior of 'G' says what that of 'sd' would say again; leave one of them out"),
    "a negative sd": (
        hb.PriorError, {"sd": {"normal": pm.Normal.dist(0, 1)}},
        "a standard deviation is not negative: PyMC Normal(0, 1) for 'sd' reaches below 0"),
    "a negative sigma": (
        hb.PriorError, {"sigma": {"uniform": pm.Uniform.dist(-1, 4)}},
        "a standard deviation is not negative: PyMC Uniform(-1, 4) for 'sigma' reaches below 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_GRIDS)
def test_wrong_grids(small_posterior: hb.Fit, case: str) -> None:
    error, grid, message = WRONG_GRIDS[case]
    assert refusal(error, lambda: study(small_posterior, grid)) == message


WRONG_QUANTITIES: dict[str, tuple[Any, str]] = {
    "misspelt term": (["z"], "there is no fixed term 'z'; they are: 'Intercept', 'x', 'w'"),
    "misspelt effect": ([SD("w")], "there is no random effect 'w'; they are: 'Intercept', 'x'"),
    "misspelt effect of a correlation": (
        [Corr("x", "z")], "there is no random effect 'z'; they are: 'Intercept', 'x'"),
    "unknown group": (
        [GroupCoefficient("k")], "there is no group 'k' in 'g'; they are: a, b, c, d, e, ..."),
    "unknown group of a rank": (
        [Rank(3, "x")], "there is no group 3 in 'g'; they are: a, b, c, d, e, ..."),
    "no contextual effect": (
        [Contextual("x")],
        "there is no fixed term 'cvar(x, g)'; they are: 'Intercept', 'x', 'w'"),
    "of a wrong type": (
        [3], "a quantity must be a fixed term or one of hb.quantities, not int"),
    "twice": (["x", Sigma(), "x"], "the quantity 'x' is asked for twice"),
    "none": ([], "no quantity is asked for; leave out quantities= to have the usual ones"),
    "of the wrong shape": (
        {"all effects": lambda fit: fit.draws("gamma")},
        "the quantity 'all effects' must give one number for each draw, an array (4, 250), "
        "not float64 (4, 250, 3)"),
    "one number in all": (
        [Custom("mean", lambda fit: fit.sigma)],
        "the quantity 'mean' must give one number for each draw, an array (4, 250), "
        "not float64 ()"),
    "no function": (
        {"mean": 3}, "the quantity 'mean' must be a function of a fit, not 3"),
    "of texts": (
        [Custom("text", lambda fit: np.full(fit.theta.sigma.shape, "a"))],
        "the quantity 'text' must give one number for each draw, an array (4, 250), "
        "not <U1 (4, 250)"),
    "missing": (
        [Custom("missing", lambda fit: np.full(fit.theta.sigma.shape, np.nan))],
        "the quantity 'missing' is missing or infinite at some draws"),
}  # fmt: skip

WRONG: Any = 3
WRONG_STATEMENTS: tuple[tuple[Callable[[], object], str], ...] = (
    (lambda: Contrast({}),
     "a contrast is a mapping from terms to numbers, as in {'ses': 1}, not {}"),
    (lambda: Contrast(WRONG),
     "a contrast is a mapping from terms to numbers, as in {'ses': 1}, not 3"),
    (lambda: Contrast({"x": np.nan}),
     "the weight of 'x' in a contrast must be a number, not nan"),
    (lambda: NewGroup(WRONG), "a new group is at values of columns, as in {'ses': 0}, not 3"),
    (lambda: Probability(WRONG), "a probability is one of a fixed term or of a quantity, not of 3"),
    (lambda: Probability("x", above=np.inf),
     "a probability is that of exceeding a number, not inf"),
    (lambda: Custom("mean", WRONG), "the quantity 'mean' must be a function of a fit, not 3"),
)  # fmt: skip


@pytest.mark.parametrize(("state", "message"), WRONG_STATEMENTS)
def test_wrong_statements(state: Callable[[], object], message: str) -> None:
    assert refusal(hb.StudyError, state) == message


def test_a_study_needs_a_hundred_draws(small: hb.Model) -> None:
    fit = exact_posterior(small, draws=24)
    message = "a study needs a posterior of at least 100 draws, not 96"
    assert refusal(hb.StudyError, lambda: study(fit)) == message


@pytest.mark.parametrize("case", WRONG_QUANTITIES)
def test_wrong_quantities(small_posterior: hb.Fit, case: str) -> None:
    asked, message = WRONG_QUANTITIES[case]
    assert refusal(hb.StudyError, lambda: study(small_posterior, GRID, asked)) == message


@pytest.mark.parametrize("prob", [0, 1, 95, -0.5])
def test_wrong_probabilities(small_posterior: hb.Fit, prob: float) -> None:
    message = f"prob must lie between 0 and 1, not {prob}"
    assert refusal(IntervalError, lambda: study(small_posterior, prob=prob)) == message


def foreign(data: pd.DataFrame) -> hb.SensitivityStudy:
    priors = {"sd": {"x": pm.HalfNormal.dist(3)}}
    model = hb.Model("y ~ x + w", "~ 1 + x | g", data=data, priors=priors)
    twin = hb.Model("y ~ x + w", "~ 1 + x | g", data=data, priors={"sd": {"x": hb.HalfNormal(3)}})
    return study(under(exact_posterior(twin, draws=50), model), refit=False)


Use = Callable[[hb.SensitivityStudy], object]
WRONG_USE: dict[str, tuple[Use, str]] = {
    "tipping of an unknown quantity": (
        lambda s: s.tipping("z"), "the study has no quantity 'z'; they are: 'x', 'sigma'"),
    "no scales": (
        lambda s: s.tipping("x", scales=()),
        "scales must be a sequence of positive numbers, not ()"),
    "a scale of zero": (
        lambda s: s.tipping("x", scales=(0.0, 1.0)),
        "scales must be a sequence of positive numbers, not (0.0, 1.0)"),
    "an infinite eta": (
        lambda s: s.tipping("x", etas=(1.0, np.inf)),
        "etas must be a sequence of positive numbers, not (1.0, inf)"),
    "a negative eta": (
        lambda s: s.tipping("x", etas=(-1.0,)),
        "etas must be a sequence of positive numbers, not (-1.0,)"),
    "no alphas": (
        lambda s: s.power_grid(()),
        "alphas must be a sequence of positive numbers, not ()"),
    "a negative alpha": (
        lambda s: s.power_grid((-1.0,)),
        "alphas must be a sequence of positive numbers, not (-1.0,)"),
    "a number of scales": (
        lambda s: s.tipping("x", scales=WRONG),
        "scales must be a sequence of positive numbers, not 3"),
    "a number of alphas": (
        lambda s: s.power_grid(WRONG), "alphas must be a sequence of positive numbers, not 3"),
    "deletion under an unknown alternative": (
        lambda s: s.deletion(["lkj"]), "the study has no alternative 'lkj'; they are: 'lkj 3'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_use(small_posterior: hb.Fit, case: str) -> None:
    use, message = WRONG_USE[case]
    asked = study(small_posterior, GRID, ["x", Sigma()])
    assert refusal(hb.StudyError, lambda: use(asked)) == message


def test_deletion_needs_a_quantity_without_groups(small_posterior: hb.Fit) -> None:
    asked = study(small_posterior, GRID, [Rank("a"), GroupCoefficient("b", "x")])
    message = "no quantity of the study can be followed as groups are left out"
    assert refusal(hb.StudyError, asked.deletion) == message


def test_a_prior_without_a_scale_has_no_tipping_points(small_data: pd.DataFrame) -> None:
    asked = foreign(small_data)
    assert refusal(hb.PriorError, lambda: asked.tipping("x", progress=False)) == (
        "the prior PyMC HalfNormal(0, 3) has no scale that could be changed"
    )
    usual = study(asked.baseline.fit, None, refit=False).alternatives["prior"]
    scale = {}
    for name, other in (("Intercept", "x"), ("x", "Intercept")):  # defaults of columns as written
        priors = {"sd": {other: hb.HalfNormal(1)}}
        made = hb.Model("y ~ x + w", "~ 1 + x | g", data=small_data, priors=priors)
        scale[name] = made.priors.families["sd", EffectName("g", name)].parameters["sigma"]
    said = [f"{name} ~ HalfNormal({s:.4g})" for name, s in scale.items()]
    assert usual["sd half-normal"] == "sd: " + ", ".join(said)
