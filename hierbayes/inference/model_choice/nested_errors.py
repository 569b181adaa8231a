"""Whether the residual structure of a model is a special case of another's."""

from __future__ import annotations

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import InferenceError
from hierbayes.residuals.autoregression import AR1
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import ARMA, Toeplitz
from hierbayes.residuals.structure import Correlation, Part, ResidualStructure
from hierbayes.residuals.unstructured import Unstructured

# Correlations that hold others as special cases, of the same times and groups.
_HOLDS: dict[type[Correlation], tuple[type[Correlation], ...]] = {
    ARMA: (AR1,),
    Toeplitz: (AR1, ARMA, CompoundSymmetry),
    Unstructured: (AR1, ARMA, Toeplitz, CompoundSymmetry),
}


def errors_gained(small: Problem, big: Problem) -> int:
    """Parameters of the errors that the larger model has more."""
    return _count(big) - _count(small)


def _count(problem: Problem) -> int:
    return 0 if problem.moments is None else len(problem.moments.rows.parameters)


def at_a_limit(small: Problem, big: Problem) -> str:
    """The larger model's correlation, where none is a limit of it, as of a positive φ; or empty."""
    ours, theirs = (one.design.specification.residual for one in (small, big))
    alone = ours is None or ours.correlation is None
    if not alone or theirs is None or theirs.correlation is None:
        return ""
    assert big.moments is not None
    found = np.isfinite(big.moments.rows.edges).any()  # of the correlation alone
    return type(theirs.correlation).__name__ if found else ""


def refuse_other_errors(small: Problem, big: Problem) -> None:
    """Refuse errors of the smaller model that are no special case of those of the larger.

    Raises
    ------
    InferenceError
    """
    ours, theirs = (one.design.specification.residual for one in (small, big))
    if ours is None or ours == theirs:
        return
    if theirs is None or not _is_special_case(ours, theirs):
        larger = "errors that are all alike" if theirs is None else theirs.text
        raise InferenceError(
            f"the errors {ours.text} of the model with fewer parameters are no special case of "
            f"{larger}; compare them by AIC or BIC, see model_table()"
        )


def _is_special_case(small: ResidualStructure, big: ResidualStructure) -> bool:
    return all(any(_holds(other, part) for other in big.parts) for part in small.parts)


def _holds(big: Part, small: Part) -> bool:
    if big == small:
        return True
    if not isinstance(big, Correlation) or not isinstance(small, Correlation):
        return False
    if big.group != small.group or not isinstance(small, _HOLDS.get(type(big), ())):
        return False
    times = [getattr(part, "time", None) for part in (big, small)]
    return isinstance(small, CompoundSymmetry) or times[0] == times[1]
