"""Responses of other families as systems spell them: trials, offsets, labels of success."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from hierbayes.errors import FormulaError
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.words import WORDS
from hierbayes.priors.families import Prior
from hierbayes.priors.prior_set import Entry
from hierbayes.specification.formula import Specification
from hierbayes.specification.response import FAILURES
from hierbayes.specification.terms import column_name
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.expression import factor_tree

_WEIGHTS = ("nlme", "lme4", "glmmtmb", "brms", "bambi", "pymc", "sas")
_KNOWN_SD = ("nlme", "glmmtmb", "brms", "bambi", "pymc", "sas", "stata")
_OFFSETS = ("lme4", "glmmtmb", "brms", "rstanarm", "bambi", "pymc")
_ZEROS_OF_COLUMNS = ("glmmtmb", "brms", "pymc")  # systems that are told them


def refuse_unknown_family(model: ModelToWrite, dialect: Dialect) -> None:
    """Refuse a family that a system does not have, or that is not written for it.

    Raises
    ------
    FormulaError
        Naming the family and those that are written.
    """
    family = model.family
    if family is None:
        return
    if family.further_terms and dialect.name not in _ZEROS_OF_COLUMNS:
        raise FormulaError(
            f"code for {dialect.name} has no word for zeros that depend on columns, as those of "
            f"{family}; it is written for: {', '.join(_ZEROS_OF_COLUMNS)}"
        )
    if _said(family) in dialect.families:
        return
    known = ", ".join(sorted(dialect.families)) or "Gaussian responses alone"
    raise FormulaError(
        f"code for {dialect.name} has no word for the family {family}; it is written for: {known}"
        + (f" ({dialect.instead})" if dialect.instead else "")
    )


def refuse_unsaid_rows(model: ModelToWrite, dialect: Dialect) -> None:
    """Refuse weights of rows, or known standard deviations of errors, that a system has not.

    The weights that rstanarm and glmmTMB take multiply log likelihoods, and are others.

    Raises
    ------
    FormulaError
    """
    spec = model.specification
    _refuse_unnamed(spec)
    if spec.weights and dialect.name not in _WEIGHTS:
        raise FormulaError(
            f"code for {dialect.name} has no weights of residual variances, as "
            f"weights='{spec.weights}' are; they are written for: {', '.join(_WEIGHTS)}"
        )
    if spec.known_sd and dialect.name not in _KNOWN_SD:
        raise FormulaError(
            f"code for {dialect.name} has no known standard deviations of errors, as "
            f"known_sd='{spec.known_sd}' states; they are written for: "
            f"{', '.join(_KNOWN_SD)} (and metafor's rma.mv has them in R)"
        )


def less_offsets(model: ModelToWrite, dialect: Dialect) -> ModelToWrite:
    """A Gaussian model with its offsets subtracted from the response, for systems without any.

    The likelihood is the same: y − o has the law of y with its mean less o.

    Raises
    ------
    FormulaError
        When variances of errors follow the fitted values, of which offsets are a part.
    """
    spec = model.specification
    if model.family is not None or not spec.offsets or dialect.name in _OFFSETS:
        return model
    if spec.residual is not None and spec.residual.follows_fitted:
        raise FormulaError(
            f"the variances of {spec.residual.text} follow the fitted values with their offset, "
            f"and {dialect.title} has no offset; make a column of the fitted values, and name it"
        )
    subtracted = " - ".join(
        one if isinstance(factor_tree(one), ast.Name | ast.Call) else f"({one})"
        for one in spec.offsets
    )
    left = replace(spec, response=f"I({spec.response} - {subtracted})", offsets=())
    return replace(model, specification=left)


def _refuse_unnamed(spec: Specification) -> None:
    """Refuse numbers by row that were given as such: code names columns of the data."""
    offset = "(offset)" if "`(offset)`" in spec.offsets else ""
    given = {"weights": spec.weights, "known_sd": spec.known_sd, "offset": offset}
    for argument, name in given.items():
        if name == f"({argument})":
            raise FormulaError(
                f"emit: {argument}= were given as numbers, and code names a column; make one of "
                f"them, and write {argument}='column'"
            )


def linked(
    names: Iterable[str], inflated: Iterable[str] = (), with_hurdle: Iterable[str] = ()
) -> frozenset[str]:
    """Families with each of their links, as `Dialect` has them.

    Parameters
    ----------
    names : iterable of str
    inflated : iterable of str
        Those whose zeros can be inflated.
    with_hurdle : iterable of str
        Those that can stand behind a hurdle.

    Examples
    --------
    >>> sorted(linked(["Poisson", "Beta"], inflated=["Poisson"]))
    ['Beta logit', 'Poisson log', 'ZeroInflated Poisson log']
    """
    found = [(name, WORDS[name.lower()].links) for name in names]
    found += [(f"ZeroInflated {name}", WORDS[name.lower()].links) for name in inflated]
    found += [(f"Hurdle {name}", WORDS[name.lower()].links) for name in with_hurdle]
    return frozenset(f"{name} {link}" for name, links in found for link in links)


def _said(family: ResponseFamily) -> str:
    return f"{family.title} {family.link}"


def dispersion_priors(model: ModelToWrite) -> dict[str, Prior]:
    """Priors of the dispersion parameters of a family by name; none of thresholds or columns."""
    if isinstance(model.family, Cumulative):
        return {}
    own = ("positive",) if model.family is None else model.family.dispersion_kinds
    kinds = zip(model.priors.dispersion, own, strict=True)
    return {name: prior for (name, prior, _), kind in kinds if kind != "coefficient"}


def zero_priors(model: ModelToWrite) -> list[Entry]:
    """Priors of the coefficients of zeros that depend on columns, by name of the column."""
    family = model.family
    if family is None or not family.further_terms:
        return []
    kinds = zip(model.priors.dispersion, family.dispersion_kinds, strict=True)
    found = [entry for entry, kind in kinds if kind == "coefficient"]
    return [(name.removeprefix("zero: "), prior, source) for name, prior, source in found]


def threshold_priors(model: ModelToWrite) -> list[str]:
    """Priors of the thresholds of ordered categories in words: of the first, and of distances.

    The intercept is minus the first threshold, and further ones add their distances to it.
    """
    if not isinstance(model.family, Cumulative):
        return []
    first = [
        f"minus the first threshold ~ {prior}"
        for name, prior, _ in model.priors.gamma
        if name == "Intercept"
    ]
    return first + [f"distance {name} ~ {prior}" for name, prior, _ in model.priors.dispersion]


def trials_of(model: ModelToWrite) -> tuple[str, bool]:
    """The second column of a response, and whether it counts failures; empty without."""
    trials = model.specification.trials
    if trials is None:
        return "", False
    other = trials.other
    plain = other[2:-1] if other.startswith("I(") and other.endswith(")") else other
    whole = plain.removesuffix(f" - {trials.counted}")
    if trials.kind == FAILURES and whole != plain and column_name(whole) == whole:
        return whole, False  # the failures of n trials are n - k
    return plain, trials.kind == FAILURES


def trials_factor(model: ModelToWrite) -> str:
    """The trials as a factor of a formula; empty of a response of one column."""
    other, failures = trials_of(model)
    whole = f"{model.specification.response} + {other}" if failures else other
    return whole if not whole or column_name(whole) == whole else f"I({whole})"


def success_of(model: ModelToWrite) -> tuple[str, str]:
    """The column that holds labels, and that of a success; empty where it holds numbers."""
    if not model.outcomes or isinstance(model.family, Cumulative | Categorical):
        return "", ""
    return model.specification.response.strip("`"), model.outcomes[1]
