"""Products of columns collected into the terms of a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm, random_terms
from hierbayes.specification.terms import join_terms, read_terms
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.programs.factor_trees import factor_text


def product_term(factors: Sequence[str], labels: Iterable[str] = ()) -> str:
    """The term of a product; a number that stands in it k times stands for its k-th power.

    Parameters
    ----------
    factors : sequence of str
        Factors of formulas.
    labels : iterable of str
        Those among them that hold labels: once is as good as twice.

    Examples
    --------
    >>> product_term(["x", "a", "x"]), product_term(["a", "a"], labels=["a"])
    ('I(x ** 2):a', 'a')
    """
    counts = {factor: factors.count(factor) for factor in factors}
    held = set(labels)
    return ":".join(
        factor if count == 1 or factor in held else _power(factor, count)
        for factor, count in counts.items()
    )


def specify(
    response: str, terms: Sequence[str], random: Sequence[RandomTerm], role: str
) -> Specification:
    """The specification of terms as a program lists them, ordered as a formula orders them.

    Parameters
    ----------
    response : str
    terms : sequence of str
        Fixed terms, the intercept among them where there is one.
    random : sequence of RandomTerm
    role : str
        What the fixed terms are called in messages.
    """
    fixed = read_terms(join_terms(tuple(dict.fromkeys(terms))), role)
    return Specification(response, fixed, tuple(random))


def varying_over(columns: Sequence[str], blocks: Iterable[Iterable[str]]) -> tuple[RandomTerm, ...]:
    """Random terms over the groups that columns of the data make together.

    Examples
    --------
    >>> print(*varying_over(["school", "class"], [["1"], ["x"]]), sep=" + ")
    (1 | school:class) + (0 + x | school:class)
    """
    return random_terms(":".join(columns), blocks, columns)


def bar_expansion(parts: Sequence[Sequence[str]], most: int | None) -> list[list[str]]:
    """All products of parts in the order of ``a | b | c``: a, b, ab, c, ac, bc, abc.

    Parameters
    ----------
    parts : sequence of sequence of str
    most : int or None
        The most parts in a product.

    Examples
    --------
    >>> bar_expansion([["a"], ["b"], ["c"]], 2)
    [['a'], ['b'], ['a', 'b'], ['c'], ['a', 'c'], ['b', 'c']]
    """
    products: list[tuple[int, list[str]]] = []
    for part in parts:
        products += [(1, list(part))] + [(n + 1, [*head, *part]) for n, head in products]
    return [factors for n, factors in products if most is None or n <= most]


def _power(factor: str, count: int) -> str:
    base = factor_tree(factor)
    return factor_text(factor_tree(f"({factor_text(base)}) ** {count}"))
