"""Stata: commands of responses that are not Gaussian, written and read.

Source: the Stata Multilevel Mixed-Effects Reference Manual, ``melogit``, ``meprobit``,
``mecloglog``, ``mepoisson``, ``menbreg``, ``meologit``, ``meoprobit`` and ``meglm``.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.families.binomial import Bernoulli, Binomial
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.negative_binomial import NegativeBinomial, NegativeBinomial1
from hierbayes.families.poisson import Poisson
from hierbayes.families.positive import Gamma
from hierbayes.specification.response import TRIALS, ResponseTerm
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.expression import called, factor_tree
from hierbayes.translation.programs.code_words import NUMBER, Cursor, Word
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.programs.factor_trees import tree_text
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.responses import linked, success_of, trials_factor

BINARY = {"melogit": "logit", "meprobit": "probit", "mecloglog": "cloglog"}
ORDERED = {"meologit": "logit", "meoprobit": "probit"}
_OLD = {"xtmelogit": "melogit", "meqrlogit": "melogit", "xtmepoisson": "mepoisson",
        "meqrpoisson": "mepoisson"}  # fmt: skip
COMMANDS = (*BINARY, *ORDERED, "mepoisson", "menbreg", "meglm", *_OLD)
FAMILIES = linked(
    ["Bernoulli", "Binomial", "Poisson", "NegativeBinomial", "NegativeBinomial1", "Gamma"]
) | {"Cumulative logit", "Cumulative probit", "Categorical logit"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a command says of the response.

    Parameters
    ----------
    command : str
    response : str
        Name of its column.
    of_fixed : tuple of str
        Options of the fixed part.
    options : tuple of str
        Options of the command.
    """

    command: str
    response: str
    of_fixed: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def words_of(model: ModelToWrite, plan: ColumnPlan) -> Words:
    """The command of a family, with the columns that it needs planned."""
    family, spec = model.family, model.specification
    if family is None:
        method = "mle" if model.ml else "reml"  # ML is the default of mixed
        return Words("mixed", plan.column(spec.response), options=(method,))
    labelled, success = success_of(model)
    if labelled:
        response = plan.indicator(spec.response, success, full=False)
    else:
        response = plan.column(spec.response)
    options = []
    match family:
        case Bernoulli() | Binomial():
            command = next(name for name, link in BINARY.items() if link == family.link)
            trials = trials_factor(model)
            options += [f"binomial({plan.column(trials)})"] if trials else []
        case Cumulative():
            command = next(name for name, link in ORDERED.items() if link == family.link)
        case NegativeBinomial1():
            command, options = "menbreg", ["dispersion(constant)"]
        case NegativeBinomial():
            command = "menbreg"
        case Gamma():
            command, options = "meglm", ["family(gamma)", "link(log)"]
        case _:
            command = "mepoisson"
    return Words(command, response, tuple(_offset(model, plan)), (*options, "intmethod(laplace)"))


def _offset(model: ModelToWrite, plan: ColumnPlan) -> Sequence[str]:
    """The option of an offset: the logarithm of a column is its exposure."""
    offsets = model.specification.offsets
    if not offsets:
        return []
    tree = factor_tree(offsets[0])
    counts = model.family is not None and model.family.link == "log"
    if len(offsets) == 1 and counts and called(tree) in ("log", "np.log"):
        assert isinstance(tree, ast.Call)
        return [f"exposure({plan.column(tree_text(tree.args[0]))})"]
    whole = offsets[0] if len(offsets) == 1 else f"I({' + '.join(offsets)})"
    return [f"offset({plan.column(whole)})"]


@dataclass(slots=True)
class StatedResponse:
    """What the options of a command say of its response, as far as they are read.

    Parameters
    ----------
    command : Word
    trials, exposure, offset : list of Word
        Words in the parentheses of these options.
    family, link, dispersion : str
    """

    command: Word
    trials: list[Word]
    exposure: list[Word]
    offset: list[Word]
    family: str = ""
    link: str = ""
    dispersion: str = "mean"

    @classmethod
    def of(cls, command: Word, given: dict[str, list[Word]]) -> StatedResponse:
        """From the options of all equations."""
        text = {name: "".join(word.text for word in words) for name, words in given.items()}
        family = given.get("family", [])
        trials = given.get("binomial", []) or (family[1:] if text.get("family") else [])
        return cls(
            command,
            trials,
            given.get("exposure", []),
            given.get("offset", []),
            family[0].text if family else "",
            text.get("link", ""),
            text.get("dispersion", "mean"),
        )

    def made(self, part: Cursor) -> ResponseFamily | None:
        """The family; None of a Gaussian one.

        Raises
        ------
        FormulaError
            For a family of ``meglm`` that is not read.
        """
        name = _OLD.get(self.command.text, self.command.text)
        if name in BINARY:
            kind = Binomial if self.trials else Bernoulli
            return kind(link=BINARY[name])
        if name in ORDERED:
            return Cumulative(link=ORDERED[name])
        if name == "mepoisson":
            return Poisson()
        if name == "menbreg":
            constant = self.dispersion.startswith("c")
            return NegativeBinomial1() if constant else NegativeBinomial()
        return self._generalised(part)

    def _generalised(self, part: Cursor) -> ResponseFamily | None:
        """The family of ``meglm``."""
        family, link = self.family or "gaussian", self.link
        if family == "gaussian" and link in ("", "identity"):
            return None
        if family in ("bernoulli", "binomial") and link in ("", *BINARY.values()):
            kind = Bernoulli if family == "bernoulli" and not self.trials else Binomial
            return kind(link=link or "logit")
        if family == "ordinal" and link in ("", *ORDERED.values()):
            return Cumulative(link=link or "logit")
        if link in ("", "log"):
            logged = {"poisson": Poisson(), "nbinomial": NegativeBinomial(), "gamma": Gamma()}
            if family in logged:
                return logged[family]
        raise part.refuse(
            f"family({family}) link({link or 'by itself'}) of meglm is not read; read are "
            "gaussian identity, bernoulli, binomial (logit, probit, cloglog), ordinal (logit, "
            "probit), poisson, nbinomial and gamma (log)",
            self.command,
        )

    def response(self, response: str, known: KnownColumns, part: Cursor) -> ResponseTerm | None:
        """Counts out of trials; None of a response of one column."""
        words = [word for word in self.trials if word.text != ","]
        if not words:
            return None
        if len(words) != 1:
            raise part.refuse("binomial(...) takes a column or a number", words[0])
        if words[0].kind == NUMBER:
            return ResponseTerm(response, words[0].text, TRIALS)
        return ResponseTerm(response, known.factor(words[0], part), TRIALS)

    def offsets(self, known: KnownColumns, part: Cursor) -> tuple[str, ...]:
        """Offsets as factors of a formula; an exposure is the offset of its logarithm."""
        exposed = [f"np.log({known.factor(word, part)})" for word in self.exposure]
        return (*exposed, *(known.factor(word, part) for word in self.offset))
