"""The priors in force for a model: what was stated, and defaults for the rest.

A prior of a joint block (G, icc, r2) takes the place of those of the blocks it covers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import PriorError
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.priors.blocks import BLOCKS, COVERED, as_prior
from hierbayes.priors.centred_effects import centring
from hierbayes.priors.defaults import (
    default_constant,
    default_corr,
    default_gamma,
    default_sd,
    default_sigma,
)
from hierbayes.priors.design_normal import DesignPrior, design_prior, internal_precision
from hierbayes.priors.effect_priors import by_effect, parameter_name, refuse_intercept_twice
from hierbayes.priors.families import (
    Centred,
    DesignNormal,
    Flat,
    ForeignPrior,
    HalfT,
    Normal,
    Prior,
)
from hierbayes.priors.joint_families import MatrixPrior
from hierbayes.specification.effect_name import EffectName

FAR = 1000.0  # spreads between the data of a random column and its zero
type Entry = tuple[str, Prior, str]
type EffectEntry = tuple[EffectName, Prior, str]

STATED = "stated"
_DEFAULT = "default"
_UNSAID_SD = HalfT(1.0, 0, 1.0)
_UNSAID = DesignNormal(0.0, 1.0)  # until it is known which terms share the default


@dataclass(frozen=True, slots=True, repr=False)
class PriorSet(Printed):
    """Every prior of a model, by block and by parameter.

    Parameters
    ----------
    gamma : tuple of (name, prior, source)
        One per fixed term, where no joint prior covers them.
    sd : tuple of (EffectName, prior, source)
        One per random effect, likewise.
    corr : tuple of (name, prior, source)
        One per block of G with more than one effect, likewise.
    sigma : (name, prior, source)
    joint : tuple of (block, prior, source)
        The prior of G, of the intraclass correlation or of R², where one is stated.
    centring : tuple of tuple of float
        M (q, q), where priors of sd and corr are of the centred columns Z M (`centred_effects`)
        and M is not the identity; otherwise empty.
    centred : tuple of bool
        For each random effect whether its prior of sd is that of the centred column.
    """

    gamma: tuple[Entry, ...]
    sd: tuple[EffectEntry, ...]
    corr: tuple[Entry, ...]
    sigma: Entry
    joint: tuple[Entry, ...] = ()
    centring: tuple[tuple[float, ...], ...] = ()
    centred: tuple[bool, ...] = ()

    def columns(self, q: int) -> Floats:
        """M (q, q): sd and corr are those of the effects of Z M."""
        return np.array(self.centring) if self.centring else np.eye(q)

    def as_stated(self, name: EffectName | str, prior: Prior) -> Prior:
        """A prior of the sd of one effect as it must be stated to be of the same column."""
        effects = [effect for effect, _, _ in self.sd]
        k = next(k for k, effect in enumerate(effects) if name in (effect, str(effect)))
        return Centred(prior) if self.centred[k] else prior

    def frame(self) -> pd.DataFrame:
        """One row per prior: block, parameter, prior, source, and what a default implies.

        ``implied sd`` is the prior sd of a coefficient in the columns as written: of γ, and, for
        the sd of a random effect, of a group's deviation in it.  Where a prior of sd is that of
        a centred column, the row says so.
        """
        rows = [(entry[0], *entry) for entry in self.joint]
        rows += [("gamma", *entry) for entry in self.gamma]
        rows += [
            ("sd", str(name), self.as_stated(name, prior), source)
            for name, prior, source in self.sd
        ]
        rows += [("corr", *entry) for entry in self.corr]
        rows += [("sigma", *self.sigma)]
        table = pd.DataFrame(rows, columns=["block", "parameter", "prior", "source"])
        table = table.assign(prior=table["prior"].astype(str))
        table["implied sd"] = [f"{size:.4g}" if size else "" for size in self._implied(len(rows))]
        return table.set_index(["block", "parameter"])

    def _implied(self, rows: int) -> list[float]:
        """The prior sds that defaults imply, in the order of `frame`; 0 for the rest."""
        found = [0.0] * len(self.joint)
        found += [prior.sigma if isinstance(prior, DesignNormal) else 0.0
                  for _, prior, _ in self.gamma]  # fmt: skip
        M = self.columns(len(self.sd))
        squares = np.array([mean_square(prior) for _, prior, _ in self.sd])
        sizes = np.sqrt((M**2) @ squares) if self.sd else np.zeros(0)
        sources = [source for _, _, source in self.sd]
        found += [
            float(size) if source == _DEFAULT and np.isfinite(size) else 0.0
            for size, source in zip(sizes, sources, strict=True)
        ]
        return found + [0.0] * (rows - len(found))

    def stated(self) -> dict[str, Any]:
        """The same priors as they can be stated, every name in full."""
        stated: dict[str, Any] = {block: prior for block, prior, _ in self.joint}
        for block in ("gamma", "sd", "corr"):
            entries = getattr(self, block)
            if entries:
                stated[block] = {name: prior for name, prior, _ in entries}
        if self.sd:
            stated["sd"] = {name: self.as_stated(name, prior) for name, prior, _ in self.sd}
        return stated | {"sigma": self.sigma[1]}

    @property
    def families(self) -> dict[tuple[str, str | EffectName], Prior]:
        """Every prior by block and parameter, whatever its source."""
        entries = [(block, *entry) for block in ("gamma", "sd", "corr") for entry in
                   getattr(self, block)]  # fmt: skip
        entries += [("sigma", *self.sigma), *((entry[0], *entry) for entry in self.joint)]
        return {(block, name): prior for block, name, prior, _ in entries}

    def page(self) -> Page:
        """Every prior with its source, and what the defaults mean."""
        return Page("", blocks=(self.block(), Items(self.notes())))

    def notes(self) -> tuple[str, ...]:
        """What the kinds of priors that defaults are mean."""
        said: list[str] = []
        if any(isinstance(prior, DesignNormal) for _, prior, _ in self.gamma):
            said.append(
                "DesignNormal: one normal prior of these coefficients together, wide along what "
                "the data's columns span; mean and sd of each are in its own column."
            )
        if any(self.centred):
            said.append(
                "Centred: of the random column with its mean, and what other random columns say "
                "of it, taken out; so is the prior of corr. The origin of a variable is no part "
                "of it."
            )
        return tuple(said)

    def block(self, title: str = "") -> Table:
        """The same as a table for another page."""
        return Table(self.frame(), title, names=True)

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

    def joint_gamma(self, cross: CrossProducts) -> DesignPrior | None:
        """The prior that terms have together; None where each has its own."""
        return design_prior([prior for _, prior, _ in self.gamma], cross)

    def normal_gamma(self, cross: CrossProducts) -> NormalPrior:
        """The normal prior of γ in the internal basis; flat terms have precision 0."""
        basis = cross.basis
        mean = np.array([getattr(prior, "mu", 0.0) for _, prior, _ in self.gamma])
        own = [
            prior.sigma**-2
            if isinstance(prior, Normal) and not isinstance(prior, DesignNormal)
            else 0.0
            for _, prior, _ in self.gamma
        ]
        T = basis.x.matrix
        internal: Floats = basis.scale**2 * T.T @ (np.array(own)[:, None] * T)
        together = self.joint_gamma(cross)
        if together is not None:
            internal = internal + internal_precision(together, cross)
            mean[together.at] = 0.0
            mean[together.at] = together.mean - together.lift @ mean
        return NormalPrior(basis.gamma_internal(mean), internal)


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
    design, basis = problem.design, problem.cross.basis
    given = dict(stated or {})
    unknown = [block for block in given if block not in BLOCKS]
    if unknown:
        raise PriorError(
            f"there is no block of priors called '{unknown[0]}'; the blocks are: {_listed(BLOCKS)}"
        )
    joint = _joint(given, design)
    covered = {part for block, _, _ in joint for part in COVERED[block]}
    if "gamma" in covered:
        gamma = _fill("gamma", given, _keep_constant(given, design, basis), _by_name)
    else:
        gamma = _gamma(given, problem)
    sd: tuple[EffectEntry, ...] = ()
    centred: tuple[bool, ...] = ()
    M = np.eye(len(design.effects))
    if "sd" not in covered:
        sd, centred, M = _sd(given, problem)
    return PriorSet(
        gamma=gamma,
        sd=sd,
        corr=() if "corr" in covered else _fill("corr", given, default_corr(design), _by_name),
        sigma=_fill("sigma", given, default_sigma(basis), _by_name)[0],
        joint=joint,
        centring=() if (np.eye(len(M)) == M).all() else tuple(map(tuple, M.tolist())),
        centred=centred,
    )


def mean_square(prior: Prior) -> float:
    """E sd² under a half-t prior of the sd; missing for others."""
    if not isinstance(prior, HalfT) or prior.nu <= 2:
        return float("nan")
    return float(prior.sigma**2 * prior.nu / (prior.nu - 2.0))


def refuse_far_origin(design: Design, basis: Basis, priors: PriorSet) -> None:
    """Refuse to sample where a prior is of a random intercept far outside the data.

    Priors on sd and corr that are stated refer to the point where the random columns are 0.  When
    that lies thousands of spreads away, every correlation is ±1 to the last digit
    and no sampler can move.

    Raises
    ------
    PriorError
        Naming the column to centre.
    """
    distance = np.abs(basis.z.shift / basis.z.spread)
    distance[list(priors.centred) or np.zeros(len(distance), bool)] = 0.0
    worst = int(distance.argmax())
    if distance[worst] > FAR:
        name, center = design.effects[worst], float(f"{basis.z.shift[worst]:.3g}")
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
    return ((block, prior, STATED),)


def _gamma(given: Mapping[str, Any], problem: Problem) -> tuple[Entry, ...]:
    """What is stated for γ; the terms it leaves unsaid have one prior together."""
    terms = problem.design.terms
    entries = _fill("gamma", given, dict.fromkeys(terms, _UNSAID), _by_name)
    together = [k for k, (_, prior, _) in enumerate(entries) if isinstance(prior, DesignNormal)]
    if all(prior is not _UNSAID for _, prior, _ in entries):
        return entries
    found = dict(zip(together, default_gamma(problem.cross, together), strict=True))
    return tuple(
        (name, found[k], source) if prior is _UNSAID else (name, prior, source)
        for k, (name, prior, source) in enumerate(entries)
    )


def _sd(
    given: Mapping[str, Any], problem: Problem
) -> tuple[tuple[EffectEntry, ...], tuple[bool, ...], Floats]:
    """What is stated for sds, and defaults; which are of centred columns, and M for those."""
    design = problem.design
    whole = centring(design, problem.cross)
    defaults = default_sd(problem.cross, whole)
    entries = _fill("sd", given, dict.fromkeys(design.effect_names, _UNSAID_SD), by_effect)
    found: list[EffectEntry] = []
    flags: list[bool] = []
    M = np.eye(len(design.effects))
    for at in block_slices(design.blocks):
        of_block = entries[at]
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


def _keep_constant(given: Mapping[str, Any], design: Design, basis: Basis) -> dict[str, Prior]:
    """The default of the constant column, the one fixed column a prior of R² leaves alone."""
    constant = (design.rows.X[0] == design.rows.X).all(axis=0)
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


def _fill[Name: (str, EffectName)](
    block: str,
    given: Mapping[str, Any],
    defaults: Mapping[Name, Prior],
    read: Callable[[str, Mapping[Any, Any], Sequence[Name]], dict[Name, Any]],
) -> tuple[tuple[Name, Prior, str], ...]:
    """(name, prior, source) for every name in a block; `read` finds the names in a mapping."""
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
        return tuple((name, prior, STATED) for name in defaults)
    names = read(block, stated, tuple(defaults))
    return tuple(
        (name, as_prior(names[name], block), STATED) if name in names else (name, default, _DEFAULT)
        for name, default in defaults.items()
    )


def _by_name(block: str, stated: Mapping[Any, Any], known: Sequence[str]) -> dict[str, Any]:
    """What is stated for terms, blocks of correlations or σ."""
    refuse_intercept_twice(block, stated)
    names = {parameter_name(name): prior for name, prior in stated.items()}
    for name in names:
        if name not in known:
            raise PriorError(
                f"there is a prior of '{block}' for '{name}', which does not exist; "
                f"valid names are: {_listed(known)}"
            )
    return names


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)
