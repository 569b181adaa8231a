"""MLwiN: responses that are not Gaussian, written.

Commands as R2MLwiN writes them: RDIS is the distribution of the response, LFUN its link, DOFF the
trials or the offset.  The variance of level 1 is that of ``bcons.1``, which MLwiN makes itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.errors import FormulaError
from hierbayes.families.binomial import Bernoulli, Binomial
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.responses import linked, success_of, trials_factor

_DISTRIBUTIONS = {"Bernoulli": 0, "Binomial": 0, "Poisson": 1, "NegativeBinomial": 2}
_LINKS = {"logit": 0, "probit": 1, "cloglog": 2, "log": 3}
_GAUSSIAN = (
    "NOTE METH 0 is RIGLS, restricted maximum likelihood; METH 1 is IGLS, maximum likelihood"
)
_QUASI = "NOTE LINE 1 2 is PQL2, near maximum likelihood; of few rows in a group MCMC is nearer"
FAMILIES = linked(_DISTRIBUTIONS)
INSTEAD = (
    "its ordered and unordered categories are stacked as several responses by MNOM, which is not "
    "written; gamma, beta, t and zeros apart it does not have"
)


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
    """

    response: str
    of_response: tuple[str, ...]
    of_rows: tuple[str, ...]
    method: tuple[str, ...]


def words_of(model: ModelToWrite, plan: ColumnPlan, cons: str) -> Words:
    """The response of a family, with the columns that it needs planned.

    Raises
    ------
    FormulaError
        For an offset of counts out of trials, whose place the trials take.
    """
    family, spec = model.family, model.specification
    if family is None:
        method = (_GAUSSIAN, f"METH {int(model.ml)}")
        return Words(plan.column(spec.response), (), (f"SETV 1 '{cons}'",), method)
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
