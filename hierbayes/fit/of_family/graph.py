"""The PyMC graph of a family's model, its chains starting about the maximum."""

from __future__ import annotations

import pymc as pm

from hierbayes.design.problem import Problem
from hierbayes.estimation.family_graph import family_graph
from hierbayes.estimation.family_inputs import inputs_at_mode
from hierbayes.estimation.latent_problem import every_row
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.likelihood.laplace import Mode
from hierbayes.priors.prior_set import PriorSet


def graph_of_family(problem: Problem, priors: PriorSet, *, centered: bool = False) -> pm.Model:
    """The model as a PyMC model, as `family_graph` has it."""
    mode = maximise_family(problem, 1).optimum.mode
    return graph_at_mode(problem, priors, mode, centered=centered)


def graph_at_mode(
    problem: Problem, priors: PriorSet, mode: Mode, *, centered: bool = False
) -> pm.Model:
    """The same where a mode of the random effects is known."""
    inputs, rows = inputs_at_mode(problem, priors, mode), every_row(problem)
    return family_graph(problem, inputs, priors, rows, centered=centered)
