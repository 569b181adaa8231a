"""Calls of brm, read: the formula, those beside it, and degrees of freedom held by a prior."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hierbayes.errors import FamilyError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.hurdle import Hurdle
from hierbayes.families.student_t import StudentT
from hierbayes.families.zero_inflated import ZeroInflated
from hierbayes.families.zero_part import ZeroPart
from hierbayes.specification.terms import read_terms
from hierbayes.translation.dialect import StatedModel, pointed
from hierbayes.translation.error_structures import with_own_group
from hierbayes.translation.r.arguments import LMER
from hierbayes.translation.r.brms_errors_reader import BrmsErrors, take_errors
from hierbayes.translation.r.brms_families import WORDS
from hierbayes.translation.r.brms_terms import refuse_ties, without_ties
from hierbayes.translation.r.families import read_family, read_mixed
from hierbayes.translation.r.model_call import Signature, find_model
from hierbayes.translation.r.reading import formula_text, refuse_split_factors
from hierbayes.translation.r.syntax import Node

_BRM = Signature(
    "brm",
    ("formula", "data", "family", "prior", "autocor", "data2", "cov_ranef", "sample_prior",
     "sparse", "knots", "drop_unused_levels", "stanvars", "stan_funs", "fit", "save_pars",
     "save_ranef", "save_mevars", "save_all_pars", "init", "inits", "chains", "iter", "warmup",
     "thin", "cores", "threads", "opencl", "normalize", "control", "algorithm", "backend",
     "future", "silent", "seed", "save_model", "stan_model_args", "file", "file_compress",
     "file_refit", "empty", "rename", "refresh"),
    {
        "autocor": "residuals that are correlated within groups",
        "cov_ranef": "groups that are correlated",
        "stanvars": "code of Stan added to the model",
        "knots": "splines",
    },
    {
        **LMER,
        "stan_lmer": "this is a call of rstanarm's stan_lmer; read it as 'rstanarm'",
    },
)  # fmt: skip
_SPECIAL = {
    "gr", "mm", "gp", "s", "t2", "me", "mo", "mi", "ar", "ma", "arma", "cosy", "unstr", "cs", "car",
    "sar", "fcor",
}  # fmt: skip
_PARTS: Mapping[str, type[ZeroPart]] = {"zi": ZeroInflated, "hu": Hurdle}
_WITH = {"zi": "zero_inflated_poisson()", "hu": "hurdle_poisson()"}
_HELD = re.compile(r"constant\(\s*([0-9.]+)\s*\)")


def read(text: str, columns: Sequence[str]) -> StatedModel:
    """The model of a call of brm, or of a formula as brms writes it; priors are not read."""
    call = find_model(text, columns, _BRM)
    given, columns = call.arguments, call.columns
    node = given["formula"]
    beside = _Beside(df=_held_df(given.get("prior")))
    if node.function in ("bf", "brmsformula"):
        beside = _beside(node, beside, columns, text)
        node = node.parts[1]
    family = beside.joined(read_family(given.get("family"), WORDS, text, "brms"), text)
    node, errors = take_errors(without_ties(node, columns, text), columns, text)
    errors = replace(errors, sigma=beside.sigma)
    if family is not None and errors != BrmsErrors():
        raise pointed(
            text, node.place, f"what this says of errors is read of Gaussian responses, and the "
            f"family is {family}"
        )  # fmt: skip
    for inner in node.walk():
        _refuse_special(inner, columns, text)
    node = _plain_intercept(node, columns)
    residual, weights = errors.stated(columns, text)
    found = read_mixed({"formula": node}, columns, text, residual=residual, may_be_fixed=True)
    model = replace(with_own_group(found), weights=weights, known_sd=errors.known_sd)
    return StatedModel(call.checked(model), family)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What a call says beside the mean.

    Parameters
    ----------
    part : str
        ``"zi"`` or ``"hu"``, where zeros have a formula; else empty.
    zeros : str
        It.
    place : int
        Where it stands.
    df : float or None
        Degrees of freedom that are held.
    sigma : Node or None
        What the logarithm of σ depends on.
    """

    part: str = ""
    zeros: str = ""
    place: int = 0
    df: float | None = None
    sigma: Node | None = None

    def joined(self, family: ResponseFamily | None, text: str) -> ResponseFamily | None:
        """The family with all of it.

        Raises
        ------
        FormulaError
            For zeros that a family does not have, or that depend on what they cannot.
        """
        if isinstance(family, StudentT):
            return replace(family, df=self.df)
        if not self.part:
            return family
        if not isinstance(family, _PARTS[self.part]):
            raise pointed(
                text,
                self.place,
                f"'{self.part}' has a formula, and the family is none of those with it, such as "
                f"{_WITH[self.part]}",
            )
        try:
            return type(family)(family.inside, self.zeros)
        except FamilyError as error:
            raise pointed(text, self.place, str(error)) from error


