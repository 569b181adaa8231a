"""Random terms of a formula of brms: effects tied by an ID, and groups in gr(...)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierbayes.translation.dialect import pointed
from hierbayes.translation.r.addends import addends
from hierbayes.translation.r.reading import factors_among, group_text
from hierbayes.translation.r.syntax import Node


@dataclass(frozen=True, slots=True)
class _Term:
    """One random term: its effects, the ID that ties it to others (or none), and its group."""

    effects: Node
    bar: str
    tie: str
    group: Node
    place: int

    @property
    def node(self) -> Node:
        """As it is written without an ID."""
        inner = Node("infix", self.bar, (self.effects, self.group), place=self.place)
        return Node("paren", "(", (inner,), place=self.place)


def without_ties(formula: Node, columns: Sequence[str], text: str) -> Node:
    """A formula with one term for the effects of each ID, and plain groups for gr(...).

    ``(1 |p| g) + (0 + x |p| g)`` is ``(1 + x | g)``, and ``(x | gr(g, cor = FALSE))`` is
    ``(x || g)``.

    Raises
    ------
    FormulaError
        When an ID ties effects over different groups, or of a factor's levels without a constant.
    """
    if formula.kind != "infix" or formula.text != "~" or len(formula.parts) < 2:
        return formula
    left, right = formula.parts
    found: dict[str, _Term] = {}
    kept: list[Node | str] = []
    for part in addends(right):
        term = _term(part, text)
        if term is None or not term.tie:
            kept.append(part if term is None else term.node)
        elif term.tie in found:
            found[term.tie] = _tied(found[term.tie], term, columns, text)
        else:
            found[term.tie] = term
            kept.append(term.tie)
    nodes = [found[one].node if isinstance(one, str) else one for one in kept]
    return Node("infix", "~", (left, _sum(nodes)), place=formula.place)


def refuse_ties(node: Node, text: str) -> None:
    """Refuse an ID in the formula of another parameter than the mean.

    Raises
    ------
    FormulaError
    """
    for part in node.walk():
        term = _term(part, text)
        if term is not None and term.tie:
            raise pointed(
                text,
                term.place,
                f"the ID '{term.tie}' ties effects of several formulas, and models here have "
                "random effects of the mean alone",
            )


def _term(part: Node, text: str) -> _Term | None:
    """A random term in parentheses; None where this is none."""
    if part.kind != "paren" or part.parts[0].kind != "infix":
        return None
    bar = part.parts[0]
    if bar.text not in ("|", "||"):
        return None
    effects, group, tie = bar.parts[0], bar.parts[1], ""
    if bar.text == "|" and effects.kind == "infix" and effects.text == "|":
        effects, tie = effects.parts[0], effects.parts[1].text.strip("\"'")
    term = _Term(effects, bar.text, tie, group, part.place)
    return _without_gr(term, text) if group.function == "gr" else term


def _without_gr(term: _Term, text: str) -> _Term:
    """Groups in ``gr(g, id, cor)`` as a term says them; gr with more is left as it is."""
    given = {name or "group": value for name, value in term.group.arguments}
    if set(given) - {"group", "id", "cor"} or "group" not in given:
        return term
    apart = "cor" in given and given["cor"].text in ("FALSE", "F")
    tie = given["id"].text.strip("\"'") if "id" in given else term.tie
    if apart and tie:
        raise pointed(text, term.place, "effects that an ID ties are correlated: leave out cor")
    return replace(term, group=given["group"], tie=tie, bar="||" if apart else term.bar)


def _tied(first: _Term, second: _Term, columns: Sequence[str], text: str) -> _Term:
    """Two terms with one ID as one."""
    groups = [group_text(one.group, columns, text) for one in (first, second)]
    if groups[0] != groups[1]:
        raise pointed(
            text,
            second.place,
            f"the ID '{second.tie}' ties effects over '{groups[0]}' and over '{groups[1]}', and "
            "effects are correlated within one grouping factor",
        )
    parts = [addends(term.effects) for term in (first, second)]
    constant = any(not _is_zero(one) for one in parts)
    plain = [one for of in parts for one in of if one.text not in ("0", "1")]
    without = [one.text for of in parts if _is_zero(of) for one in of if one.kind == "name"]
    if constant and (names := factors_among(without, columns)):
        raise pointed(
            text,
            second.place,
            f"the ID '{second.tie}' ties effects of all levels of '{names[0]}' to a constant, "
            "which they are combinations of; write one term",
        )
    effects = _sum([Node("number", "1" if constant else "0", place=second.place), *plain])
    return replace(first, effects=effects)


def _is_zero(parts: Sequence[Node]) -> bool:
    """Whether effects are written without a constant."""
    return any(one.kind == "number" and one.text == "0" for one in parts)


def _sum(nodes: Sequence[Node]) -> Node:
    total = nodes[0]
    for one in nodes[1:]:
        total = Node("infix", "+", (total, one), place=total.place)
    return total
