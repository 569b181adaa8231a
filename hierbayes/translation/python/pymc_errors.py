"""PyMC: errors that differ between rows or are correlated within groups, written out.

    error_sd_i = σ s_i,   s_i from weights, strata and covariates
    independent:  y_i ~ N(mu_i, error_sd_i²)
    correlated:   y_j ~ N(mu_j, S_j C_j S_j) of each group

The rows of a group stand in cells (groups, places), so that all groups are one variable.  A cell
without a row has mean 0, no correlation and the standard deviation 1/√(2π), and so adds 0 to the
log density.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.priors.correlation_families import UniformCorrelation
from hierbayes.priors.families import Flat, Normal, StudentT
from hierbayes.priors.prior_set import Entry
from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import Correlation
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.python.code import quoted
from hierbayes.translation.python.priors import variable
from hierbayes.translation.r.stan_priors import number

STRUCTURES = frozenset({
    "AR1", "CAR1", "CompoundSymmetry", "Unstructured", "Toeplitz", "ARMA", "Strata", "Power",
    "Exponential",
})  # fmt: skip

_POSITIVE = 0.0, math.inf
_CORRELATION = -1.0, 1.0
DEFINITION = '''

def autocorrelations(partial):
    """Correlations at lags 1, 2, ... from the partial ones (Durbin and Levinson)."""
    phi, rho, left = [partial[0]], [partial[0]], 1 - partial[0] ** 2
    for k in range(1, partial.type.shape[0]):
        ahead = sum(one * before for one, before in zip(phi, reversed(rho)))
        rho.append(ahead + partial[k] * left)
        phi = [one - partial[k] * other for one, other in zip(phi, reversed(phi))]
        phi.append(partial[k])
        left = left * (1 - partial[k] ** 2)
    return pt.stack(rho)
'''


def correlation_of(model: ModelToWrite) -> Correlation | None:
    """The correlation of the errors, where there is one."""
    structure = model.specification.residual
    return None if structure is None else structure.correlation


def needs(model: ModelToWrite) -> tuple[bool, bool]:
    """Whether the code calls NumPy, and PyTensor, for the errors."""
    structured = model.specification.residual is not None
    return structured or bool(model.specification.weights), structured


def weighted_columns(model: ModelToWrite) -> str:
    """The fixed columns as they count in priors that a design carries: X of weighted rows."""
    spec = model.specification
    scale = "row_sd" if spec.weights else "known_sd"
    return f"X.div({scale}, axis=0)" if spec.weights or spec.known_sd else "X"


def data_statements(model: ModelToWrite) -> list[str]:
    """Statements that make numbers and places of the rows, before the model."""
    spec, data = model.specification, model.data
    lines = []
    if spec.weights:
        lines.append(f"row_sd = 1 / np.sqrt({_column(spec.weights, data)})  # relative to sigma")
    if spec.known_sd:
        lines.append(f"known_sd = {_column(spec.known_sd, data)}")
    lines += _variance_columns(model)
    part, times = correlation_of(model), model.variables.times
    if part is None or times is None:
        return lines
    lines += [
        f"series = {_codes(times.columns, data)}  # errors are correlated within them",
        f"place = {data}.groupby(series).cumcount().to_numpy()",
        "cells, at = (series.max() + 1, place.max() + 1), (series, place)",
        "there = np.zeros(cells, dtype=bool)  # cells that have a row",
        "there[at] = True",
        "both = there[:, :, None] & there[:, None, :]",
        "y_cells = np.zeros(cells)",
        "y_cells[at] = y",
    ]
    return lines + _time_columns(part, data)


def _column(name: str, data: str) -> str:
    return f"{data}[{quoted(name)}].to_numpy()"


def _codes(columns: Sequence[str], data: str) -> str:
    listed = ", ".join(map(quoted, columns))
    return f"{data}.groupby([{listed}], observed=True).ngroup().to_numpy()"


def _variance_columns(model: ModelToWrite) -> list[str]:
    """Strata as whole numbers, those of a second column after the first's; covariates."""
    lines: list[str] = []
    before: list[str] = []
    for k, part in enumerate(_variances(model)):
        if isinstance(part, Strata):
            name = f"stratum{_suffix(k, model)}"
            lines.append(f"{name} = {_codes(part.by, model.data)}")
            if before:
                shift = " + ".join(f"{one}.max()" for one in before[-1:])
                lines.append(f"{name} = np.where({name} > 0, {name} + {shift}, 0)")
            before.append(name)
        elif isinstance(part, Power):
            column = _column(str(part.x), model.data)
            lines.append(f"log_x{_suffix(k, model)} = np.log(np.abs({column}))")
        elif isinstance(part, Exponential):
            lines.append(f"log_x{_suffix(k, model)} = {_column(str(part.x), model.data)}")
    return lines


