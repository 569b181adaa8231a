"""The priors in force for a model: what was stated, and defaults for the rest.

A prior of a joint block (G, icc, r2) takes the place of those of the blocks it covers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.design import Design
from hierbayes.errors import PriorError
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.priors.blocks import BLOCKS, COVERED, as_prior
from hierbayes.priors.defaults import (
    default_corr,
    default_gamma,
    default_sd,
    default_sigma,
    rounded,
)
from hierbayes.priors.families import Flat, ForeignPrior, Normal, Prior
from hierbayes.priors.joint_families import MatrixPrior

FAR = 1000.0  # spreads between the data of a random column and its zero
type Entry = tuple[str, Prior, str]

_STATED = "stated"
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class PriorSet:
    """Every prior of a model, by block and by parameter.

    Parameters
    ----------
    gamma, sd : tuple of (name, prior, source)
        One per fixed term and one per random effect, where no joint prior covers them.
    corr : tuple of (name, prior, source)
        One per block of G with more than one effect, likewise.
    sigma : (name, prior, source)
    joint : tuple of (block, prior, source)
        The prior of G, of the intraclass correlation or of R², where one is stated.
    """

    gamma: tuple[Entry, ...]
    sd: tuple[Entry, ...]
    corr: tuple[Entry, ...]
    sigma: Entry
    joint: tuple[Entry, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One row per prior: block, parameter, prior, source."""
        rows = [(entry[0], *entry) for entry in self.joint]
        rows += [("gamma", *entry) for entry in self.gamma]
        rows += [("sd", *entry) for entry in self.sd]
        rows += [("corr", *entry) for entry in self.corr]
        rows += [("sigma", *self.sigma)]
        table = pd.DataFrame(rows, columns=["block", "parameter", "prior", "source"])
        return table.assign(prior=table["prior"].astype(str)).set_index(["block", "parameter"])

    def stated(self) -> dict[str, Any]:
        """The same priors as a user would state them, every name in full."""
        stated: dict[str, Any] = {block: prior for block, prior, _ in self.joint}
        for block in ("gamma", "sd", "corr"):
            entries = getattr(self, block)
            if entries:
                stated[block] = {name: prior for name, prior, _ in entries}
        return stated | {"sigma": self.sigma[1]}

    @property
    def families(self) -> dict[tuple[str, str], Prior]:
        """Every prior by block and parameter, whatever its source."""
        entries = [(block, *entry) for block in ("gamma", "sd", "corr") for entry in
                   getattr(self, block)]  # fmt: skip
        entries += [("sigma", *self.sigma), *((entry[0], *entry) for entry in self.joint)]
        return {(block, name): prior for block, name, prior, _ in entries}

    def __str__(self) -> str:
        return self.frame().to_string()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.frame().to_html()

    @property
    def collapses_gamma(self) -> bool:
        """Whether γ is integrated out exactly: every prior of γ is normal or flat."""
        return not self.explains_gamma and all(
            isinstance(prior, Normal | Flat) for _, prior, _ in self.gamma
        )

    @property
    def explains_gamma(self) -> bool:
        """Whether the prior is on R², which ties γ to the sds and to σ."""
        return any(block == "r2" for block, _, _ in self.joint)

    @property
    def are_built_in(self) -> bool:
        """Whether no prior is a distribution made by PyMC."""
        return not any(isinstance(prior, ForeignPrior) for prior in self.families.values())

    @property
    def gamma_is_flat(self) -> bool:
        """Whether no prior of γ says anything."""
        return all(isinstance(prior, Flat) for _, prior, _ in self.gamma)

    def normal_gamma(self, basis: Basis) -> NormalPrior:
        """The normal prior of γ in the internal basis; flat terms have precision 0."""
        mean = np.array([getattr(prior, "mu", 0.0) for _, prior, _ in self.gamma])
        precision = np.array(
            [prior.sigma**-2 if isinstance(prior, Normal) else 0.0 for _, prior, _ in self.gamma]
        )
        T = basis.x.matrix
        internal: Floats = basis.scale**2 * T.T @ (precision[:, None] * T)
        return NormalPrior(basis.gamma_internal(mean), internal)


