r"""The model as equations of the groups' coefficients, exactly as its columns make it.

Each fixed column is a product; its level-1 factors are the column of a coefficient
β_k and its level-2 factors a column of the equation of that coefficient,

    y_ij = Σ_k β_kj x_k,ij + r_ij,     β_kj = Σ_h γ_kh w_kh,j + u_kj,

with x_0 = 1 and w_k0 = 1.  A random column x_k gives β_k its u_k.  One that no fixed
column has, or that is constant within groups, makes a coefficient without fixed part.

Source: the lecture slides *Mixed Models with R*, "From the multilevel model to the
mixed model".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from formulaic import ModelSpec

from hierbayes.design.design import Design
from hierbayes.language.factor import Factor, Factors, read_factors
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.specification.terms import bare, bare_term


@dataclass(frozen=True, slots=True)
class Entry:
    """One γ: a column in the equation of a coefficient.

    Parameters
    ----------
    k, h : int
        Subscripts of γ_kh; h = 0 is the constant, and nothing else is.
    place : int
        Position of its fixed column in X.
    factors : tuple of Factor
        Level-2 factors, whose product is the column; none for the constant.
    """

    k: int
    h: int
    place: int
    factors: Factors


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One β: a column of the within equation, and the equation of its coefficient.

    Parameters
    ----------
    k : int
        Subscript of β_k; k = 0 is the intercept, and nothing else is.
    factors : tuple of Factor
        Factors whose product is the column; none for the intercept.
    entries : tuple of Entry
        Its fixed part, the constant first.
    effect : int
        Position of its random column in Z; -1 when it has none.
    block : int
        Which diagonal block of G its random effect stands in; -1 when it has none.
    """

    k: int
    factors: Factors
    entries: tuple[Entry, ...]
    effect: int = -1
    block: int = -1

    @property
    def is_random(self) -> bool:
        """Whether it varies at random between groups."""
        return self.effect >= 0


@dataclass(frozen=True, slots=True)
class Structure:
    """A model as equations.

    Parameters
    ----------
    response, group : str
    offsets : tuple of str
        What is added to the mean as it is.
    weights : str
        The column of the weights of rows; empty where all are alike.
    known_sd : str
        That of known standard deviations of errors.
    residual : ResidualStructure or None
        How errors vary and are correlated.
    rows, groups : int
        Counts of rows and groups.
    terms : tuple of str
        Names of the fixed columns, in the order of X.
    coefficients : tuple of Coefficient
        In the order of the within equation, the intercept first.
    """

    response: str
    offsets: tuple[str, ...]
    weights: str
    known_sd: str
    residual: ResidualStructure | None
    group: str
    rows: int
    groups: int
    terms: tuple[str, ...]
    coefficients: tuple[Coefficient, ...]

    @property
    def entries(self) -> Iterator[tuple[Coefficient, Entry]]:
        """Every γ beside its coefficient, in the order of the subscripts."""
        return ((beta, entry) for beta in self.coefficients for entry in beta.entries)

    @property
    def random(self) -> tuple[Coefficient, ...]:
        """The coefficients that vary at random, in the order of Z."""
        varying = [beta for beta in self.coefficients if beta.is_random]
        return tuple(sorted(varying, key=lambda beta: beta.effect))

    @property
    def level2_factors(self) -> tuple[str, ...]:
        """Categorical expressions in the equations of the coefficients."""
        found = (f.expr for _, entry in self.entries for f in entry.factors if f.coding)
        return tuple(dict.fromkeys(found))


def read_structure(design: Design) -> Structure:
    """Split the columns of a design into the equations of the two levels."""
    between = frozenset(bare(factor) for factor in design.columns.between)
    slots: dict[frozenset[Factor], _Slot] = {}
    for place, factors in enumerate(_fixed_columns(design, between)):
        inner = tuple(f for f in factors if not f.between)
        slot = slots.setdefault(frozenset(inner), _Slot(inner))
        slot.columns.append((place, tuple(f for f in factors if f.between)))
    extra: list[_Slot] = []
    blocks = [block for block, size in enumerate(design.blocks) for _ in range(size)]
    for effect, factors in enumerate(_random_columns(design, between)):
        known = slots.get(frozenset(factors))
        if known is None or known.effect >= 0:
            known = _Slot(factors)
            extra.append(known)
        known.effect, known.block = effect, blocks[effect]
    ordered = sorted([*slots.values(), *extra], key=lambda slot: bool(slot.factors))
    first = 0 if ordered and not ordered[0].factors else 1
    return Structure(
        response=bare_term(design.specification.response),
        offsets=tuple(map(bare_term, design.specification.offsets)),
        weights=design.specification.weights,
        known_sd=design.specification.known_sd,
        residual=design.specification.residual,
        group=design.specification.group,
        rows=design.n,
        groups=design.J,
        terms=design.terms,
        coefficients=tuple(slot.coefficient(k) for k, slot in enumerate(ordered, first)),
    )


def read_row_structure(design: Design) -> Structure:
    """The columns of a design without a random part as the equation of one coefficient: the mean.

    Rows stand where groups do elsewhere, and a column is of them.
    """
    every = tuple(enumerate(_fixed_columns(design, frozenset())))
    mean = _Slot((), [(place, tuple(replace(f, between=True) for f in factors))
                      for place, factors in every])  # fmt: skip
    spec = design.specification
    return Structure(
        response=bare_term(spec.response),
        offsets=tuple(map(bare_term, spec.offsets)),
        weights=spec.weights,
        known_sd=spec.known_sd,
        residual=spec.residual,
        group="row",
        rows=design.n,
        groups=design.n,
        terms=design.terms,
        coefficients=(mean.coefficient(0),),
    )


@dataclass(slots=True)
class _Slot:
    """A coefficient while its columns are being collected."""

    factors: Factors
    columns: list[tuple[int, Factors]] = field(default_factory=list)
    effect: int = -1
    block: int = -1

    def coefficient(self, k: int) -> Coefficient:
        ordered = sorted(self.columns, key=lambda column: bool(column[1]))
        first = 0 if ordered and not ordered[0][1] else 1
        entries = tuple(
            Entry(k, h, place, factors) for h, (place, factors) in enumerate(ordered, first)
        )
        return Coefficient(k, self.factors, entries, self.effect, self.block)


def _fixed_columns(design: Design, between: frozenset[str]) -> list[Factors]:
    """Factors of each fixed column."""
    return design.columns.kept(read_factors(design.columns.fixed_spec, between))


def _random_columns(design: Design, between: frozenset[str]) -> Iterator[Factors]:
    """Factors of each random column."""
    fixed = _fixed_columns(design, between)
    for part in design.columns.random_specs:
        yield from (
            read_factors(part, between)
            if isinstance(part, ModelSpec)
            else (fixed[place] for place in part)
        )
