"""A dialect: how one system spells a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hierbayes.dialects.subject import Subject
from hierbayes.specification.formula import Specification

type Emitter = Callable[[Subject], str]
type Reader = Callable[[str, Sequence[str]], Specification]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One system's spelling.

    Parameters
    ----------
    name : str
        Short name, ``"lme4"``.
    title : str
        The system in words, ``"R: lme4::lmer"``.
    emit : callable
        Code of a subject; refuses with a FormulaError that names what the system cannot say.
    read : callable or None
        From code and the names of the data's columns to a specification; None where the
        code is only written.
    """

    name: str
    title: str
    emit: Emitter
    read: Reader | None = None
