"""SAS: responses that are not Gaussian, as PROC GLIMMIX states them, written and read.

Source: the SAS/STAT User's Guide, "The GLIMMIX Procedure", MODEL statement.  Of a binary response
it takes the first level for the event unless EVENT= or DESCENDING says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.families.binomial import Bernoulli
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.student_t import StudentT
from hierbayes.families.words import by_word
from hierbayes.specification.response import TRIALS, ResponseTerm
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.responses import linked, success_of, trials_factor
from hierbayes.translation.sas.options import Option

# SAS's word for a distribution first, then further ones.
_DISTRIBUTIONS = {
    "Bernoulli": ("binary",), "Binomial": ("binomial", "bin", "b"),
    "Poisson": ("poisson", "poi", "p"), "NegativeBinomial": ("negbin", "negbinomial", "nb"),
    "Gamma": ("gamma", "gam", "g"), "Beta": ("beta",), "Lognormal": ("lognormal", "logn"),
    "StudentT": ("tcentral", "tdist", "t"), "Cumulative": ("multinomial", "mult", "multi"),
    "Categorical": ("multinomial",),
}  # fmt: skip
_LINKS = {
    "logit": ("logit",), "probit": ("probit",), "cloglog": ("cloglog", "cll"), "log": ("log",),
    "identity": ("identity", "id"),
}  # fmt: skip
_CUMULATIVE = {
    "logit": ("cumlogit", "clogit"), "probit": ("cumprobit", "cprobit"),
    "cloglog": ("cumcll", "ccll"),
}  # fmt: skip
_NOMINAL = {"logit": ("glogit", "genlogit")}
_NORMAL = ("normal", "gaussian", "n", "")
FAMILIES = linked(_DISTRIBUTIONS)


@dataclass(frozen=True, slots=True)
class Words:
    """A response as the MODEL statement has it.

    Parameters
    ----------
    response : str
        Left-hand side.
    options : str
        DIST=, LINK= and OFFSET=, with a space before.
    note : str
        A comment, or empty.
    nominal : str
        The column of nominal categories; empty of any other response.
    """

    response: str
    options: str
    note: str = ""
    nominal: str = ""


def words_of(model: ModelToWrite, plan: ColumnPlan) -> Words:
    """The response of a family, with the columns that it needs planned."""
    family, spec = model.family, model.specification
    response = plan.column(spec.response)
    if family is None:
        return Words(response, "")
    if isinstance(family, Cumulative) and plan.is_factor(spec.response):
        _refuse_unsorted(spec.response, plan.levels(spec.response))
    note, nominal, trials = "", "", trials_factor(model)
    if trials:
        response = f"{response}/{plan.column(trials)}"
    elif isinstance(family, Cumulative) and family.link == "cloglog":
        note = "* CUMCLL is of low categories: coefficients have the other sign;"
    elif isinstance(family, Cumulative):
        response += "(DESCENDING)"
    elif isinstance(family, Categorical):
        nominal = response
        response += f"(REF={_in_quotes(model.outcomes[0])})"
    elif isinstance(family, Bernoulli):
        response += f"(EVENT={_in_quotes(success_of(model)[1] or '1')})"
    dist = _DISTRIBUTIONS[family.name][0].upper()
    dist += f"({_stated_df(family):g})" if isinstance(family, StudentT) else ""
    links = _links_of(family.name)
    options = f" DIST={dist} LINK={links[family.link][0].upper()}"
    if spec.offsets:
        whole = spec.offsets[0] if len(spec.offsets) == 1 else f"I({' + '.join(spec.offsets)})"
        options += f" OFFSET={plan.column(whole)}"
    return Words(response, options, note, nominal)


def _links_of(name: str) -> Mapping[str, tuple[str, ...]]:
    """SAS's words for the links of a family."""
    return {"Cumulative": _CUMULATIVE, "Categorical": _NOMINAL}.get(name, _LINKS)


def _in_quotes(label: str) -> str:
    return "'" + label.replace("'", "''") + "'"


def _refuse_unsorted(name: str, levels: Sequence[str]) -> None:
    """Refuse ordered labels that SAS, which sorts them, would put in another order.

    Raises
    ------
    FormulaError
    """
    if list(levels) != sorted(levels):
        raise FormulaError(
            f"PROC GLIMMIX sorts the categories of '{name}', which are {in_quotes(levels)}; make "
            "numbers of them"
        )


