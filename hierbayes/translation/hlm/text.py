"""HLM equations as people type and programs print them, taken apart into lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hierbayes.errors import FormulaError
from hierbayes.translation.programs.code_words import pointed

_SIGNS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₜ·×⋅∙−–\t", "0123456789ijklt****-- ")
_LATEX = {
    r"\beta": "β",
    r"\gamma": "γ",
    r"\delta": "δ",
    r"\theta": "θ",
    r"\psi": "ψ",
    r"\pi": "π",
    r"\cdot": "*",
    r"\times": "*",
    r"\quad": " ",
    r"\varepsilon": "ε",
    r"\epsilon": "ε",
}
_HEADING = re.compile(
    r"\s*(?P<kind>level[-\s]*[1-4]|within|between|mixed|combined)"
    r"(?:[-\s]+(?:groups?|models?|equations?|form))*\b"
    r"\s*(?:\((?P<name>[^()=]*)\)|,?\s*\bby\s+(?P<by>[^\s:=,]+))?\s*:?",
    re.IGNORECASE,
)
_HIGHER = re.compile(r"\s*level[-\s]*[5-9]\b", re.IGNORECASE)
_GROUP = re.compile(
    r"\s*(?:level[-\s]*(?P<level>[2-4])\s+(?:units?|ids?)|group(?:s|ed by|ing)?)\s*[:\s]\s*"
    r"(?P<name>\S+)\s*$",
    re.IGNORECASE,
)
_SIDES = re.compile(
    r"\s*rows?\s*:?\s*(?P<rows>[^,:]+?)\s*(?:,|\band\b|\bby\b)\s*columns?\s*:?\s*(?P<columns>.+)",
    re.IGNORECASE,
)
_SIDE = re.compile(
    r"\s*(?P<side>row|column)s?(?:[-\s]*(?:factor|level|units?|ids?))*\s*:\s*(?P<name>\S+)\s*$",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-=*_\s]{4,}")
_CENTRED = re.compile(
    r"\s*(?P<name>\S+)\s+(?:has been|is)\s+cent(?:e?red|red)\s+(?:around|at|on)\s+(?:the\s+)?"
    r"(?P<kind>group|grand)[-\s]*mean\.?\s*$",
    re.IGNORECASE,
)
_MEAN = re.compile(
    r"\s*(?P<name>\S+)\s*(?:=|is(?:\s+the)?)\s*mean\s+of\s+(?P<of>\S+)"
    r"(?:\s+(?:in|by|within|over)\s+(?P<group>\S+))?\s*$",
    re.IGNORECASE,
)
_COVARIANCE = re.compile(r"\s*cov\s*\(\s*(\S+?)\s*,\s*(\S+?)\s*\)\s*=\s*0\s*$", re.IGNORECASE)
_SILENT = re.compile(
    r"\s*(?:estimation|method|summary|where|with|var\s*\(|and)\b.*|[^=]*~.*|\s*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the text, with its place for messages."""

    text: str
    start: int

    def stripped(self) -> Stretch:
        """Without spaces at its ends."""
        return Stretch(self.text.strip(), self.start + len(self.text) - len(self.text.lstrip()))

    def split(self, mark: str) -> list[Stretch]:
        """Its parts between marks outside of parentheses and brackets."""
        parts, depth, begin = [], 0, 0
        for i, character in enumerate(self.text):
            depth += (character in "([") - (character in ")]")
            double = self.text[i - 1 : i + 1] == "**" or self.text[i : i + 2] == "**"
            if depth == 0 and character == mark and not double:
                parts.append(Stretch(self.text[begin:i], self.start + begin))
                begin = i + 1
        return [*parts, Stretch(self.text[begin:], self.start + begin)]


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation: its sides, and whether it stands under the heading of the mixed model."""

    left: Stretch
    right: Stretch
    mixed: bool


@dataclass(frozen=True, slots=True)
class HlmText:
    """What the text says.

    Parameters
    ----------
    source : str
        The text in plain signs: subscripts on the line, ``*`` for products.
    equations : tuple of Equation
    groups : mapping of int to Stretch
        What is named as the groups of each level.
    sides : mapping of str to Stretch
        Of crossed factors what is named as the ``"row"`` and the ``"column"``.
    levels : int
        The highest level there is a heading for.
    centred : tuple of (Stretch, str)
        Variables centred around the ``"group"`` or ``"grand"`` mean.
    means : tuple of (Stretch, Stretch, Stretch or None)
        Names defined as means, of what, and by which groups where it says so.
    uncorrelated : tuple of (str, str)
        Pairs of random effects with covariance 0.
    """

    source: str
    equations: tuple[Equation, ...] = ()
    groups: Mapping[int, Stretch] = field(default_factory=dict)
    sides: Mapping[str, Stretch] = field(default_factory=dict)
    levels: int = 2
    centred: tuple[tuple[Stretch, str], ...] = ()
    means: tuple[tuple[Stretch, Stretch, Stretch | None], ...] = ()
    uncorrelated: tuple[tuple[str, str], ...] = ()

    def refuse(self, what: str, stretch: Stretch) -> FormulaError:
        """An error that points at a stretch."""
        place = stretch.stripped().start
        return pointed(f"cannot read the HLM equations: {what}", self.source, place)


def plain_signs(text: str) -> str:
    r"""The text with subscripts on the line, LaTeX opened and one sign for products.

    Examples
    --------
    >>> plain_signs(r"β₀ⱼ = \gamma_{00} + u_{0j}")
    'β0j = γ_00 + u_0j'
    """
    for latex, sign in _LATEX.items():
        text = text.replace(latex, sign)
    return re.sub(r"[{}$\\&]", "", text).translate(_SIGNS)


def take_apart(text: str) -> HlmText:
    """Headings, equations, definitions and notes of a text."""
    source = plain_signs(text)
    bare = HlmText(source)
    equations: list[Equation] = []
    centred: list[tuple[Stretch, str]] = []
    means: list[tuple[Stretch, Stretch, Stretch | None]] = []
    pairs: list[tuple[str, str]] = []
    groups: dict[int, Stretch] = {}
    sides: dict[str, Stretch] = {}
    levels, mixed = 2, False
    for line in _lines(source):
        if _HIGHER.match(line.text):
            raise bare.refuse("equations at two to four levels are read, as HLM has them", line)
        if found := _CENTRED.match(line.text):
            centred.append((_part(line, found, "name"), found["kind"].lower()))
        elif found := _GROUP.match(line.text):
            groups[int(found["level"] or 2)] = _part(line, found, "name")
        elif found := _SIDE.match(line.text):
            sides[found["side"].lower()] = _part(line, found, "name")
        elif found := _MEAN.match(line.text):
            by = _part(line, found, "group") if found["group"] else None
            means.append((_part(line, found, "name"), _part(line, found, "of"), by))
        elif found := _COVARIANCE.match(line.text):
            pairs.append((found[1], found[2]))
        else:
            rest, heading = line, _HEADING.match(line.text)
            if heading and not line.text[heading.end() :].lstrip().startswith("="):
                level = _level(heading)
                mixed, levels = level == 0, max(levels, level)
                named = _part(line, heading, "name" if heading["name"] else "by")
                if level > 1 and named.text:
                    groups[level] = named
                    if found := _SIDES.match(named.text):
                        for side in ("row", "column"):
                            sides[side] = _part(named, found, f"{side}s")
                rest = Stretch(line.text[heading.end() :], line.start + heading.end())
            if "=" in rest.text and not _SILENT.fullmatch(rest.text):
                left, right = _sides(rest, bare)
                equations.append(Equation(left, right, mixed))
            elif not _SILENT.fullmatch(rest.text):
                raise bare.refuse("this is no equation, no heading and no note", rest)
    levels = max(levels, *groups) if groups else levels
    noted = tuple(centred), tuple(means), tuple(pairs)
    return HlmText(source, tuple(equations), groups, sides, levels, *noted)


def _level(heading: re.Match[str]) -> int:
    """The level that a heading is of; 0 is the mixed model."""
    kind = heading["kind"].lower()
    named = {"within": 1, "between": 2}.get(kind, 0)
    return int(kind[-1]) if kind[-1].isdigit() else named


def _part(line: Stretch, found: re.Match[str], name: str | int) -> Stretch:
    return Stretch((found[name] or "").rstrip(".,"), line.start + found.start(name)).stripped()


def _sides(line: Stretch, text: HlmText) -> tuple[Stretch, Stretch]:
    sides = line.split("=")
    if len(sides) != 2 or not all(side.text.strip() for side in sides):
        raise text.refuse("an equation has one '=' with something on either side", line)
    return sides[0].stripped(), sides[1].stripped()


def _lines(source: str) -> Iterator[Stretch]:
    """Lines and what stands between semicolons; a line that begins with a sign continues."""
    kept: list[Stretch] = []
    for found in re.finditer(r"[^\n;]+", source):
        line = Stretch(found[0], found.start())
        if kept and line.text.lstrip()[:1] in ("+", "-") and not _RULE.fullmatch(line.text):
            last = kept[-1]
            kept[-1] = Stretch(source[last.start : found.end()], last.start)
        elif line.text.strip() and not _RULE.fullmatch(line.text):
            kept.append(line)
    yield from kept