def _variances(model: ModelToWrite) -> tuple[object, ...]:
    structure = model.specification.residual
    return () if structure is None else structure.variances


def _suffix(k: int, model: ModelToWrite) -> str:
    return "" if len(_variances(model)) == 1 else f"_{k}"


def _time_columns(part: Correlation, data: str) -> list[str]:
    """What a correlation is a function of, by cell."""
    if isinstance(part, CompoundSymmetry):
        return []
    time = getattr(part, "time", None)
    if isinstance(part, Unstructured):
        return [
            "occasion = np.zeros(cells, dtype=int)",
            f"occasion[at] = {_codes((str(time),), data)}",
        ]
    whole = not isinstance(part, AR1 | CAR1)
    return [
        "time = np.zeros(cells)",
        f"time[at] = {'place' if time is None else _column(time, data)}",
        "lag = np.where(both, np.abs(time[:, :, None] - time[:, None, :]), 0)"
        + (".astype(int)" if whole else ""),
    ]


def refuse_two_ratios(model: ModelToWrite) -> None:
    """Refuse variances of strata beside those of occasions, whose ratios would be in one array.

    Raises
    ------
    FormulaError
    """
    structure = model.specification.residual
    of_occasions = isinstance(correlation_of(model), Unstructured)
    if structure is not None and of_occasions and structure.variances:
        raise FormulaError(
            f"PyMC code has no variances beside those of occasions, as {structure.text} has; "
            "model.graph() has them"
        )


def parameter_statements(model: ModelToWrite) -> list[str]:
    """Statements that make the parameters of the structure."""
    entries = {name: (name, prior, source) for name, prior, source in model.priors.residual}
    ratios = [entry for name, entry in entries.items() if name.startswith("ratio[")]
    lines = _ratios(ratios) if ratios else []
    times, part = model.variables.times, correlation_of(model)
    for name, entry in entries.items():
        if entry in ratios:
            continue
        if name == "corr":
            eta = number(entry[1].parameters["eta"])
            lines += [
                f'    error_root = pm.LKJCorr("error_root", n={len(times.labels) if times else 1}, '
                f"eta={eta})  # lower root of the correlation matrix",
                "    corr = error_root @ error_root.T",
            ]
        elif name == "rho" and isinstance(part, Toeplitz):
            assert times is not None
            lags = int(times.labels[-1]) - int(times.labels[0])
            lines += [
                f'    partial = pm.Uniform("partial", lower=-1.0, upper=1.0, shape={lags})',
                "    rho = autocorrelations(partial)",
            ]
        elif isinstance(entry[1], UniformCorrelation):
            lines += _of_correlation(name, entry[1].gap, _limits(model, name)[0])
        else:
            lines.append(f"    {name} = {_within(name, entry, *_limits(model, name))}")
    return lines


def _of_correlation(name: str, gap: float, low: float) -> list[str]:
    """A parameter of which a power, with its sign, is uniform."""
    if gap == 1.0:
        return [f'    {name} = pm.Uniform("{name}", lower={number(low)}, upper=1.0)']
    of = f"pt.sign(correlation) * pt.abs(correlation) ** (1 / {number(gap)})"
    return [
        f'    correlation = pm.Uniform("correlation", lower={number(low)}, upper=1.0)  # at a gap '
        f"of {number(gap)}",
        f'    {name} = pm.Deterministic("{name}", {of})',
    ]


