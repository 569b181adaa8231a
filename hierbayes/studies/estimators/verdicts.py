"""Consistent, efficient, honest? Verdicts on each method, by fixed rules.

*Consistent* for the slope within groups, β_W (in each level), as the number of groups grows:

* 2a, 2b, 3 and 6: yes, they compare rows of one group.
* 1 and 5: only if the slope between groups, β_B, is the same.  No where method 6 rejects that at
  `ALPHA`.
* 4: no, it estimates β_B; where method 6 does not reject, only if β_B = β_W.

*Efficient*, no other estimate of the same being much better (2b and 6 among those that do not
take β_B to be β_W):

* 1: no; it is for independent rows.
* 2a, 3, 4: yes where equal weights (4: those used) have efficiency `EFFICIENT` or more in every
  level, see `efficiency`; otherwise no.
* 2b: yes where slopes within levels are not found to differ at `ALPHA` (F test of 2b in 2a);
  otherwise for rows of these groups only.
* 5, 6: yes, by the weights of the model.

*Honest*, the standard error holding for groups that were not drawn:

* 1: no, whatever the standard errors that allow for groups are here; with CR2 yes, but with care
  where one of the slopes has fewer than `FEW` degrees of freedom.
* 2a, 2b: for new rows of these groups only.
* 3, 4: yes where groups vary alike in all levels, for one residual variance is pooled over them:
  their mean variances differ by a factor of `ALIKE` at most.  With care where those of the first
  stage differ by more, but not once the variance between groups is added; no where that differs
  too.  See `efficiency.alike_table`; the method's ``further`` has separate variances.
* 5, 6: yes, with Satterthwaite's degrees of freedom; given θ̂ where G is singular, for then the
  standard error takes the variance of groups in some direction to be zero.

Source: the lecture slides *Mixed Models with R*, "Summary of methods".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from hierbayes.display.cell import p_words
from hierbayes.fit.fit import Fit
from hierbayes.studies.estimators.efficiency import ALIKE, EFFICIENT
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.hierarchical import Hierarchical
from hierbayes.studies.estimators.method import Method

ALPHA = 0.05
ROBUST = "1 pooled OLS, CR2"
FEW = 5.0  # degrees of freedom of CR2: below, tests by t are no longer near their level
_LARGER = 1.05  # of a robust standard error against a naive one, from where on it is larger
QUESTIONS = ("consistent", "efficient", "honest")
_EQUAL = "slopes within and between equal"
_HOMOGENEOUS = "slopes equal within levels"

_BOTH, _ALL = "mixture of β_W and β_B", "all groups"
_INEFFICIENT = ("no", "weighs rows as if they were independent, and rows of one group are not")
_MODELLED = ("yes", "weighs groups by their information, the variance between groups included")
_ROBUST_SE = "its standard error comes from how groups vary, whatever holds inside them"
_DERIVED = "its standard error comes from how the groups' own coefficients vary"
_MEANS = "takes a group as one observation, so that the variance of groups counts"
_ONLY_HERE = (
    "for these groups",
    "only the variance of rows counts: groups could lie any distance apart and the standard error "
    "would be the same; it holds for new rows of these groups",
)


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
    methods: Mapping[str, Method],
    fits: Hierarchical,
    efficiency: pd.DataFrame,
    alike: pd.DataFrame,
    rows: GroupedRows,
) -> dict[str, Verdict]:
    """A verdict on every method by its label."""
    mixes, only_means = _mixture(methods["6"]), _only_means(methods["6"])
    own = ("yes", f"compares rows of one {rows.group} with each other only")
    here = f"these {rows.J} groups"
    used = here if rows.sloped.all() else f"{int(rows.sloped.sum())} of {rows.J} groups"
    rest = _ALL if rows.sloped.all() else f"{_ALL}, if those left out are like the rest"
    equal = {key: _equal_weights(key, efficiency) for key in ("2a", "3", "4")}
    derived, means = _pooled("3", _DERIVED, alike), _pooled("4", _MEANS, alike)
    verdicts = {
        "1": Verdict(_BOTH, "independent rows", mixes, _INEFFICIENT, _naive(methods["1"])),
        "1r": Verdict(_BOTH, _ALL, mixes, _INEFFICIENT, _robust(methods["1"])),
        "2a": Verdict("β_W, groups alike", used, own, equal["2a"], _ONLY_HERE),
        "2b": Verdict("β_W, by Sxx", used, own, _common(methods["2a"]), _ONLY_HERE),
        "3": Verdict("β_W, groups alike", rest, own, equal["3"], derived),
        "4": Verdict("β_B", _ALL, only_means, equal["4"], means),
        "5": Verdict("β_W with some β_B", _ALL, mixes, _MODELLED, _given(fits.plain)),
        "6": Verdict("β_W, and β_B beside", _ALL, own, _MODELLED, _given(fits.contextual)),
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


def reason_items(verdicts: pd.DataFrame, reasons: pd.DataFrame) -> tuple[str, ...]:
    """The reasons as sentences, methods with the same answer for the same reason together."""
    reach: dict[str, list[str]] = {}
    for method, whom in verdicts["reaches"].items():
        reach.setdefault(whom, []).append(_short(method))
    items: dict[tuple[str, str, str], list[str]] = {}
    for question in QUESTIONS:
        for method, because in reasons[question].items():
            answer = verdicts.loc[method, question]
            items.setdefault((question, answer, because), []).append(_short(method))
    return (
        *(
            f"{question}? {', '.join(methods)}: {answer}: {because}"
            for (question, answer, because), methods in items.items()
        ),
        *(f"reaches {whom}: {', '.join(methods)}" for whom, methods in reach.items()),
    )


def printed(verdicts: pd.DataFrame) -> pd.DataFrame:
    """The verdicts by short names of the methods, without whom they reach."""
    return verdicts.drop(columns="reaches").rename(index=_short)


def _short(method: str) -> str:
    return "1 with CR2" if method == ROBUST else method.split()[0]


def test_text(test: pd.Series) -> str:
    """An F test in a few words."""
    return f"F({test['df1']:.0f}, {test['df2']:.0f}) = {test['F']:.2f}, {p_text(test['p'])}"


def p_text(p: float) -> str:
    """A p-value in a few words."""
    return f"p {p_words(p)}"


def two_slopes_differ(contextual: Method) -> bool:
    """Whether method 6 finds the slopes within and between groups to differ."""
    return bool(contextual.tests.loc[_EQUAL, "p"] < ALPHA)


def _mixture(contextual: Method) -> tuple[str, str]:
    """Whether a mixture of β_W and β_B is consistent for β_W."""
    text = test_text(contextual.tests.loc[_EQUAL])
    if two_slopes_differ(contextual):
        return "no", f"mixes β_W with β_B, and they differ here: {text}"
    return (
        "if β_B = β_W",
        "mixes β_W with β_B; the data do not show that they differ, which does not show that they "
        f"are equal: {text}",
    )


def _only_means(contextual: Method) -> tuple[str, str]:
    text = test_text(contextual.tests.loc[_EQUAL])
    differs = two_slopes_differ(contextual)
    how = "differs from β_W here" if differs else "is not shown to differ from β_W"
    answer = "no" if differs else "if β_B = β_W"
    return answer, f"sees group means, and with them β_B, which {how}: {text}"


def _equal_weights(key: str, efficiency: pd.DataFrame) -> tuple[str, str]:
    """Whether groups are enough alike for weights that do not look at their information."""
    least = efficiency[key].min()
    smallest, largest = efficiency["n_min"].min(), efficiency["n_max"].max()
    sizes = f"{smallest} rows" if smallest == largest else f"{smallest} to {largest} rows"
    spread = f"sd of x {efficiency['sd_min'].min():.2g} to {efficiency['sd_max'].max():.2g}"
    groups = f"groups of {sizes}" if key == "4" else f"groups of {sizes} and {spread}"
    within = " in each level" if len(efficiency) > 1 else ""
    if least >= EFFICIENT:
        size = "more than 0.999" if least > 0.9995 else f"{least:.3f} at least"
        return "yes", f"{groups} are alike enough{within}: its weights have efficiency {size}"
    where = f" at the level '{efficiency[key].idxmin()}'" if within else ""
    return "no", f"{groups} differ in information: its weights have efficiency {least:.3f}{where}"


def _pooled(key: str, reason: str, alike: pd.DataFrame) -> tuple[str, str]:
    """Whether one residual variance can stand for all levels."""
    first, total, largest, smallest = alike.loc[key]
    if largest == smallest:
        return "yes", reason
    pooled = f"{reason}, one variance for all levels"
    times = f"the first-stage variances of groups in the levels differ {first:.2f} times"
    if total > ALIKE:
        return (
            "no",
            f"{pooled}, and they do not vary alike: {times}, with the variance between groups "
            f"{total:.2f} times, so that the standard error is too small in '{largest}' and too "
            f"large in '{smallest}'; see further for separate variances",
        )
    if first > ALIKE:
        return (
            "with care",
            f"{pooled}: {times}, but with the estimated variance between groups {total:.2f} times "
            "only; see further for separate variances",
        )
    return "yes", f"{pooled}, whose groups are alike: {times} at most"


def _robust(pooled: Method) -> tuple[str, str]:
    least = float(pooled.further["Quantities with CR2"]["df"].min())
    if least >= FEW:
        return "yes", _ROBUST_SE
    return (
        "with care",
        f"{_ROBUST_SE}, but few groups carry a slope: {least:.1f} degrees of freedom, fewer than "
        f"{FEW:.0f}",
    )


def _common(averaged: Method) -> tuple[str, str]:
    test = averaged.tests.loc[_HOMOGENEOUS]
    text = test_text(test)
    if test["p"] < ALPHA:
        return (
            "for these groups",
            f"slopes differ between groups of one level, which its weights leave out: {text}",
        )
    return "yes", f"slopes are not found to differ between groups of one level: {text}"


def _naive(pooled: Method) -> tuple[str, str]:
    ratio = pooled.further["Quantities with CR2"]["se"] / pooled.quantities["se"]
    many = len(ratio) > 1
    times = f"{'between ' * many}{ratio.min():.2f}" + f" and {ratio.max():.2f}" * many
    luck = "" if ratio.max() > _LARGER else "; that they are no larger is luck, and not the method"
    return (
        "no",
        "rows of one group tell less than as many independent rows; the standard errors that "
        f"allow for groups (CR2) are {times} times those of OLS{luck}",
    )


def _given(fit: Fit) -> tuple[str, str]:
    if fit.maximum.singular:
        return (
            "given θ̂",
            "the variance of groups counts, but G is singular at the maximum and is taken as if "
            "known to be so; a posterior shows what that leaves out",
        )
    return (
        "yes",
        "the variance of rows and that of groups both count, the standard error as if θ̂ were "
        "known; degrees of freedom after Satterthwaite allow for its uncertainty",
    )
