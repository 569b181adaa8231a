"""A response that is not Gaussian in equations: its distribution given u, and the link.

    y_ij | u_j ~ Bernoulli(p_ij),     logit(p_ij) = η_ij

η_ij stands in the equations in place of the response, and there is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hierbayes.design.problem import Problem
from hierbayes.families.family import Family
from hierbayes.frames.arrays import Floats
from hierbayes.language.family_words import family_words
from hierbayes.language.writer import Line, Term, Writer
from hierbayes.specification.response import FAILURES
from hierbayes.specification.terms import bare_term

PREDICTOR = "η"


class Rows(Protocol):
    """What of a script a response needs."""

    @property
    def writer(self) -> Writer:
        """How formulas are written."""

    @property
    def at_row(self) -> tuple[str, ...]:
        """Subscripts of a row."""

    @property
    def response(self) -> str:
        """The response of a row."""

    @property
    def given(self) -> str:
        """The random effects of a row's groups."""

    @property
    def dispersion(self) -> Floats | None:
        """Numbers in place of the dispersion."""

    def sigma2(self) -> str:
        """σ², or the square of its value."""


@dataclass(frozen=True, slots=True)
class ResponseModel:
    """How a response depends on its linear predictor.

    Parameters
    ----------
    family : Family
    trials : tuple of str
        Columns or expressions whose sum they are; none of a family without.
    offsets : tuple of str
        What is added to η.
    success : str
        The label of a success; empty where the response is a number.
    """

    family: Family
    trials: tuple[str, ...]
    offsets: tuple[str, ...]
    success: str

    def lines(self, script: Rows) -> list[Line]:
        """The distribution of a row's response given u, and the link."""
        writer, words = script.writer, family_words(self.family)
        mean = writer.symbol(words.mean or PREDICTOR, *script.at_row)
        arguments: list[str] = []
        for one in words.arguments:
            said = mean if one == "mean" else self._argument(one, script)
            arguments += [", ", said] if arguments else [said]
        distribution = (writer.name(words.distribution), writer.inline(writer.beside(*arguments)))
        remarks = [text for text in (words.remark, self._remark()) if text]
        shown = [part for text in remarks for part in (writer.gap, writer.phrase(f"({text})"))]
        left = writer.beside(script.response, writer.given, script.given)
        lines = [Line(left, "~", writer.beside(*distribution, *shown))]
        if "m" in words.arguments and len(self.trials) > 1:
            total = [writer.name(one, *script.at_row) for one in self.trials]
            lines.append(Line(writer.symbol("n", *script.at_row), "=", " + ".join(total)))
        if words.mean:
            link = writer.beside(writer.name(self.family.link), writer.inline(mean))
            lines.append(Line(link, "=", writer.symbol(PREDICTOR, *script.at_row)))
        return lines

    def offset_terms(self, script: Rows) -> list[Term]:
        """The offsets of a row."""
        return [Term(script.writer.name(one, *script.at_row)) for one in self.offsets]

    @property
    def about(self) -> str:
        """Family and link."""
        return f"{self.family.name} family, {self.family.link} link"

    def _argument(self, name: str, script: Rows) -> str:
        writer, numbers = script.writer, script.dispersion
        if name == "m":
            alone = len(self.trials) == 1
            at = script.at_row
            return writer.name(self.trials[0], *at) if alone else writer.symbol("n", *at)
        if name == "df":
            return f"{self.family.constant:g}"
        if name == "σ²":
            return script.sigma2()
        symbol = writer.symbol(name)
        if numbers is None:
            return symbol
        named = self.family.dispersion
        value = writer.number(float(numbers[named.index(name) if name in named else 0]))
        return f"{symbol} = {writer.minus if value.negative else ''}{value.text}"

    def _remark(self) -> str:
        return f"1 is '{self.success}'".replace("$", " ") if self.success else ""


def response_model(problem: Problem) -> ResponseModel | None:
    """The response of a family that is not Gaussian; None of a Gaussian one."""
    rows, spec = problem.design.rows.family, problem.design.specification
    if rows is None:
        return None
    trials: tuple[str, ...] = ()
    if spec.trials is not None:
        counted, other = bare_term(spec.trials.counted), bare_term(spec.trials.other)
        whole = other if spec.trials.kind != FAILURES else _whole(other, counted)
        trials = (whole,) if whole else (counted, other)
    success = rows.outcomes[1] if rows.outcomes else ""
    return ResponseModel(rows.family, trials, tuple(map(bare_term, spec.offsets)), success)


def _whole(failures: str, successes: str) -> str:
    """The trials n where failures are written n − k; empty otherwise."""
    inner = failures.removeprefix("I(").removesuffix(")")
    whole, _, rest = inner.rpartition(" - ")
    return whole if rest == successes and whole.isidentifier() else ""