@dataclass(slots=True)
class StatedResponse:
    """What a MODEL statement says of its response.

    Parameters
    ----------
    name : Word
    trials : Word or None
        What stands behind ``/``, as in ``events/trials``.
    options : dict of str to str
        EVENT=, REF= and the like in the parentheses behind the response, in lower case.
    """

    name: Word
    trials: Word | None
    options: dict[str, str]

    def family(
        self, given: dict[str, Option], known: KnownColumns, statement: Cursor
    ) -> ResponseFamily | None:
        """The family that DIST= and LINK= state; None of a Gaussian one.

        Raises
        ------
        FormulaError
            For what is not read, and for a binary response whose event is not the last level.
        """
        word = given["dist"].words[0] if "dist" in given and given["dist"].words else None
        dist = word.text.lower() if word is not None else ("binomial" if self.trials else "")
        name = _named(dist, _DISTRIBUTIONS)
        if name == "Cumulative" and self._link(given) in _NOMINAL["logit"]:
            name = "Categorical"
        if dist in _NORMAL:
            name = "" if self._link(given) in ("", *_LINKS["identity"]) else "no"
            if not name:
                return None
        if name == "Binomial" and self.trials is None:
            name = "Bernoulli"
        if name not in _DISTRIBUTIONS:
            known_words = dict.fromkeys(words[0].upper() for words in _DISTRIBUTIONS.values())
            said = f"DIST={dist.upper()}" if dist else f"LINK={self._link(given).upper()}"
            raise statement.refuse(
                f"{said} of PROC GLIMMIX is not read; read are NORMAL with the identity, "
                f"{', '.join(known_words)}",
                word or self.name,
            )
        family = self._linked(name, given, statement)
        if isinstance(family, StudentT):
            family = replace(family, df=_degrees(given["dist"], statement))
        if isinstance(family, Bernoulli):
            self._check_event(known, statement)
        if isinstance(family, Categorical):
            self._check_reference(known, statement)
        if isinstance(family, Cumulative):
            _refuse_unsorted(self.name.text, known.levels(known.factor(self.name, statement)))
        if family.name == "Cumulative" and family.link == "cloglog" and self._descends:
            raise statement.refuse(
                "CUMCLL of descending categories is a log-log link of ascending ones, which models "
                "here do not have; leave DESCENDING out",
                self.name,
            )
        return family

    def _linked(self, name: str, given: dict[str, Option], statement: Cursor) -> ResponseFamily:
        family = by_word(name.lower())
        said = self._link(given)
        link = _named(said, _links_of(name))
        link = link or ("" if said else family.link)
        if link not in family.links:
            raise statement.refuse(
                f"LINK={said.upper()} of {name} is not read; models here have "
                f"{', '.join(family.links)}",
                given["link"].word,
            )
        return replace(family, link=link) if len(family.links) > 1 else family

    @staticmethod
    def _link(given: dict[str, Option]) -> str:
        return given["link"].value.lower() if "link" in given else ""

    @property
    def _descends(self) -> bool:
        return bool({"descending", "desc"} & set(self.options))

    def _check_event(self, known: KnownColumns, statement: Cursor) -> None:
        """Refuse a binary response whose event is its first level, as it is by itself."""
        levels = known.levels(known.factor(self.name, statement))
        event, base = self.options.get("event"), self.options.get("ref")
        last = levels[-1].lower() if levels else None
        first = levels[0].lower() if levels else None
        ends = self._descends or event == "last" or base == "first"
        if ends or (event is not None and event == (last or event)):
            return
        if base is not None and base == (first or base) and base != "last":
            return
        end = levels[-1] if levels else "1"
        raise statement.refuse(
            f"PROC GLIMMIX models the probability of the first level of '{self.name.text}' here, "
            f"and models here that of the last one; write {self.name.text}(EVENT='{end}')",
            self.name,
        )

    def _check_reference(self, known: KnownColumns, statement: Cursor) -> None:
        """Refuse nominal categories compared with another than the first, by itself the last."""
        levels = known.levels(known.factor(self.name, statement))
        first = levels[0].lower() if levels else None
        base, own = self.options.get("ref", "last"), "last" if self._descends else "first"
        if base == (first or base) != "last" or (base == own and list(levels) == sorted(levels)):
            return
        end = levels[0] if levels else "1"
        raise statement.refuse(
            f"PROC GLIMMIX compares categories of '{self.name.text}' with '{base}' here, and "
            f"models here with the first; write {self.name.text}(REF={_in_quotes(end)})",
            self.name,
        )

    def counts(self, known: KnownColumns, statement: Cursor) -> ResponseTerm | None:
        """Counts out of trials; None of a response of one column."""
        if self.trials is None:
            return None
        response = known.factor(self.name, statement)
        if self.trials.text.isdigit():
            return ResponseTerm(response, self.trials.text, TRIALS)
        return ResponseTerm(response, known.factor(self.trials, statement), TRIALS)


def read_response(statement: Cursor) -> StatedResponse:
    """``y``, ``y(EVENT='1')`` or ``events/trials``, up to the equals sign."""
    name = statement.take_name("the response")
    trials = statement.take("the trials") if statement.take_if("/") else None
    options: dict[str, str] = {}
    if statement.take_if("("):
        inside = statement.part(statement.until(")"))
        statement.expect(")")
        while not inside.done:
            word = inside.take("an option").text.lower()
            word = "ref" if word == "reference" else word
            options[word] = inside.take("a value").text.lower() if inside.take_if("=") else ""
    return StatedResponse(name, trials, options)


def _stated_df(family: StudentT) -> float:
    """Degrees of freedom, which PROC GLIMMIX does not estimate."""
    if family.df is None:
        raise FormulaError(
            "PROC GLIMMIX holds the degrees of freedom of DIST=TCENTRAL, and df=None estimates "
            "them; state them, as in StudentT(4)"
        )
    return family.df


def _named(word: str, table: Mapping[str, tuple[str, ...]]) -> str:
    return next((name for name, words in table.items() if word in words), "")


def _degrees(option: Option, statement: Cursor) -> float:
    """Degrees of freedom in ``TCENTRAL(4)``."""
    text = option.value.partition("(")[2].removesuffix(")")
    try:
        return float(text)
    except ValueError:
        raise statement.refuse(
            "DIST=TCENTRAL is read with its degrees of freedom, as in TCENTRAL(4)", option.word
        ) from None
