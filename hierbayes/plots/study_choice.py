"""What is to be shown of a study: quantities and alternatives by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierbayes.errors import StudyError, in_quotes
from hierbayes.frames.arrays import Floats
from hierbayes.plots.density import CORRELATION, FREE, POSITIVE, SHARE, Bounds
from hierbayes.studies.sensitivity.quantities import (
    ICC,
    R2,
    SD,
    Corr,
    Dispersion,
    Quantity,
    Sigma,
)
from hierbayes.studies.sensitivity.study import SensitivityStudy
from hierbayes.studies.sensitivity.usual_grid import CAUTIONARY


def refuse_other_than_study(verb: str, study: object) -> None:
    """Refuse what is no study.

    Raises
    ------
    StudyError
    """
    if not isinstance(study, SensitivityStudy):
        raise StudyError(
            f"{verb}() takes a study, hb.SensitivityStudy(posterior), not an object of type "
            f"{type(study).__name__}"
        )


def chosen_quantities(
    study: SensitivityStudy, stated: str | Sequence[str] | None, most: int
) -> list[str]:
    """Names of quantities; by default those that are moved most, in the order of the study.

    Raises
    ------
    StudyError
        When the study has no such quantity; those it has are listed.
    """
    known = study.estimands.names
    if stated is not None:
        return [known[position_in(name, known, "quantity")] for name in _names(stated)]
    moved = largest_movement(study)
    kept = np.sort(np.argsort(-moved, kind="stable")[:most])
    return [known[k] for k in kept]


def largest_movement(study: SensitivityStudy) -> Floats:
    """The largest movement of each quantity (K,) over the alternatives that count."""
    cells = study.cells.isel(alternative=(study.cells["block"] != CAUTIONARY).to_numpy())
    moved = np.nan_to_num(np.abs(cells["movement"].to_numpy()))
    largest: Floats = moved.max(axis=1, initial=0.0)
    return largest


def chosen_alternatives(study: SensitivityStudy, stated: str | Sequence[str] | None) -> list[int]:
    """Positions of alternatives; by default of all.

    Raises
    ------
    StudyError
        When the study has no such alternative; those it has are listed.
    """
    known = [one.alternative.name for one in study.answers]
    if stated is None:
        return list(range(len(known)))
    return [position_in(name, known, "alternative") for name in _names(stated)]


def position_in(name: object, known: Sequence[str], kind: str) -> int:
    """Position of a name among those of a study.

    Raises
    ------
    StudyError
        When it is none of them; they are listed.
    """
    if name not in known:
        listed = in_quotes(known)
        raise StudyError(f"the study has no {kind} {name!r}; they are: {listed}")
    return list(known).index(str(name))


def range_of(quantity: Quantity, positive: Sequence[str] = ()) -> Bounds:
    """Where a quantity can lie; ``positive`` are dispersion parameters above 0."""
    match quantity:
        case SD() | Sigma():
            return POSITIVE
        case Dispersion(parameter) if parameter in positive:
            return POSITIVE
        case Corr():
            return CORRELATION
        case ICC() | R2():
            return SHARE
    return FREE


def _names(stated: str | Sequence[str]) -> list[str]:
    names = [stated] if isinstance(stated, str) else list(stated)
    if not names:
        raise StudyError("no name is given; leave the argument out to have the usual ones")
    return names
