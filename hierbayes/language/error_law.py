"""The law of errors with a residual structure: r ~ N(0, σ²Λ), Λ = SCS, in symbols.

The letter Λ is nlme's: Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, chapter 5.
"""

from __future__ import annotations

from hierbayes.language.level_script import LevelScript
from hierbayes.language.script import Script
from hierbayes.language.writer import Index, Line
from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import Correlation, Part, ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Exponential, Power, Strata

_LAG = "|s − t|"


def law_lines(
    script: Script | LevelScript, structure: ResidualStructure, *index: Index
) -> list[Line]:
    """The distribution of all errors, and what their correlations and variances depend on.

    Parameters
    ----------
    script : Script or LevelScript
    structure : ResidualStructure
    *index : str
        Of the group whose errors they are.
    """
    writer, m = script.writer, script.matrix_symbol
    whole, correlation = m("Λ", *index), structure.correlation
    scaled = writer.times(script.sigma2(), whole)
    S, C = m("S", *index), m("C", *index)
    varied = bool(structure.variances) or isinstance(correlation, Unstructured)
    factors = [*([S] if varied else []), *([C] if correlation is not None else [])]
    factors += [S] if varied else []
    lines = [
        Line(m(script.notation.error, *index), "~", writer.normal(scaled, many=True)),
        Line(whole, "=", writer.times(*factors)),
    ]
    if correlation is not None:
        lines.append(_correlation_line(script, correlation))
    of_variance = [*structure.variances, *([correlation] if varied and correlation else [])]
    return [*lines, *(line for part in of_variance for line in _variance_lines(script, part))]


def _correlation_line(script: Script | LevelScript, part: Correlation) -> Line:
    """An entry of C, of the rows at s and t."""
    writer, time = script.writer, getattr(part, "time", None)
    phi, rho = writer.symbol("φ"), writer.symbol("ρ")
    match part:
        case AR1() | CAR1():
            entry = writer.raised(phi, _LAG)
        case CompoundSymmetry():
            entry = rho
        case Toeplitz():
            entry = writer.symbol("ρ", _LAG)
        case ARMA():
            entry = writer.times(writer.symbol("ρ", 1), writer.raised(phi, f"{_LAG} − 1"))
        case _:
            entry = writer.symbol("ρ", "st")
    words = writer.words(f"(s, t: {time or 'two rows'} in one {part.group or 'group'})")
    return Line(writer.symbol("c", "st"), "=", writer.beside(entry, writer.gap, words))


def _variance_lines(script: Script | LevelScript, part: Part) -> list[Line]:
    """The standard deviation of a row beside σ, as far as one part says it."""
    writer = script.writer
    delta = writer.symbol("λ")
    match part:
        case Strata(by=by):
            of, said = writer.symbol("λ"), f"one for each {' and '.join(by)}, 1 for the first"
        case Unstructured(time=time):
            of, said = writer.symbol("λ"), f"one for each {time}, 1 for the first"
        case Power(x=x):
            of, said = writer.raised(f"|{writer.name(x)}|", delta), ""
        case Exponential(x=x):
            power = writer.inline(writer.times(delta, writer.name(x)))
            of, said = writer.beside(writer.words("exp"), power), ""
        case _:
            return []
    words = [writer.gap, writer.words(f"({said})")] if said else []
    return [Line(writer.symbol("s"), "=", writer.beside(of, *words))]
