"""Results that are kept for as long as what they were computed from, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from weakref import WeakKeyDictionary

from hierbayes.design.crossproducts import CrossProducts


def remembered[**P, Result](function: Callable[P, Result]) -> Callable[P, Result]:
    """A function of cross-products, and of what can be hashed, that is computed once for each.

    The cross-products are told apart by identity and not kept alive: those of many groups are
    large.
    """
    results: WeakKeyDictionary[CrossProducts, dict[tuple[Hashable, ...], Result]]
    results = WeakKeyDictionary()

    @wraps(function)
    def of(*args: P.args, **kwargs: P.kwargs) -> Result:
        cross, *others = args
        assert isinstance(cross, CrossProducts)
        known = results.setdefault(cross, {})
        key = (*others, *sorted(kwargs.items()))
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return of
