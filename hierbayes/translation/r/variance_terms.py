"""Formulas of log standard deviations in R: strata, covariates, weights; written and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.errors import ResidualError
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.structure import ResidualStructure, Variance
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import pointed
from hierbayes.translation.r.addends import addends
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.words import r_name

_FACTORS = ("factor", "as.factor")
_NO_TERMS = ("0", "1")


@dataclass(frozen=True, slots=True)
class StatedVariances:
    """What a formula of log σ states.

    Parameters
    ----------
    parts : tuple of Variance
    weights : str
        The column of precision weights; empty without.
    """

    parts: tuple[Variance, ...] = ()
    weights: str = ""


def log_sd_terms(structure: ResidualStructure | None) -> list[str]:
    """The terms of log σ: strata first, without an intercept beside them.

    A ratio for each stratum is a coefficient of a factor, σ|x|^δ is δ log|x|, and σ exp(δx) is δx.
    """
    parts = () if structure is None else structure.variances
    factors = [_factor_of(part.by) for part in parts if isinstance(part, Strata)]
    if structure is not None and isinstance(structure.correlation, Unstructured):
        factors.append(_factor_of((str(structure.correlation.time),)))
    covariates = [_covariate(part) for part in parts if not isinstance(part, Strata)]
    return ["0", *factors, *covariates] if factors else covariates


def _factor_of(by: tuple[str, ...]) -> str:
    """Strata as one factor, of several columns with the combinations that there are."""
    if len(by) == 1:
        return f"factor({r_name(by[0])})"
    return f"interaction({', '.join(map(r_name, by))}, drop = TRUE)"


def _covariate(part: Variance) -> str:
    match part:
        case Power(x=str(x)):
            return f"log(abs({r_name(x)}))"
        case Exponential(x=str(x)):
            return r_name(x)
    raise NotImplementedError(type(part).__name__)


def read_variances(node: Node, columns: Sequence[str], text: str, what: str) -> StatedVariances:
    """The right side of a formula of log σ.

    Parameters
    ----------
    node : Node
    columns : sequence of str
    text : str
    what : str
        Whose formula it is, ``"sigma"``.

    Raises
    ------
    FormulaError
        For what no structure here says; it is pointed at.
    """
    reader = _Reader(columns, text, what)
    every = addends(node)
    parts = [reader.part(one) for one in every if one.text not in _NO_TERMS and not _offset(one)]
    weights = [reader.weights(one) for one in every if _offset(one)]
    strata = any(isinstance(part, Strata) for part in parts)
    if not strata and any(one.text == "0" for one in every):
        raise pointed(
            text, node.place, f"{what} without an intercept and without strata is 1 where the "
            "columns are 0, which no structure here says; leave the 0 out"
        )  # fmt: skip
    if len(weights) > 1:
        raise pointed(text, node.place, f"{what} has two offsets; one of weights is read")
    return StatedVariances(tuple(parts), "".join(weights))


def product(parts: Sequence[ResidualStructure], text: str, place: int) -> ResidualStructure | None:
    """Parts multiplied, refused at the place where they do not go together."""
    found: ResidualStructure | None = None
    try:
        for part in parts:
            found = part if found is None else found * part
    except ResidualError as error:
        raise pointed(text, place, str(error)) from error
    return found


def column_of(node: Node, columns: Sequence[str], text: str, what: str) -> str:
    """The column that a piece of code is, or that it makes a factor of.

    Raises
    ------
    FormulaError
        When it is none of the data.
    """
    while node.function in _FACTORS and len(node.parts) >= 2:
        node = node.parts[1]
    if node.kind == "name" and node.text.strip("`") in columns:
        return node.text.strip("`")
    raise pointed(
        text,
        node.place,
        f"{what} is read of a column of the data"
        + (f", and they have no '{node.text}'" if node.kind == "name" else "; make one of this"),
    )


class _Reader:
    """Terms of log σ on the columns of the data."""

    def __init__(self, columns: Sequence[str], text: str, what: str) -> None:
        self.columns, self.text, self.what = columns, text, what

    def part(self, node: Node) -> Variance:
        """One term."""
        if node.kind == "infix" and node.text == ":":
            return Strata(*(self.factor(one) for one in _crossed(node)))
        if node.function == "interaction":
            return Strata(*(self.column(one) for name, one in node.arguments if not name))
        if node.function == "log" and len(node.parts) == 2:
            inner = node.parts[1]
            return Power(self.column(inner.parts[1] if inner.function == "abs" else inner))
        if node.function in _FACTORS or self.is_factor(node):
            return Strata(self.column(node))
        if node.kind == "name":
            return Exponential(self.column(node))
        raise pointed(
            self.text, node.place, f"{self.what} is read of factors and their combinations, of "
            "a covariate x, and of log(abs(x)); nothing here says this term"
        )  # fmt: skip

    def weights(self, node: Node) -> str:
        """The column w of ``offset(-log(w) / 2)``."""
        inner = node.parts[-1]
        half = inner.kind == "infix" and inner.text == "/" and inner.parts[1].text == "2"
        minus = inner.parts[0] if half else inner
        logged = minus.parts[0] if minus.kind == "prefix" and minus.text == "-" else minus
        if half and minus is not logged and logged.function == "log":
            return self.column(logged.parts[1])
        raise pointed(
            self.text, node.place, f"an offset of {self.what} is read as offset(-log(w) / 2), the "
            "weights of rows"
        )  # fmt: skip

    def is_factor(self, node: Node) -> bool:
        """Whether it is a column of labels or truth values."""
        name = node.text.strip("`")
        known = self.columns if isinstance(self.columns, Columns) else None
        return known is not None and (name in known.levels or name in known.booleans)

    def factor(self, node: Node) -> str:
        """A column of a combination of levels."""
        name = self.column(node)
        if node.function in _FACTORS or self.is_factor(node):
            return name
        raise pointed(
            self.text, node.place, f"'{name}' holds numbers, and {self.what} has a product with "
            f"them; write factor({name}) where its values are strata"
        )  # fmt: skip

    def column(self, node: Node) -> str:
        """As `column_of`."""
        return column_of(node, self.columns, self.text, self.what)


def _crossed(node: Node) -> list[Node]:
    if node.kind == "infix" and node.text == ":":
        return [one for part in node.parts for one in _crossed(part)]
    return [node]


def _offset(node: Node) -> bool:
    return node.function == "offset"
