"""``dispformula`` of glmmTMB and the random effects that stand for errors, read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import Toeplitz
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.dialect import pointed
from hierbayes.translation.error_structures import are_one_apart, are_told_apart
from hierbayes.translation.r.addends import addends, without_addends
from hierbayes.translation.r.glmmtmb_rows import refuse_unknown_version
from hierbayes.translation.r.reading import group_text
from hierbayes.translation.r.syntax import Node
from hierbayes.translation.r.variance_terms import column_of, product, read_variances

type _Maker = Callable[[str, str], ResidualStructure]
_MADE: dict[str, _Maker] = {
    "ar1": AR1,
    "hetar1": lambda time, group: AR1(time, group) * Strata(time),
    "ou": CAR1,
    "homcs": lambda _, group: CompoundSymmetry(group),
    "cs": lambda time, group: CompoundSymmetry(group) * Strata(time),
    "homtoep": Toeplitz,
    "toep": lambda time, group: Toeplitz(time, group) * Strata(time),
    "us": Unstructured,
}
_WHOLE = ("ar1", "hetar1", "toep", "homtoep")  # whose levels stand for times one apart

_EXCHANGEABLE = ("cs", "homcs")  # of which the structure itself has no occasions


def take_errors(
    formula: Node, dispersion: Node | None, columns: Sequence[str], text: str
) -> tuple[Node, ResidualStructure | None, str]:
    """A formula without the term that stands for the errors, their structure, and weights.

    Parameters
    ----------
    formula : Node
    dispersion : Node or None
        ``dispformula``.
    columns : sequence of str
    text : str

    Raises
    ------
    FormulaError
        For what models here do not have; it is pointed at.
    """
    if dispersion is None or dispersion.text == "NULL":
        return formula, None, ""
    if dispersion.kind != "prefix" or dispersion.text != "~":
        raise pointed(text, dispersion.place, "dispformula is read as a formula, as in ~ sex")
    right = dispersion.parts[0]
    if [one.text for one in addends(right)] == ["0"]:
        return *_term(formula, dispersion, columns, text), ""
    stated = read_variances(right, columns, text, "dispformula")
    if stated.weights:
        refuse_unknown_version(right, text)
    return formula, product(stated.parts, text, right.place), stated.weights


def _term(
    formula: Node, dispersion: Node, columns: Sequence[str], text: str
) -> tuple[Node, ResidualStructure | None]:
    """The only random effect of occasions, in whose place errors stand."""
    rest, found = without_addends(formula, _of_occasions)
    if len(found) != 1:
        raise pointed(
            text, dispersion.place, "dispformula = ~ 0 leaves no residual variance; it is read "
            f"with one term in its place, such as us(0 + visit | id), and here are {len(found)}: "
            f"those known are {', '.join(_MADE)}"
        )  # fmt: skip
    (node,) = found
    bar = node.parts[1]
    word = node.function
    occasions = next(one for one in addends(bar.parts[0]) if one.text != "0")
    if word == "ou" and occasions.function == "numFactor" and len(occasions.parts) == 2:
        occasions = occasions.parts[1]
    time = column_of(occasions, columns, text, f"{word}()")
    named = group_text(bar.parts[1], columns, text).split(":")
    group = ":".join(name.strip(" `") for name in named)
    stated = dict(occasions.arguments).get("levels") if occasions.function else None
    given = stated is not None and stated.text == ":"
    if word in _WHOLE and not given and not are_one_apart(columns, time, []):
        raise pointed(
            text, occasions.place, f"{word}() takes the levels of '{time}' for times one apart, "
            "and its values are not; write factor(..., levels = first:last) of whole numbers, or "
            "make a column of their places"
        )  # fmt: skip
    if word in _EXCHANGEABLE and not are_told_apart(columns, time, group.split(":")):
        raise pointed(
            text, node.place, f"{word}() has one effect for all rows of a group with one value of "
            f"'{time}', and some groups have several, which dispformula = ~ 0 leaves no variance; "
            "name what tells the rows of a group apart"
        )  # fmt: skip
    return rest, _MADE[word](time, group)


def _of_occasions(node: Node) -> bool:
    """Whether a term is ``ar1(0 + time | group)``, with one effect and no intercept."""
    if node.function not in _MADE or len(node.parts) != 2 or node.parts[1].text != "|":
        return False
    effects = [one.text for one in addends(node.parts[1].parts[0])]
    return len(effects) == 2 and "0" in effects
