"""Families of responses as calls in R state them, and responses with trials, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hierbayes.errors import FamilyError, FormulaError
from hierbayes.families.binomial import Bernoulli
from hierbayes.families.family import ResponseFamily
from hierbayes.families.hurdle import Hurdle
from hierbayes.families.words import by_word
from hierbayes.families.zero_inflated import ZeroInflated
from hierbayes.families.zero_part import ZeroPart
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import pointed
from hierbayes.translation.r.factor import to_python
from hierbayes.translation.r.reading import formula_text
from hierbayes.translation.r.syntax import Node

# A word of R, the family that it is here, and the link that it has by itself.
type Words = Mapping[str, tuple[str, str]]

GLM: Words = {
    "binomial": ("Binomial", "logit"),
    "poisson": ("Poisson", "log"),
    "Gamma": ("Gamma", "inverse"),
}
_GAUSSIAN = ("gaussian", "NULL")
_ZEROS: Mapping[str, type[ZeroPart]] = {"zero_inflated_": ZeroInflated, "hurdle_": Hurdle}


def read_family(node: Node | None, words: Words, text: str, system: str) -> ResponseFamily | None:
    """The family that an argument of a call states; None of a Gaussian one.

    Parameters
    ----------
    node : Node or None
        ``binomial``, ``binomial(link = "probit")``, ``"binomial"``; None where it is left out.
    words : mapping of str to (str, str)
    text, system : str

    Raises
    ------
    FormulaError
        For a family or a link that models here do not have; it names those read.
    """
    if node is None:
        return None
    word, given = _word_of(node)
    if word in ("brmsfamily", "family") and given:
        word, given = given[0][1].text.strip("\"'"), given[1:]
    link = next((value for name, value in given if name == "link"), None)
    link = link or next((value for name, value in given[:1] if not name), None)
    said = link.text.strip("\"'") if link is not None else ""
    if word in _GAUSSIAN:
        if said not in ("", "identity"):
            assert link is not None
            raise pointed(
                text, link.place, f"the link {said} of a Gaussian response is not the identity, "
                "and models here have no other"
            )  # fmt: skip
        return None
    name, own = words.get(word, ("", ""))
    if not name:
        raise pointed(
            text,
            node.place,
            f"the family {word} of {system} is not read; read are: gaussian, {', '.join(words)}",
        )
    _refuse_more(given, text)
    made = with_link(by_word(name), said or own, word, text, (link or node).place)
    parts = [part for head, part in _ZEROS.items() if word.startswith(head)]
    return parts[0](made) if parts else made


def with_link(
    family: ResponseFamily, link: str, word: str, text: str, place: int
) -> ResponseFamily:
    """A family with a link, refused where it has another only."""
    if link not in family.links:
        raise pointed(
            text,
            place,
            f"the link {link} of {word} is not read: {family.name} has the links "
            f'{", ".join(family.links)} here, as in {word}(link = "{family.links[0]}")',
        )
    return replace(family, link=link) if len(family.links) > 1 else family


def _word_of(node: Node) -> tuple[str, Sequence[tuple[str, Node]]]:
    """The word of a family, without its package, and the arguments behind it."""
    if node.kind == "call":
        return node.function, node.arguments
    bare = node.parts[1] if node.kind == "infix" and node.text in ("::", ":::") else node
    return bare.text.strip("\"'"), ()


def _refuse_more(given: Sequence[tuple[str, Node]], text: str) -> None:
    """Refuse arguments of a family that change it, such as a threshold of brms's cumulative."""
    for name, value in given:
        usual = not name or name.startswith("link") or value.text.strip("\"'") == "flexible"
        if not usual:
            raise pointed(
                text, value.place, f"the argument '{name}' of a family is not read; leave it out"
            )


def single_or_trials(
    family: ResponseFamily | None, specification: Specification
) -> ResponseFamily | None:
    """R's binomial is Bernoulli's where the response is one column."""
    if family is not None and family.name == "Binomial" and specification.trials is None:
        return Bernoulli(link=family.link)
    return family


