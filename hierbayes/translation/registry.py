"""The systems whose spelling is known, by name."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.translation.dialect import Dialect, ModelToWrite, StatedModel
from hierbayes.translation.error_structures import refuse_unknown_structure
from hierbayes.translation.hlm import writer as hlm
from hierbayes.translation.mlwin import writer as mlwin
from hierbayes.translation.python import bambi, pymc_code, statsmodels
from hierbayes.translation.r import brms, glmmtmb, lme4, nlme, rstanarm
from hierbayes.translation.responses import (
    less_offsets,
    refuse_unknown_family,
    refuse_unsaid_rows,
)
from hierbayes.translation.sas import writer as sas
from hierbayes.translation.stata import writer as stata

_MODULES = (
    nlme,
    lme4,
    glmmtmb,
    brms,
    rstanarm,
    bambi,
    pymc_code,
    statsmodels,
    sas,
    stata,
    hlm,
    mlwin,
)
DIALECTS: dict[str, Dialect] = {module.DIALECT.name: module.DIALECT for module in _MODULES}


def emit(model: ModelToWrite, system: str) -> str:
    """Code of a model for a system.

    Raises
    ------
    FormulaError
        When there is no such system, or it cannot say the model.
    """
    dialect = _dialect(system, DIALECTS)
    refuse_unknown_family(model, dialect)
    refuse_unsaid_rows(model, dialect)
    refuse_unknown_structure(model, dialect)
    _refuse_aliased(model, dialect)
    return dialect.emit(less_offsets(model, dialect))


def _refuse_aliased(model: ModelToWrite, dialect: Dialect) -> None:
    """Refuse columns that are left out, where a system would keep them or stop at them."""
    if model.left_out and not dialect.drops_aliased:
        able = ", ".join(name for name, one in DIALECTS.items() if one.drops_aliased)
        raise FormulaError(
            f"{dialect.title} does not leave out fixed columns that are combinations of others, "
            f"and of this model {in_quotes(model.left_out)} "
            f"{'is' if len(model.left_out) == 1 else 'are'}; write a formula without them, or take "
            f"one of {able}"
        )


def read(system: str, text: str, columns: Sequence[str]) -> StatedModel:
    """The model that a system's code states.

    Parameters
    ----------
    system : str
    text : str
        The code: a program, a call or a formula.
    columns : sequence of str
        Names of the columns of the data; with levels of factors, see `Columns`.

    Raises
    ------
    FormulaError
        When there is no such system, its code is only written, or the text cannot be read.
    """
    readable = {name: dialect for name, dialect in DIALECTS.items() if dialect.read}
    if isinstance(system, str) and system.lower() in DIALECTS.keys() - readable.keys():
        raise FormulaError(
            f"code of {system} is written and not read; read are: {', '.join(readable)}"
        )
    reader = _dialect(system, readable).read
    assert reader is not None
    if not isinstance(text, str):
        raise FormulaError(f"the code must be text, not {type(text).__name__}")
    found = reader(text, columns)
    return found if isinstance(found, StatedModel) else StatedModel(found)


def dialects() -> pd.DataFrame:
    """The systems whose code is written or read.

    Returns
    -------
    DataFrame
        One row per system, by the name to give to `Model.emit` and `read_code`: its `title`,
        and whether it `emits` and `reads`.

    Examples
    --------
    >>> dialects().loc["lme4", "title"]
    'R: lme4::lmer and glmer'
    """
    rows = [
        {"title": dialect.title, "emits": True, "reads": dialect.read is not None}
        for dialect in DIALECTS.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(DIALECTS, name="system"))


def _dialect(system: str, known: dict[str, Dialect]) -> Dialect:
    if not isinstance(system, str) or system.lower() not in known:
        raise FormulaError(f"no system is called {system!r}; those known are: {', '.join(known)}")
    return known[system.lower()]
