"""The two views of a model as lines: within and between groups, and both combined.

Source: the lecture slides *Mixed Models with R*, "Between-School Model: What γ
means" and "From the multilevel model to the mixed model".
"""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.language.error_law import law_lines
from hierbayes.language.factor import Factor
from hierbayes.language.level_script import LevelScript
from hierbayes.language.nouns import plural
from hierbayes.language.script import Script
from hierbayes.language.structure import Coefficient
from hierbayes.language.writer import Line, Term


def sum_lines(script: Script | LevelScript, left: str, terms: Sequence[Term]) -> list[Line]:
    """A sum on as many lines as it needs."""
    first, *rest = script.writer.rows(terms) or ["0"]
    return [Line(left, "=", first), *(Line("", "", row) for row in rest)]


def within_lines(script: Script) -> list[Line]:
    """The within-group equation; of other families than Gauss's after distribution and link."""
    writer = script.writer
    terms = [
        Term(
            script.own(beta)
            if not beta.factors
            else writer.times(script.own(beta), script.product(beta.factors))
        )
        for beta in script.structure.coefficients
    ]
    lines = sum_lines(script, script.left, [*terms, *script.offsets, *script.errors])
    return [*conditional_lines(script), *lines, *error_lines(script)]


def conditional_lines(script: Script | LevelScript) -> list[Line]:
    """The distribution of a response given u, and its link; none of a Gaussian one."""
    return [] if script.model is None else script.model.lines(script)


def error_lines(script: Script | LevelScript) -> list[Line]:
    """The distribution of errors, which only a Gaussian response has."""
    writer = script.writer
    if not script.errors:
        return []
    if (structure := script.structure.residual) is not None:
        return law_lines(script, structure, *((script.j,) if isinstance(script, Script) else ()))
    normal = writer.beside(writer.normal(of_row(script)), *remark(script, "independent"))
    return [Line(script.error, "~", normal)]


def of_row(script: Script | LevelScript) -> str:
    """The variance of a row's error: σ², over the weight of the row where it has one."""
    structure, writer = script.structure, script.writer
    if structure.known_sd:
        return writer.power(writer.name(structure.known_sd, *script.at_row), "2")
    weights = structure.weights
    if not weights:
        return script.sigma2()
    return script.writer.beside(script.sigma2(), "/", script.writer.name(weights, *script.at_row))


def between_lines(script: Script) -> list[Line]:
    """An equation for each coefficient of the within equation, and the variance of the rest."""
    lines: list[Line] = []
    for beta in script.structure.coefficients:
        lines += sum_lines(script, script.own(beta), script.equation(beta))
    return [*lines, *variance_lines(script)]


def variance_lines(script: Script) -> list[Line]:
    """The distribution of the random effects, and G entry by entry."""
    writer, random = script.writer, script.structure.random
    effects = writer.column([script.u(beta) for beta in random])
    of_errors = " and of errors" if script.errors else ""
    free = remark(script, f"independent between {plural(script.structure.group)}{of_errors}")
    if len(random) == 1:
        return [Line(effects, "~", writer.beside(writer.normal(script.G()), *free))]
    G = script.matrix_symbol(script.notation.variance)
    return [
        Line(effects, "~", writer.beside(writer.normal(G, many=True), *free)),
        Line(G, "=", script.G()),
    ]


def combined_lines(script: Script) -> list[Line]:
    """The between equations put into the within equation, then fixed and random part."""
    writer = script.writer
    substituted = [Term(_inserted(script, beta)) for beta in script.structure.coefficients]
    fixed = writer.rows(script.fixed()) or ["0"]
    random = [*script.random(), *script.errors]
    lines = sum_lines(script, script.left, [*substituted, *script.offsets, *script.errors])
    lines.append(Line("", "=", writer.beside(fixed[0], *remark(script, "fixed part"))))
    lines += [Line("", "", row) for row in fixed[1:]]
    first, *rest = writer.rows(random)
    lines.append(Line("", "", writer.beside(f"+ {first}", *remark(script, "random part"))))
    return [*lines, *(Line("", "", row) for row in rest)]


def level_lines(script: Script) -> dict[str, list[Line]]:
    """The between equations at each level of the one level-2 factor; empty when there is none.

    The columns of the factor are replaced by their values at the level, whatever its
    coding, and constants are added up where they are numbers.
    """
    names = script.structure.level2_factors
    if len(names) != 1:
        return {}
    entries = (entry for _, entry in script.structure.entries)
    coded = next(f for e in entries for f in e.factors if f.expr == names[0])
    return {level: _lines_at(script, coded.expr, level) for level, _ in coded.coding}


def _lines_at(script: Script, expr: str, level: str) -> list[Line]:
    lines: list[Line] = []
    for beta in script.structure.coefficients:
        lines += sum_lines(script, script.own(beta), _at_level(script, beta, expr, level))
    return lines


def _at_level(script: Script, beta: Coefficient, expr: str, level: str) -> list[Term]:
    """A coefficient's equation with a factor at one of its levels."""
    sums: dict[tuple[Factor, ...], float] = {}
    terms: list[Term] = []
    for entry in beta.entries:
        weight = 1.0
        for factor in entry.factors:
            weight *= dict(factor.coding)[level] if factor.expr == expr else 1.0
        rest = tuple(f for f in entry.factors if f.expr != expr)
        if script.estimates is not None:
            sums[rest] = sums.get(rest, 0.0) + weight * float(script.estimates.gamma[entry.place])
        elif weight != 0.0:
            terms.append(_scaled(script, weight, script.gamma_symbol(entry), rest))
    for rest, value in sums.items():
        number = script.writer.number(value)
        terms.append(_times(script, number.negative, number.text, rest))
    return [*terms, *([Term(script.u(beta))] if beta.is_random else [])]


def _scaled(script: Script, weight: float, symbol: str, rest: tuple[Factor, ...]) -> Term:
    if abs(weight) == 1.0:
        return _times(script, weight < 0.0, symbol, rest)
    number = script.writer.number(weight)
    return _times(script, number.negative, script.writer.times(number.text, symbol), rest)


def _times(script: Script, negative: bool, text: str, rest: tuple[Factor, ...]) -> Term:
    return Term(script.writer.times(text, script.product(rest)) if rest else text, negative)


def _inserted(script: Script, beta: Coefficient) -> str:
    """A coefficient's equation, in parentheses where it is a sum, times its column."""
    terms = script.equation(beta)
    inner = script.writer.total(terms)
    if len(terms) > 1 or terms[0].negative:
        inner = script.writer.bracket(inner)
    return script.writer.times(inner, script.product(beta.factors)) if beta.factors else inner


def remark(script: Script | LevelScript, text: str) -> tuple[str, str]:
    """Words behind a formula."""
    return script.writer.gap, script.writer.words(f"({text})")
