"""The dispersion of a family in a simulation, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import has_thresholds
from hierbayes.errors import StudyError, in_quotes
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats


def read_dispersion(family: ResponseFamily, stated: Any) -> Floats:
    """φ (d,) as stated.

    Raises
    ------
    StudyError
        When a value is missing, or cannot be one of this family.
    """
    open_ended = isinstance(family, Cumulative) and not family.categories
    names = family.dispersion
    if stated is None and (names or open_ended):
        what = "its thresholds" if open_ended else in_quotes(names)
        raise StudyError(f"phi is not stated; a simulation of {family} needs {what}")
    if isinstance(stated, pd.Series):
        stated = stated.to_dict()
    if isinstance(stated, Mapping):
        if not open_ended and set(stated) != set(names):
            raise StudyError(f"phi has a value for each of: {in_quotes(names)}")
        stated = list(stated.values()) if open_ended else [stated[name] for name in names]
    try:
        phi = np.atleast_1d(np.asarray([] if stated is None else stated, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise StudyError(f"phi must be made of numbers, not {stated!r}") from error
    if not open_ended and phi.shape != (len(names),):
        listed = f", one for each of {in_quotes(names)}" if names else ""
        raise StudyError(f"phi must have {len(names)} values{listed}; it has shape {phi.shape}")
    _refuse_impossible(family, phi)
    return phi


def _refuse_impossible(family: ResponseFamily, phi: Floats) -> None:
    if not np.isfinite(phi).all():
        raise StudyError(f"phi must be finite, not {phi}")
    if has_thresholds(family) or isinstance(family, Cumulative):
        if len(phi) < 2 or (np.diff(phi) <= 0.0).any():
            raise StudyError(f"thresholds are two or more increasing numbers, not {phi}")
        return
    for name, kind, value in zip(family.dispersion, family.dispersion_kinds, phi, strict=True):
        if kind == "positive" and value <= 0.0:
            raise StudyError(f"'{name}' of {family} must be a positive number, not {value:g}")


def dispersion_names(family: ResponseFamily, phi: Floats) -> tuple[str, ...]:
    """The names of φ; of thresholds between categories that have no labels, by number."""
    labels = labels_of(family, (), phi)
    if family.dispersion or not labels:
        return family.dispersion
    return tuple(f"{a}|{b}" for a, b in pairwise(labels))


def labels_of(family: ResponseFamily, outcomes: tuple[str, ...], phi: Floats) -> tuple[str, ...]:
    """What is written in the place of codes 0, 1, …: those of a fit, or numbers of categories."""
    if outcomes or not isinstance(family, Cumulative):
        return outcomes
    return family.categories or tuple(str(k) for k in range(1, len(phi) + 2))