def _beside(node: Node, beside: _Beside, columns: Sequence[str], text: str) -> _Beside:
    """The further formulas of ``bf``: that of zeros, and degrees of freedom that are a number."""
    for name, part in node.arguments[1:]:
        left = part.parts[0].text if part.text == "~" and len(part.parts) == 2 else ""
        if left in (*_PARTS, "sigma"):
            refuse_ties(part.parts[1], text)
        if left in _PARTS:
            right = formula_text(_plain_intercept(part.parts[1], columns), columns, text)
            beside = replace(beside, part=left, zeros=f"~ {right}", place=part.place)
        elif left == "sigma":
            beside = replace(beside, sigma=part.parts[1])
        elif name == "nu" and part.kind == "number":
            beside = replace(beside, df=float(part.text))
        else:
            raise pointed(
                text,
                node.place,
                "bf(...) with more than one formula models more than the mean; those of 'sigma', "
                "'zi' and 'hu' are read",
            )
    return beside


def _held_df(priors: Node | None) -> float | None:
    """The number in ``prior(constant(5), class = "nu")``; None where there is none."""
    for given in _stated_priors(priors):
        kind, stated = given.get("class", given.get("1")), given.get("prior", given.get("0"))
        if kind is not None and kind.text.strip("\"'") == "nu" and stated is not None:
            code = f"constant({stated.parts[1].text})" if stated.function else stated.text
            if found := _HELD.search(code if stated.function in ("", "constant") else ""):
                return float(found[1])
    return None


def _stated_priors(priors: Node | None) -> Iterator[Mapping[str, Node]]:
    """The arguments of each call that states a prior, by name or by place."""
    for part in () if priors is None else priors.walk():
        if part.function in ("prior", "set_prior", "prior_string", "prior_"):
            yield {name or str(k): value for k, (name, value) in enumerate(part.arguments)}


def _refuse_special(node: Node, columns: Sequence[str], text: str) -> None:
    """Refuse what only formulas of brms can say."""
    if node.kind == "infix" and node.text == "||":
        written = formula_text(node.parts[0], columns, text)
        spelling = f"({written} || {formula_text(node.parts[1], columns, text)})"
        refuse_split_factors(read_terms(written, "random part"), columns, spelling, "brm")
    if node.function in _SPECIAL:
        raise pointed(
            text,
            node.place,
            f"{node.function}(...) has a meaning of its own in brms, which models here do not have",
        )
    left = node.parts[0] if node.kind == "infix" and node.text == "~" else node
    bar = left is not node and left.kind == "infix" and left.text == "|"
    if bar and left.parts[1].function != "trials":
        raise pointed(
            text,
            left.parts[1].place,
            "what stands after the response changes its likelihood; trials(...) and se(...) are "
            "read, and models here have nothing else",
        )


def _plain_intercept(node: Node, columns: Sequence[str]) -> Node:
    """The formula with brms's ``0 + Intercept`` as 1, where that is no column."""
    if "Intercept" in columns:
        return node
    if node.kind == "name" and node.text == "Intercept":
        return Node("number", "1", place=node.place)
    parts = tuple(_plain_intercept(part, columns) for part in node.parts)
    return Node(node.kind, node.text, parts, node.names, node.place)
