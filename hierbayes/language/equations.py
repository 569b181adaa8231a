"""The equations of a model as text, as LaTeX and as MathML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from hierbayes.design.problem import Problem
from hierbayes.language import level_forms
from hierbayes.language.estimates import Estimates
from hierbayes.language.forms import between_lines, combined_lines, level_lines, within_lines
from hierbayes.language.latex import LatexWriter
from hierbayes.language.level_script import LevelScript
from hierbayes.language.level_structure import read_level_structure
from hierbayes.language.mathml import MathmlWriter
from hierbayes.language.matrices import gls_lines, matrix_lines
from hierbayes.language.nouns import singular, which
from hierbayes.language.predictors import Part, parts_of
from hierbayes.language.response_model import ResponseModel, response_model
from hierbayes.language.script import Script
from hierbayes.language.structure import read_structure
from hierbayes.language.text import TextWriter
from hierbayes.language.writer import Line, Writer
from hierbayes.specification.notation import Notation, current_notation

_WRITERS: tuple[Writer, ...] = (TextWriter(), LatexWriter(), MathmlWriter())


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """One form of a model.

    Parameters
    ----------
    title : str
    text : str
        In fixed columns, for a screen.
    latex : str
        An ``aligned`` environment of amsmath, for mathematics mode: put ``$$`` around it.
    mathml : str
        A ``math`` element, for a page of HTML.
    """

    title: str
    text: str
    latex: str
    mathml: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


@dataclass(frozen=True, slots=True, repr=False)
class Equations:
    """A model in all its forms, in the notation that was in use when it was asked for.

    Parameters
    ----------
    within : Form
        The equation of a row given its group's coefficients; of a response that is not Gaussian
        its distribution given u, the link, and the equation of its linear predictor η.
    between : Form
        The equation of each coefficient, and the variance of their random effects; of nested
        factors level by level.
    combined : Form
        The mixed model: the between equations put into the within equation, then
        its fixed and its random part.
    matrix : Form
        Laird and Ware's form of one group, and of all groups.
    gls : Form
        One regression with correlated errors: V_j, and the GLS estimator; of a response that is
        not Gaussian why there is none.
    by_level : mapping of str to Form
        The between equations at each level of the level-2 factor; empty unless there
        is just one such factor, and one grouping factor.
    about : str
        Rows, groups and indices; for a fit what the numbers are.
    notation : Notation
    """

    within: Form
    between: Form
    combined: Form
    matrix: Form
    gls: Form
    by_level: Mapping[str, Form]
    about: str
    notation: Notation

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_level", MappingProxyType(dict(self.by_level)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self.forms, dict(self.by_level), self.about, self.notation)

    @property
    def forms(self) -> tuple[Form, ...]:
        """The five forms."""
        return self.within, self.between, self.combined, self.matrix, self.gls

    def __str__(self) -> str:
        parts = [f"{form.title}\n\n{_indented(form.text)}" for form in self.forms]
        return "\n\n".join([self.about, *parts])

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        writer = LatexWriter()
        about = f"$$\n{writer.words(self.about)}\n$$"
        parts = [about]
        for form in self.forms:
            parts += [f"$$\n{writer.words(form.title)}\n$$", form._repr_latex_()]
        return "\n\n".join(parts)


def equations(problem: Problem, estimates: Estimates | None = None) -> Equations:
    """Write a model down in the notation in use.

    Parameters
    ----------
    problem : Problem
    estimates : Estimates, optional
        Numbers in place of the parameters.
    """
    notation, parts = current_notation(), parts_of(problem, estimates)
    if estimates is None and parts[0].name:  # in symbols they are the same
        parts = [replace(parts[0], name="")]
    if len(problem.design.factors) > 1 or not problem.design.specification.random:
        return _of_levels(parts, notation)
    return _of_one_factor(parts, estimates, notation)


def _of_one_factor(
    parts: Sequence[Part], estimates: Estimates | None, notation: Notation
) -> Equations:
    """The forms of a model of one grouping factor, level by level."""

    def script(part: Part, writer: Writer) -> Script:
        structure = read_structure(part.problem.design)
        model = response_model(part.problem, part.name)
        return Script(structure, notation, writer, part.estimates, model)

    written = _scripts(parts, script)
    first = written[0][0][1]
    structure, group = first.structure, singular(first.structure.group)
    made = _forms(written, {
        "within": (f"Within-{group} model", within_lines),
        "between": (f"Between-{group} model", between_lines),
        "combined": ("Combined (mixed) model", combined_lines),
        "matrix": ("Matrix form (Laird and Ware)", matrix_lines),
        "gls": ("GLS form", gls_lines),
    })  # fmt: skip
    factor = next(iter(structure.level2_factors), "")
    by_level = _forms(written, {
        level: (f"In {which([(factor, level)], structure.group)}", _at_level(level))
        for level in level_lines(first)
    })  # fmt: skip
    row, j = notation.row, notation.group
    data = f"{structure.rows} rows {row} in {structure.groups} groups {j} ({structure.group})"
    about = _about(data, estimates, first.model)
    return Equations(**made, by_level=by_level, about=about, notation=notation)


def _of_levels(parts: Sequence[Part], notation: Notation) -> Equations:
    """The forms of a model of several grouping factors, or of none."""

    def script(part: Part, writer: Writer) -> LevelScript:
        structure = read_level_structure(part.problem)
        model = response_model(part.problem, part.name)
        return LevelScript(structure, notation, writer, part.estimates, model)

    written = _scripts(parts, script)
    first = written[0][0][1]
    structure, nested = first.structure, first.structure.is_nested
    made = _forms(written, {
        "within": ("Level 1: rows" if nested else "Rows", level_forms.row_lines),
        "between": ("Levels above" if nested else "Groups", level_forms.group_lines),
        "combined": ("Combined (mixed) model", level_forms.combined_lines),
        "matrix": ("Matrix form", level_forms.matrix_lines),
        "gls": ("GLS form", level_forms.gls_lines),
    })  # fmt: skip
    counts = (structure.groups[k] for k in first.order)
    groups = ", ".join(
        f"{count} groups {first.letter(k)} ({name})"
        for k, (count, name) in zip(first.order, counts, strict=True)
    )
    rows = f"{structure.rows} rows {first.row}" + (f" in {groups}" if groups else "")
    about = _about(rows, parts[0].estimates, first.model)
    return Equations(**made, by_level={}, about=about, notation=notation)


def _scripts[OfPart: (Script, LevelScript)](
    parts: Sequence[Part], script: Callable[[Part, Writer], OfPart]
) -> list[list[tuple[str, OfPart]]]:
    """By writer the linear predictors with their names."""
    return [[(part.name, script(part, writer)) for part in parts] for writer in _WRITERS]


def _forms[OfPart: (Script, LevelScript)](
    written: Sequence[Sequence[tuple[str, OfPart]]],
    titled: Mapping[str, tuple[str, Callable[[OfPart], list[Line]]]],
) -> dict[str, Form]:
    """Forms by name, of titles and of what makes their lines."""
    return {
        name: _form(title, [_sections(scripts, lines) for scripts in written])
        for name, (title, lines) in titled.items()
    }


def _at_level(level: str) -> Callable[[Script], list[Line]]:
    """The between equations at one level of the level-2 factor."""
    return lambda script: level_lines(script)[level]


def _sections[OfPart: (Script, LevelScript)](
    scripts: Sequence[tuple[str, OfPart]], lines: Callable[[OfPart], list[Line]]
) -> list[Line]:
    """The lines of a form, those of each linear predictor under its name."""
    found: list[Line] = []
    for name, script in scripts:
        if name:
            found.append(Line(script.writer.words(f"{name}:"), "", ""))
        found += lines(script)
    return found


def _form(title: str, written: Sequence[Sequence[Line]]) -> Form:
    """A form from its lines by each writer."""
    shown = (writer.align(lines) for writer, lines in zip(_WRITERS, written, strict=True))
    return Form(title, *shown)


def _about(data: str, estimates: Estimates | None, model: ResponseModel | None) -> str:
    about = data if model is None else f"{data}; {model.about}"
    return f"{about}; {estimates.what} in place of parameters" if estimates else about


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))
