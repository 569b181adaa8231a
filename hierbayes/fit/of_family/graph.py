"""The PyMC graph of a family's model, its chains starting about the maximum."""

from __future__ import annotations

import pymc as pm

from hierbayes.design.problem import Problem
from hierbayes.estimation.family_graph import family_graph
from hierbayes.estimation.family_posterior import posed_inputs
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.priors.prior_set import PriorSet


def graph_of_family(problem: Problem, priors: PriorSet) -> pm.Model:
    """The model as a PyMC model, as `family_graph` has it."""
    mode = maximise_family(problem, 1).optimum.mode
    inputs, _ = posed_inputs(problem, priors, mode)
    return family_graph(problem, inputs, priors, mode.rows)
