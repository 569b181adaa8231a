"""The forms of a model of several grouping factors as lines."""

from __future__ import annotations

from hierbayes.language.error_law import matrix_line
from hierbayes.language.forms import conditional_lines, error_lines, remark, sum_lines
from hierbayes.language.level_script import LevelScript
from hierbayes.language.matrices import error_covariance, no_gls_lines, of_offsets
from hierbayes.language.nouns import plural
from hierbayes.language.response_model import PREDICTOR
from hierbayes.language.writer import Line, Term


def row_lines(script: LevelScript) -> list[Line]:
    """The equation of a row given the coefficients of its groups."""
    if not script.order:
        return regression_lines(script)
    terms = [
        script.weighted(Term(script.own(node)), node.factors)
        for node in script.structure.root.terms
    ]
    lines = sum_lines(script, script.left, [*terms, *script.offsets, *script.errors])
    return [*conditional_lines(script), *lines, *error_lines(script)]


def regression_lines(script: LevelScript) -> list[Line]:
    """The equation of a row without a random part, and the law of its error."""
    lines = sum_lines(script, script.left, [*script.fixed(), *script.errors])
    return [*conditional_lines(script), *lines, *error_lines(script)]


def group_lines(script: LevelScript) -> list[Line]:
    """The equations of the coefficients of every level, the lowest first."""
    if not script.order:
        said = "none: the model has no random part, and its coefficients are those of all rows"
        return [Line(script.writer.words(said), "", "")]
    levels = range(len(script.structure.levels))
    if not script.structure.is_nested:
        return level_lines(script, 0)
    lines: list[Line] = []
    for level in levels:
        (factor,) = script.structure.levels[level]
        count, name = script.structure.groups[factor]
        said = script.writer.words(f"level {level + 2}: {count} groups, {name}")
        lines += [Line(said, "", ""), *level_lines(script, level)]
        lines += [Line("", "", "")] * (level + 1 < len(levels))
    return lines


def level_lines(script: LevelScript, level: int) -> list[Line]:
    """The equation of each coefficient that varies between the groups of a level, 0 the lowest."""
    lines: list[Line] = []
    for path in script.structure.paths(level):
        lines += sum_lines(script, script.own(path[-1]), script.equation(path[-1]))
    for factor in script.structure.levels[level]:
        lines += _variance(script, factor)
    return lines


def combined_lines(script: LevelScript) -> list[Line]:
    """One equation with a fixed and a random part, and the variances."""
    if not script.order:
        return regression_lines(script)
    writer = script.writer
    fixed, random = script.fixed(), [*script.random(), *script.errors]
    first, *more = writer.rows(fixed) or ["0"]
    lines = [Line(script.left, "=", writer.beside(first, *remark(script, "fixed part")))]
    lines += [Line("", "", row) for row in more]
    first, *more = writer.rows(random)
    lines.append(Line("", "", writer.beside(f"+ {first}", *remark(script, "random part"))))
    lines += [Line("", "", row) for row in more]
    for factor in script.order:
        lines += _variance(script, factor)
    return [*lines, *error_lines(script)]


def matrix_lines(script: LevelScript) -> list[Line]:
    """All rows in vectors and matrices."""
    writer, m, note = script.writer, script.matrix_symbol, script.notation
    error = m(note.error)
    parts = [writer.times(m("Z", k), m(note.random, k)) for k in map(script.number, script.order)]
    rest = [m("o")] * bool(script.offsets) + [error] * bool(script.errors)
    symbols = [script.gamma_symbol(path[-1]) for path in script.structure.fixed]
    whole = " + ".join([*_fixed_part(script), *parts, *rest])
    left = m(note.response if script.model is None else PREDICTOR)
    lines = [Line(left, "=", writer.beside(whole, *of_offsets(script)))]
    if symbols:
        lines.append(Line(m(note.fixed), "=", writer.column(symbols)))
    if symbols and script.estimates is not None:
        lines.append(Line("", "=", writer.column(_signed(script))))
    for factor in script.order:
        k = script.number(factor)
        count, name = script.structure.groups[factor]
        blocks = _blocks(script, factor)
        many = writer.normal(blocks, many=True)
        of = remark(script, f"{count} groups, {name}")
        lines.append(Line(m(note.random, k), "~", writer.beside(many, *of)))
        lines.append(Line(script.G_symbol(factor), "=", script.G(factor)))
    if not script.errors:
        return lines
    scaled = error_covariance(script)
    law = Line(error, "~", writer.normal(scaled, many=True))
    return [*lines, law, *matrix_line(script)]


def gls_lines(script: LevelScript) -> list[Line]:
    """The random part as one error, its variance, and the GLS estimator."""
    if not script.errors:
        return no_gls_lines(script)
    writer, m, note = script.writer, script.matrix_symbol, script.notation
    X, V, Y, delta = m("X"), m("V"), m(note.response), m("δ")
    parts = []
    for factor in script.order:
        Z = m("Z", script.number(factor))
        parts.append(writer.times(Z, _blocks(script, factor), writer.power(Z, "'")))
    variance = " + ".join([*parts, error_covariance(script)])
    turned, inverse = writer.power(X, "'"), writer.power(V, "-1")
    bread = writer.power(writer.bracket(writer.times(turned, inverse, X)), "-1")
    left = writer.bracket(f"{Y} − {m('o')}") if script.offsets else Y
    offsets = [m("o")] * bool(script.offsets)
    lines = [
        Line(Y, "=", " + ".join([*_fixed_part(script), *offsets, delta])),
        Line(delta, "~", writer.normal(V, many=True)),
        Line(V, "=", variance),
    ]
    if not script.structure.fixed:
        return lines  # no γ to be estimated
    estimator = writer.times(bread, turned, inverse, left)
    lines.append(Line(m(note.fixed, over="hat"), "=", estimator))
    if script.estimates is not None and script.estimates.least_squares:
        lines.append(Line("", "=", writer.column(_signed(script))))
    return lines


def _fixed_part(script: LevelScript) -> list[str]:
    """Xγ; nothing where the fixed part is 0."""
    if not script.structure.fixed:
        return []
    m = script.matrix_symbol
    return [script.writer.times(m("X"), m(script.notation.fixed))]


def _blocks(script: LevelScript, factor: int) -> str:
    G = script.G_symbol(factor)
    return script.writer.diagonal(G, G, G)


def _variance(script: LevelScript, factor: int) -> list[Line]:
    """The distribution of a factor's effects, and its G entry by entry."""
    writer, found = script.writer, script.effects(factor)
    effects = writer.column([script.u(effect, node) for effect, node in found])
    noun = script.structure.group_noun(factor)
    groups = f"groups of {noun}" if ":" in noun else plural(noun)
    apart = remark(script, f"independent between {groups} and of all else")
    if len(found) == 1:
        return [Line(effects, "~", writer.beside(writer.normal(script.G(factor)), *apart))]
    G = script.G_symbol(factor)
    return [
        Line(effects, "~", writer.beside(writer.normal(G, many=True), *apart)),
        Line(G, "=", script.G(factor)),
    ]


def _signed(script: LevelScript) -> list[str]:
    terms = [script.gamma(path[-1]) for path in script.structure.fixed]
    return [f"{script.writer.minus if term.negative else ''}{term.text}" for term in terms]
