"""The lines at the head of results of a fit: model, data and, of a posterior, draws."""

from __future__ import annotations

from hierbayes.design.problem import Problem
from hierbayes.design.subject import subject_of
from hierbayes.fit.fitted import Fitted


def about_fit(fit: Fitted, *further: tuple[str, str]) -> tuple[str, ...]:
    """Model, data and draws in a line each, then others, given by label and text."""
    draws = [("Draws", fit.draws_text)] if fit.draws_text else []
    return subject_of(fit.design).lines(*draws, *further)


def note_on_response(problem: Problem) -> str:
    """That a Gaussian model is one of a response of two values; empty where it is not."""
    if problem.family is not None:
        return ""
    if not problem.design.rows.two_valued:
        return ""
    return (
        "the response is 0 or 1 in every row: a Gaussian model of it has differences of "
        "probabilities as coefficients, and equal variances; family='bernoulli' is that of a yes "
        "or no"
    )
