"""The priors in force for a model: what was stated, and defaults for the rest.

Defaults are weak and scaled by the data: γ ~ Normal with 2.5 times the change of
y that one unit of x could bring, half-t(3) on each sd and on σ with scale sd(y)
in the units of the effect, LKJ(2) on correlations.  An intercept is where the
other columns are 0; when that is far from the data its scale grows accordingly.
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
from hierbayes.estimation.priors import BLOCKS, LKJ, Family, Flat, HalfT, Normal, as_prior
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import NormalPrior

FAR = 1000.0  # spreads between the data of a random column and its zero
_STATED = "stated"
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class PriorSet:
    """Every prior of a model, by block and by parameter.

    Parameters
    ----------
    gamma, sd : tuple of (name, prior, source)
        One per fixed term and one per random effect.
    corr : tuple of (name, prior, source)
        One per block of G with more than one effect.
    sigma : (name, prior, source)
    """

    gamma: tuple[tuple[str, Family, str], ...]
    sd: tuple[tuple[str, Family, str], ...]
    corr: tuple[tuple[str, Family, str], ...]
    sigma: tuple[str, Family, str]

    def frame(self) -> pd.DataFrame:
        """One row per prior: block, parameter, prior, source."""
        rows = [("gamma", *entry) for entry in self.gamma]
        rows += [("sd", *entry) for entry in self.sd]
        rows += [("corr", *entry) for entry in self.corr]
        rows += [("sigma", *self.sigma)]
        table = pd.DataFrame(rows, columns=["block", "parameter", "prior", "source"])
        return table.assign(prior=table["prior"].astype(str)).set_index(["block", "parameter"])

    def stated(self) -> dict[str, Any]:
        """The same priors as a user would state them, every name in full."""
        stated: dict[str, Any] = {"sigma": self.sigma[1]}
        for block in ("gamma", "sd", "corr"):
            entries = getattr(self, block)
            if entries:
                stated[block] = {name: prior for name, prior, _ in entries}
        return stated

    def __str__(self) -> str:
        return self.frame().to_string()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.frame().to_html()

    @property
    def collapses_gamma(self) -> bool:
        """Whether γ is integrated out exactly: every prior of γ is normal or flat."""
        return all(isinstance(prior, Normal | Flat) for _, prior, _ in self.gamma)

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
    corr_names = _corr_names(design)
    spread = basis.scale
    sigma = {"sigma": HalfT(3, 0, _rounded(spread))}
    return PriorSet(
        gamma=_fill("gamma", given, _default_gamma(design, basis)),
        sd=_fill("sd", given, _default_sd(design, basis)),
        corr=_fill("corr", given, {name: LKJ(2) for name in corr_names}),
        sigma=_fill("sigma", given, sigma)[0],
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
        name, center = design.effects[worst], _rounded(float(basis.z.shift[worst]))
        raise PriorError(
            f"priors on sd and corr refer to '{name}' = 0, which is {distance[worst]:.1g} spreads "
            f"away from its data, and no sampler can work there: centre it, for instance as "
            f"I({name} - {center:g}); reml() and ml() do not mind"
        )


def _fill(
    block: str, given: Mapping[str, Any], defaults: Mapping[str, Family]
) -> tuple[tuple[str, Family, str], ...]:
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
    names = {{"1": "Intercept"}.get(str(name), str(name)): prior for name, prior in stated.items()}
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


def _default_gamma(design: Design, basis: Basis) -> dict[str, Family]:
    center, scale = basis.center, basis.scale
    far = _distance_of_origin(basis.x.shift, basis.x.spread)
    priors: dict[str, Family] = {}
    for name, e, spread in zip(design.terms, basis.constant, basis.x.spread, strict=True):
        if e != 0.0:
            priors[name] = Normal(_rounded(center), _rounded(2.5 * scale * far))
        else:
            priors[name] = Normal(0, _rounded(2.5 * scale / spread))
    return priors


def _default_sd(design: Design, basis: Basis) -> dict[str, Family]:
    priors: dict[str, Family] = {}
    start = 0
    for size in design.blocks:
        block = slice(start, start + size)
        shift, spread = basis.z.shift[block], basis.z.spread[block]
        far = _distance_of_origin(shift, spread)
        for name, k in zip(design.effects[block], range(size), strict=True):
            constant = spread[k] == 1.0 and shift[k] == 0.0 and bool(shift.any())
            priors[name] = HalfT(3, 0, _rounded(basis.scale * (far if constant else 1 / spread[k])))
        start += size
    return priors


def _distance_of_origin(shift: Floats, spread: Floats) -> float:
    """How far, in sds, the point where all columns are 0 lies from the middle of the data."""
    return float(np.sqrt(1.0 + np.sum((shift / spread) ** 2)))


def _corr_names(design: Design) -> list[str]:
    names = []
    start = 0
    for size in design.blocks:
        if size > 1:
            names.append(", ".join(design.effects[start : start + size]))
        start += size
    return names


def _rounded(value: float) -> float:
    """Three significant digits, so that what is printed is what is used."""
    return float(f"{value:.3g}")


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)
