"""Consistent, efficient, honest? Verdicts on each method, by fixed rules.

*Consistent* for the slope within groups, β_W (in each level), as the number of groups grows:

* 2a, 2b, 3 and 6: yes, they compare rows of one group.
* 1 and 5: only if the slope between groups, β_B, is the same.  No where method 6 rejects that at
  `ALPHA`.
* 4: no, it estimates β_B; where method 6 does not reject, only if β_B = β_W.

*Efficient*, no other unbiased estimate of the same being much better:

* 1: no; it is for independent rows.
* 2a, 3, 4: yes where equal weights (4: those used) have efficiency `EFFICIENT` or more in every
  level, see `efficiency`; otherwise no.
* 2b: yes where slopes within levels are not found to differ at `ALPHA` (F test of 2b in 2a);
  otherwise for rows of these groups only.
* 5, 6: yes, by the weights of the model.

*Honest*, the standard error holding for groups that were not drawn:

* 1: no; with CR2 yes.
* 2a, 2b: for new rows of these groups only.
* 3, 4: yes.
* 5, 6: yes; given θ̂ where G is singular, for then the likelihood puts one of the variances
  of groups at zero and the standard error takes it to be so.

Source: the lecture slides *Mixed Models with R*, "Summary of methods".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from hierbayes.fit.fit import Fit
from hierbayes.studies.estimators.efficiency import EFFICIENT
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.hierarchical import Hierarchical
from hierbayes.studies.estimators.method import Method

ALPHA = 0.05
ROBUST = "1 pooled OLS, CR2"
QUESTIONS = ("consistent", "efficient", "honest")
_EQUAL = "slopes within and between equal"
_HOMOGENEOUS = "slopes equal within levels"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict on one method: what it estimates and for whom, and three answers with reasons.

    Parameters
    ----------
    estimates, reaches : str
        What the slope is of, and the groups that inference reaches.
    consistent, efficient, honest : tuple of str
        Answer and reason.
    """

    estimates: str
    reaches: str
    consistent: tuple[str, str]
    efficient: tuple[str, str]
    honest: tuple[str, str]


def judge(
    methods: Mapping[str, Method], fits: Hierarchical, efficiency: pd.DataFrame, rows: GroupedRows
) -> dict[str, Verdict]:
    """A verdict on every method by its label."""
    mixes = _mixture_is(methods["6"])
    here, every = f"these {rows.J} groups", "all groups"
    own = ("yes", f"rows of one {rows.group} are compared with each other only")
    robust = ("yes", "it is taken from how groups vary, whatever holds inside them")
    naive = _naive(methods["1"])
    weak = ("no", "weights are those of independent rows, and rows of one group are not")
    only_here = (
        "for these groups",
        "only the variance of rows counts: groups could lie any distance apart, and the standard "
        f"error would not change; it holds for new rows of these {rows.J} groups",
    )
    fixed = f"{int(rows.sloped.sum())} of {rows.J} groups" if not rows.sloped.all() else here
    drawn = ("yes", "it is taken from how the groups' own coefficients vary")
    about_means = ("yes", "a group is one observation, and its variance includes that of groups")
    verdicts = {
        "1": Verdict("mixture of β_W and β_B", here, mixes, weak, naive),
        "1r": Verdict("mixture of β_W and β_B", every, mixes, weak, robust),
        "2a": Verdict("β_W, groups alike", fixed, own, _equal_weights("2a", efficiency), only_here),
        "2b": Verdict("β_W, by Sxx", here, own, _common(methods["2a"]), only_here),
        "3": Verdict("β_W, groups alike", every, own, _equal_weights("3", efficiency), drawn),
        "4": Verdict(
            "β_B", every, _means_only(methods["6"]), _equal_weights("4", efficiency), about_means
        ),
        "5": Verdict("nearly β_W", every, mixes, _modelled(), _given(fits.plain)),
        "6": Verdict("β_W, and β_B beside", every, own, _modelled(), _given(fits.contextual)),
    }
    return {ROBUST if key == "1r" else methods[key].label: v for key, v in verdicts.items()}


