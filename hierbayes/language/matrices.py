"""The matrix form of Laird and Ware, and the model as one regression with correlated errors.

Sources: the lecture slides *Mixed Models with R*, "Matrix form", "GLS form of the
model" and "The GLS fit"; Laird & Ware (1982), *Biometrics* 38.  The slide of the GLS
form prints the variance of a group's least-squares coefficients, G + σ²(X'X)⁻¹; that
of the errors δ_j is Z_j G Z_j' + σ²I.
"""

from __future__ import annotations

from collections.abc import Callable

from hierbayes.language.error_law import matrix_line
from hierbayes.language.forms import remark, sum_lines
from hierbayes.language.level_script import LevelScript
from hierbayes.language.nouns import plural, singular
from hierbayes.language.response_model import PREDICTOR
from hierbayes.language.script import Script
from hierbayes.language.writer import Index, Line, Term


def matrix_lines(script: Script) -> list[Line]:
    """A group's rows in vectors and matrices, then all groups'."""
    return [*_group_lines(script), Line("", "", ""), *_stacked_lines(script)]


def gls_lines(script: Script) -> list[Line]:
    """The random part as one error, its variance, and the GLS estimator."""
    if not script.errors:
        return no_gls_lines(script)
    writer, m, note, j = script.writer, script.matrix_symbol, script.notation, script.j
    delta = writer.symbol("δ", *script.ij)
    V, X, Y = m("V"), m("X"), m(note.response)
    inverse = writer.power(V, "-1")
    bread = writer.bracket(writer.times(_t(script, X), inverse, X))
    hat = m(note.fixed, over="hat")
    Y = writer.bracket(f"{Y} − {m('o')}") if script.offsets else Y
    formula = writer.times(writer.power(bread, "-1"), _t(script, X), inverse, Y)
    apart = remark(script, f"independent between {plural(script.structure.group)}")
    lines = [
        *sum_lines(script, script.response, [*script.fixed(), Term(delta)]),
        *sum_lines(script, delta, [*script.random(), Term(script.error)]),
        Line(m("δ", j), "~", writer.beside(writer.normal(m("V", j), many=True), *apart)),
        Line(m("V", j), "=", _group_variance(script)),
        Line(V, "=", writer.diagonal(m("V", 1), m("V", "J"), m("V", 2))),
    ]
    if not any(True for _ in script.structure.entries):
        return lines  # no γ to be estimated
    lines.append(Line(hat, "=", formula))
    if script.estimates is not None and script.estimates.least_squares:
        numbers = _signed(script)
        lines.append(Line("", "=", writer.column(numbers)))
    return lines


def no_gls_lines(script: Script | LevelScript) -> list[Line]:
    """Why a response that is not Gaussian has no such form."""
    given = "given the random effects " if script.given else ""
    said = f"none: {given}this response is no sum of a mean and an error"
    return [Line(script.writer.words(said), "", "")]


def of_offsets(script: Script | LevelScript) -> tuple[str, ...]:
    """What the vector of offsets is, where there are some."""
    return remark(script, "o: offsets") if script.offsets else ()


def of_errors(script: Script | LevelScript, *index: Index) -> str:
    """The covariance of errors over σ²: I, W⁻¹ with the weights of rows, or Λ of a structure."""
    if script.structure.residual is not None:
        return script.matrix_symbol("Λ", *index)
    if not script.structure.weights:
        return script.matrix_symbol("I")
    return script.writer.power(script.matrix_symbol("W", *index), "-1")


def error_covariance(script: Script | LevelScript, *index: Index) -> str:
    """The covariance of errors: σ²I, σ²W⁻¹, or S² with the known deviations on its diagonal."""
    writer = script.writer
    if script.structure.known_sd:
        return writer.power(script.matrix_symbol("S", *index), "2")
    return writer.times(script.sigma2(), of_errors(script, *index))


def _t(script: Script, matrix: str) -> str:
    return script.writer.power(matrix, "'")


def _group_variance(script: Script) -> str:
    """V_j = Z_j G Z_j' + σ²I, or with values of G and σ."""
    writer, Z = script.writer, script.matrix_symbol("Z", script.j)
    one = len(script.structure.random) == 1
    named = script.estimates is None and not one
    G = script.matrix_symbol(script.notation.variance) if named else script.G()
    last = error_covariance(script, script.j)
    first = writer.times(*((G, Z, _t(script, Z)) if one else (Z, G, _t(script, Z))))
    return writer.beside(first, " + ", last)


