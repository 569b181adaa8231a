"""Correlation terms, ``sigma ~``, ``se()`` and ``weights()`` of formulas of brms, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hierbayes.residuals.autoregression import AR1
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA
from hierbayes.residuals.structure import Correlation, ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.dialect import pointed
from hierbayes.translation.error_structures import are_one_apart
from hierbayes.translation.r.addends import without_addends
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.variance_terms import (
    StatedVariances,
    column_of,
    product,
    read_variances,
)

_FORMALS: Mapping[str, tuple[str, ...]] = {
    "ar": ("time", "gr", "p", "cov"),
    "arma": ("time", "gr", "p", "q", "cov"),
    "cosy": ("time", "gr"),
    "unstr": ("time", "gr"),
}
_TRUE = ("TRUE", "T")
_NOT_GIVEN = ("NA", "NULL")


@dataclass(frozen=True, slots=True)
class BrmsErrors:
    """What a formula of brms says of the errors.

    Parameters
    ----------
    correlation : Node or None
        The call of ``ar``, ``arma``, ``cosy`` or ``unstr``.
    sigma : Node or None
        The right side of the formula of ``sigma``.
    known_sd : str
        The column of ``se()``.
    """

    correlation: Node | None = None
    sigma: Node | None = None
    known_sd: str = ""

    def stated(self, columns: Sequence[str], text: str) -> tuple[ResidualStructure | None, str]:
        """The residual structure, and the column of weights of rows.

        Raises
        ------
        FormulaError
            For what models here do not have; it is pointed at.
        """
        stated = StatedVariances()
        if self.sigma is not None:
            stated = read_variances(self.sigma, columns, text, "sigma")
        place = next((one.place for one in (self.correlation, self.sigma) if one is not None), 0)
        parts: list[ResidualStructure] = list(stated.parts)
        if self.correlation is not None:
            correlation = _Term(self.correlation, columns, text).correlation()
            if isinstance(correlation, Unstructured):
                parts = _beside_occasions(correlation, stated, text, place)
            parts = [correlation, *parts]
        return product(parts, text, place), stated.weights


def take_errors(node: Node, columns: Sequence[str], text: str) -> tuple[Node, BrmsErrors]:
    """A formula without what it says of the errors, and that.

    Raises
    ------
    FormulaError
        For two correlations, and for weights, which multiply log likelihoods.
    """
    formula, found = without_addends(node, lambda one: one.function in _FORMALS)
    if len(found) > 1:
        raise pointed(text, found[1].place, "errors have one correlation; keep one of these terms")
    errors = BrmsErrors(correlation=found[0] if found else None)
    left = formula.parts[0] if formula.kind == "infix" and formula.text == "~" else formula
    if left.kind == "infix" and left.text == "|":
        behind = left.parts[1]
        if behind.function == "se":
            rest = Node("infix", "~", (left.parts[0], formula.parts[1]), place=formula.place)
            return rest, replace(errors, known_sd=_known(behind, columns, text))
        if behind.function == "weights":
            raise pointed(
                text, behind.place, "weights(w) multiplies the log likelihood of each row by w; "
                "where w counts equal rows, leave it out and give counts='w', and where the "
                "variance of a row is σ²/w, write bf(..., sigma ~ offset(-log(w) / 2))"
            )  # fmt: skip
    return formula, errors


def _known(node: Node, columns: Sequence[str], text: str) -> str:
    given = [value for name, value in node.arguments if name in ("", "x")]
    sigma = dict(node.arguments).get("sigma", given[1] if len(given) > 1 else None)
    if sigma is not None and sigma.text in _TRUE:
        raise pointed(
            text, sigma.place, "se(..., sigma = TRUE) has a residual variance beside the known "
            "ones, which models here do not have; a random effect of each row is one"
        )  # fmt: skip
    return column_of(given[0] if given else node, columns, text, "se()")


def _beside_occasions(
    part: Unstructured, stated: StatedVariances, text: str, place: int
) -> list[ResidualStructure]:
    """What an unstructured covariance has beside a variance for each occasion."""
    own = Strata(str(part.time))
    if own not in stated.parts:
        raise pointed(
            text,
            place,
            f"unstr() is read with a variance for each occasion, as in bf(..., sigma ~ 0 + "
            f"factor({part.time}))",
        )
    return [one for one in stated.parts if one != own]


class _Term:
    """A term of correlated errors on the columns of the data."""

    def __init__(self, node: Node, columns: Sequence[str], text: str) -> None:
        self.node, self.columns, self.text = node, columns, text
        formals, given = _FORMALS[node.function], {}
        free = [name for name in formals if name not in node.names]
        for name, value in node.arguments:
            if (not name and not free) or (name and name not in formals):
                raise pointed(text, value.place, f"{node.function} takes {', '.join(formals)}")
            given[name or free.pop(0)] = value
        self.given = {name: one for name, one in given.items() if one.text not in _NOT_GIVEN}

    def correlation(self) -> Correlation:
        """The structure, its group named."""
        function, time = self.node.function, self._column("time")
        group = self._column("gr")
        if group is None:
            raise pointed(
                self.text, self.node.place, f"{function}() names no group, so that all rows are "
                "one series; write gr = ..., the group in which errors are correlated"
            )  # fmt: skip
        if function == "cosy":
            return CompoundSymmetry(group)
        if function == "unstr":
            if time is None:
                raise pointed(self.text, self.node.place, "unstr() names no time; write time = ...")
            return Unstructured(time, group)
        self._refuse_other_order()
        if time is not None and not are_one_apart(self.columns, time, [group]):
            raise pointed(
                self.text, self.node.place, f"brm counts the rows of a group in the order of "
                f"'{time}', whose values are not one apart in each; make a column of their places"
            )  # fmt: skip
        return AR1(time, group) if function == "ar" else ARMA(time, group)

    def _refuse_other_order(self) -> None:
        """Refuse orders but 1, and errors that are regressed on those before."""
        for name in ("p", "q"):
            one = self.given.get(name)
            if one is not None and one.text.rstrip("L") != "1":
                raise pointed(
                    self.text, one.place, f"{name} = {one.text} of {self.node.function}() models "
                    "here do not have; read is 1"
                )  # fmt: skip
        cov = self.given.get("cov")
        if cov is None or cov.text not in _TRUE:
            raise pointed(
                self.text, self.node.place, f"{self.node.function}() without cov = TRUE regresses "
                "on the residuals before, so that the first of a group has another variance, "
                "which models here do not have; write cov = TRUE"
            )  # fmt: skip

    def _column(self, name: str) -> str | None:
        one = self.given.get(name)
        if one is None:
            return None
        return column_of(one, self.columns, self.text, f"{name} of {self.node.function}()")
