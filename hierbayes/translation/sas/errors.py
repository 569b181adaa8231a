"""SAS: the REPEATED statement of a residual structure, written.

GROUP= gives each stratum its own correlation too, so that strata are written by themselves.  A
variance σ²exp(δx) is LOCAL=EXP(x), and σ²|x|^δ is that of log|x|.

Source: the SAS/STAT User's Guide, "The MIXED Procedure", the statement REPEATED.
"""

from __future__ import annotations

import ast

from hierbayes.errors import FormulaError
from hierbayes.residuals.covariates import Exponential, Power
from hierbayes.residuals.structure import Correlation, ResidualStructure
from hierbayes.residuals.variances import Strata
from hierbayes.specification.terms import column_name
from hierbayes.translation.coding import all_factors
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.error_structures import refuse_repeated
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.programs.derived_columns import Computed

STRUCTURES = frozenset({
    "AR1", "CAR1", "CompoundSymmetry", "Unstructured", "Toeplitz", "ARMA", "Strata", "Power",
    "Exponential",
})  # fmt: skip
_TYPES = {
    "AR1": ("AR(1)", "ARH(1)"),
    "CAR1": ("SP(POW)", ""),
    "CompoundSymmetry": ("CS", "CSH"),
    "Unstructured": ("UN", ""),
    "Toeplitz": ("TOEP", "TOEPH"),
    "ARMA": ("ARMA(1,1)", ""),
}  # of one variance, and of a variance for each time


class Repeated:
    """The statement, with the columns it needs planned.

    Parameters
    ----------
    model : ModelToWrite
        With a residual structure.
    plan : ColumnPlan
    subject : str
        The groups of correlated errors as SAS writes them.

    Raises
    ------
    FormulaError
        Naming a product that REPEATED cannot say, or times that are not one apart.
    """

    def __init__(self, model: ModelToWrite, plan: ColumnPlan, subject: str) -> None:
        self._model, self._plan = model, plan
        self.classes: list[str] = []
        structure = model.specification.residual
        assert structure is not None
        correlation, variances = structure.correlation, structure.variances
        if correlation is not None:
            self.text = self._correlated(correlation, subject)
        elif len(variances) == 1 and isinstance(variances[0], Strata):
            names = "*".join(map(self._class, variances[0].by))
            self.text = f"  REPEATED / GROUP={names};"
        elif all(isinstance(one, Power | Exponential) for one in variances):
            names = " ".join(map(plan.column, (
                f"np.log(np.abs({column_name(one.own_columns[0])}))" if isinstance(one, Power)
                else column_name(one.own_columns[0]) for one in variances
            )))  # fmt: skip
            self.text = f"  REPEATED / LOCAL=EXP({names});"
        else:
            raise FormulaError(
                f"PROC MIXED cannot say {structure.text}: it has either strata (GROUP=) or "
                "covariates (LOCAL=EXP) of the residual variance; nlme has both"
            )

    @property
    def in_order(self) -> bool:
        """Whether the order of rows is the time, so that rows with missing values must go."""
        structure = self._model.specification.residual
        part = structure.correlation if structure is not None else None
        return part is not None and getattr(part, "time", "") is None

    def _correlated(self, part: Correlation, subject: str) -> str:
        name, time = type(part).__name__, getattr(part, "time", None)
        times = self._model.variables.times
        assert times is not None
        if name in ("AR1", "Toeplitz", "ARMA") and not times.every:
            raise FormulaError(
                f"PROC MIXED takes the levels of '{time}' for times one apart, and whole numbers "
                "between them are missing in the data; hb.residuals.CAR1 is its SP(POW), of any "
                "times"
            )
        structure = self._model.specification.residual
        assert structure is not None
        same, own = _TYPES[name]
        by_time = _by_time(structure, part, own)
        refuse_repeated(structure.text, by_time, times, "TYPE=CSH of PROC MIXED")
        kind = own if by_time else same
        if name == "CAR1":
            return f"  REPEATED / SUBJECT={subject} TYPE={kind}({time});"
        effect = by_time or time
        written = f" {self._class(effect)}" if effect is not None else ""
        return f"  REPEATED{written} / SUBJECT={subject} TYPE={kind};"

    def _class(self, name: str) -> str:
        """A column whose values are labels; a copy where the model has it as a number."""
        numbers = {one.strip("`") for one in all_factors(self._model.specification)}
        if name in numbers and not self._plan.is_factor(name):
            copied = self._plan.fresh(f"{name}_class")
            self._plan.steps.append(Computed(copied, column_name(name), ast.Name(name)))
            name = copied
        self.classes.append(name)
        return name


def _by_time(structure: ResidualStructure, part: Correlation, own: str) -> str:
    """The time of a variance for each; empty where there is one variance."""
    if not structure.variances:
        return ""
    (*more, one) = structure.variances
    by = one.by if isinstance(one, Strata) and not more else ()
    time = getattr(part, "time", None)
    if own and len(by) == 1 and (time == by[0] or (not hasattr(part, "time"))):
        return by[0]
    raise FormulaError(
        f"PROC MIXED cannot say {structure.text}: with GROUP= each stratum has a correlation "
        "of its own too, and of times alone there are ARH(1), CSH and TOEPH; nlme has it"
    )
