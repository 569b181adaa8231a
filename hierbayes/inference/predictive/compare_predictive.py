"""Fits compared by what they say of data left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError
from hierbayes.fit.fit import Fit
from hierbayes.inference.accepted_fits import refuse_other_rows
from hierbayes.inference.predictive.criterion import BY_ROW, PredictiveCriterion
from hierbayes.inference.predictive.logo import logo
from hierbayes.inference.predictive.loo import loo
from hierbayes.inference.predictive.stacking import stacking_weights

_WHY = {
    True: "By row and given the group: how well further rows of these groups are predicted. Random "
    "effects count as known from the other rows, so that what explains groups gains little here, "
    "and a random slope may gain much. hb.logo(), of new groups, may rank otherwise.",
    False: "By group, random effects integrated out: how well new groups are predicted. What "
    "explains groups gains here, and what the rows of a known group tell by themselves does not "
    "count. hb.loo(), of further rows of these groups, may rank otherwise.",
}
_FEW = 4.0  # of elpd: a difference below it says nothing, and its se is too small


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictiveComparison(Printed):
    """Fits side by side in one predictive criterion.

    Parameters
    ----------
    table : DataFrame
        A row per fit, the best first: ``criterion``, ``elpd``, ``se``, ``p``; ``difference`` from
        the best and its standard error ``se_difference`` over cases; ``weight``, by stacking;
        ``k_hat_above_limit``, how many cases have weights that cannot be trusted; ``engine``.
    cases : DataFrame
        The elpd of each case by fit.
    models : tuple of str
        What each fit is, in a line.
    notes : tuple of str
    """

    table: pd.DataFrame
    cases: pd.DataFrame
    models: tuple[str, ...]
    notes: tuple[str, ...]

    def page(self) -> Page:
        """The table, and how to read it."""
        criterion = self.table["criterion"].iloc[0]
        table = Table(self.table, f"Expected log predictive density, {criterion}")
        return Page(f"Comparison, {criterion}", self.models, (table, Items(self.notes, "Notes")))


def compare_predictive(
    *of: PredictiveCriterion | Fit, names: Sequence[str] | None = None, by: str = "row"
) -> PredictiveComparison:
    """Compare what fits say of data left out, all in one criterion and on the same rows.

    Parameters
    ----------
    *of : PredictiveCriterion or Fit
        At least two results of `loo`, or two of `logo`; or fits, of which these are taken.
    names : sequence of str, optional
        A name for each; by default ``"model 1"`` and so on.
    by : str
        Of fits: ``"row"`` for `loo`, ``"group"`` for `logo`.

    Raises
    ------
    InferenceError
        When there are fewer than two, they are of two criteria, of different rows or responses or
        of groups that differ, a case cannot be left out of one, or names do not suit.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fits = [hb.Model(f"mathach ~ {x} + (1 | school)", data=hs).reml() for x in ("1", "ses")]
    >>> found = hb.compare_predictive(*(hb.logo(fit) for fit in fits), names=["empty", "ses"])
    >>> found.table.index[0], found.table["criterion"].iloc[0]
    ('ses', 'marginal, by group')
    """
    if by not in ("row", "group"):
        raise InferenceError(f"by must be 'row' or 'group', not {by!r}")
    found = [_criterion(one, place, by) for place, one in enumerate(of, 1)]
    if len(found) < 2:
        raise InferenceError(f"a comparison needs at least two results, not {len(found)}")
    labels = _names(names, len(found))
    for one in found[1:]:
        _refuse_other(found[0], one)
    cases = pd.DataFrame({label: one.frame["elpd"].to_numpy()
                          for label, one in zip(labels, found, strict=True)},
                         index=found[0].frame.index)  # fmt: skip
    if not np.isfinite(cases.to_numpy()).all():
        lost = cases.index[~np.isfinite(cases).all(axis=1)]
        raise InferenceError(
            f"{len(lost)} cases cannot be left out of one of the fits, first {lost[0]}, and "
            "without them the fits are of different data"
        )
    lines = tuple(f"{label}: {one.fit.design.specification}"
                  for label, one in zip(labels, found, strict=True))  # fmt: skip
    table = _table(labels, found, cases)
    return PredictiveComparison(table, cases, lines, _notes(table))


def _criterion(one: object, place: int, by: str) -> PredictiveCriterion:
    if isinstance(one, PredictiveCriterion):
        return one
    if isinstance(one, Fit):
        return loo(one) if by == "row" else logo(one)
    raise InferenceError(
        f"compare_predictive() takes results of hb.loo() or hb.logo(), or fits, and argument "
        f"{place} is of type {type(one).__name__}"
    )


def _names(names: Sequence[str] | None, count: int) -> list[str]:
    if names is None:
        return [f"model {place}" for place in range(1, count + 1)]
    stated = [names] if isinstance(names, str) else list(map(str, names))
    if len(stated) != count or len(set(stated)) != count:
        raise InferenceError(f"{count} fits need {count} different names, not {stated}")
    return stated


def _refuse_other(a: PredictiveCriterion, b: PredictiveCriterion) -> None:
    """Refuse what is of another criterion, other rows or other groups."""
    if a.criterion != b.criterion:
        raise InferenceError(
            f"these are of two criteria, '{a.criterion}' and '{b.criterion}', which are densities "
            "of different things; compare results of hb.loo(), or results of hb.logo()"
        )
    if a.totals is not None or b.totals is not None:
        raise InferenceError(
            "compare_predictive() needs the numbers of all rows, and those of rows that stream are "
            "added up; leave groups out, as in compare_predictive(..., by='group')"
        )
    refuse_other_rows("compare_predictive", a.fit, b.fit)
    if a.criterion == BY_ROW:
        if a.fit.sampled != b.fit.sampled:
            raise InferenceError(
                "one of these is of a posterior, which leaves rows out of θ too, and one of a "
                f"maximum ({(b if a.fit.sampled else a).fit.engine}), whose θ̂ has "
                "seen every row and is too favourable; compare posteriors, or results of hb.logo()"
            )
        return
    if not np.array_equal(_groups(a), _groups(b)):
        raise InferenceError(
            f"the groups that are left out differ: '{a.factor}' with {len(a.frame)} and "
            f"'{b.factor}' with {len(b.frame)}; leave out the same groups"
        )


def _groups(one: PredictiveCriterion) -> np.ndarray:
    """The label of each row's group (n,)."""
    design = one.fit.design
    k = design.place_of_factor(one.factor)
    return np.asarray(design.factors[k].labels)[design.rows.codes_of[k]]


