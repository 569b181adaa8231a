"""Families written as text, as model files and the command line have them.

A family is a word, ``student_t``, or a call with constants and families as arguments:
``StudentT(df=5)``, ``ZeroInflated(Poisson(), "~ x")``.  That is also what a family prints, so that
``str`` writes it back.  Python's parser reads the text; nothing of it is run.
"""

from __future__ import annotations

import ast
from dataclasses import fields
from typing import Any

from hierbayes.errors import FamilyError, FormulaError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.words import WORDS, by_word
from hierbayes.specification.expression_reader import syntax_tree

_PLACES = ("families", "hb.families", "hierbayes.families")  # what may stand before a name


def read_text(text: str) -> ResponseFamily | None:
    """The family that a text states; None of a Gaussian one.

    Raises
    ------
    FamilyError
        When it is no family, or has an argument that the family does not take.

    Examples
    --------
    >>> read_text("StudentT(df=5)")
    StudentT(link='identity', df=5.0)
    >>> read_text('hurdle(negative_binomial, "~ x")')
    Hurdle(inside=NegativeBinomial(link='log'), zeros='~ 1 + x')
    """
    if text.strip().lower() in ("gaussian", "normal"):
        return None
    if "(" not in text:
        return by_word(text)
    try:
        return _family(syntax_tree(text), text)
    except FormulaError as error:
        raise _refusal(text, str(error)) from error


def read_family(family: object) -> ResponseFamily | None:
    """A family, or None for a Gaussian response with the identity link.

    Raises
    ------
    FamilyError
        When there is none of that name; those there are are listed.
    """
    if family is None:
        return None
    if isinstance(family, str):
        return read_text(family)
    if isinstance(family, ResponseFamily):
        return family
    name = family.__name__ if isinstance(family, type) else type(family).__name__
    if name in {one.name for one in WORDS.values()}:
        raise FamilyError(
            f"family must be a value such as hb.families.{name}(), and this is "
            + (f"the class {name} itself" if isinstance(family, type) else f"the prior {family}")
        )
    raise FamilyError(
        "family must be a word such as 'binomial' or a value such as hb.families.Binomial(), not "
        f"{type(family).__name__}"
    )


def _family(node: ast.expr, text: str) -> ResponseFamily:
    """The family of a word or of a call."""
    if not isinstance(node, ast.Call):
        return by_word(_name(node, text))
    family = by_word(_name(node.func, text))
    names = [one.name for one in fields(family) if one.repr]
    given = dict(zip(names, node.args, strict=False))
    if len(node.args) > len(names):
        raise _refusal(text, f"{_takes(family, names)}, not {len(node.args)} arguments")
    for keyword in node.keywords:
        if keyword.arg not in names or keyword.arg in given:
            twice = " twice" if keyword.arg in given else ""
            said = ast.unparse(keyword)
            raise _refusal(text, f"{_takes(family, names)}, not '{said}'{twice}")
        given[keyword.arg] = keyword.value
    return type(family)(**{name: _argument(name, one, text) for name, one in given.items()})


def _argument(name: str, node: ast.expr, text: str) -> Any:
    """A number, a text or None; inside another family a family."""
    if name == "inside":
        return _family(node, text)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        said = f"'{ast.unparse(node)}' is no number and no text in quotes"
        raise _refusal(text, said) from None


def _name(node: ast.expr, text: str) -> str:
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(place, name) if ast.unparse(place) in _PLACES:
            return name
    raise _refusal(text, f"'{ast.unparse(node)}' is no name of a family")


def _takes(family: ResponseFamily, names: list[str]) -> str:
    return f"{family.name} takes {', '.join(names)}"


def _refusal(text: str, why: str) -> FamilyError:
    return FamilyError(
        f"cannot read the family '{text}': {why}; write a word, 'poisson', or its arguments, as in "
        "'StudentT(df=5)' or 'ZeroInflated(Poisson(), \"~ x\")'"
    )
