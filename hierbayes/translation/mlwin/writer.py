"""MLwiN: a macro of commands, written.

Commands as the R package R2MLwiN writes them and the Centre for Multilevel Modelling
publishes them: RESP, IDEN, RDIS, LFUN, DOFF, MNOM, RPAT, ADDT, FPAR, SETV, CLRE, METH, LINE, MLAV,
CALC, DESC, LINK, NAME, BATC, STAR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from hierbayes.errors import FormulaError
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.coding import all_factors
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.mlwin.families import FAMILIES, INSTEAD, Words, in_model, words_of
from hierbayes.translation.mlwin.reader import read_mlwin
from hierbayes.translation.nested_levels import nested_levels
from hierbayes.translation.programs.arithmetic import Arithmetic
from hierbayes.translation.programs.column_plan import ColumnPlan, NameRules
from hierbayes.translation.programs.derived_columns import (
    Computed,
    DerivedColumn,
    Deviation,
    GroupMean,
    Indicator,
    usual_factor,
)
from hierbayes.translation.programs.factor_coding import level_choices, refuse_unclear_coding

_RULES = NameRules("MLwiN")
_ARITHMETIC = Arithmetic(
    "MLwiN",
    {"log": "LOGE", "log10": "LOGT", "exp": "EXPO", "sqrt": "SQRT", "abs": "ABSO"},
    "^",
    lambda name: f"'{name}'",
)


def emit_mlwin(model: ModelToWrite) -> str:
    """The model as a macro.

    Parameters
    ----------
    model : ModelToWrite

    Raises
    ------
    FormulaError
        When MLwiN has no name for a column, a term has no counterpart there, or grouping factors
        cross.
    """
    levels = nested_levels(model, "IGLS of MLwiN")[::-1]  # the innermost is level 2
    spec = model.specification
    plan = ColumnPlan(model.variables, _RULES, spec.group_columns)
    cons, row = plan.fresh("cons"), plan.fresh("row")
    words = words_of(model, plan, cons)
    response = words.response
    fixed = list(_columns(spec.fixed, plan, cons))
    blocks = [[list(_columns(block, plan, cons)) for block in level.blocks] for level in levels]
    random = [[column for block in of_level for column in block] for of_level in blocks]
    shared = [column for column in fixed if not words.shared or column != (cons,)]
    varying = (column for own in random for column in own)
    only_random = [c for c in dict.fromkeys((*varying, (cons,))) if c not in shared]
    if words.categories:  # stacked responses have intercepts of their own
        only_random = [c for c in only_random if any(c in own for own in random)]
    rows = [*([words.indicator] if words.indicator else []), row]
    groups, first = [level.columns[0] for level in levels], len(rows) + 1
    lines = [
        *_notes(model, groups[::-1], plan, row),
        *_made(plan, cons, response),
        "",
        *(words.stacked or (f"RESP '{response}'",)),
        *(f"IDEN {k} '{name}'" for k, name in enumerate([*rows, *groups], 1)),
        *words.of_response,
        *_added([*shared, *only_random], words, cons),
        *(f"FPAR 0 {in_model(column, end)}" for column in only_random for end in words.endings),
        *(
            f"SETV {k} {in_model(one, end)}"
            for k, own in enumerate(random, first)
            for end in words.endings
            for one in own
        ),
        *(line for k, own in enumerate(blocks, first) for line in _apart(k, own, words)),
        *words.of_rows,
        *words.method,
        "BATC 1",
        "STAR",
    ]
    return "\n".join(lines)


def _columns(terms: Sequence[str], plan: ColumnPlan, cons: str) -> Iterator[tuple[str, ...]]:
    """The columns of terms, each as the columns it is a product of."""
    refuse_unclear_coding(terms, plan.is_factor, "MLwiN")
    for term in terms:
        if term == INTERCEPT:
            yield (cons,)
            continue
        for choice in level_choices(term, terms, plan.is_factor, plan.levels):
            yield tuple(
                plan.indicator(factor, level, full=full) if level else plan.column(factor)
                for factor, level, full in choice
            )


def _listed(column: tuple[str, ...]) -> str:
    return " ".join(f"'{name}'" for name in column)


def _added(columns: Sequence[tuple[str, ...]], words: Words, cons: str) -> Iterator[str]:
    """Columns put into the model; of stacked responses in a pattern, beside their intercepts."""
    if words.shared:
        yield f"ADDT '{cons}'"
        yield " ".join(["RPAT", *["1"] * words.shared])
    yield from (f"ADDT {_listed(column)}" for column in columns)
    yield from ["RPAT"] if words.shared else []


def _apart(level: int, blocks: Sequence[Sequence[tuple[str, ...]]], words: Words) -> Iterator[str]:
    """Covariances between blocks of a level taken out; SETV puts in all of them."""
    own = [[in_model(one, end) for one in block] for end in words.endings for block in blocks]
    for first, second in combinations(own, 2):
        yield from (f"CLRE {level} {a} {b}" for a, b in product(first, second))


def _notes(model: ModelToWrite, groups: Sequence[str], plan: ColumnPlan, row: str) -> Iterator[str]:
    order = " and ".join(f"'{group}'" for group in groups)
    yield f"NOTE '{model.data}' has complete rows only, sorted by {order}; '{row}' numbers them"
    used = {factor.strip("`") for factor in all_factors(model.specification)}
    for factor in model.variables.factors:
        if factor in used or factor not in groups:
            coded = ", ".join(f"{i} {level}" for i, level in enumerate(plan.levels(factor), 1))
            yield f"NOTE '{factor}' is coded {coded}"


def _made(plan: ColumnPlan, cons: str, response: str) -> Iterator[str]:
    """Free columns named, then filled."""
    steps = plan.with_means()
    names = [cons, *(step.name for step in steps)]
    yield f"LINK {len(names)} G21"
    yield from (f"NAME G21[{place}] '{name}'" for place, name in enumerate(names, 1))
    means: dict[tuple[str, str], str] = {}
    constant_of = response if response not in names else next(iter(plan.variables.columns))
    yield f"CALC '{cons}' = 0 * '{constant_of}' + 1"
    for step in steps:
        if isinstance(step, GroupMean):
            means[step.of, step.group] = step.name
        yield _command(step, means, plan)
        if not isinstance(step, Indicator) and usual_factor(step, steps) != step.factor:
            yield f"DESC '{step.name}' '{_quotable(step.factor)}'"


def _command(step: DerivedColumn, means: dict[tuple[str, str], str], plan: ColumnPlan) -> str:
    if isinstance(step, GroupMean):
        return f"MLAV '{step.group}' '{step.of}' '{step.name}'"
    if isinstance(step, Deviation):
        return f"CALC '{step.name}' = '{step.of}' - '{means[step.of, step.group]}'"
    if isinstance(step, Computed):
        return f"CALC '{step.name}' = {_ARITHMETIC.write(step.tree, step.factor)}"
    return f"CALC '{step.name}' = '{step.of}' == {plan.levels(step.of).index(step.level) + 1}"


def _quotable(text: str) -> str:
    if "'" in text or "\n" in text:
        raise FormulaError(f"MLwiN cannot quote the text {text!r}; rename the column")
    return text


DIALECT = Dialect(
    "mlwin", "MLwiN: macro", emit_mlwin, read_mlwin, families=FAMILIES, instead=INSTEAD
)
