"""Pictures of draws that the diagnosis rejects say so, whatever they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from matplotlib.figure import Figure

import hierbayes as hb
from hierbayes import plots
from hierbayes.plots.picture import written

SAID = "Do not use these draws: 4000 divergences in 4000 draws"


@pytest.fixture(scope="module")
def rejected(posterior_hs: hb.PosteriorFit) -> hb.PosteriorFit:
    """The same draws, all of which are said to have diverged."""
    stats = posterior_hs.evidence.stats
    every = stats.assign(diverging=stats["diverging"] | True)
    return replace(posterior_hs, evidence=replace(posterior_hs.evidence, stats=every))


def says(figure: Figure) -> str:
    return "\n".join(written([figure]).values())


OF_A_FIT: dict[str, Callable[[hb.PosteriorFit, pd.DataFrame], Figure]] = {
    "beta space": lambda fit, hs: plots.plot_beta_space(fit),
    "caterpillar": lambda fit, hs: plots.plot_caterpillar(fit),
    "shrinkage": lambda fit, hs: plots.plot_shrinkage(fit),
    "shrinkage factors": lambda fit, hs: plots.plot_shrinkage_factors(fit),
    "icc": lambda fit, hs: plots.plot_icc(fit),
    "prior and posterior": lambda fit, hs: plots.plot_prior_posterior(fit, likelihood=False),
    "effects": lambda fit, hs: plots.plot_effects(fit, hs, "ses"),
    "gap": lambda fit, hs: plots.plot_gap(fit, hs, "ses", "Sector"),
    "residuals of rows": lambda fit, hs: plots.plot_level1_residuals(fit),
    "residuals of groups": lambda fit, hs: plots.plot_level2_residuals(fit),
    "autocorrelations": lambda fit, hs: plots.plot_residual_acf(hb.residual_acf(fit)),
    "semivariogram": lambda fit, hs: plots.plot_residual_variogram(
        hb.residual_variogram(fit, max_distance=2)
    ),
    "trellis": lambda fit, hs: plots.plot_trellis(hs, "mathach ~ ses | school", fit=fit),
    "comparison": lambda fit, hs: plots.plot_comparison(hb.compare(fit, fit), "ses"),
}


@pytest.mark.parametrize("name", OF_A_FIT)
@pytest.mark.slow
def test_a_picture_of_rejected_draws_says_so(
    name: str, posterior_hs: hb.PosteriorFit, rejected: hb.PosteriorFit, hs: pd.DataFrame
) -> None:
    draw = OF_A_FIT[name]
    assert "4000 divergences in 4000 draws" in says(draw(rejected, hs))
    assert "Do not use" not in says(draw(posterior_hs, hs))


@pytest.mark.slow
def test_pictures_of_a_study_of_rejected_draws_say_so(rejected: hb.PosteriorFit) -> None:
    study = hb.SensitivityStudy(rejected, {"sd": [hb.HalfNormal(3)]}, refit=False, progress=False)
    tipping = study.tipping("ses", scales=(0.5, 1.0), etas=(2.0,))
    for figure in (
        plots.plot_tornado(study),
        plots.plot_power_scaling(study),
        plots.plot_prior_ellipses(study),
        plots.plot_ridge(study, "ses"),
        plots.plot_tipping(tipping),
    ):
        assert SAID in says(figure)


@pytest.mark.slow
def test_the_line_stands_above_the_picture(
    posterior_hs: hb.PosteriorFit, rejected: hb.PosteriorFit
) -> None:
    """Over a new figure, and over the title of axes that were given."""
    figure = plots.plot_icc(rejected)
    assert figure.get_suptitle() == SAID
    ax = plots.plot_icc(posterior_hs).axes[0]
    title = ax.get_title(loc="left")
    plots.plot_icc(rejected, ax=ax)
    assert title and ax.get_title(loc="left").splitlines() == [title, SAID]


def test_a_maximum_has_no_draws_to_reject(hs: pd.DataFrame) -> None:
    assert hb.Model("mathach ~ ses + (1 | school)", hs).reml().objection == ""
