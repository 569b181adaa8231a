"""The law of errors with a residual structure: r ~ N(0, σ²Λ), Λ = SCS, in symbols.

The letter Λ is nlme's: Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, chapter 5.
"""

from __future__ import annotations

from hierbayes.language.level_script import LevelScript
from hierbayes.language.script import Script
from hierbayes.language.writer import Index, Line
from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import Correlation, Part, ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata

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
        lines += _correlation_lines(script, correlation)
    of_variance = [*structure.variances, *([correlation] if varied and correlation else [])]
    told = False  # ratios are listed once, whatever parts they are of
    for part in of_variance:
        own = _variance_lines(script, part)
        ratios = isinstance(part, Strata | Unstructured)
        lines += own[:1] if ratios and told else own
        told = told or ratios
    return lines


def matrix_line(script: Script | LevelScript, *index: Index) -> list[Line]:
    """The covariance of the errors of one group in numbers, where there are estimates of it."""
    writer, estimates = script.writer, script.estimates
    if estimates is None or estimates.error_matrix is None:
        return []
    entries = [[_signed(script, float(x)) for x in row] for row in estimates.error_matrix]
    words = writer.words(f"({estimates.error_matrix_of})")
    whole = writer.times(script.sigma2(), script.matrix_symbol("Λ", *index))
    return [Line(whole, "=", writer.beside(writer.matrix(entries), writer.gap, words))]


def _signed(script: Script | LevelScript, value: float) -> str:
    term = script.writer.number(value)
    return f"{script.writer.minus if term.negative else ''}{term.text}"


def _value(script: Script | LevelScript, letter: str, name: str) -> str:
    """A parameter that is one number, or its symbol; a negative number in brackets."""
    errors = script.estimates.errors if script.estimates is not None else {}
    if name not in errors:
        return script.writer.symbol(letter)
    shown = _signed(script, errors[name])
    return script.writer.inline(shown) if errors[name] < 0.0 else shown


def _listed(script: Script | LevelScript, symbol: str, head: str) -> list[Line]:
    """The numbers of several parameters, ``ratio[Low]`` and its like, with their labels."""
    writer = script.writer
    errors = script.estimates.errors if script.estimates is not None else {}
    labelled = [(name[len(head) + 1 : -1], value) for name, value in errors.items()
                if name.startswith(f"{head}[")]  # fmt: skip
    shown = [_signed(script, value) + writer.words(f" ({label})") for label, value in labelled]
    rows = [", ".join(shown[k : k + 4]) for k in range(0, len(shown), 4)]
    return [Line("" if k else symbol, "" if k else "=", row) for k, row in enumerate(rows)]


def _correlation_lines(script: Script | LevelScript, part: Correlation) -> list[Line]:
    """An entry of C, of the rows at s and t, and the numbers in it that are several."""
    writer, time = script.writer, getattr(part, "time", None)
    phi, rho = _value(script, "φ", "phi"), _value(script, "ρ", "rho")
    several: list[Line] = []
    match part:
        case AR1() | CAR1():
            entry = writer.raised(phi, _LAG)
        case CompoundSymmetry():
            entry = rho
        case Toeplitz():
            entry = writer.symbol("ρ", _LAG)
            several = _listed(script, writer.symbol("ρ"), "rho")
        case ARMA():
            several = _moving_average(script)
            entry = writer.times(writer.symbol("ρ", 1), writer.raised(phi, f"{_LAG} − 1"))
        case _:
            entry = writer.symbol("ρ", "st")
            several = _listed(script, writer.symbol("ρ"), "corr")
    words = writer.words(f"(s, t: {time or 'two rows'} in one {part.group or 'group'})")
    line = Line(writer.symbol("c", "st"), "=", writer.beside(entry, writer.gap, words))
    return [line, *several]


def _moving_average(script: Script | LevelScript) -> list[Line]:
    """ρ_1 of ARMA(1, 1): (1 + φθ)(φ + θ)/(1 + 2φθ + θ²), in numbers."""
    errors = script.estimates.errors if script.estimates is not None else {}
    if "theta" not in errors:
        return []
    phi, theta = errors["phi"], errors["theta"]
    first = (1.0 + phi * theta) * (phi + theta) / (1.0 + 2.0 * phi * theta + theta**2)
    return [Line(script.writer.symbol("ρ", 1), "=", _signed(script, first))]


def _variance_lines(script: Script | LevelScript, part: Part) -> list[Line]:
    """The standard deviation of a row beside σ, as far as one part says it."""
    writer = script.writer
    several: list[Line] = []
    match part:
        case Strata(by=by):
            several = _listed(script, writer.symbol("λ"), "ratio")
            of, said = writer.symbol("λ"), f"one for each {' and '.join(by)}, 1 for the first"
        case Unstructured(time=time):
            several = _listed(script, writer.symbol("λ"), "ratio")
            of, said = writer.symbol("λ"), f"one for each {time}, 1 for the first"
        case Power(x=x):
            of = writer.raised(f"|{_covariate(script, x)}|", _value(script, "λ", "power"))
            said = _said_of(x)
        case Exponential(x=x):
            power = writer.times(_value(script, "λ", "rate"), _covariate(script, x))
            of, said = writer.beside(writer.words("exp"), writer.inline(power)), _said_of(x)
        case _:
            return []
    words = [writer.gap, writer.words(f"({said})")] if said else []
    return [Line(writer.symbol("s"), "=", writer.beside(of, *words)), *several]


def _covariate(script: Script | LevelScript, x: str | None) -> str:
    """The covariate of a variance: a column, or the fitted mean of the row."""
    return script.writer.symbol("μ") if x is None else script.writer.name(x)


def _said_of(x: str | None) -> str:
    return "μ: the fitted value of the row" if x is None else ""
