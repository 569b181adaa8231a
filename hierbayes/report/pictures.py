"""The pictures of a result: a handful that fit most models, drawn when a folder is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hierbayes.errors import HierbayesError
from hierbayes.fit.fit import Fit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.plots.beta_space import plot_beta_space
from hierbayes.plots.caterpillar import plot_caterpillar
from hierbayes.plots.comparison import plot_comparison
from hierbayes.plots.level1_residuals import plot_level1_residuals
from hierbayes.plots.prior_posterior import plot_prior_posterior
from hierbayes.plots.shrinkage import plot_shrinkage
from hierbayes.studies.comparison.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = "pictures"
GROUPS = 160  # shown at most, spread over their numbers of rows


def _shrinkage(fit: Fit, factor: str | None) -> Figure:
    """By number of rows; groups of one size stand beside each other."""
    sizes = fit.problem.working.levels[fit.design.place_of_factor(factor)].rows
    against = "group" if len(set(sizes.tolist())) == 1 else "n"
    return plot_shrinkage(fit, against=against, max_groups=GROUPS, factor=factor)


_OF_ANY_FIT: dict[str, tuple[str, Callable[[Fit, str | None], Figure]]] = {
    "beta_space": (
        "groups in beta space: BLUE, BLUP, population and G",
        lambda fit, factor: plot_beta_space(fit, max_groups=GROUPS, factor=factor),
    ),
    "shrinkage": (
        "shrinking from the BLUE to the BLUP",
        _shrinkage,
    ),
    "caterpillar": (
        "random effects in order, with intervals",
        lambda fit, factor: plot_caterpillar(fit, max_groups=GROUPS, factor=factor),
    ),
    "level1_residuals": (
        "residuals of rows",
        lambda fit, factor: plot_level1_residuals(fit, factor=factor),
    ),
}


def write_pictures(
    folder: Path, fits: Sequence[Fit], comparison: Comparison | None = None
) -> dict[str, dict[str, str]]:
    """Draw the pictures of fits of one model into an empty folder of their own.

    Parameters
    ----------
    folder : Path
        In which ``pictures/`` is made.
    fits : sequence of Fit
        The pictures are of the posterior where there is one, and otherwise of the first.
    comparison : Comparison, optional
        Of these fits.

    Returns
    -------
    dict
        ``pictures``: from each file, by its path in the folder, to what it shows;
        ``not_drawn``: from the name of a picture that cannot be of this model to the reason.
    """
    (folder / PICTURES).mkdir()
    shown: dict[str, str] = {}
    refused: dict[str, str] = {}
    for name, caption, draw in pictures(fits, comparison):
        try:
            figure = draw()
        except HierbayesError as error:
            refused[name] = str(error)
            continue
        figure.savefig(folder / PICTURES / f"{name}.png", bbox_inches="tight")
        shown[f"{PICTURES}/{name}.png"] = caption
    return {"pictures": shown, "not_drawn": refused}


def pictures(
    fits: Sequence[Fit], comparison: Comparison | None = None
) -> Iterator[tuple[str, str, Callable[[], Figure]]]:
    """Name, caption and drawing of each picture."""
    posteriors = [fit for fit in fits if isinstance(fit, PosteriorFit)]
    fit = [*posteriors, *fits][0]
    for name, (what, draw) in _OF_ANY_FIT.items():
        for called, factor, of in _by_factor(name, fit):
            yield called, f"{what}{of}; {fit.engine}", partial(draw, fit, factor)
    if posteriors:
        what = "prior, posterior and profile likelihood of each parameter"
        yield "prior_posterior", what, partial(plot_prior_posterior, fit)
    if comparison is not None:
        what = f"estimates and intervals by {', '.join(one.engine for one in fits)}"
        yield "comparison", what, partial(plot_comparison, comparison)


def _by_factor(name: str, fit: Fit) -> list[tuple[str, str | None, str]]:
    """The name of a picture, its factor, and words for that: one for each of several factors.

    They are numbered, for the name of a factor may be none of a file.
    """
    factors = fit.design.specification.factors
    if len(factors) == 1:
        return [(name, None, "")]
    return [(f"{name}_{k}", factor, f", by '{factor}'") for k, factor in enumerate(factors, 1)]