def _group_lines(script: Script) -> list[Line]:
    writer, m, note, j = script.writer, script.matrix_symbol, script.notation, script.j
    left = note.response if script.model is None else PREDICTOR
    Y, X, Z, u = (m(s, j) for s in (left, "X", "Z", note.random))
    gamma = m(note.fixed)
    random = script.structure.random
    effects = writer.column([script.u(beta) for beta in random])
    symbols = [script.gamma_symbol(entry) for _, entry in script.structure.entries]
    variance = m(note.variance)
    fixed = [writer.times(X, gamma)] if symbols else []
    whole = " + ".join([*fixed, writer.times(Z, u), *_rest(script, j)])
    each = remark(script, f"for each {singular(script.structure.group)} {j}")
    lines = [
        Line(Y, "=", writer.beside(whole, *each, *of_offsets(script))),
        Line(Y, "=", _rows(script, _responses)),
        *([Line(X, "=", _rows(script, _fixed_row))] if symbols else []),
        Line(Z, "=", _rows(script, _random_row)),
        *([Line(gamma, "=", writer.column(symbols))] if symbols else []),
    ]
    if symbols and script.estimates is not None:
        lines.append(Line("", "=", writer.column(_signed(script))))
    return [
        *lines,
        Line(u, "=", effects),
        Line(u, "~", writer.normal(variance, many=True)),
        Line(variance, "=", script.G()),
        *_error_lines(script),
        *matrix_line(script, script.j),
    ]


def _rest(script: Script, *index: Index) -> list[str]:
    """What is added to the linear part: offsets and errors."""
    added = [script.matrix_symbol("o", *index)] if script.offsets else []
    errors = [script.matrix_symbol(script.notation.error, *index)] if script.errors else []
    return added + errors


def _error_lines(script: Script) -> list[Line]:
    """The variance of a group's errors: σ²I, under the name the notation has for it."""
    if not script.errors:
        return []
    writer, m, j = script.writer, script.matrix_symbol, script.j
    named, scale = script.notation.error_variance, script.sigma2()
    r, identity = m(script.notation.error, j), of_errors(script, j)
    if script.structure.known_sd:
        return [Line(r, "~", writer.normal(error_covariance(script, j), many=True))]
    inner = m(named.removeprefix("σ²"), j)
    if named.startswith("σ²"):
        scaled = writer.times(scale, inner)
        return [Line(r, "~", writer.normal(scaled, many=True)), Line(inner, "=", identity)]
    whole = writer.times(scale, identity)
    return [Line(r, "~", writer.normal(inner, many=True)), Line(inner, "=", whole)]


def _stacked_lines(script: Script) -> list[Line]:
    writer, m, note = script.writer, script.matrix_symbol, script.notation
    left = note.response if script.model is None else PREDICTOR
    has_fixed = any(True for _ in script.structure.entries)
    errors = [note.error] if script.errors else []
    names = (left, *(["X"] if has_fixed else []), note.random, *errors)
    Y, u, r = m(left), m(note.random), [m(one) for one in errors]
    Z, G = m("Z"), m(note.variance)
    fixed = [writer.times(m("X"), m(note.fixed))] if has_fixed else []
    wide = m(note.variance, over="ddot")
    first, *others = (writer.stack(m(name, 1), m(name, "J")) for name in names)
    more = zip(map(m, names[1:]), others, strict=True)
    stacks = [part for name, stack in more for part in (",", writer.gap, f"{name} = ", stack)]
    whole = " + ".join([*fixed, writer.times(Z, u), *_rest(script)])
    structure = script.structure
    count = remark(script, f"J = {structure.groups} {plural(structure.group)}")
    lines = [
        Line(Y, "=", writer.beside(whole, *count)),
        Line(Y, "=", writer.beside(first, *stacks)),
        Line(Z, "=", writer.diagonal(m("Z", 1), m("Z", "J"), m("Z", 2))),
        Line(u, "~", writer.normal(wide, many=True)),
        Line(wide, "=", writer.diagonal(G, G, G)),
    ]
    scaled = error_covariance(script)
    return [*lines, *(Line(one, "~", writer.normal(scaled, many=True)) for one in r)]


def _rows(script: Script, row: Callable[[Script, tuple[Index, ...]], list[str]]) -> str:
    """The first two rows of a group's matrix, dots, and the last."""
    last = f"n_{script.j}"
    shown = [row(script, _at(script, number)) for number in (1, 2, last)]
    dots = [script.writer.dots] * len(shown[0])
    return script.writer.matrix([*shown[:2], dots, shown[2]])


def _at(script: Script, row: Index) -> tuple[Index, ...]:
    """Subscripts of a row given by number, in the notation's order."""
    group_first = script.notation.group < script.notation.row
    return (script.j, row) if group_first else (row, script.j)


def _responses(script: Script, at: tuple[Index, ...]) -> list[str]:
    if script.model is not None:
        return [script.writer.symbol(PREDICTOR, *at)]
    return [script.writer.name(script.structure.response, *at)]


def _fixed_row(script: Script, at: tuple[Index, ...]) -> list[str]:
    return [
        script.product((*entry.factors, *beta.factors), at)
        for beta, entry in script.structure.entries
    ]


def _random_row(script: Script, at: tuple[Index, ...]) -> list[str]:
    return [script.product(beta.factors, at) for beta in script.structure.random]


def _signed(script: Script) -> list[str]:
    """The values of γ."""
    terms = [script.gamma(entry) for _, entry in script.structure.entries]
    return [f"{script.writer.minus if term.negative else ''}{term.text}" for term in terms]
