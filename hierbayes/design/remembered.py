"""Results that are kept for as long as what they were computed from, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps


def remembered[**P, Result](function: Callable[P, Result]) -> Callable[P, Result]:
    """A function of cross-products or of a state, and what can be hashed, computed once for each.

    The results are kept with the first argument, as those of `functools.cached_property` are.
    """
    place = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def of(*args: P.args, **kwargs: P.kwargs) -> Result:
        key = (*args[1:], *sorted(kwargs.items())) if kwargs else args[1:]
        results: dict[tuple[Hashable, ...], Result] = args[0].__dict__.setdefault(place, {})
        if key not in results:
            results[key] = function(*args, **kwargs)
        return results[key]

    return of
