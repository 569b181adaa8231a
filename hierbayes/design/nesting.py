"""Which grouping factors of a model are nested, which cross, and which are numbered anew."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.design.products import Products
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.factor_pairs import NESTED, FactorPair, chain_of, factor_pair
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm


@dataclass(frozen=True, slots=True)
class Nesting:
    """How the grouping factors of a model stand to each other.

    Parameters
    ----------
    pairs : tuple of FactorPair
        One for every two factors.
    chain : tuple of str
        All factors where each is nested in the next, the innermost first; empty where they are
        not.
    notes : tuple of str
        What is likely a mistake, and what to write instead.
    """

    pairs: tuple[FactorPair, ...]
    chain: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """Every two factors in a few words; empty where there is one.

        Of factors that lie in each other only the next is told: the rest follows.
        """
        inside = {(pair.first, pair.second) for pair in self.pairs if pair.kind == NESTED}
        names = {name for pair in inside for name in pair}
        follows = {
            (inner, outer) for inner, outer in inside
            if any((inner, one) in inside and (one, outer) in inside for one in names)
        }  # fmt: skip
        told = (pair for pair in self.pairs if (pair.first, pair.second) not in follows)
        return "; ".join(pair.text for pair in told)


def nesting_of(specification: Specification, products: Products) -> Nesting:
    """How the factors stand to each other, from the levels that occur together."""
    factors = specification.factors
    if not isinstance(products, SparseProducts):
        return Nesting((), factors, ())
    pairs = _pairs(products, factors)
    notes = (_note(pair, specification) for pair in pairs if pair.anew)
    return Nesting(pairs, chain_of(factors, pairs), tuple(filter(None, notes)))


@remembered
def _pairs(products: SparseProducts, factors: tuple[str, ...]) -> tuple[FactorPair, ...]:
    return tuple(
        factor_pair(
            (factors[pair.first], factors[pair.second]),
            (products.levels[pair.first].labels, products.levels[pair.second].labels),
            (pair.i, pair.j),
            int(products.n),
        )
        for pair in products.pairs
    )


def _note(pair: FactorPair, specification: Specification) -> str:
    """What to write in place of a factor that is numbered anew; nothing where it stands there."""
    inner = [term for term in specification.random if term.factor == pair.first]
    outer = [term for term in specification.random if term.factor == pair.second]
    columns = (*outer[0].columns, *inner[0].columns)
    if any(set(term.columns) == set(columns) for term in specification.random):
        return ""
    nested = [RandomTerm(":".join(columns), term.effects, columns) for term in inner]
    if len(inner) == len(outer) == 1 and inner[0].effects == outer[0].effects:
        below = outer[0].written_factor
        whole = f"({inner[0].formula} | {below}/{inner[0].written_factor})"
        return f"{pair.suspicion}: write {whole}"
    old = " + ".join(map(str, inner))
    return f"{pair.suspicion}: write {' + '.join(map(str, nested))} in place of {old}"
