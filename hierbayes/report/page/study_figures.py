"""The pictures of a study on its page, with captions computed from their frames."""

from __future__ import annotations

from functools import partial

from hierbayes.display.page import Printed
from hierbayes.plots.comparison import plot_comparison
from hierbayes.plots.coverage import plot_coverage
from hierbayes.plots.power_curve import plot_power_curve
from hierbayes.plots.power_scaling import plot_power_scaling, power_scaling_frame
from hierbayes.plots.prior_ellipses import plot_prior_ellipses
from hierbayes.plots.rank_ecdf import plot_rank_ecdf
from hierbayes.plots.ridge import plot_ridge
from hierbayes.plots.study_choice import chosen_quantities
from hierbayes.plots.tornado import plot_tornado, tornado_frame
from hierbayes.report.page.figures import pictures_html
from hierbayes.report.picture import Picture
from hierbayes.studies.calibration.calibration import Calibration
from hierbayes.studies.calibration.power_study import PowerStudy
from hierbayes.studies.comparison.comparison import Comparison
from hierbayes.studies.sensitivity.study import SensitivityStudy


def study_figures_html(result: Printed) -> str:
    """The pictures of a result; what cannot be drawn of it is said."""
    return pictures_html(_pictures(result))


def _pictures(result: Printed) -> list[Picture]:
    match result:
        case SensitivityStudy():
            return _of_sensitivity(result)
        case Comparison():
            return [_of_comparison(result)]
        case Calibration():
            return _of_calibration(result)
        case PowerStudy():
            return _of_power(result)
    return []


def _of_sensitivity(study: SensitivityStudy) -> list[Picture]:
    (most,) = chosen_quantities(study, None, 1)
    return [
        Picture(
            "tornado",
            "how far other priors move posterior means, in posterior standard deviations",
            partial(plot_tornado, study),
            partial(_furthest, study),
        ),
        Picture(
            "power_scaling",
            "how conclusions answer to stronger or weaker priors and likelihood",
            partial(plot_power_scaling, study),
            partial(_sensitive, study),
        ),
        Picture(
            "ridge",
            f"the posterior of {most} under every prior",
            partial(plot_ridge, study, most),
            lambda: "It is the quantity that is moved most.",
        ),
        Picture(
            "prior_ellipses",
            "G in beta space under other priors",
            partial(plot_prior_ellipses, study),
            lambda: "",
        ),
    ]


def _furthest(study: SensitivityStudy) -> str:
    frame = tornado_frame(study)
    quantity, prior = frame["movement"].abs().idxmax()
    by = frame.loc[(quantity, prior), "movement"]
    return f"{quantity} moves furthest, by {by:.2f} under {prior}."


def _sensitive(study: SensitivityStudy) -> str:
    frame = power_scaling_frame(study)
    priors = frame[(frame["component"] != "likelihood") & frame["sensitive"]]
    named = ", ".join(dict.fromkeys(priors["quantity"]))
    return f"To priors answer: {named}." if named else "None answers to a prior."


def _of_comparison(comparison: Comparison) -> Picture:
    names = ", ".join(map(str, comparison.overview.index))
    count = len(comparison.differences)
    said = f"{count} differences; those that are more than noise are listed above."
    draw = partial(plot_comparison, comparison)
    return Picture("comparison", f"estimates and intervals of {names}", draw, lambda: said)


def _of_calibration(calibration: Calibration) -> list[Picture]:
    coverage = Picture(
        "coverage",
        f"coverage of {100 * calibration.prob:g}% intervals with its Monte Carlo limits",
        partial(plot_coverage, calibration),
        lambda: _least_covered(calibration),
    )
    ranks = Picture(
        "rank_ecdf",
        "ranks of the truth among draws of its posterior, less uniform ones",
        partial(plot_rank_ecdf, calibration),
        lambda: (
            f"Of all tests the smallest p, times their number, is {calibration.smallest_p:.2g}."
        ),
    )
    return [coverage, *([] if calibration.ranks.empty else [ranks])]


def _least_covered(calibration: Calibration) -> str:
    found = calibration.coverage["coverage"].dropna()
    design, method, block, parameter = found.idxmin()
    return f"Least often held: {parameter} ({block}) by {method}, {design}, {found.min():.1%}."


def _of_power(study: PowerStudy) -> list[Picture]:
    what = "assurance" if study.assurance else "power"
    return [
        Picture(
            "power", f"{what} by design", partial(plot_power_curve, study), lambda: _largest(study)
        ),
        Picture(
            "half_width",
            "half the width of the interval by design",
            partial(plot_power_curve, study, "half width"),
            lambda: "",
        ),
    ]


def _largest(study: PowerStudy) -> str:
    best = study.table["power"].idxmax()
    groups, rows = best
    return f"The largest is {study.table.loc[best, 'power']:.2f}, {groups} groups of {rows} rows."