def _table(
    labels: list[str], found: list[PredictiveCriterion], cases: pd.DataFrame
) -> pd.DataFrame:
    best = max(range(len(found)), key=lambda place: found[place].elpd)
    difference = cases.sub(cases.iloc[:, best], axis=0)
    table = pd.DataFrame(
        {
            "criterion": [one.criterion for one in found],
            "elpd": [one.elpd for one in found],
            "se": [one.se for one in found],
            "p": [one.p for one in found],
            "difference": difference.sum().to_numpy(),
            "se_difference": np.sqrt(len(cases) * difference.var(ddof=1)).to_numpy(),
            "weight": stacking_weights(cases.to_numpy()),
            "k_hat_above_limit": [len(one.bad) for one in found],
            "engine": [one.fit.engine for one in found],
        },
        index=pd.Index(labels, name="fit"),
    )
    return table.sort_values("elpd", ascending=False, kind="stable")


def _notes(table: pd.DataFrame) -> tuple[str, ...]:
    notes = [_WHY[table["criterion"].iloc[0] == BY_ROW]]
    near = table.index[1:][(table["difference"].iloc[1:] > -_FEW).to_numpy()]
    if len(near):
        notes.append(
            f"Less than {_FEW:.0f} from the best, so that neither is better for sure: "
            f"{', '.join(near)}."
        )
    if table["k_hat_above_limit"].any():
        notes.append("Some cases have weights that cannot be trusted; see the results themselves.")
    if table["criterion"].iloc[0] == BY_ROW and not (table["engine"] == "posterior").any():
        notes.append(
            "θ̂ has seen every row that is left out: these numbers are too large, the more so the "
            "more variance parameters a model has, and favour it. Compare posteriors, or leave "
            "groups out (by='group'), which refits θ."
        )
    if table["engine"].nunique() > 1:
        notes.append("The fits are by different engines, which treat θ differently.")
    return tuple(notes)
