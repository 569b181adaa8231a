r"""A model of several grouping factors as equations at each of its levels.

Where each factor is nested in the next, as rows i in classes j in schools k, every level has
equations: a fixed column is a product of level-1, level-2 and level-3 factors, and

    y_ijk = Σ_p β_pjk x_p,ijk + r_ijk,
    β_pjk = Σ_q β_pqk w_q,jk + u_pjk,
    β_pqk = Σ_s γ_pqs v_s,k + u_pqk.

Where factors cross, what is constant within any of them makes the equations of one level of all,

    β_pjk = Σ_s γ_ps w_s + u_pj + u_pk.

Source: Raudenbush & Bryk (2002), *Hierarchical Linear Models*, chapters 8 and 12, whose π and β
are both β here, told apart by their subscripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from formulaic import ModelSpec

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.language.factor import Factor, Factors, read_factors
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.specification.terms import bare, bare_term


@dataclass(frozen=True, slots=True)
class LevelEffect:
    """The random effect of a coefficient over one grouping factor.

    Parameters
    ----------
    factor : int
        Place of the grouping factor.
    place : int
        Position of its column in Z.
    block : int
        Which diagonal block of G it stands in.
    """

    factor: int
    place: int
    block: int


@dataclass(frozen=True, slots=True)
class Node:
    """A coefficient of an equation with the equation of its own, or a γ, which has none.

    Parameters
    ----------
    index : tuple of int
        Its subscripts but for those of groups, one for each equation down to it; 0 is the
        constant of an equation, and nothing else is.
    factors : tuple of Factor
        Factors whose product it multiplies; none for a constant.
    terms : tuple of Node
        The coefficients of its own equation, the constant first.
    effects : tuple of LevelEffect
        What its equation has at random.
    place : int
        Of a γ the position of its column in X; else -1.
    """

    index: tuple[int, ...]
    factors: Factors
    terms: tuple[Node, ...] = ()
    effects: tuple[LevelEffect, ...] = ()
    place: int = -1


@dataclass(frozen=True, slots=True)
class LevelStructure:
    """A model of several grouping factors as equations.

    Parameters
    ----------
    response : str
    offsets : tuple of str
    weights, known_sd : str
    residual : ResidualStructure or None
    rows : int
    groups : tuple of (int, str)
        For each factor how many groups it has, and what it is called.
    columns : tuple of tuple of str
        For each factor the columns that hold its groups; none without a random part.
    terms : tuple of str
        Names of the fixed columns, in the order of X.
    levels : tuple of tuple of int
        The factors at each level above the rows, the lowest first: one each if all are nested,
        else one level of all.
    owner : mapping of str to int
        By expression the factor it belongs to, the highest within whose groups it is constant.
    root : Node
        Its terms are the coefficients of the equation of a row.
    """

    response: str
    offsets: tuple[str, ...]
    weights: str
    known_sd: str
    residual: ResidualStructure | None
    rows: int
    groups: tuple[tuple[int, str], ...]
    columns: tuple[tuple[str, ...], ...]
    terms: tuple[str, ...]
    levels: tuple[tuple[int, ...], ...]
    owner: Mapping[str, int]
    root: Node

    @property
    def is_nested(self) -> bool:
        """Whether each factor is nested in the next."""
        return len(self.levels) > 1

    def group_noun(self, factor: int) -> str:
        """What its groups are called by: the last of its columns.

        Where the fixed part has that too, as varieties in blocks, they go by all columns.
        """
        names = self.columns[factor]
        fixed = {one.variable for path in self.fixed for node in path for one in node.factors}
        return ":".join(names) if len(names) > 1 and names[-1] in fixed else names[-1]

    def paths(self, depth: int) -> list[tuple[Node, ...]]:
        """The coefficients of one level, each after those that lead to it; γ come last."""
        paths: list[tuple[Node, ...]] = [(node,) for node in self.root.terms]
        for _ in range(depth):
            paths = [(*path, node) for path in paths for node in path[-1].terms]
        return paths

    @property
    def fixed(self) -> list[tuple[Node, ...]]:
        """Every γ after its coefficients, in the order of the subscripts."""
        return self.paths(len(self.levels))

    @property
    def random(self) -> list[tuple[LevelEffect, tuple[Node, ...]]]:
        """Every random effect after its coefficients, in the order of Z."""
        found = [
            (effect, path)
            for depth in range(len(self.levels))
            for path in self.paths(depth)
            for effect in path[-1].effects
        ]
        return sorted(found, key=lambda one: one[0].place)


def read_level_structure(problem: Problem) -> LevelStructure:
    """Split the columns of a model of several grouping factors into the equations of its levels."""
    design, spec = problem.design, problem.design.specification
    chain = [spec.factors.index(name) for name in problem.nesting.chain if spec.random]
    levels = tuple((k,) for k in chain) or ((tuple(range(len(spec.factors))),) * bool(spec.random))
    owner = _owners(design, [k for level in reversed(levels) for k in level])
    root = _Slot(())
    for place, factors in enumerate(_fixed_columns(design)):
        _grown(root, _parts(factors, levels, owner, len(levels))).place = place
    blocks = [block for block, size in enumerate(design.blocks) for _ in range(size)]
    owners = [spec.factors.index(name.factor) for name in design.effect_names]
    for place, factors in enumerate(_random_columns(design)):
        depth = next(d for d, level in enumerate(levels) if owners[place] in level)
        slot = _grown(root, _parts(factors, levels, owner, depth))
        slot.effects.append(LevelEffect(owners[place], place, blocks[place]))
    return LevelStructure(
        response=bare_term(spec.response),
        offsets=tuple(map(bare_term, spec.offsets)),
        weights=spec.weights,
        known_sd=spec.known_sd,
        residual=spec.residual,
        rows=design.n,
        groups=tuple((f.J, f.name) for f in design.factors[: len(spec.factors)]),
        columns=tuple(spec.columns_of[name] for name in spec.factors),
        terms=design.terms,
        levels=levels,
        owner=owner,
        root=root.node(()),
    )


def _owners(design: Design, highest_first: list[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for k in highest_first:
        for factor in design.columns.between_of[k]:
            found.setdefault(bare(factor), k)
    return found


def _parts(
    factors: Factors, levels: tuple[tuple[int, ...], ...], owner: Mapping[str, int], depth: int
) -> list[Factors]:
    """A column's factors by level, from the rows' to that at a depth; higher ones with the rows'.

    A random column that is constant within the groups it varies over is a coefficient of its own.
    """
    level_of = {k: at for at, level in enumerate(levels, 1) for k in level}
    found: list[list[Factor]] = [[] for _ in range(depth + 1)]
    for factor in factors:
        at = level_of[owner[factor.expr]] if factor.expr in owner else 0
        found[at if at <= depth else 0].append(factor)
    return [tuple(part) for part in found]


@dataclass(slots=True)
class _Slot:
    """A coefficient while its columns are being collected."""

    factors: Factors
    terms: dict[frozenset[Factor], _Slot] = field(default_factory=dict)
    effects: list[LevelEffect] = field(default_factory=list)
    place: int = -1

    def node(self, index: tuple[int, ...]) -> Node:
        ordered = sorted(self.terms.values(), key=lambda slot: bool(slot.factors))
        first = 0 if ordered and not ordered[0].factors else 1
        terms = tuple(slot.node((*index, k)) for k, slot in enumerate(ordered, first))
        return Node(index, self.factors, terms, tuple(self.effects), self.place)


def _grown(root: _Slot, parts: list[Factors]) -> _Slot:
    """The coefficient that these columns lead to, made where it is not there."""
    slot = root
    for part in parts:
        slot = slot.terms.setdefault(frozenset(part), _Slot(part))
    return slot


def _fixed_columns(design: Design) -> list[Factors]:
    """Factors of each fixed column."""
    return design.columns.kept(read_factors(design.columns.fixed_spec, frozenset()))


def _random_columns(design: Design) -> Iterator[Factors]:
    """Factors of each random column."""
    fixed = _fixed_columns(design)
    for part in design.columns.random_specs:
        yield from (
            read_factors(part, frozenset())
            if isinstance(part, ModelSpec)
            else (fixed[place] for place in part)
        )
