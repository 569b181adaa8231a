"""The random part built step by step, by likelihood ratios that know of the boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.problem import pose_problem
from hierbayes.display.blocks import Items, Lines, Table
from hierbayes.display.cell import p_words
from hierbayes.display.page import Page, Printed
from hierbayes.errors import DataError, FormulaError, InferenceError
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.point import PointFit
from hierbayes.inference.model_choice.chi_bar import mixture_text, upper_tail
from hierbayes.inference.model_choice.likelihood_ratio import likelihood_ratio
from hierbayes.inference.model_choice.search_start import (
    block_that_grows,
    candidate_terms,
    start_of_search,
)
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import REML
from hierbayes.specification.terms import INTERCEPT

type _Trial = tuple[PointFit | None, str, dict[str, Any]]  # a fit or why there is none; its row

_TRIED, _BEST, _KEPT = "tried", "best, not kept", "kept"
_COLUMNS = ["step", "term", "logLik", "chisq", "df", "p_value", "reference", "singular", "decision"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RandomPart(Printed):
    """A random part and how it was built.

    Parameters
    ----------
    steps : DataFrame
        A row per step and candidate: ``logLik``, the statistic ``chisq`` against the model
        before the step, ``df``, ``p_value`` with its ``reference``, whether G is ``singular``,
        and the ``decision``.
    fit : PointFit
        REML fit of the chosen model.
    findings : tuple of str
        Each step in words.
    """

    steps: pd.DataFrame
    fit: PointFit
    findings: tuple[str, ...]

    @property
    def formula(self) -> str:
        """The chosen model as one formula."""
        return str(self.fit.design.specification)

    def page(self) -> Page:
        """The steps as a table and in words, and the model that was chosen."""
        return Page(
            "Random part, built forward by REML likelihood ratios",
            blocks=(
                Table(self.steps.set_index(["step", "term"])),
                Items(self.findings),
                Lines((f"Chosen: {self.formula}",)),
            ),
        )


def build_random(
    model: Any,
    candidates: Sequence[str],
    *,
    data: pd.DataFrame | None = None,
    alpha: float = 0.05,
    factor: str | None = None,
) -> RandomPart:
    """Build the random part forward: at each step the term with the smallest p-value.

    Every step is a REML likelihood ratio test of one more term in the block of correlated
    effects; a term of one column is referred to ½χ²(q) + ½χ²(q + 1), for its variance cannot be
    negative, a factor of two columns to a mixture with the weights that the data give, and one of
    more to χ², which is stern.  A random part that
    starts from the intercept is first tested against none.

    Parameters
    ----------
    model : Model or str
        Where to start: a model, or a formula with its random part, as in
        ``"y ~ x * w + (1 | g)"``.
    candidates : sequence of str
        Terms to add, such as ``["x", "z"]``.
    data : DataFrame, optional
        Of a formula.
    alpha : float
        A term is kept when its p-value is smaller.
    factor : str, optional
        Over which grouping factor the candidates vary, where the model has several; it must have
        one block of effects.

    Returns
    -------
    RandomPart

    Raises
    ------
    InferenceError
        When the start is neither, data are missing or given twice, the random part has several
        blocks, there is no such factor or none of several is named, candidates are none, no
        columns or stand in it already, or alpha is no probability.
    FormulaError, DataError
        When the start itself cannot be fitted.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> built = hb.build_random("mathach ~ ses * Sector + (1 | school)", ["ses"], data=hs)
    >>> built.formula
    'mathach ~ 1 + ses + Sector + ses:Sector + (1 | school)'
    """
    spec, frame = start_of_search(model, data)
    spec.refuse_no_random_part("build_random()")
    place = block_that_grows(spec, factor)
    left = candidate_terms(candidates, spec.random[place].effects, frame)
    if not isinstance(alpha, float | int) or not 0.0 < alpha < 1.0:
        raise InferenceError(f"alpha must lie between 0 and 1, not {alpha!r}")
    fit = maximum_likelihood(pose_problem(spec, frame), REML)
    rows: list[dict[str, Any]] = []
    findings: list[str] = []
    if spec.residual is not None:
        findings.append(
            f"errors are {spec.residual.text} in every model, with parameters estimated anew; the "
            "random part of the start is not compared with none, see likelihood_ratio()"
        )
    elif spec.random_effects == ((INTERCEPT,),):
        rows.append(_against_none(fit, alpha))
        findings.append(_intercept_sentence(rows[0], spec.group))
    fit = _searched(fit, left, place, frame, alpha, rows, findings)
    findings.append(
        "p-values of a search flatter what it finds: a model chosen this way deserves simulations "
        "or new data"
    )
    steps = pd.DataFrame(rows, columns=_COLUMNS).astype({"df": "Int64"})
    return RandomPart(steps, fit, tuple(findings))


def _searched(
    fit: PointFit,
    left: list[str],
    place: int,
    frame: pd.DataFrame,
    alpha: float,
    rows: list[dict[str, Any]],
    findings: list[str],
) -> PointFit:
    """The fit from which no term of those left is worth a step; what was tried is added."""
    for step in range(1, len(left) + 1):
        tried = {term: _try(fit, term, place, frame, step) for term in left}
        rows += [row for _, _, row in tried.values()]
        findings += [
            f"step {step}: '{term}' cannot be a random effect here: {reason}"
            for term, (found, reason, _) in tried.items()
            if found is None
        ]
        left = [term for term in left if tried[term][0] is not None]
        if not left:
            break
        best = min(left, key=lambda term: tried[term][2]["p_value"])
        found, _, row = tried[best]
        row["decision"] = _KEPT if row["p_value"] < alpha else _BEST
        findings.append(_sentence(fit, tried, best, alpha))
        if found is None or row["decision"] != _KEPT:
            break
        fit = found
        left.remove(best)
    return fit


def _against_none(fit: PointFit, alpha: float) -> dict[str, Any]:
    """The random intercept against no random effect: ½χ²(0) + ½χ²(1)."""
    regression = Likelihood(fit.problem.cross, REML).without_effects()
    chisq = max(2.0 * (fit.loglik - regression.value), 0.0)
    p = upper_tail(chisq, {0: 0.5, 1: 0.5})
    row = _row(0, INTERCEPT, fit, (chisq, 1, p, "½χ²(0) + ½χ²(1)"))
    return row | {"decision": _KEPT if p < alpha else "kept, as the start"}


def _try(fit: PointFit, term: str, place: int, data: pd.DataFrame, step: int) -> _Trial:
    """The fit with one more term and its row; no fit where the data cannot carry it."""
    spec = fit.design.specification
    try:
        random = list(spec.random)
        random[place] = replace(random[place], effects=(*random[place].effects, term))
        wider = replace(spec, random=tuple(random))
        larger = maximum_likelihood(pose_problem(wider, data), REML)
        test = likelihood_ratio(fit, larger)
    except (DataError, FormulaError, InferenceError) as error:
        values = (step, f"+ {term}", np.nan, np.nan, None, np.nan, "", "", "not possible")
        return None, str(error), dict(zip(_COLUMNS, values, strict=True))
    p, reference = test.p_chi2, f"χ²({test.df})"
    if test.mixture:
        half = set(test.mixture.values()) == {0.5}
        p, reference = test.p_mixture, mixture_text(test.mixture)
        reference = reference.replace("0.5 ", "½") if half else reference
    return larger, "", _row(step, f"+ {term}", larger, (test.chisq, test.df, p, reference))


def _row(
    step: int, term: str, fit: PointFit, test: tuple[float, int, float, str]
) -> dict[str, Any]:
    chisq, df, p, reference = test
    singular = "yes" if fit.maximum.singular else "no"
    values = (step, term, fit.loglik, chisq, df, p, reference, singular, _TRIED)
    return dict(zip(_COLUMNS, values, strict=True))


def _intercept_sentence(row: dict[str, Any], group: str) -> str:
    kept = row["decision"] == _KEPT
    return (
        f"the intercept varies between groups of '{group}'{'' if kept else ' only doubtfully'}: "
        f"statistic {row['chisq']:.2f} against no random effect, p {p_words(row['p_value'])}"
    )


def _sentence(before: PointFit, tried: dict[str, _Trial], best: str, alpha: float) -> str:
    fit, _, row = tried[best]
    start = f"step {row['step']}: "
    what = (
        f"'{best}' (statistic {row['chisq']:.2f}, {row['reference']}, p {p_words(row['p_value'])})"
    )
    if row["p_value"] >= alpha:
        text = (
            f"{start}no term's p-value lies below {alpha:g}; {what} comes nearest, and its "
            "variance is not told from zero; stop"
        )
    else:
        text = f"{start}{what} has the smallest p-value and is kept"
        if fit is not None and fit.maximum.singular:
            text += "; G is singular with it, see reduced()"
    if before.maximum.singular:
        text += "; the model before this step is singular, and the p-value a rough one"
    return text
