"""The fixed columns that contain x, its group mean or its deviation, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.design.design import Design
from hierbayes.errors import DataError
from hierbayes.fit.contextual.own_columns import own_columns
from hierbayes.specification.terms import bare, factor_text, is_number

# ∂/∂x, and the sum of ∂/∂x and ∂/∂m, of each (see `slopes`)
_WITHIN = {"x": 1.0, "cvar": 0.0, "dvar": 1.0, "lvar": 0.0}
_BETWEEN = {"x": 1.0, "cvar": 1.0, "dvar": 0.0, "lvar": 1.0}


@dataclass(frozen=True, slots=True)
class XColumn:
    """A fixed column that contains x.

    Parameters
    ----------
    place : int
        Of the column among the fixed ones.
    roles : tuple of str
        ``"x"``, ``"cvar"``, ``"dvar"`` or ``"lvar"``; several where the term is their product.
    others : tuple of str
        The other factors of its term.
    scale : float
        A number the term is multiplied with.
    """

    place: int
    roles: tuple[str, ...]
    others: tuple[str, ...]
    scale: float

    @property
    def is_plain(self) -> bool:
        """Whether its slopes depend on nothing."""
        return len(self.roles) == 1 and not self.others

    def value(self, of_role: Mapping[str, Any]) -> Any:
        """What x makes of it, from the values of the roles."""
        return self.scale * np.prod([of_role[role] for role in self.roles], axis=0)

    def slopes(self, at: float) -> tuple[float, float]:
        """Its part in the slopes within and between where x and its mean are ``at``."""
        value = {"x": at, "cvar": at, "dvar": 0.0, "lvar": at}
        within = between = 0.0
        for k, role in enumerate(self.roles):
            rest = [value[other] for i, other in enumerate(self.roles) if i != k]
            within += self.scale * _WITHIN[role] * float(np.prod(rest))
            between += self.scale * _BETWEEN[role] * float(np.prod(rest))
        return within, between


def factors_around(design: Design, k: int) -> tuple[str, ...]:
    """The grouping factors each of whose groups holds whole groups of factor k."""
    mine, J = design.rows.codes_of[k], design.factors[k].J
    return tuple(
        factor.name
        for m, factor in enumerate(design.factors)
        if m != k
        and len(np.unique(mine.astype(np.int64) * factor.J + design.rows.codes_of[m])) == J
    )


def x_columns(design: Design, x: str, outer: tuple[str, ...] = ()) -> tuple[XColumn, ...]:
    """The fixed columns that contain x, its group mean or its deviation, and as what.

    ``outer`` are grouping factors around that of the design, see `factors_around`.
    """
    forms = forms_of(design, x, outer)
    found, place = [], 0
    for part in design.columns.fixed_spec.structure:
        factors = list(map(factor_text, part.term.factors))
        named = [(factor, role_of(factor, forms)) for factor in factors]
        roles = tuple(role for _, role in named if role)
        if roles:
            rest = [factor for factor, role in named if not role]
            others = tuple(factor for factor in rest if not is_number(factor))
            scale = float(np.prod([float(factor) for factor in rest if is_number(factor)]))
            found += [XColumn(place + k, roles, others, scale) for k in range(len(part.columns))]
        place += len(part.columns)
    return tuple(found)


def forms_of(design: Design, x: str, outer: tuple[str, ...]) -> dict[str, str]:
    """The spellings of x, its group mean, its deviation and its latent mean, without quotes."""
    design.specification.refuse_no_random_part("contextual()")
    bare, name = plain(x), plain(design.specification.group)
    spelt = {f"{role}({bare},{name})": role for role in ("cvar", "dvar", "lvar")}
    spelt |= {f"dvar({bare},{plain(one)})": "x" for one in outer}
    return {plain(own): role for own, role in own_columns(design, x).items()} | {bare: "x"} | spelt


def refuse_other_means(design: Design, x: str, k: int, outer: tuple[str, ...]) -> None:
    """Refuse means of x over another grouping factor that are not constant within a group."""
    group = design.factors[k].name
    for other in (factor.name for factor in design.factors if factor.name not in (group, *outer)):
        made = {f"{role}({plain(x)},{plain(other)})" for role in ("cvar", "dvar", "lvar")}
        for part in design.columns.fixed_spec.structure:
            for factor in map(factor_text, part.term.factors):
                if plain(factor) in made:
                    raise DataError(
                        f"the model has '{bare(factor)}' as well, made of a mean over '{other}', "
                        f"which is not constant within '{group}', so that there is no one slope of "
                        f"'{x}' within '{group}'; combine coefficients with hb.wald()"
                    )


def role_of(factor: str, forms: dict[str, str]) -> str:
    """What a factor is of x; empty for a column of the data that is called as a mean is."""
    role = forms.get(plain(factor), "")
    is_column = factor[:1] == factor[-1:] == "`" and factor.count("`") == 2
    is_called = "(" in factor
    return "" if is_column and is_called and role != "x" else role


def plain(text: str) -> str:
    """What is written, without quotes and blanks, by which spellings are compared."""
    return bare(text).replace(" ", "")
