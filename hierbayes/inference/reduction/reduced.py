"""The smaller model that a singular G suggests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.display.blocks import Items, Lines, Table, numbered_lines, numbered_table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import InferenceError
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import reading_of, refuse_other_than_maxima
from hierbayes.inference.reduction.pancake import flat_sentences, principal_axes
from hierbayes.inference.reduction.smaller_model import (
    can_be_written,
    columns_of_terms,
    keeps_groups_of_errors,
    smaller_problem,
)
from hierbayes.likelihood.covariance import sd_corr
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT

_SAME = 1e-6  # of two log-likelihoods
_NO_VARIANCE = 1e-6  # of an sd, in units that make effects comparable

type Random = tuple[RandomTerm, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reduced(Printed):
    """What is flat in a singular G, and models with fewer parameters.

    Parameters
    ----------
    axes : DataFrame
        Principal axes of G in units that make effects comparable (the response, per spread of
        each random column), a row per axis: its ``variance`` (eigenvalue), ``share`` of the
        total, and its weight on each effect.
    models : DataFrame
        A row per model, the singular one first, index ``formula``: ``parameters``, ``logLik``,
        ``loss`` of log-likelihood against the singular fit, ``AIC``, ``singular``.
    fit : PointFit
        Of the suggested one: the same maximum with fewest parameters where such a model
        exists, or else the one of smallest AIC, which may be the singular fit itself.
    same_maximum : bool
        Whether a smaller model has the maximum of the singular fit.
    smaller : bool
        Whether a smaller model is suggested at all.
    findings : tuple of str
    """

    axes: pd.DataFrame
    models: pd.DataFrame
    fit: PointFit
    same_maximum: bool
    smaller: bool
    findings: tuple[str, ...]

    @property
    def formula(self) -> str:
        """The suggested model as one formula."""
        return str(self.fit.design.specification)

    def page(self) -> Page:
        """What is flat, smaller models, and which of them is suggested."""
        return Page(
            "Principal axes of a singular G, in comparable units",
            blocks=(
                Table(self.axes),
                Items(self.findings),
                Lines(numbered_lines(self.models), "This model and smaller ones"),
                numbered_table(self.models),
                Lines((f"Suggested: {self._suggested}",)),
            ),
        )

    @property
    def _suggested(self) -> str:
        kept = "none; keep the model: no smaller one has a smaller AIC"
        return self.formula if self.smaller else kept


def reduced(fit: PointFit) -> Reduced:
    """What is flat in a singular G, and the smaller model that suggests.

    An effect without variance can be left out: the maximum stays the same.  A correlation of
    ±1, or any other flat direction across effects, is a G of lower rank, which no formula of
    this kind states; then models with an effect less, and with independent effects, are
    fitted, and the log-likelihood that each loses is shown.

    Parameters
    ----------
    fit : PointFit
        By REML or ML, with a singular G; a family's smaller models are fitted by the same
        approximation, and the parameters of a residual structure are estimated anew.

    Raises
    ------
    InferenceError
        When the fit maximises no likelihood, G is not singular, no smaller model exists or can be
        written, or rows have several linear predictors.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hsfull = hb.load_dataset("hsfull")
    >>> fit = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hsfull).reml()
    >>> small = hb.reduced(fit)
    >>> small.smaller, small.models["AIC"].round(2).tolist()[:2]
    (False, [46585.11, 46586.16])
    """
    refuse_other_than_maxima("reduced", fit, families=True, structured=True)
    fit.design.specification.refuse_no_random_part("reduced()")
    if fit.design.columns.n_predictors > 1:
        raise InferenceError(
            "reduced() reads models of one linear predictor, and this one has "
            f"{fit.design.columns.n_predictors}; state the smaller model yourself"
        )
    axes = principal_axes(fit)
    if not fit.maximum.singular:
        raise InferenceError(
            "G of this fit is not singular, there is nothing to reduce: its thinnest direction has "
            f"{_percent(float(axes['share'].min()))} of the variance of the random effects"
        )
    without = _without_variance(fit)
    candidates = _smaller_random_parts(fit, without)
    fits = [_refit(fit, random) for random in candidates]
    loss = np.array([fit.loglik - other.loglik for other in fits])
    same = loss < _SAME
    rank = np.array([f.maximum.n_parameters if s else f.aic + 1e9
                     for f, s in zip(fits, same, strict=True)])  # fmt: skip
    best = int(rank.argmin())
    smaller = bool(same[best]) or fits[best].aic < fit.aic
    findings = (
        *flat_sentences(fit, axes, without),
        *_origin_sentence(candidates),
        _suggestion(fits[best], float(loss[best]), smaller=smaller),
        *_nothing_varies(fit, without),
    )
    models = _table([fit, *fits], np.append(0.0, loss))
    return Reduced(
        axes, models, fits[best] if smaller else fit, bool(same[best]), smaller, findings
    )


def _smaller_random_parts(fit: PointFit, without: tuple[tuple[str, str], ...]) -> list[Random]:
    """The random parts that are tried, of which there is one at least."""
    candidates = [
        random
        for random in _candidates(fit.design.specification, without)
        if can_be_written(fit.design, random) and keeps_groups_of_errors(fit.problem, random)
    ]
    if not candidates and len(fit.design.effects) > 1:
        raise InferenceError(
            "no smaller model can be written from this one: a term left out would change the "
            "coding of the factors beside it; state the smaller model yourself"
        )
    if not candidates:
        raise InferenceError(
            f"the variance of '{fit.design.effects[0]}' is estimated as zero and it is the only "
            "random effect: the model that is left has none and is a " + _regression(fit)
        )
    return candidates


def _nothing_varies(fit: PointFit, without: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """That every variance is zero, if it is."""
    if len(without) < sum(len(block) for block in columns_of_terms(fit.design)):
        return ()
    fixed = f"'{fit.design.specification.left} ~ {fit.design.specification.right}'"
    return (
        f"every variance is estimated as zero: {fixed}, a {_regression(fit)}, has the same "
        "likelihood without any random effect",
    )


def _regression(fit: PointFit) -> str:
    """What a model without random effects is."""
    family = fit.problem.family
    return "linear regression" if family is None else f"regression of {family} without groups"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.095 else f"{100 * share:.2g}%"


def _origin_sentence(candidates: list[Random]) -> tuple[str, ...]:
    """What else of the data models with fewer covariances depend on."""
    if all(
        len({term.factor for term in random}) == len(random)
        and all(INTERCEPT in term.effects for term in random)
        for random in candidates
    ):
        return ()
    return (
        "models without an intercept, or with independent effects, depend on where a column is 0: "
        "shift it and their likelihood changes, which that of the others does not",
    )


def _without_variance(fit: PointFit) -> tuple[tuple[str, str], ...]:
    """Factors and terms of which no effect has any variance."""
    basis, random = fit.problem.working.basis, fit.design.specification.random
    sd = sd_corr(fit.G)[0] * np.asarray(basis.z.spread) / basis.scale
    return tuple(
        (one.factor, term)
        for one, block in zip(random, columns_of_terms(fit.design), strict=True)
        for term, at in block.items()
        if (sd[list(at)] <= _NO_VARIANCE).all()
    )


def _candidates(spec: Specification, without: tuple[tuple[str, str], ...]) -> list[Random]:
    """Random parts to try: without the terms of no variance; a term less; independent terms."""
    blocks = spec.random
    found = [
        tuple(
            part
            for one in blocks
            for part in _with(one, [e for e in one.effects if (one.factor, e) not in without])
        )
    ]
    for b, block in enumerate(blocks):
        before, after = blocks[:b], blocks[b + 1 :]
        for term in reversed(block.effects):
            rest = _with(block, [other for other in block.effects if other != term])
            found.append((*before, *rest, *after))
        if len(block.effects) > 1:
            apart = (part for term in block.effects for part in _with(block, [term]))
            found.append((*before, *apart, *after))
    return [
        random for k, random in enumerate(found)
        if random and random != blocks and random not in found[:k]
    ]  # fmt: skip


def _with(term: RandomTerm, effects: list[str]) -> Random:
    """The random term with some of its effects; nothing without any."""
    return (replace(term, effects=tuple(effects)),) if effects else ()


def _refit(fit: PointFit, random: Random) -> PointFit:
    smaller = smaller_problem(fit.problem, random)
    if isinstance(fit, FamilyPointFit):
        return maximise_family(smaller, fit.evidence.nodes)
    return maximum_likelihood(smaller, reading_of(fit))


def _table(fits: list[PointFit], loss: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "parameters": [fit.maximum.n_parameters for fit in fits],
            "logLik": [fit.loglik for fit in fits],
            "loss": np.where(np.abs(loss) < _SAME, 0.0, loss),
            "AIC": [fit.aic for fit in fits],
            "singular": ["yes" if fit.maximum.singular else "no" for fit in fits],
        },
        index=pd.Index([str(fit.design.specification) for fit in fits], name="formula"),
    )


def _suggestion(best: PointFit, loss: float, *, smaller: bool) -> str:
    spec = best.design.specification
    random = " + ".join(map(str, spec.random))
    if loss < _SAME:
        return f"{random} has the same maximum with fewer parameters"
    only = spec.random_effects == ((INTERCEPT,),)
    return (
        f"no formula of this kind states a G of lower rank; {random} comes nearest by AIC"
        f"{', parallel lines' if only else ''}, and loses {loss:.4f} of the log-likelihood"
        f"{'' if smaller else ', more than its fewer parameters are worth'}"
    )
