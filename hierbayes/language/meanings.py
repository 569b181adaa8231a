"""What each γ means, in words.

γ_kh multiplies column h in the equation of coefficient β_k.  The words are built as
the equation is: what β_k is of a group (its intercept, its slope), then what the
column does to its mean: a level of a factor makes a difference, a number a change per
unit.  What holds the other columns at zero is said with it.  Where a column has no
such words for certain, as under codings other than treatment's, it is only named.

Source: the lecture slides *Mixed Models with R*, "Between-School Model: What γ means"
and "Contextual effects".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem
from hierbayes.display.blocks import Definition, Definitions, Items
from hierbayes.display.page import Page, Printed
from hierbayes.language.coefficient_words import (
    coefficient_noun,
    context_of,
    shares_variable,
    within_conditions,
)
from hierbayes.language.conditions import conditions_of
from hierbayes.language.estimates import Estimates
from hierbayes.language.factor import Factor, Factors
from hierbayes.language.level_script import LevelScript
from hierbayes.language.level_structure import read_level_structure
from hierbayes.language.link_scale import LinkScale, link_scale, scale_notes
from hierbayes.language.nouns import plural, quantity, which
from hierbayes.language.predictors import parts_of
from hierbayes.language.script import Script
from hierbayes.language.structure import (
    Coefficient,
    Entry,
    Structure,
    read_row_structure,
    read_structure,
)
from hierbayes.language.text import TextWriter
from hierbayes.specification.notation import current_notation


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Meanings(Printed):
    """The fixed effects in words.

    Parameters
    ----------
    table : DataFrame
        By term, in the order of the equations: ``symbol``, ``meaning``, and for a fit
        ``estimate``; of a link whose coefficients are logarithms (logit, log, ...) also ``exp``.
    what : str
        What the estimates are; empty without.
    notes : tuple of str
        Of a response that is not Gaussian: on which scale they are, of which groups they hold.
    """

    table: pd.DataFrame
    what: str
    notes: tuple[str, ...] = ()

    def page(self) -> Page:
        """Each symbol with its term, its estimate and what it means."""
        title = self.what[:1].upper() + self.what[1:]
        blocks = (Definitions(tuple(self._definitions())), Items(self.notes))
        return Page(title, blocks=blocks[: 1 + bool(self.notes)])

    def _definitions(self) -> Iterator[Definition]:
        for term, row in self.table.iterrows():
            value = f"{row['estimate']:>10.4f}  " if "estimate" in row else ""
            value += f"exp {row['exp']:<8.4g}  " if "exp" in row else ""
            yield Definition(row["symbol"], f"{value}{term}", (row["meaning"],))


def meanings(problem: Problem, estimates: Estimates | None = None) -> Meanings:
    """Symbol and meaning of each fixed effect, by term in the order of the equations.

    Parameters
    ----------
    problem : Problem
    estimates : Estimates, optional
        Adds their column ``estimate``.

    Notes
    -----
    Of several grouping factors a coefficient is said as that of the highest one that a factor of
    its column belongs to, as if it were the only one; a column of the rows alone as that of the
    highest of all.
    """
    scale, columns = link_scale(problem), problem.design.columns
    p = len(columns.terms) // columns.n_predictors
    rows = [
        (k * p + place, symbol, said)
        for k, part in enumerate(parts_of(problem, estimates))
        for place, symbol, said in _of_part(part.problem, link_scale(part.problem, part.name))
    ]
    places = [place for place, _, _ in rows]
    table = pd.DataFrame(
        {"symbol": [symbol for _, symbol, _ in rows], "meaning": [said for _, _, said in rows]},
        index=pd.Index([problem.design.terms[place] for place in places], name="term"),
    )
    if estimates is not None:
        table["estimate"] = [float(estimates.gamma[place]) for place in places]
        if scale.words.ratio:
            with np.errstate(over="ignore"):
                table["exp"] = np.exp(table["estimate"])
    what = "" if estimates is None else estimates.what
    return Meanings(table, what, scale_notes(problem, scale, estimates))


def _of_part(problem: Problem, scale: LinkScale) -> list[tuple[int, str, str]]:
    """Place, symbol and meaning of each fixed effect of one linear predictor."""
    if not problem.design.specification.random:
        return _of_rows(problem, scale)
    if len(problem.design.factors) > 1:
        return _of_levels(problem, scale)
    structure = scale.on(read_structure(problem.design))
    script = Script(structure, current_notation(), TextWriter())
    return [
        (
            entry.place,
            script.gamma_symbol(entry),
            meaning(structure, beta, entry) + scale.exponential(beta, entry),
        )
        for beta, entry in structure.entries
    ]


def _of_levels(problem: Problem, scale: LinkScale) -> list[tuple[int, str, str]]:
    """Place, symbol and meaning of each fixed effect of a model of several grouping factors."""
    levels = read_level_structure(problem)
    script = LevelScript(levels, current_notation(), TextWriter())
    found = [
        scale.on(replace(read_structure(problem.design.of_factor(k)), group=levels.group_noun(k)))
        for k in range(len(levels.groups))
    ]
    rows = []
    for path in levels.fixed:
        owners = {levels.owner[f.expr] for node in path for f in node.factors
                  if f.expr in levels.owner}  # fmt: skip
        highest = next((k for k in script.order[::-1] if k in owners), script.order[-1])
        structure, place = found[highest], path[-1].place
        beta, entry = next(pair for pair in structure.entries if pair[1].place == place)
        symbol = script.gamma_symbol(path[-1])
        said = meaning(structure, beta, entry) + scale.exponential(beta, entry)
        rows.append((place, symbol, said))
    return rows


def _of_rows(problem: Problem, scale: LinkScale) -> list[tuple[int, str, str]]:
    """The same without a random part: every column is of the mean response of rows."""
    script = LevelScript(read_level_structure(problem), current_notation(), TextWriter())
    symbols = {node.place: script.gamma_symbol(node) for node in script.structure.root.terms}
    structure = scale.on(read_row_structure(problem.design))
    return [
        (
            entry.place,
            symbols[entry.place],
            meaning(structure, beta, entry) + scale.exponential(beta, entry),
        )
        for beta, entry in structure.entries
    ]


def meaning(structure: Structure, beta: Coefficient, entry: Entry) -> str:
    """What one γ means."""
    group, factors = structure.group, entry.factors
    conditions = conditions_of(factors, [e.factors for e in beta.entries], group)
    noun = coefficient_noun(structure, beta)
    if conditions is None or not _has_words(structure, beta, factors):
        of = noun if noun == structure.response else f"the {noun}"
        return f"the {_product(factors)} in the equation of {of}"
    within = within_conditions(structure, beta) if not noun.startswith("coefficient of") else ()
    if not factors or factors[0].is_every_level:
        if factors:
            conditions = conditions.at(factors[0])
        what = structure.response if not beta.factors and within is not None else noun
        return f"the mean {what}{conditions.after(within or (), group)}"
    phrase, tail = _effect(structure, beta, factors, f"mean {noun}")
    return f"the {phrase}{conditions.after((beta.factors and within) or (), group)}{tail}"


def _effect(
    structure: Structure, beta: Coefficient, factors: Factors, phrase: str
) -> tuple[str, str]:
    """What a column does to the mean of a coefficient, and what else that is."""
    group, tail = structure.group, ""
    context = context_of(structure, beta, factors)
    numbers = [f for f in factors if not f.coding]
    if context is not None:
        phrase, tail = context
    else:
        for number in numbers:
            phrase = f"change in {_noted(phrase)} per unit of {quantity(number, group)}"
    for factor in (f for f in factors if f.coding):
        phrase = f"difference in {_noted(phrase)} between {_levels(factor, group)}"
    return phrase, tail if len(factors) == 1 else ""


def _levels(factor: Factor, group: str) -> str:
    """Two sets of groups, as in ``Public and Catholic schools``."""
    name = factor.variable
    levels = (factor.level, factor.reference)
    nouns = [which([(name, level)], group) for level in levels]
    if nouns == [f"{level} {plural(group)}" for level in levels]:
        return f"{factor.level} and {nouns[1]}"
    return f"{plural(group)} with {name} = {factor.level} and {name} = {factor.reference}"


def _has_words(structure: Structure, beta: Coefficient, factors: Factors) -> bool:
    """Whether a column of an equation is a product of levels and numbers and nothing else."""
    others = {f for entry in beta.entries for f in entry.factors}
    full = any(f.is_every_level for f in factors)
    if full and (len(factors) > 1 or any(not entry.factors for entry in beta.entries)):
        return False
    return all(
        (f.is_indicator if f.coding else not f.label)
        and not any(shares_variable(f, g, structure.group) for g in others)
        for f in factors
    )


def _product(factors: Factors) -> str:
    names = " × ".join(f.name for f in factors)
    return f"coefficient of {names}" if names else "constant"


def _noted(phrase: str) -> str:
    """With an article, but for a plain mean."""
    return phrase if phrase.startswith("mean ") else f"the {phrase}"
