"""The priors in force for a model, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.products import Products
from hierbayes.display.blocks import Items, Table
from hierbayes.display.page import Page, Printed
from hierbayes.errors import in_quotes
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.priors.block_matrices import BlockMatrices
from hierbayes.priors.correlation_families import UniformCorrelation
from hierbayes.priors.design_normal import DesignPrior, design_prior, internal_precision
from hierbayes.priors.families import (
    Centred,
    DesignNormal,
    Flat,
    HalfT,
    Known,
    Normal,
    Prior,
    Uniform,
)
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.specification.effect_name import EffectName

type Entry = tuple[str, Prior, str]
type EffectEntry = tuple[EffectName, Prior, str]

STATED = "stated"
THRESHOLDS = "thresholds"
DEFAULT = "default"
ELSEWHERE = "elsewhere"  # of what stands in place of a prior that one of G covers
HELD_SIGMA = Uniform(1.0 - 1e-9, 1.0 + 1e-9)  # of σ where it is known to be 1
HELD_LOG_DENSITY = -math.log(HELD_SIGMA.upper - HELD_SIGMA.lower)  # which says nothing


@dataclass(frozen=True, slots=True, repr=False)
class PriorSet(Printed):
    """Every prior of a model, by block and by parameter.

    Parameters
    ----------
    gamma : tuple of (name, prior, source)
        One per fixed term, where no joint prior covers them.
    sd : tuple of (EffectName, prior, source)
        One per random effect, likewise; of one whose block has a prior of G, beside blocks that
        have none, what stands in its place (`elsewhere`).
    corr : tuple of (name, prior, source)
        One per block of G with more than one effect, likewise.
    sigma : (name, prior, source)
        Of σ, or of the dispersion of another family by its own name; `Known` where there is none.
    extra : tuple of (name, prior, source)
        Of further dispersion parameters of a family.
    residual : tuple of (name, prior, source)
        Of the parameters of a residual structure.
    distances : bool
        Whether these, and the first, are distances of thresholds, whose block is ``thresholds``.
    joint : tuple of (block, prior, source)
        The prior of G, of the intraclass correlation or of R², where one is stated; of several
        blocks of G a `BlockMatrices`.
    centring : tuple of tuple of float
        M (q, q), where priors of sd and corr are of the centred columns Z M (`centred_effects`)
        and M is not the identity; otherwise empty.
    centred : tuple of bool
        For each random effect whether its prior of sd is that of the centred column.
    as_written : tuple of str
        Columns whose origin a joint prior of shares depends on; it is of the columns as written.
    """

    gamma: tuple[Entry, ...]
    sd: tuple[EffectEntry, ...]
    corr: tuple[Entry, ...]
    sigma: Entry
    joint: tuple[Entry, ...] = ()
    centring: tuple[tuple[float, ...], ...] = ()
    centred: tuple[bool, ...] = ()
    as_written: tuple[str, ...] = ()
    extra: tuple[Entry, ...] = ()
    distances: bool = False
    residual: tuple[Entry, ...] = ()

    def columns(self, q: int) -> Floats:
        """M (q, q): sd and corr are those of the effects of Z M."""
        return np.array(self.centring) if self.centring else np.eye(q)

    @property
    def own_sd(self) -> tuple[EffectEntry, ...]:
        """Those of ``sd`` that are priors of their own."""
        return tuple(entry for entry in self.sd if not entry[1].is_elsewhere)

    @property
    def own_corr(self) -> tuple[Entry, ...]:
        """Likewise of ``corr``."""
        return tuple(entry for entry in self.corr if not entry[1].is_elsewhere)

    def label(self, name: EffectName) -> str:
        """What a random effect is called, among those of several grouping factors with its own."""
        several = len({effect.factor for effect, _, _ in self.sd}) > 1
        return f"{name.effect}|{name.factor}" if several else name.effect

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
        rows: list[tuple[str, str, object, str]] = list(self._joint_rows())
        of_joint = len(rows)
        rows += [("gamma", *entry) for entry in self.gamma]
        rows += [
            ("sd", self.label(name), self.as_stated(name, prior), source)
            for name, prior, source in self.own_sd
        ]
        rows += [("corr", *entry) for entry in self.own_corr]
        if self.holds_sigma:
            rows.append(("sigma", "sigma", "1, of errors divided by their sd", "known"))
        else:
            rows += [(self.block_of(one[0]), *one) for one in self.dispersion]
        rows += [("residual", *entry) for entry in self.residual]
        table = pd.DataFrame(rows, columns=["block", "parameter", "prior", "source"])
        table = table.assign(prior=table["prior"].astype(str))
        table["implied sd"] = [
            f"{size:.4g}" if size else "" for size in self._implied(of_joint, len(rows))
        ]
        return table.set_index(["block", "parameter"])

    def _joint_rows(self) -> Iterator[tuple[str, str, object, str]]:
        """Block, parameter, prior and source of joint priors; of G block by block of it."""
        for block, prior, source in self.joint:
            parts = prior.by_name if isinstance(prior, BlockMatrices) else {block: prior}
            yield from ((block, name, one, source) for name, one in parts.items())

    def _implied(self, before: int, rows: int) -> list[float]:
        """The prior sds that defaults imply, in the order of `frame`; 0 for the rest.

        So many joint priors stand ``before`` the others.
        """
        found = [0.0] * before
        found += [prior.sigma if isinstance(prior, DesignNormal) else 0.0
                  for _, prior, _ in self.gamma]  # fmt: skip
        M = self.columns(len(self.sd))
        squares = np.array([_mean_square(prior) for _, prior, _ in self.sd])
        sizes = np.sqrt((M**2) @ squares) if self.sd else np.zeros(0)
        sources = [source for _, _, source in self.sd]
        found += [
            float(size) if source == DEFAULT and np.isfinite(size) else 0.0
            for size, source in zip(sizes, sources, strict=True)
            if source != ELSEWHERE
        ]
        return found + [0.0] * (rows - len(found))

    def stated(self) -> dict[str, Any]:
        """The same priors as they can be stated, every name in full."""
        stated: dict[str, Any] = {
            block: prior.by_name if isinstance(prior, BlockMatrices) else prior
            for block, prior, _ in self.joint
        }
        if self.gamma:
            stated["gamma"] = {name: prior for name, prior, _ in self.gamma}
        if self.own_sd:
            stated["sd"] = {name: self.as_stated(name, prior) for name, prior, _ in self.own_sd}
        if self.own_corr:
            stated["corr"] = {name: prior for name, prior, _ in self.own_corr}
        if self.residual:
            stated["residual"] = {name: prior for name, prior, _ in self.residual}
        if self.distances:
            return stated | {THRESHOLDS: {name: prior for name, prior, _ in self.dispersion}}
        return stated | {name: prior for name, prior, _ in self.dispersion}

    @property
    def families(self) -> dict[tuple[str, str | EffectName], Prior]:
        """Every prior by block and parameter, whatever its source."""
        entries = [(block, *entry) for block in ("gamma", "sd", "corr") for entry in
                   getattr(self, block)]  # fmt: skip
        entries += [
            (self.block_of(name), name, prior, source) for name, prior, source in self.dispersion
        ]
        entries += [("residual", *entry) for entry in self.residual]
        entries += [(entry[0], *entry) for entry in self.joint]
        return {(block, name): prior for block, name, prior, _ in entries}

    def page(self) -> Page:
        """Every prior with its source, and what the defaults mean."""
        return Page("", blocks=(self.block(), Items(self.notes())))

    def notes(self) -> tuple[str, ...]:
        """What the kinds of priors that defaults are mean."""
        said: list[str] = []
        together = (*self.gamma, *self.dispersion)
        if any(isinstance(prior, DesignNormal) for _, prior, _ in together):
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
        said += [
            f"{prior}: {prior.words}, which is {name} to that power and has the sign of {name}; "
            "the unit of time is no part of it."
            for name, prior, _ in self.residual
            if isinstance(prior, UniformCorrelation)
        ]
        if self.of_origins:
            said.append(f"{self.of_origins}.")
        return tuple(said)

    @property
    def of_origins(self) -> str:
        """What another origin of a variable would change, under a joint prior; empty if nothing."""
        if not self.as_written:
            return ""
        (block, prior, _), *_ = self.joint
        what = {
            "icc": "how the variance between groups is split between random effects, and their "
            "correlation, are",
            "r2": "shares of the variance, and correlations of random effects, are",
        }[block]
        share = {"icc": "the intraclass correlation", "r2": "R²"}[block]
        return (
            f"{block} ~ {prior}: the prior of {share} does not change with origins of variables, "
            f"but {what} those of the columns as written, and another origin is another prior of "
            f"{in_quotes(self.as_written)}; centre variables to have it at their means"
        )

    def block(self, title: str = "") -> Table:
        """The same as a table for another page."""
        return Table(self.frame(), title, names=True)

    def block_of(self, name: str) -> str:
        """The block of a dispersion parameter."""
        return THRESHOLDS if self.distances else name

    @property
    def dispersion(self) -> tuple[Entry, ...]:
        """Priors of σ, or of the dispersion parameters of a family."""
        return (self.sigma, *self.extra) if self.has_dispersion else ()

    @property
    def has_dispersion(self) -> bool:
        """Whether the response has a dispersion that is not known."""
        return not isinstance(self.sigma[1], Known)

    @property
    def holds_sigma(self) -> bool:
        """Whether σ is known to be 1, as it is where the variances of all errors are."""
        return bool(self.sigma[1] == HELD_SIGMA)

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

    def joint_gamma(self, cross: Products) -> DesignPrior | None:
        """The prior that terms have together; None where each has its own."""
        return design_prior([prior for _, prior, _ in self.gamma], cross)

    def normal_gamma(self, cross: Products) -> NormalPrior:
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


def _mean_square(prior: Prior) -> float:
    """E sd² under a half-t prior of the sd; missing for others."""
    if prior.is_elsewhere:
        return 0.0
    if not isinstance(prior, HalfT) or prior.nu <= 2:
        return float("nan")
    return float(prior.sigma**2 * prior.nu / (prior.nu - 2.0))
