"""Which grouping factor a name means."""

from __future__ import annotations

from collections.abc import Sequence


def factor_called(name: object, factors: Sequence[str]) -> str | None:
    """The factor that is meant; None where none is, or several may be.

    Parameters
    ----------
    name : object
        A factor as it is written, its columns in another order, or the column alone that tells
        the groups within those of the columns before it, as in equations at levels.
    factors : sequence of str
        Those of a model.

    Examples
    --------
    >>> factor_called("class", ["school", "school:class"])
    'school:class'
    >>> factor_called("class:school", ["school", "school:class"])
    'school:class'
    """
    written = str(name)
    if written in factors:
        return written
    columns = written.split(":")
    found = [one for one in factors if sorted(one.split(":")) == sorted(columns)]
    found = found or [one for one in factors if one.split(":")[-1] == written]
    return found[0] if len(found) == 1 else None
