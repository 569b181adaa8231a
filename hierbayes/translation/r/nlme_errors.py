"""Residual structures as nlme writes them: ``correlation =`` and ``weights =``.

A Toeplitz correlation of T occasions is the autoregression of order T − 1, which has as many
parameters and the same matrices.

References
----------
Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, sections 5.2 and 5.3.
"""

from __future__ import annotations

from hierbayes.design.error_columns import ErrorTimes
from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import Correlation, Variance
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.nested_levels import Level
from hierbayes.translation.r.nlme_rows import fixed_variances
from hierbayes.translation.r.words import r_name, r_string

STRUCTURES = frozenset({
    "AR1", "CAR1", "CompoundSymmetry", "Unstructured", "Toeplitz", "ARMA", "Strata", "Power",
    "Exponential", "Power()", "Exponential()",
})  # fmt: skip

_FITTED = "fitted(.)"


def arguments_of_errors(model: ModelToWrite, levels: tuple[Level, ...]) -> list[str]:
    """The arguments of lme and gls that state weights of rows and a residual structure.

    Parameters
    ----------
    model : ModelToWrite
    levels : tuple of Level
        Of the random part, the outermost first.
    """
    structure = model.specification.residual
    correlation = None if structure is None else structure.correlation
    parts = fixed_variances(model)
    parts += [_weights(part) for part in (() if structure is None else structure.variances)]
    arguments = []
    if correlation is not None:
        arguments.append(
            f"correlation = {_correlation(correlation, _groups(model, levels), model)}"
        )
    if isinstance(correlation, Unstructured):
        assert correlation.time is not None
        parts.append(f"varIdent(form = ~ 1 | {r_name(correlation.time)})")
    if parts:
        one = parts[0] if len(parts) == 1 else f"varComb({', '.join(parts)})"
        arguments.append(f"weights = {one}")
    return arguments


def _groups(model: ModelToWrite, levels: tuple[Level, ...]) -> str:
    """The groups of correlated errors; lme wants those of its random part before them."""
    times = model.variables.times
    assert times is not None
    columns = [level.columns[0] for level in levels]
    if times.group not in model.specification.factors:
        columns += times.columns
    return "/".join(map(r_name, columns))


def _correlation(part: Correlation, groups: str, model: ModelToWrite) -> str:
    times = model.variables.times
    assert times is not None
    time = getattr(part, "time", None)
    form = f"form = ~ {'1' if time is None else r_name(time)} | {groups}"
    match part:
        case AR1():
            return f"corAR1({_start('0.5', times)}{form})"
        case CAR1():
            return f"corCAR1({form})"
        case CompoundSymmetry():
            return f"corCompSymm({form})"
        case Unstructured():
            return f"corSymm(form = ~ {_places(r_name(str(time)), times)} | {groups})"
        case Toeplitz():
            order = int(times.labels[-1]) - int(times.labels[0])
            return f"corARMA({form}, p = {order})"
        case ARMA():
            return f"corARMA({_start('c(0.5, 0.1)', times)}{form}, p = 1, q = 1)"
    raise NotImplementedError(type(part).__name__)


def _start(value: str, times: ErrorTimes) -> str:
    """Where a search begins, if all lags are even: nlme begins at 0, where the slope is then 0."""
    return f"{value}, " if times.even else ""


def _places(time: str, times: ErrorTimes) -> str:
    """Occasions as the whole numbers from 1 on that corSymm takes."""
    labels = times.labels
    if times.whole and labels == tuple(str(k + 1) for k in range(len(labels))):
        return time
    return f"match({time}, c({', '.join(map(r_string, labels))}))"


def _weights(part: Variance) -> str:
    match part:
        case Strata(by=by):
            return f"varIdent(form = ~ 1 | {' * '.join(map(r_name, by))})"
        case Power(x=x):
            return f"varPower(form = ~ {_FITTED if x is None else r_name(x)})"
        case Exponential(x=x):
            return f"varExp(form = ~ {_FITTED if x is None else r_name(x)})"
    raise NotImplementedError(type(part).__name__)
