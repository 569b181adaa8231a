"""The multilevel form: equations at two or more levels, to and from the combined form.

A within-group equation, and a between-group equation for each of its coefficients:

    y_ij = β_0j + β_1j x_ij + r_ij                    (within)
    β_0j = γ_00 + γ_01 w_j + u_0j                     (between)
    β_1j = γ_10 + γ_11 w_j + u_1j
    y_ij = γ_00 + γ_10 x_ij + γ_01 w_j + γ_11 x_ij w_j + u_0j + u_1j x_ij + r_ij

Where groups are nested in others, each coefficient of a between equation has its own equation at
the next level.

Source: the lecture slides *Mixed Models with R*, "From the multilevel model to
the mixed model".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.formula import Specification
from hierbayes.specification.level_equations import LevelEquations, nested_levels
from hierbayes.specification.notation import current_notation
from hierbayes.specification.random_term import random_terms
from hierbayes.specification.response import ResponseTerm, read_response_term, take_offsets
from hierbayes.specification.term_parser import outside_backticks
from hierbayes.specification.terms import INTERCEPT, as_named, join_terms, read_terms


@dataclass(frozen=True)
class Multilevel:
    """A hierarchical model as equations at two levels, or at more where groups are nested.

    Parameters
    ----------
    within : str
        The within-group equation, ``"mathach ~ 1 + ses"``; counts out of trials and offsets as in
        a formula, ``"k | trials(n) ~ 1 + x + offset(log(t))"``.
    between : mapping of str to str
        For each term of the within equation the right-hand side of the equation
        of its coefficient; ``"1"`` is the intercept.  A term that is left out
        has ``"1"``: one mean for all groups.  ``"0"`` gives it no fixed part.
        Of several groups a mapping for each coefficient, from level to equation; a
        coefficient of such an equation is called by its product, as ``"x:size"`` is that of
        ``size`` in the equation of ``x``, and ``"x"`` that of its constant.
    group : str or sequence of str
        Column that holds the groups; or columns, the outermost first, each of which tells
        groups apart within a group of the one before it.
    random : sequence of str, or of sequences of str
        The within coefficients that vary between groups.  Several sequences
        make G block-diagonal.  Of several groups a mapping from level to these; by default
        the intercept varies at each.
    has_errors : bool
        Whether it is shown as a sum with normal errors, and not as η of a family; no more.

    Raises
    ------
    FormulaError
        When an equation cannot be read, or speaks of a coefficient that the
        within equation does not have.

    Examples
    --------
    >>> m = Multilevel("y ~ 1 + x", {"1": "1 + w", "x": "1 + w"}, group="g", random=["1", "x"])
    >>> print(m)
    within   y = β[1] + β[x]·x + r          r ~ N(0, σ²)
    between  β[1] = (1 + w)·γ + u[1]
             β[x] = (1 + w)·γ + u[x]          u ~ N(0, G), by g
    >>> m.specification().lme4()
    'y ~ 1 + w + x + x:w + (1 + x | g)'

    Pupils in rooms in schools: the intercept depends on the room's size and the school's sector.

    >>> m = Multilevel(
    ...     "y ~ 1 + x",
    ...     {"1": {"room": "1 + size", "school": "1 + sector"}, "x": {"school": "1 + sector"}},
    ...     group=("school", "room"),
    ...     random={"room": ["1"], "school": ["1", "x"]},
    ... )
    >>> print(m)
    level 1  y = β[1] + β[x]·x + r          r ~ N(0, σ²)
    room     β[1] = (1 + size)·β + u[1]
             β[x] = (1)·β          u ~ N(0, G), by school:room
    school   β[1] = (1 + sector)·γ + u[1]
             β[size] = (1)·γ
             β[x] = (1 + sector)·γ + u[x]          u ~ N(0, G), by school
    >>> m.specification().lme4()
    'y ~ 1 + sector + size + x + x:sector + (1 + x | school) + (1 | school:room)'
    """

    within: str
    between: Mapping[str, Any] = field(default_factory=dict)
    group: Any = ""
    random: Any = (INTERCEPT,)
    has_errors: bool = field(default=True, compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        nested = not isinstance(self.group, str) and isinstance(self.group, Sequence)
        if not self.group or not (nested or isinstance(self.group, str)):
            raise FormulaError("the equations name no group; give group='column'")
        if not isinstance(self.within, str):
            raise FormulaError(
                "the within equation must be text, as in 'y ~ 1 + x', not "
                f"{type(self.within).__name__}"
            )
        if not isinstance(self.between, Mapping):
            raise FormulaError(
                "the between equations must be a mapping, as in {'1': '1 + w'}, not "
                f"{type(self.between).__name__}"
            )
        read_response_term(_sides(self.within)[0])
        if nested:
            self._read_nested()
        else:
            self._read_two_levels()

    def _read_nested(self) -> None:
        """Check and complete the equations of several groups."""
        if not all(isinstance(name, str) and name.strip("`") for name in self.group):
            raise FormulaError(f"groups are named by text, the outermost first, not {self.group!r}")
        groups = tuple(name.strip("`") for name in self.group)
        if len(set(groups)) < max(2, len(groups)):
            raise FormulaError(
                f"group={list(groups)} must name two or more columns, each once; of one group "
                "write group='column'"
            )
        between = {_one_term(key): texts for key, texts in self.between.items()}
        random = self.random
        if random == (INTERCEPT,):
            random = dict.fromkeys(groups, random)
        if isinstance(random, Mapping):
            random = {
                level: [tuple(map(_one_term, block)) for block in _as_blocks(blocks)]
                for level, blocks in random.items()
            }
        levels = nested_levels(self.coefficients, groups, between, random)
        equations: dict[str, dict[str, str]] = {}
        for level in levels:
            for name, text in level.equations.items():
                equations.setdefault(name, {})[level.group] = text
        unknown = [name for name in between if as_named(name, equations) not in equations]
        if unknown:
            raise FormulaError(
                f"there is an equation of '{unknown[0]}', which is no coefficient at any level; "
                f"the coefficients are: {in_quotes(equations)}"
            )
        object.__setattr__(self, "group", groups)
        frozen = {name: MappingProxyType(texts) for name, texts in equations.items()}
        object.__setattr__(self, "between", MappingProxyType(frozen))
        blocks = {level.group: level.random for level in levels[::-1]}
        object.__setattr__(self, "random", MappingProxyType(blocks))

    def _read_two_levels(self) -> None:
        """Check and complete the equations of one group."""
        object.__setattr__(self, "group", self.group.strip("`"))
        names = self.coefficients
        given = {as_named(_one_term(key), names): text for key, text in self.between.items()}
        unknown = [key for key in given if key not in names]
        if unknown:
            raise FormulaError(
                f"there is a between equation for '{unknown[0]}', which is no coefficient of the "
                f"within equation '{self.within}'; its coefficients are: {in_quotes(names)}"
            )
        object.__setattr__(self, "between", MappingProxyType({n: given.get(n, "1") for n in names}))
        blocks = tuple(
            tuple(as_named(_one_term(term), names) for term in block)
            for block in _as_blocks(self.random)
        )
        for term in (term for block in blocks for term in block):
            if term not in names:
                raise FormulaError(
                    f"'{term}' is to vary between groups but is no coefficient of the within "
                    f"equation '{self.within}'; its coefficients are: {in_quotes(names)}"
                )
        object.__setattr__(self, "random", blocks)

    def __reduce__(self) -> tuple[Any, ...]:
        nested = not isinstance(self.group, str)
        between = {n: dict(one) if nested else one for n, one in self.between.items()}
        random = dict(self.random) if nested else self.random
        make = partial(type(self), has_errors=self.has_errors)
        return make, (self.within, between, self.group, random)

    def __hash__(self) -> int:
        parts = [(one.columns, *one.equations.items(), one.random) for one in self.levels]
        return hash((self.within, *parts))

    @property
    def response(self) -> str:
        """Left-hand side of the within equation."""
        return str(self._left)

    @property
    def _left(self) -> ResponseTerm:
        return read_response_term(_sides(self.within)[0])

    @property
    def offsets(self) -> tuple[str, ...]:
        """What the within equation adds as it is, with a coefficient of 1."""
        return take_offsets(_sides(self.within)[1])[1]

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Terms of the within equation, one coefficient β each."""
        return read_terms(take_offsets(_sides(self.within)[1])[0], "within equation")

    @property
    def levels(self) -> tuple[LevelEquations, ...]:
        """The between equations level by level, the lowest first."""
        if isinstance(self.group, str):
            return (LevelEquations((self.group,), self.between, self.random),)
        return nested_levels(self.coefficients, self.group, self.between, self.random)

    def specification(self) -> Specification:
        """The combined form: every between equation put into the equation of the level below."""
        levels = self.levels
        combined = read_terms(join_terms(levels[-1].products), "fixed part")
        random = [
            term
            for one in reversed(levels)
            for term in random_terms(":".join(one.columns), one.random, one.columns)
        ]
        left = self._left
        trials = left if left.other else None
        return Specification(
            left.counted, combined, tuple(random), offsets=self.offsets, trials=trials
        )

    def __str__(self) -> str:
        said, levels = current_notation(), self.levels
        β, γ, u, r, G = said.own, said.fixed, said.random, said.error, said.variance
        titles = ["between"] if len(levels) == 1 else [one.group for one in levels]
        row = "within" if len(levels) == 1 else "level 1"
        width = max(map(len, [row, *titles])) + 2
        parts = [f"{β}[1]" if n == INTERCEPT else f"{β}[{n}]·{n}" for n in self.coefficients]
        sums = " + ".join([*parts, *self.offsets])
        if self._left.other or not self.has_errors:
            lines = [f"{row:<{width}}η = {sums}          of {self.response}"]
        else:
            lines = [f"{row:<{width}}{self.response} = {sums} + {r}          {r} ~ N(0, σ²)"]
        for title, one in zip(titles, levels, strict=True):
            varying = {term for block in one.random for term in block}
            weight = γ if one is levels[-1] else β
            for i, (name, text) in enumerate(one.equations.items()):
                parts = [f"({text})·{weight}"] if text.strip() != "0" else []
                parts += [f"{u}[{name}]"] if name in varying else []
                head = title if i == 0 else ""
                lines.append(f"{head:<{width}}{β}[{name}] = {' + '.join(parts) or '0'}")
            if varying or len(levels) == 1:
                lines[-1] += f"          {u} ~ N(0, {G}), by {':'.join(one.columns)}"
        return "\n".join(lines)


