"""Which columns a program must make, in what order, and how it calls them."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.design.variables import Variables
from hierbayes.errors import FormulaError
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.programs.derived_columns import (
    Computed,
    DerivedColumn,
    Deviation,
    GroupMean,
    Indicator,
)
from hierbayes.translation.programs.factor_trees import (
    CONTEXTUAL,
    called,
    tree_text,
    without_identity,
)


@dataclass(frozen=True, slots=True)
class NameRules:
    """What a system takes for the name of a column.

    Parameters
    ----------
    system : str
    limit : int
        Longest name, in characters.
    reserved : frozenset of str
        Names that mean something else, in lower case when case is ignored.
    ignores_case : bool
    """

    system: str
    limit: int = 32
    reserved: frozenset[str] = frozenset()
    ignores_case: bool = False

    def key(self, name: str) -> str:
        """What two names that are one have in common."""
        return name.lower() if self.ignores_case else name

    def refuse_odd(self, name: str) -> None:
        """Refuse a column of the data that the system cannot name."""
        problem = None
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            problem = "its names are letters, digits and underscores, with no digit first"
        elif len(name) > self.limit:
            problem = f"its names have at most {self.limit} characters"
        elif self.key(name) in self.reserved:
            problem = "that word is its own"
        if problem:
            raise FormulaError(
                f"{self.system} cannot name the column '{name}': {problem}; rename the column"
            )


class ColumnPlan:
    """The columns a program makes, in an order in which they can be made.

    Parameters
    ----------
    variables : Variables
    rules : NameRules
    in_use : tuple of str
        Columns of the data beside those of ``variables``.
    """

    def __init__(self, variables: Variables, rules: NameRules, in_use: tuple[str, ...]) -> None:
        self.variables = variables
        self.rules = rules
        self.steps: list[DerivedColumn] = []
        self._taken: dict[str, str] = {}
        for name in dict.fromkeys((*variables.columns, *in_use)):
            rules.refuse_odd(name)
            other = self._taken.setdefault(rules.key(name), name)
            if other != name:
                raise FormulaError(
                    f"{rules.system} ignores case and cannot tell the columns '{other}' and "
                    f"'{name}' apart; rename one"
                )

    def is_factor(self, factor: str) -> bool:
        """Whether a factor of a term is a column that holds labels."""
        column = self.variables.columns.get(factor.strip("`"))
        return column is not None and column.is_factor

    def levels(self, factor: str) -> tuple[str, ...]:
        """Levels of a factor, the reference first."""
        return self.variables.columns[factor.strip("`")].levels

    def column(self, factor: str) -> str:
        """Name of the column that a factor of a term is; planned when it must be made first."""
        tree = factor_tree(factor)
        if isinstance(tree, ast.Name):
            self.rules.refuse_odd(tree.id)
            return tree.id
        for step in self.steps:
            if step.factor == factor:
                return step.name
        if called(tree) in CONTEXTUAL:
            return self._contextual(tree, factor)
        return self._computed(tree, factor)

    def indicator(self, factor: str, level: str, *, full: bool) -> str:
        """Name of the column that is 1 at a level of a factor."""
        of = factor.strip("`")
        for step in self.steps:
            if isinstance(step, Indicator) and (step.of, step.level) == (of, level):
                return step.name
        name = self.fresh(f"{of}_{level}")
        stands_for = f"{of}[{level}]" if full else f"{of}[T.{level}]"
        self.steps.append(Indicator(name, stands_for, of, level))
        return name

    def with_means(self) -> list[DerivedColumn]:
        """The steps, where every deviation follows the mean it is taken from."""
        steps: list[DerivedColumn] = []
        for step in self.steps:
            if isinstance(step, Deviation):
                of_it = [s for s in steps if _is_mean(s, step)]
                later = [s for s in self.steps if _is_mean(s, step)]
                if not of_it:
                    steps += later[:1] or [self._bare_mean(step)]
            if step not in steps:
                steps.append(step)
        return steps

    def _bare_mean(self, step: Deviation) -> GroupMean:
        """A mean that only a deviation needs."""
        factor = step.factor.replace("dvar", "cvar", 1)
        return GroupMean(self.fresh(f"mean_{step.of}"), factor, step.of, step.group)

    def product(self, columns: Sequence[str], term: str) -> str:
        """Name of the column that is the product of others and stands for a column of a term."""
        for step in self.steps:
            if step.factor == term:
                return step.name
        tree: ast.expr = ast.Name(columns[0])
        for column in columns[1:]:
            tree = ast.BinOp(tree, ast.Mult(), ast.Name(column))
        name = self.fresh("_".join(columns))
        self.steps.append(Computed(name, term, tree))
        return name

    def _contextual(self, tree: ast.expr, factor: str) -> str:
        kind = called(tree)
        if not (isinstance(tree, ast.Call) and len(tree.args) == 2 and not tree.keywords):
            raise FormulaError(f"cannot write '{factor}': {kind} takes a column and a group")
        group = tree.args[1]
        if not isinstance(group, ast.Name):
            raise FormulaError(
                f"{self.rules.system} cannot say '{factor}': the group must be a column"
            )
        of = self.column(tree_text(tree.args[0]))
        if self.is_factor(of):
            levels = self.levels(of)
            of = self.indicator(of, levels[1], full=False)
        make = GroupMean if kind == "cvar" else Deviation
        name = self.fresh(f"{kind}_{of}")
        self.steps.append(make(name, factor, of, group.id))
        return name

    def _computed(self, tree: ast.expr, factor: str) -> str:
        plan = self

        class Replace(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> ast.AST:
                if called(node) in CONTEXTUAL:
                    return ast.Name(plan.column(tree_text(node)))
                return self.generic_visit(node)

        bare = Replace().visit(without_identity(copy.deepcopy(tree)))
        for node in ast.walk(bare):
            if isinstance(node, ast.Name) and self.is_factor(node.id):
                raise FormulaError(
                    f"{self.rules.system} cannot say '{factor}': '{node.id}' holds labels; make "
                    "a column of the data from it first"
                )
        name = self.fresh(re.sub(r"\bnp\.", "", tree_text(bare)))
        self.steps.append(Computed(name, factor, bare))
        return name

    def fresh(self, wanted: str) -> str:
        """A name that the system takes and that is still free."""
        base = re.sub(r"[^A-Za-z0-9_]+", "_", wanted).strip("_") or "column"
        base = f"x_{base}" if base[0].isdigit() else base
        name, number = base[: self.rules.limit], 1
        while self.rules.key(name) in self._taken or self.rules.key(name) in self.rules.reserved:
            number += 1
            name = f"{base[: self.rules.limit - len(str(number)) - 1]}_{number}"
        self._taken[self.rules.key(name)] = name
        return name


def _is_mean(step: DerivedColumn, of: Deviation) -> bool:
    return isinstance(step, GroupMean) and (step.of, step.group) == (of.of, of.group)
