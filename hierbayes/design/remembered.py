"""Results that are kept for as long as what they were computed from, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from inspect import signature
from typing import Any, cast


def remembered[**P, Result](function: Callable[P, Result]) -> Callable[P, Result]:
    """A function of cross-products or of a state, and what can be hashed, computed once for each.

    The results are kept with the first argument, as those of `functools.cached_property` are.
    """
    place = f"{function.__module__}.{function.__qualname__}"
    if len(signature(function).parameters) == 1:
        return cast(Callable[P, Result], _of_one(cast(Callable[[Any], Result], function), place))

    @wraps(function)
    def of(*args: P.args, **kwargs: P.kwargs) -> Result:
        results: dict[Hashable, Result] = args[0].__dict__.setdefault(place, {})
        key = (*args[1:], *sorted(kwargs.items())) if kwargs else args[1:]
        if key not in results:
            results[key] = function(*args, **kwargs)
        return results[key]

    return of


def _of_one[Result](function: Callable[[Any], Result], place: str) -> Callable[[Any], Result]:
    """The same of a function of one argument, which the results are kept with."""

    @wraps(function)
    def of(whole: Any) -> Result:
        results = whole.__dict__
        if place in results:
            found: Result = results[place]
            return found
        results[place] = found = function(whole)
        return found

    return of
