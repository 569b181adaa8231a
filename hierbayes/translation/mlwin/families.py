"""MLwiN: responses that are not Gaussian, written.

Commands as R2MLwiN and runmlwin write them: RDIS is the distribution of the response, LFUN its
link, DOFF the trials or the offset.  Of counts out of trials the response is their share.  The
variance of level 1 is that of ``bcons.1``, which MLwiN makes itself.

Categories are stacked by MNOM: a row has a response for each category s but the reference, and
these are level 1.  Ordered ones have the last for the reference, and P(y ≤ s) = F(β_s + x'β + u),
so that β has the other sign than here; RPAT gives them one coefficient, called ``x.123``.
Unordered ones have the first, and a coefficient ``x.2``, ``x.3``, … for each of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.errors import FormulaError
from hierbayes.families.binomial import Bernoulli, Binomial
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.responses import linked, success_of, trials_factor

_DISTRIBUTIONS = {"Bernoulli": 0, "Binomial": 0, "Poisson": 1, "NegativeBinomial": 2}
_LINKS = {"logit": 0, "probit": 1, "cloglog": 2, "log": 3}
_GAUSSIAN = (
    "NOTE METH 0 is RIGLS, restricted maximum likelihood; METH 1 is IGLS, maximum likelihood"
)
_QUASI = "NOTE LINE 1 2 is PQL2, near maximum likelihood; of few rows in a group MCMC is nearer"
_OF_LOW = "NOTE coefficients are of low categories, P(y <= s): each has the other sign than here"
FAMILIES = linked([*_DISTRIBUTIONS, "Cumulative", "Categorical"])
INSTEAD = "gamma, beta, t and zeros apart it does not have"


@dataclass(frozen=True, slots=True)
class Words:
    """A response as a macro has it.

    Parameters
    ----------
    response : str
        Name of its column.
    of_response : tuple of str
        Commands behind the identifiers of the levels.
    of_rows : tuple of str
        Commands that state the variance of level 1.
    method : tuple of str
        Those that choose what is maximised.
    stacked : tuple of str
        Commands that stack the responses of a row, which end in that of the response.
    indicator : str
        The column that tells stacked responses apart; empty of others.
    categories : tuple of int
        The numbers of stacked responses.
    apart : bool
        Whether each of them has coefficients and effects of its own.
    """

    response: str
    of_response: tuple[str, ...]
    of_rows: tuple[str, ...]
    method: tuple[str, ...]
    stacked: tuple[str, ...] = ()
    indicator: str = ""
    categories: tuple[int, ...] = ()
    apart: bool = False

    @property
    def shared(self) -> int:
        """How many responses of a row have one coefficient of a column; 0 where there is one."""
        return 0 if self.apart else len(self.categories)

    @property
    def endings(self) -> tuple[str, ...]:
        """What MLwiN adds to the name of a column, once for each coefficient that it has."""
        if self.apart:
            return tuple(f".{number}" for number in self.categories)
        return (f".{''.join(map(str, self.categories))}" if self.categories else "",)


def in_model(column: Sequence[str], ending: str) -> str:
    """The name that MLwiN gives to a column or a product of columns."""
    return f"'{'.'.join(column)}{ending}'"


def words_of(model: ModelToWrite, plan: ColumnPlan, cons: str) -> Words:
    """The response of a family, with the columns that it needs planned.

    Raises
    ------
    FormulaError
        For an offset of counts out of trials or of categories, whose place the trials take.
    """
    family, spec = model.family, model.specification
    if family is None:
        method = (_GAUSSIAN, f"METH {int(model.ml)}")
        return Words(plan.column(spec.response), (), (f"SETV 1 '{cons}'",), method)
    if isinstance(family, Cumulative | Categorical):
        return _stacked(model, family, plan, cons)
    labelled, success = success_of(model)
    if labelled:
        response = plan.indicator(spec.response, success, full=False)
    else:
        response = plan.column(spec.response)
    beside = ""
    if isinstance(family, Bernoulli | Binomial):
        if spec.offsets:
            raise FormulaError(
                "MLwiN has no offset of counts out of trials: its command DOFF states the trials "
                f"there; leave out offset({spec.offsets[0]})"
            )
        trials = trials_factor(model)
        beside = plan.column(trials) if trials else cons
        response = plan.column(f"I({response} / {beside})") if trials else response
    elif spec.offsets:
        whole = spec.offsets[0] if len(spec.offsets) == 1 else f"I({' + '.join(spec.offsets)})"
        beside = plan.column(whole)
    of_rows = ["SETV 1 'bcons.1'"]
    if family.name == "NegativeBinomial":
        of_rows += ["SETV 1 'bcons2.1'", "CLRE 1 'bcons.1' 'bcons2.1'"]
    return Words(
        response,
        (
            f"RDIS 1 {_DISTRIBUTIONS[family.name]}",
            f"LFUN {_LINKS[family.link]}",
            *([f"DOFF 1 '{beside}'"] if beside else []),
        ),
        tuple(of_rows),
        (_QUASI, "METH 1", "LINE 1 2"),
    )


def _stacked(
    model: ModelToWrite, family: Cumulative | Categorical, plan: ColumnPlan, cons: str
) -> Words:
    """Categories, ordered or not."""
    for offset in model.specification.offsets:
        raise FormulaError(
            "MLwiN has no offset of categories: its command DOFF states their trials; leave out "
            f"offset({offset})"
        )
    name, ordered = model.specification.response, isinstance(family, Cumulative)
    coded = range(1, len(plan.levels(name)) + 1) if plan.is_factor(name) else model.outcomes
    numbers = list(map(int, coded))
    reference = numbers.pop() if ordered else numbers.pop(0)
    response, indicator = plan.fresh("resp"), plan.fresh("resp_indicator")
    stacked = (
        "LINK 2 G21",
        f"NAME G21[1] '{response}'",
        f"NAME G21[2] '{indicator}'",
        f"MNOM {int(ordered)} '{plan.column(name)}' '{response}' '{indicator}' {reference}",
        f"RESP '{response}'",
    )
    return Words(
        plan.column(name),
        (f"RDIS 1 {5 if ordered else 4}", f"LFUN {_LINKS[family.link]}", f"DOFF 1 '{cons}'"),
        (),
        (*((_OF_LOW,) if ordered else ()), _QUASI, "METH 1", "LINE 1 2"),
        stacked,
        indicator,
        tuple(numbers),
        apart=not ordered,
    )
