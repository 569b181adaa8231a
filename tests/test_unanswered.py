"""Alternatives without an answer: posteriors that do not exist, or that no draw reaches."""

from html import escape
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.priors.propriety import refuse_improper
from tests import dense
from tests.conftest import Cache
from tests.exact import exact_posterior
from tests.test_wrong_input import refusal

pytestmark = pytest.mark.slow

# ---------------------------------------------------------------- improper posteriors

IMPROPER = (
    "the posterior is improper: with a flat prior the sd of 'Intercept' has no upper limit, for "
    "the groups give 2 coefficients and the fixed part takes {taken} of them (more than 1 must be "
    "left); state a proper prior, such as HalfNormal or HalfT"
)


@pytest.fixture(scope="module")
def two_groups() -> pd.DataFrame:
    rng = np.random.default_rng(9)
    g = np.repeat(["a", "b"], 10)
    return pd.DataFrame({"y": rng.normal(size=20) + (g == "b"), "x": rng.normal(size=20), "g": g})


def test_two_groups_and_a_flat_sd_are_refused(two_groups: pd.DataFrame) -> None:
    """log p falls like s^−e, e = 2 groups − 1 fixed intercept: ∫ s^−1 ds does not converge."""
    priors = {"gamma": hb.Flat(), "sd": hb.Flat()}
    model = hb.Model("y ~ x", "~ 1 | g", data=two_groups, priors=priors)
    message = refusal(hb.PriorError, lambda: model.sample(progress=False))
    assert message == IMPROPER.format(taken=1)


def test_an_improper_alternative_is_not_answered_and_the_others_are(
    two_groups: pd.DataFrame,
) -> None:
    """The flat one would be proper beside a proper prior of γ, which takes nothing: e = 2."""
    model = hb.Model("y ~ x", "~ 1 | g", data=two_groups, priors={"gamma": hb.Flat()})
    fit = model.sample(draws=250, chains=4, seed=1, progress=False)
    grid = {"sd": {"flat": hb.Flat(), "half-t": hb.HalfT(3, 0, 2)}}
    study = hb.SensitivityStudy(fit, grid, progress=False)
    table = study.alternatives
    assert table["how"].tolist() == ["not answered", "re-weighted"]
    assert table.loc["flat", "reason"] == IMPROPER.format(taken=1)
    assert bool(study.cells["mean"].sel(alternative="flat").isnull().all())
    assert bool(study.cells["mean"].sel(alternative="half-t").notnull().all())
    assert refusal(hb.PriorError, lambda: study.deletion(["flat"])) == IMPROPER.format(taken=1)
    proper = hb.Model("y ~ x", "~ 1 | g", data=two_groups, priors={"sd": hb.Flat()})
    refuse_improper(proper.problem, proper.priors)
    only = hb.SensitivityStudy(fit, {"sd": {"flat": hb.Flat()}}, progress=False)
    rejected = f"no verdict: diagnose() rejects the draws of the baseline ({fit.objection})"
    said = rejected if fit.objection else "no alternative could be answered"
    assert (only.verdicts == said).all()


def random_rows(seed: int) -> pd.DataFrame:
    """Two to five groups of one to four rows; x varies in the last few, w is one of groups."""
    rng = np.random.default_rng(seed)
    sizes = [*rng.integers(1, 4, size=1 + seed % 4), 4]
    g = np.repeat(np.arange(len(sizes)), sizes)
    x = np.where(g < min(2, len(sizes) - 1), 1.0, rng.normal(size=len(g)))
    w = rng.normal(size=len(sizes))[g]
    return pd.DataFrame({"y": rng.normal(size=len(g)), "x": x, "w": w, "g": g})


# Seeds 0 and 4 have two groups, 1 and 5 three: there the fixed part must leave something of x.
TAILS = [("y ~ 1", seed) for seed in range(8)] + [("y ~ w", seed) for seed in (1, 2, 3, 5, 6, 7)]
TAILS += [(fixed, seed) for fixed in ("y ~ x", "y ~ x + w") for seed in (2, 3, 6, 7)]