def verdict_table(verdicts: Mapping[str, Verdict]) -> pd.DataFrame:
    """A row per method: what it estimates, the three answers, whom it reaches."""
    rows = [
        {"estimates": v.estimates}
        | {question: getattr(v, question)[0] for question in QUESTIONS}
        | {"reaches": v.reaches}
        for v in verdicts.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(list(verdicts), name="method"))


def reason_table(verdicts: Mapping[str, Verdict]) -> pd.DataFrame:
    """The reason of every answer, index method, a column per question."""
    rows = [
        {question: getattr(v, question)[1] for question in QUESTIONS} for v in verdicts.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(list(verdicts), name="method"))


def probability_text(test: pd.Series) -> str:
    """An F test in a few words."""
    df2 = f"{test['df2']:.0f}" if test["df2"] == round(test["df2"]) else f"{test['df2']:.1f}"
    p = f"p = {test['p']:.4f}" if test["p"] >= 1e-4 else "p < .0001"
    return f"F({test['df1']:.0f}, {df2}) = {test['F']:.2f}, {p}"


def _mixture_is(contextual: Method) -> tuple[str, str]:
    """Whether a mixture of β_W and β_B is consistent for β_W."""
    test = contextual.tests.loc[_EQUAL]
    if test["p"] < ALPHA:
        return "no", f"it mixes β_W with β_B, and they differ here: {probability_text(test)}"
    return (
        "if β_B = β_W",
        "it mixes β_W with β_B; the data do not show that they differ, which does not show that "
        f"they are equal: {probability_text(test)}",
    )


def _means_only(contextual: Method) -> tuple[str, str]:
    test = contextual.tests.loc[_EQUAL]
    answer = "no" if test["p"] < ALPHA else "if β_B = β_W"
    how = "differs from β_W here" if test["p"] < ALPHA else "is not shown to differ from β_W"
    return answer, f"group means know β_B only, which {how}: {probability_text(test)}"


def _equal_weights(key: str, efficiency: pd.DataFrame) -> tuple[str, str]:
    """Whether groups are enough alike for weights that do not look at their information."""
    least = efficiency[key].min()
    sizes = f"{efficiency['n_min'].min()} to {efficiency['n_max'].max()} rows"
    spread = f"sd of x {efficiency['sd_min'].min():.2g} to {efficiency['sd_max'].max():.2g}"
    alike = f"groups of {sizes}" if key == "4" else f"groups of {sizes}, {spread}"
    against = "efficiency of its weights"
    if least >= EFFICIENT:
        return "yes", f"{alike}, are alike enough: {against} {least:.3f} at least"
    return "no", f"{alike}, carry unequal information: {against} down to {least:.3f}"


def _common(averaged: Method) -> tuple[str, str]:
    test = averaged.tests.loc[_HOMOGENEOUS]
    text = probability_text(test)
    if test["p"] < ALPHA:
        return "for these groups", f"slopes differ between groups of one level: {text}"
    return "yes", f"slopes are not found to differ between groups of one level: {text}"


def _modelled() -> tuple[str, str]:
    return "yes", "groups are weighed by their information, the variance between groups included"


def _naive(pooled: Method) -> tuple[str, str]:
    ratio = pooled.further["Quantities with CR2"]["se"] / pooled.quantities["se"]
    times = f"{ratio.min():.2f} to {ratio.max():.2f}" if len(ratio) > 1 else f"{ratio.iloc[0]:.2f}"
    return (
        "no",
        "rows of one group are not independent pieces of information; the standard errors that "
        f"allow for groups (CR2) are {times} times as large",
    )


def _given(fit: Fit) -> tuple[str, str]:
    if fit.maximum.singular:
        return (
            "given θ̂",
            "the variance of groups counts, but G is singular at the maximum and is taken as if "
            "it were known to be; see fit.diagnose() and model.sample()",
        )
    return "yes", "the variance of rows and that of groups both count"
