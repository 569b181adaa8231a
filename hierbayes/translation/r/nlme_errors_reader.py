"""``correlation =`` and ``weights =`` of nlme, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import mul

from hierbayes.errors import FormulaError, ResidualError
from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.dialect import pointed
from hierbayes.translation.error_structures import longest_lag, tell_alike
from hierbayes.translation.r.reading import group_text
from hierbayes.translation.r.syntax import Node

_CORRELATIONS: Mapping[str, tuple[str, ...]] = {
    "corAR1": ("value", "form", "fixed"),
    "corCAR1": ("value", "form", "fixed"),
    "corExp": ("value", "form", "nugget", "metric", "fixed"),
    "corCompSymm": ("value", "form", "fixed"),
    "corSymm": ("value", "form", "fixed"),
    "corNatural": ("value", "form", "fixed"),
    "corARMA": ("value", "form", "p", "q", "fixed"),
}
_WEIGHTS = ("varIdent", "varPower", "varExp")
_VALUES = ("value", "form", "fixed")
_NUMBERED = ("match", "as.integer", "as.numeric", "factor", "as.factor", "ordered", "as.character")
_NOTHING = ("NULL", "FALSE", "F", "")


def read_errors(
    given: Mapping[str, Node], groups: tuple[str, ...], columns: Sequence[str], text: str
) -> ResidualStructure | None:
    """The residual structure that the arguments of a call of lme or gls state.

    Parameters
    ----------
    given : mapping of str to Node
    groups : tuple of str
        Columns of the random part, the outermost first; none of gls.
    columns : sequence of str
    text : str

    Raises
    ------
    FormulaError
        For a structure that models here do not have; it is named.
    """
    reader = _Reader(groups, columns, text)
    variances = reader.weights(given.get("weights"))
    node = given.get("correlation")
    if node is None or node.text == "NULL":
        return _product(variances, given.get("weights"), text)
    if node.function not in _CORRELATIONS:
        raise pointed(
            text,
            node.place,
            f"the correlation {node.function or node.text} of residuals models "
            f"here do not have; read are: {', '.join(_CORRELATIONS)}",
        )
    arguments = reader.arguments(node, _CORRELATIONS[node.function])
    covariate, group = reader.within(node, arguments.get("form"))
    if node.function in ("corSymm", "corNatural"):
        return reader.unstructured(node, covariate, group, variances)
    correlation = reader.correlation(node, arguments, covariate, group)
    return _product([correlation, *variances], node, text)


def _product(
    parts: Sequence[ResidualStructure], node: Node | None, text: str
) -> ResidualStructure | None:
    found: ResidualStructure | None = None
    try:
        for part in parts:
            found = part if found is None else found * part
    except ResidualError as error:
        raise pointed(text, 0 if node is None else node.place, str(error)) from error
    return found


class _Reader:
    """Structures of nlme on the columns and the groups of one call."""

    def __init__(self, groups: tuple[str, ...], columns: Sequence[str], text: str) -> None:
        self.groups, self.columns, self.text = groups, columns, text

    def refusal(self, node: Node, what: str) -> FormulaError:
        """One that points at a piece of the code."""
        return pointed(self.text, node.place, what)

    def arguments(self, node: Node, formals: Sequence[str]) -> dict[str, Node]:
        """Arguments by name; what is held fixed is refused."""
        free = [name for name in formals if name not in node.names]
        found = {}
        for name, value in node.arguments:
            if not name and not free:
                raise self.refusal(value, f"{node.function} has too many arguments")
            found[name or free.pop(0)] = value
        for name, value in found.items():
            if name not in formals:
                raise self.refusal(
                    value,
                    f"{node.function} has no argument '{name}'; it takes {', '.join(formals)}",
                )
        for name in ("fixed", "nugget"):
            if name in found and found[name].text not in _NOTHING:
                raise self.refusal(
                    found[name],
                    f"{name} = {found[name].text or '...'} of "
                    f"{node.function} asks for what models here do not have; leave it out to read "
                    "the rest",
                )
        return found

    def within(self, node: Node, form: Node | None) -> tuple[Node | None, str | None]:
        """Covariate and group of a form; no group is that of the random part."""
        inner = form.parts[0] if form is not None and form.text == "~" else None
        if inner is None or inner.text != "|":
            if not self.groups:
                raise self.refusal(
                    node,
                    f"{node.function} names no group in which residuals are "
                    "correlated; write form = ~ time | group",
                )
            return _unless_one(inner), None
        stated = group_text(inner.parts[1], self.columns, self.text).split(" / ")
        shared = min(len(stated), len(self.groups))
        if tuple(stated[:shared]) != self.groups[:shared] or len(stated) > len(self.groups) + 1:
            raise self.refusal(
                inner.parts[1],
                f"the groups of {node.function} are "
                f"{'/'.join(stated)}; read are those of the random part with one more within "
                "them, and of gls one column",
            )
        finer = stated[len(self.groups) :]
        return _unless_one(inner.parts[0]), finer[0].strip("`") if finer else None

    def correlation(
        self, node: Node, given: Mapping[str, Node], covariate: Node | None, group: str | None
    ) -> ResidualStructure:
        """A correlation with one variance."""
        if node.function == "corCompSymm":
            return CompoundSymmetry(group)
        time = None if covariate is None else self.column(covariate, node.function)
        if node.function in ("corCAR1", "corExp"):
            if time is None:
                raise self.refusal(
                    node,
                    f"{node.function} of the order of rows is AR1; write corAR1, or name the time",
                )
            return CAR1(time, group)
        if node.function == "corAR1":
            return AR1(time, group)
        return self._arma(node, given, time, group)

    def _arma(
        self, node: Node, given: Mapping[str, Node], time: str | None, group: str | None
    ) -> ResidualStructure:
        order = tuple(given[name].text.rstrip("L") if name in given else "0" for name in "pq")
        if order == ("1", "1"):
            return ARMA(time, group)
        if order == ("1", "0"):
            return AR1(time, group)
        within = [*self.groups, *([] if group is None else [group])]
        if order[1] == "0" and order[0] == str(longest_lag(self.columns, time, within)):
            return Toeplitz(time, group)
        raise self.refusal(
            node,
            f"corARMA(p = {order[0]}, q = {order[1]}) models here do not "
            "have; read are p = 1, q = 1, and q = 0 with p = 1 or the longest lag of the data",
        )

    def unstructured(
        self,
        node: Node,
        covariate: Node | None,
        group: str | None,
        variances: Sequence[ResidualStructure],
    ) -> ResidualStructure:
        """corSymm with a variance for each occasion, and others beside it."""
        own = [one for one in variances if isinstance(one, Strata) and len(one.by) == 1]
        time = None
        if covariate is not None and own:
            time = self.column(covariate, node.function, numbered=True)
            own = [one for one in own if self._tells(one.by[0], time)] or own
        by = own[0].by if own else ()
        if time is None or not by:
            raise self.refusal(
                node,
                f"{node.function} is read with a time, and a variance for "
                f"each, as in {node.function}(form = ~ time | group) with "
                "weights = varIdent(form = ~ 1 | time)",
            )
        if not self._tells(by[0], time):
            raise self.refusal(
                node,
                f"the correlations are between values of '{time}', and the "
                f"variances are those of '{by[0]}'; read are those of one column",
            )
        others = [one for one in variances if one is not own[0]]
        return reduce(mul, others, Unstructured(by[0], group))

    def _tells(self, by: str, time: str) -> bool:
        return time == by or tell_alike(self.columns, time, by)

    def weights(self, node: Node | None) -> list[ResidualStructure]:
        """The variances of ``weights =``."""
        if node is None or node.text == "NULL":
            return []
        if node.function == "varComb":
            return [part for _, one in node.arguments for part in self.weights(one)]
        if node.function not in _WEIGHTS:
            word = "weights = ~ ...," if node.text == "~" else node.function or node.text
            raise self.refusal(
                node,
                f"the residual variances {word} models here do not have; "
                f"read are: {', '.join(_WEIGHTS)}, varFixed, varComb",
            )
        form = self.arguments(node, _VALUES).get("form")
        inner = form.parts[0] if form is not None and form.text == "~" else None
        if node.function == "varIdent":
            return self._strata(node, inner)
        if inner is not None and inner.text == "|":
            raise self.refusal(
                node,
                f"{node.function} is read of one covariate, as in {node.function}(form = ~ x), or "
                "of fitted values; by stratum models here do not have it",
            )
        column = None
        if inner is not None and not _is_fitted(inner):
            column = self.column(inner, node.function)
        return [Power(column) if node.function == "varPower" else Exponential(column)]

    def _strata(self, node: Node, inner: Node | None) -> list[ResidualStructure]:
        if inner is None or inner.text != "|" or _unless_one(inner.parts[0]) is not None:
            raise self.refusal(node, "varIdent names no strata; write varIdent(form = ~ 1 | sex)")
        marks = [one for one in inner.parts[1].walk() if one.kind != "infix"]
        return [Strata(*(self.column(one, node.function) for one in marks))]

    def column(self, node: Node, what: str, *, numbered: bool = False) -> str:
        """The column that a piece of a form is; of occasions also its values numbered."""
        while numbered and node.function in _NUMBERED:
            node = node.parts[1]
        if node.kind != "name" or node.text.strip("`") not in self.columns:
            raise self.refusal(
                node,
                f"the form of {what} is read of a column of the data; make one of this expression"
                if node.kind != "name"
                else f"the data have no column '{node.text}', which the form of {what} names",
            )
        return node.text.strip("`")


def _is_fitted(node: Node) -> bool:
    """Whether a form is fitted(.)."""
    return node.function == "fitted" and [one.text for _, one in node.arguments] == ["."]


def _unless_one(node: Node | None) -> Node | None:
    return None if node is None or (node.kind == "number" and node.text == "1") else node