def _ratios(entries: Sequence[Entry]) -> list[str]:
    """Standard deviations relative to those of the first stratum, or occasion."""
    if len({prior.distribution for _, prior, _ in entries}) == 1 and not _is_cut(entries[0]):
        made = [f"    ratio = {variable('ratio', entries, 'sigma', 'stratum')}"]
    else:
        made = ["    ratio = pt.stack(["]
        for k, entry in enumerate(entries):
            made.append(f"        {_within(f'ratio_{k}', entry, *_POSITIVE)},  # {entry[0]}")
        made.append("    ])")
    return [*made, "    relative = pt.concatenate([[1.0], ratio])"]


def _is_cut(entry: Entry) -> bool:
    return isinstance(entry[1], Normal | StudentT)


def _limits(model: ModelToWrite, name: str) -> tuple[float, float]:
    """Where a parameter lives."""
    part, times = correlation_of(model), model.variables.times
    if name in ("power", "rate"):
        return -math.inf, math.inf
    if isinstance(part, CAR1) or (isinstance(part, AR1) and times is not None and times.even):
        return 0.0, 1.0  # of even gaps φ has no sign
    if isinstance(part, CompoundSymmetry) and times is not None:
        return -1.0 / (len(times.labels) - 1), 1.0
    return _CORRELATION


def _within(name: str, entry: Entry, low: float, high: float) -> str:
    """A parameter whose prior is cut at its limits."""
    _, prior, _ = entry
    limits = [("lower", low), ("upper", high)]
    words = [f"{word}={number(limit)}" for word, limit in limits if math.isfinite(limit)]
    if isinstance(prior, Flat) and len(words) == 2:
        return f'pm.Uniform("{name}", {", ".join(words)})'
    if _is_cut(entry) and words:
        inner = variable(name, [entry], "residual").replace(f'("{name}", ', ".dist(", 1)
        return f'pm.Truncated("{name}", {inner}, {", ".join(words)})'
    return variable(name, [entry], "sigma" if (low, high) == _POSITIVE else "residual")


def scale_of_rows(model: ModelToWrite) -> str:
    """The standard deviation of the error of a row, in terms of what the code has made."""
    if model.specification.known_sd:
        return "known_sd"
    words = ["sigma", *(["row_sd"] if model.specification.weights else [])]
    for k, part in enumerate(_variances(model)):
        suffix = _suffix(k, model)
        if isinstance(part, Strata):
            words.append(f"relative[stratum{suffix}]")
        else:
            slope = "power" if isinstance(part, Power) else "rate"
            words.append(f"pt.exp({slope} * log_x{suffix})")
    if isinstance(correlation_of(model), Unstructured):
        words.append("relative[occasion[at]]")
    return " * ".join(words)


def response_statements(model: ModelToWrite) -> list[str]:
    """Statements that observe y, all cells at once, where errors are correlated."""
    part = correlation_of(model)
    assert part is not None
    return [
        f"    corr_cells = pt.where(both, {_correlation(part)}, np.eye(cells[1]))",
        "    sd_cells = pt.full(cells, 1 / np.sqrt(2 * np.pi))[at].set("
        f"{scale_of_rows(model)})  # a cell without a row adds 0",
        "    mu_cells = pt.zeros(cells)[at].set(mu)",
        "    cov = sd_cells[:, :, None] * corr_cells * sd_cells[:, None, :]",
        '    pm.MvNormal("y", mu_cells, cov=cov, observed=y_cells)',
    ]


def _correlation(part: Correlation) -> str:
    """The correlation of the rows in two cells of a group."""
    match part:
        case AR1() | CAR1():
            return "phi**lag"
        case CompoundSymmetry():
            return "rho + (1 - rho) * np.eye(cells[1])"
        case Toeplitz():
            return "pt.concatenate([[1.0], rho])[lag]"
        case ARMA():
            first = "(1 + phi * theta) * (phi + theta) / (1 + 2 * phi * theta + theta**2)"
            return f"pt.where(lag > 0, {first} * phi ** np.maximum(lag - 1, 0), 1.0)"
        case Unstructured():
            return "corr[occasion[:, :, None], occasion[:, None, :]]"
    raise NotImplementedError(type(part).__name__)
