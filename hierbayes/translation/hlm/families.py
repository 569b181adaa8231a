"""HLM: responses that are not Gaussian, as the program prints them (HGLM), written and read.

    Prob(y_ij = 1|β_j) = φ_ij        log[φ_ij/(1 - φ_ij)] = η_ij      Bernoulli
    E(k_ij|β_j) = φ_ij*n_ij          the same                          binomial
    E(y_ij|β_j) = λ_ij*t_ij          log[λ_ij] = η_ij                  Poisson, t an exposure
    Prob(y_ij <= m|β_j) = φ_mij      log[φ_mij/(1 - φ_mij)] = η_ij + δ_m   ordered categories

The equation of η has no residual.  Source: Raudenbush & Bryk (2002), chapter 10.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierbayes.errors import FormulaError
from hierbayes.families.binomial import Bernoulli, Binomial
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.poisson import Poisson
from hierbayes.specification.formula import Specification
from hierbayes.specification.response import TRIALS, ResponseTerm
from hierbayes.specification.terms import column_name
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import ModelToWrite, StatedModel
from hierbayes.translation.expression import called, factor_tree
from hierbayes.translation.hlm.names import HlmNames
from hierbayes.translation.hlm.text import Stretch, plain_signs, take_apart
from hierbayes.translation.programs.factor_trees import tree_text
from hierbayes.translation.responses import success_of, trials_factor

FAMILIES = frozenset(
    {"Bernoulli logit", "Binomial logit", "Poisson log", "Cumulative logit", "Categorical logit"}
)
INSTEAD = "probit, cloglog, negative binomial, gamma, beta, t and zeros apart HLM does not have"
_UNIT_SPECIFIC = "unit-specific (HLM's population-average results are of coefficients nearer to 0)"
_NUMBERED = "with categories numbered as above: HLM compares them with the last"
_OF_LOW = "with coefficients of low categories in HLM: each has the other sign than here"


@dataclass(frozen=True, slots=True)
class Words:
    """A response as equations have it.

    Parameters
    ----------
    left : str
        What the equation of a row is of.
    residual : tuple of str
        What ends it; nothing where it is of η.
    head : tuple of str
        Lines before it.
    estimation : tuple of str
        How it is estimated.
    """

    left: str
    residual: tuple[str, ...]
    head: tuple[str, ...]
    estimation: tuple[str, ...]


def words_of(model: ModelToWrite, residual: str, at_row: str, *, laplace: bool = True) -> Words:
    """The response of a model, ``at_row`` being the subscripts of a row.

    Parameters
    ----------
    model : ModelToWrite
    residual : str
        The letter of a Gaussian residual.
    at_row : str
    laplace : bool
        Whether HLM has Laplace's approximation of other responses there.

    Raises
    ------
    FormulaError
        For trials and offsets that are no columns, and offsets of anything but counts.
    """
    family, response = model.family, model.specification.response
    if family is None:
        kind = "maximum" if model.ml else "restricted maximum"
        said = f"Estimation: {kind} likelihood"
        return Words(f"{response}{at_row}", (f"{residual}{at_row}",), (), (said,))
    estimated = f"Estimation: {'Laplace, ' if laplace else ''}{_UNIT_SPECIFIC}"
    eta, given, logit = f"η{at_row}", f"|β{at_row[1:]}", f"φ{at_row}/(1 - φ{at_row})"
    if isinstance(family, Categorical):  # whose head is of all categories
        return Words(eta, (), (), (estimated, _NUMBERED))
    if isinstance(family, Cumulative):
        _refuse_offsets(model)
        head = (
            f"Prob({response}{at_row} <= m{given}) = φm{at_row}",
            f"log[φm{at_row}/(1 - φm{at_row})] = {eta} + δm",
        )
    elif isinstance(family, Poisson):
        exposed = [f"λ{at_row}", *(f"{_exposure(one)}{at_row}" for one in _offsets(model))]
        head = (f"E({response}{at_row}{given}) = {'*'.join(exposed)}", f"log[λ{at_row}] = {eta}")
    elif trials := trials_factor(model):
        _refuse_offsets(model)
        mean = f"φ{at_row}*{_plain(trials, 'trials')}{at_row}"
        head = (f"E({response}{at_row}{given}) = {mean}", f"log[{logit}] = {eta}")
    else:
        _refuse_offsets(model)
        success = success_of(model)[1] or "1"
        head = (f"Prob({response}{at_row} = {success}{given}) = φ{at_row}", f"log[{logit}] = {eta}")
    ordered = (_OF_LOW,) if isinstance(family, Cumulative) else ()
    return Words(eta, (), head, (estimated, *ordered))


def _offsets(model: ModelToWrite) -> Sequence[str]:
    """The offsets, one at most."""
    offsets = model.specification.offsets
    if len(offsets) > 1:
        raise FormulaError("HLM has one exposure; make one column of those of the offsets")
    return offsets


def _exposure(offset: str) -> str:
    """The column whose logarithm an offset is."""
    tree = factor_tree(offset)
    if called(tree) not in ("log", "np.log") or not isinstance(tree, ast.Call):
        raise FormulaError(
            f"HLM takes an exposure, and offset({offset}) is no logarithm of a column; make the "
            "column exp of it"
        )
    return _plain(tree_text(tree.args[0]), "exposure")


def _plain(factor: str, what: str) -> str:
    if column_name(factor.strip("`")) != factor:
        raise FormulaError(f"HLM takes a column for the {what}, and '{factor}' is none; make one")
    return factor


def _refuse_offsets(model: ModelToWrite) -> None:
    for offset in model.specification.offsets:
        raise FormulaError(f"HLM has exposures of counts alone; leave out offset({offset})")


# ---------------------------------------------------------------- read

_ROW = r"_?[tijkl]{0,4}"
_ETA = re.compile(rf"(?<!\w)(?:η|eta)(?:_?m)?{_ROW}(?!\w)", re.IGNORECASE)
_PROB = re.compile(
    r"Prob\w*\s*[\[(]\s*(?P<name>[^=<≤|]+?)\s*(?P<sign><=|≤|=)\s*(?P<level>[^|\])]+?)\s*"
    rf"(?:\|[^\])]*)?[\])]\s*=\s*(?:φ|ϕ|phi)\*?_?m?{_ROW}\s*(?=[\n;]|$)",
    re.IGNORECASE,
)
_MEAN = re.compile(
    r"(?<!\w)E\s*[\[(]\s*(?P<name>[^|\])]+?)\s*(?:\|[^\])]*)?[\])]\s*=\s*(?P<mean>[^\n;]+)"
)
_LINK = re.compile(
    r"(?P<link>log|logit|probit)\s*[\[({](?P<of>[^\n;=]*)[\])}]\s*=\s*(?:η|eta)[^\n;]*",
    re.IGNORECASE,
)
_SHARE = re.compile(rf"(?:φ|ϕ|phi|λ|lambda){_ROW}", re.IGNORECASE)


def read_response(text: str, columns: Sequence[str]) -> tuple[str, StatedModel | None]:
    """Equations of the response in the place of those of η, and what they say of it.

    Parameters
    ----------
    text : str
    columns : sequence of str

    Returns
    -------
    str
        Equations as of a Gaussian response.
    StatedModel or None
        A family, and a response with trials and offsets, to be joined; None of a Gaussian one.

    Raises
    ------
    FormulaError
        When the distribution, the link and the equation of η do not make a family.
    """
    source = plain_signs(text)
    if not _ETA.search(source):
        return text, None
    prob, mean, link = (one.search(source) for one in (_PROB, _MEAN, _LINK))
    stated = prob or mean
    if stated is None or link is None:
        raise FormulaError(
            "cannot read the HLM equations: η has an equation, and what it is of is not said; "
            "write 'Prob(yij = 1|βj) = φij' and 'log[φij/(1 - φij)] = ηij', or 'E(yij|βj) = λij' "
            "and 'log[λij] = ηij'"
        )
    plain = source
    for found in filter(None, (prob, mean, link)):
        plain = plain.replace(found[0], "")
    plain = _ETA.sub(stated["name"].strip(), plain)
    names = HlmNames(take_apart(plain), columns)
    beside = [part.strip() for part in mean["mean"].split("*")] if mean and not prob else []
    others = [one for one in beside if not _SHARE.fullmatch(one)]
    factors = [names.variable(Stretch(one, 0)).factor for one in others]
    response = names.variable(Stretch(stated["name"].strip(), 0)).factor
    logit = "/" in link["of"] or link["link"].lower() == "logit"
    if link["link"].lower() == "probit" or (prob and not logit) or len(factors) > 1:
        raise FormulaError(
            f"cannot read the HLM equations: '{stated[0].strip()}' with '{link[0].strip()}' is not "
            "read; read are Bernoulli, binomial and ordered responses (logit) and counts (log)"
        )
    if prob is not None and prob["sign"] == "=":
        _refuse_other_success(prob["level"], response, columns)
    family: ResponseFamily = Poisson()
    trials, offsets = None, tuple(f"np.log({one})" for one in factors)
    if prob is not None:
        family = Bernoulli() if prob["sign"] == "=" else Cumulative()
    elif logit:
        family, offsets = Binomial(), ()
        trials = ResponseTerm(response, factors[0], TRIALS) if factors else None
        family = family if factors else Bernoulli()
    of_response = Specification(response, ("1",), (), offsets=offsets, trials=trials)
    return plain, StatedModel(of_response, family)


def _refuse_other_success(level: str, response: str, columns: Sequence[str]) -> None:
    """Refuse the probability of what is no success here, the last level or 1."""
    name = response.strip("`")
    levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
    last = levels[-1] if levels else "1"
    if level.casefold() != last.casefold():
        raise FormulaError(
            f"cannot read the HLM equations: they take '{level}' of '{name}' for the success, and "
            f"models here '{last}'; order the levels in the data"
        )


def joined(model: Specification, stated: StatedModel | None) -> StatedModel:
    """A model with the response that is stated beside it."""
    if stated is None:
        return StatedModel(model)
    of_response = stated.specification
    whole = replace(model, offsets=of_response.offsets, trials=of_response.trials)
    return StatedModel(whole, stated.family)