def _sides(within: str) -> tuple[str, str]:
    place = outside_backticks(within).find("~")
    tilde, left, right = place >= 0, within[:place], within[place + 1 :].strip()
    if not tilde or not left.strip() or not right.strip():
        raise FormulaError(
            f"cannot read the within equation '{within}': it needs a response, '~' and terms, "
            "as in 'y ~ 1 + x'"
        )
    return left.strip(), right


def _one_term(text: str) -> str:
    if not isinstance(text, str):
        raise FormulaError(f"a coefficient is named by text, as in '1' or 'x', not {text!r}")
    if text.strip() == INTERCEPT:
        return INTERCEPT
    terms = read_terms(f"0 + {text}", "coefficient")
    if len(terms) != 1:
        raise FormulaError(f"'{text}' names {len(terms)} coefficients; name one at a time")
    return terms[0]


def _as_blocks(
    random: Sequence[str] | Sequence[Sequence[str]],
) -> list[Sequence[str]]:
    if isinstance(random, str):
        return [[random]]
    if not isinstance(random, Sequence):
        raise FormulaError(
            f"random must be a list of coefficients, as in ['1', 'x'], not {random!r}"
        )
    flat = [term for term in random if isinstance(term, str)]
    nested = [block for block in random if not isinstance(block, str)]
    if flat and nested:
        raise FormulaError(
            "random mixes single coefficients and lists of them; write a list of lists"
        )
    return [flat] if flat else list(nested)
