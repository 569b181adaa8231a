"""Bambi: families of responses and their dispersion, written and read.

Where PyMC has a share ``psi`` of what is no further zero, its logit is minus that of zeros.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from hierbayes.errors import FormulaError
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.hurdle import Hurdle
from hierbayes.families.student_t import StudentT
from hierbayes.families.words import by_word
from hierbayes.families.zero_inflated import ZeroInflated
from hierbayes.families.zero_part import LOGIT_ZERO, ZeroPart
from hierbayes.priors.families import Normal, Prior
from hierbayes.specification.terms import column_name
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.python.code import quoted
from hierbayes.translation.python.priors import distribution_of, parameters_of
from hierbayes.translation.python.reading import PythonCall
from hierbayes.translation.r.stan_priors import number
from hierbayes.translation.responses import dispersion_priors, linked, trials_of

# What bambi calls a family, and its dispersion.
_FAMILIES = {
    "Bernoulli": ("bernoulli", ""), "Binomial": ("binomial", ""), "Poisson": ("poisson", ""),
    "BetaBinomial": ("beta_binomial", "kappa"), "NegativeBinomial": ("negativebinomial", "alpha"),
    "Gamma": ("gamma", "alpha"), "Lognormal": ("lognormal", "sigma"), "Beta": ("beta", "kappa"),
    "StudentT": ("t", "sigma"), "Cumulative": ("cumulative", ""),
    "Categorical": ("categorical", ""),
}  # fmt: skip
_ZEROS: dict[str, type[ZeroPart]] = {"zero_inflated_": ZeroInflated, "hurdle_": Hurdle}
_INFLATED = ("Poisson", "NegativeBinomial", "Binomial")
_BEHIND_HURDLE = ("Poisson", "NegativeBinomial", "Gamma", "Lognormal")
FAMILIES = linked(_FAMILIES, _INFLATED, _BEHIND_HURDLE)
_OWN_LINKS = {"gamma": "inverse"}  # by themselves, where not those here
_SOFTMAX = "softmax"  # log odds of each category against the first
_SHARES = re.compile(r"\s*(?:p|prop|proportion)\(([^(),]+),([^(),]+)\)\s*~", re.DOTALL)
_SUCCESS = re.compile(r"\s*(\w+)\[\s*['\"]?(.*?)['\"]?\s*\]\s*~")


def family_arguments(model: ModelToWrite) -> list[str]:
    """The arguments ``family`` and ``link``."""
    family = model.family
    if family is None:
        return []
    inner = family.inside if isinstance(family, ZeroPart) else family
    heads = [head for head, part in _ZEROS.items() if isinstance(family, part)]
    word = "".join([*heads, _FAMILIES[inner.name][0]])
    link = _SOFTMAX if isinstance(family, Categorical) else family.link
    return [f"    family={quoted(word)},", f"    link={quoted(link)},"]


def trials_column(model: ModelToWrite) -> str:
    """The column of trials: that of the data, or one that the code makes."""
    other, failures = trials_of(model)
    if not failures and (column_name(other) == other or other.isdigit()):
        return other
    name = "trials"
    while name in model.variables.columns:
        name += "_"
    return name


def statements(model: ModelToWrite) -> list[str]:
    """Statements that make a column of trials, or an ordered response."""
    data, response = model.data, model.specification.response
    other, failures = trials_of(model)
    name = trials_column(model)
    if other and name != other:
        whole = f"{response} + ({other})" if failures else other
        return [f"{data} = {data}.assign({name}={data}.eval({quoted(whole)}))"]
    if isinstance(model.family, Cumulative | Categorical):
        column = f"{data}[{quoted(response.strip('`'))}]"
        labelled = model.variables.columns[response.strip("`")].is_factor
        levels = f"[{', '.join(map(quoted, model.outcomes))}], " if labelled else ""
        ordered = isinstance(model.family, Cumulative)
        return [f"{column} = pd.Categorical({column}, {levels}ordered={ordered})"]
    return []


def dispersions(model: ModelToWrite) -> list[tuple[str, str]]:
    """Names and priors of the dispersion; degrees of freedom as given.

    Raises
    ------
    FormulaError
        For a prior of the logit of zeros that is not normal.
    """
    family = model.family
    assert family is not None
    inner = family.inside if isinstance(family, ZeroPart) else family
    found = []
    for name, prior in dispersion_priors(model).items():
        if isinstance(family, ZeroPart) and name == LOGIT_ZERO:
            found.append(("psi", _share(prior)))
        else:
            called = "nu" if name == "df" else _FAMILIES[inner.name][1]
            found.append((called, prior_call([prior], "sigma", f"of {called}")))
    if isinstance(family, StudentT) and "df" not in family.dispersion:
        found.append(("nu", number(family.constant)))
    return found


def _share(prior: Prior) -> str:
    """The prior of the share ``psi`` of what is no further zero."""
    if not isinstance(prior, Normal):
        raise FormulaError(
            f"bambi cannot say the prior {prior} of 'logit zero'; state a Normal one"
        )
    mean = number(-prior.mu if prior.mu else 0.0)
    return f'bmb.Prior("LogitNormal", mu={mean}, sigma={number(prior.sigma)})'


def of_any_category(name: str, model: ModelToWrite) -> str:
    """The name of a coefficient or an effect without that of its category."""
    if not isinstance(model.family, Categorical):
        return name
    heads = [f"{category}: " for category in model.outcomes[1:]]
    return next(name.removeprefix(head) for head in heads if name.startswith(head))


def effects_of(k: int, model: ModelToWrite) -> list[Prior]:
    """Priors of the sd of the k-th random effect, of nominal categories one for each."""
    if not isinstance(model.family, Categorical):
        return [model.priors.sd[k][1]]
    places = dict.fromkeys((name.factor, of_any_category(name.effect, model))
                           for name, _, _ in model.priors.sd)  # fmt: skip
    factor, effect = list(places)[k]
    return [prior for name, prior, _ in model.priors.sd
            if (name.factor, of_any_category(name.effect, model)) == (factor, effect)]  # fmt: skip


def refuse_unequal(name: str, families: Sequence[Prior], model: ModelToWrite) -> None:
    """Refuse priors of a term that are not the same for every nominal category.

    Raises
    ------
    FormulaError
    """
    if isinstance(model.family, Categorical) and len(set(families)) > 1:
        raise FormulaError(
            f"bambi has one prior of '{name}' for all categories, and this model has several: "
            f"{', '.join(map(str, dict.fromkeys(families)))}; state one"
        )


def prior_call(families: Sequence[Prior], block: str, place: str) -> str:
    """Priors of one term as a call of bambi's Prior; one family for all.

    Raises
    ------
    FormulaError
    """
    names = {distribution_of(prior, block, "bambi") for prior in families}
    if len(names) > 1:
        raise FormulaError(
            f"bambi has one family of priors for a term, and those {place} are of several: "
            f"{', '.join(map(str, families))}"
        )
    parts = [f'"{names.pop()}"']
    parts += [f"{name}={value}" for name, value in parameters_of(families).items()]
    return f"bmb.Prior({', '.join(parts)})"


def read_family(call: PythonCall) -> ResponseFamily | None:
    """The family of a call of Model; None of a Gaussian one.

    Raises
    ------
    FormulaError
        For a family or a link that models here do not have.
    """
    word = "gaussian" if _left_out("family", call) else call.string("family")
    link = "" if _left_out("link", call) else call.string("link")
    if word == "gaussian" and link in ("", "identity"):
        return None
    heads = [head for head in _ZEROS if word.startswith(head)]
    inner = word.removeprefix(heads[0]) if heads else word
    names = [name for name, (theirs, _) in _FAMILIES.items() if theirs == inner]
    allowed = {"zero_inflated_": _INFLATED, "hurdle_": _BEHIND_HURDLE}
    if not names or (heads and names[0] not in allowed[heads[0]]):
        known = [theirs for theirs, _ in _FAMILIES.values()]
        raise call.refuse(
            "family" if "family" in call.arguments else "link",
            f"the family {word}{f' with the link {link}' if link else ''} of bambi is not read; "
            f"read are: gaussian, {', '.join(known)}, zero_inflated_... and hurdle_... of these",
        )
    family = by_word(names[0])
    link = family.link if isinstance(family, Categorical) and link == _SOFTMAX else link
    link = link or (family.link if heads else _OWN_LINKS.get(inner, family.link))
    if link not in family.links:
        raise call.refuse(
            "link" if "link" in call.arguments else "family",
            f"the link {link} of {word} is not read; models here have {', '.join(family.links)}, "
            f"as in link='{family.links[0]}'",
        )
    family = replace(family, link=link) if len(family.links) > 1 else family
    if isinstance(family, StudentT):
        return replace(family, df=_held_df(call))
    return _ZEROS[heads[0]](family) if heads else family


def _held_df(call: PythonCall) -> float | None:
    """The number that the priors hold ``nu`` at; None where they leave it to be estimated."""
    priors = call.arguments.get("priors")
    for key, value in (
        zip(priors.keys, priors.values, strict=True) if isinstance(priors, ast.Dict) else ()
    ):
        match key, value:
            case ast.Constant("nu"), ast.Constant(int() | float() as df):
                return float(df)
    return None


def _left_out(name: str, call: PythonCall) -> bool:
    return name not in call.arguments or ast.unparse(call.arguments[name]) == "None"


def plain_response(formula: str, columns: Sequence[str]) -> str:
    """A formula with ``p(k, n)`` as ``k | trials(n)``, and ``y['success']`` as y.

    Raises
    ------
    FormulaError
        For a success that is not the last level, as it is here.
    """
    if shares := _SHARES.match(formula):
        counted, trials = (part.strip() for part in shares.groups())
        return f"{counted} | trials({trials}) ~{formula[shares.end() :]}"
    if success := _SUCCESS.match(formula):
        name, level = success.groups()
        levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
        if levels and level != levels[-1]:
            raise FormulaError(
                f"bambi: '{name}[{level}]' takes '{level}' for the success, and models here the "
                f"last level, '{levels[-1]}'; order the levels in the data"
            )
        return f"{name} ~{formula[success.end() :]}"
    return formula
