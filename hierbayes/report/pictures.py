"""The pictures of a result: those that its kind of model has, drawn when a folder is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from hierbayes.errors import HierbayesError
from hierbayes.fit.fit import Fit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.plots.comparison import plot_comparison
from hierbayes.plots.prior_posterior import plot_prior_posterior, prior_posterior_frame
from hierbayes.report.curve_pictures import curve_pictures
from hierbayes.report.group_pictures import group_pictures
from hierbayes.report.picture import Picture
from hierbayes.report.residual_pictures import residual_pictures
from hierbayes.studies.comparison.comparison import Comparison

PICTURES = "pictures"


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
    for name, caption, draw, _ in pictures(fits, comparison):
        try:
            figure = draw()
        except HierbayesError as error:
            refused[name] = str(error)
            continue
        figure.savefig(folder / PICTURES / f"{name}.png", bbox_inches="tight")
        shown[f"{PICTURES}/{name}.png"] = caption
    return {"pictures": shown, "not_drawn": refused}


def pictures(fits: Sequence[Fit], comparison: Comparison | None = None) -> Iterator[Picture]:
    """Those of fits of one model, in the order in which they are shown."""
    posteriors = [fit for fit in fits if isinstance(fit, PosteriorFit)]
    fit = [*posteriors, *fits][0]
    yield from group_pictures(fit)
    yield from curve_pictures(fit)
    yield from residual_pictures(fit)
    if posteriors:
        what = "prior, posterior and profile likelihood of each parameter"
        yield Picture(
            "prior_posterior", what, partial(plot_prior_posterior, fit), partial(_posterior, fit)
        )
    if comparison is not None:
        what = f"estimates and intervals by {', '.join(one.engine for one in fits)}"
        yield Picture("comparison", what, partial(plot_comparison, comparison), lambda: "")


def _posterior(fit: Fit) -> str:
    found = prior_posterior_frame(fit, likelihood=False)
    said = [
        f"{row['label']} {row['mean']:.3g} ({row['lower']:.3g} to {row['upper']:.3g})"
        for _, row in found.summary.iterrows()
    ]
    return f"Posterior means with {100 * found.prob:g}% intervals: {', '.join(said)}."
