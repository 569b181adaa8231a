"""Mundlak's test: whether group means matter beyond the values of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.subject import subject_of
from hierbayes.display.blocks import Items, Table
from hierbayes.display.cell import p_words
from hierbayes.display.page import Page, Printed
from hierbayes.errors import in_quotes
from hierbayes.fit.degrees_of_freedom.hypothesis_df import ContrastDf
from hierbayes.fit.degrees_of_freedom.source import METHODS, refuse_unknown_method, usual_or_stated
from hierbayes.fit.degrees_of_freedom.tails import two_sided
from hierbayes.fit.effects import fixef
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import problem_of
from hierbayes.inference.context.means_added import MeansAdded, means_added
from hierbayes.inference.context.submodel import fit_of_columns
from hierbayes.inference.hypotheses.wald import joint_row
from hierbayes.likelihood.reading import ML, REML

ALPHA = 0.05


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mundlak(Printed):
    """The contextual effects of the terms that vary within groups.

    Parameters
    ----------
    table : DataFrame
        A row per such term: ``within`` (its slope within groups), ``contextual`` (what the
        group's mean adds), ``se``, ``df``, ``t`` and ``p`` of that (without degrees of freedom
        ``z`` and ``p``), and ``between`` = within + contextual.
    test : Series
        Of all contextual effects together: ``F``, ``numDF``, ``denDF`` and ``p``; without
        degrees of freedom Wald's ``chisq``, ``df`` and ``p``.
    coefficients : DataFrame
        Every coefficient of the model with the means: ``estimate``, ``se``.
    added : tuple of str
        The group means that were added to the model.
    about, conclusion, notes : tuple of str
    """

    table: pd.DataFrame
    test: pd.Series
    coefficients: pd.DataFrame
    added: tuple[str, ...]
    about: tuple[str, ...]
    conclusion: tuple[str, ...]
    notes: tuple[str, ...]

    def page(self) -> Page:
        """The table, the test, and what they mean."""
        blocks = (
            Table(self.table, "Slopes within groups, and what the group's mean adds"),
            Table(self.test.to_frame().T, "All contextual effects together"),
            Items(self.conclusion, "What this says"),
            Items(self.notes, "Notes"),
        )
        return Page("Mundlak's test of contextual effects", self.about, blocks)


def mundlak(source: Any, *, df: str | None = None, factor: str | None = None) -> Mundlak:
    """Test the contextual effects of all terms that vary within groups.

    The group mean of each such term joins the model unless it is there already, as
    ``cvar(x, g)`` or ``lvar(x, g)``; the effect tested is its coefficient (less that of
    ``dvar(x, g)`` where the deviation stands in the model). The random part is the model's own.

    Parameters
    ----------
    source : Model or Fit
        The model with the means is fitted by REML, for an ML fit by ML.
    df : str, optional
        As for `wald`: ``"satterthwaite"``, ``"kenward-roger"`` (REML only), ``"inner-outer"``, or
        ``"none"`` for z and χ², which reject too often where there are few groups.
    factor : str, optional
        Over whose groups the means are, where the model has several grouping factors; all of them
        keep their random effects, and means of the others that the formula has stay in.

    Returns
    -------
    Mundlak

    Raises
    ------
    HypothesisError
        When it is neither model nor fit.
    DataError
        When no term varies within groups, none has group means to test, or there are too few
        groups for the means; or when there is no such factor, or several and none is named.
    HypothesisError
        When ``df`` does not exist or does not suit.
    EstimationError
        When Satterthwaite's degrees of freedom do not exist.

    References
    ----------
    Mundlak (1978), doi:10.2307/1913646; Snijders & Bosker (2012), *Multilevel Analysis*,
    section 4.6.

    Examples
    --------
    >>> import hierbayes as hb
    >>> model = hb.Model("mathach ~ ses", random="~ 1 | school", data=hb.load_dataset("hs"))
    >>> hb.mundlak(model).table.loc["ses"].round(4)[["within", "contextual", "se"]].to_dict()
    {'within': 2.2232, 'contextual': 3.4832, 'se': 0.7299}
    >>> hb.mundlak(model, df="none").test.round(2).to_dict()
    {'chisq': 22.77, 'df': 1.0, 'p': 0.0}
    """
    problem = problem_of(source, "mundlak", structured=True)
    problem.refuse_fitted_variances("mundlak()")
    design = problem.design
    design.specification.refuse_no_random_part("mundlak()")
    own = design.of_factor(design.place_of_factor(factor))
    if df is not None:
        refuse_unknown_method(df)
    reading = ML if isinstance(source, Fit) and source.engine == "ML" else REML
    plan = means_added(own)
    fit = fit_of_columns(problem, plan.X, plan.names, reading)
    of_all = usual_or_stated(fit, df)
    L, gamma = np.array(list(plan.contrasts.values())), fixef(fit).to_numpy()
    found = of_all.of(L)
    table = _table(plan, gamma, L @ gamma, np.sqrt(np.diag(L @ found.gamma_cov @ L.T)), found)
    test = _test(joint_row(L, gamma, found), found.method)
    coefficients = {"estimate": gamma, "se": np.sqrt(np.diag(of_all.gamma_cov))}
    added = f"{', '.join(plan.added) or 'nothing'}; by {fit.engine}"
    return Mundlak(
        table=table,
        test=test,
        coefficients=pd.DataFrame(coefficients, index=pd.Index(plan.names, name="term")),
        added=plan.added,
        about=subject_of(design).lines(("Added", added), ("df", METHODS[found.method])),
        conclusion=_conclusion(table, test, own),
        notes=(*_notes(plan, found.method), *of_all.notes, *found.notes),
    )


def _table(
    plan: MeansAdded, gamma: Floats, effect: Floats, se: Floats, found: ContrastDf
) -> pd.DataFrame:
    """The table of `Mundlak`."""
    within = gamma[list(plan.within.values())]
    ratio = effect / se
    tests = {"z": ratio} if found.method == "none" else {"df": found.rows, "t": ratio}
    columns = {"within": within, "contextual": effect, "se": se, **tests}
    columns |= {"p": two_sided(ratio, found.rows), "between": within + effect}
    return pd.DataFrame(columns, index=pd.Index(list(plan.within), name="term"))


def _test(joint: dict[str, float], method: str) -> pd.Series:
    """The joint test: F, or χ² where there are no degrees of freedom."""
    numerator = float(joint["numDF"])
    if method == "none":
        values = {"chisq": numerator * joint["F"], "df": numerator, "p": joint["p"]}
    else:
        values = {name: float(joint[name]) for name in ("F", "numDF", "denDF", "p")}
    return pd.Series(values, name="Wald")


def _test_words(test: pd.Series) -> str:
    if "chisq" in test:
        return f"χ²({test['df']:.0f}) = {test['chisq']:.2f}, p {p_words(test['p'])}"
    return f"F({test['numDF']:.0f}, {test['denDF']:.1f}) = {test['F']:.2f}, p {p_words(test['p'])}"


def _conclusion(table: pd.DataFrame, test: pd.Series, design: Design) -> tuple[str, ...]:
    group = design.specification.group
    lines = [
        f"'{term}': {row['within']:+z.4f} per unit within {group}, {row['between']:+z.4f} between; "
        f"the mean of the {group} adds {row['contextual']:+z.4f} ± {row['se']:.4f}"
        for term, row in table.iterrows()
    ]
    if np.isnan(test["p"]):
        return (*lines, "these degrees of freedom give no test of all effects together, see below")
    joint = _test_words(test)
    if test["p"] < ALPHA:
        lines.append(
            f"slopes between and within groups differ ({joint}), so without the means in the model "
            "one coefficient mixes the two, and the random effects are correlated with the terms"
        )
        lines.append(
            "this describes a contextual effect; whether the context itself acts, or unmeasured "
            "properties of the groups that go with their means (endogeneity), the test cannot say. "
            "Beside the means the slopes within groups are free of both, though not of confounding "
            "within groups"
        )
    else:
        lines.append(
            f"no sign that slopes between and within groups differ ({joint}); this does not show "
            "that they are equal: see the standard errors of what the means add"
        )
    return tuple(lines)


def _notes(plan: MeansAdded, method: str) -> tuple[str, ...]:
    notes = []
    if method == "none":
        notes.append(
            "p-values take the estimated variances as known, so that they are too small where "
            "there are few groups; the default df allows for that"
        )
    if plan.skipped:
        listed = in_quotes(plan.skipped)
        notes.append(
            f"not tested, for its group means are constant or combinations of other terms: {listed}"
        )
    return tuple(notes)