def read_mixed(
    arguments: Mapping[str, Node],
    columns: Sequence[str],
    text: str,
    family: ResponseFamily | None = None,
    residual: ResidualStructure | None = None,
    *,
    may_be_fixed: bool = False,
) -> Specification:
    """The model of a formula as lme4 writes it, of weights that are trials, and of an offset.

    Parameters
    ----------
    arguments : mapping of str to Node
        ``formula``, and ``weights`` and ``offset`` where they are given.
    columns : sequence of str
    text : str
    family : ResponseFamily, optional
    residual : ResidualStructure, optional
        With one a random part may be missing.
    may_be_fixed : bool
        Whether it may be in any case.

    Raises
    ------
    FormulaError
        For weights that are no numbers of trials.
    """
    node = arguments["formula"]
    if node.kind == "string":
        text = node.text[1:-1]
        return read_combined(text, residual=residual, may_be_fixed=may_be_fixed)
    if node.kind != "infix" or node.text != "~":
        raise pointed(text, node.place, "here a formula is wanted, as in y ~ x + (1 | group)")
    written = formula_text(node, columns, text)
    weights = arguments.get("weights")
    if weights is not None and weights.text != "NULL":
        right = written.partition("~")[2]
        written = f"{_counted(node.parts[0], weights, columns, text, family)} ~ {right}"
    offset = arguments.get("offset")
    if offset is not None and offset.text != "NULL":
        written += f" + offset({_python(offset, columns, text)})"
    return read_combined(written, residual=residual, may_be_fixed=may_be_fixed)


def _counted(
    left: Node, weights: Node, columns: Sequence[str], text: str, family: ResponseFamily | None
) -> str:
    """The counts of a share whose weights are the trials: ``k / n`` with ``weights = n``."""
    if family is None or family.name not in ("Binomial", "BetaBinomial") or left.function:
        raise pointed(
            text,
            weights.place,
            "the argument 'weights' is read as the trials of a share, as in glmer(k / n ~ ..., "
            "weights = n, family = binomial); other weights models here do not have",
        )
    trials, share = _python(weights, columns, text), _python(left, columns, text)
    if left.kind == "infix" and left.text == "/":
        if _python(left.parts[1], columns, text) != trials:
            raise pointed(
                text,
                weights.place,
                f"the response '{share}' is no share of the weights '{trials}'; write the trials "
                "in both places, as in k / n with weights = n",
            )
        return f"{_python(left.parts[0], columns, text)} | trials({trials})"
    _refuse_parts_of_counts(share, trials, columns, text, left.place)
    return f"I(np.rint(({share}) * ({trials}))) | trials({trials})"


def _refuse_parts_of_counts(
    share: str, trials: str, columns: Sequence[str], text: str, place: int
) -> None:
    """Refuse shares that are no whole numbers of successes, where the data are known."""
    data = columns.data if isinstance(columns, Columns) else None
    if data is None or not {share, trials} <= set(data.columns):
        return
    counts = data[share].to_numpy(float) * data[trials].to_numpy(float)
    bad = np.abs(counts - np.rint(counts)) > 1e-4 * np.maximum(1.0, counts)
    if bad.any():
        at = int(np.argmax(bad))
        raise pointed(
            text,
            place,
            f"the share '{share}' of '{trials}' trials is no whole number of successes: row "
            f"{data.index[at]} has {counts[at]:.6g}",
        )


def _python(node: Node, columns: Sequence[str], text: str) -> str:
    try:
        return to_python(node, columns)
    except FormulaError as error:
        raise pointed(text, node.place, str(error)) from error


def inflated(
    family: ResponseFamily | None,
    node: Node | None,
    columns: Sequence[str],
    text: str,
    *,
    hurdle: bool = False,
) -> ResponseFamily | None:
    """The family with zeros apart where a formula of them is given, as glmmTMB's ziformula."""
    if node is None or node.text == "NULL":
        return family
    right = formula_text(node.parts[-1], columns, text) if node.parts else ""
    if right == "0":
        return family
    if node.kind != "prefix" or family is None:
        raise pointed(
            text, node.place, "further zeros are read as ziformula = ~ 1, of a family of counts"
        )
    try:
        return Hurdle(family, f"~ {right}") if hurdle else ZeroInflated(family, f"~ {right}")
    except FamilyError as error:
        raise pointed(text, node.place, str(error)) from error
