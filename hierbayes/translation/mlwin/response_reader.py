"""MLwiN: what the commands of a macro say of the response, read."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from hierbayes.errors import FormulaError
from hierbayes.families.binomial import Bernoulli, Binomial
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.families.family import ResponseFamily
from hierbayes.families.negative_binomial import NegativeBinomial
from hierbayes.families.poisson import Poisson
from hierbayes.specification.response import TRIALS, ResponseTerm
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.mlwin.commands import MadeColumns
from hierbayes.translation.programs.code_words import NUMBER, Cursor, Word
from hierbayes.translation.programs.factor_trees import factor_text, without_identity

_LINKS = {"0": "logit", "1": "probit", "2": "cloglog", "3": "log"}
_KINDS = {"0": "shares", "1": "counts", "2": "overdispersed counts", "4": "unordered categories",
          "5": "ordered categories"}  # fmt: skip
_OWN_LINKS = {"0": ("logit", "probit", "cloglog"), "1": ("log",), "2": ("log",), "4": ("logit",),
              "5": ("logit", "probit", "cloglog")}  # fmt: skip


@dataclass(slots=True)
class ReadResponse:
    """RESP, MNOM, RDIS, LFUN and DOFF.

    Parameters
    ----------
    name : Word or None
        The column that RESP names, or that MNOM stacks.
    stacked : str
        The name of the column that MNOM makes of responses; empty of others.
    reference : str
        The number of the category that others are compared with.
    kind, link : str
        The numbers of RDIS and LFUN; that of a Gaussian response is empty.
    beside : Word or None
        The column that DOFF names.
    """

    name: Word | None = None
    stacked: str = ""
    reference: str = ""
    kind: str = ""
    link: str = ""
    beside: Word | None = None

    @property
    def is_stacked(self) -> bool:
        """Whether responses of a row are level 1, and rows level 2."""
        return bool(self.stacked)

    def read(self, command: Cursor, first: Word) -> bool:
        """One of these commands; whether it is one."""
        said = first.text.lower().removesuffix("t" if len(first.text) == 5 else "")
        said = {"dist": "rdis", "doffs": "doff"}.get(said, said)
        if said == "resp":
            self._read_name(command)
        elif said == "mnom":
            self._read_stack(command)
        elif said == "rdis":
            command.take("the number of the response")
            self.kind = _number(command, _KINDS, "distribution")
        elif said == "lfun":
            self.link = _number(command, _LINKS, "link")
        elif said == "doff":
            command.take("the number of the response")
            self.beside = command.take("a column")
        return said in ("resp", "mnom", "rdis", "lfun", "doff")

    def _read_name(self, command: Cursor) -> None:
        word = command.take("the response")
        if word.text == self.stacked:
            return
        if self.name is not None or command.peek():
            raise command.refuse("models here have one response", word)
        self.name = word

    def _read_stack(self, command: Cursor) -> None:
        ordered = command.take("0 or 1")
        self.name = command.take("the response")
        self.stacked = command.take("a column").text
        command.take("a column")
        self.reference = command.take("the category that others are compared with").text
        self.kind = self.kind or {"0": "4", "1": "5"}.get(ordered.text, "")

    def family(self, command: Cursor) -> ResponseFamily | None:
        """The family; None of a Gaussian response.

        Raises
        ------
        FormulaError
            When distribution and link do not make one that models here have.
        """
        if not self.kind:
            return None
        if self.is_stacked != (self.kind in "45"):
            raise command.refuse("RDIS 1 4 and 5 are of categories that MNOM stacks")
        link = _LINKS[self.link] if self.link else _OWN_LINKS[self.kind][0]
        if link not in _OWN_LINKS[self.kind]:
            raise command.refuse(f"{_KINDS[self.kind]} have no link {link} here", self.name)
        if self.kind == "0":
            return Binomial(link=link)
        if self.kind == "5":
            return Cumulative(link=link)
        return {"1": Poisson, "2": NegativeBinomial, "4": Categorical}[self.kind]()

    def refuse_fewer_categories(self, found: int, columns: MadeColumns, command: Cursor) -> None:
        """Refuse random effects of some nominal categories alone."""
        levels = columns.known.levels(self.name.text) if self.kind == "4" and self.name else ()
        if found and levels and found != len(levels) - 1:
            raise command.refuse(
                f"random effects are of {found} categories, and models here have them of all "
                f"{len(levels) - 1} but the first",
                self.name,
            )


def _number(command: Cursor, known: dict[str, str], what: str) -> str:
    word = command.take(f"the number of the {what}")
    if word.kind != NUMBER or word.text not in known:
        listed = ", ".join(f"{number} {name}" for number, name in known.items())
        raise command.refuse(f"the {what} is one of {listed}", word)
    return word.text


@dataclass(frozen=True, slots=True)
class StatedResponse:
    """A response as formulas have it.

    Parameters
    ----------
    factor : str
    family : ResponseFamily or None
    trials : ResponseTerm or None
    offsets : tuple of str
    """

    factor: str
    family: ResponseFamily | None
    trials: ResponseTerm | None = None
    offsets: tuple[str, ...] = ()


def stated_response(read: ReadResponse, columns: MadeColumns, command: Cursor) -> StatedResponse:
    """The response that the commands state together.

    Raises
    ------
    FormulaError
        When there is none, or models here would take another category for the success or the
        reference.
    """
    if read.name is None:
        raise FormulaError("cannot read the MLwiN code: it has no RESP, which names the response")
    family, marked = read.family(command), columns.variable(read.name, command)
    levels = columns.known.levels(marked.factor)
    if marked.level and marked.level != (levels or (marked.level,))[-1]:
        raise command.refuse(
            f"it takes '{marked.level}' of '{marked.factor}' for the success, and models here "
            f"'{levels[-1]}'; order the levels in the data",
            read.name,
        )
    if read.is_stacked:
        _refuse_reference(read, levels, columns, marked.factor, command)
        return StatedResponse(marked.factor, family)
    beside = read.beside
    if beside is None or family is None:
        return StatedResponse(marked.factor, family)
    if not isinstance(family, Binomial):
        return StatedResponse(marked.factor, family, None, (columns.known.factor(beside, command),))
    if columns.is_constant(beside):
        return StatedResponse(marked.factor, Bernoulli(link=family.link))
    trials = columns.known.factor(beside, command)
    counted = _counted(marked.factor, trials)
    return StatedResponse(counted, family, ResponseTerm(counted, trials, TRIALS))


def _counted(share: str, trials: str) -> str:
    """The counts of a share of trials: k of ``k / n``, else whole numbers next to share × n."""
    tree, of = without_identity(factor_tree(share)), without_identity(factor_tree(trials))
    match tree:
        case ast.BinOp(left=counts, op=ast.Div(), right=size) if ast.dump(size) == ast.dump(of):
            return factor_text(counts)
    return f"I(np.rint({ast.unparse(tree)} * {ast.unparse(of)}))"


def _refuse_reference(
    read: ReadResponse, levels: tuple[str, ...], columns: MadeColumns, factor: str, command: Cursor
) -> None:
    """Refuse ordered categories that are not compared with the last, and others with the first."""
    if not levels:
        return
    labelled = factor.strip("`") in columns.levels
    codes = [str(number) for number in range(1, len(levels) + 1)] if labelled else list(levels)
    wanted, which = (codes[-1], "last") if read.kind == "5" else (codes[0], "first")
    if read.reference != wanted:
        raise command.refuse(
            f"MNOM compares the categories of '{factor}' with {read.reference}, and models here "
            f"with the {which}, {wanted}; order them in the data",
            read.name,
        )
