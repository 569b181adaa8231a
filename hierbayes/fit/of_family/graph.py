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


def graph_of_family(problem: Problem, priors: PriorSet) -> pm.Model:
    """The model as a PyMC model, as `family_graph` has it."""
    return graph_at_mode(problem, priors, maximise_family(problem, 1).optimum.mode)


def graph_at_mode(problem: Problem, priors: PriorSet, mode: Mode) -> pm.Model:
    """The same where a mode of the random effects is known."""
    return family_graph(problem, inputs_at_mode(problem, priors, mode), priors, every_row(problem))
