"""Public names that load the module they live in when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module


def public_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make the functions ``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Parameters
    ----------
    package : str
        Full name of the package whose attributes the names become.
    homes : mapping
        From full names of modules to the public names they define; none for a module that is
        itself public, by the last part of its name.

    Returns
    -------
    tuple of callables
        ``__getattr__`` loads a name's module, and keeps what it found as an attribute of the
        package.  It raises AttributeError for all other names, with the nearest public one.

    Examples
    --------
    >>> load, names = public_names("hierbayes", {"hierbayes.errors": ["DataError"]})
    >>> load("DataError").__name__, names()
    ('DataError', ['DataError'])
    """
    places = {name: (module, name) for module, names in homes.items() for name in names}
    places |= {
        module.rpartition(".")[2]: (module, "") for module, names in homes.items() if not names
    }

    def load(name: str) -> object:
        if name not in places:
            # Without an object Python's traceback does not suggest a second name.
            raise AttributeError(_refusal(package, name, sorted(places)), name=name, obj=None)
        module, attribute = places[name]
        found = import_module(module)
        value = getattr(found, attribute) if attribute else found
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(places)


def _refusal(package: str, name: str, known: Sequence[str]) -> str:
    """Words for a name that is not there; capitals make no difference to what is near.

    Names with an underscore are asked for by programs, often by hundreds, and near to none.
    """
    by_lower = {} if name.startswith("_") else {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), by_lower, n=1)
    meant = f"; did you mean '{by_lower[near[0]]}'?" if near else ""
    return f"module '{package}' has no attribute '{name}'{meant}"
