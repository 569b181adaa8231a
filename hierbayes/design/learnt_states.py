"""Passes over rows that stream, in which the transforms of a formula learn what they remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from hierbayes.design.columns import Columns
from hierbayes.design.counted_rows import RowReader
from hierbayes.design.evaluation import Evaluation
from hierbayes.design.first_pass import HEAD, coded
from hierbayes.design.state_learners import StateLearner, constants_of, learner_of
from hierbayes.errors import DataError, FormulaError
from hierbayes.sources.source import Source
from hierbayes.specification.expression import Call, Expression, Operation, columns_in
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.formula import Specification
from hierbayes.specification.known_functions import CONTEXTUAL, STATEFUL
from hierbayes.specification.terms import factors_of, is_number

_OF_BATCH = 100  # rows of a batch that are kept, at most

type States = Mapping[str, dict[str, Any]]


def calls_that_learn(spec: Specification, source: Source) -> tuple[Call, ...]:
    """The calls of transforms that learn something of all rows, the inner before the outer.

    Raises
    ------
    FormulaError
        When one stands in the response or an offset, or learns what no passes over rows find.
    """
    for text in (spec.response, *spec.offsets):
        for call in _calls(read_expression(text)):
            raise _refusal(call, source)
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    factors = dict.fromkeys(f for term in terms for f in factors_of(term) if not is_number(f))
    found = {call.text: call for factor in factors for call in _calls(read_expression(factor))}
    for call in found.values():
        if learner_of(call) is None:
            raise _refusal(call, source)
    return tuple(found.values())


def _refusal(call: Call, source: Source) -> FormulaError:
    splines = call.function in ("bs", "cr", "cs", "cc")
    knots = "state its knots, as in knots=[1, 2, 3], " if splines else ""
    return FormulaError(
        f"'{call.text}' is made of all rows at once, and those of {source.text} stream: {knots}"
        "compute it beforehand as a column, or give a frame as data"
    )


def _calls(expression: Expression) -> Iterator[Call]:
    """Calls of transforms that remember something, the inner before the outer."""
    match expression:
        case Operation(parts=parts) | Call(values=parts):
            for part in parts:
                yield from _calls(part)
    if isinstance(expression, Call) and expression.function in STATEFUL:
        is_raw = expression.function == "poly" and bool(constants_of(expression).get("raw"))
        if not is_raw:  # of each row alone
            yield expression


@dataclass(frozen=True, slots=True)
class Learning:
    """What a pass over rows is to learn.

    Parameters
    ----------
    learners : tuple of StateLearner
    states : mapping
        What the calls within those of the learners remember.
    groups : tuple of str
        Columns that hold the groups of means.
    keeps : bool
        Whether rows from all over the source are wanted as well.
    """

    learners: tuple[StateLearner, ...]
    states: States
    groups: tuple[str, ...]
    keeps: bool


class Learnt(NamedTuple):
    """Learners that have seen rows, and a few of these."""

    learners: tuple[StateLearner, ...]
    kept: pd.DataFrame


def learnt_by(
    calls: tuple[Call, ...], one_pass: Callable[[Learning], Learnt]
) -> tuple[States, pd.DataFrame]:
    """What the calls remember of all rows, and a few hundred rows from all over the source.

    Parameters
    ----------
    calls : tuple of Call
        The inner before the outer.
    one_pass : callable
        Passes over all rows.

    Raises
    ------
    DataError, FormulaError
        When a call cannot be computed, naming the file or the part.
    """
    states: dict[str, dict[str, Any]] = {}
    waiting = {call.text: (call, learner) for call, learner in _learners(calls)}
    head, groups = pd.DataFrame(), tuple(_groups(calls))
    while waiting:
        ready = [call for call, _ in waiting.values() if not _texts(call.values) & waiting.keys()]
        learners = tuple(waiting[call.text][1] for call in ready)
        found = one_pass(Learning(learners, states, groups, not len(head)))
        if not len(head):
            head = found.kept.iloc[:: -(-len(found.kept) // HEAD)]
            head = pd.concat([head, *(rows for one in found.learners for rows in one.ends)])
        for call, learner in zip(ready, found.learners, strict=True):
            state = learner.state()
            waiting[call.text] = call, learner
            if state is not None:
                states[call.text] = state
                del waiting[call.text]
    return states, head


def passed_over(
    source: Source, reader: RowReader, levels: Mapping[str, pd.Index], learning: Learning
) -> Learnt:
    """One pass over the rows of a source; without a complete row learners have seen nothing.

    Raises
    ------
    DataError, FormulaError
        When a call cannot be computed, naming the file or the part.
    """
    kept = [pd.DataFrame()]
    labels = list(dict.fromkeys([*levels, *learning.groups]))
    for batch in source.batches(reader.columns, labels):
        read = reader.of(batch)
        if not len(read.frame):
            continue
        try:
            frame = coded(read.frame, levels)
            evaluation = Evaluation(frame, dict(learning.states), reader.spec.functions)
            for learner in learning.learners:
                learner.add(evaluation, read.times, batch.place)
        except (DataError, FormulaError) as error:
            raise type(error)(f"{batch.place}: {error}") from error
        if learning.keeps:
            kept.append(read.frame.iloc[:: max(len(read.frame) // _OF_BATCH, 1)].copy())
    return Learnt(learning.learners, pd.concat(kept[1:] or kept))


def joined_learnt(parts: Sequence[Learnt]) -> Learnt:
    """What was learnt of several sets of rows, each of which has a complete one."""
    learners = deepcopy(parts[0].learners)  # a part may be asked for again
    for other in parts[1:]:
        for mine, theirs in zip(learners, other.learners, strict=True):
            mine.join(theirs)
    return Learnt(learners, pd.concat([one.kept for one in parts]))


def _learners(calls: Iterable[Call]) -> Iterator[tuple[Call, StateLearner]]:
    for call in calls:
        learner = learner_of(call)
        assert learner is not None
        yield call, learner


def _texts(expressions: Iterable[Expression]) -> set[str]:
    """Texts of the calls that remember something."""
    return {call.text for one in expressions for call in _calls(one)}


def _groups(calls: Iterable[Call]) -> list[str]:
    """Columns that hold the groups of means."""
    return [
        name for call in calls if call.function in CONTEXTUAL for name in columns_in(call.values[1])
    ]


def states_of(columns: Columns) -> States:
    """What the transforms of a design remember, by the text of the call."""
    specs = (columns.fixed_spec, *columns.random_specs)
    return {
        text: state
        for spec in specs
        if isinstance(spec, ModelSpec)
        for text, state in spec.transform_state.items()
        if state
    }


def same_states(one: States, other: States) -> str:
    """The first call that remembers something else in one than in the other; empty without any."""
    for text in dict.fromkeys([*one, *other]):
        if text not in one or text not in other or not _same(one[text], other[text]):
            return text
    return ""


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, pd.Series) and isinstance(other, pd.Series):
        return one.equals(other)
    return bool(np.array_equal(one, other))


def with_states(columns: Columns, states: States) -> Columns:
    """The columns of a design, whose transforms remember all rows."""
    return replace(
        columns,
        fixed_spec=remembering(columns.fixed_spec, states),
        random_specs=tuple(
            part if isinstance(part, tuple) else remembering(part, states)
            for part in columns.random_specs
        ),
    )


def remembering(spec: ModelSpec, states: States) -> ModelSpec:
    """What formulaic remembers of a formula, of which some calls remember something else."""
    return spec.update(
        transform_state={
            text: dict(states[text]) if state else {}
            for text, state in spec.transform_state.items()
        }
    )