def choose_priors(stated: Mapping[str, Any] | None, design: Design, basis: Basis) -> PriorSet:
    """Stated priors, and defaults for whatever is left unsaid.

    Parameters
    ----------
    stated : mapping
        From a block to a prior, or to a mapping from names to priors.
    design, basis
        Of the model.

    Raises
    ------
    PriorError
        When a block or a name does not exist (the valid ones are listed), or a
        prior does not suit its block.
    """
    given = dict(stated or {})
    unknown = [block for block in given if block not in BLOCKS]
    if unknown:
        raise PriorError(
            f"there is no block of priors called '{unknown[0]}'; the blocks are: {_listed(BLOCKS)}"
        )
    joint = _joint(given, design)
    covered = {part for block, _, _ in joint for part in COVERED[block]}
    gamma = default_gamma(design, basis)
    if "gamma" in covered:
        gamma = _keep_constant(gamma, given, design)
    return PriorSet(
        gamma=_fill("gamma", given, gamma),
        sd=() if "sd" in covered else _fill("sd", given, default_sd(design, basis)),
        corr=() if "corr" in covered else _fill("corr", given, default_corr(design)),
        sigma=_fill("sigma", given, default_sigma(basis))[0],
        joint=joint,
    )


def refuse_far_origin(design: Design, basis: Basis) -> None:
    """Refuse to sample where the random intercept is far outside the data.

    Priors on sd and corr refer to the point where the random columns are 0.  When
    that lies thousands of spreads away, every correlation is ±1 to the last digit
    and no sampler can move.

    Raises
    ------
    PriorError
        Naming the column to centre.
    """
    distance = np.abs(basis.z.shift / basis.z.spread)
    worst = int(distance.argmax())
    if distance[worst] > FAR:
        name, center = design.effects[worst], rounded(float(basis.z.shift[worst]))
        raise PriorError(
            f"priors on sd and corr refer to '{name}' = 0, which is {distance[worst]:.1g} spreads "
            f"away from its data, and no sampler can work there: centre it, for instance as "
            f"I({name} - {center:g}); reml() and ml() do not mind"
        )


def _joint(given: Mapping[str, Any], design: Design) -> tuple[Entry, ...]:
    """The joint prior that is stated, if one is, refused where it cannot stand.

    There is at most one: each covers the sds.
    """
    blocks = [block for block in COVERED if given.get(block) is not None]
    if not blocks:
        return ()
    block = blocks[0]
    others = [other for other in (*blocks[1:], *COVERED[block]) if given.get(other) is not None]
    others = [other for other in others if other != "gamma"]  # see _keep_constant
    if others:
        raise PriorError(
            f"the prior of '{block}' says what that of '{others[0]}' would say again; "
            "leave one of them out"
        )
    prior = as_prior(given[block], block)
    if isinstance(prior, MatrixPrior):
        if len(design.blocks) > 1:
            raise PriorError(
                f"a prior of 'G' is for random effects that all vary together, but this model has "
                f"{len(design.blocks)} independent blocks of them; state 'sd' and 'corr' instead"
            )
        prior.scale_matrix(design.effects)
    return ((block, prior, _STATED),)


def _keep_constant(
    defaults: Mapping[str, Prior], given: Mapping[str, Any], design: Design
) -> dict[str, Prior]:
    """The default of the constant column, the one fixed column a prior of R² leaves alone."""
    constant = (design.rows.X[0] == design.rows.X).all(axis=0)
    if not constant.any():
        raise PriorError(
            "a prior of 'r2' needs an intercept among the fixed effects, whose prior stays its "
            "own; write the formula with 1"
        )
    name = design.terms[int(constant.argmax())]
    stated = given.get("gamma")
    names = set(map(_name, stated)) if isinstance(stated, Mapping) else set(defaults)
    if stated is not None and not names <= {name}:
        raise PriorError(
            f"the prior of 'r2' says what that of 'gamma' would say again; leave one of them out, "
            f"or state 'gamma' for '{name}' alone"
        )
    return {name: defaults[name]}


def _fill(block: str, given: Mapping[str, Any], defaults: Mapping[str, Prior]) -> tuple[Entry, ...]:
    """(name, prior, source) for every name in a block."""
    stated = given.get(block)
    if stated is None:
        return tuple((name, prior, _DEFAULT) for name, prior in defaults.items())
    if not defaults:
        raise PriorError(
            f"there is a prior of '{block}', but the model has no parameters of that kind; "
            "leave it out"
        )
    if not isinstance(stated, Mapping):
        prior = as_prior(stated, block)
        return tuple((name, prior, _STATED) for name in defaults)
    names = {_name(name): prior for name, prior in stated.items()}
    if len(names) < len(stated):
        raise PriorError(
            f"the prior of '{block}' for 'Intercept' is stated twice; '1' is its name too"
        )
    for name in names:
        if name not in defaults:
            raise PriorError(
                f"there is a prior of '{block}' for '{name}', which does not exist; "
                f"valid names are: {_listed(defaults)}"
            )
    return tuple(
        (name, as_prior(names[name], block), _STATED)
        if name in names
        else (name, default, _DEFAULT)
        for name, default in defaults.items()
    )


def _name(stated: object) -> str:
    """The name of a parameter; '1' is the intercept."""
    return {"1": "Intercept"}.get(str(stated), str(stated))


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)
