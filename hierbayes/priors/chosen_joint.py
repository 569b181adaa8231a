"""Joint priors that are stated: of G, of the intraclass correlation, of R²; refused where amiss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hierbayes.design.basis import Basis
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError
from hierbayes.priors.block_matrices import BlockMatrices, matrix_prior
from hierbayes.priors.blocks import COVERED, as_prior
from hierbayes.priors.defaults import default_constant
from hierbayes.priors.effect_priors import parameter_name
from hierbayes.priors.families import Prior
from hierbayes.priors.joint_families import Beta, LatentBeta
from hierbayes.priors.prior_set import ELSEWHERE, STATED, EffectEntry, Entry


def chosen_joint(given: Mapping[str, Any], problem: Problem) -> tuple[Entry, ...]:
    """The joint prior that is stated, if one is, refused where it cannot stand.

    There is at most one: each covers the sds.  Of a family that of the icc is on its latent scale.
    """
    design = problem.design
    blocks = [block for block in COVERED if given.get(block) is not None]
    if not blocks:
        return ()
    block = blocks[0]
    prior = matrix_prior(given[block], design) if block == "G" else None
    parts = () if isinstance(prior, BlockMatrices) and None in prior.priors else COVERED[block]
    others = [other for other in (*blocks[1:], *parts) if given.get(other) is not None]
    others = [other for other in others if other != "gamma"]  # see constant_alone
    if others:
        raise PriorError(
            f"the prior of '{block}' says what that of '{others[0]}' would say again; "
            "leave one of them out"
        )
    if isinstance(prior, BlockMatrices) and not prior.stated:
        return ()
    if prior is not None:
        return ((block, prior, STATED),)
    if isinstance(given[block], Mapping):
        raise PriorError(
            f"a prior of '{block}' is one of all random effects together, whatever they vary over: "
            "shares of one variance are not independent; state one, or 'sd' by grouping factor"
        )
    prior = as_prior(given[block], block)
    latent = None if problem.family is None else problem.family.latent_constant
    if isinstance(prior, Beta) and latent is not None:
        prior = LatentBeta(prior.alpha, prior.beta, latent)
    return ((block, prior, STATED),)


def some_matrices(joint: tuple[Entry, ...]) -> BlockMatrices | None:
    """The prior of G where it leaves blocks to priors of sd and corr; None otherwise."""
    for _, prior, _ in joint:
        if isinstance(prior, BlockMatrices) and None in prior.priors:
            return prior
    return None


def in_matrix[E: (Entry, EffectEntry)](
    block: str, entry: E, stand_in: Prior, given: Mapping[str, Any]
) -> E:
    """What stands in place of a prior of sd or corr whose block of G has one.

    One prior of all sds is that of the other blocks; one by name is refused.

    Raises
    ------
    PriorError
        Naming the parameter.
    """
    name, _, source = entry
    if source == STATED and isinstance(given[block], Mapping):
        raise PriorError(
            f"the prior of 'G' says what that of '{block}' for '{name}' would say again; leave "
            "one of them out"
        )
    return (name, stand_in, ELSEWHERE)


def refuse_no_latent_scale(given: Mapping[str, Any], problem: Problem) -> None:
    """Refuse a prior of the icc of a family without a latent scale of known variance.

    Raises
    ------
    PriorError
        Naming the family.
    """
    family = problem.family
    if family is None or given.get("icc") is None or family.latent_constant is not None:
        return
    raise PriorError(
        f"a prior of 'icc' is on a latent scale with a known variance, as links of probabilities "
        f"and of ordered categories have it, and {family} has none; state 'sd' instead"
    )


def constant_alone(given: Mapping[str, Any], design: Design, basis: Basis) -> dict[str, Prior]:
    """The default of the constant column, the one fixed column a prior of R² leaves alone."""
    constant = design.rows.constant_columns
    if not constant.any():
        raise PriorError(
            "a prior of 'r2' needs an intercept among the fixed effects, whose prior stays its "
            "own; write the formula with 1"
        )
    name = design.terms[int(constant.argmax())]
    stated = given.get("gamma")
    names = set(map(parameter_name, stated if isinstance(stated, Mapping) else design.terms))
    if stated is not None and not names <= {name}:
        raise PriorError(
            f"the prior of 'r2' says what that of 'gamma' would say again; leave one of them out, "
            f"or state 'gamma' for '{name}' alone"
        )
    return {name: default_constant(basis)}