@pytest.mark.parametrize(("fixed", "seed"), TAILS)
@pytest.mark.parametrize("gamma", [hb.Flat(), hb.Normal(0, 3)], ids=str)
def test_what_is_proper_is_read_off_the_tail_of_the_likelihood(
    fixed: str, seed: int, gamma: hb.Flat | hb.Normal
) -> None:
    """The slope of log p(y | θ) in log s as the sds of a set of effects grow together: −e."""
    flat = {"gamma": gamma, "sd": hb.Flat()}
    model = hb.Model(fixed, "~ 1 + x | g", data=random_rows(seed), priors=flat)
    design = model.problem.design
    rows = dense.Rows(
        design.rows.y, design.rows.X, design.rows.Z, design.rows.codes.astype(np.intp)
    )
    p = design.rows.X.shape[1]
    reading, prior = REML, None
    if isinstance(gamma, hb.Normal):
        reading, prior = NORMAL, (np.zeros(p), 9.0 * np.eye(p))

    def exponent(some: tuple[int, ...]) -> float:
        def at(s: float) -> float:
            sd = np.where(np.isin([0, 1], some), s, 1.0)
            G = np.outer(sd, sd) * np.array([[1.0, 0.3], [0.3, 1.0]])
            return dense.log_density(rows, G, 1.0, reading, prior=prior)

        return -(at(3e4) - at(1e4)) / np.log(3.0)

    failing = []
    for some in [*combinations(range(2), 1), (0, 1)]:
        slope = exponent(some)
        assert slope == pytest.approx(round(slope), abs=0.01)  # a whole number, in the limit
        if round(slope) <= len(some):
            failing.append((some, round(slope)))
    if not failing:
        refuse_improper(model.problem, model.priors)
        return
    some, left = failing[0]
    message = refusal(hb.PriorError, lambda: refuse_improper(model.problem, model.priors))
    names = " and ".join(f"'{design.effects[k]}'" for k in some)
    assert f"the sd of {names} has no upper limit" in message
    numbers = [int(word) for word in message.split() if word.isdigit()]
    assert numbers[0] - numbers[1] == left


# ---------------------------------------------------------------- posteriors out of reach

FAR = {"sd": {"far": hb.Uniform(10, 20)}, "corr": {"lkj 4": hb.LKJ(4)}}


def test_what_no_draw_reaches_is_sampled(baselines: Cache[hb.Fit]) -> None:
    """The sd of the slope is near 0.4: under Uniform(3, 6) it sticks to 3."""
    slopes = {"far": {"ses": hb.Uniform(3, 6)}, "farther": {"ses": hb.Uniform(6.5, 9)}}
    grid = FAR | {"sd": slopes}
    study = hb.SensitivityStudy(baselines["hs"], grid, progress=False)
    far, farther, near = study.answers
    assert (far.how, farther.how, near.how) == ("refitted", "refitted", "re-weighted")
    assert far.reason == "(nearly) no draw of the baseline has any probability under it"
    assert far.weights.k_hat == np.inf and far.fit is not None
    sd = far.fit.draws("sd").to_numpy()
    assert ((sd[..., 1] > 3.0) & (sd[..., 1] < 6.0)).all()
    assert study.table.loc["sd(ses)", "moved_by"] == "farther"
    assert study.verdicts["sd(ses)"].startswith(
        "decided by the prior of sd: 'farther' moves it by +"
    )


def test_without_refits_it_is_said_and_the_rest_stands(baselines: Cache[hb.Fit]) -> None:
    study = hb.SensitivityStudy(baselines["hs"], FAR, refit=False, progress=False)
    alone = hb.SensitivityStudy(baselines["hs"], {"corr": FAR["corr"]}, refit=False, progress=False)
    row = study.alternatives.loc["far"]
    assert row["how"] == "not answered"
    assert row["reason"] == (
        "(nearly) no draw of the baseline has any probability under it; allow refit=True to "
        "sample it"
    )
    assert bool(study.cells["mean"].sel(alternative="far").isnull().all())
    numbers = study.table.select_dtypes("number").columns
    pd.testing.assert_frame_equal(study.table[numbers], alone.table[numbers])
    assert (study.table["moved_by"] == alone.table["moved_by"]).all()
    assert study.blocks["sd"].isna().all()


def test_the_printed_study_has_every_quantity_and_what_is_missing(
    baselines: Cache[hb.Fit],
) -> None:
    study = hb.SensitivityStudy(baselines["hs"], FAR, refit=False, progress=False)
    text, html = str(study), study._repr_html_()
    flowing = " ".join(text.split())
    assert text.startswith(
        "Prior sensitivity of 10 quantities to 2 alternatives (1 not answered, 1 re-weighted)\n"
        f"  Model:  {study.baseline.fit.design.specification}\n"
    )
    for name, said in study.verdicts.items():
        assert f"- {name}: {said}" in flowing and f"<li>{escape(f'{name}: {said}')}</li>" in html
    assert flowing.endswith(f"- far: not answered; {study.alternatives.loc['far', 'reason']}")


def test_a_refit_whose_chains_disagree_is_reported(small: hb.Model) -> None:
    """Priors that contradict the draws, and 25 draws a chain, too few for R-hat below 1.01."""
    fit = exact_posterior(small, draws=25)
    grid = {"sd": {"tiny": hb.HalfT(3, 0, 0.01), "smaller": hb.HalfT(3, 0, 0.001)}}
    table = hb.SensitivityStudy(fit, grid, ["x"], progress=False).alternatives
    assert (table["how"] == "refitted").all()
    tail = (
        r"(Pareto k-hat is \d+\.\d\d, above 0\.5|the 100 draws are worth only \d when weighted); "
    )
    beware = r"beware, of the new draws: chains disagree \(R-hat 1\.\d\d\)"
    assert table["reason"].str.fullmatch(tail + beware).all()
