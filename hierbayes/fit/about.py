"""The lines at the head of results of a fit: model, data and, of a posterior, draws."""

from __future__ import annotations

from hierbayes.design.subject import subject_of
from hierbayes.fit.fitted import Fitted


def about_fit(fit: Fitted, *further: tuple[str, str]) -> tuple[str, ...]:
    """Model, data and draws in a line each, then others, given by label and text."""
    draws = [("Draws", fit.draws_text)] if fit.draws_text else []
    return subject_of(fit.design).lines(*draws, *further)
