"""Results that are kept for as long as what they were computed from, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

_NONE = object()


def remembered[**P, Result](function: Callable[P, Result]) -> Callable[P, Result]:
    """A function of cross-products or of a state, and what can be hashed, computed once for each.

    The results are kept with the first argument, as those of `functools.cached_property` are.
    """
    place = f"{function.__module__}.{function.__qualname__}"
    places = f"{place} of"

    @wraps(function)
    def of(*args: P.args, **kwargs: P.kwargs) -> Result:
        results: dict[Any, Any] = args[0].__dict__
        if len(args) == 1 and not kwargs:
            key: Any = place
        else:
            results = results.setdefault(places, {})
            key = (*args[1:], *sorted(kwargs.items())) if kwargs else args[1:]
        found = results.get(key, _NONE)
        if found is _NONE:
            found = results[key] = function(*args, **kwargs)
        return found

    return of
