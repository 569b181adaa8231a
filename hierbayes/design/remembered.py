"""Results that are kept for as long as what they were computed from, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from weakref import WeakKeyDictionary


def remembered[**P, Result](function: Callable[P, Result]) -> Callable[P, Result]:
    """A function of cross-products or of a state, and what can be hashed, computed once for each.

    These are told apart by identity and not kept alive: those of many groups are large.
    """
    results: WeakKeyDictionary[object, dict[tuple[Hashable, ...], Result]] = WeakKeyDictionary()

    @wraps(function)
    def of(*args: P.args, **kwargs: P.kwargs) -> Result:
        key = (*args[1:], *sorted(kwargs.items())) if kwargs else args[1:]
        known = results.get(args[0])
        if known is None:
            known = results.setdefault(args[0], {})
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return of
