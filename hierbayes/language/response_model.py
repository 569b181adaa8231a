"""A response that is not Gaussian in equations: its distribution given u, and the link.

    y_ij | u_j ~ Bernoulli(p_ij),     logit(p_ij) = η_ij

η_ij stands in the equations in place of the response, and there is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from scipy.special import expit

from hierbayes.design.problem import Problem
from hierbayes.families.family import ResponseFamily
from hierbayes.families.zero_part import ZeroPart
from hierbayes.frames.arrays import Floats
from hierbayes.language.family_words import counted, family_words, is_above_zero, is_ordered
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
    def given(self) -> tuple[str, ...]:
        """The random effects of a row's groups; none of a model without."""

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
    family : ResponseFamily
    trials : tuple of str
        Columns or expressions whose sum they are; none of a family without.
    offsets : tuple of str
        What is added to η.
    categories : tuple of str
        The labels of what the response counts as 0, 1, …; none where it is a number.
    predictor : str
        Of nominal categories the one whose linear predictor is written; empty where each is.
    """

    family: ResponseFamily
    trials: tuple[str, ...]
    offsets: tuple[str, ...]
    categories: tuple[str, ...]
    predictor: str = ""

    def lines(self, script: Rows) -> list[Line]:
        """The distribution of a row's response given u, and the link."""
        if is_ordered(self.family):
            return self._between_thresholds(script)
        if self.family.predictors:
            return self._against_the_first(script)
        inside = counted(self.family)
        writer, words = script.writer, family_words(inside)
        mean = writer.symbol(words.mean or PREDICTOR, *script.at_row)
        arguments: list[str] = []
        for one in words.arguments:
            said = mean if one == "mean" else self._argument(one, script)
            arguments += [", ", said] if arguments else [said]
        distribution = (writer.name(words.distribution), writer.inline(writer.beside(*arguments)))
        above = "given that it is above 0" if is_above_zero(self.family) else ""
        remarks = [text for text in (above, words.remark, self._remark()) if text]
        shown = [part for text in remarks for part in (writer.gap, writer.phrase(f"({text})"))]
        left = writer.beside(script.response, *_given(script))
        zeros = self._further_zeros(script) if inside is not self.family else ()
        lines = [Line(left, "~", writer.beside(*zeros, *distribution, *shown))]
        if "m" in words.arguments and len(self.trials) > 1:
            total = [writer.name(one, *script.at_row) for one in self.trials]
            lines.append(Line(writer.symbol("n", *script.at_row), "=", " + ".join(total)))
        if words.mean:
            link = writer.beside(writer.name(inside.link), writer.inline(mean))
            lines.append(Line(link, "=", writer.symbol(PREDICTOR, *script.at_row)))
        lines += self._line_of_zeros(script)
        return lines

    def offset_terms(self, script: Rows) -> list[Term]:
        """The offsets of a row."""
        return [Term(script.writer.name(one, *script.at_row)) for one in self.offsets]

    @property
    def about(self) -> str:
        """Family and link."""
        return f"{self.family.name} family, {self.family.link} link"

    def _between_thresholds(self, script: Rows) -> list[Line]:
        """Probabilities of the categories up to each, P(y ≤ c), by thresholds τ_c.

        The first is 0, for η has an intercept.
        """
        writer, labels = script.writer, self.categories
        most = len(labels) - 1
        up_to = (script.response, writer.formula(" ≤ c"), *_given(script))
        probability = writer.beside(writer.formula("P"), writer.inline(writer.beside(*up_to)))
        left = writer.beside(writer.name(self.family.link), writer.inline(probability))
        eta = writer.symbol(PREDICTOR, *script.at_row)
        right = f"{writer.symbol('τ', 'c')} {writer.minus} {eta}"
        said = f"(c = 1 to {most} of {' < '.join(labels)}; the first is 0)"
        lines = [Line(left, "=", writer.beside(right, writer.gap, writer.words(said)))]
        if script.dispersion is not None:
            values = [
                writer.number(float(value)) for value in script.dispersion - script.dispersion[0]
            ]
            signed = [f"{writer.minus if one.negative else ''}{one.text}" for one in values]
            thresholds = writer.column([writer.symbol("τ", k + 1) for k in range(most)])
            lines.append(Line(thresholds, "=", writer.column(signed)))
        return lines

    def _against_the_first(self, script: Rows) -> list[Line]:
        """Log odds of a category against the first: each has a linear predictor of its own."""
        writer, (first, *others) = script.writer, self.categories

        def probability(category: str) -> str:
            event = (script.response, writer.formula(" = "), category, *_given(script))
            return writer.beside(writer.formula("P"), writer.inline(writer.beside(*event)))

        own = writer.name(self.predictor) if self.predictor else writer.symbol("c")
        odds = writer.beside(probability(own), writer.formula("/"), probability(writer.name(first)))
        left = writer.beside(writer.name("log"), writer.inline(odds))
        right = writer.symbol(PREDICTOR, *script.at_row)
        if not self.predictor:
            said = f"(c = {', '.join(others)}, each with its own η, γ, random effects and G)"
            right = writer.beside(right, writer.gap, writer.words(said))
        return [Line(left, "=", right)]

    def _further_zeros(self, script: Rows) -> tuple[str, ...]:
        """That a count is 0 with probability π, whatever its mean."""
        writer, numbers = script.writer, script.dispersion
        if self.family.further_terms:
            share = writer.symbol("π", *script.at_row)
            return writer.words("0 with probability "), share, writer.words(", otherwise ")
        share = writer.symbol("π")
        if numbers is not None:
            share = f"{share} = {writer.number(float(expit(numbers[-1]))).text}"
        return writer.words("0 with probability "), share, writer.words(", otherwise ")

    def _line_of_zeros(self, script: Rows) -> list[Line]:
        """What the logit of that probability is made of; none where it is one number."""
        if not isinstance(self.family, ZeroPart) or not self.family.columns:
            return []
        writer, numbers, columns = script.writer, script.dispersion, self.family.columns
        parts: list[str] = []
        for k, column in enumerate(columns):
            factor, sign = writer.symbol("ζ", k), " + "
            if numbers is not None:
                value = writer.number(float(numbers[len(numbers) - len(columns) + k]))
                factor, sign = value.text, f" {writer.minus} " if value.negative else " + "
            own = () if column == "Intercept" else (writer.name(column, *script.at_row),)
            sign = sign if parts else sign.strip() * (sign != " + ")
            parts.append(sign + writer.times(factor, *own))
        share = writer.inline(writer.symbol("π", *script.at_row))
        return [Line(writer.beside(writer.name("logit"), share), "=", "".join(parts))]

    def _argument(self, name: str, script: Rows) -> str:
        writer, numbers = script.writer, script.dispersion
        if name == "m":
            alone = len(self.trials) == 1
            at = script.at_row
            return writer.name(self.trials[0], *at) if alone else writer.symbol("n", *at)
        if name == "df" and name not in self.family.dispersion:
            return f"{self.family.constant:g}"
        if name == "σ²":
            place = self.family.dispersion.index("sigma")
            return script.sigma2() if numbers is None else writer.squared(float(numbers[place]))
        symbol = writer.symbol("ν" if name == "df" else name)
        if numbers is None:
            return symbol
        named = self.family.dispersion
        value = writer.number(float(numbers[named.index(name) if name in named else 0]))
        return f"{symbol} = {writer.minus if value.negative else ''}{value.text}"

    def _remark(self) -> str:
        return f"1 is '{self.categories[1]}'".replace("$", " ") if self.categories else ""


def response_model(problem: Problem, predictor: str = "") -> ResponseModel | None:
    """The response of a family that is not Gaussian; None of a Gaussian one.

    Parameters
    ----------
    problem : Problem
    predictor : str
        Whose equations are written, where it has several.
    """
    rows, spec = problem.design.rows.family, problem.design.specification
    if rows is None:
        return None
    trials: tuple[str, ...] = ()
    if spec.trials is not None:
        counted, other = bare_term(spec.trials.counted), bare_term(spec.trials.other)
        whole = other if spec.trials.kind != FAILURES else _whole(other, counted)
        trials = (whole,) if whole else (counted, other)
    offsets = tuple(map(bare_term, spec.offsets))
    return ResponseModel(rows.family, trials, offsets, rows.outcomes, predictor)


def _whole(failures: str, successes: str) -> str:
    """The trials n where failures are written n − k; empty otherwise."""
    inner = failures.removeprefix("I(").removesuffix(")")
    whole, _, rest = inner.rpartition(" - ")
    return whole if rest == successes and whole.isidentifier() else ""


def _given(script: Rows) -> tuple[str, ...]:
    """``| u``, if there is any u."""
    return (script.writer.given, *script.given) if script.given else ()
