"""Priors chosen for a model: what was stated, and defaults for the rest.

A prior of a joint block (G, icc, r2) takes the place of those of the blocks it covers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError, in_quotes
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.blocks import BLOCKS, COVERED, as_prior
from hierbayes.priors.centred_effects import centring, not_centred
from hierbayes.priors.chosen_joint import (
    chosen_joint,
    constant_alone,
    in_matrix,
    refuse_no_latent_scale,
    some_matrices,
)
from hierbayes.priors.column_priors import default_coefficients
from hierbayes.priors.defaults import (
    default_corr,
    default_dispersion,
    default_gamma,
    default_sd,
    default_sigma,
    mean_weight,
)
from hierbayes.priors.effect_priors import by_effect, parameter_name, refuse_intercept_twice
from hierbayes.priors.elsewhere import CorrOfMatrix, SdOfMatrix
from hierbayes.priors.error_priors import of_sign, refuse_misfits, usual_error_priors
from hierbayes.priors.families import (
    Centred,
    DesignNormal,
    HalfT,
    Known,
    Prior,
)
from hierbayes.priors.predictor_priors import for_every_predictor
from hierbayes.priors.prior_set import DEFAULT, STATED, THRESHOLDS, EffectEntry, Entry, PriorSet
from hierbayes.specification.effect_name import EffectName
from hierbayes.specification.factor_name import factor_called

_UNSAID_SD = HalfT(1.0, 0, 1.0)
_UNSAID = DesignNormal(0.0, 1.0)  # until it is known which terms share the default


def choose_priors(stated: Mapping[str, Any] | None, problem: Problem) -> PriorSet:
    """Stated priors, and defaults for whatever is left unsaid.

    Parameters
    ----------
    stated : mapping
        From a block to a prior, or to a mapping from names to priors.
    problem : Problem
        Of the model.

    Raises
    ------
    PriorError
        When a block or a name does not exist (the valid ones are listed), or a
        prior does not suit its block.
    """
    problem = problem.unweighted
    design, basis = problem.design, problem.working.basis
    given = for_every_predictor(stated or {}, design)
    blocks = blocks_of(problem)
    refuse_no_latent_scale(given, problem)
    unknown = [block for block in given if block not in blocks]
    if unknown:
        listed = in_quotes(blocks)
        raise PriorError(
            f"there is no block of priors called '{unknown[0]}'; the blocks are: {listed}"
        )
    joint = chosen_joint(given, problem)
    covered = {part for block, _, _ in joint for part in COVERED[block]}
    matrices = some_matrices(joint)
    covered = covered if matrices is None else set()
    if "gamma" in covered:
        gamma = _fill("gamma", given, constant_alone(given, design, basis), _by_name)
    else:
        gamma = _gamma(given, problem)
    sd: tuple[EffectEntry, ...] = ()
    centred: tuple[bool, ...] = ()
    M = np.eye(len(design.effects))
    if "sd" not in covered:
        sd, centred, M = _sd(given, problem, matrices)
    dispersion = _dispersion(given, problem)
    rows = None if problem.moments is None else problem.moments.rows
    residual = _fill("residual", given, usual_error_priors(rows), _by_name)
    refuse_misfits(rows, given.get("residual"))
    residual = of_sign(rows, residual)
    shares = [block for block, _, _ in joint if block in ("icc", "r2")]
    written = not_centred(design, problem.working, fixed="r2" in shares) if shares else ()
    corr = () if "corr" in covered else _corr(given, problem, matrices)
    return PriorSet(
        as_written=written,
        gamma=gamma,
        sd=sd,
        corr=corr,
        sigma=dispersion[0],
        extra=tuple(dispersion[1:]),
        residual=residual,
        distances=problem.family is not None and has_thresholds(problem.family),
        joint=joint,
        centring=() if (np.eye(len(M)) == M).all() else tuple(map(tuple, M.tolist())),
        centred=centred,
    )


def blocks_of(problem: Problem) -> tuple[str, ...]:
    """The blocks of parameters of a model that take priors."""
    if problem.family is None:
        return BLOCKS if problem.moments is None else (*BLOCKS, "residual")
    named = (THRESHOLDS,) if has_thresholds(problem.family) else problem.dispersion
    latent = problem.family.latent_constant is not None
    return ("gamma", "sd", "corr", *named, *(["icc"] if latent else []))


def kind_of(problem: Problem, block: str) -> str:
    """Which of the blocks of a Gaussian model one of this problem is like, for what suits it."""
    if problem.family is None or block in BLOCKS:
        return block
    kinds = dict(zip(problem.dispersion, problem.family.dispersion_kinds, strict=True))
    return "sigma" if kinds.get(block, "positive") == "positive" else "gamma"


def _dispersion(given: Mapping[str, Any], problem: Problem) -> list[Entry]:
    """The priors of σ, or of the dispersion parameters of another family.

    Of thresholds they are those of the distances between them, under one block.
    """
    family, names = problem.family, problem.dispersion
    if family is None:
        of_sigma = default_sigma(problem.working.basis, mean_weight(problem))
        return list(_fill("sigma", given, {"sigma": of_sigma}, _by_name))
    if not names:
        return [("dispersion", Known(1.0), DEFAULT)]
    if has_thresholds(family):
        distances = [f"{low} to {high}" for low, high in itertools.pairwise(names)]
        default = default_dispersion(THRESHOLDS, problem.working.basis)
        stated = {"sigma": given.get(THRESHOLDS)}
        return list(_fill("sigma", stated, dict.fromkeys(distances, default), _by_name))
    entries: list[Entry] = []
    of_columns = iter(_of_columns(given, problem, family))
    for name, kind in zip(names, family.dispersion_kinds, strict=True):
        block = kind_of(problem, name)
        default = default_dispersion(name if kind == "positive" else "", problem.working.basis)
        if kind == "coefficient":
            default = next(of_columns)
        entries += _fill(block, {block: given.get(name)}, {name: default}, _by_name)
    return entries


def _of_columns(
    given: Mapping[str, Any], problem: Problem, family: ResponseFamily
) -> Sequence[Prior]:
    """Defaults of the coefficients of columns beside η; none of other families."""
    if family.turned is None:
        return ()
    names = problem.dispersion[-len(family.turned) :]
    unsaid = np.array([given.get(name) is None for name in names])
    return default_coefficients(family.turned, unsaid)


def _gamma(given: Mapping[str, Any], problem: Problem) -> tuple[Entry, ...]:
    """What is stated for γ; the terms it leaves unsaid have one prior together."""
    terms = problem.design.terms
    entries = _fill("gamma", given, dict.fromkeys(terms, _UNSAID), _by_name)
    together = [k for k, (_, prior, _) in enumerate(entries) if isinstance(prior, DesignNormal)]
    if all(prior is not _UNSAID for _, prior, _ in entries):
        return entries
    defaults = default_gamma(problem.working, together, mean_weight(problem))
    found = dict(zip(together, defaults, strict=True))
    return tuple(
        (name, found[k], source) if prior is _UNSAID else (name, prior, source)
        for k, (name, prior, source) in enumerate(entries)
    )


def _sd(
    given: Mapping[str, Any], problem: Problem, matrices: BlockMatrices | None
) -> tuple[tuple[EffectEntry, ...], tuple[bool, ...], Floats]:
    """What is stated for sds, and defaults; which are of centred columns, and M for those.

    Those of blocks of G with a prior are elsewhere.
    """
    design = problem.design
    whole = centring(design, problem.working)
    defaults = default_sd(problem.working, whole, mean_weight(problem))
    entries = _fill("sd", given, dict.fromkeys(design.effect_names, _UNSAID_SD), by_effect)
    found: list[EffectEntry] = []
    flags: list[bool] = []
    M = np.eye(len(design.effects))
    covered = (False,) * len(entries) if matrices is None else matrices.covered
    for at in block_slices(design.blocks):
        of_block = entries[at]
        if covered[at.start]:
            found += [in_matrix("sd", one, SdOfMatrix(), given) for one in of_block]
            flags += [False] * len(of_block)
            continue
        plain = [
            name
            for name, prior, _ in of_block
            if prior is not _UNSAID_SD and not isinstance(prior, Centred)
        ]
        chosen = [name for name, prior, _ in of_block if isinstance(prior, Centred)]
        if plain and chosen:
            raise PriorError(
                f"the prior of 'sd' for '{chosen[0]}' is of its centred column, and that for "
                f"'{plain[0]}' of the column as written; state both in the same way"
            )
        if not plain:
            M[at, at] = whole[at, at]
        moved = bool((M[at, at] != np.eye(len(of_block))).any())
        flags += [moved] * len(of_block)
        usual = defaults[1 if plain else 0][at]
        for (name, prior, source), default in zip(of_block, usual, strict=True):
            own = prior.prior if isinstance(prior, Centred) else prior
            found.append((name, default if prior is _UNSAID_SD else own, source))
    return tuple(found), tuple(flags), M


def _corr(
    given: Mapping[str, Any], problem: Problem, matrices: BlockMatrices | None
) -> tuple[Entry, ...]:
    """What is stated for correlations, and defaults; of blocks with a prior of G elsewhere."""
    entries = _fill("corr", given, default_corr(problem.design), _by_name)
    covered = () if matrices is None else tuple(matrices.by_name)
    return tuple(
        in_matrix("corr", one, CorrOfMatrix(), given) if one[0] in covered else one
        for one in entries
    )


def _fill[Name: (str, EffectName)](
    block: str,
    given: Mapping[str, Any],
    defaults: Mapping[Name, Prior],
    read: Callable[[str, Mapping[Any, Any], Sequence[Name]], dict[Name, Any]],
) -> tuple[tuple[Name, Prior, str], ...]:
    """(name, prior, source) for every name in a block; `read` finds the names in a mapping."""
    stated = given.get(block)
    if stated is None:
        return tuple((name, prior, DEFAULT) for name, prior in defaults.items())
    if not defaults:
        raise PriorError(
            f"there is a prior of '{block}', but the model has no parameters of that kind; "
            "leave it out"
        )
    if not isinstance(stated, Mapping):
        prior = as_prior(stated, block)
        return tuple((name, prior, STATED) for name in defaults)
    names = read(block, stated, tuple(defaults))
    return tuple(
        (name, as_prior(names[name], block), STATED) if name in names else (name, default, DEFAULT)
        for name, default in defaults.items()
    )


def _by_name(block: str, stated: Mapping[Any, Any], known: Sequence[str]) -> dict[str, Any]:
    """What is stated for terms, blocks of correlations or σ."""
    refuse_intercept_twice(block, stated)
    names = {_block_name(name, known): prior for name, prior in stated.items()}
    for name in names:
        if name not in known:
            raise PriorError(
                f"there is a prior of '{block}' for '{name}', which does not exist; "
                f"valid names are: {in_quotes(known)}"
            )
    return names


def _block_name(stated: object, known: Sequence[str]) -> str:
    """The name of a parameter; a grouping factor is that of its correlations, where it has one."""
    name = parameter_name(stated)
    factors = {one: one.partition(", ")[0].rpartition("|")[2] for one in known if "|" in one}
    meant = factor_called(name, tuple(dict.fromkeys(factors.values())))
    of_factor = [one for one, factor in factors.items() if factor == meant]
    return of_factor[0] if len(of_factor) == 1 and name not in known else name
