"""A comparison of fits: its tables, and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.about import about_line
from hierbayes.display.blocks import Block, Items, Table
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.display.page import Page
from hierbayes.display.reported import Reported
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.dispersion_tables import names_by_title, under_their_titles
from hierbayes.studies.comparison.disagreement import (
    agreements,
    difference_table,
    findings,
    pairs_to_compare,
    plug_in_sentences,
)
from hierbayes.studies.comparison.effect_labels import groups_by_factor, label_effects
from hierbayes.studies.comparison.estimates import (
    COLUMNS,
    estimates,
    interval_table,
    stack_estimates,
)
from hierbayes.studies.comparison.fit_names import name_fits
from hierbayes.studies.comparison.fit_pair import Side
from hierbayes.studies.comparison.group_coefficients import coefficients, group_table
from hierbayes.studies.comparison.overview import criteria, notes, overview
from hierbayes.studies.comparison.uncertainty import plug_in_of, uncertainty_table

_VARIANCES = "Variance parameters"
_GROUPS = 3  # of the table of groups, in print


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison(Reported):
    """Fits side by side; everything that is printed is here as a table or as sentences.

    Parameters
    ----------
    overview : DataFrame
        A row per fit: engine, model, draws and priors.
    data : str
        The data all fits share, in a line.
    fixed, variance : DataFrame
        Index (term, fit), and (block, parameter, fit) for sd, corr, σ, errors and icc. Columns:
        ``estimate`` (of a posterior its mean), ``se`` (given θ̂; of a posterior its sd),
        ``lower``, ``upper``, ``median``, ``mcse`` (of the posterior mean). What a fit has not
        is missing. Where any of the fits has several grouping factors, random effects are called
        ``ses|school``, and there is an icc of each factor.
    intervals : DataFrame
        Index (block, parameter, fit, method); lower, estimate, upper.
    groups : DataFrame
        Coefficients β_j, index (group, effect, fit): ``value``, ``sd``, ``mcse``, ``rank`` (1 is
        the largest), ``difference`` from the first fit in sds of the first posterior.
    effects : dict
        From each grouping factor to the random effects that vary over it, as tables call them.
    uncertainty : DataFrame
        Of each posterior of a Gaussian response: what the uncertainty of θ adds, see
        `uncertainty.uncertainty_table`.
    criteria : DataFrame
        loglik, AIC, BIC and number of parameters of REML and ML fits.
    differences : DataFrame
        Every difference of every pair of fits, judged, see `disagreement.difference_table`.
    findings : tuple of str
        Where two fits differ by more than Monte Carlo error, by how much, and why.
    agreements : tuple of str
        Where they do not.
    notes : tuple of str
        How to read the tables.
    objection : str
        Whose draws cannot be used, and why; empty where all can.
    beside : mapping
        Of families: under which heads their parameters are shown, see `names_by_title`.
    """

    overview: pd.DataFrame
    data: str
    fixed: pd.DataFrame
    variance: pd.DataFrame
    intervals: pd.DataFrame
    groups: pd.DataFrame
    effects: Mapping[str, tuple[str, ...]]
    uncertainty: pd.DataFrame
    criteria: pd.DataFrame
    differences: pd.DataFrame
    findings: tuple[str, ...]
    agreements: tuple[str, ...]
    notes: tuple[str, ...]
    objection: str
    beside: Mapping[str, tuple[str, ...]]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        names = ("overview", "fixed", "variance", "intervals", "groups", "uncertainty",
                 "criteria", "differences")  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def page(self) -> Page:
        """The fits, their estimates beside each other, and where they differ."""
        tables = (Table(frame, title) for title, frame in self._shown())
        blocks: tuple[Block, ...] = (
            Table(self._overview_shown(), "Fits"),
            *tables,
            Items(self.findings, "Where they differ, and why"),
            Items(self.agreements, "Where they agree"),
            Items(self.notes, "Notes"),
        )
        return Page(self._title, self._about(), blocks)

    @property
    def _title(self) -> str:
        return f"Comparison of {len(self.overview)} fits: {', '.join(self.overview.index)}"

    def _overview_shown(self) -> pd.DataFrame:
        """The overview without columns that are empty, and without a model all fits share."""
        shown = self.overview.loc[:, (self.overview != "").any()]
        return shown.drop(columns="model") if shown["model"].nunique() == 1 else shown

    def _about(self) -> tuple[str, ...]:
        """The model, if there is one, and the data."""
        models = self.overview["model"].unique()
        model = (about_line("Model", models[0]),) if len(models) == 1 else ()
        return (*model, about_line("Data", self.data))

    def _shown(self) -> list[tuple[str, pd.DataFrame]]:
        """The tables that are printed, in the form they are printed in."""
        variance = self.variance.reset_index()
        single = variance["block"] == variance["parameter"]
        names = variance["block"] + "(" + variance["parameter"] + ")"
        variance["parameter"] = variance["parameter"].where(single, names)
        variance = variance.drop(columns="block").set_index(["parameter", "fit"])
        shown = [
            ("Fixed effects", self.fixed.dropna(axis="columns", how="all")),
            *(
                (title, table.dropna(axis="columns", how="all"))
                for title, table in under_their_titles(variance, _VARIANCES, self.beside)
            ),
            *(self._most_different(factor) for factor in self.effects),
        ]
        if len(self.uncertainty):
            title = "Uncertainty of θ: standard errors given θ̂ against posterior sds"
            shown.append((title, self.uncertainty))
        if len(self.criteria):
            shown.append(("Criteria", self.criteria))
        return shown

    def _most_different(self, factor: str) -> tuple[str, pd.DataFrame]:
        """The groups of a factor with the largest differences, in the order of the data."""
        effects = self.groups.index.get_level_values("effect")
        own = self.groups[effects.isin(self.effects[factor])]
        largest = own["difference"].abs().groupby(level="group", sort=False).max()
        chosen = set(largest.sort_values(ascending=False, kind="stable").index[:_GROUPS])
        kept = own[own.index.get_level_values("group").isin(chosen)]
        J = len(largest)
        which = "" if J <= _GROUPS else f", the {_GROUPS} of {J} groups that differ most"
        of = "the groups" if len(self.effects) == 1 else f"the groups of '{factor}'"
        return f"Coefficients of {of}{which}", kept.dropna(axis="columns", how="all")


def compare(
    *fits: Fit | Mapping[str, Fit], names: Sequence[str] | None = None, prob: float = DEFAULT_PROB
) -> Comparison:
    """Compare fits of any engine, of one model or of several on the same data.

    Every later fit is held against the first, and every later posterior against the first
    posterior.

    Parameters
    ----------
    *fits : Fit
        At least two; or one mapping from names to fits.
    names : sequence of str, optional
        A name for each; by default the engines, numbered where one occurs more than once.
    prob : float
        Probability inside the intervals.

    Raises
    ------
    StudyError
        When something is no fit, names do not suit, or the fits are on different data.
    IntervalError
        When `prob` does not lie between 0 and 1.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hs)
    >>> hb.compare(model.reml(), model.ml()).fixed.loc["ses", "estimate"].round(3).to_dict()
    {'REML': 2.431, 'ML': 2.437}
    """
    interval = Interval(prob)
    named = name_fits(fits, names)
    labels = label_effects(named)
    sides = {
        name: Side(name, fit, own, estimates(fit, own, interval), coefficients(fit, own))
        for (name, fit), own in zip(named.items(), labels.values(), strict=True)
    }
    by_name = {name: side.estimates for name, side in sides.items()}
    by_group = {name: side.coefficients for name, side in sides.items()}
    by_factor = groups_by_factor(named, labels)
    stacked = stack_estimates(by_name)
    of_gamma = stacked.index.get_level_values("block") == "gamma"
    pairs = pairs_to_compare(sides)
    differences = difference_table(pairs, sides)
    uncertainty = uncertainty_table(named, labels, by_name, by_group)
    left_out = plug_in_sentences(uncertainty, _plug_ins(named))
    return Comparison(
        overview=overview(named),
        data=subject_of(next(iter(named.values())).design).data,
        fixed=stacked[of_gamma].droplevel("block").rename_axis(index=["term", "fit"]),
        variance=stacked.loc[~of_gamma, COLUMNS],
        intervals=interval_table(named, stacked),
        groups=group_table(named, by_group, by_factor),
        effects={name: effects for name, (effects, _) in by_factor.items()},
        uncertainty=uncertainty,
        criteria=criteria(named),
        differences=differences,
        findings=findings(pairs, differences) + tuple(text for large, text in left_out if large),
        agreements=agreements(pairs, differences) + tuple(t for large, t in left_out if not large),
        notes=notes(sides, interval),
        objection="; ".join(f"{name}, {fit.objection}" for name, fit in named.items()
                            if fit.objection),
        beside=_beside(named),
    )  # fmt: skip


def _beside(fits: Mapping[str, Fit]) -> dict[str, tuple[str, ...]]:
    """Parameters of families by the heads of their tables; σ of Gaussian fits is a variance's."""
    found: dict[str, tuple[str, ...]] = {}
    gaussian = [fit for fit in fits.values() if fit.problem.family is None]
    for fit in fits.values():
        if fit.problem.family is not None:
            for title, names in names_by_title(fit.problem.family_rows.family).items():
                found[title] = tuple(dict.fromkeys((*found.get(title, ()), *names)))
    of_both = {"sigma"} if gaussian else set()
    return {title: tuple(n for n in names if n not in of_both) for title, names in found.items()}


def _plug_ins(fits: Mapping[str, Fit]) -> dict[str, str]:
    """The plug-in fit of every posterior of a Gaussian response that has one."""
    found = {
        name: plug_in_of(fits, name)
        for name, fit in fits.items()
        if fit.sampled and fit.problem.family is None
    }
    return {posterior: plug_in for posterior, plug_in in found.items() if plug_in is not None}
