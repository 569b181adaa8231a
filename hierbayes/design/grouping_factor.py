"""A grouping factor: the groups that random effects belong to, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.level_labels import Labels, index_of, text_of, texts_of
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Integers
from hierbayes.value import value

_LISTED = 5  # labels that a message names


@value(slots=False)
class GroupingFactor:
    """A column of the data that says which group each row belongs to.

    A group is called what the data call it, wherever one is asked for: 1, 1.0 and NumPy's 1 are
    one label, 1 and ``"1"`` are two, and a date is not its text.

    Parameters
    ----------
    name : str
        The column.
    held : Index or LevelLabels
        Labels of its J groups, in their order.
    """

    name: str
    held: Labels

    @property
    def labels(self) -> pd.Index:
        """Labels of the groups."""
        return index_of(self.held)

    @cached_property
    def J(self) -> int:
        """Number of groups."""
        return len(self.held)

    def find(self, labels: Iterable[Any]) -> Integers:
        """The position of each label among the groups; −1 where it is none of them.

        Examples
        --------
        >>> GroupingFactor("school", pd.Index([3, 7])).find([7, 7.0, "7", True])
        array([ 1,  1, -1, -1])
        """
        if isinstance(labels, pd.Series | pd.Index) and len(labels) > self.J:
            codes, distinct = pd.factorize(labels)
            return np.append(self.find(list(distinct)), -1)[codes]
        return np.array([self._position(label) for label in labels], dtype=np.intp)

    def no_group(self, label: Any) -> str:
        """Words for a label that is none of the groups."""
        label = label.item() if isinstance(label, np.generic) else label
        one = self._called_alike(label)
        if one is not None:
            return (
                f"there is no group {label!r} in '{self.name}': the data call it {one!r}, of "
                f"type {type(one).__name__}"
            )
        first = ", ".join(map(str, self.labels[:_LISTED]))
        more = ", ..." if self.J > _LISTED else ""
        return f"there is no group {label!r} in '{self.name}'; they are: {first}{more}"

    def refuse_other_type(self, labels: Iterable[Any]) -> None:
        """Refuse labels that are no group's and would be, were they of the type of the labels.

        Raises
        ------
        DataError
            Naming the first.
        """
        try:
            distinct = dict.fromkeys(labels)
        except TypeError:  # a list, say, is no label
            return
        for label in distinct:
            if self._called_alike(label) is not None:
                raise DataError(
                    f"{self.no_group(label)}; give '{self.name}' of the new rows the type that it "
                    "has in the data"
                )

    def _called_alike(self, label: Any) -> Any:
        """The label of a group that is written as this one and is of another type; else None."""
        label = label.item() if isinstance(label, np.generic) else label
        one = self._by_text.get(text_of(label))
        return None if type(one) is type(label) else one

    @cached_property
    def _by_text(self) -> dict[str, Any]:
        """Labels by what Python calls them, and by what they are called among combinations."""
        labels = list(self.labels)
        known = dict(zip(map(str, labels), labels, strict=True))
        return known | dict(zip(texts_of(self.labels), labels, strict=True))

    @cached_property
    def _places(self) -> dict[Any, int]:
        return {_key(label): place for place, label in enumerate(self.labels)}

    def _position(self, label: Any) -> int:
        try:
            return self._places.get(_key(label), -1)
        except TypeError:  # a list, say, is no label
            return -1


def _key(label: Any) -> tuple[bool, Any]:
    """Keeps true apart from 1, which are equal to Python."""
    return isinstance(label, bool | np.bool_), label
