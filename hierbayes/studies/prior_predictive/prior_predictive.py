"""What the priors in force imply, in the model's own terms, before any fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.cell import significant
from hierbayes.display.interval import Interval
from hierbayes.display.page import Page, Printed
from hierbayes.priors.prior_set import PriorSet
from hierbayes.studies.prior_predictive.ellipses import ellipse_points
from hierbayes.studies.prior_predictive.family_implications import (
    family_finding,
    family_implications,
    family_probabilities,
    family_quantities,
)
from hierbayes.studies.prior_predictive.implications import (
    INTERVAL,
    icc_by_factor,
    implication_table,
    implied_quantities,
    pair_name,
    pairs,
    percent,
    probability_table,
    response_name,
)
from hierbayes.studies.prior_predictive.row_errors import RowErrors

if TYPE_CHECKING:
    from hierbayes.priors.draws import PriorDraws

_TITLE = "Prior predictive: what the priors imply before any data are seen"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PriorPredictive(Printed):
    """What the priors in force imply, as tables that print.

    Parameters
    ----------
    about : tuple of str
        Lines on the model, the data and the draws.
    priors : PriorSet
        Priors in force.
    seed : int
        Of the draws.
    draws : Dataset
        Every implied quantity by ``draw``, see `implied_quantities`.
    implications : DataFrame
        A row per implied quantity: ``median``, ``5%``, ``95%``, and ``observed`` for
        the ends of the range of a new response: the smallest and largest of the data.
        ICC (by factor, where there are several), R² and the total sd are averages over the
        rows of the design; lines are
        compared at rows near the 10th and the 90th percentile of each random column
        (`line_points`); responses are of new groups at rows drawn at random.
    probabilities : DataFrame
        A row per extreme: ``probability`` and ``mcse``, its Monte Carlo standard error.
    findings : tuple of str
        The share of implied responses outside the observed range, called weak on the
        scale of the response when it is more than half; and a sentence on each
        correlation and on the ICC that has more than half of its prior beyond ±0.9 or
        above 0.5, or that there is none.
    pairs : dict
        From the name of a correlation to the positions of its two effects.
    design : Design
        Of the model.
    """

    about: tuple[str, ...]
    priors: PriorSet
    seed: int
    draws: xr.Dataset
    implications: pd.DataFrame
    probabilities: pd.DataFrame
    findings: tuple[str, ...]
    pairs: dict[str, tuple[int, int]]
    design: Design

    def ellipse(self, prob: float = 0.5) -> pd.DataFrame:
        """Ellipses that hold a group's two effects with a probability, to be drawn.

        For every pair of correlated random effects, the ellipses of the draws whose
        sqrt(det G) is at the 10%, 50% and 90% quantile.  An ellipse is that of one draw
        of G, with the tilt it happens to have.

        Parameters
        ----------
        prob : float
            Probability inside, given G.

        Returns
        -------
        DataFrame
            Columns ``pair``, ``size``, ``x``, ``y`` and the semi-axes ``major``,
            ``minor`` and ``tilt`` in degrees, see `ellipse_points`; empty where no
            effects are correlated.
        """
        return ellipse_points(self.draws["G"].to_numpy(), self.pairs, prob)

    def page(self) -> Page:
        """The priors in force and what they imply."""
        blocks = (
            self.priors.block("Priors in force"),
            Items(self.priors.notes()),
            Table(self.implications.map(significant), _heading(INTERVAL)),
            Table(self.probabilities.map(significant), "Probabilities"),
            Items(self.findings),
        )
        return Page(_TITLE, self.about, blocks)


def prior_predictive(
    draws: PriorDraws, priors: PriorSet, problem: Problem, seed: int
) -> PriorPredictive:
    """Make the tables and sentences of draws from the priors.

    Parameters
    ----------
    draws : PriorDraws
        Of these priors.
    priors : PriorSet
        Priors in force.
    problem : Problem
        Of the model.
    seed : int
        Of the draws; the rows at which responses are looked at are derived from it.
    """
    design = problem.design
    if design.rows.family is not None:
        return _of_family(draws, priors, design, seed)
    about = _about(design, len(draws.theta.sigma), seed)
    design = replace(design, rows=design.rows.sample)
    errors = RowErrors(problem, draws.phi[:, 1:])
    quantities = implied_quantities(draws, design, errors, seed)
    probabilities = probability_table(quantities, design)
    return PriorPredictive(
        about=about,
        priors=priors,
        seed=seed,
        draws=quantities,
        implications=implication_table(quantities, design),
        probabilities=probabilities,
        findings=_findings(quantities, probabilities, design),
        pairs={pair_name(design, i, k): (i, k) for i, k in pairs(design.blocks)},
        design=design,
    )


def _of_family(draws: PriorDraws, priors: PriorSet, design: Design, seed: int) -> PriorPredictive:
    quantities = family_quantities(draws, design, seed)
    probabilities = family_probabilities(quantities, design)
    return PriorPredictive(
        about=_about(design, len(draws.gamma), seed),
        priors=priors,
        seed=seed,
        draws=quantities,
        implications=family_implications(quantities, design),
        probabilities=probabilities,
        findings=(family_finding(quantities, design), *_leaning(probabilities, design, quantities)),
        pairs={pair_name(design, i, k): (i, k) for i, k in pairs(design.blocks)},
        design=design,
    )


def _about(design: Design, draws: int, seed: int) -> tuple[str, ...]:
    lines = [("Draws", f"{draws} from the priors, seed {seed}")]
    if design.rows.streams and design.rows.sample.n < design.n:
        lines.append(("Rows", f"{design.rows.sample.n} from all over the source stand for all"))
    return subject_of(design).lines(*lines, dropped=design.dropped)


def _findings(
    quantities: xr.Dataset, probabilities: pd.DataFrame, design: Design
) -> tuple[str, ...]:
    """Sentences by the rules that `PriorPredictive` states."""
    share, response = float(quantities["outside"].mean()), response_name(design)
    y = design.rows.observed
    weak = f"weak on the scale of {response}: " if share > 0.5 else ""
    first = (
        f"{weak}{percent(share)} of the responses that the priors imply lie outside the observed "
        f"range, {y.min():.4g} to {y.max():.4g}"
    )
    return (first, *_leaning(probabilities, design, quantities))


def _leaning(
    probabilities: pd.DataFrame, design: Design, quantities: xr.Dataset
) -> tuple[str, ...]:
    """Sentences on correlations and intraclass correlations at their ends."""
    iccs = icc_by_factor(quantities, design) if "icc" in quantities else {}
    extremes = {
        f"P(|{pair_name(design, i, k)}| > 0.9)": f"{pair_name(design, i, k)} lies beyond ±0.9"
        for i, k in pairs(design.blocks)
    } | {f"P({name} > 0.5)": f"the {name} lies above 0.5" for name in iccs}
    mass = {text: float(probabilities.at[row, "probability"]) for row, text in extremes.items()}
    leaning = [
        f"more than half of the prior of {text} ({percent(p)})"
        for text, p in mass.items()
        if p > 0.5
    ]
    icc = "the ICC" if len(design.factors) == 1 else "an ICC"
    none = f"no correlation has more than half of its prior beyond ±0.9, nor {icc} above 0.5"
    if not pairs(design.blocks):
        none = f"no more than half of the prior of {icc} lies above 0.5"
    if not iccs:
        none = "no correlation has more than half of its prior beyond ±0.9"
        return tuple(leaning or [none] * bool(extremes))
    return tuple(leaning or [none])


def _heading(interval: Interval) -> str:
    return f"Implications (median and {interval} limits)"
