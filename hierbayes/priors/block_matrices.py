"""Priors of G where it has several blocks: one of each, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.errors import PriorError, in_quotes
from hierbayes.priors.blocks import as_prior
from hierbayes.priors.effect_priors import parameter_name, refuse_intercept_twice
from hierbayes.priors.families import Prior
from hierbayes.priors.joint_families import MatrixPrior
from hierbayes.specification.factor_name import factor_called


@dataclass(frozen=True, slots=True)
class BlockMatrices(Prior):
    """Independent priors of the blocks of G, which a model makes of those that are stated.

    Parameters
    ----------
    names : tuple of str
        Of all blocks, in the order of the effects: the labels of their effects.
    effects : tuple of tuple of str
        Of each block.
    priors : tuple of MatrixPrior or None
        Likewise; None where sd and corr of a block have priors instead.
    """

    distribution: ClassVar[str] = "BlockMatrices"
    names: tuple[str, ...]
    effects: tuple[tuple[str, ...], ...]
    priors: tuple[MatrixPrior | None, ...]

    def __post_init__(self) -> None:
        """Nothing is a number here: each of the priors has been checked."""

    @property
    def parameters(self) -> dict[str, float]:
        """None of its own."""
        return {}

    @property
    def stated(self) -> dict[int, MatrixPrior]:
        """The priors there are, by the place of their block."""
        return {k: prior for k, prior in enumerate(self.priors) if prior is not None}

    @property
    def places(self) -> tuple[slice, ...]:
        """Where the effects of each block stand."""
        return tuple(block_slices(tuple(map(len, self.effects))))

    @property
    def covered(self) -> tuple[bool, ...]:
        """Of each effect whether its sd is that of such a prior."""
        pairs = zip(self.effects, self.priors, strict=True)
        return tuple(prior is not None for effects, prior in pairs for _ in effects)

    @property
    def by_name(self) -> dict[str, MatrixPrior]:
        """As they can be stated."""
        return {self.names[k]: prior for k, prior in self.stated.items()}

    def __str__(self) -> str:
        return ", ".join(f"{name}: {prior}" for name, prior in self.by_name.items())


def matrix_prior(stated: Any, design: Design) -> Prior:
    """The prior of G that is stated: of its only block, or of each, or of some of them.

    Parameters
    ----------
    stated : MatrixPrior or mapping
        One prior is that of every block; a mapping goes from blocks, or grouping factors, to
        priors.
    design : Design

    Raises
    ------
    PriorError
        When a block does not exist or is stated twice, or a prior does not suit one.
    """
    slices = tuple(block_slices(design.blocks))
    effects = tuple(design.effects[at] for at in slices)
    names = tuple(", ".join(design.effect_labels[at]) for at in slices)
    by_name = isinstance(stated, Mapping)
    chosen = by_block(stated, design) if by_name else dict.fromkeys(names, stated)
    priors = [as_prior(chosen[name], "G") if name in chosen else None for name in names]
    found = tuple(prior if isinstance(prior, MatrixPrior) else None for prior in priors)
    for prior, of_block in zip(found, effects, strict=True):
        if prior is not None:
            prior.scale_matrix(of_block)
    (first, *others) = found
    return first if first is not None and not others else BlockMatrices(names, effects, found)


def by_block(stated: Mapping[Any, Any], design: Design) -> dict[str, Any]:
    """What is stated for blocks of G, by their names; of a grouping factor for all of its blocks.

    Raises
    ------
    PriorError
        When a block does not exist or is stated twice.
    """
    refuse_intercept_twice("G", stated)
    slices = tuple(block_slices(design.blocks))
    factors = tuple(design.effect_names[at.start].factor for at in slices)
    names = tuple(", ".join(design.effect_labels[at]) for at in slices)
    found: dict[str, Any] = {}
    for key, prior in stated.items():
        name, factor = parameter_name(key), factor_called(key, tuple(dict.fromkeys(factors)))
        meant = [one for one, of in zip(names, factors, strict=True) if name == one or of == factor]
        if not meant:
            raise PriorError(
                f"there is a prior of 'G' for '{name}', which does not exist; valid names are: "
                f"{in_quotes((*names, *dict.fromkeys(factors)))}"
            )
        for one in meant:
            if one in found:
                raise PriorError(
                    f"the prior of 'G' for '{one}' is stated twice; leave one of them out"
                )
            found[one] = prior
    return found
